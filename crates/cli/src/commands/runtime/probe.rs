//! `gtd runtime probe`: is the program there, which version, is somebody logged in.

use gtd_core::config::{ConfiguredRuntime, DRIVEN_PRESETS};
use serde_json::{Value, json};

use super::{all, find, program};
use crate::{
    context::Context,
    error::CliError,
    exit::Exit,
    output::{Cell, Ink, Table},
};

/// Ask the programs for their versions, and look whether somebody is logged in
///
/// No model is asked, so it costs nothing, and a login is only seen where a
/// program keeps it: whether the provider takes it shows in the first run.
/// Exit 5 when a program is missing or nobody is logged in.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this runtime
    name: Option<String>,
}

/// What a probe found.
struct Probed {
    runtime: ConfiguredRuntime,
    found: Option<program::Found>,
}

impl Probed {
    /// Says what is wrong and what helps, if anything is.
    fn problem(&self) -> Option<(&'static str, String)> {
        let name = &self.runtime.name;
        if !self.runtime.usable {
            let presets = DRIVEN_PRESETS.join(" ");
            return Some((
                "cannot be driven",
                format!("gtd config set runtimes.{name}.preset …, one of: {presets}"),
            ));
        }
        let found = self.found.as_ref()?;
        if found.path.is_none() {
            let words = program::command(&self.runtime).unwrap_or_default();
            let program = words.first().map_or("its program", String::as_str);
            return Some((
                "not found",
                format!(
                    "install `{program}`, or say where it is: gtd config set runtimes.{name}.command PATH"
                ),
            ));
        }
        match (&found.login, found.how_to_log_in) {
            (None, Some(how)) => Some((
                "no login seen",
                format!("{how}, then  gtd runtime probe {name}"),
            )),
            _ => None,
        }
    }
}

pub(super) async fn run(ctx: &Context, args: &Args) -> Result<Exit, CliError> {
    let runtimes = match &args.name {
        Some(name) => vec![find(ctx, name)?],
        None => all(ctx)?,
    };
    let mut probed = Vec::new();
    for runtime in runtimes {
        let found = program::look(&runtime);
        probed.push(Probed { runtime, found });
    }
    let exit = match probed.iter().any(|probed| probed.problem().is_some()) {
        true => Exit::WorkFailed,
        false => Exit::Done,
    };
    if ctx.screen.is_json() {
        let items: Vec<Value> = probed.iter().map(document).collect();
        ctx.screen
            .document(&json!({"kind": "RuntimeProbeList", "api": gtd_core::API,
            "items": items, "next": ""}));
        return Ok(exit);
    }
    let mut table = Table::new(&["RUNTIME", "VERSION", "LOGIN", "NOTE"], &["NOTE"]);
    for one in &probed {
        if ctx.screen.is_quiet() {
            ctx.screen.line(one.runtime.name.as_str());
            continue;
        }
        let problem = one.problem();
        let version = match (&one.found, &one.runtime.preset) {
            (None, None) => "built in".to_owned(),
            (found, _) => found
                .as_ref()
                .and_then(|found| found.version.clone())
                .unwrap_or_else(|| "–".to_owned()),
        };
        let login = one.found.as_ref().and_then(|found| found.login.clone());
        let (login, note, ink) = match problem {
            Some((what, help)) => (what.to_owned(), help, Ink::Warn),
            None => (login.unwrap_or_default(), String::new(), Ink::Good),
        };
        table.row([
            Cell::inked(one.runtime.name.as_str(), Ink::Strong),
            Cell::from(version),
            Cell::inked(login, ink),
            Cell::from(note),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
    Ok(exit)
}

fn document(one: &Probed) -> Value {
    let problem = one.problem();
    json!({
        "kind": "RuntimeProbe",
        "name": one.runtime.name,
        "preset": one.runtime.preset,
        "path": one.found.as_ref().and_then(|found| found.path.as_ref()),
        "version": one.found.as_ref().and_then(|found| found.version.as_ref()),
        "login": one.found.as_ref().and_then(|found| found.login.as_ref()),
        "problem": problem.as_ref().map(|(what, _)| what),
        "help": problem.as_ref().map(|(_, help)| help),
    })
}
