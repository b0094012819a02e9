//! The words of each document on the screen. Documents come in, lines go out: nothing is asked or decided.

mod agent;
mod bead;
mod convoy;
mod cost;
mod event;
mod gate;
mod graph;
mod line;
mod merge;
mod report;
mod report_html;
mod review;
mod status;
mod timeline;
mod timeline_svg;
mod trust;
mod why;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    agent::{AgentSeen, agent},
    bead::{bead, bead_table},
    convoy::{convoy, convoy_table},
    cost::cost,
    event::{Subject, event_line, event_object},
    gate::{gate, gate_table, gate_tests, history},
    graph::{Edge, Graph, Node, has_ended},
    line::{Line, log_line},
    merge::{merge_list, merge_shown},
    report::{markdown, report},
    report_html::report_html,
    review::review,
    status::{agent_table, comes_back, limit, needs_you, snoozed, status},
    timeline::timeline,
    timeline_svg::timeline_svg,
    trust::trust,
    why::{Waiting, waiting, why},
};
