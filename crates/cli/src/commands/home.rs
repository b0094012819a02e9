//! `gtd` alone: where one is, and the next two commands.

use gtd_core::StatusDoc;
use serde_json::{Value, json};

use super::{init, status};
use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    output::Ink,
    place::Repository,
    town,
};

pub(crate) async fn run(ctx: &Context) -> Result<Exit, CliError> {
    let rig = ctx.rig()?;
    let repository = Repository::around(&ctx.folder);
    let client = match town::reach(ctx).await {
        Ok(client) => Some(client),
        Err(error) if matches!(error.kind, Kind::NotRunning { .. }) => None,
        Err(error) => return Err(error),
    };
    if rig.is_some() && client.is_some() && !ctx.screen.is_json() {
        return status::run(ctx, status::Args::default()).await;
    }
    let hello = match &client {
        Some(client) => Some(client.hello().await?),
        None => None,
    };
    let town = &ctx.places.town;
    let mut lines = Vec::new();
    let next: Vec<(&str, &str)> = match (&rig, &repository, &hello) {
        (Some(rig), _, None) => {
            lines.push(format!(
                "rig {rig}; the daemon of town {town} is not running"
            ));
            vec![
                ("gtd up", "start it"),
                ("gtd goal \"…\"", "hand it a goal; that starts it too"),
            ]
        }
        (Some(rig), _, Some(_)) => {
            lines.push(format!("rig {rig} of town {town}"));
            vec![
                ("gtd status", "how it is"),
                ("gtd goal \"…\"", "hand it a goal"),
            ]
        }
        (None, Some(repository), _) => {
            let path = repository.main.display();
            let branch = repository
                .branch()
                .unwrap_or_else(|| "no branch".to_owned());
            let found = init::describe(&repository.main);
            lines.push(format!("Not a rig yet: {path} (git, {branch}, {found})"));
            vec![
                ("gtd init", "set it up (writes gtd.toml, nothing else)"),
                ("gtd help quickstart", "the first ten minutes"),
            ]
        }
        (None, None, _) => {
            let path = ctx.folder.display();
            lines.push(format!("Not in a git repository: {path}"));
            for (rig, folder) in &ctx.rig_folders()?.folders {
                lines.push(format!("  rig {rig}  {}", folder.display()));
            }
            if let Some(client) = &client {
                let status: StatusDoc = town::read(&client.status().await?)?;
                let open = status.agents.iter().filter(|a| a.bead.is_some()).count();
                lines.push(format!("town {town} is running; {open} agents at work"));
            } else {
                lines.push(format!("town {town} is not running"));
            }
            vec![
                ("gtd init PATH", "make a repository a rig"),
                ("gtd help quickstart", "the first ten minutes"),
            ]
        }
    };
    if ctx.screen.is_json() {
        let daemon = hello.map_or(
            Value::Null,
            |hello| json!({"version": hello.version, "pid": hello.pid, "town": hello.town}),
        );
        ctx.screen.document(&json!({
            "kind": "Situation",
            "api": gtd_core::API,
            "town": town,
            "rig": rig,
            "repository": repository.map(|found| found.main.to_string_lossy().into_owned()),
            "daemon": daemon,
            "next": next.iter().map(|(command, _)| *command).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Done);
    }
    for line in lines {
        ctx.screen.line(line);
    }
    ctx.screen.line("");
    for (command, text) in next {
        let command = format!("{command:<22}");
        ctx.screen.line(format!(
            "  {} {text}",
            ctx.screen.look.paint(Ink::Strong, &command)
        ));
    }
    Ok(Exit::Done)
}
