//! `Get` and `Query`: documents of single things and pages of lists.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Bead, BeadId, BeadState, Goal, GoalState, ListDoc, Rejection, RigName, View, agent_docs,
    bead_doc, bead_row, convoy_doc, convoy_row, crew_docs, graph_row, merge_rows, needs_you,
    schedule_docs, stands_still, status_doc,
};
use gtd_wire::pb::graph::v1::{QueryRequest, QueryResponse};
use serde::Serialize;
use tonic::{Response, Status};

use super::{Api, json, lookup, rejected};

/// Items of one page, unless another number is asked for.
const PAGE: usize = 200;
const PAGE_MAX: usize = 5_000;

/// Clamps the number of items that a caller asks for.
pub(super) fn limit(asked: u32, usual: usize, most: usize) -> usize {
    match asked {
        0 => usual,
        n => usize::try_from(n).unwrap_or(most).min(most),
    }
}

/// What a list is narrowed to.
#[derive(Clone)]
struct Filter {
    states: BTreeSet<String>,
    rig: Option<RigName>,
    goal: Option<BeadId>,
    labels: Vec<String>,
    after: String,
    limit: usize,
}

impl Filter {
    fn take(view: View<'_>, request: &QueryRequest) -> Result<Self, Rejection> {
        let rig = wished_rig(view, &request.rig)?;
        let goal = match request.goal.as_str() {
            "" => None,
            id => Some(lookup::bead(view.graph, id)?.id.clone()),
        };
        Ok(Self {
            states: request.states.iter().cloned().collect(),
            rig,
            goal,
            labels: request.labels.clone(),
            after: request.page_token.clone(),
            limit: limit(request.limit, PAGE, PAGE_MAX),
        })
    }

    fn is_of_rig(&self, rig: &RigName) -> bool {
        self.rig.as_ref().is_none_or(|wanted| wanted == rig)
    }

    fn has_labels(&self, bead: &Bead) -> bool {
        self.labels
            .iter()
            .all(|label| bead.spec.labels.contains(label))
    }

    /// Tells whether what has ended may be on the list, which is most of an old town.
    ///
    /// The words of goals that have ended are words of beads too.
    fn takes_ended(&self) -> bool {
        let is_end =
            |(word, state): &(&str, BeadState)| state.is_finished() && self.states.contains(*word);
        self.states.is_empty() || BeadState::WORDS.iter().any(is_end)
    }

    /// Finds the beads that may be on the list, by id, when all states that are wished for are
    /// those of few beads: at work or set aside.
    fn few<'a>(&self, view: View<'a>) -> Option<BTreeMap<&'a BeadId, &'a Bead>> {
        let graph = view.graph;
        let mut found: Vec<&Bead> = Vec::new();
        if self.states.is_empty() {
            return None;
        }
        for state in &self.states {
            match state.as_str() {
                "running" => found.extend(graph.leased()),
                "parked" => found.extend(graph.parked()),
                _ => return None,
            }
        }
        Some(found.into_iter().map(|bead| (&bead.id, bead)).collect())
    }

    fn has_state(&self, word: impl FnOnce() -> &'static str) -> bool {
        self.states.is_empty() || self.states.contains(word())
    }

    /// Takes one page out of all items; `id_of` names each.
    fn page<'a, T: 'a, D>(
        &self,
        items: impl Iterator<Item = &'a T>,
        id_of: impl Fn(&T) -> &str,
        make: impl Fn(&T) -> D,
    ) -> ListDoc<D> {
        // What comes by id begins behind the last page already; what does not is short.
        let mut items = items
            .skip_while(|item| !self.after.is_empty() && id_of(item) <= self.after.as_str())
            .peekable();
        let mut page = Vec::new();
        let mut last = String::new();
        while page.len() < self.limit {
            let Some(item) = items.next() else { break };
            id_of(item).clone_into(&mut last);
            page.push(make(item));
        }
        let next = if items.peek().is_some() {
            last
        } else {
            String::new()
        };
        ListDoc { items: page, next }
    }
}

/// Finds the rig that something is narrowed to; an empty name narrows it to none.
pub(super) fn wished_rig(view: View<'_>, name: &str) -> Result<Option<RigName>, Rejection> {
    match name {
        "" => Ok(None),
        name => known_rig(view, name).map(Some),
    }
}

/// Refuses a word that is none of those that there are for a choice.
pub(super) fn unknown_word(field: &str, word: &str, words: &[&str]) -> Rejection {
    Rejection::BadText {
        field: field.to_owned(),
        why: format!("cannot be `{word}`: {}", words.join(" ")),
    }
}

/// Finds a rig by its name.
pub(super) fn known_rig(view: View<'_>, name: &str) -> Result<RigName, Rejection> {
    let rig = RigName::parse(name).map_err(|error| Rejection::BadText {
        field: "the rig".to_owned(),
        why: error.to_string(),
    })?;
    match view.graph.rig(&rig) {
        Some(_) => Ok(rig),
        None => Err(Rejection::NoRig { rig }),
    }
}

impl Api {
    /// Makes the document of one thing: bead, goal, rig, candidate or seat.
    pub(super) fn get_one(&self, id: &str) -> Result<(Vec<u8>, gtd_core::Revision), Status> {
        self.town.view(|view| {
            let bead = lookup::bead(view.graph, id);
            let is_exact = bead
                .as_ref()
                .is_ok_and(|bead| bead.id.as_str().eq_ignore_ascii_case(id.trim()));
            // A whole name is better than the beginning of an id.
            let other = if is_exact {
                None
            } else {
                self.get_other(view, id.trim())
            };
            let body = match (other, bead) {
                (Some(other), _) => other,
                (None, Ok(bead)) => match view.graph.goal(&bead.id) {
                    Some(goal) => json("Convoy", convoy_doc(view, bead, goal)),
                    None => json("Bead", bead_doc(view, bead)),
                },
                (None, Err(rejection)) => Err(rejected(rejection)),
            };
            Ok((body?, view.graph.revision()))
        })
    }

    fn get_other(&self, view: View<'_>, id: &str) -> Option<Result<Vec<u8>, Status>> {
        if let Some(rig) = RigName::parse(id)
            .ok()
            .and_then(|name| view.graph.rig(&name))
        {
            return Some(json("Rig", self.town.rigs.doc(rig)));
        }
        let in_test = view.graph.queues().find_map(|queue| {
            queue
                .candidate
                .as_ref()
                .filter(|candidate| candidate.id.as_str() == id)
        });
        if let Some(candidate) = in_test {
            return Some(json("Candidate", candidate));
        }
        agent_docs(view, None)
            .into_iter()
            .find(|agent| agent.name == id)
            .map(|agent| json("Agent", agent))
    }

    /// Makes one page of a list.
    pub(super) fn query_list(
        &self,
        request: &QueryRequest,
    ) -> Result<Response<QueryResponse>, Status> {
        let (json, revision, next) = self.town.view(|view| {
            let filter = Filter::take(view, request).map_err(rejected)?;
            let (json, next) = self.list(view, &request.kind, &filter)?;
            Ok::<_, Status>((json, view.graph.revision(), next))
        })?;
        Ok(Response::new(QueryResponse {
            json: json.into(),
            revision: revision.0,
            next_page_token: next,
        }))
    }

    fn list(
        &self,
        view: View<'_>,
        kind: &str,
        filter: &Filter,
    ) -> Result<(Vec<u8>, String), Status> {
        let graph = view.graph;
        match kind {
            "" | "bead" | "beads" => list("BeadList", beads(view, filter, bead_row)),
            "graph" => list("GraphList", beads(view, filter, graph_row)),
            "ready" => list("BeadList", ready(view, filter)),
            "convoy" | "convoys" | "goal" | "goals" => list("ConvoyList", convoys(view, filter)),
            "seat" | "seats" | "agent" | "agents" => {
                let agents = agent_docs(view, filter.rig.as_ref());
                let shown = |agent: &&gtd_core::AgentDoc| {
                    filter.states.is_empty() || filter.states.contains(&agent.state)
                };
                let mut agents: Vec<_> = agents.iter().filter(shown).collect();
                agents.sort_by(|a, b| a.name.cmp(&b.name));
                let page = filter.page(agents.into_iter(), |agent| &agent.name, Clone::clone);
                list("AgentList", page)
            }
            "rig" | "rigs" => {
                let rigs = graph.rigs().filter(|rig| filter.is_of_rig(&rig.name));
                let page =
                    filter.page(rigs, |rig| rig.name.as_str(), |rig| self.town.rigs.doc(rig));
                list("RigList", page)
            }
            "queue" | "queues" => list(
                "QueueList",
                whole(status_doc(view, filter.rig.as_ref()).merge),
            ),
            "merge" | "merges" => list("MergeList", whole(merge_rows(view, filter.rig.as_ref()))),
            "crew" => list("CrewList", whole(crew_docs(view, filter.rig.as_ref()))),
            "schedule" | "schedules" => {
                let zone = gtd_host::local_zone();
                let items = schedule_docs(view, filter.rig.as_ref(), &zone);
                list("ScheduleList", whole(items))
            }
            "inbox" => list("InboxList", whole(needs_you(view, filter.rig.as_ref()))),
            other => Err(rejected(Rejection::NotFound {
                kind: "list".to_owned(),
                name: other.to_owned(),
            })),
        }
    }
}

fn whole<D>(items: Vec<D>) -> ListDoc<D> {
    ListDoc {
        items,
        next: String::new(),
    }
}

fn list<D: Serialize>(kind: &str, page: ListDoc<D>) -> Result<(Vec<u8>, String), Status> {
    let next = page.next.clone();
    Ok((json(kind, page)?, next))
}

fn ready(view: View<'_>, filter: &Filter) -> ListDoc<gtd_core::BeadRow> {
    let word = BeadState::Ready.word();
    if !filter.has_state(|| word) {
        return whole(Vec::new());
    }
    let states = BTreeSet::from([word.to_owned()]);
    beads(
        view,
        &Filter {
            states,
            ..filter.clone()
        },
        bead_row,
    )
}

fn beads<D>(view: View<'_>, filter: &Filter, row: fn(View<'_>, &Bead) -> D) -> ListDoc<D> {
    let graph = view.graph;
    let shown = |bead: &&Bead| {
        filter.is_of_rig(&bead.rig)
            && filter.has_labels(bead)
            && graph.goal(&bead.id).is_none()
            && filter.has_state(|| graph.state_of(bead, view.now).word())
    };
    let page = |beads: &mut dyn Iterator<Item = &Bead>| {
        let make = |bead: &Bead| row(view, bead);
        filter.page(beads.filter(shown), |bead| bead.id.as_str(), make)
    };
    let after = filter.after.as_str();
    match &filter.goal {
        Some(goal) => {
            // A bead that is no goal has no beads of its own.
            let of_goal = graph.goal(goal).into_iter().flat_map(|goal| &goal.beads);
            let mut ids: Vec<&BeadId> = of_goal.filter(|id| id.as_str() > after).collect();
            ids.sort();
            page(&mut ids.into_iter().filter_map(|id| graph.bead(id)))
        }
        None => match filter.few(view) {
            Some(few) => page(&mut few.into_values()),
            None if filter.takes_ended() => page(&mut graph.beads_after(after)),
            None => page(&mut graph.unfinished_after(after)),
        },
    }
}

fn convoys(view: View<'_>, filter: &Filter) -> ListDoc<gtd_core::ConvoyRow> {
    let graph = view.graph;
    let state = |bead: &Bead| -> &'static str {
        graph
            .goal(&bead.id)
            .map_or(GoalState::Closed.word(), |goal| {
                let still = stands_still(graph, view.observations, &bead.id, view.now);
                graph.goal_state(bead, goal, still).word()
            })
    };
    let shown = |bead: &&Bead| {
        filter.is_of_rig(&bead.rig)
            && filter.has_labels(bead)
            && filter.goal.as_ref().is_none_or(|goal| *goal == bead.id)
            && filter.has_state(|| state(bead))
    };
    let page = |goals: &mut dyn Iterator<Item = (&BeadId, &Goal)>| {
        let beads = goals.filter_map(|(id, _)| graph.bead(id)).filter(shown);
        filter.page(
            beads,
            |bead| bead.id.as_str(),
            |bead| {
                graph
                    .goal(&bead.id)
                    .map(|goal| convoy_row(view, bead, goal))
            },
        )
    };
    let after = filter.after.as_str();
    let rows = if filter.takes_ended() {
        page(&mut graph.goals_after(after))
    } else {
        page(&mut graph.open_goals_after(after))
    };
    ListDoc {
        items: rows.items.into_iter().flatten().collect(),
        next: rows.next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_without_a_gap() {
        let all = ["a", "b", "c", "d", "e"].map(str::to_owned);
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let filter = Filter {
                states: BTreeSet::new(),
                rig: None,
                goal: None,
                labels: vec![],
                after,
                limit: 2,
            };
            let page = filter.page(all.iter(), |item| item, Clone::clone);
            assert!(page.items.len() <= 2);
            seen.extend(page.items);
            if page.next.is_empty() {
                break;
            }
            after = page.next;
        }
        assert_eq!(seen, all);
    }
}
