//! One event of the log in one line, and as an object of a stream.

use gtd_client::Recorded;
use gtd_core::{
    Actor, BeadId, Event, GateRun, LandMode, Moment, PauseScope, RigName, Target, Verdict, marked,
    usd,
};
use serde_json::{Value, json};

use crate::output::{Ink, Look, span_ms, time_of_day};

/// What is known of the subject of an event beside the event itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The repository.
    pub(crate) rig: Option<RigName>,
    /// The title of the bead.
    pub(crate) title: String,
    /// The beads of the candidate.
    pub(crate) members: Vec<BeadId>,
}

/// Returns what an event is about: a candidate of one bead is that bead.
fn subject_of(event: &Event, subject: &Subject) -> Option<String> {
    match (event, subject.members.as_slice()) {
        (Event::CandidateLanded { .. }, [alone]) => Some(alone.to_string()),
        _ => event.subject(),
    }
}

/// Makes the object of a stream.
pub(crate) fn event_object(record: &Recorded, subject: &Subject) -> Value {
    let envelope = &record.envelope;
    let event = &envelope.event;
    let mut data = match serde_json::to_value(event) {
        // A variant stands below its own name.
        Ok(Value::Object(map)) => map.into_iter().next().map_or(json!({}), |(_, body)| body),
        _ => json!({}),
    };
    let candidate = matches!(
        event,
        Event::CandidateLanded { .. }
            | Event::CandidateJudged { .. }
            | Event::CandidateVoided { .. }
    );
    if candidate && let Some(data) = data.as_object_mut() {
        data.insert("beads".to_owned(), json!(subject.members));
    }
    json!({
        "kind": "Event",
        "api": gtd_core::API,
        "seq": record.revision,
        "at": Moment(envelope.at),
        "type": event.type_name(),
        "rig": event.rig().or(subject.rig.as_ref()),
        "actor": envelope.by.to_string(),
        "subject": subject_of(event, subject),
        "text": event_text(event, subject),
        "data": data,
    })
}

/// Shows an event in one line: when, who, what, about what, in words.
pub(crate) fn event_line(record: &Recorded, subject: &Subject, look: Look) -> String {
    let envelope = &record.envelope;
    let event = &envelope.event;
    let at = Moment(envelope.at).to_string();
    let time = time_of_day(&at, look).unwrap_or(at);
    let who = match &envelope.by {
        Actor::Lease { bead, .. } => bead.to_string(),
        other => other.to_string(),
    };
    let ink = if event.is_problem() {
        Ink::Warn
    } else if matches!(
        event,
        Event::CandidateLanded { .. } | Event::GoalClosed { .. }
    ) {
        Ink::Good
    } else {
        Ink::Plain
    };
    let mut line = format!(
        "{}  {who:<9} {}",
        look.paint(Ink::Faint, &time),
        look.paint(ink, &format!("{:<18}", event.type_name()))
    );
    let about = match (subject_of(event, subject), subject.title.as_str()) {
        (Some(id), "") => id,
        (Some(id), title) => format!("{id} {}", look.title(title)),
        (None, _) => String::new(),
    };
    for part in [about, event_text(event, subject)] {
        if !part.is_empty() {
            line.push_str("  ");
            line.push_str(&one_line(&part));
        }
    }
    line
}

/// Keeps a text on one line, without what a terminal would act upon.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn list(beads: &[BeadId]) -> String {
    let beads: Vec<&str> = beads.iter().map(BeadId::as_str).collect();
    beads.join(", ")
}

fn target(target: &Target) -> String {
    match target.mode {
        LandMode::Integration => format!("{} (for {})", target.short_ref(), target.branch),
        _ => target.short_ref().to_owned(),
    }
}

fn scope(scope: &PauseScope) -> String {
    match scope {
        PauseScope::Town => "the town".to_owned(),
        PauseScope::Rig(rig) => rig.to_string(),
        PauseScope::Bead(bead) => bead.to_string(),
        PauseScope::Role(role) => role.to_string(),
        PauseScope::Runtime(runtime) => runtime.to_string(),
    }
}

fn gate(run: &GateRun) -> String {
    let word = match run.verdict {
        Verdict::Passed => "green",
        Verdict::Failed => "red",
        Verdict::Infra => "could not run",
    };
    let detail = match run.verdict {
        Verdict::Passed => String::new(),
        _ => format!(" ({})", run.detail),
    };
    format!("{} {word}{detail} {}", run.gate, span_ms(run.took_ms))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "green",
        Verdict::Failed => "red",
        Verdict::Infra => "no verdict",
    }
}

fn short(commit: &gtd_core::Oid) -> String {
    commit.as_str().chars().take(7).collect()
}

/// Says in words what an event adds to its name and its subject; empty when nothing.
fn event_text(event: &Event, subject: &Subject) -> String {
    match event {
        Event::RigTrusted { rules, .. } => format!("{} gates", rules.gates.len()),
        Event::GoalOpened { goal, .. } => format!("for {}", target(&goal.target)),
        Event::PlanProposed {
            n_beads, summary, ..
        } => match summary.lines().next() {
            Some(first) => format!("{n_beads} beads: {first}"),
            None => format!("{n_beads} beads"),
        },
        Event::PlanRevised {
            replaces,
            n_beads,
            summary,
            ..
        } => {
            let first = summary.lines().next().unwrap_or_default();
            let text = format!(
                "{n_beads} beads in the place of {}: {first}",
                list(replaces)
            );
            text.trim_end_matches([':', ' ']).to_owned()
        }
        Event::PlanKept { why, .. } => why.clone(),
        Event::GoalClosed { outcome, why, .. }
        | Event::BeadClosed { outcome, why, .. }
        | Event::WorkClosed { outcome, why, .. } => {
            let word = match outcome {
                gtd_core::Outcome::Done => "done".to_owned(),
                gtd_core::Outcome::NoOp => "nothing had to change".to_owned(),
                gtd_core::Outcome::Duplicate { of } => format!("says the same as {of}"),
                gtd_core::Outcome::Cancelled => "cancelled".to_owned(),
                gtd_core::Outcome::Failed => "failed".to_owned(),
            };
            if why.is_empty() {
                word
            } else {
                format!("{word}: {why}")
            }
        }
        Event::LandConcluded { commit, why, .. } => match commit {
            Some(commit) => format!("the branch is at {}", short(commit)),
            None => why.clone(),
        },
        Event::BeadOpened { bead } => {
            let needs: Vec<BeadId> = bead.needs.iter().map(|need| need.on.clone()).collect();
            if needs.is_empty() {
                String::new()
            } else {
                format!("needs {}", list(&needs))
            }
        }
        Event::BeadJoined { goal, .. } => format!("answers {goal}"),
        Event::GoalEdited { max, until, .. } => {
            let max = max.map(|max| format!("{max} seats at most"));
            let until = until.map(|until| format!("until {}", Moment(until)));
            let limits: Vec<String> = max.into_iter().chain(until).collect();
            match limits.is_empty() {
                true => "no limits".to_owned(),
                false => limits.join(", "),
            }
        }
        Event::BeadSplit { parts, .. } => format!("into {}", list(parts)),
        Event::EdgeAdded { need, .. } => format!("needs {}", need.on),
        Event::EdgeRemoved { need, .. } => format!("no longer needs {}", need.on),
        Event::NoteAdded { note, .. } | Event::Told { note, .. } => note.text.clone(),
        Event::QuestionAsked { asked, .. } => asked.text.clone(),
        Event::QuestionAnswered { answer, .. } => answer.clone(),
        Event::ChangesWanted { why, .. }
        | Event::BeadParked { why, .. }
        | Event::WorkReturned { why, .. }
        | Event::LeaseExpired { why, .. }
        | Event::BeadQuarantined { why, .. }
        | Event::SubmissionReturned { why, .. } => why.text.clone(),
        Event::SeatOpened { rig, host, .. } => format!("on {rig}, {host}"),
        Event::LeaseGranted { lease, .. } => {
            format!("to {}, attempt {}", lease.holder.name(), lease.epoch)
        }
        Event::RunStarted { run, .. } => run.to_string(),
        Event::HandoverAsked { context, .. } => format!("its context is full: {}", context.told()),
        Event::HandoverGiven { handover, .. } => match handover.missing.as_str() {
            "" => format!(
                "{} things done, {} left",
                handover.done.len(),
                handover.left.len()
            ),
            missing => format!("none written: {missing}"),
        },
        Event::LeaseRenewed { until, .. } => format!("until {}", Moment(*until)),
        Event::UsageRecorded { usage, .. } => {
            let cost = match usage.usd_micros {
                0 => String::new(),
                micros => format!(", {}", marked(&usd(micros), usage.estimated)),
            };
            let input = usage.input + usage.cache_read + usage.cache_write;
            format!("{input} tokens in, {} out{cost}", usage.output)
        }
        Event::WorkSubmitted { head, summary, .. } => {
            format!("{} {summary}", short(head)).trim_end().to_owned()
        }
        Event::CandidateFormed { candidate } => {
            let members: Vec<BeadId> = candidate.members.iter().map(|m| m.bead.clone()).collect();
            format!("{} on {}", list(&members), short(&candidate.base))
        }
        Event::CandidateJudged {
            verdict: said,
            gates,
            ..
        } => {
            let gates: Vec<String> = gates.iter().map(gate).collect();
            format!("{}: {}", verdict(*said), gates.join(", "))
                .trim_end_matches([':', ' '])
                .to_owned()
        }
        Event::CandidateLanded { candidate, .. } => match subject.members.as_slice() {
            [_] => format!("by {candidate}"),
            members => list(members),
        },
        Event::BaseJudged { gate: run, .. } => gate(run),
        Event::SubmissionWaived { what, why, .. } => format!("{}: {why}", what.told()),
        Event::SubmissionGuarded { report, .. } => {
            format!("{}: {}", report.guard.word(), report.summary())
        }
        Event::SubmissionWeighed { weight, .. } => weight.told(),
        Event::ReviewBegan { review, .. } => format!("by {}", review.runtime),
        Event::ReviewEnded { outcome, .. } => match outcome {
            gtd_core::ReviewOutcome::Said(opinion) => {
                format!("{}: {}", opinion.verdict.word(), opinion.first_line())
                    .trim_end_matches([':', ' '])
                    .to_owned()
            }
            gtd_core::ReviewOutcome::Failed(fault) => format!("failed: {}", fault.text),
        },
        Event::TargetMoved { to, .. } => format!("somebody else moved it to {}", short(to)),
        Event::QueueHalted { halt, .. } => halt.text.clone(),
        Event::Escalated { text, .. } => text.clone(),
        Event::BreakerTripped { why, .. }
        | Event::TrustRevoked { why, .. }
        | Event::CandidateVoided { why, .. }
        | Event::Stopped { why }
        | Event::RoleDegraded { why, .. } => why.clone(),
        Event::Paused { scope: what, why } => format!("{}: {why}", scope(what))
            .trim_end_matches([':', ' '])
            .to_owned(),
        Event::Resumed { scope: what } => scope(what),
        Event::MailSent { mail } => format!("{} to {}: {}", mail.from, mail.to, mail.text),
        Event::EffectBackedOff { failures, why, .. } => format!("{failures} times: {why}"),
        Event::TownRestored { epochs } => {
            format!("from a backup; {} beads had begun since", epochs.len())
        }
        Event::OperationUndone { reversal } => reversal.what.clone(),
        Event::RigRemoved { .. }
        | Event::PlanApproved { .. }
        | Event::LandRequested { .. }
        | Event::BeadEdited { .. }
        | Event::BeadRetried { .. }
        | Event::BeadReopened { .. }
        | Event::SeatClosed { .. }
        | Event::QueueResumed { .. }
        | Event::Thawed
        | Event::MailAcked { .. }
        | Event::SubmissionPreferred { .. }
        | Event::SubmissionRestored { .. }
        | Event::MergesReleased { .. }
        | Event::ScheduleRemoved { .. }
        | Event::ScheduleResumed { .. }
        | Event::EffectRecovered { .. } => String::new(),
        Event::MergesHeld { hold } => hold.why.clone(),
        Event::CrewJoined { member } => format!("to the crew, on {}", member.branch()),
        Event::CrewLeaving { discard, .. } => match discard {
            true => "with what has not landed".to_owned(),
            false => String::new(),
        },
        Event::CrewConcluded { outcome, why, .. } => match outcome {
            gtd_core::CrewOutcome::Ready => "its worktree is ready".to_owned(),
            gtd_core::CrewOutcome::Gone if why.is_empty() => "its worktree is gone".to_owned(),
            gtd_core::CrewOutcome::Gone => format!("its worktree is gone; saved at {why}"),
            gtd_core::CrewOutcome::Kept => format!("its worktree stays: {why}"),
        },
        Event::CrewStarted { runtime, .. } => format!("with {runtime}"),
        Event::CrewStopped { .. } => "its session is kept".to_owned(),
        Event::CrewTold { note, .. } => note.text.clone(),
        Event::CrewTurnBegan { turn, run, .. } => format!("turn {turn}, {run}"),
        Event::CrewTurnEnded { turn, fault, .. } => match fault {
            Some(fault) => format!("turn {turn}: {fault}"),
            None => format!("turn {turn}"),
        },
        Event::DecisionSnoozed { snooze } => {
            format!("{} until {}", snooze.kind, Moment(snooze.until))
        }
        Event::DecisionWoken { kind, .. } => kind.clone(),
        Event::ScheduleAdded { schedule } => {
            format!("{}: {}", schedule.cron, schedule.goal.spec.title)
        }
        Event::SchedulePaused { why, .. } => why.clone(),
        Event::ScheduleFired { goal, missed, .. } => match missed {
            0 => goal.to_string(),
            1 => format!("{goal}; one time before it was missed"),
            missed => format!("{goal}; {missed} times before it were missed"),
        },
        Event::FlakyTestFiled { gate, test, .. } => format!("for {test} of gate {gate}"),
        Event::GateAsked { ask } => format!("of {}", short(&ask.commit)),
        Event::GateAnswered { runs, .. } => {
            let gates: Vec<String> = runs.iter().map(gate).collect();
            gates.join(", ")
        }
    }
}
