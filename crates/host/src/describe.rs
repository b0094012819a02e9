//! One line of a role's log for each command.

use gtd_core::{Command, ReviewOutcome};

/// Names a command with its subject, for the role's log.
pub(crate) fn describe(command: &Command) -> String {
    let text = format!("{command:?}");
    let word = text.split([' ', '{']).next().unwrap_or_default();
    let subject = match command {
        Command::Grant {
            bead, seat, epoch, ..
        } => format!("{bead} to {seat}, epoch {epoch}"),
        Command::Started { bead, epoch, .. }
        | Command::AskHandover { bead, epoch, .. }
        | Command::GiveHandover { bead, epoch, .. }
        | Command::Submit { bead, epoch, .. }
        | Command::Finish { bead, epoch, .. } => format!("{bead}, epoch {epoch}"),
        Command::Return { bead, epoch, why }
        | Command::Expire { bead, epoch, why }
        | Command::SendBack { bead, epoch, why } => format!("{bead}, epoch {epoch}: {}", why.text),
        Command::Quarantine { bead } => bead.to_string(),
        Command::Form { id, members, .. } => format!(
            "{id}: {}",
            members
                .iter()
                .map(|member| member.bead.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        ),
        Command::Judge {
            candidate, verdict, ..
        } => format!("{candidate}: {verdict:?}"),
        Command::Land { candidate } | Command::Void { candidate, .. } => candidate.to_string(),
        Command::FireSchedule {
            schedule, missed, ..
        } => match missed {
            0 => schedule.to_string(),
            missed => format!("{schedule}, {missed} missed before"),
        },
        Command::ResumeSchedule { schedule, .. } => schedule.to_string(),
        Command::BeginPlan {
            goal,
            runtime,
            epoch,
            ..
        } => format!("{goal} with {runtime}, epoch {epoch}"),
        Command::Weigh { bead, weight, .. } => format!("{bead}: {}", weight.told()),
        Command::BeginReview {
            bead,
            number,
            runtime,
            ..
        } => format!("{bead} with {runtime}, number {number}"),
        Command::EndReview { bead, outcome, .. } => match outcome {
            ReviewOutcome::Said(opinion) => format!("{bead}: {}", opinion.verdict.word()),
            ReviewOutcome::Failed(fault) => format!("{bead}: {}", fault.text),
        },
        Command::ProposePlan { goal, plan, .. } => format!("{goal}: {} beads", plan.beads.len()),
        Command::CloseGoal { goal, why, .. } => format!("{goal}: {why}"),
        Command::ConcludeCrew {
            member, outcome, ..
        } => format!("{member}: {outcome:?}"),
        Command::BeginCrewTurn { member, turn, .. } => format!("{member}: turn {turn}"),
        Command::EndCrewTurn {
            member,
            turn,
            fault,
            ..
        } => match fault {
            Some(fault) => format!("{member}: turn {turn}: {fault}"),
            None => format!("{member}: turn {turn}"),
        },
        Command::OpenSeat { seat, .. } | Command::CloseSeat { seat } => seat.to_string(),
        Command::ObserveTarget { target, tip } => format!("{} at {}", target.key(), tip.short()),
        Command::AnswerGate { number, runs } => {
            let verdicts: Vec<String> = runs
                .iter()
                .map(|run| format!("{:?}", run.verdict))
                .collect();
            format!("{number}: {}", verdicts.join(" "))
        }
        _ => String::new(),
    };
    if subject.is_empty() {
        word.to_owned()
    } else {
        format!("{word} {subject}")
    }
}
