//! What an attempt claims, and what records show of it.

use gtd_core::{Moment, ReviewDoc, Timestamp, Waived};

use super::{
    merge::{guard_lines, reviewed},
    why::reason_line,
};
use crate::output::{Ink, Look, State, ago, span, span_ms};

/// Shows a review without the work itself: the claim, then the proof.
pub(crate) fn review(doc: &ReviewDoc, now: Timestamp, look: Look) -> Vec<String> {
    let state = State::of(&doc.state);
    let mut lines = vec![format!(
        "{}  {}  {}",
        look.paint(Ink::Strong, doc.bead.as_str()),
        look.title(&doc.title),
        look.paint(state.ink, &state.text(look)),
    )];
    let mut fact = |name: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("  {name:<11}{text}"));
        }
    };
    if let Some(reason) = &doc.reason {
        fact("why", reason_line(reason));
    }
    let claim = match (&doc.attempt, doc.claim.as_str()) {
        (None, _) => "nobody has worked on it yet".to_owned(),
        (Some(_), "") => "nothing was said".to_owned(),
        (Some(_), claim) => claim.trim().replace('\n', "\n             "),
    };
    fact("claim", claim);
    if let (Some(attempt), Some(agent)) = (doc.attempt, &doc.agent) {
        let when = doc.ended_at.map(|at| format!(", {}", ago(at, now)));
        fact(
            "attempt",
            format!("{attempt} by {agent}{}", when.unwrap_or_default()),
        );
    }
    let short = |oid: &Option<gtd_core::Oid>| oid.as_ref().map(|oid| oid.short().to_owned());
    let work = match (short(&doc.base), short(&doc.head)) {
        (Some(base), Some(head)) => format!("  {base}..{head}"),
        (None, Some(head)) => format!("  {head}"),
        _ => String::new(),
    };
    if let Some(branch) = &doc.branch {
        fact("work", format!("{branch}{work}"));
    }
    if let Some(landed) = short(&doc.landed) {
        let onto = doc.target.as_ref().map_or("", |target| target.short_ref());
        fact("landed", format!("{landed} on {onto}"));
    }
    fact("scope", doc.scope.join(" "));
    acceptance(&mut lines, doc, look);
    gates(&mut lines, doc, look);
    let reviewed = reviewed(doc.weight.as_ref(), &doc.reviews, look);
    if !reviewed.is_empty() {
        lines.push(look.paint(Ink::Faint, "REVIEW"));
        lines.extend(reviewed);
    }
    tries(&mut lines, doc, now, look);
    if !doc.notes.is_empty() {
        lines.push(look.paint(Ink::Faint, "NOTES"));
        for note in &doc.notes {
            let at = ago(Moment(note.at), now);
            let text = note.text.replace('\n', "\n    ");
            lines.push(format!("  {} {at}: {text}", note.by));
        }
    }
    lines
}

fn acceptance(lines: &mut Vec<String>, doc: &ReviewDoc, look: Look) {
    if doc.acceptance.is_empty() {
        return;
    }
    lines.push(look.paint(Ink::Faint, "ACCEPTANCE"));
    for criterion in &doc.acceptance {
        let (state, word) = match (criterion.met, &criterion.check) {
            (Some(true), _) => ("passed", "green"),
            (Some(false), _) => ("failed", "red"),
            (None, Some(_)) => ("draft", "no record shows it"),
            (None, None) => ("draft", "has no check"),
        };
        let state = State::of(state);
        let mark = look.paint(state.ink, state.mark(look));
        let check = criterion.check.as_deref();
        let check = check.map_or(String::new(), |check| format!("  ({check})"));
        let what = Waived::Criterion(criterion.text.clone());
        let mut waivers = doc.waivers.iter();
        let waiver = waivers.find(|waiver| waiver.what == what);
        let waiver = waiver.map_or(String::new(), |waiver| format!("  {}", waiver.told()));
        lines.push(format!(
            "  {mark} {}  {word}{check}{waiver}",
            criterion.text
        ));
    }
}

fn gates(lines: &mut Vec<String>, doc: &ReviewDoc, look: Look) {
    lines.push(look.paint(Ink::Faint, "GATES"));
    if doc.gates.is_empty() {
        lines.push("  none has run on it".to_owned());
    }
    for gate in &doc.gates {
        let run = &gate.run;
        let (state, word) = match run.verdict {
            gtd_core::Verdict::Passed => ("passed", "green"),
            gtd_core::Verdict::Failed => ("failed", "red"),
            gtd_core::Verdict::Infra => ("infra", "could not run"),
        };
        let state = State::of(state);
        let mark = look.paint(state.ink, state.mark(look));
        let what = match (&gate.candidate, gate.batch) {
            (None, _) => "you asked".to_owned(),
            (Some(_), 0 | 1) => "alone".to_owned(),
            (Some(_), n) => format!("with {} others", n - 1),
        };
        lines.push(format!(
            "  {mark} {}  {word}  {}  {}  attempt {}, {what}",
            run.gate,
            span_ms(run.took_ms),
            run.commit.short(),
            gate.attempt
        ));
        if let Some(report) = &run.tests {
            let told = report.told();
            let flaky = report.flaky.iter().map(|test| format!("flaky: {test}"));
            let counts = std::iter::once(report.counts().told());
            let told = told.lines().map(str::to_owned);
            lines.extend(
                counts
                    .chain(told)
                    .chain(flaky)
                    .map(|line| format!("      {line}")),
            );
        }
        let said: Vec<&str> = run.evidence.lines().collect();
        for line in &said[said.len().saturating_sub(6)..] {
            lines.push(format!("      | {line}"));
        }
    }
    let guards = doc.guards.iter();
    lines.extend(guards.flat_map(|report| guard_lines(report, &doc.waivers, look)));
}

fn tries(lines: &mut Vec<String>, doc: &ReviewDoc, now: Timestamp, look: Look) {
    if doc.attempts.is_empty() {
        return;
    }
    lines.push(look.paint(Ink::Faint, "TRIES"));
    for attempt in &doc.attempts {
        let ended = attempt.ended_at.unwrap_or(Moment(now));
        let took = span(ended.0.since(attempt.began_at.0));
        let text = match (&attempt.fault, &attempt.head) {
            (Some(fault), _) => fault.text.clone(),
            (None, Some(head)) => format!("handed in {}", head.short()),
            (None, None) => "goes on".to_owned(),
        };
        lines.push(format!(
            "  {}  {}  {took}  {text}",
            attempt.epoch, attempt.agent
        ));
    }
}
