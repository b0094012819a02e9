//! Goals that come by the clock.

use gtd_core::{Cron, ScheduledGoal};

use super::carried::{Carried, messages};
use crate::{Malformed, pb::common::v1 as pb};

messages!(ScheduledGoal);

impl Carried for Cron {
    type Wire = String;
    fn take(wire: String, field: &str) -> Result<Self, Malformed> {
        Self::parse(&wire).map_err(|error| Malformed::new(field, error.to_string()))
    }
    fn put(self) -> String {
        self.as_str().to_owned()
    }
}

impl TryFrom<pb::ScheduledGoal> for ScheduledGoal {
    type Error = Malformed;
    fn try_from(wire: pb::ScheduledGoal) -> Result<Self, Malformed> {
        Ok(Self {
            spec: Carried::take(wire.spec, "spec")?,
            plan: wire
                .plan
                .map(TryInto::try_into)
                .transpose()
                .map_err(|error: Malformed| error.under("plan"))?,
            max: wire.max,
        })
    }
}

impl From<ScheduledGoal> for pb::ScheduledGoal {
    fn from(goal: ScheduledGoal) -> Self {
        Self {
            spec: goal.spec.put(),
            plan: goal.plan.map(Into::into),
            max: goal.max,
        }
    }
}
