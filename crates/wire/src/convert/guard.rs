//! What gates of gtd's own found.

use gtd_core::{Finding, FindingKind, Guard, GuardReport, Waived};

use super::carried::{Carried, messages, words};
use crate::{
    Malformed,
    pb::common::v1::{self as pb, waived::What},
};

messages!(Finding, GuardReport, Waived);

words!(Guard as pb::Guard, unspecified = None, { TestGuard, ProofOfTest, ProtectedPaths, KeptLines });

words!(FindingKind as pb::FindingKind, unspecified = None, {
    FileRemoved,
    TestRemoved,
    TestSkipped,
    TestFocused,
    AssertionsRemoved,
    AssertionsLoosened,
    AlwaysTrue,
    ProvesNothing,
    ProtectedPath,
    LineDropped,
});

impl TryFrom<pb::Finding> for Finding {
    type Error = Malformed;
    fn try_from(wire: pb::Finding) -> Result<Self, Malformed> {
        Ok(Self {
            kind: Carried::take(wire.kind, "kind")?,
            file: wire.file,
            line: wire.line,
            test: wire.test,
            text: wire.text,
        })
    }
}

impl From<Finding> for pb::Finding {
    fn from(finding: Finding) -> Self {
        Self {
            kind: finding.kind.put(),
            file: finding.file,
            line: finding.line,
            test: finding.test,
            text: finding.text,
        }
    }
}

impl TryFrom<pb::GuardReport> for GuardReport {
    type Error = Malformed;
    fn try_from(wire: pb::GuardReport) -> Result<Self, Malformed> {
        Ok(Self {
            guard: Carried::take(wire.guard, "guard")?,
            findings: Carried::take(wire.findings, "findings")?,
            remark: wire.remark,
        })
    }
}

impl From<GuardReport> for pb::GuardReport {
    fn from(report: GuardReport) -> Self {
        Self {
            guard: report.guard.put(),
            findings: report.findings.put(),
            remark: report.remark,
        }
    }
}

impl TryFrom<pb::Waived> for Waived {
    type Error = Malformed;
    fn try_from(wire: pb::Waived) -> Result<Self, Malformed> {
        Ok(match wire.what.ok_or_else(|| Malformed::missing("what"))? {
            What::Guard(guard) => Self::Guard(Carried::take(guard, "guard")?),
            What::Criterion(text) => Self::Criterion(text),
        })
    }
}

impl From<Waived> for pb::Waived {
    fn from(waived: Waived) -> Self {
        let what = match waived {
            Waived::Guard(guard) => What::Guard(guard.put()),
            Waived::Criterion(text) => What::Criterion(text),
        };
        Self { what: Some(what) }
    }
}
