//! The socket, and the card beside it that says who serves it.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use gtd_core::Moment;
use tokio::net::UnixListener;

use super::BootError;
use crate::town::Town;

/// Listens at a socket; what an earlier daemon left there is removed.
///
/// Only the holder of the instance lock comes here, so nobody else serves it.
pub(super) fn bind(path: &Path) -> Result<UnixListener, BootError> {
    let failed = |act: &'static str| {
        let path = path.to_owned();
        move |source| BootError::File { act, path, source }
    };
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove the old socket")(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed("listen at"))?;
    // The folder is private already: nobody could slip in before this.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(failed("close to others"))?;
    Ok(listener)
}

/// Takes socket and card away at the end.
#[derive(Debug)]
pub(super) struct Card {
    paths: [PathBuf; 2],
}

impl Drop for Card {
    fn drop(&mut self) {
        for path in &self.paths {
            // The next start removes what stays.
            let _stays = fs::remove_file(path);
        }
    }
}

/// Writes who serves the socket, for people and for `doctor`.
pub(super) fn leave_card(town: &Town) -> Result<Card, BootError> {
    let places = &town.places;
    let path = places.run.join("daemon.json");
    let card = serde_json::json!({
        "kind": "Daemon",
        "api": gtd_core::API,
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
        "town": places.town,
        "town_id": town.id,
        "socket": places.socket().to_string_lossy(),
        "started_at": Moment(town.started_at),
    });
    let fresh = path.with_extension("json.new");
    fs::create_dir_all(&places.run)
        .and_then(|()| fs::write(&fresh, format!("{card}\n")))
        .and_then(|()| fs::rename(&fresh, &path))
        .map_err(|source| BootError::File {
            act: "write",
            path: path.clone(),
            source,
        })?;
    Ok(Card {
        paths: [path, places.socket().to_owned()],
    })
}
