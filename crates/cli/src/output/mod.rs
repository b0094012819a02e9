//! Everything that reaches the terminal goes through here.
//!
//! What was asked for goes to stdout, all else to stderr. Nothing here knows a
//! document or a command.

mod form;
mod jq;
mod look;
mod pager;
mod reader;
mod screen;
mod table;
mod template;
mod times;
mod words;

pub(crate) use self::{
    form::Form,
    look::{ColorWhen, GlyphSet, Look, Wishes},
    pager::Pager,
    reader::reader_left,
    screen::{JsonWish, Screen, Talk},
    table::{Cell, Table},
    times::{ago, axis, clock, period, span, span_ms, time_of_day},
    words::{Ink, State},
};
