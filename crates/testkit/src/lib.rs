//! What the tests of the whole stand on: a town in a temporary directory, the
//! simulator, and a model service on loopback for real agent programs.

pub mod model;
pub mod sim;
pub mod town;
