//! What the beads and candidates of an event stream are called.
//!
//! An event names a bead by its id alone. Its title, rig and goal are taken
//! from the records that went by, and asked for once when none did.

use std::collections::BTreeMap;

use gtd_client::{Client, Recorded};
use gtd_core::{BeadId, CandidateId, Event, RigName};

use crate::{error::CliError, show::Subject, town};

/// What is known of one bead.
#[derive(Debug, Clone)]
struct Known {
    rig: RigName,
    title: String,
    goal: Option<BeadId>,
}

/// What is known of the beads and candidates so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    beads: BTreeMap<BeadId, Option<Known>>,
    members: BTreeMap<CandidateId, Vec<BeadId>>,
}

impl Names {
    /// Learns from a record.
    pub(crate) fn learn(&mut self, record: &Recorded) {
        match &record.envelope.event {
            Event::BeadOpened { bead } | Event::GoalOpened { bead, .. } => {
                let known = Known {
                    rig: bead.rig.clone(),
                    title: bead.spec.title.clone(),
                    goal: bead.goal.clone(),
                };
                self.beads.insert(bead.id.clone(), Some(known));
            }
            Event::BeadEdited { bead, spec } => {
                if let Some(Some(known)) = self.beads.get_mut(bead) {
                    known.title.clone_from(&spec.title);
                }
            }
            Event::CandidateFormed { candidate } => {
                let members = candidate.members.iter().map(|m| m.bead.clone()).collect();
                self.members.insert(candidate.id.clone(), members);
            }
            _ => {}
        }
    }

    /// Says what the subject of a record is.
    pub(crate) async fn subject(
        &mut self,
        client: &Client,
        record: &Recorded,
    ) -> Result<Subject, CliError> {
        let event = &record.envelope.event;
        let members = self.members_of(event);
        let Some(bead) = event.bead().or(members.first()).cloned() else {
            return Ok(Subject {
                members,
                ..Subject::default()
            });
        };
        let known = self.bead(client, &bead).await?;
        let is_one = event.bead().is_some() || members.len() == 1;
        Ok(Subject {
            rig: known.as_ref().map(|known| known.rig.clone()),
            title: known
                .filter(|_| is_one)
                .map(|known| known.title)
                .unwrap_or_default(),
            members,
        })
    }

    /// Tells whether a record is about a bead, about a goal, or about a bead of that goal.
    pub(crate) async fn concerns(
        &mut self,
        client: &Client,
        record: &Recorded,
        wanted: &BeadId,
    ) -> Result<bool, CliError> {
        let event = &record.envelope.event;
        let mut subjects = self.members_of(event);
        subjects.extend(event.bead().cloned());
        for bead in subjects {
            if bead == *wanted {
                return Ok(true);
            }
            let known = self.bead(client, &bead).await?;
            if known.and_then(|known| known.goal).as_ref() == Some(wanted) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn members_of(&self, event: &Event) -> Vec<BeadId> {
        match event {
            Event::CandidateFormed { candidate } => {
                candidate.members.iter().map(|m| m.bead.clone()).collect()
            }
            Event::CandidateJudged { candidate, .. }
            | Event::CandidateLanded { candidate, .. }
            | Event::CandidateVoided { candidate, .. } => {
                self.members.get(candidate).cloned().unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    async fn bead(&mut self, client: &Client, id: &BeadId) -> Result<Option<Known>, CliError> {
        if let Some(known) = self.beads.get(id) {
            return Ok(known.clone());
        }
        let known = match town::find(client, id.as_str()).await {
            Ok(found) => known_of(&found.document),
            // A bead that is not there any more has no name; a daemon that is away comes back.
            Err(error) if error.is_lost() => return Err(error),
            Err(_) => None,
        };
        self.beads.insert(id.clone(), known.clone());
        Ok(known)
    }
}

fn known_of(document: &serde_json::Value) -> Option<Known> {
    let word = |key: &str| document.get(key)?.as_str();
    Some(Known {
        rig: RigName::parse(word("rig")?).ok()?,
        title: word("title")?.to_owned(),
        goal: word("convoy").and_then(|id| BeadId::parse(id).ok()),
    })
}
