//! What a caller is told of its write: a function of the recorded events alone.
//!
//! A repeat with the same request id therefore gets the same answer, after a
//! restart too.

use gtd_core::{BeadId, Envelope, Epoch, Event, Holder, Revision};

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    /// The revision of the log that holds the write.
    pub(crate) revision: Revision,
    /// What was created, in order.
    pub(crate) ids: Vec<String>,
    /// The lease that was granted.
    pub(crate) granted: Option<Granted>,
}

/// A lease that a write granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The bead.
    pub(crate) bead: BeadId,
    /// The epoch.
    pub(crate) epoch: Epoch,
    /// Who holds it.
    pub(crate) holder: Holder,
}

impl Answer {
    /// Answers from the events of a write; without any, everything was true already at `revision`.
    pub(crate) fn of<'a>(
        revision: Revision,
        events: impl IntoIterator<Item = (Revision, &'a Envelope)>,
    ) -> Self {
        let mut answer = Self {
            revision,
            ..Self::default()
        };
        for (revision, envelope) in events {
            answer.revision = revision;
            match &envelope.event {
                Event::GoalOpened { bead, .. } | Event::BeadOpened { bead } => {
                    answer.ids.push(bead.id.to_string());
                }
                Event::GateAsked { ask } => answer.ids.push(ask.number.to_string()),
                Event::MailSent { mail } => answer.ids.push(mail.number.to_string()),
                Event::LeaseGranted { bead, lease } => {
                    answer.granted = Some(Granted {
                        bead: bead.clone(),
                        epoch: lease.epoch,
                        holder: lease.holder.clone(),
                    });
                }
                _ => {}
            }
        }
        answer
    }
}
