//! Why something waits, and what a whole rig waits for.

use std::collections::BTreeMap;

use gtd_core::{BeadRow, NeedsYou, ReasonDoc, Standing, Timestamp, Why};
use serde_json::{Value, json};

use super::status::ascii;
use crate::output::{Ink, Look, State, ago, span};

/// Says in a line why something waits, on the page of something else.
pub(super) fn reason_line(reason: &ReasonDoc) -> String {
    let clears = if reason.clears_by_itself {
        "clears by itself"
    } else {
        "needs you"
    };
    format!("{}: {} ({clears})", reason.code, reason.text)
}

/// Shows why something is as it is.
pub(crate) fn why(doc: &Why, now: Timestamp, look: Look) -> Vec<String> {
    let state = State::of(&doc.state);
    let since = match doc.verdict {
        // What has ended lasts for ever: when it did is the question.
        Standing::Ok | Standing::Failed => ago(doc.since, now),
        Standing::Waiting | Standing::NeedsYou => span(now.since(doc.since.0)),
    };
    let standing = match doc.verdict {
        Standing::Ok => String::new(),
        Standing::NeedsYou | Standing::Failed if is_said(&doc.state) => String::new(),
        Standing::Waiting => match doc.eta {
            Some(eta) => format!("clears by itself, {}", ago(eta, now)),
            None => "clears by itself".to_owned(),
        },
        Standing::NeedsYou => look.paint(Ink::Warn, "needs you"),
        Standing::Failed => look.paint(Ink::Bad, "failed"),
    };
    let standing = match standing.as_str() {
        "" => String::new(),
        standing => format!(" · {standing}"),
    };
    let mut lines = vec![format!(
        "{} {}  {} {since}{standing}",
        look.paint(Ink::Strong, doc.subject.id.as_str()),
        look.title(&doc.subject.title),
        look.paint(state.ink, &state.text(look)),
    )];
    let corner = look.mark("└ because", "` because");
    for (depth, cause) in doc.chain.iter().enumerate() {
        lines.push(match depth {
            0 => format!("  {:<11} {}", cause.code.code(), cause.text),
            depth => format!(
                "  {}{corner}  {} {}",
                "  ".repeat(depth),
                cause.subject,
                cause.text
            ),
        });
    }
    if !doc.then.is_empty() {
        lines.push(format!("  then        {}", doc.then));
    }
    for (at, step) in doc.evidence.iter().enumerate() {
        let head = if at == 0 { "evidence" } else { "" };
        lines.push(format!("  {head:<11} {}  ({})", step.cmd, step.text));
    }
    for (at, step) in doc.next.iter().enumerate() {
        let head = if at == 0 { "you could" } else { "" };
        lines.push(format!("  {head:<11} {}  ({})", step.cmd, step.text));
    }
    if look.ascii {
        lines = lines.into_iter().map(|line| ascii(&line)).collect();
    }
    lines
}

/// Tells whether the word of a state says already how the matter stands.
fn is_said(state: &str) -> bool {
    ["needs_you", "failed", "cancelled"].contains(&state)
}

/// What a whole rig waits for: reasons with the beads behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    reasons: BTreeMap<String, Vec<BeadRow>>,
}

impl Waiting {
    /// Counts the reasons of beads that have not ended.
    pub(crate) fn of(rows: Vec<BeadRow>) -> Self {
        let mut reasons: BTreeMap<String, Vec<BeadRow>> = BTreeMap::new();
        for row in rows {
            if let Some(reason) = &row.reason {
                reasons.entry(reason.code.clone()).or_default().push(row);
            }
        }
        Self { reasons }
    }

    /// Returns the reasons: those that need a person first, then by how many wait.
    fn sorted(&self) -> Vec<(&str, &[BeadRow], bool)> {
        let mut all: Vec<_> = self
            .reasons
            .iter()
            .map(|(code, rows)| {
                let by_itself = rows.iter().all(|row| {
                    row.reason
                        .as_ref()
                        .is_some_and(|reason| reason.clears_by_itself)
                });
                (code.as_str(), rows.as_slice(), by_itself)
            })
            .collect();
        all.sort_by_key(|(code, rows, by_itself)| {
            (*by_itself, std::cmp::Reverse(rows.len()), *code)
        });
        all
    }

    /// Makes the document of `gtd why` without an id.
    pub(crate) fn document(&self, rig: Option<&str>, needs_you: &[NeedsYou]) -> Value {
        let groups: Vec<Value> = self
            .sorted()
            .into_iter()
            .map(|(code, rows, by_itself)| {
                json!({
                    "code": code,
                    "count": rows.len(),
                    "clears_by_itself": by_itself,
                    "text": rows[0].reason.as_ref().map(|reason| reason.text.as_str()),
                    "beads": rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
                })
            })
            .collect();
        let unfinished: usize = self.reasons.values().map(Vec::len).sum();
        json!({"kind": "WhyList", "api": gtd_core::API, "rig": rig, "groups": groups,
            "unfinished": unfinished, "needs_you": needs_you})
    }
}

/// Shows what a whole rig waits for.
pub(crate) fn waiting(waiting: &Waiting, needs_you: &[NeedsYou], look: Look) -> Vec<String> {
    let sorted = waiting.sorted();
    let n: usize = sorted.iter().map(|(_, rows, _)| rows.len()).sum();
    let mut lines = match n {
        0 => vec!["nothing waits: every bead has ended".to_owned()],
        1 => vec!["1 bead has not ended".to_owned()],
        n => vec![format!("{n} beads have not ended")],
    };
    for (code, rows, by_itself) in sorted {
        let clears = if by_itself {
            "by itself".to_owned()
        } else {
            look.paint(Ink::Warn, "needs you")
        };
        let first = &rows[0];
        let text = first.reason.as_ref().map(|reason| reason.text.as_str());
        lines.push(format!(
            "  {:>3}  {code:<12} {clears:<9}  {} {}",
            rows.len(),
            first.id,
            text.unwrap_or_default()
        ));
    }
    for item in needs_you {
        let mark = look.paint(Ink::Warn, State::of("needs_you").mark(look));
        let holds = match item.unblocks {
            0 => String::new(),
            n => format!(", holds up {n}"),
        };
        let title = match item.title.as_str() {
            title if title.is_empty() || title == item.subject => String::new(),
            title => format!(" {}", look.title(title)),
        };
        lines.push(format!(
            "{mark} {}{title}: {}{holds}.  {}",
            item.subject, item.text, item.next
        ));
    }
    if look.ascii {
        lines = lines.into_iter().map(|line| ascii(&line)).collect();
    }
    lines
}
