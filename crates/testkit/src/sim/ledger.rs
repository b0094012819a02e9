//! The ledger of the simulated town: the rules of production over a log in memory.

use std::rc::Rc;

use gtd_core::{
    Actor as Pen, Ask, Command, Envelope, Event, Graph, Rejection, Revision, WaitReason, decide,
    explain,
};

use super::town::{Going, Sim};

impl Sim {
    /// Tells the ledger; the answer is the revision, or why not.
    pub(super) fn tell(
        &mut self,
        by: &Pen,
        command: Command,
    ) -> Going<Result<Option<Revision>, Rejection>> {
        let ask = Ask {
            by: by.clone(),
            request: None,
            expected: None,
            command,
        };
        let now = self.now();
        let events = match decide(&self.graph, &ask, now) {
            Ok(events) => events,
            Err(rejection) => {
                let word = word_of(&ask.command);
                self.say(&format!("{by}: {word} refused: {rejection}"));
                return Ok(Err(rejection));
            }
        };
        let wrote = !events.is_empty();
        for event in events {
            self.append(Envelope {
                at: now,
                by: by.clone(),
                request: None,
                cause: None,
                event,
            })?;
        }
        Ok(Ok(wrote.then(|| self.graph.revision())))
    }

    fn append(&mut self, envelope: Envelope) -> Going {
        let revision = self.graph.revision().next();
        self.graph.apply(revision, &envelope);
        self.say(&format!("r{revision} {}", brief(&envelope)));
        self.checks.event(&self.world, &self.graph, &envelope)?;
        if !self.graph.index_is_true() {
            return Err(format!("the index is untrue after {}", brief(&envelope)));
        }
        if matches!(envelope.event, Event::LeaseGranted { .. }) {
            self.staff_soon();
        }
        self.log.push(envelope);
        if self.log.len().is_multiple_of(3) {
            self.explain_all()?;
        }
        self.wake_all(200, 950);
        Ok(())
    }

    /// Everything that has not ended has a reason, and one that needs a person names a way.
    pub(super) fn explain_all(&self) -> Going {
        for bead in self.graph.unfinished() {
            let Some(why) = explain(&self.graph, &self.board, &bead.id, self.now()) else {
                return Err(format!("nobody can explain {}", bead.id));
            };
            if why.chain.is_empty() || why.chain.iter().any(|c| c.code == WaitReason::Unknown) {
                return Err(format!("{} waits for an unknown reason", bead.id));
            }
            if !why.clears_by_itself && why.next.is_empty() {
                return Err(format!("{} needs a person and names no way", bead.id));
            }
        }
        Ok(())
    }

    /// Loses the graph and makes it anew from the log, as a daemon does at its start.
    pub(super) fn replay(&mut self) -> Going {
        let mut replayed = Graph::default();
        for (index, envelope) in self.log.iter().enumerate() {
            let revision = Revision(u64::try_from(index).unwrap_or(u64::MAX) + 1);
            replayed.apply(revision, envelope);
        }
        if replayed != self.graph {
            return Err("the log folds to another graph".to_owned());
        }
        self.graph = replayed;
        Ok(())
    }

    pub(super) fn catch_up(&mut self, mirror: usize, to: Revision) {
        let from = self.mirrors[mirror].revision();
        if from >= to {
            return;
        }
        let graph = Rc::make_mut(&mut self.mirrors[mirror]);
        for revision in from.0 + 1..=to.0 {
            let index = usize::try_from(revision - 1).expect("the log fits in memory");
            graph.apply(Revision(revision), &self.log[index]);
        }
    }
}

/// Names a command.
pub(super) fn word_of(command: &Command) -> String {
    let text = format!("{command:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

/// Says an event in a line.
fn brief(envelope: &Envelope) -> String {
    let text = match &envelope.event {
        Event::BeadOpened { bead } | Event::GoalOpened { bead, .. } => bead.id.to_string(),
        Event::LeaseGranted { bead, lease } => {
            format!("{bead} e{} {}", lease.epoch, lease.holder.name())
        }
        Event::WorkSubmitted {
            bead, epoch, head, ..
        } => format!("{bead} e{epoch} {}", head.short()),
        Event::WorkReturned {
            bead, epoch, why, ..
        }
        | Event::LeaseExpired {
            bead, epoch, why, ..
        }
        | Event::SubmissionReturned {
            bead, epoch, why, ..
        } => format!("{bead} e{epoch}: {}", why.text),
        Event::CandidateFormed { candidate } => format!(
            "{} on {} of {:?}",
            candidate.id,
            candidate.base.short(),
            candidate.members
        ),
        Event::CandidateJudged {
            candidate, verdict, ..
        } => format!("{candidate} {verdict:?}"),
        Event::RigTrusted { .. } => String::new(),
        other => {
            let text = format!("{other:?}");
            let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
            rest.chars().take(160).collect()
        }
    };
    format!("{} {text} by {}", envelope.event.name(), envelope.by)
}
