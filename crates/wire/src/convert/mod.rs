//! The domain's words on the wire and back: one module for each group of messages.

mod carried;
mod crew;
mod fault;
mod gate;
mod guard;
mod handover;
mod hold;
mod means;
mod review;
mod schedule;
mod scope;
mod spec;
mod target;

pub(crate) use carried::Carried;
