//! The role files that gtd brings along.

/// Role files and prompts, by name.
pub(super) const FILES: &[(&str, &str)] = &[
    ("crew.md.j2", include_str!("../../../../roles/crew.md.j2")),
    ("crew.toml", include_str!("../../../../roles/crew.toml")),
    ("deacon.toml", include_str!("../../../../roles/deacon.toml")),
    ("mayor.md.j2", include_str!("../../../../roles/mayor.md.j2")),
    ("mayor.toml", include_str!("../../../../roles/mayor.toml")),
    (
        "refinery.toml",
        include_str!("../../../../roles/refinery.toml"),
    ),
    (
        "reviewer.md.j2",
        include_str!("../../../../roles/reviewer.md.j2"),
    ),
    (
        "reviewer.toml",
        include_str!("../../../../roles/reviewer.toml"),
    ),
    (
        "witness.toml",
        include_str!("../../../../roles/witness.toml"),
    ),
    (
        "worker.md.j2",
        include_str!("../../../../roles/worker.md.j2"),
    ),
    ("worker.toml", include_str!("../../../../roles/worker.toml")),
];

/// What stands before the name of a role to mean the one that gtd brings along.
pub(super) const PREFIX: &str = "builtin:";
