//! What a person holds back in the merges.

use gtd_core::{HoldKind, Timestamp};

use super::carried::{Carried, words};
use crate::{Malformed, pb::merge::v1 as pb};

words!(HoldKind as pb::HoldKind, unspecified = None, { Pause, Freeze });

impl Carried for Option<Timestamp> {
    type Wire = Option<i64>;
    fn take(wire: Option<i64>, _: &str) -> Result<Self, Malformed> {
        Ok(wire.map(Timestamp))
    }
    fn put(self) -> Option<i64> {
        self.map(|moment| moment.0)
    }
}
