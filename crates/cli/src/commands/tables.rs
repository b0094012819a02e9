//! The beads as a table or a drawing, for other programs.

use std::path::PathBuf;

use gtd_client::Client;
use gtd_core::{BeadRow, Moment};
use serde_json::json;

use super::bead;
use crate::{context::Context, error::CliError, exit::Exit, lists, output::Look, town};

/// Which beads are written, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the beads of this goal
    #[arg(long, value_name = "ID")]
    convoy: Option<String>,
    /// Of all rigs, also in a rig
    #[arg(long)]
    all_rigs: bool,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Values separated by commas, as RFC 4180 has them.
    Csv,
    /// A table in markdown.
    Markdown,
    /// A digraph for Graphviz.
    Dot,
    /// A flowchart for Mermaid.
    Mermaid,
}

/// The columns of a table.
const COLUMNS: [&str; 13] = [
    "id",
    "rig",
    "convoy",
    "title",
    "type",
    "priority",
    "state",
    "reason",
    "text",
    "assignee",
    "attempts",
    "commit",
    "updated_at",
];

pub(crate) async fn run(ctx: &Context, args: Args, shape: Shape) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rows = rows(ctx, &client, &args).await?;
    let text = match shape {
        _ if ctx.screen.is_json() && args.output.is_none() => {
            ctx.screen.document(
                &json!({"kind": "BeadList", "api": gtd_core::API, "items": rows, "next": ""}),
            );
            return Ok(Exit::Done);
        }
        Shape::Csv => csv(&rows),
        Shape::Markdown => markdown(&rows),
        Shape::Dot | Shape::Mermaid => {
            let beads = rows.into_iter().map(|row| row.id).collect();
            let graph = bead::drawn(&client, beads).await?;
            let lines = if shape == Shape::Dot {
                graph.dot(Look::of_a_file())
            } else {
                graph.mermaid(Look::of_a_file())
            };
            lines.join("\n") + "\n"
        }
    };
    ctx.deliver(args.output.as_deref(), &text)?;
    Ok(Exit::Done)
}

async fn rows(ctx: &Context, client: &Client, args: &Args) -> Result<Vec<BeadRow>, CliError> {
    let mut request = lists::of_rig("beads", None);
    match &args.convoy {
        Some(id) => request.goal = town::find(client, id).await?.bead()?.to_string(),
        None if !args.all_rigs => {
            let rig = ctx.rig()?;
            request.rig = rig.map(|rig| rig.to_string()).unwrap_or_default();
        }
        None => {}
    }
    lists::all(client, &request).await
}

/// Says each value of a row, in the order of the columns.
fn values(row: &BeadRow) -> [String; COLUMNS.len()] {
    let reason = row.reason.as_ref();
    [
        row.id.to_string(),
        row.rig.to_string(),
        row.convoy
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        row.title.clone(),
        row.kind.clone(),
        row.priority.to_string(),
        row.state.clone(),
        reason.map(|reason| reason.code.clone()).unwrap_or_default(),
        reason.map(|reason| reason.text.clone()).unwrap_or_default(),
        row.assignee.clone().unwrap_or_default(),
        row.attempts.to_string(),
        row.commit
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        Moment(row.updated_at.0).to_string(),
    ]
}

fn csv(rows: &[BeadRow]) -> String {
    let mut text = COLUMNS.join(",") + "\r\n";
    for row in rows {
        text.push_str(&values(row).map(|value| quoted(&value)).join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(value: &str) -> String {
    if value.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

fn markdown(rows: &[BeadRow]) -> String {
    let mut text = "| bead | state | title | tries | why |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let why = match (&row.reason, &row.commit) {
            (Some(reason), _) => reason.text.clone(),
            (None, Some(commit)) => commit.short().to_owned(),
            (None, None) => String::new(),
        };
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            row.id,
            row.state,
            cell(&row.title),
            row.attempts,
            cell(&why)
        ));
    }
    text
}

/// Keeps a text in its cell.
fn cell(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('|', "\\|");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_cell() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        assert_eq!(cell("a | b\n  c \\"), "a \\| b c \\\\");
    }
}
