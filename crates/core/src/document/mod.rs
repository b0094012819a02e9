//! The documents of the public JSON API, computed from the graph in one place.
//!
//! The CLI prints them, `--json` passes them on. Fields are only ever added.
//! The services put `kind` and `api` around them.

mod bead;
mod budget;
mod convoy;
mod cost;
mod crew;
mod inbox;
mod merge;
mod report;
mod review;
mod schedule;
mod status;
mod timeline;
mod trust;

use serde::{Deserialize, Serialize};

pub use self::{
    bead::{
        AttemptDoc, BeadDoc, BeadRow, EdgeDoc, GraphRow, QuestionDoc, ReasonDoc, bead_doc,
        bead_row, graph_row,
    },
    budget::{Amounts, BudgetDoc, budget_docs, budgets_of},
    convoy::{ConvoyBead, ConvoyDoc, TargetDoc, convoy_doc},
    cost::{CostBy, CostDoc, CostOf, CostRow, TokensDoc, cost_doc},
    crew::{CrewAgentDoc, CrewDoc, crew_docs},
    inbox::{NeedsYou, PUSH, needs_you},
    merge::{HoldDoc, MergeRow, MergeShownDoc, merge_of_bead, merge_of_candidate, merge_rows},
    report::{
        LandedDoc, NotDoneDoc, ProofDoc, Recorded, ReportCost, ReportDoc, ReportTime, WaitDoc,
        report_doc,
    },
    review::{CriterionSeen, GateSeen, ReviewDoc, review_doc},
    schedule::{FiringDoc, ScheduleDoc, schedule_docs},
    status::{
        AgentDoc, ConvoyRow, Dollars, LimitDoc, MergeDoc, NOTIFY, StatusDoc, agent_docs,
        convoy_row, status_doc,
    },
    timeline::{Band, Hands, Segment, TimelineDoc, TimelineRow, timeline_doc},
    trust::{
        TRUST_DAYS, TrustAfter, TrustBy, TrustDoc, TrustLanding, TrustRow, is_for_trust, trust_doc,
    },
};
use crate::{Graph, Observations, Timestamp};

/// The level of the JSON API.
pub const API: &str = "gtd/v1";

/// What every document is computed from.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// What the roles saw.
    pub observations: &'a Observations,
    /// The moment.
    pub now: Timestamp,
}

/// A document with its `kind` and `api`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document<T> {
    /// The kind of document.
    pub kind: String,
    /// The level of the API.
    pub api: String,
    /// The rest.
    #[serde(flatten)]
    pub body: T,
}

impl<T> Document<T> {
    /// Puts `kind` and the API's level around a body.
    pub fn new(kind: &str, body: T) -> Self {
        Self {
            kind: kind.to_owned(),
            api: API.to_owned(),
            body,
        }
    }
}

/// A list with what comes after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListDoc<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The token of the next page; empty at the end.
    #[serde(default)]
    pub next: String,
}
