//! The folders of a town, from the environment alone.
//!
//! With `GTD_HOME` everything of one town is below it; without, the XDG
//! folders are used, on every system. Nothing is made or looked at here but by
//! [`Places::prepare`], so that `gtd config path` is true before the first
//! start.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use gtd_core::{RigName, SeatName};
use sha2::{Digest, Sha256};

/// The longest path that a socket can safely have, in bytes.
const MAX_SOCKET_BYTES: usize = 100;

/// Says why the folders of the town could not be told or made.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The environment names no folder to start from.
    #[error("find the folders of the town: neither GTD_HOME nor HOME is set")]
    Homeless,
    /// The town's name is no name.
    #[error("find the folders of the town: GTD_TOWN is `{town}`, and that is not a name")]
    Town {
        /// What was set.
        town: String,
    },
    /// A folder could not be made.
    #[error("make the folder {}", path.display())]
    Make {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder for the socket belongs to somebody else or is open to others.
    #[error("use the folder {}: it is not private to this user", path.display())]
    NotPrivate {
        /// The folder.
        path: PathBuf,
    },
}

/// The folders of a town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The town's name.
    pub town: String,
    /// What a person writes: configuration, roles, templates.
    pub config: PathBuf,
    /// What must not be lost: store, worktrees, trust, backups.
    pub data: PathBuf,
    /// What tells what happened: logs, runs, reports, the stop file.
    pub state: PathBuf,
    /// What can be made again.
    pub cache: PathBuf,
    /// What lives as long as the daemon.
    pub run: PathBuf,
    socket: PathBuf,
}

impl Places {
    /// Finds the folders in the environment of this process.
    ///
    /// # Errors
    /// When neither `GTD_HOME` nor `HOME` is set, or `GTD_TOWN` is no name.
    pub fn from_env() -> Result<Self, PlacesError> {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Self::find(|key| std::env::var_os(key), &here, user())
    }

    /// Finds the folders: `here` completes a relative `GTD_HOME`.
    ///
    /// # Errors
    /// When neither `GTD_HOME` nor `HOME` is set, or `GTD_TOWN` is no name.
    pub fn find(
        variable: impl Fn(&str) -> Option<OsString>,
        here: &Path,
        user: u32,
    ) -> Result<Self, PlacesError> {
        let variable = |key: &str| variable(key).filter(|value| !value.is_empty());
        let town = match variable("GTD_TOWN") {
            None => "home".to_owned(),
            Some(town) => {
                let town = town.to_string_lossy().into_owned();
                match SeatName::parse(&town) {
                    Ok(_) => town,
                    Err(_) => return Err(PlacesError::Town { town }),
                }
            }
        };
        let private = PathBuf::from(format!("/tmp/gtd-{user}"));
        let [config, data, state, cache, run] = match variable("GTD_HOME") {
            Some(home) => {
                let home = plain(&here.join(home));
                ["config", "data", "state", "cache", "run"].map(|name| home.join(name))
            }
            None => {
                let home = variable("HOME").map(PathBuf::from);
                let xdg = |key: &str, below: &str| match variable(key).map(PathBuf::from) {
                    Some(path) if path.is_absolute() => Ok(path.join("gtd")),
                    _ => home
                        .as_ref()
                        .map(|home| home.join(below).join("gtd"))
                        .ok_or(PlacesError::Homeless),
                };
                let run = match variable("XDG_RUNTIME_DIR").map(PathBuf::from) {
                    Some(path) if path.is_absolute() => path.join("gtd"),
                    _ => private.clone(),
                };
                [
                    xdg("XDG_CONFIG_HOME", ".config")?,
                    xdg("XDG_DATA_HOME", ".local/share")?.join(&town),
                    xdg("XDG_STATE_HOME", ".local/state")?.join(&town),
                    xdg("XDG_CACHE_HOME", ".cache")?,
                    run.join(&town),
                ]
            }
        };
        let socket = short_enough(&run, &private);
        Ok(Self {
            town,
            config,
            data,
            state,
            cache,
            run,
            socket,
        })
    }

    /// Says that the daemon listens elsewhere.
    #[must_use]
    pub fn with_socket(mut self, socket: PathBuf) -> Self {
        self.socket = socket;
        self
    }

    /// Returns the daemon's socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns the folder of all supervised runs.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    /// Returns the folder of the logs of the daemon and its roles.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// Returns the folder of reports.
    #[must_use]
    pub fn reports(&self) -> PathBuf {
        self.state.join("reports")
    }

    /// Returns the file whose presence stops everything.
    #[must_use]
    pub fn stop_file(&self) -> PathBuf {
        self.state.join("stop")
    }

    /// Returns the lock under which the stop file is read and written.
    #[must_use]
    pub fn stop_lock(&self) -> PathBuf {
        self.state.join("stop.lock")
    }

    /// Returns the file of the town's key.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.data.join("key")
    }

    /// Returns the file that says in which folder each rig is.
    #[must_use]
    pub fn rigs_file(&self) -> PathBuf {
        self.data.join("rigs.json")
    }

    /// Returns the folder of trusted copies of configurations.
    #[must_use]
    pub fn trust(&self) -> PathBuf {
        self.data.join("trust")
    }

    /// Returns the file that is given up when the disk is full.
    #[must_use]
    pub fn ballast(&self) -> PathBuf {
        self.data.join("ballast")
    }

    /// Returns the folder of backups.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.data.join("backups")
    }

    /// Returns the file that says when the daemon makes backups by itself, and what it made.
    #[must_use]
    pub fn backup_schedule(&self) -> PathBuf {
        self.data.join("backups.json")
    }

    /// Returns the folder of the worktrees of a rig.
    #[must_use]
    pub fn worktrees(&self, rig: &RigName) -> PathBuf {
        self.data.join("worktrees").join(rig.as_str())
    }

    /// Returns the folder of the store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.data.join("store")
    }

    /// Returns the file that the one daemon of this town holds locked.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.data.join("gtdd.lock")
    }

    /// Returns the document of `gtd config path --json`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "kind": "Paths",
            "api": "gtd/v1",
            "town": self.town,
            "config": self.config.to_string_lossy(),
            "data": self.data.to_string_lossy(),
            "state": self.state.to_string_lossy(),
            "cache": self.cache.to_string_lossy(),
            "run": self.run.to_string_lossy(),
            "socket": self.socket.to_string_lossy(),
            "store": self.store().to_string_lossy(),
            "worktrees": self.data.join("worktrees").to_string_lossy(),
            "trust": self.trust().to_string_lossy(),
            "backups": self.backups().to_string_lossy(),
            "ballast": self.ballast().to_string_lossy(),
            "rigs": self.rigs_file().to_string_lossy(),
            "key": self.key_file().to_string_lossy(),
            "lock": self.lock().to_string_lossy(),
            "runs": self.runs().to_string_lossy(),
            "logs": self.logs().to_string_lossy(),
            "reports": self.reports().to_string_lossy(),
            "stop_file": self.stop_file().to_string_lossy(),
        })
    }

    /// Makes the folders that the daemon needs, private to this user.
    ///
    /// # Errors
    /// When one cannot be made, or the socket's folder is not private.
    pub fn prepare(&self) -> Result<(), PlacesError> {
        for folder in [
            &self.config,
            &self.data,
            &self.state,
            &self.cache,
            &self.runs(),
            &self.logs(),
        ] {
            make(folder)?;
        }
        let folder = self.socket.parent().expect("a socket lies in a folder");
        make(folder)?;
        // A folder below /tmp could have been made by somebody else before.
        let mut private = vec![folder];
        private.extend(
            folder
                .parent()
                .filter(|p| p.parent() == Some(Path::new("/tmp"))),
        );
        for path in private {
            let own = fs::symlink_metadata(path)
                .is_ok_and(|found| found.is_dir() && found.uid() == user());
            if !own {
                let path = path.to_owned();
                return Err(PlacesError::NotPrivate { path });
            }
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(|source| {
                let path = path.to_owned();
                PlacesError::Make { path, source }
            })?;
        }
        Ok(())
    }
}

/// Returns the number of the user of this process.
pub(crate) fn user() -> u32 {
    nix::unistd::getuid().as_raw()
}

fn make(folder: &Path) -> Result<(), PlacesError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| PlacesError::Make {
            path: folder.to_owned(),
            source,
        })
}

fn short_enough(run: &Path, private: &Path) -> PathBuf {
    let socket = run.join("gtd.sock");
    if socket.as_os_str().len() <= MAX_SOCKET_BYTES {
        return socket;
    }
    let digest = Sha256::digest(run.as_os_str().as_bytes());
    let short: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    private.join(short).join("gtd.sock")
}

/// Takes `.` and trailing slashes away, so that two spellings of one folder give one town.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn places(variables: &[(&str, &str)]) -> Result<Places, PlacesError> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Places::find(
            |key| variables.get(key).map(OsString::from),
            Path::new("/here"),
            7,
        )
    }

    #[test]
    fn everything_of_a_town_lies_below_gtd_home() {
        let places = places(&[
            ("GTD_HOME", "/town/"),
            ("XDG_DATA_HOME", "/elsewhere"),
            ("HOME", "/home/anna"),
        ])
        .unwrap();
        assert_eq!(places.town, "home");
        assert_eq!(places.socket(), Path::new("/town/run/gtd.sock"));
        assert_eq!(places.stop_file(), Path::new("/town/state/stop"));
        assert_eq!(places.store(), Path::new("/town/data/store"));
        for path in [&places.config, &places.cache, &places.run] {
            assert!(path.starts_with("/town"));
        }
    }

    #[test]
    fn a_relative_gtd_home_lies_below_the_present_folder() {
        let places = places(&[("GTD_HOME", "./t")]).unwrap();
        assert_eq!(places.data, Path::new("/here/t/data"));
    }

    #[test]
    fn without_gtd_home_the_xdg_folders_are_used() {
        let found = places(&[
            ("HOME", "/home/anna"),
            ("GTD_TOWN", "office"),
            ("XDG_STATE_HOME", "/st"),
            ("XDG_CACHE_HOME", "not/absolute"),
            ("XDG_RUNTIME_DIR", "/rt"),
        ])
        .unwrap();
        assert_eq!(found.config, Path::new("/home/anna/.config/gtd"));
        assert_eq!(found.data, Path::new("/home/anna/.local/share/gtd/office"));
        assert_eq!(found.state, Path::new("/st/gtd/office"));
        assert_eq!(found.cache, Path::new("/home/anna/.cache/gtd"));
        assert_eq!(found.socket(), Path::new("/rt/gtd/office/gtd.sock"));
        let bare = places(&[("HOME", "/home/anna")]).unwrap();
        assert_eq!(bare.socket(), Path::new("/tmp/gtd-7/home/gtd.sock"));
    }

    #[test]
    fn a_long_socket_path_moves_to_a_short_private_folder() {
        let long = format!("/{}", "x".repeat(120));
        let one = places(&[("GTD_HOME", &long)]).unwrap();
        let other = places(&[("GTD_HOME", &format!("{long}y"))]).unwrap();
        assert!(one.socket().starts_with("/tmp/gtd-7"));
        assert!(one.socket().as_os_str().len() <= MAX_SOCKET_BYTES);
        assert_ne!(one.socket(), other.socket());
        assert!(one.data.starts_with(&long));
    }

    #[test]
    fn an_environment_that_says_nothing_is_refused() {
        assert!(matches!(places(&[]), Err(PlacesError::Homeless)));
        assert!(matches!(
            places(&[("GTD_HOME", "")]),
            Err(PlacesError::Homeless)
        ));
        let town = places(&[("GTD_HOME", "/t"), ("GTD_TOWN", "../x")]);
        assert!(matches!(town, Err(PlacesError::Town { .. })));
    }

    #[test]
    fn the_socket_folder_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let places = Places::find(
            |key| (key == "GTD_HOME").then(|| OsString::from(&home)),
            Path::new("/"),
            user(),
        )
        .unwrap();
        places.prepare().unwrap();
        places.prepare().unwrap();
        let mode = fs::metadata(places.socket().parent().unwrap())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_socket_folder_that_is_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, home.join("run")).unwrap();
        let places = Places::find(
            |key| (key == "GTD_HOME").then(|| home.clone().into_os_string()),
            Path::new("/"),
            user(),
        )
        .unwrap();
        assert!(matches!(
            places.prepare(),
            Err(PlacesError::NotPrivate { .. })
        ));
    }
}
