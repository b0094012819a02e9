//! What the tests of the whole stand on: a town in a temporary directory, the
//! simulator, a model service on loopback for real agent programs, and a reckoning
//! that works out the numbers of a report again.

pub mod model;
pub mod report_check;
pub mod sim;
pub mod town;
