//! `gtd role validate`.

use gtd_wire::pb::town::v1::CheckRolesRequest;
use serde::Deserialize;

use crate::{
    context::Context,
    error::CliError,
    exit::Exit,
    output::{Ink, State},
    town,
};

/// Check the role files as they are now, before they are trusted
///
/// Those of the user and, in a rig, those of the repository over them. Each mistake is shown with
/// its file, its line and what would be right. Exit 78 when there is one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// What the daemon found.
#[derive(Debug, Deserialize)]
struct RoleCheck {
    ok: bool,
    roles: Vec<String>,
    mistakes: Vec<String>,
    warnings: Vec<String>,
}

pub(super) async fn run(ctx: &Context, _: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = ctx.rig()?.map(|rig| rig.to_string()).unwrap_or_default();
    let document = client.read(CheckRolesRequest { rig }).await?;
    let check: RoleCheck = town::read(&document)?;
    let exit = if check.ok { Exit::Done } else { Exit::Config };
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(exit);
    }
    let look = ctx.screen.look;
    if ctx.screen.is_quiet() {
        for role in &check.roles {
            ctx.screen.line(role);
        }
        return Ok(exit);
    }
    for mistake in &check.mistakes {
        let mark = look.paint(Ink::Bad, State::of("failed").mark(look));
        ctx.screen.line(format!("{mark} {mistake}"));
    }
    for warning in &check.warnings {
        ctx.screen.warn(warning);
    }
    if check.ok {
        let mark = State::of("ok").mark(look);
        let names: Vec<String> = check
            .roles
            .iter()
            .map(|role| format!("{mark} {role}"))
            .collect();
        ctx.screen.line(names.join("  "));
    } else {
        ctx.screen
            .next(&["mend the file, then: gtd role validate".to_owned()]);
    }
    Ok(exit)
}
