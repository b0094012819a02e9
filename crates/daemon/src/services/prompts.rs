//! What an agent is told, word for word: the prompt of its role, filled in for one bead or goal.
//!
//! Role files count as they were trusted, and the daemon alone knows which those
//! are; so it renders, for the hands that start an agent and for a person who
//! asks what an agent would be told.

use gtd_core::{Bead, BeadId, Epoch, Rejection, SeatName, config::Config};
use gtd_host::roles::{
    Layer, MayorScene, ReviewerScene, RoleKind, RoleSpec, WorkerScene, estimate_tokens,
    mayor_context, member_context, render, reviewer_context, worker_context,
};
use gtd_wire::pb::town::v1::RenderRoleRequest;
use serde::Serialize;

use super::town_state::town_state;
use crate::{
    ledger::chain,
    town::{MAYOR, Town, WORKER},
};

/// The role of standing members.
const CREW: &str = "crew";

/// A prompt and where it comes from.
#[derive(Debug, Serialize)]
pub(super) struct PromptDoc {
    role: String,
    /// The bead or goal; empty for a standing member.
    bead: String,
    /// The template that it was made of.
    file: String,
    /// The layer that the role comes from.
    layer: Layer,
    /// What the role's files call the model; none leaves it to the runtime.
    model: Option<String>,
    /// About how many tokens it has.
    tokens: u32,
    /// How many it may have.
    max_tokens: u32,
    /// The prompt.
    text: String,
}

/// Renders the prompt of a role for a bead.
///
/// # Errors
/// When there is no such role or bead, the role has no prompt, or its template does not hold.
pub(super) fn render_prompt(town: &Town, wish: &RenderRoleRequest) -> Result<PromptDoc, Rejection> {
    if wish.bead.is_empty() && wish.role == CREW {
        return render_member(town, wish);
    }
    // Files are read before the graph is looked at: a look within a look waits for a writer that
    // waits for the first.
    let config = config_of(town, &wish.bead);
    let state = state_for(town, &wish.bead);
    let graph = town.ledger.graph();
    let bead = BeadId::parse(&wish.bead)
        .ok()
        .and_then(|id| graph.bead(&id))
        .ok_or_else(|| Rejection::NoBead {
            bead: wish.bead.clone(),
            similar: Vec::new(),
        })?;
    let is_goal = graph.goal(&bead.id).is_some();
    let name = match wish.role.as_str() {
        "" if is_goal => MAYOR,
        "" => WORKER,
        name => name,
    };
    let roles = town.rigs.roles().of_rig(&bead.rig);
    let role = roles.set().get(name).ok_or_else(|| Rejection::NotFound {
        kind: "role".to_owned(),
        name: name.to_owned(),
    })?;
    let instructions = config.as_ref().map(instructions).unwrap_or_default();
    let lease = bead.phase.lease();
    let agent = given(&wish.agent)
        .or_else(|| Some(lease?.holder.name().to_string()))
        .unwrap_or_else(|| "quartz".to_owned());
    let epoch = match lease {
        Some(lease) => lease.epoch,
        // What is judged is there already.
        None if role.kind == RoleKind::Reviewer => bead.epoch,
        None => bead.epoch.next(),
    };
    let worktree = given(&wish.worktree).unwrap_or_else(|| {
        let place = town.places.worktrees(&bead.rig).join(&agent);
        place.to_string_lossy().into_owned()
    });
    let branch = given(&wish.branch).unwrap_or_else(|| branch_of(bead, epoch));
    let base = given(&wish.base);
    let now = town.ledger.now();
    let scene = WorkerScene {
        agent: &agent,
        town: &town.places.town,
        worktree: &worktree,
        branch: &branch,
        base: base.as_deref(),
        instructions: &instructions,
        now,
        now_text: &gtd_core::Moment(now).to_string(),
    };
    let context = match role.kind {
        RoleKind::Mayor if is_goal => mayor_context(
            &graph,
            bead,
            &MayorScene {
                place: scene,
                map: &wish.map,
                state: &state,
            },
        ),
        RoleKind::Reviewer if !is_goal => reviewer_context(
            &graph,
            bead,
            &ReviewerScene {
                place: scene,
                diff: &wish.diff,
            },
        ),
        _ => worker_context(&graph, bead, &scene),
    };
    let text = render(role, &context).map_err(|error| Rejection::BadConfig {
        what: chain(&error),
    })?;
    Ok(PromptDoc {
        role: name.to_owned(),
        bead: bead.id.to_string(),
        file: file_of(role),
        layer: role.layer,
        model: model_of(config.as_ref(), role),
        tokens: estimate_tokens(&text),
        max_tokens: role.prompt.max_tokens,
        text,
    })
}

/// Renders what a standing member is told when its session begins.
fn render_member(town: &Town, wish: &RenderRoleRequest) -> Result<PromptDoc, Rejection> {
    let no_member = || Rejection::NotFound {
        kind: "crew member".to_owned(),
        name: wish.agent.clone(),
    };
    let name = SeatName::parse(&wish.agent).map_err(|_| no_member())?;
    let (member, rig) = {
        let graph = town.ledger.graph();
        let member = graph.crew_member(&name).cloned().ok_or_else(no_member)?;
        let rig = graph.rig(&member.rig).cloned();
        (member, rig)
    };
    let config = town.rigs.config(rig.as_ref()).ok();
    let instructions = config.as_ref().map(instructions).unwrap_or_default();
    let worktree = given(&wish.worktree).unwrap_or_else(|| {
        let place = town.places.worktrees(&member.rig).join(member.slot());
        place.to_string_lossy().into_owned()
    });
    let roles = town.rigs.roles().of_rig(&member.rig);
    let role = roles.set().get(CREW).ok_or_else(|| Rejection::NotFound {
        kind: "role".to_owned(),
        name: CREW.to_owned(),
    })?;
    let now = town.ledger.now();
    let scene = WorkerScene {
        agent: name.as_str(),
        town: &town.places.town,
        worktree: &worktree,
        branch: &member.branch(),
        base: None,
        instructions: &instructions,
        now,
        now_text: &gtd_core::Moment(now).to_string(),
    };
    let context = member_context(&town.ledger.graph(), &member.rig, &scene);
    let text = render(role, &context).map_err(|error| Rejection::BadConfig {
        what: chain(&error),
    })?;
    Ok(PromptDoc {
        role: CREW.to_owned(),
        bead: String::new(),
        file: file_of(role),
        layer: role.layer,
        model: model_of(config.as_ref(), role),
        tokens: estimate_tokens(&text),
        max_tokens: role.prompt.max_tokens,
        text,
    })
}

/// Says how the town stands, for whoever is to answer what a person asks; empty for anybody else.
fn state_for(town: &Town, bead: &str) -> String {
    let Ok(id) = BeadId::parse(bead) else {
        return String::new();
    };
    town.view(|view| match view.graph.bead(&id) {
        Some(bead) if bead.is_for_the_mayor() => town_state(view, bead),
        _ => String::new(),
    })
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn branch_of(bead: &Bead, epoch: Epoch) -> String {
    format!("gtd/{}/e{epoch}", bead.id)
}

fn file_of(role: &RoleSpec) -> String {
    role.prompt
        .template
        .as_ref()
        .map_or_else(String::new, |template| template.file().to_owned())
}

/// Reads the configuration in effect where a bead is; none when it cannot be told.
fn config_of(town: &Town, bead: &str) -> Option<Config> {
    let id = BeadId::parse(bead).ok()?;
    let rig = {
        let graph = town.ledger.graph();
        let rig = &graph.bead(&id)?.rig;
        graph.rig(rig)?.clone()
    };
    town.rigs.config(Some(&rig)).ok()
}

/// Returns what the configuration or else the role file calls the model.
fn model_of(config: Option<&Config>, role: &RoleSpec) -> Option<String> {
    let key = format!("roles.{}.model", role.name);
    let configured = config.and_then(|config| config.get(&key));
    configured
        .and_then(|(value, _)| value.as_str().map(str::to_owned))
        .or_else(|| role.runtime.model.clone())
}

/// Lists the files with the instructions of a repository, as its configuration names them.
fn instructions(config: &Config) -> Vec<String> {
    config
        .get("rig.instructions")
        .and_then(|(value, _)| value.as_list())
        .unwrap_or_default()
        .iter()
        .filter_map(|file| file.as_str().map(str::to_owned))
        .collect()
}
