//! What every command has: the folders of the town, the terminal, and where one stands.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    time::Duration,
};

use gtd_client::{Listener, Places, RigFolders};
use gtd_core::RigName;

use crate::{
    args::{Global, Progress},
    error::{CliError, Kind},
    last,
    output::{Pager, Screen},
    place,
    taste::Taste,
    trace,
};

/// What every command has.
pub(crate) struct Context {
    /// The folders of the town.
    pub(crate) places: Places,
    /// The terminal.
    pub(crate) screen: Screen,
    /// Where one stands.
    pub(crate) folder: PathBuf,
    /// The deadline of a call, when one was wished.
    pub(crate) deadline: Option<Duration>,
    /// How long a wait may take, when that was wished.
    pub(crate) wait_limit: Option<Duration>,
    /// How progress is told.
    pub(crate) progress: Progress,
    /// Nobody may be asked.
    pub(crate) no_input: bool,
    /// The daemon is where the caller says, so none is started.
    pub(crate) is_elsewhere: bool,
    /// What tells each call, when that is wished.
    pub(crate) listener: Option<Listener>,
    named_rig: Option<String>,
    folders: OnceCell<RigFolders>,
}

impl Context {
    /// Finds everything; `waits` says that the timeout is one of a wait and not of a call.
    pub(crate) fn new(global: &Global, waits: bool) -> Result<Self, CliError> {
        let form = global.form()?;
        let here = std::env::current_dir()
            .map_err(|error| CliError::io("find the present folder", error))?;
        let wished = global
            .dir
            .clone()
            .or_else(|| variable("GTD_DIR").map(PathBuf::from));
        let folder = match wished {
            None => here.clone(),
            Some(wished) => {
                let folder = here.join(&wished);
                std::fs::canonicalize(&folder).map_err(|error| {
                    CliError::given(format!("enter {}", wished.display()), error)
                })?
            }
        };
        let town = global.town.clone();
        let user = nix::unistd::getuid().as_raw();
        let host = global.host.clone().or_else(|| variable("GTD_HOST"));
        let host = host.map(|host| socket_of(&host, &here)).transpose()?;
        let places = Places::find(
            |key| match (key, &town) {
                ("GTD_TOWN", Some(town)) => Some(town.into()),
                _ => std::env::var_os(key),
            },
            &here,
            user,
        )?;
        let places = match &host {
            Some(socket) => places.with_socket(socket.clone()),
            None => places,
        };
        last::keep_below(&places.state);
        let taste = Taste::of(&places);
        let screen = Screen::of(global, &taste).with_form(form);
        let screen = match global.no_pager || is_dumb() {
            true => screen,
            false => {
                screen.with_pager(move || Pager::choose(|key| std::env::var_os(key), taste.pager()))
            }
        };
        Ok(Self {
            is_elsewhere: host.is_some(),
            listener: (global.verbose > 1 && !global.quiet).then(trace::listener),
            places,
            screen,
            folder,
            deadline: global.timeout.filter(|_| !waits),
            wait_limit: global.timeout.filter(|_| waits),
            progress: global.progress,
            no_input: global.no_input,
            named_rig: global.rig.clone().or_else(|| variable("GTD_RIG")),
            folders: OnceCell::new(),
        })
    }

    /// Completes a path of the command line.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// Writes a text to the file that was asked for, or to the screen.
    pub(crate) fn deliver(&self, file: Option<&Path>, text: &str) -> Result<(), CliError> {
        let Some(file) = file else {
            self.screen.write(text.as_bytes());
            return Ok(());
        };
        let path = self.path(file);
        std::fs::write(&path, text)
            .map_err(|error| CliError::io(format!("write {}", path.display()), error))?;
        self.screen.say(format!("wrote {}", path.display()));
        Ok(())
    }

    /// Returns where each rig is.
    pub(crate) fn rig_folders(&self) -> Result<&RigFolders, CliError> {
        if let Some(folders) = self.folders.get() {
            return Ok(folders);
        }
        let folders = RigFolders::load(&self.places.rigs_file())?;
        Ok(self.folders.get_or_init(|| folders))
    }

    /// Tells whether a rig is named, by `-r` or in the environment.
    pub(crate) fn names_a_rig(&self) -> bool {
        self.named_rig.is_some()
    }

    /// Returns the rig that is named or that one stands in, if any.
    pub(crate) fn rig(&self) -> Result<Option<RigName>, CliError> {
        match &self.named_rig {
            Some(name) => {
                let rig =
                    RigName::parse(name).map_err(|error| CliError::usage(error.to_string()))?;
                let known = &self.rig_folders()?.folders;
                if !known.is_empty() && !known.contains_key(&rig) {
                    let names: Vec<&str> = known.keys().map(RigName::as_str).collect();
                    let error = CliError::from(gtd_core::Rejection::NoRig { rig });
                    return Err(error.help(format!("rigs: {}", names.join(" "))));
                }
                Ok(Some(rig))
            }
            None => Ok(place::rig_of(self.rig_folders()?, &self.folder)),
        }
    }

    /// Returns the rig that is named or that one stands in.
    pub(crate) fn need_rig(&self) -> Result<RigName, CliError> {
        self.rig()?
            .ok_or_else(|| CliError::new(Kind::NotARig(self.folder.clone())))
    }

    /// Returns the folder of a rig.
    pub(crate) fn folder_of(&self, rig: &RigName) -> Result<PathBuf, CliError> {
        self.rig_folders()?
            .folder(rig)
            .map(Path::to_owned)
            .ok_or_else(|| gtd_core::Rejection::NoRig { rig: rig.clone() }.into())
    }
}

/// Reads where the daemon listens.
fn socket_of(host: &str, here: &Path) -> Result<PathBuf, CliError> {
    match host.strip_prefix("unix:") {
        Some(path) if !path.is_empty() => Ok(here.join(path)),
        _ => Err(CliError::usage(format!(
            "a host is unix:/path/of/a/socket, not `{host}`"
        ))),
    }
}

/// Tells whether the terminal can do nothing but write line by line.
fn is_dumb() -> bool {
    variable("TERM").is_none_or(|term| term == "dumb")
}

fn variable(key: &str) -> Option<String> {
    std::env::var_os(key)
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| !value.is_empty())
}
