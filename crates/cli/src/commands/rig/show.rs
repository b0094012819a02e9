//! `gtd rig show`.

use gtd_core::{RigName, StatusDoc};
use serde_json::{Value, json};

use crate::{
    commands::recent::{self, About},
    context::Context,
    error::CliError,
    exit::Exit,
    output::{Ink, span_ms},
    town,
};

/// Show a rig: its folder, its rules, its gates
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The rig; by default that of the present folder
    #[arg(id = "name", value_name = "RIG")]
    rig: Option<String>,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = match &args.rig {
        Some(name) => RigName::parse(name).map_err(|error| CliError::usage(error.to_string()))?,
        None => ctx.need_rig()?,
    };
    let status: StatusDoc = town::read(&client.status_of(Some(&rig)).await?)?;
    let rigs = client.rigs().await?;
    let known = rigs["items"].as_array().into_iter().flatten();
    let Some(found) = known
        .into_iter()
        .find(|known| known["name"] == rig.as_str())
    else {
        return Err(gtd_core::Rejection::NoRig { rig }.into());
    };
    let mut document = found.clone();
    let prefix = found["prefix"].as_str().unwrap_or_default().to_owned();
    let about = About::Rig(rig.clone(), prefix);
    if ctx.screen.is_json() {
        document["kind"] = json!("Rig");
        document["api"] = json!(gtd_core::API);
        document["counts"] = json!(status.counts);
        document["merge"] = json!(status.merge);
        let recent = recent::find(&client, &about, None).await?;
        recent.add_to(&mut document);
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(rig.as_str());
        return Ok(Exit::Done);
    }
    let look = ctx.screen.look;
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    ctx.screen.line(look.paint(Ink::Strong, rig.as_str()));
    let fact = |name: &str, text: String| {
        if !text.is_empty() {
            ctx.screen.line(format!("  {name:<11}{text}"));
        }
    };
    fact("path", text("path"));
    fact("branch", text("branch"));
    fact("prefix", text("prefix"));
    fact(
        "trusted",
        match found["trusted"].as_bool() {
            Some(true) => "as it is now".to_owned(),
            Some(false) => "no: it changed since.   gtd trust".to_owned(),
            None => "its files cannot be read".to_owned(),
        },
    );
    let number = |pointer: &str| found.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    fact(
        "workers",
        format!(
            "{} at most, {} attempts at a bead, {} each",
            number("/worker/max"),
            number("/worker/attempts"),
            span_ms(number("/worker/limit_ms"))
        ),
    );
    fact(
        "merge",
        format!("{} in a candidate at most", number("/merge/batch")),
    );
    for gate in found["gates"].as_array().into_iter().flatten() {
        let word = |key: &str| gate[key].as_str().unwrap_or_default();
        fact(
            "gate",
            format!("{}  {}  {}", word("name"), word("when"), word("run")),
        );
    }
    let counts: Vec<String> = status
        .counts
        .iter()
        .map(|(state, n)| format!("{n} {state}"))
        .collect();
    fact("beads", counts.join(" · "));
    for warning in found["warnings"].as_array().into_iter().flatten() {
        ctx.screen.warn(warning.as_str().unwrap_or_default());
    }
    let recent = recent::find(&client, &about, None).await?;
    recent.print(
        ctx,
        &[format!("gtd status -r {rig}"), "gtd gate list".to_owned()],
    );
    Ok(Exit::Done)
}
