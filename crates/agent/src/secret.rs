//! Secrets that the configuration names by where they are found.
//!
//! They are looked up when a run is launched, and at no other time. They reach the shim through a
//! pipe, which gives them to the program as variables of its environment; no file of the town holds
//! them, and the shim takes them out of what the run says, by their values.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use gtd_core::config::SecretPlace;

/// The longest that a program may take to say a secret.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest secret, in bytes.
const LONGEST: u64 = 64 * 1024;
/// A shorter value is a word that stands everywhere: it could not be taken out of an output.
const SHORTEST: usize = 8;

/// Why a secret cannot be had. It never says anything of the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The daemon has no such variable.
    #[error("there is no {0} in the environment of the daemon; it has what `gtd up` had")]
    NoVariable(String),
    /// The program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program failed.
    #[error("{program} ended with {how}: run it by hand to see why")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        how: String,
    },
    /// The program said nothing in time.
    #[error("{program} did not end within {} s", LIMIT.as_secs())]
    Slow {
        /// The program.
        program: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others can read the file.
    #[error("{} can be read by others (mode {mode:04o}): chmod 600 {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is named by a part of its path.
    #[error("`{0}` is no whole path: begin it with / or ~/")]
    NoPath(String),
    /// This gtd cannot look there.
    #[error("it is in a keyring, which this gtd cannot open: name a command that can")]
    Keyring,
    /// What was found is no secret.
    #[error("what was found {0}")]
    NoSecret(&'static str),
}

/// Values that nobody sees: what they are shows in no debugging text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretValues(BTreeMap<String, String>);

impl SecretValues {
    /// Takes values by the names of their variables.
    #[must_use]
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self(values)
    }

    pub(crate) fn get(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Finds a secret.
///
/// # Errors
/// When it is not where it should be, or what is there is no secret.
pub fn find_secret(place: &SecretPlace) -> Result<String, SecretError> {
    let found = match place {
        SecretPlace::Env(name) => {
            std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?
        }
        SecretPlace::Command(words) => said_by(words)?,
        SecretPlace::File(path) => in_file(path)?,
        SecretPlace::Elsewhere => return Err(SecretError::Keyring),
    };
    let secret = found.trim_end_matches(['\n', '\r']);
    if secret.len() < SHORTEST {
        let why = match secret.is_empty() {
            true => "is empty",
            false => "is shorter than 8 characters, and could not be kept out of an output",
        };
        return Err(SecretError::NoSecret(why));
    }
    if secret.contains('\0') {
        return Err(SecretError::NoSecret("holds a zero byte"));
    }
    Ok(secret.to_owned())
}

fn in_file(text: &str) -> Result<String, SecretError> {
    let path = match text.strip_prefix("~/") {
        Some(rest) => match std::env::var_os("HOME") {
            Some(home) => Path::new(&home).join(rest),
            None => return Err(SecretError::NoPath(text.to_owned())),
        },
        None => PathBuf::from(text),
    };
    if !path.is_absolute() {
        return Err(SecretError::NoPath(text.to_owned()));
    }
    let read = |path: &Path| {
        let mut file = fs::File::open(path)?;
        // Of what was opened, whatever the name leads to by now.
        let mode = file.metadata()?.mode() & 0o777;
        let mut found = String::new();
        if mode & 0o077 == 0 {
            file.by_ref().take(LONGEST).read_to_string(&mut found)?;
        }
        Ok((mode, found))
    };
    match read(&path) {
        Ok((mode, found)) if mode & 0o077 == 0 => Ok(found),
        Ok((mode, _)) => Err(SecretError::Open { path, mode }),
        Err(source) => Err(SecretError::Read { path, source }),
    }
}

/// Runs a program of the person's own and takes what it says on standard output.
fn said_by(words: &[String]) -> Result<String, SecretError> {
    let Some((program, args)) = words.split_first() else {
        return Err(SecretError::NoSecret("is nothing: the command is empty"));
    };
    let failed = |source| SecretError::Start {
        program: program.clone(),
        source,
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let said = child.stdout.take();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut found = String::new();
        let read = said.map(|said| said.take(LONGEST).read_to_string(&mut found));
        drop(tell.send(read.transpose().map(|_| found)));
    });
    let until = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() > until => {
                drop(child.kill());
                drop(child.wait());
                return Err(SecretError::Slow {
                    program: program.clone(),
                });
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    if !status.success() {
        return Err(SecretError::Failed {
            program: program.clone(),
            how: status.to_string(),
        });
    }
    // What it left behind may hold the pipe open for ever.
    match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(source)) => Err(failed(source)),
        Err(_) => Err(SecretError::Slow {
            program: program.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(folder: &Path, text: &str, mode: u32) -> SecretPlace {
        let path = folder.join("secret");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        SecretPlace::File(path.to_string_lossy().into_owned())
    }

    fn command(script: &str) -> SecretPlace {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        SecretPlace::Command(words.to_vec())
    }

    #[test]
    fn a_secret_is_found_where_it_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let found = |place: &SecretPlace| find_secret(place).unwrap();
        assert_eq!(
            found(&file(folder.path(), "long enough\n", 0o600)),
            "long enough"
        );
        assert_eq!(found(&command("echo long enough")), "long enough");
        let path = SecretPlace::Env("PATH".to_owned());
        assert_eq!(found(&path), std::env::var("PATH").unwrap());
    }

    #[test]
    fn what_is_no_secret_is_refused_without_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |place: &SecretPlace| find_secret(place).unwrap_err().to_string();
        let open = refused(&file(folder.path(), "long enough", 0o640));
        assert!(
            open.contains("mode 0640") && open.contains("chmod 600"),
            "{open}"
        );
        let short = refused(&file(folder.path(), "short", 0o600));
        assert!(
            !short.contains("`short`") && short.contains("8 characters"),
            "{short}"
        );
        let none = refused(&command("true"));
        assert!(none.contains("is empty"), "{none}");
        let failed = refused(&command("echo long enough; exit 3"));
        assert!(
            failed.contains("exit status: 3") && !failed.contains("long"),
            "{failed}"
        );
        let part = refused(&SecretPlace::File("secret".to_owned()));
        assert!(part.contains("whole path"), "{part}");
        let unset = refused(&SecretPlace::Env("GTD_NOT_SET_AT_ALL".to_owned()));
        assert!(unset.contains("GTD_NOT_SET_AT_ALL"), "{unset}");
        assert!(refused(&SecretPlace::Elsewhere).contains("keyring"));
    }

    #[test]
    fn no_debugging_text_shows_a_value() {
        let values = BTreeMap::from([("HOUSE".to_owned(), "long enough".to_owned())]);
        assert_eq!(format!("{:?}", SecretValues::new(values)), "{\"HOUSE\"}");
    }
}
