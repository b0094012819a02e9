//! What happened last around one thing, for the end of its page.
//!
//! The log is read in two short windows: where the thing changed last, and at its
//! end. What is older has its own command.

use std::collections::{BTreeMap, BTreeSet};

use gtd_client::{Client, Recorded};
use gtd_core::{BeadId, CandidateId, Event, Moment, Revision, RigName};
use serde_json::Value;

use crate::{
    context::Context,
    error::CliError,
    output::{Ink, Look},
    past,
    show::{self, Subject},
};

/// Records that one window looks at.
const WINDOW: u64 = 400;
/// Events that are shown.
const SHOWN: usize = 6;

/// Which events are wanted.
#[derive(Debug, Clone)]
pub(super) enum About {
    /// Those about any of these beads and goals.
    Beads(BTreeSet<BeadId>),
    /// Those about a rig, or about beads with its prefix.
    Rig(RigName, String),
}

/// What happened last, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    events: Vec<(Recorded, Subject)>,
}

impl About {
    /// Takes one bead or goal.
    pub(super) fn one(bead: BeadId) -> Self {
        Self::Beads(BTreeSet::from([bead]))
    }

    fn takes(&self, event: &Event, members: &[BeadId]) -> bool {
        let beads = event.bead().into_iter().chain(members);
        let mut beads = beads;
        match self {
            Self::Beads(wanted) => beads.any(|bead| wanted.contains(bead)),
            Self::Rig(rig, prefix) => {
                event.rig() == Some(rig)
                    || beads.any(|bead| {
                        bead.as_str()
                            .strip_prefix(prefix.as_str())
                            .is_some_and(|rest| rest.starts_with('-'))
                    })
            }
        }
    }
}

/// Finds what happened last; `changed` says when the thing changed last, if that is known.
pub(super) async fn find(
    client: &Client,
    about: &About,
    changed: Option<Moment>,
) -> Result<Recent, CliError> {
    let head = client.hello().await?.revision;
    let end = (head.0.saturating_sub(WINDOW), head.0);
    let mut windows = vec![end];
    if let Some(changed) = changed {
        // Several events may bear the moment of the last change.
        let next = gtd_core::Timestamp(changed.0.0.saturating_add(1));
        let at = past::before(client, next).await?.0;
        if at < end.0 {
            windows.insert(0, (at.saturating_sub(WINDOW), at.min(end.0)));
        }
    }
    let mut members: BTreeMap<CandidateId, Vec<BeadId>> = BTreeMap::new();
    let mut events = Vec::new();
    for (after, until) in windows {
        for record in past::between(client, Revision(after), Revision(until)).await? {
            let of = members_of(&record.envelope.event, &mut members);
            if about.takes(&record.envelope.event, &of) {
                let subject = Subject {
                    members: of,
                    ..Subject::default()
                };
                events.push((record, subject));
            }
        }
    }
    let surplus = events.len().saturating_sub(SHOWN);
    events.drain(..surplus);
    Ok(Recent { events })
}

fn members_of(event: &Event, known: &mut BTreeMap<CandidateId, Vec<BeadId>>) -> Vec<BeadId> {
    match event {
        Event::CandidateFormed { candidate } => {
            let members = candidate.members.iter().map(|m| m.bead.clone());
            let members: Vec<BeadId> = members.collect();
            known.insert(candidate.id.clone(), members.clone());
            members
        }
        Event::CandidateJudged { candidate, .. }
        | Event::CandidateLanded { candidate, .. }
        | Event::CandidateVoided { candidate, .. } => {
            known.get(candidate).cloned().unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

impl Recent {
    /// Makes the lines below a page; none when nothing is known.
    pub(super) fn lines(&self, look: Look) -> Vec<String> {
        if self.events.is_empty() {
            return Vec::new();
        }
        let heading = look.paint(Ink::Faint, "LAST");
        let lines = self
            .events
            .iter()
            .map(|(record, subject)| format!("  {}", show::event_line(record, subject, look)));
        std::iter::once(heading).chain(lines).collect()
    }

    /// Adds the events to a document.
    pub(super) fn add_to(&self, document: &mut Value) {
        let events = self.events.iter();
        let events = events.map(|(record, subject)| show::event_object(record, subject));
        document["events"] = events.collect();
    }

    /// Prints the lines below a page, and offers commands.
    pub(super) fn print(&self, ctx: &Context, next: &[String]) {
        for line in self.lines(ctx.screen.look) {
            ctx.screen.line(line);
        }
        ctx.screen.next(next);
    }
}
