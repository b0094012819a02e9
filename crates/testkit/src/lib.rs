//! What the tests of the whole stand on: a town in a temporary directory, and the simulator.

pub mod sim;
pub mod town;
