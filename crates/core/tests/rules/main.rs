//! What the pure rules promise, told in scenes.

#![expect(clippy::unwrap_used, reason = "a test says so when it fails")]

/// Names every variant of an enum, in one list that a new variant breaks.
macro_rules! names {
    ($all:ident, $name:ident: $type:ident { $($variant:ident),* $(,)? }) => {
        pub(crate) const $all: &[&str] = &[$(stringify!($variant)),*];

        pub(crate) fn $name(value: &gtd_core::$type) -> &'static str {
            match value {
                $(gtd_core::$type::$variant { .. } => stringify!($variant),)*
            }
        }
    };
}

mod budgets;
mod circles;
mod commands;
mod convoys;
mod crew;
mod discoveries;
mod documents;
mod event_types;
mod evidence;
mod explain;
mod flakes;
mod goals;
mod golden;
mod graph_props;
mod guards;
mod held;
mod imports;
mod inbox;
mod laws;
mod look;
mod merge;
mod merges;
mod phases;
mod planning;
mod policies;
mod protected;
mod questions;
mod ready;
mod reasons;
mod rejections;
mod replans;
mod restored;
mod reviews;
mod runtimes;
mod scene;
mod schedules;
mod trust;
mod undo;
mod wishes;
mod world;
