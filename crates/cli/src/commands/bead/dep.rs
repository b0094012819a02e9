//! `gtd bead dep`: what a bead needs.

use std::collections::BTreeSet;

use gtd_client::Client;
use gtd_core::{BeadDoc, BeadId, BeadRow, BeadState, Command, EdgeDoc, EdgeKind, Need, Rejection};
use serde_json::json;

use super::{changed, find, would};
use crate::{
    args::Change,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    lists,
    output::{Look, State},
    town,
};

/// What a bead needs
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// Let a bead wait for others
    Add(Edge),
    /// Let a bead wait for others no more
    Rm(Edge),
    /// Show what a bead needs, or what needs it, down to the ends
    Tree {
        /// The bead, or the beginning of its id
        id: String,
        /// What needs it, instead of what it needs
        #[arg(long)]
        up: bool,
        /// What it needs; the default
        #[arg(long, conflicts_with = "up")]
        down: bool,
    },
    /// Look for beads that wait for what cannot come
    Check,
}

#[derive(Debug, clap::Args)]
struct Edge {
    /// The bead that waits, or the beginning of its id
    id: String,
    /// What it waits for
    #[arg(long, value_name = "ID", required = true, value_delimiter = ',')]
    needs: Vec<String>,
    /// The relation: blocks conditional-blocks waits-for related discovered-from duplicates supersedes
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: Option<EdgeKind>,
    #[command(flatten)]
    change: Change,
}

fn kind(text: &str) -> Result<EdgeKind, String> {
    match serde_json::from_value(json!(text)) {
        Ok(EdgeKind::Custom(_)) | Err(_) => Err(
            "relations: blocks conditional-blocks waits-for related discovered-from duplicates supersedes"
                .to_owned(),
        ),
        Ok(kind) => Ok(kind),
    }
}

/// Whether an edge comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Add,
    Remove,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::Add(edge) => edit(ctx, edge, Act::Add).await,
        Verb::Rm(edge) => edit(ctx, edge, Act::Remove).await,
        Verb::Tree { id, up, down: _ } => tree(ctx, &id, up).await,
        Verb::Check => check(ctx).await,
    }
}

async fn edit(ctx: &Context, edge: Edge, act: Act) -> Result<Exit, CliError> {
    let client = town::reach_for(ctx, &edge.change).await?;
    let bead = find(&client, &edge.id).await?;
    let mut others = Vec::new();
    for id in &edge.needs {
        others.push(find(&client, id).await?);
    }
    let names: Vec<&str> = others.iter().map(BeadId::as_str).collect();
    let names = names.join(" ");
    let (verb, doing) = match act {
        Act::Add => ("waits for", format!("let {bead} wait for {names}")),
        Act::Remove => (
            "no longer waits for",
            format!("let {bead} go on without {names}"),
        ),
    };
    if edge.change.dry_run {
        return Ok(would(ctx, &[doing]));
    }
    for on in others {
        let kind = match (&edge.kind, act) {
            (Some(kind), _) => kind.clone(),
            (None, Act::Add) => EdgeKind::Blocks,
            (None, Act::Remove) => kind_of(&client, &bead, &on).await?,
        };
        let need = Need {
            kind,
            ..Need::blocks(on)
        };
        let bead = bead.clone();
        let command = match act {
            Act::Add => Command::Link { bead, need },
            Act::Remove => Command::Unlink { bead, need },
        };
        client
            .tell(command)
            .await
            .doing(|| doing.clone())
            .map_err(circle)?;
    }
    changed(ctx, &client, &bead, &format!("{bead} {verb} {names}")).await?;
    Ok(Exit::Done)
}

/// A circle of beads that exist is no wrong usage: what stands there does not allow it.
fn circle(mut error: CliError) -> CliError {
    error.kind = match error.kind {
        Kind::Rejected(rejection @ Rejection::Cycle { .. }) => Kind::Circle(rejection),
        kind => kind,
    };
    error
}

/// Finds the relation that there is between two beads.
async fn kind_of(client: &Client, bead: &BeadId, on: &BeadId) -> Result<EdgeKind, CliError> {
    let doc: BeadDoc = town::read(&client.get(bead.as_str()).await?)?;
    let edges = doc.needs.into_iter().chain(doc.links);
    Ok(edges
        .into_iter()
        .find(|edge| edge.id == *on)
        .map_or(EdgeKind::Blocks, |edge| edge.kind))
}

async fn tree(ctx: &Context, id: &str, up: bool) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let root = find(&client, id).await?;
    let document = client.get(root.as_str()).await?;
    let doc: BeadDoc = town::read(&document)?;
    let mut walk = Walk {
        client: &client,
        look: ctx.screen.look,
        up,
        seen: BTreeSet::new(),
        lines: Vec::new(),
        edges: Vec::new(),
    };
    walk.lines
        .push(walk.line(root.as_str(), &doc.title, &doc.state));
    walk.below(doc, 1).await?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "DepTree", "api": gtd_core::API, "id": root,
            "direction": if up { "up" } else { "down" }, "edges": walk.edges}));
    } else {
        for line in walk.lines {
            ctx.screen.line(line);
        }
    }
    Ok(Exit::Done)
}

struct Walk<'a> {
    client: &'a Client,
    look: Look,
    up: bool,
    seen: BTreeSet<BeadId>,
    lines: Vec<String>,
    edges: Vec<serde_json::Value>,
}

impl Walk<'_> {
    fn line(&self, id: &str, title: &str, state: &str) -> String {
        let state = State::of(state);
        let mark = self.look.paint(state.ink, &state.text(self.look));
        format!("{mark}  {id}  {title}")
    }

    /// Walks without recursion: a chain of beads may be longer than a stack is deep.
    async fn below(&mut self, root: BeadDoc, depth: usize) -> Result<(), CliError> {
        self.seen.insert(root.id.clone());
        let mut open: Vec<(BeadId, EdgeDoc, usize)> = Vec::new();
        self.push(&mut open, root, depth);
        while let Some((from, edge, depth)) = open.pop() {
            let indent = "  ".repeat(depth);
            let line = self.line(edge.id.as_str(), &edge.title, &edge.state);
            let is_new = self.seen.insert(edge.id.clone());
            let repeat = if is_new {
                ""
            } else {
                self.look.mark("  ↑ above", "  ^ above")
            };
            self.lines.push(format!("{indent}{line}{repeat}"));
            self.edges
                .push(json!({"from": from, "to": edge.id, "type": edge.kind, "state": edge.state}));
            if is_new {
                let doc: BeadDoc = match town::find(self.client, edge.id.as_str()).await? {
                    found if found.kind == town::DocumentKind::Bead => town::read(&found.document)?,
                    // A goal has no needs of its own to show.
                    _ => continue,
                };
                self.push(&mut open, doc, depth + 1);
            }
        }
        Ok(())
    }

    fn push(&self, open: &mut Vec<(BeadId, EdgeDoc, usize)>, doc: BeadDoc, depth: usize) {
        let edges = if self.up { doc.blocks } else { doc.needs };
        open.extend(
            edges
                .into_iter()
                .rev()
                .map(|edge| (doc.id.clone(), edge, depth)),
        );
    }
}

async fn check(ctx: &Context) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let rig = ctx.rig()?;
    let rows: Vec<BeadRow> = lists::all(&client, &lists::unfinished(rig.as_ref())).await?;
    let bad = [BeadState::Failed, BeadState::Cancelled].map(BeadState::word);
    let mut found = Vec::new();
    let mut lines = Vec::new();
    for row in rows
        .iter()
        .filter(|row| row.state == BeadState::Waiting.word())
    {
        let doc: BeadDoc = town::read(&client.get(row.id.as_str()).await?)?;
        let dead = doc
            .needs
            .iter()
            .filter(|edge| edge.kind == EdgeKind::Blocks && bad.contains(&edge.state.as_str()));
        for edge in dead {
            lines.push(format!(
                "{} waits for {}, which is {}.   gtd bead dep rm {} --needs {}",
                row.id, edge.id, edge.state, row.id, edge.id
            ));
            found.push(json!({"bead": row.id, "needs": edge.id, "state": edge.state}));
        }
    }
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "DepCheck", "api": gtd_core::API, "items": found, "next": ""}),
        );
    } else if lines.is_empty() {
        ctx.screen.say("every need can still be met");
    } else {
        for line in &lines {
            ctx.screen.line(line);
        }
    }
    Ok(if found.is_empty() {
        Exit::Done
    } else {
        Exit::WorkFailed
    })
}
