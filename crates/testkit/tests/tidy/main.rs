//! The repository keeps its own rules: what imports what, what reaches the
//! world, and whether the documents name what exists.
//!
//! These tests read files and `cargo metadata`. They start no town.

mod documents;
mod imports;
mod purity;
mod rules;
mod schemas;
mod tree;
