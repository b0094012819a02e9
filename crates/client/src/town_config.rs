//! The configuration of a town: what the machine, the user and the environment say.
//!
//! What a repository says is not in it: that counts only as it was trusted.

use gtd_core::{Diagnostic, config::Config};

use crate::{Places, ProjectError, UserTexts};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum TownConfigError {
    /// A file cannot be read.
    #[error("read the configuration of the town")]
    Read(#[source] ProjectError),
    /// A file or a variable is wrong.
    #[error("{}", .0.render())]
    Wrong(Diagnostic),
}

/// Reads the configuration of a town, without any repository's.
///
/// # Errors
/// When a file cannot be read, or a file or variable is wrong.
pub fn town_config(places: &Places) -> Result<Config, TownConfigError> {
    UserTexts::read(places)
        .map_err(TownConfigError::Read)?
        .config()
        .map_err(TownConfigError::Wrong)
}
