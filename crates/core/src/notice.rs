//! What a person is told of: one subject, one number, one decision, and what follows without it.
//!
//! A notice is made of what `gtd status` shows, so that nobody is told of what they would not
//! find there. It holds no code, and nothing that a model or a program said.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{BeadId, Graph, Moment, NeedsYou, Phase, StatusDoc, Timestamp};

/// How long ago a goal may have ended that is still news, in milliseconds.
const NEWS_MS: i64 = 3_600_000;
/// A day in milliseconds.
const DAY_MS: i64 = 24 * NEWS_MS;

/// Something that a person is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The events that it is, as the configuration names them: `needs-you`, `budget` and the like.
    pub events: Vec<String>,
    /// What it is: a kind of the inbox, `done`, `disk`, `all_blocked` or `test`.
    #[serde(rename = "type")]
    pub what: String,
    /// The bead, goal, rig or runtime.
    pub subject: String,
    /// One line.
    pub title: String,
    /// The matter in a sentence.
    pub text: String,
    /// How many beads wait for it.
    pub unblocks: usize,
    /// What follows when nothing is done.
    pub otherwise: String,
    /// The command that answers it.
    pub next: String,
    /// Since when it is so.
    pub since: Moment,
}

impl Notice {
    /// Makes the one with which a channel is tried.
    #[must_use]
    pub fn trial(now: Timestamp) -> Self {
        Self {
            events: Vec::new(),
            what: "test".to_owned(),
            subject: "town".to_owned(),
            title: "this is a test".to_owned(),
            text: "you can be reached in this way".to_owned(),
            unblocks: 0,
            otherwise: "nothing follows".to_owned(),
            next: "gtd inbox".to_owned(),
            since: Moment(now),
        }
    }

    /// Returns what makes it the same notice, whoever makes it and however often.
    #[must_use]
    pub fn digest(&self, channel: &str) -> String {
        let since = self.since.0.0;
        let text = [channel, &self.what, &self.subject, &since.to_string()].join("\0");
        let digest = Sha256::digest(text.as_bytes());
        digest[..10]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Says it in some lines.
    #[must_use]
    pub fn body(&self) -> String {
        let waiting = match self.unblocks {
            0 => "Nothing else waits for it.".to_owned(),
            1 => "1 bead waits for it.".to_owned(),
            n => format!("{n} beads wait for it."),
        };
        format!(
            "{}\n{waiting} If you do nothing: {}.\n{}",
            self.text, self.otherwise, self.next
        )
    }

    /// Returns the events as words.
    #[must_use]
    pub fn events(&self) -> Vec<&str> {
        self.events.iter().map(String::as_str).collect()
    }
}

/// Lists what a person may be told of now.
#[must_use]
pub fn notices(status: &StatusDoc, graph: &Graph, now: Timestamp) -> Vec<Notice> {
    let mut all: Vec<Notice> = status
        .needs_you
        .iter()
        .map(|item| of_item(item, status, graph))
        .collect();
    all.extend(all_blocked(status));
    if let Some(short) = status.short.first() {
        all.push(Notice {
            events: vec!["disk".to_owned()],
            what: "disk".to_owned(),
            subject: "town".to_owned(),
            title: "the machine is short of something".to_owned(),
            text: short.clone(),
            unblocks: 0,
            otherwise: "no run begins until there is more".to_owned(),
            next: "gtd doctor --only host".to_owned(),
            // Once a day.
            since: Moment(Timestamp(now.0 - now.0.rem_euclid(DAY_MS))),
        });
    }
    all.extend(ended(graph, now));
    all
}

fn of_item(item: &NeedsYou, status: &StatusDoc, graph: &Graph) -> Notice {
    let mut events = vec!["needs-you".to_owned()];
    let is_runtime =
        |limit: &crate::LimitDoc| limit.until.is_none() && limit.runtime.as_str() == item.subject;
    match item.kind.as_str() {
        "budget" => events.push("budget".to_owned()),
        "gate" => events.push("main-red".to_owned()),
        "alert" if status.limits.iter().any(is_runtime) => events.push("auth-lost".to_owned()),
        _ => {}
    }
    let (text, otherwise) = match item.kind.as_str() {
        "plan" => (item.text.as_str(), "none of its beads begins"),
        // What an agent said stays where it is.
        "question" => (
            "its agent asks something",
            "it stays set aside, and other work goes on",
        ),
        "found" => ("an agent found this; may it begin?", "it stays a draft"),
        "failure" => (
            "it does not go on without you",
            "it stays as it is, and other work goes on",
        ),
        "approval" => (
            item.text.as_str(),
            "it lands nowhere, and other work goes on",
        ),
        "budget" => (item.text.as_str(), "nothing more begins under this budget"),
        "gate" => (item.text.as_str(), "nothing lands there"),
        "pause" | "stop" => (item.text.as_str(), "nothing new begins"),
        _ => (item.text.as_str(), "it stays so"),
    };
    // What a role saw has another moment after a restart; what the log says has not.
    let bead = BeadId::parse(&item.subject).ok();
    let bead = bead.and_then(|id| graph.bead(&id));
    let bead = bead.filter(|_| item.kind != "alert");
    let since = bead.map(|bead| bead.question().map_or(bead.since, |asked| asked.since));
    Notice {
        events,
        what: item.kind.clone(),
        subject: item.subject.clone(),
        title: item.title.clone(),
        text: text.to_owned(),
        unblocks: item.unblocks,
        otherwise: otherwise.to_owned(),
        next: item.next.clone(),
        since: since.map_or(item.since, Moment),
    }
}

/// Tells of a town in which nothing goes on, and something waits for a person.
fn all_blocked(status: &StatusDoc) -> Option<Notice> {
    let open = || {
        let ended = ["closed", "failed", "cancelled"];
        let goals = status.convoys.iter();
        goals.filter(move |goal| !ended.contains(&goal.state.as_str()))
    };
    let stands = |state: &str| matches!(state, "needs_you" | "draft");
    let since = status.needs_you.iter().map(|item| item.since).max()?;
    let is_all = open().next().is_some() && open().all(|goal| stands(&goal.state));
    let is_idle = status.agents.iter().all(|agent| agent.bead.is_none());
    (is_all && is_idle).then(|| Notice {
        events: vec!["all-blocked".to_owned()],
        what: "all_blocked".to_owned(),
        subject: "town".to_owned(),
        title: "everything waits for you".to_owned(),
        text: match open().count() {
            1 => "the one open goal stands still".to_owned(),
            n => format!("all {n} open goals stand still"),
        },
        unblocks: open()
            .map(|goal| goal.total - goal.done.min(goal.total))
            .sum(),
        otherwise: "nothing more is done".to_owned(),
        next: "gtd inbox".to_owned(),
        since,
    })
}

/// Tells of the goals that have ended lately.
fn ended(graph: &Graph, now: Timestamp) -> impl Iterator<Item = Notice> + '_ {
    let goals = graph.goals().filter_map(|(id, _)| graph.bead(id));
    goals.filter_map(move |bead| {
        let Phase::Closed { outcome, .. } = &bead.phase else {
            return None;
        };
        let is_news = now.0.saturating_sub(bead.since.0) <= NEWS_MS;
        is_news.then(|| Notice {
            events: vec!["done".to_owned()],
            what: "done".to_owned(),
            subject: bead.id.to_string(),
            title: bead.spec.title.clone(),
            text: match outcome.is_good() {
                true => "the goal is reached".to_owned(),
                false => "the goal has ended without being reached".to_owned(),
            },
            unblocks: 0,
            otherwise: "nothing follows".to_owned(),
            next: format!("gtd convoy show {}", bead.id),
            since: Moment(bead.since),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_has_one_subject_one_number_one_decision_and_says_what_follows_without_it() {
        let item: NeedsYou = serde_json::from_value(serde_json::json!({
            "n": 4, "kind": "question", "subject": "api-b2d8", "title": "Migrate users",
            "text": "may I print the secret hunter2?", "unblocks": 2,
            "since": "2026-01-01T00:00:00Z", "next": "gtd answer api-b2d8 \"…\"",
        }))
        .unwrap();
        let status = crate::status_doc(
            crate::View {
                graph: &Graph::default(),
                observations: &crate::Observations::default(),
                now: Timestamp(0),
            },
            None,
        );
        let notice = of_item(&item, &status, &Graph::default());
        assert_eq!(notice.title, "Migrate users");
        assert_eq!(
            notice.body(),
            "its agent asks something\n2 beads wait for it. If you do nothing: it stays set aside, \
             and other work goes on.\ngtd answer api-b2d8 \"…\""
        );
        assert_eq!(notice.events(), ["needs-you"]);
        // It is the same one whatever is said about it, and another one for another channel.
        let again = Notice {
            unblocks: 3,
            ..notice.clone()
        };
        assert_eq!(notice.digest("a"), again.digest("a"));
        assert_ne!(notice.digest("a"), notice.digest("b"));
    }
}
