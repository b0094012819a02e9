//! What the daemon says there is: ids and names, each with what it is.

use std::{collections::BTreeSet, time::Duration};

use gtd_client::{Client, Places, RigFolders};
use gtd_core::StatusDoc;
use gtd_wire::pb::graph::v1::QueryRequest;
use serde_json::Value;

use crate::{lists, town};

/// How long a person waits for a completion at most.
const PATIENCE: Duration = Duration::from_millis(400);
/// How many of a kind are offered.
const AT_MOST: u32 = 200;

/// What can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A goal that has not ended comes first.
    Goal,
    /// A bead that has not ended.
    Bead,
    /// A rig.
    Rig,
    /// A role.
    Role,
    /// Who is at work.
    Agent,
    /// A gate.
    Gate,
}

/// Returns the names of these kinds; none when the daemon is away or slow.
pub(super) fn names(kinds: &[Kind]) -> Vec<(String, String)> {
    let Some(places) = places() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if kinds.contains(&Kind::Rig) {
        found.extend(rigs(&places));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    if let Ok(runtime) = runtime
        && kinds.iter().any(|kind| *kind != Kind::Rig)
    {
        let asked = async { tokio::time::timeout(PATIENCE, ask(&places, kinds)).await };
        found.extend(runtime.block_on(asked).ok().flatten().unwrap_or_default());
        // A connection that hangs is not waited for.
        runtime.shutdown_background();
    }
    let mut seen = BTreeSet::new();
    found.retain(|(name, _)| seen.insert(name.clone()));
    found
}

fn places() -> Option<Places> {
    let words: Vec<String> = std::env::args().collect();
    let town = words
        .iter()
        .position(|word| word == "--town")
        .and_then(|at| words.get(at + 1).cloned())
        .or_else(|| {
            let given = words.iter().find_map(|word| word.strip_prefix("--town="));
            given.map(str::to_owned)
        });
    let here = std::env::current_dir().ok()?;
    let user = nix::unistd::getuid().as_raw();
    let variable = |key: &str| match (key, &town) {
        ("GTD_TOWN", Some(town)) => Some(town.into()),
        _ => std::env::var_os(key),
    };
    Places::find(variable, &here, user).ok()
}

fn rigs(places: &Places) -> Vec<(String, String)> {
    let folders = RigFolders::load(&places.rigs_file()).unwrap_or_default();
    folders
        .folders
        .iter()
        .map(|(rig, folder)| (rig.to_string(), folder.display().to_string()))
        .collect()
}

async fn ask(places: &Places, kinds: &[Kind]) -> Option<Vec<(String, String)>> {
    let client = Client::connect_within(places, town::person(), PATIENCE)
        .await
        .ok()?;
    let mut found = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Goal => found.extend(rows(&client, lists::convoys(None)).await),
            Kind::Bead => found.extend(rows(&client, lists::unfinished(None)).await),
            Kind::Role => {
                let roles = client.roles(None).await.ok();
                found.extend(items(roles.as_ref(), "name", "summary"));
            }
            Kind::Gate => {
                let gates = client.gates(None).await.ok();
                found.extend(items(gates.as_ref(), "name", "run"));
            }
            Kind::Agent => found.extend(agents(&client).await.unwrap_or_default()),
            Kind::Rig => {}
        }
    }
    Some(found)
}

async fn rows(client: &Client, request: QueryRequest) -> Vec<(String, String)> {
    let request = QueryRequest {
        limit: AT_MOST,
        ..request
    };
    let page = client.query(request).await.ok();
    items(page.as_ref().map(|page| &page.document), "id", "title")
}

async fn agents(client: &Client) -> Option<Vec<(String, String)>> {
    let status: StatusDoc = town::read(&client.status().await.ok()?).ok()?;
    let agents = status.agents.into_iter().map(|agent| {
        let about = match (&agent.bead, &agent.title) {
            (Some(bead), Some(title)) => format!("{}: {bead} {title}", agent.role),
            _ => format!("{}: {}", agent.role, agent.state),
        };
        (agent.name, clean(&about))
    });
    Some(agents.collect())
}

/// Reads names and what stands beside them; neither may steer a terminal.
fn items(document: Option<&Value>, name: &str, title: &str) -> Vec<(String, String)> {
    let clean = |value: &Value, key: &str| clean(value[key].as_str().unwrap_or_default());
    document
        .and_then(|document| document["items"].as_array())
        .into_iter()
        .flatten()
        .map(|item| {
            let state = clean(item, "state");
            let title = clean(item, title);
            let about = if state.is_empty() {
                title
            } else {
                format!("{state}: {title}")
            };
            (clean(item, name), about)
        })
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// Takes away what would steer a terminal.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
