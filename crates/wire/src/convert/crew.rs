//! Standing members.

use gtd_core::CrewOutcome;

use super::carried::words;
use crate::pb::seat::v1 as pb;

words!(CrewOutcome as pb::CrewOutcome, unspecified = None, { Ready, Gone, Kept });
