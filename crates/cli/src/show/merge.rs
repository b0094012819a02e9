//! The merge queues, and single submissions in them.

use std::time::Duration;

use gtd_core::{
    Evidence, GuardReport, MergeDoc, MergeRow, MergeShownDoc, Oid, OpinionVerdict, ReviewOutcome,
    ReviewRecord, TestReport, Timestamp, Waived, Waiver, Weight, marked, usd,
};

use crate::output::{Cell, Ink, Look, State, Table, ago, clock, span, span_ms};

/// Shows each queue in a headline, and what waits in them as one table.
pub(crate) fn merge_list(
    queues: &[MergeDoc],
    rows: &[MergeRow],
    now: Timestamp,
    look: Look,
) -> Vec<String> {
    let mut lines = Vec::new();
    // A pipe gets rows and nothing else.
    if look.terminal {
        lines.extend(queues.iter().flat_map(|queue| headline(queue, now, look)));
    }
    if rows.is_empty() {
        return lines;
    }
    let mut table = Table::new(
        &["#", "BEAD", "STATE", "TITLE", "CANDIDATE", "FOR", "WHY"],
        &["TITLE", "WHY"],
    );
    for row in rows {
        let state = State::of(&row.state);
        let why = row.reason.as_ref().map(|reason| reason.text.clone());
        table.row([
            Cell::from(row.position.map_or(String::new(), |n| n.to_string())),
            Cell::inked(row.bead.as_str(), Ink::Strong),
            Cell::inked(
                if look.terminal {
                    state.text(look)
                } else {
                    row.state.clone()
                },
                state.ink,
            ),
            Cell::from(row.title.as_str()),
            Cell::from(row.candidate.clone().unwrap_or_default()),
            Cell::from(span(now.since(row.since.0))),
            Cell::inked(why.unwrap_or_default(), Ink::Faint),
        ]);
    }
    lines.extend(table.render(look));
    lines
}

/// One line for a queue, and one for each hold on it.
fn headline(queue: &MergeDoc, now: Timestamp, look: Look) -> Vec<String> {
    let state = State::of(&queue.state);
    let mut parts = vec![look.paint(state.ink, &state.text(look))];
    if queue.waiting > 0 {
        let oldest = span(Duration::from_secs(queue.oldest_wait_s));
        parts.push(format!("{} in it", queue.waiting));
        parts.push(look.paint(Ink::Strong, &format!("oldest wait {oldest}")));
    }
    let tip = queue.commit.as_deref().and_then(|commit| commit.get(..7));
    let green = match queue.green.as_slice() {
        [] => String::new(),
        gates => format!(" {} {}", State::of("ok").mark(look), gates.join(" ")),
    };
    if let Some(tip) = tip {
        parts.push(format!("base {tip}{green}"));
    }
    parts.push(format!("{} landed", queue.landings));
    let mut lines = vec![format!(
        "{}  {}",
        look.paint(Ink::Strong, &queue.branch),
        parts.join(" · ")
    )];
    if let Some(halt) = &queue.halt {
        lines.push(format!("  {halt}.   gtd merge resume -r {}", queue.rig));
    }
    for hold in &queue.holds {
        let until = hold.until.map_or(String::new(), |until| {
            format!(" until {}", clock(until, now, look))
        });
        let why = match hold.why.as_str() {
            "" => String::new(),
            why => format!(": {why}"),
        };
        lines.push(look.paint(
            Ink::Warn,
            &format!(
                "  {} by {}{why} ({}){until}   gtd merge resume -r {}",
                hold.kind.word(),
                hold.by,
                ago(hold.since, now),
                queue.rig
            ),
        ));
    }
    lines
}

/// Says what a landing is proven by.
fn proof(evidence: &Evidence, look: Look) -> Vec<String> {
    let mut lines = vec![format!(
        "  {}  tree {} on {}",
        evidence.commit.short(),
        evidence.tree.short(),
        evidence.base.short()
    )];
    for gate in &evidence.gates {
        let state = State::of(gate.verdict.word());
        let output = gate.output.get(..12).unwrap_or("not taken");
        lines.push(format!(
            "  {} {}  {}  output {output}  {}",
            look.paint(state.ink, &state.text(look)),
            gate.gate,
            span_ms(gate.took_ms),
            look.paint(Ink::Faint, &look.title(&gate.command)),
        ));
        lines.extend(gate.tests.iter().flat_map(|report| tests(report, look)));
    }
    for member in &evidence.members {
        let by = member.holder.as_ref();
        lines.push(format!(
            "  {} attempt {}  {}  {}",
            look.paint(Ink::Strong, member.bead.as_str()),
            member.epoch,
            member.head.short(),
            by.map_or("", |holder| holder.as_str()),
        ));
        for criterion in &member.acceptance {
            let state = State::of(criterion.verdict.word());
            let why = match (&criterion.waived, criterion.why.as_str()) {
                (Some(waiver), _) => format!("  {}", waiver.told()),
                (None, "") => String::new(),
                (None, why) => look.paint(Ink::Faint, &format!("  {why}")),
            };
            lines.push(format!(
                "    {} {}{why}",
                look.paint(state.ink, &state.text(look)),
                look.title(&criterion.text)
            ));
        }
        for guard in &member.guards {
            let told = guard_lines(&guard.report, guard.waived.as_slice(), look);
            lines.extend(told.into_iter().map(|line| format!("  {line}")));
        }
        let told = reviewed(member.weight.as_ref(), &member.reviews, look);
        lines.extend(told.into_iter().map(|line| format!("  {line}")));
        for yes in &member.approvals {
            lines.push(format!("    approved by {}", yes.by));
        }
    }
    lines
}

/// Says what a gate of gtd's own found, a line for each finding.
pub(super) fn guard_lines(report: &GuardReport, waivers: &[Waiver], look: Look) -> Vec<String> {
    let word = report.guard.word();
    if report.is_clean() && report.guard.asks() {
        // Most work changes nothing that is protected.
        return Vec::new();
    }
    if report.is_clean() {
        let mark = look.paint(Ink::Good, State::of("ok").mark(look));
        let remark = match report.remark.as_str() {
            "" => String::new(),
            remark => format!("  ({remark})"),
        };
        return vec![format!("  {mark} {word}  found nothing{remark}")];
    }
    let mark = look.paint(Ink::Warn, "!");
    let mut lines = vec![format!("  {mark} {word}  {}", report.guard.says())];
    let told = report.told();
    lines.extend(told.lines().map(|line| format!("    {}", look.title(line))));
    let mut waivers = waivers.iter();
    let waiver = waivers.find(|waiver| waiver.what == Waived::Guard(report.guard));
    lines.extend(waiver.map(|waiver| format!("    {}", look.title(&waiver.told()))));
    lines
}

/// Says how much was handed in, what of it is risky, and what reviewers say of it.
pub(super) fn reviewed(
    weight: Option<&Weight>,
    reviews: &[ReviewRecord],
    look: Look,
) -> Vec<String> {
    let weight = weight.map(|weight| format!("  {}", look.title(&weight.told())));
    let reviews = reviews.iter().flat_map(|record| review_lines(record, look));
    weight.into_iter().chain(reviews).collect()
}

/// Says what a reviewer said of a commit, who that was, and what it cost.
fn review_lines(record: &ReviewRecord, look: Look) -> Vec<String> {
    let review = &record.review;
    let cost = match record.usd_micros {
        0 => String::new(),
        micros => format!("  {}", marked(&usd(micros), record.estimated)),
    };
    let took = review.ended.map_or(String::new(), |ended| {
        format!("  {}", span(ended.since(review.began)))
    });
    let (state, word) = match &review.outcome {
        None => ("running", "reads"),
        Some(ReviewOutcome::Said(opinion)) => match opinion.verdict {
            OpinionVerdict::Approve => ("ok", "approves"),
            OpinionVerdict::Changes => ("failed", "wants changes"),
        },
        Some(ReviewOutcome::Failed(_)) => ("infra", "failed"),
    };
    let state = State::of(state);
    let mark = look.paint(state.ink, state.mark(look));
    let mut lines = vec![format!(
        "  {mark} {} {}  {word}{took}{cost}",
        record.role,
        look.title(&review.by())
    )];
    let told = match &review.outcome {
        None => String::new(),
        Some(ReviewOutcome::Said(opinion)) => format!("{}\n{}", opinion.summary, opinion.told()),
        Some(ReviewOutcome::Failed(fault)) => fault.text.clone(),
    };
    let told = told.lines().filter(|line| !line.trim().is_empty());
    lines.extend(told.map(|line| format!("      {}", look.title(line))));
    lines
}

/// Says what single tests of a gate showed.
fn tests(report: &TestReport, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    if report.passed + report.failed + report.skipped > 0 {
        lines.push(format!("    {}", report.counts().told()));
    }
    let flaky = State::of("flaky");
    lines.extend(report.flaky.iter().map(|test| {
        let mark = look.paint(flaky.ink, &flaky.text(look));
        format!("    {mark} {}", look.title(test))
    }));
    if !report.remark.is_empty() {
        let remark = format!("    its report: {}", report.remark);
        lines.push(look.paint(Ink::Faint, &remark));
    }
    lines
}

/// Shows one submission, or all of a candidate.
pub(crate) fn merge_shown(doc: &MergeShownDoc, now: Timestamp, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &doc.members {
        let state = State::of(&row.state);
        let place = row.position.map_or(String::new(), |n| format!("  #{n}"));
        lines.push(format!(
            "{}  {}  {}{place}  {}",
            look.paint(Ink::Strong, row.bead.as_str()),
            look.title(&row.title),
            look.paint(state.ink, &state.text(look)),
            ago(row.since, now)
        ));
        let mut fact = |name: &str, text: String| {
            if !text.is_empty() {
                lines.push(format!("  {name:<11}{text}"));
            }
        };
        if let Some(reason) = &row.reason {
            fact("why", format!("{}: {}", reason.code, reason.text));
        }
        fact("onto", row.branch.clone());
        let short =
            |oid: &Option<Oid>| oid.as_ref().map_or(String::new(), |o| o.short().to_owned());
        fact("commit", short(&row.commit));
        fact("base", short(&row.base));
        let of = match row.batch {
            0 | 1 => String::new(),
            n => format!(" with {} more", n - 1),
        };
        if let Some(candidate) = &row.candidate {
            fact("candidate", format!("{candidate}{of}"));
        }
        for run in &row.gates {
            let state = State::of(run.verdict.word());
            fact(
                "gate",
                format!(
                    "{} {}  {}  gtd logs {}",
                    look.paint(state.ink, &state.text(look)),
                    run.gate,
                    span_ms(run.took_ms),
                    run.run
                ),
            );
        }
    }
    // A landing tells it in its evidence.
    if doc.evidence.is_none() {
        for row in &doc.members {
            let guards = row.guards.iter();
            lines.extend(guards.flat_map(|report| guard_lines(report, &row.waivers, look)));
            lines.extend(reviewed(row.weight.as_ref(), &row.reviews, look));
        }
    }
    if let Some(evidence) = &doc.evidence {
        lines.push(look.paint(Ink::Faint, "EVIDENCE"));
        lines.extend(proof(evidence, look));
    }
    if !doc.attempts.is_empty() {
        lines.push(look.paint(Ink::Faint, "EVENTS"));
    }
    for attempt in doc.attempts.iter().rev().take(6).rev() {
        let at = ago(attempt.ended_at.unwrap_or(attempt.began_at), now);
        let text = match (&attempt.fault, &attempt.head) {
            (Some(fault), _) => fault.text.clone(),
            (None, Some(head)) => format!("handed in {}", head.short()),
            (None, None) => "at work".to_owned(),
        };
        lines.push(format!("  {at}  attempt {}  {text}", attempt.epoch));
    }
    let next: Vec<String> = doc.next.iter().map(|step| step.cmd.clone()).collect();
    if look.terminal && !next.is_empty() {
        lines.push(look.paint(Ink::Faint, &format!("next  {}", next.join(" · "))));
    }
    lines
}
