//! Proof and its cost: verdicts, gate runs, members, usage, reservations.

use gtd_core::{CheckRun, GateRun, Member, RedTest, Reserved, TestReport, UsageDelta, Verdict};

use super::carried::{Carried, messages, words};
use crate::{Malformed, pb::common::v1 as pb};

messages!(CheckRun, GateRun, Member, UsageDelta);

impl Carried for Option<UsageDelta> {
    type Wire = Option<pb::UsageDelta>;
    fn take(wire: Self::Wire, field: &str) -> Result<Self, Malformed> {
        wire.map(|usage| {
            usage
                .try_into()
                .map_err(|error: Malformed| error.under(field))
        })
        .transpose()
    }
    fn put(self) -> Self::Wire {
        self.map(Into::into)
    }
}

words!(Verdict as pb::Verdict, unspecified = None, { Passed, Failed, Infra });

impl TryFrom<pb::GateRun> for GateRun {
    type Error = Malformed;
    fn try_from(wire: pb::GateRun) -> Result<Self, Malformed> {
        Ok(Self {
            gate: Carried::take(wire.gate, "gate")?,
            commit: Carried::take(wire.commit, "commit")?,
            verdict: Carried::take(wire.verdict, "verdict")?,
            detail: wire.detail,
            took_ms: wire.took_ms,
            run: Carried::take(wire.run, "run")?,
            evidence: wire.evidence,
            code: wire.code,
            output: wire.output,
            tests: wire.tests.map(|tests| Box::new(tests.into())),
        })
    }
}

impl From<GateRun> for pb::GateRun {
    fn from(gate: GateRun) -> Self {
        Self {
            gate: gate.gate.put(),
            commit: gate.commit.put(),
            verdict: gate.verdict.put(),
            detail: gate.detail,
            took_ms: gate.took_ms,
            run: gate.run.put(),
            evidence: gate.evidence,
            code: gate.code,
            output: gate.output,
            tests: gate.tests.map(|tests| (*tests).into()),
        }
    }
}

impl From<pb::TestReport> for TestReport {
    fn from(wire: pb::TestReport) -> Self {
        Self {
            passed: wire.passed,
            failed: wire.failed,
            skipped: wire.skipped,
            red: wire.red.into_iter().map(Into::into).collect(),
            flaky: wire.flaky,
            remark: wire.remark,
        }
    }
}

impl From<TestReport> for pb::TestReport {
    fn from(report: TestReport) -> Self {
        Self {
            passed: report.passed,
            failed: report.failed,
            skipped: report.skipped,
            red: report.red.into_iter().map(Into::into).collect(),
            flaky: report.flaky,
            remark: report.remark,
        }
    }
}

impl From<pb::RedTest> for RedTest {
    fn from(wire: pb::RedTest) -> Self {
        Self {
            name: wire.name,
            file: wire.file,
            message: wire.message,
        }
    }
}

impl From<RedTest> for pb::RedTest {
    fn from(test: RedTest) -> Self {
        Self {
            name: test.name,
            file: test.file,
            message: test.message,
        }
    }
}

impl TryFrom<pb::CheckRun> for CheckRun {
    type Error = Malformed;
    fn try_from(wire: pb::CheckRun) -> Result<Self, Malformed> {
        Ok(Self {
            command: wire.command,
            run: Carried::take(wire.run, "run")?,
            took_ms: wire.took_ms,
            output: wire.output,
        })
    }
}

impl From<CheckRun> for pb::CheckRun {
    fn from(check: CheckRun) -> Self {
        Self {
            command: check.command,
            run: check.run.put(),
            took_ms: check.took_ms,
            output: check.output,
        }
    }
}

impl TryFrom<pb::Member> for Member {
    type Error = Malformed;
    fn try_from(wire: pb::Member) -> Result<Self, Malformed> {
        Ok(Self {
            bead: Carried::take(wire.bead, "bead")?,
            epoch: Carried::take(wire.epoch, "epoch")?,
            head: Carried::take(wire.head, "head")?,
        })
    }
}

impl From<Member> for pb::Member {
    fn from(member: Member) -> Self {
        Self {
            bead: member.bead.put(),
            epoch: member.epoch.put(),
            head: member.head.put(),
        }
    }
}

impl TryFrom<pb::UsageDelta> for UsageDelta {
    type Error = Malformed;
    fn try_from(wire: pb::UsageDelta) -> Result<Self, Malformed> {
        Ok(Self {
            run: Carried::take(wire.run, "run")?,
            sequence: wire.sequence,
            input: wire.input,
            output: wire.output,
            cache_read: wire.cache_read,
            cache_write: wire.cache_write,
            usd_micros: wire.usd_micros,
            estimated: wire.estimated,
            context: wire.context.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<UsageDelta> for pb::UsageDelta {
    fn from(usage: UsageDelta) -> Self {
        Self {
            run: usage.run.put(),
            sequence: usage.sequence,
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            usd_micros: usage.usd_micros,
            estimated: usage.estimated,
            context: usage.context.map(Into::into),
        }
    }
}

/// A reservation that was left out holds nothing back.
impl Carried for Reserved {
    type Wire = Option<pb::Reserved>;
    fn take(wire: Option<pb::Reserved>, _: &str) -> Result<Self, Malformed> {
        Ok(wire.map(Into::into).unwrap_or_default())
    }
    fn put(self) -> Option<pb::Reserved> {
        Some(self.into())
    }
}

impl From<pb::Reserved> for Reserved {
    fn from(wire: pb::Reserved) -> Self {
        Self {
            usd_micros: wire.usd_micros,
            tokens: wire.tokens,
            window: wire.window,
        }
    }
}

impl From<Reserved> for pb::Reserved {
    fn from(reserved: Reserved) -> Self {
        Self {
            usd_micros: reserved.usd_micros,
            tokens: reserved.tokens,
            window: reserved.window,
        }
    }
}
