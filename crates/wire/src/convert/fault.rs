//! How attempts and beads end: faults and outcomes.

use gtd_core::{Fault, FaultClass, Outcome, RuntimeFault, Timestamp};

use super::carried::{Carried, messages};
use crate::{Malformed, pb::common::v1 as pb};

messages!(Fault, Outcome);

impl TryFrom<pb::Fault> for Fault {
    type Error = Malformed;
    fn try_from(wire: pb::Fault) -> Result<Self, Malformed> {
        use pb::fault::Class;
        let class = match wire.class.ok_or_else(|| Malformed::missing("class"))? {
            Class::Exit(exit) => FaultClass::Exit { code: exit.code },
            Class::Check(check) => FaultClass::Check {
                criterion: check.criterion,
            },
            Class::Gate(gate) => FaultClass::Gate { gate: gate.gate },
            Class::Conflict(conflict) => FaultClass::Conflict {
                files: conflict.files,
            },
            Class::Plain(number) => plain(number)?,
            Class::Runtime(wire) => FaultClass::Runtime {
                runtime: Carried::take(wire.runtime, "runtime")?,
                fault: runtime_fault(wire.cause, wire.until_ms)?,
            },
        };
        Ok(Self {
            class,
            text: wire.text,
            evidence: wire.evidence,
            run: Carried::take(wire.run, "run")?,
        })
    }
}

fn plain(number: i32) -> Result<FaultClass, Malformed> {
    match pb::PlainFault::try_from(number) {
        Ok(pb::PlainFault::Killed) => Ok(FaultClass::Killed),
        Ok(pb::PlainFault::Lost) => Ok(FaultClass::Lost),
        Ok(pb::PlainFault::Silent) => Ok(FaultClass::Silent),
        Ok(pb::PlainFault::NoProgress) => Ok(FaultClass::NoProgress),
        Ok(pb::PlainFault::TimedOut) => Ok(FaultClass::TimedOut),
        Ok(pb::PlainFault::Stopped) => Ok(FaultClass::Stopped),
        Ok(pb::PlainFault::Infra) => Ok(FaultClass::Infra),
        Ok(pb::PlainFault::Question) => Ok(FaultClass::Question),
        Ok(pb::PlainFault::GivenBack) => Ok(FaultClass::GivenBack),
        Ok(pb::PlainFault::Attempts) => Ok(FaultClass::Attempts),
        Ok(pb::PlainFault::Person) => Ok(FaultClass::Person),
        Ok(pb::PlainFault::Unspecified) | Err(_) => Err(Malformed::unknown("plain", number)),
    }
}

fn runtime_fault(number: i32, until_ms: Option<i64>) -> Result<RuntimeFault, Malformed> {
    use pb::RuntimeCause as Cause;
    Ok(match Cause::try_from(number) {
        Ok(Cause::Auth) => RuntimeFault::Auth,
        Ok(Cause::RateLimited) => RuntimeFault::RateLimited {
            until: until_ms.map(Timestamp),
        },
        Ok(Cause::Overloaded) => RuntimeFault::Overloaded,
        Ok(Cause::ContextFull) => RuntimeFault::ContextFull,
        Ok(Cause::Billing) => RuntimeFault::Billing,
        Ok(Cause::ModelMissing) => RuntimeFault::ModelMissing,
        Ok(Cause::Refusal) => RuntimeFault::Refusal,
        Ok(Cause::Network) => RuntimeFault::Network,
        Ok(Cause::LimitReached) => RuntimeFault::LimitReached,
        Ok(Cause::Interrupted) => RuntimeFault::Interrupted,
        Ok(Cause::Crashed) => RuntimeFault::Crashed,
        Ok(Cause::Unspecified) | Err(_) => return Err(Malformed::unknown("cause", number)),
    })
}

fn runtime_cause(fault: &RuntimeFault) -> pb::RuntimeCause {
    use pb::RuntimeCause as Cause;
    match fault {
        RuntimeFault::Auth => Cause::Auth,
        RuntimeFault::RateLimited { .. } => Cause::RateLimited,
        RuntimeFault::Overloaded => Cause::Overloaded,
        RuntimeFault::ContextFull => Cause::ContextFull,
        RuntimeFault::Billing => Cause::Billing,
        RuntimeFault::ModelMissing => Cause::ModelMissing,
        RuntimeFault::Refusal => Cause::Refusal,
        RuntimeFault::Network => Cause::Network,
        RuntimeFault::LimitReached => Cause::LimitReached,
        RuntimeFault::Interrupted => Cause::Interrupted,
        RuntimeFault::Crashed => Cause::Crashed,
    }
}

impl From<Fault> for pb::Fault {
    fn from(fault: Fault) -> Self {
        use pb::fault::Class;
        let plain = |plain: pb::PlainFault| Class::Plain(plain.into());
        let class = match fault.class {
            FaultClass::Exit { code } => Class::Exit(pb::ExitFault { code }),
            FaultClass::Check { criterion } => Class::Check(pb::CheckFault { criterion }),
            FaultClass::Gate { gate } => Class::Gate(pb::GateFault { gate }),
            FaultClass::Conflict { files } => Class::Conflict(pb::ConflictFault { files }),
            FaultClass::Killed => plain(pb::PlainFault::Killed),
            FaultClass::Lost => plain(pb::PlainFault::Lost),
            FaultClass::Silent => plain(pb::PlainFault::Silent),
            FaultClass::NoProgress => plain(pb::PlainFault::NoProgress),
            FaultClass::TimedOut => plain(pb::PlainFault::TimedOut),
            FaultClass::Stopped => plain(pb::PlainFault::Stopped),
            FaultClass::Infra => plain(pb::PlainFault::Infra),
            FaultClass::Question => plain(pb::PlainFault::Question),
            FaultClass::GivenBack => plain(pb::PlainFault::GivenBack),
            FaultClass::Attempts => plain(pb::PlainFault::Attempts),
            FaultClass::Person => plain(pb::PlainFault::Person),
            FaultClass::Runtime { runtime, fault } => Class::Runtime(pb::RuntimeFault {
                runtime: runtime.put(),
                cause: runtime_cause(&fault).into(),
                until_ms: match fault {
                    RuntimeFault::RateLimited { until } => until.map(|until| until.0),
                    _ => None,
                },
            }),
        };
        Self {
            class: Some(class),
            text: fault.text,
            evidence: fault.evidence,
            run: fault.run.put(),
        }
    }
}

impl TryFrom<pb::Outcome> for Outcome {
    type Error = Malformed;
    fn try_from(wire: pb::Outcome) -> Result<Self, Malformed> {
        match wire.how.ok_or_else(|| Malformed::missing("how"))? {
            pb::outcome::How::DuplicateOf(bead) => Ok(Self::Duplicate {
                of: Carried::take(bead, "duplicate_of")?,
            }),
            pb::outcome::How::Plain(number) => match pb::PlainOutcome::try_from(number) {
                Ok(pb::PlainOutcome::Done) => Ok(Self::Done),
                Ok(pb::PlainOutcome::NoOp) => Ok(Self::NoOp),
                Ok(pb::PlainOutcome::Cancelled) => Ok(Self::Cancelled),
                Ok(pb::PlainOutcome::Failed) => Ok(Self::Failed),
                Ok(pb::PlainOutcome::Unspecified) | Err(_) => {
                    Err(Malformed::unknown("plain", number))
                }
            },
        }
    }
}

impl From<Outcome> for pb::Outcome {
    fn from(outcome: Outcome) -> Self {
        let plain = |plain: pb::PlainOutcome| pb::outcome::How::Plain(plain.into());
        let how = match outcome {
            Outcome::Done => plain(pb::PlainOutcome::Done),
            Outcome::NoOp => plain(pb::PlainOutcome::NoOp),
            Outcome::Cancelled => plain(pb::PlainOutcome::Cancelled),
            Outcome::Failed => plain(pb::PlainOutcome::Failed),
            Outcome::Duplicate { of } => pb::outcome::How::DuplicateOf(of.put()),
        };
        Self { how: Some(how) }
    }
}
