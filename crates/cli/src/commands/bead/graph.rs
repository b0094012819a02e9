//! `gtd bead graph`: what waits for what, drawn.

use std::collections::BTreeSet;

use clap::ValueEnum;
use gtd_client::Client;
use gtd_core::{BeadDoc, BeadId, EdgeDoc, GraphRow};
use gtd_wire::pb::graph::v1::QueryRequest;
use serde_json::json;

use crate::{
    context::Context,
    error::CliError,
    exit::Exit,
    lists,
    show::{Edge, Graph, Node, has_ended},
    town::{self, DocumentKind},
};

/// The list of beads with what they need.
const ROWS: &str = "graph";

/// Draw what waits for what
///
/// Of a bead: all that it needs and all that needs it. Of a goal: its beads.
/// Without an id: the beads of the rig that have not ended. A bead stands in the
/// wave after the last one that it needs; the longest chain of beads that have not
/// ended is bold, and named at the end.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A bead or a goal, or the beginning of its id
    id: Option<String>,
    /// How to draw
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// How far to go: steps from the bead, otherwise waves
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Without an id: those that have ended, too
    #[arg(long)]
    done: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Lines in waves.
    Text,
    /// A flowchart for Mermaid.
    Mermaid,
    /// A digraph for Graphviz.
    Dot,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let mut graph = Graph::default();
    let mut is_of_bead = false;
    match &args.id {
        Some(id) => {
            let found = town::find(&client, id).await?;
            crate::last::remember(&found.id);
            let root = found.bead()?;
            if found.kind == DocumentKind::Convoy {
                let request = QueryRequest {
                    goal: found.id,
                    ..lists::of_rig(ROWS, None)
                };
                draw_rows(&client, &mut graph, &request).await?;
            } else {
                is_of_bead = true;
                let depth = args.depth.unwrap_or(usize::MAX);
                walk(&client, &mut graph, &root, depth, |doc| &doc.needs).await?;
                walk(&client, &mut graph, &root, depth, |doc| &doc.blocks).await?;
            }
        }
        None => {
            let rig = ctx.rig()?;
            let request = if args.done {
                lists::of_rig(ROWS, rig.as_ref())
            } else {
                QueryRequest {
                    kind: ROWS.to_owned(),
                    ..lists::unfinished(rig.as_ref())
                }
            };
            draw_rows(&client, &mut graph, &request).await?;
            if !args.done {
                graph.retain(|_, node| !has_ended(&node.state));
            }
        }
    }
    if let Some(depth) = args.depth.filter(|_| !is_of_bead) {
        let (waves, before) = (graph.waves(), graph.nodes.len());
        graph.retain(|id, _| waves.get(id).is_some_and(|wave| *wave <= depth));
        let left_out = before - graph.nodes.len();
        if left_out > 0 {
            ctx.screen
                .warn(format!("{left_out} beads of later waves are not shown"));
        }
    }
    print(ctx, &graph, args.format);
    Ok(Exit::Done)
}

/// Adds the beads of a list with what they need.
async fn draw_rows(
    client: &Client,
    graph: &mut Graph,
    request: &QueryRequest,
) -> Result<(), CliError> {
    let rows: Vec<GraphRow> = lists::all(client, request).await?;
    for row in rows {
        let node = Node {
            title: row.title,
            state: row.state,
        };
        graph.nodes.insert(row.id.clone(), node);
        for need in &row.needs {
            link(graph, need, &need.id, &row.id);
        }
    }
    Ok(())
}

/// Draws beads with what they need.
pub(in crate::commands) async fn drawn(
    client: &Client,
    beads: Vec<BeadId>,
) -> Result<Graph, CliError> {
    let mut graph = Graph::default();
    draw(client, &mut graph, beads).await?;
    Ok(graph)
}

fn print(ctx: &Context, graph: &Graph, format: Format) {
    let look = ctx.screen.look;
    if ctx.screen.is_json() {
        ctx.screen.document(&graph.document());
        return;
    }
    if ctx.screen.is_quiet() {
        for id in graph.nodes.keys() {
            ctx.screen.line(id.as_str());
        }
        return;
    }
    let lines = match format {
        Format::Text if graph.nodes.is_empty() => return ctx.screen.say("no beads"),
        Format::Text => graph.text(look),
        Format::Mermaid => graph.mermaid(look),
        Format::Dot => graph.dot(look),
    };
    for line in lines {
        ctx.screen.line(line);
    }
}

/// Adds beads with what they need.
async fn draw(client: &Client, graph: &mut Graph, beads: Vec<BeadId>) -> Result<(), CliError> {
    for id in beads {
        let doc: BeadDoc = town::read(&client.get(id.as_str()).await?)?;
        add(graph, &doc);
        for need in &doc.needs {
            link(graph, need, &need.id, &doc.id);
        }
    }
    Ok(())
}

/// Adds all that can be reached from a bead in one direction, in so many steps.
async fn walk(
    client: &Client,
    graph: &mut Graph,
    root: &BeadId,
    depth: usize,
    next: fn(&BeadDoc) -> &Vec<EdgeDoc>,
) -> Result<(), CliError> {
    let mut seen = BTreeSet::from([root.clone()]);
    let mut open = vec![root.clone()];
    let mut steps = 0;
    while !open.is_empty() && steps <= depth {
        let mut further = Vec::new();
        for id in std::mem::take(&mut open) {
            let found = town::find(client, id.as_str()).await?;
            // A goal has no needs of its own to show.
            if found.kind != DocumentKind::Bead {
                continue;
            }
            let doc: BeadDoc = town::read(&found.document)?;
            add(graph, &doc);
            if steps == depth {
                continue;
            }
            for edge in next(&doc) {
                let is_need = doc.needs.contains(edge);
                let (from, to) = if is_need {
                    (&edge.id, &doc.id)
                } else {
                    (&doc.id, &edge.id)
                };
                link(graph, edge, from, to);
                if seen.insert(edge.id.clone()) {
                    further.push(edge.id.clone());
                }
            }
        }
        open = further;
        steps += 1;
    }
    Ok(())
}

fn add(graph: &mut Graph, doc: &BeadDoc) {
    let node = Node {
        title: doc.title.clone(),
        state: doc.state.clone(),
    };
    graph.nodes.insert(doc.id.clone(), node);
}

/// Adds an edge with its other end, so that it is drawn wherever that end belongs.
fn link(graph: &mut Graph, edge: &EdgeDoc, from: &BeadId, to: &BeadId) {
    graph.nodes.entry(edge.id.clone()).or_insert_with(|| Node {
        title: edge.title.clone(),
        state: edge.state.clone(),
    });
    let kind = json!(edge.kind);
    graph.edges.insert(Edge {
        from: from.clone(),
        to: to.clone(),
        kind: kind.as_str().unwrap_or_default().to_owned(),
    });
}
