//! What gates and agents get of the environment that the daemon was started in.

use super::merge::Config;

/// Returns the variables that they get besides `PATH`, `HOME` and `LANG` (`town.env`).
///
/// What gtd itself says to a run (`GTD_…`) is nobody else's to set.
#[must_use]
pub fn passed_variables(config: &Config) -> Vec<String> {
    let names = config
        .get("town.env")
        .and_then(|(value, _)| value.as_list());
    let names = names.unwrap_or_default().iter();
    names
        .filter_map(|name| name.as_str())
        .filter(|name| !name.starts_with("GTD_"))
        .map(str::to_owned)
        .collect()
}
