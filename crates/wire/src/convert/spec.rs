//! Beads as they are wished for: specs, criteria, needs, plans.

use std::collections::BTreeMap;

use gtd_core::{
    BeadSpec, BeadType, Criterion, EdgeKind, Extra, Need, Origin, Plan, PlannedBead, Priority,
    SatisfiedBy, Timestamp,
};

use super::carried::{Carried, messages, words};
use crate::{Malformed, pb::common::v1 as pb};

messages!(Criterion, BeadSpec, Need, PlannedBead, Plan, Origin);

words!(BeadType as pb::BeadType, unspecified = Some(BeadType::Task), {
    Goal, Task, Bug, Feature, Chore, Epic, Spike, Decision,
});

words!(SatisfiedBy as pb::SatisfiedBy, unspecified = Some(SatisfiedBy::Success), {
    Success, Failure, Finish,
});

impl TryFrom<pb::Criterion> for Criterion {
    type Error = Malformed;
    fn try_from(wire: pb::Criterion) -> Result<Self, Malformed> {
        Ok(Self {
            text: wire.text,
            check: wire.check,
        })
    }
}

impl From<Criterion> for pb::Criterion {
    fn from(criterion: Criterion) -> Self {
        Self {
            text: criterion.text,
            check: criterion.check,
        }
    }
}

impl TryFrom<pb::Origin> for Origin {
    type Error = Malformed;
    fn try_from(wire: pb::Origin) -> Result<Self, Malformed> {
        Ok(Self {
            formula: wire.formula,
            step: wire.step,
            vars: wire.vars,
        })
    }
}

impl From<Origin> for pb::Origin {
    fn from(origin: Origin) -> Self {
        Self {
            formula: origin.formula,
            step: origin.step,
            vars: origin.vars,
        }
    }
}

impl TryFrom<pb::BeadSpec> for BeadSpec {
    type Error = Malformed;
    fn try_from(wire: pb::BeadSpec) -> Result<Self, Malformed> {
        let priority = match wire.priority {
            None => Priority::default(),
            Some(number) => u8::try_from(number)
                .ok()
                .and_then(Priority::new)
                .ok_or_else(|| Malformed::new("priority", "must be 0 to 4"))?,
        };
        Ok(Self {
            title: wire.title,
            description: wire.description,
            kind: Carried::take(wire.r#type, "type")?,
            priority,
            acceptance: Carried::take(wire.acceptance, "acceptance")?,
            labels: wire.labels.into_iter().collect(),
            scope: wire.scope,
            run: wire.run,
            runtime: Carried::take(wire.runtime, "runtime")?,
            role: Carried::take(wire.role, "role")?,
            parent: Carried::take(wire.parent, "parent")?,
            estimate_minutes: wire.estimate_minutes,
            defer_until: wire.defer_until_ms.map(Timestamp),
            budget_micros: wire.budget_micros,
            policy: Carried::take(wire.policy, "policy")?,
            origin: wire.origin.map(Origin::try_from).transpose()?.map(Box::new),
            metadata: take_extra(wire.metadata, "metadata")?,
            extra: take_extra(wire.extra, "extra")?,
        })
    }
}

impl From<BeadSpec> for pb::BeadSpec {
    fn from(spec: BeadSpec) -> Self {
        Self {
            title: spec.title,
            description: spec.description,
            r#type: spec.kind.put(),
            priority: Some(spec.priority.number().into()),
            acceptance: spec.acceptance.put(),
            labels: spec.labels.into_iter().collect(),
            scope: spec.scope,
            run: spec.run,
            runtime: spec.runtime.put(),
            role: spec.role.put(),
            parent: spec.parent.put(),
            estimate_minutes: spec.estimate_minutes,
            defer_until_ms: spec.defer_until.map(|moment| moment.0),
            budget_micros: spec.budget_micros,
            policy: spec.policy.put(),
            origin: spec.origin.map(|origin| (*origin).into()),
            metadata: put_extra(spec.metadata),
            extra: put_extra(spec.extra),
        }
    }
}

fn take_extra(wire: BTreeMap<String, String>, field: &str) -> Result<Extra, Malformed> {
    wire.into_iter()
        .map(|(key, text)| match serde_json::from_str(&text) {
            Ok(value) => Ok((key, value)),
            Err(error) => Err(Malformed::new(
                format!("{field}[{key}]"),
                format!("is not JSON: {error}"),
            )),
        })
        .collect()
}

fn put_extra(extra: Extra) -> BTreeMap<String, String> {
    extra
        .into_iter()
        .map(|(key, value)| (key, value.to_string()))
        .collect()
}

impl TryFrom<pb::Need> for Need {
    type Error = Malformed;
    fn try_from(wire: pb::Need) -> Result<Self, Malformed> {
        let kind = match wire.kind {
            None => EdgeKind::Blocks,
            Some(pb::need::Kind::Custom(word)) => EdgeKind::Custom(word),
            Some(pb::need::Kind::Relation(number)) => match pb::Relation::try_from(number) {
                Ok(pb::Relation::Unspecified | pb::Relation::Blocks) => EdgeKind::Blocks,
                Ok(pb::Relation::ConditionalBlocks) => EdgeKind::ConditionalBlocks,
                Ok(pb::Relation::WaitsFor) => EdgeKind::WaitsFor,
                Ok(pb::Relation::Related) => EdgeKind::Related,
                Ok(pb::Relation::DiscoveredFrom) => EdgeKind::DiscoveredFrom,
                Ok(pb::Relation::Duplicates) => EdgeKind::Duplicates,
                Ok(pb::Relation::Supersedes) => EdgeKind::Supersedes,
                Err(_) => return Err(Malformed::unknown("relation", number)),
            },
        };
        Ok(Self {
            on: Carried::take(wire.on, "on")?,
            kind,
            satisfied_by: Carried::take(wire.satisfied_by, "satisfied_by")?,
        })
    }
}

impl From<Need> for pb::Need {
    fn from(need: Need) -> Self {
        let relation = |relation: pb::Relation| pb::need::Kind::Relation(relation.into());
        let kind = match need.kind {
            EdgeKind::Blocks => relation(pb::Relation::Blocks),
            EdgeKind::ConditionalBlocks => relation(pb::Relation::ConditionalBlocks),
            EdgeKind::WaitsFor => relation(pb::Relation::WaitsFor),
            EdgeKind::Related => relation(pb::Relation::Related),
            EdgeKind::DiscoveredFrom => relation(pb::Relation::DiscoveredFrom),
            EdgeKind::Duplicates => relation(pb::Relation::Duplicates),
            EdgeKind::Supersedes => relation(pb::Relation::Supersedes),
            EdgeKind::Custom(word) => pb::need::Kind::Custom(word),
        };
        Self {
            on: need.on.put(),
            kind: Some(kind),
            satisfied_by: need.satisfied_by.put(),
        }
    }
}

impl TryFrom<pb::PlannedBead> for PlannedBead {
    type Error = Malformed;
    fn try_from(wire: pb::PlannedBead) -> Result<Self, Malformed> {
        Ok(Self {
            local_id: wire.local_id,
            spec: Carried::take(wire.spec, "spec")?,
            needs: wire.needs,
        })
    }
}

impl From<PlannedBead> for pb::PlannedBead {
    fn from(planned: PlannedBead) -> Self {
        Self {
            local_id: planned.local_id,
            spec: planned.spec.put(),
            needs: planned.needs,
        }
    }
}

impl TryFrom<pb::Plan> for Plan {
    type Error = Malformed;
    fn try_from(wire: pb::Plan) -> Result<Self, Malformed> {
        Ok(Self {
            title: wire.title,
            acceptance: Carried::take(wire.acceptance, "acceptance")?,
            beads: Carried::take(wire.beads, "beads")?,
            summary: wire.summary,
        })
    }
}

impl From<Plan> for pb::Plan {
    fn from(plan: Plan) -> Self {
        Self {
            title: plan.title,
            acceptance: plan.acceptance.put(),
            beads: plan.beads.put(),
            summary: plan.summary,
        }
    }
}
