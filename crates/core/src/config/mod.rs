//! The configuration: one table of all keys, layers that set them, and the rules that come out.
//!
//! Texts come in as arguments; which files exist, which are trusted and what the
//! environment holds is for the caller to find out. A key that is not in the table
//! is refused wherever it stands.

mod amount;
mod check;
mod digest;
mod duration;
mod explain;
mod find;
mod gate;
mod idle;
mod key;
mod keys;
mod layer;
mod merge;
mod notify;
mod planning;
mod policies;
mod resources;
mod retention;
mod rows;
mod rules;
mod runtimes;
mod schedule;
mod schema;
mod starter;
mod surroundings;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub use amount::{Amount, InvalidAmount, bytes_text};
pub use digest::{digest_text, digest_with_roles};
pub use duration::{InvalidDuration, parse_duration};
pub use explain::{Explanation, UnknownKey, is_of_project_alone, known_keys};
pub use layer::{Layer, LayerKind, Origin, layer_from_toml};
pub use merge::Config;
pub use notify::{Channel, NotifyRules, SecretPlace, Way, notify_rules};
pub use planning::{PlanMeans, ReviewMeans, plan_approval, question_rules, replan_rules};
pub use policies::{landing, policies, policy_names};
pub use resources::{Resources, resources};
pub use retention::{Retention, retention};
pub use rules::{dollars, percent, rig_name, rig_rules};
pub use runtimes::{ConfiguredRuntime, DRIVEN_PRESETS, configured_runtimes, usable_runtimes};
pub use schema::{SchemaOf, json_schema};
pub use starter::default_gtd_toml;
pub use surroundings::passed_variables;
pub use value::Value;
pub use words::{layer_from_env, layer_from_flags, value_of_words};

pub(crate) use runtimes::{DEMO, SHELL};
