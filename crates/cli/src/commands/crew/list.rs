//! `gtd crew list`.

use gtd_core::CrewDoc;
use serde_json::{Value, json};

use super::{all, document};
use crate::{
    context::Context,
    error::CliError,
    exit::Exit,
    filter::ListArgs,
    output::{Cell, Ink, Table},
    town,
};

/// List the members with what they hold
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let members = args.list.apply(all(&client, ctx.rig()?.as_ref()).await?)?;
    if ctx.screen.is_json() {
        let items: Vec<Value> = members.iter().map(|member| document(ctx, member)).collect();
        ctx.screen
            .document(&json!({"kind": "CrewList", "api": gtd_core::API,
            "items": items, "next": ""}));
        return Ok(Exit::Done);
    }
    if ctx.screen.is_quiet() {
        for member in &members {
            ctx.screen.line(member.name.as_str());
        }
        return Ok(Exit::Done);
    }
    if members.is_empty() {
        ctx.screen.say(
            "nobody stands in the crew; workers are hired as they are needed.   gtd crew add NAME",
        );
        return Ok(Exit::Done);
    }
    let mut table = Table::new(
        &[
            "MEMBER",
            "RIG",
            "STATE",
            "AGENT",
            "BEAD",
            "BRANCH",
            "STAYS BECAUSE OF",
        ],
        &["BRANCH", "STAYS BECAUSE OF"],
    );
    for member in &members {
        let ink = match member.state.as_str() {
            "working" => Ink::Good,
            "coming" | "leaving" => Ink::Warn,
            _ => Ink::Plain,
        };
        let beads: Vec<&str> = member.beads.iter().map(gtd_core::BeadId::as_str).collect();
        let held = if beads.is_empty() {
            "–".to_owned()
        } else {
            beads.join(" ")
        };
        table.row([
            Cell::inked(member.name.to_string(), Ink::Strong),
            Cell::from(member.rig.to_string()),
            Cell::inked(member.state.clone(), ink),
            Cell::from(agent(member)),
            Cell::from(held),
            Cell::from(member.branch.clone()),
            Cell::from(member.kept.clone().unwrap_or_else(|| "–".to_owned())),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(Exit::Done)
}

/// Says what the agent of a member does.
fn agent(member: &CrewDoc) -> String {
    let Some(agent) = &member.agent else {
        return "–".to_owned();
    };
    let runtime = &agent.runtime;
    match (agent.state.as_str(), &agent.waits, &agent.fault) {
        ("in a turn", ..) => format!("{runtime}: turn {}", agent.turns),
        ("waiting", Some(why), _) => format!("{runtime} waits: {why}"),
        ("quiet", _, Some(fault)) => format!("{runtime}: its last turn did not end well: {fault}"),
        (state, ..) => format!("{runtime}: {state}"),
    }
}
