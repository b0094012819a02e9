//! Who may call what: one table, and nothing that is not in it.
//!
//! | caller | is |
//! |---|---|
//! | person | a process of this user that no run of this town started |
//! | agent | a process below one of this town's shims that shows no token |
//! | role | whoever shows the token of a role |
//! | lease holder | whoever shows the token of a lease; its service then holds it to that lease |
//! | agent with a lease | a lease holder below one of this town's shims: only the verbs that its role file lists in `access.gtd` |
//!
//! Reading is for everyone. A method without a row is refused, and a test
//! holds the table to the descriptions of the protocol.

use gtd_core::{BeadId, Rejection};
use gtd_wire::Caller;

use crate::callers::Proven;

/// Roles that may call a method.
#[derive(Debug, Clone, Copy)]
enum Roles {
    None,
    These(&'static [&'static str]),
    Any,
}

/// Who may call a method.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    everyone: bool,
    person: bool,
    roles: Roles,
    lease: bool,
}

const NOBODY: Rule = Rule {
    everyone: false,
    person: false,
    roles: Roles::None,
    lease: false,
};
const EVERYONE: Rule = Rule {
    everyone: true,
    ..NOBODY
};
const PERSON: Rule = Rule {
    person: true,
    ..NOBODY
};
const MAYOR: Rule = roles(NOBODY, &["mayor"]);
const CREW: Rule = roles(NOBODY, &["crew"]);
const REFINERY: Rule = roles(NOBODY, &["refinery"]);
const WITNESS: Rule = roles(NOBODY, &["witness"]);
const ANY_ROLE: Rule = any_role(NOBODY);
/// What the worker role alone knows of the sessions that it drives.
const SESSION: Rule = Rule {
    lease: true,
    ..roles(NOBODY, &["worker"])
};
/// The worker role drives the leases of its seats; a person, those that it claimed.
const HOLDER: Rule = Rule {
    lease: true,
    ..roles(PERSON, &["worker"])
};
/// The mayor drives the attempts at plans besides.
const DRIVER: Rule = Rule {
    lease: true,
    ..roles(PERSON, &["worker", "mayor"])
};
/// The refinery drives the reviews besides, and tells what they use.
const METER: Rule = Rule {
    lease: true,
    ..roles(PERSON, &["worker", "mayor", "refinery"])
};

const fn roles(rule: Rule, names: &'static [&'static str]) -> Rule {
    Rule {
        roles: Roles::These(names),
        ..rule
    }
}

const fn any_role(rule: Rule) -> Rule {
    Rule {
        roles: Roles::Any,
        ..rule
    }
}

/// Every method, by its full name.
pub(crate) const TABLE: &[(&str, Rule)] = &[
    ("gtd.goal.v1.GoalService/Submit", PERSON),
    ("gtd.goal.v1.GoalService/Gather", PERSON),
    ("gtd.goal.v1.GoalService/Join", PERSON),
    ("gtd.goal.v1.GoalService/EditGoal", PERSON),
    ("gtd.goal.v1.GoalService/Reopen", PERSON),
    ("gtd.goal.v1.GoalService/Split", PERSON),
    ("gtd.goal.v1.GoalService/Snooze", PERSON),
    ("gtd.goal.v1.GoalService/Import", PERSON),
    ("gtd.goal.v1.GoalService/Approve", PERSON),
    ("gtd.goal.v1.GoalService/Cancel", PERSON),
    ("gtd.goal.v1.GoalService/CreateBead", PERSON),
    ("gtd.goal.v1.GoalService/EditBead", PERSON),
    ("gtd.goal.v1.GoalService/Link", PERSON),
    ("gtd.goal.v1.GoalService/Unlink", PERSON),
    ("gtd.goal.v1.GoalService/Note", any_role(PERSON)),
    ("gtd.goal.v1.GoalService/Close", PERSON),
    ("gtd.goal.v1.GoalService/Retry", PERSON),
    ("gtd.goal.v1.GoalService/Park", PERSON),
    ("gtd.goal.v1.GoalService/Tell", PERSON),
    ("gtd.goal.v1.GoalService/WantChanges", PERSON),
    ("gtd.goal.v1.GoalService/Land", PERSON),
    ("gtd.goal.v1.GoalService/Answer", PERSON),
    ("gtd.goal.v1.GoalService/AddCrew", PERSON),
    ("gtd.goal.v1.GoalService/RemoveCrew", PERSON),
    ("gtd.goal.v1.GoalService/StartCrew", PERSON),
    ("gtd.goal.v1.GoalService/StopCrew", PERSON),
    ("gtd.goal.v1.GoalService/TellCrew", PERSON),
    ("gtd.goal.v1.GoalService/AddSchedule", PERSON),
    ("gtd.goal.v1.GoalService/RemoveSchedule", PERSON),
    ("gtd.goal.v1.GoalService/PauseSchedule", PERSON),
    ("gtd.goal.v1.GoalService/ResumeSchedule", CLOCK),
    ("gtd.goal.v1.GoalService/FireSchedule", CLOCK),
    ("gtd.plan.v1.PlanService/Begin", MAYOR),
    ("gtd.plan.v1.PlanService/Propose", MAYOR),
    ("gtd.plan.v1.PlanService/Close", MAYOR),
    ("gtd.plan.v1.PlanService/Means", EVERYONE),
    ("gtd.seat.v1.SeatService/Open", CREW),
    ("gtd.seat.v1.SeatService/Close", CREW),
    ("gtd.seat.v1.SeatService/Grant", CREW),
    ("gtd.seat.v1.SeatService/Conclude", CREW),
    ("gtd.seat.v1.SeatService/BeginTurn", CREW),
    ("gtd.seat.v1.SeatService/EndTurn", CREW),
    ("gtd.work.v1.WorkService/Claim", PERSON),
    ("gtd.work.v1.WorkService/ClaimNext", PERSON),
    ("gtd.work.v1.WorkService/Brief", HOLDER),
    ("gtd.work.v1.WorkService/Note", HOLDER),
    ("gtd.work.v1.WorkService/Ask", HOLDER),
    ("gtd.work.v1.WorkService/Discover", HOLDER),
    ("gtd.work.v1.WorkService/Submit", HOLDER),
    ("gtd.work.v1.WorkService/Return", DRIVER),
    ("gtd.work.v1.WorkService/Finish", HOLDER),
    ("gtd.work.v1.WorkService/Started", DRIVER),
    ("gtd.work.v1.WorkService/AskHandover", SESSION),
    ("gtd.work.v1.WorkService/GiveHandover", SESSION),
    ("gtd.work.v1.WorkService/Heartbeat", HOLDER),
    ("gtd.work.v1.WorkService/RecordUsage", METER),
    ("gtd.merge.v1.MergeService/Form", REFINERY),
    ("gtd.merge.v1.MergeService/Judge", REFINERY),
    ("gtd.merge.v1.MergeService/Land", REFINERY),
    ("gtd.merge.v1.MergeService/Void", REFINERY),
    ("gtd.merge.v1.MergeService/SendBack", REFINERY),
    ("gtd.merge.v1.MergeService/RecordGuard", REFINERY),
    ("gtd.merge.v1.MergeService/Weigh", REFINERY),
    ("gtd.merge.v1.MergeService/BeginReview", REFINERY),
    ("gtd.merge.v1.MergeService/EndReview", REFINERY),
    ("gtd.merge.v1.MergeService/ObserveTarget", REFINERY),
    ("gtd.merge.v1.MergeService/JudgeBase", REFINERY),
    ("gtd.merge.v1.MergeService/ConcludeLanding", REFINERY),
    ("gtd.merge.v1.MergeService/AnswerGate", REFINERY),
    ("gtd.merge.v1.MergeService/MayMove", EVERYONE),
    ("gtd.merge.v1.MergeService/Hold", PERSON),
    ("gtd.merge.v1.MergeService/Release", PERSON),
    ("gtd.merge.v1.MergeService/Prefer", PERSON),
    ("gtd.merge.v1.MergeService/Retry", PERSON),
    ("gtd.merge.v1.MergeService/Waive", PERSON),
    ("gtd.merge.v1.MergeService/AskGate", PERSON),
    ("gtd.merge.v1.MergeService/Get", EVERYONE),
    ("gtd.merge.v1.MergeService/GateHistory", EVERYONE),
    ("gtd.health.v1.HealthService/Expire", WITNESS),
    ("gtd.health.v1.HealthService/Quarantine", WITNESS),
    ("gtd.health.v1.HealthService/TripBreaker", WITNESS),
    ("gtd.health.v1.HealthService/Escalate", ANY_ROLE),
    ("gtd.host.v1.HostService/Attach", ANY_ROLE),
    ("gtd.host.v1.HostService/BackOff", ANY_ROLE),
    ("gtd.host.v1.HostService/Recover", ANY_ROLE),
    ("gtd.host.v1.HostService/Degrade", ANY_ROLE),
    ("gtd.mail.v1.MailService/Send", MAIL),
    ("gtd.mail.v1.MailService/Read", EVERYONE),
    ("gtd.mail.v1.MailService/Ack", MAIL),
    ("gtd.graph.v1.GraphService/Snapshot", EVERYONE),
    ("gtd.graph.v1.GraphService/Watch", EVERYONE),
    ("gtd.graph.v1.GraphService/Get", EVERYONE),
    ("gtd.graph.v1.GraphService/Query", EVERYONE),
    ("gtd.graph.v1.GraphService/Log", EVERYONE),
    ("gtd.run.v1.RunService/List", EVERYONE),
    ("gtd.run.v1.RunService/Tail", EVERYONE),
    ("gtd.run.v1.RunService/Stop", PERSON),
    ("gtd.town.v1.TownService/Hello", EVERYONE),
    ("gtd.town.v1.TownService/Status", EVERYONE),
    ("gtd.town.v1.TownService/Why", EVERYONE),
    ("gtd.town.v1.TownService/Report", EVERYONE),
    ("gtd.town.v1.TownService/Cost", EVERYONE),
    ("gtd.town.v1.TownService/TrustReport", EVERYONE),
    ("gtd.town.v1.TownService/Pause", PERSON),
    ("gtd.town.v1.TownService/Resume", PERSON),
    ("gtd.town.v1.TownService/StopAll", PERSON),
    ("gtd.town.v1.TownService/Thaw", PERSON),
    ("gtd.town.v1.TownService/Shutdown", PERSON),
    ("gtd.town.v1.TownService/Config", EVERYONE),
    ("gtd.town.v1.TownService/AddRig", PERSON),
    ("gtd.town.v1.TownService/TrustRig", PERSON),
    ("gtd.town.v1.TownService/RemoveRig", PERSON),
    ("gtd.town.v1.TownService/SweepRig", PERSON),
    ("gtd.town.v1.TownService/RevokeTrust", PERSON),
    ("gtd.town.v1.TownService/ListRigs", EVERYONE),
    ("gtd.town.v1.TownService/Roles", EVERYONE),
    ("gtd.town.v1.TownService/CheckRoles", EVERYONE),
    ("gtd.town.v1.TownService/RenderRole", EVERYONE),
    ("gtd.town.v1.TownService/Gates", EVERYONE),
    ("gtd.town.v1.TownService/Backup", PERSON),
    ("gtd.town.v1.TownService/ScheduleBackups", PERSON),
    ("gtd.town.v1.TownService/Operations", EVERYONE),
    ("gtd.town.v1.TownService/Undo", PERSON),
    ("gtd.town.v1.TownService/Review", EVERYONE),
    ("gtd.town.v1.TownService/TryChannels", PERSON),
    ("gtd.town.v1.TownService/Timeline", EVERYONE),
    ("gtd.town.v1.TownService/Logs", EVERYONE),
];

/// The mayor lets goals come by the clock, and a person does when they want one now.
const CLOCK: Rule = roles(PERSON, &["mayor"]);
const MAIL: Rule = Rule {
    lease: true,
    ..any_role(PERSON)
};

/// The verbs of `gtd` by which an agent calls the methods of its lease; any of a row's is enough.
///
/// A method of the lease without a row is for the worker role, which drives the lease.
const VERBS: &[(&str, &[&str])] = &[
    ("gtd.work.v1.WorkService/Brief", &["brief", "bead show"]),
    ("gtd.work.v1.WorkService/Note", &["bead note"]),
    ("gtd.work.v1.WorkService/Ask", &["ask"]),
    (
        "gtd.work.v1.WorkService/Discover",
        &["bead create --discovered-from"],
    ),
    ("gtd.work.v1.WorkService/Submit", &["done"]),
    ("gtd.work.v1.WorkService/Finish", &["done"]),
    ("gtd.mail.v1.MailService/Send", &["mail"]),
    ("gtd.mail.v1.MailService/Ack", &["mail"]),
];

/// Decides whether the role file of an agent with a lease lets it call a method.
///
/// # Errors
/// When no verb that the role may use calls it.
pub(crate) fn admit_verb(
    method: &str,
    bead: &BeadId,
    is_allowed: impl Fn(&str) -> bool,
) -> Result<(), Rejection> {
    if rule_of(method).everyone {
        return Ok(());
    }
    let verbs = VERBS
        .iter()
        .find(|(name, _)| *name == method)
        .map_or(&[][..], |(_, verbs)| *verbs);
    if verbs.iter().any(|verb| is_allowed(verb)) {
        return Ok(());
    }
    let verb = match verbs.first() {
        Some(verb) => format!("use the verb `{verb}`: access.gtd of its role does not list it"),
        None => call(method),
    };
    Err(Rejection::NotYours {
        caller: format!("the agent that holds {bead}"),
        verb,
    })
}

fn call(method: &str) -> String {
    format!("call {}", method.rsplit('.').next().unwrap_or(method))
}

fn rule_of(method: &str) -> Rule {
    TABLE
        .iter()
        .find(|(name, _)| *name == method)
        .map_or(NOBODY, |(_, rule)| *rule)
}

/// Tells whether everyone may call a method, whoever they are.
pub(crate) fn is_for_everyone(method: &str) -> bool {
    rule_of(method).everyone
}

/// Decides whether a caller may call a method.
///
/// # Errors
/// When the table does not say so.
pub(crate) fn admit(method: &str, caller: &Proven) -> Result<(), Rejection> {
    let rule = rule_of(method);
    if rule.everyone || rule.allows(caller) {
        return Ok(());
    }
    let name = match caller {
        Proven::Agent(name) => format!("an agent (`{name}` below a run of this town)"),
        Proven::AgentOf { bead, .. } => format!("the agent that holds {bead}"),
        Proven::Believed(caller) => caller.actor().to_string(),
    };
    Err(Rejection::NotYours {
        caller: name,
        verb: call(method),
    })
}

impl Rule {
    fn allows(&self, caller: &Proven) -> bool {
        match caller {
            Proven::Agent(_) => false,
            Proven::AgentOf { .. } => self.lease,
            Proven::Believed(Caller::Person { .. }) => self.person,
            Proven::Believed(Caller::Lease { .. }) => self.lease,
            Proven::Believed(Caller::Role { name, .. }) => match self.roles {
                Roles::None => false,
                Roles::These(names) => names.contains(&name.as_str()),
                Roles::Any => true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gtd_core::{BeadId, Epoch, RoleName};
    use gtd_wire::Token;
    use prost::Message as _;

    use super::*;

    fn methods() -> BTreeSet<String> {
        let set =
            prost_types::FileDescriptorSet::decode(gtd_wire::pb::FILE_DESCRIPTOR_SET).unwrap();
        let mut found = BTreeSet::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    found.insert(format!(
                        "{}.{}/{}",
                        file.package(),
                        service.name(),
                        method.name()
                    ));
                }
            }
        }
        found
    }

    #[test]
    fn every_rpc_has_exactly_one_row() {
        let rows: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
        let unique: BTreeSet<String> = rows.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(unique.len(), rows.len(), "a method has two rows");
        assert_eq!(unique, methods());
    }

    #[test]
    fn an_agent_with_a_lease_uses_the_verbs_of_its_role_only() {
        let bead = BeadId::parse("gt-1").unwrap();
        let writes = |granted: &[&str]| -> String {
            let open: Vec<&str> = TABLE
                .iter()
                .filter(|(_, rule)| !rule.everyone)
                .filter(|(name, _)| admit_verb(name, &bead, |verb| granted.contains(&verb)).is_ok())
                .map(|(name, _)| name.rsplit('.').next().unwrap())
                .collect();
            open.join(" ")
        };
        assert_eq!(writes(&[]), "");
        assert_eq!(writes(&["bead show"]), "WorkService/Brief");
        assert_eq!(
            writes(&["done", "mail"]),
            "WorkService/Submit WorkService/Finish MailService/Send MailService/Ack"
        );
        assert!(admit_verb("gtd.graph.v1.GraphService/Get", &bead, |_| false).is_ok());
        for (method, _) in VERBS {
            let rule = rule_of(method);
            assert!(rule.lease && !rule.everyone, "{method}");
        }
    }

    #[test]
    fn an_agent_without_a_token_can_only_read() {
        let agent = Proven::Agent("anna".into());
        let open: Vec<&str> = TABLE
            .iter()
            .filter(|(name, _)| admit(name, &agent).is_ok())
            .map(|(name, _)| name.rsplit('.').next().unwrap())
            .collect();
        assert_eq!(
            open.join(" "),
            "PlanService/Means MergeService/MayMove MergeService/Get MergeService/GateHistory \
             MailService/Read GraphService/Snapshot GraphService/Watch GraphService/Get GraphService/Query \
             GraphService/Log RunService/List RunService/Tail TownService/Hello TownService/Status TownService/Why \
             TownService/Report TownService/Cost TownService/TrustReport TownService/Config TownService/ListRigs TownService/Roles TownService/CheckRoles TownService/RenderRole TownService/Gates \
             TownService/Operations TownService/Review TownService/Timeline TownService/Logs"
        );
    }

    #[test]
    fn everybody_writes_with_their_own_pen_only() {
        let token = Token::parse("t").unwrap();
        let role = |name: &str| {
            Proven::Believed(Caller::Role {
                name: RoleName::parse(name).unwrap(),
                token: token.clone(),
            })
        };
        let lease = Proven::Believed(Caller::Lease {
            bead: BeadId::parse("gt-1").unwrap(),
            epoch: Epoch(1),
            token: token.clone(),
        });
        let person = Proven::Believed(Caller::Person {
            name: "anna".into(),
        });
        let check = |method: &str, caller: &Proven| admit(method, caller).is_ok();
        assert!(check("gtd.merge.v1.MergeService/Land", &role("refinery")));
        for caller in [&role("crew"), &lease, &person] {
            assert!(!check("gtd.merge.v1.MergeService/Land", caller));
        }
        assert!(check("gtd.merge.v1.MergeService/Waive", &person));
        for caller in [&role("refinery"), &role("worker"), &lease] {
            assert!(!check("gtd.merge.v1.MergeService/Waive", caller));
        }
        assert!(check("gtd.seat.v1.SeatService/Grant", &role("crew")));
        assert!(!check("gtd.seat.v1.SeatService/Grant", &role("worker")));
        assert!(check("gtd.work.v1.WorkService/Submit", &lease));
        assert!(!check("gtd.goal.v1.GoalService/Submit", &lease));
        assert!(check("gtd.goal.v1.GoalService/Submit", &person));
        assert!(!check("gtd.goal.v1.GoalService/Submit", &role("mayor")));
        assert!(check(
            "gtd.goal.v1.GoalService/FireSchedule",
            &role("mayor")
        ));
        assert!(!check(
            "gtd.goal.v1.GoalService/AddSchedule",
            &role("mayor")
        ));
        assert!(!check("gtd.goal.v1.GoalService/FireSchedule", &lease));
        assert!(!check("gtd.goal.v1.GoalService/Unheard", &person));
    }
}
