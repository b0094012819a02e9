//! The whole town on one page: does it need me, what is done, is it healthy.

use std::time::Duration;

use gtd_core::{AgentDoc, ConvoyRow, LimitDoc, MergeDoc, Moment, NeedsYou, StatusDoc, Timestamp};

use crate::output::{Cell, Ink, Look, State, Table, ago, clock, span};

const BAR: usize = 20;

/// Shows the page; `title` says of what.
pub(crate) fn status(doc: &StatusDoc, title: &str, now: Timestamp, look: Look) -> Vec<String> {
    let mut lines = vec![look.paint(Ink::Strong, title)];
    if let Some(stopped) = &doc.stopped {
        let mark = State::of("needs_you").mark(look);
        lines.push(look.paint(Ink::Bad, &format!("{mark} STOPPED {stopped}")));
        lines.push("  go on:  gtd resume --all".to_owned());
    }
    for short in &doc.short {
        let mark = State::of("needs_you").mark(look);
        lines.push(look.paint(Ink::Warn, &format!("{mark} SHORT {short}")));
        lines.push("  it goes on by itself when there is room:  gtd doctor --only host".to_owned());
    }
    // The stop has its own line above.
    let needs: Vec<&NeedsYou> = doc
        .needs_you
        .iter()
        .filter(|item| item.kind != "stop")
        .collect();
    if !needs.is_empty() {
        let mark = State::of("needs_you").mark(look);
        let n = needs.len();
        let verb = if n == 1 { "needs" } else { "need" };
        lines.push(look.paint(Ink::Warn, &format!("{mark} {n} {verb} you")));
        lines.extend(needs.iter().flat_map(|item| needs_you(item, now, look)));
    }
    for silent in &doc.silent {
        lines.push(look.paint(Ink::Warn, &format!("! you were not told by {silent}")));
        lines.push("  try it:  gtd notify test".to_owned());
    }
    for held in doc.limits.iter().filter(|held| held.until.is_some()) {
        lines.push(format!(
            "held     {}: {}",
            held.runtime,
            limit(held, now, look)
        ));
    }
    for budget in doc.budgets.iter().filter(|b| b.is_nearly_used()) {
        let again = match budget.again {
            Some(again) => format!("; again {}", clock(again, now, look)),
            None => format!("; {}", budget.raise),
        };
        lines.push(format!("budget   {}{again}", budget.text));
    }
    if let Some(first) = doc.snoozed_until {
        let text = snoozed(doc.snoozed, first, now);
        lines.push(look.paint(Ink::Faint, &format!("inbox    {text}: gtd inbox --snoozed")));
    }
    for row in &doc.convoys {
        lines.push(progress(row, look));
    }
    for queue in &doc.merge {
        lines.push(merge(queue, look));
    }
    for row in &doc.convoys {
        if let Some(into) = &row.home {
            let (id, branch) = (&row.id, &row.branch);
            lines.push(format!(
                "home     {branch} waits to go into {into}: gtd convoy land {id}"
            ));
        }
    }
    let loose: Vec<String> = doc
        .counts
        .iter()
        .map(|(state, n)| format!("{n} {}", State::of(state).word))
        .collect();
    if !loose.is_empty() {
        lines.push(format!("beads    {}", loose.join(" · ")));
    }
    lines.push(format!(
        "spend    {} · idle roles {} tokens",
        gtd_core::marked(&dollars(doc.usd.0), doc.usd_estimated),
        doc.idle_tokens
    ));
    let working: Vec<&AgentDoc> = doc.agents.iter().filter(|a| a.bead.is_some()).collect();
    let mut table = Table::new(
        &["NAME", "BEAD", "ACTIVITY", "ATTEMPT"],
        &["BEAD", "ACTIVITY"],
    );
    for agent in working {
        let state = State::of(&agent.state);
        let bead = agent.bead.as_ref().map(ToString::to_string);
        let title = agent.title.as_deref().unwrap_or_default();
        let attempt = agent.attempt.map(|n| format!("attempt {n}"));
        table.row([
            Cell::inked(format!("{} {}", state.mark(look), agent.name), state.ink),
            Cell::from(format!("{} {title}", bead.unwrap_or_default())),
            Cell::from(agent.activity.as_str()),
            Cell::inked(attempt.unwrap_or_default(), Ink::Faint),
        ]);
    }
    lines.extend(table.render_plain(look));
    if doc.convoys.is_empty() && doc.counts.is_empty() && doc.needs_you.is_empty() {
        lines.push("nothing to do.  gtd goal \"…\"".to_owned());
    }
    if look.ascii {
        lines = lines.into_iter().map(|line| ascii(&line)).collect();
    }
    lines
}

/// The two lines of a thing that needs a person: what it is, and the command that answers it.
pub(crate) fn needs_you(item: &NeedsYou, now: Timestamp, look: Look) -> [String; 2] {
    let holds = match item.unblocks {
        0 => String::new(),
        n => format!("; holds up {n}"),
    };
    let title = match item.title.as_str() {
        title if title.is_empty() || title == item.subject => item.subject.clone(),
        title => format!("{} {}", item.subject, look.title(title)),
    };
    let number = item.n.map_or_else(String::new, |n| format!("{n}"));
    [
        format!(
            "  {number:>3}  {:<8} {title}: {} ({}{holds})",
            item.kind,
            item.text,
            ago(item.since, now)
        ),
        match item.snoozed_until {
            None => format!("                {}", item.next),
            Some(at) => format!(
                "                {}   snoozed, {}",
                item.next,
                comes_back(at, now)
            ),
        },
    ]
}

/// Says when something comes back: "comes back in 8h".
pub(crate) fn comes_back(at: Moment, now: Timestamp) -> String {
    format!("comes back {}", ago(at, now))
}

/// Says how many decisions are out of sight, and until when.
pub(crate) fn snoozed(n: usize, first: Moment, now: Timestamp) -> String {
    let back = comes_back(first, now);
    match n {
        1 => format!("1 is snoozed, and {back}"),
        n => format!("{n} are snoozed; the first {back}"),
    }
}

fn progress(row: &ConvoyRow, look: Look) -> String {
    let bar = match look.width.filter(|_| look.terminal) {
        Some(..60) => 0,
        Some(..100) => BAR / 2,
        _ => BAR,
    };
    let full = (row.done * bar).checked_div(row.total).unwrap_or(0);
    let (done, rest) = if look.ascii {
        ("#", ".")
    } else {
        ("█", "░")
    };
    let state = State::of(&row.state);
    // Who cancels a goal has not seen it fail.
    let fate = if row.state == gtd_core::GoalState::Cancelled.word() {
        "cancelled"
    } else {
        "failed"
    };
    let mut parts = vec![format!("{}/{} landed", row.landed, row.total)];
    for (n, word) in [
        (row.done.saturating_sub(row.landed), "closed"),
        (row.queued, "in queue"),
        (row.running, "running"),
        (row.parked, "parked"),
        (row.failed, fate),
    ] {
        if n > 0 {
            parts.push(format!("{n} {word}"));
        }
    }
    let gap = if bar > 0 { "  " } else { "" };
    format!(
        "{}  {}{gap}{}{}  {}  {}",
        look.paint(Ink::Strong, row.id.as_str()),
        look.title(&row.title),
        look.paint(Ink::Good, &done.repeat(full)),
        rest.repeat(bar - full),
        look.paint(state.ink, &state.text(look)),
        parts.join(" · "),
    )
}

fn merge(queue: &MergeDoc, look: Look) -> String {
    let state = State::of(&queue.state);
    let mut parts = vec![match &queue.candidate {
        Some(candidate) => format!("{} {candidate}", queue.state),
        None => queue.state.clone(),
    }];
    if queue.waiting > 0 {
        parts.push(format!("{} in it", queue.waiting));
        parts.push(format!(
            "oldest {}",
            span(Duration::from_secs(queue.oldest_wait_s))
        ));
    }
    if let Some(halt) = &queue.halt {
        parts.push(halt.clone());
    }
    let tip = queue.commit.as_deref().and_then(|commit| commit.get(..7));
    if let Some(tip) = tip {
        parts.push(format!("base {tip}"));
    }
    format!(
        "merge    {}  {}",
        queue.branch,
        look.paint(state.ink, &parts.join(" · "))
    )
}

pub(super) fn dollars(micros: u64) -> String {
    format!("${}.{:02}", micros / 1_000_000, micros / 10_000 % 100)
}

/// Says what holds up a runtime, and until when.
pub(crate) fn limit(held: &LimitDoc, now: Timestamp, look: Look) -> String {
    match held.until {
        Some(until) => format!("{}; tries again {}", held.text, clock(until, now, look)),
        None => format!("{}; until you say so: {}", held.text, held.next),
    }
}

/// Replaces the few marks that stand between words.
pub(super) fn ascii(line: &str) -> String {
    line.replace(" · ", ", ")
        .replace('…', "...")
        .replace('–', "-")
}

/// Lists who is at work, and the empty seats.
pub(crate) fn agent_table(agents: &[AgentDoc], now: Timestamp, look: Look) -> Vec<String> {
    let mut table = Table::new(
        &["NAME", "ROLE", "RUNTIME", "STATE", "BEAD", "FOR", "DOING"],
        &["BEAD", "DOING"],
    );
    for agent in agents {
        let state = State::of(&agent.state);
        // A program wants an empty field where a person wants to see that there is nothing.
        let dash = || match look.terminal {
            true => look.mark("–", "-").to_owned(),
            false => String::new(),
        };
        let title = agent.title.as_deref().unwrap_or_default();
        let bead = agent.bead.as_ref();
        table.row([
            Cell::inked(agent.name.as_str(), Ink::Strong),
            Cell::from(agent.role.as_str()),
            Cell::from(agent.runtime.clone().unwrap_or_else(dash)),
            Cell::inked(
                if look.terminal {
                    state.text(look)
                } else {
                    agent.state.clone()
                },
                state.ink,
            ),
            Cell::from(bead.map_or_else(dash, |bead| format!("{bead} {title}"))),
            Cell::from(
                agent
                    .started_at
                    .map_or_else(dash, |at| span(now.since(at.0))),
            ),
            Cell::inked(agent.activity.as_str(), Ink::Faint),
        ]);
    }
    table.render(look)
}
