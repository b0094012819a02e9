//! `gtd wait`: wait for a goal, a bead or the whole rig, and tell how it ended by the exit code.

use gtd_core::{ConvoyRow, RigName};
use serde_json::{Value, json};

use crate::{
    clock,
    context::Context,
    error::CliError,
    exit::Exit,
    follow::{Ended, Follow, WaitFor},
    lists, show,
    town::{self, DocumentKind, Found},
};

/// Wait for a goal, a bead or the whole rig
///
/// Exit 0: all landed or ended well. 4: nothing can move without a person.
/// 5: the goal failed or was cancelled. 6: a budget or --until was reached.
/// 8: --timeout passed. 69: the daemon went away and did not come back.
/// Ctrl-C only ends the wait, never the work.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Goals or beads; without one, every goal of the rig that has not ended
    ids: Vec<String>,
    /// What to wait for
    #[arg(long = "for", value_name = "WHAT", default_value = "landed")]
    wait_for: WaitFor,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let mut ids = Vec::new();
    for id in &args.ids {
        ids.push(town::find(&client, id).await?.id);
    }
    if ids.is_empty() {
        ids = open_goals(&client, ctx.rig()?.as_ref()).await?;
    }
    let n_asked = args.ids.len();
    let ended = Follow::new(ctx, client, ids, args.wait_for)
        .run_to_the_end()
        .await?;
    print(ctx, &ended, n_asked == 1)?;
    Ok(ended.exit)
}

async fn open_goals(
    client: &gtd_client::Client,
    rig: Option<&RigName>,
) -> Result<Vec<String>, CliError> {
    let rows: Vec<ConvoyRow> = lists::all(client, &lists::convoys(rig)).await?;
    let open = rows.iter().filter(|row| is_open(row));
    Ok(open.map(|row| row.id.to_string()).collect())
}

fn is_open(row: &ConvoyRow) -> bool {
    use gtd_core::GoalState::{Cancelled, Closed, Failed};
    ![Closed, Failed, Cancelled]
        .iter()
        .any(|ended| ended.word() == row.state)
}

/// Prints what was waited for: the one document, or all of them in one.
pub(crate) fn print(ctx: &Context, ended: &Ended, is_one: bool) -> Result<(), CliError> {
    if ctx.screen.is_json() {
        match ended.documents.first() {
            Some(document) if is_one => ctx.screen.document(document),
            _ => ctx
                .screen
                .document(&json!({"kind": "Wait", "api": gtd_core::API,
                "exit": ended.exit.code(), "items": ended.documents, "next": ""})),
        }
        return Ok(());
    }
    for document in &ended.documents {
        print_one(ctx, document)?;
    }
    if ended.documents.is_empty() && ended.exit == Exit::Done {
        ctx.screen.say("nothing to wait for");
    }
    let next: Vec<String> = ended
        .documents
        .iter()
        .filter_map(|document| next(document, ended.exit))
        .collect();
    ctx.screen.next(&next);
    Ok(())
}

/// Names the command that a person would run now.
fn next(document: &Value, exit: Exit) -> Option<String> {
    let id = document.get("id")?.as_str()?;
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let has_landed = document
        .get("beads")?
        .as_array()?
        .iter()
        .any(|bead| bead.get("commit").is_some_and(|commit| !commit.is_null()));
    match crate::follow::exit_of(document) {
        Some(Exit::Done)
            if has_landed
                && text("/target/mode") == Some("integration")
                && text("/landing") != Some("done") =>
        {
            Some(format!("gtd convoy land {id}"))
        }
        Some(Exit::Done) => None,
        Some(Exit::NeedsYou | Exit::Limit | Exit::WorkFailed) => Some(format!("gtd why {id}")),
        _ if exit == Exit::StillGoing => Some(format!("gtd wait {id}")),
        _ => None,
    }
}

fn print_one(ctx: &Context, document: &Value) -> Result<(), CliError> {
    let (now, look) = (clock::now(), ctx.screen.look);
    let is_goal = document.get("beads").is_some();
    let kind = if is_goal {
        DocumentKind::Convoy
    } else {
        DocumentKind::Bead
    };
    let id = document
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if ctx.screen.is_quiet() {
        ctx.screen.line(id);
        return Ok(());
    }
    if kind == DocumentKind::Convoy {
        for line in show::convoy(&town::read(document)?, now, look) {
            ctx.screen.line(line);
        }
        return Ok(());
    }
    let found = Found {
        id: id.to_owned(),
        kind,
        document: document.clone(),
    };
    super::status::page(ctx, &found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_follows_from_how_a_goal_ended() {
        let goal = |exit: Option<u8>, mode: &str, landing: &str, commit: Option<&str>| {
            json!({"kind": "Convoy", "id": "api-1", "exit": exit, "landing": landing,
                "target": {"mode": mode}, "beads": [{"commit": commit}]})
        };
        let landed = Some("77e01d2");
        let check = |document: Value, exit: Exit| next(&document, exit).unwrap_or_default();
        let land = "gtd convoy land api-1";
        for (document, exit, wanted) in [
            (
                goal(Some(0), "integration", "unasked", landed),
                Exit::Done,
                land,
            ),
            (
                goal(Some(0), "integration", "refused", landed),
                Exit::Done,
                land,
            ),
            (goal(Some(0), "integration", "done", landed), Exit::Done, ""),
            (
                goal(Some(0), "integration", "unasked", None),
                Exit::Done,
                "",
            ),
            (goal(Some(0), "local", "unasked", landed), Exit::Done, ""),
            (
                goal(Some(4), "local", "unasked", None),
                Exit::NeedsYou,
                "gtd why api-1",
            ),
            (
                goal(None, "local", "unasked", None),
                Exit::StillGoing,
                "gtd wait api-1",
            ),
            (goal(None, "local", "unasked", None), Exit::Interrupted, ""),
        ] {
            assert_eq!(check(document, exit), wanted, "{exit:?}");
        }
    }
}
