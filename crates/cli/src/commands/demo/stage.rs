//! Where it is played: one temporary folder with a repository, a town and the cues.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use gtd_client::Places;

use super::{
    leftovers::{PREFIX, hold},
    script::Script,
};
use crate::{
    daemon_program::DaemonProgram,
    error::{CliError, Kind},
};

/// What the town of the play is told; the caller's own settings do not count.
const SETTINGS: [(&str, &str); 4] = [
    ("GTD_ROLES__WORKER__MAX", "9"),
    ("GTD_ROLES__WORKER__ATTEMPTS", "3"),
    ("GTD_ROLES__WORKER__BACKOFF", "200ms"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
];

/// One temporary folder with everything in it.
pub(super) struct Stage {
    folder: PathBuf,
    gtd: PathBuf,
    gtdd: PathBuf,
    /// Says that somebody plays here.
    _held: Option<File>,
    /// The folders of the town of the play.
    pub(super) places: Places,
}

impl Stage {
    /// Makes the repository and the texts; starts nothing.
    pub(super) fn build(script: &Script) -> Result<Self, CliError> {
        let folder = fresh_folder()?;
        let held = hold(&folder)?;
        let stage = Self {
            _held: Some(held),
            ..Self::of_before(folder)?
        };
        if let Err(error) = stage.furnish(script) {
            // What failed first is what is told.
            drop(fs::remove_dir_all(&stage.folder));
            return Err(error);
        }
        Ok(stage)
    }

    /// Takes a stage that was built before.
    pub(super) fn of_before(folder: PathBuf) -> Result<Self, CliError> {
        let home = folder.join("home");
        let user = nix::unistd::getuid().as_raw();
        let places = Places::find(
            |key| (key == "GTD_HOME").then(|| home.clone().into_os_string()),
            &folder,
            user,
        )?;
        let gtd =
            std::env::current_exe().map_err(|error| CliError::io("find the program gtd", error))?;
        let gtdd = DaemonProgram::find(&places)?.path().to_owned();
        Ok(Self {
            folder,
            gtd,
            gtdd,
            _held: None,
            places,
        })
    }

    /// Returns the folder of everything.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the home of the town.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// Returns the plan.
    pub(super) fn plan(&self) -> PathBuf {
        self.folder.join("plan.toml")
    }

    /// Gives a cue.
    pub(super) fn cue(&self, name: &str, text: &str) -> Result<(), CliError> {
        let cues = self.cues();
        // By a rename: an agent never reads half of it.
        let draft = cues.join(format!(".{name}"));
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, cues.join(name)))
            .map_err(|error| CliError::io(format!("write {}", draft.display()), error))
    }

    /// Tells whether somebody gave a cue.
    pub(super) fn has_cue(&self, name: &str) -> bool {
        self.cues().join(name).exists()
    }

    /// Runs `gtd` in the town, which must succeed; returns its standard output.
    pub(super) fn gtd(&self, words: &[&str]) -> Result<String, CliError> {
        self.run(&self.gtd, words)
    }

    /// Ends the town and takes everything away.
    pub(super) fn strike(&self) -> Result<(), CliError> {
        // Both end what may have ended already; what counts is that the folder goes.
        drop(self.gtd(&["stop", "--all", "-m", "the demo is over"]));
        drop(self.gtd(&["down", "--now"]));
        let mut last = None;
        for _ in 0..60 {
            match fs::remove_dir_all(&self.folder) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => last = Some(error),
            }
            // Somebody still writes while it ends.
            thread::sleep(Duration::from_millis(50));
        }
        let error = last.unwrap_or_else(|| io::ErrorKind::Other.into());
        Err(CliError::io(
            format!("remove {}", self.folder.display()),
            error,
        ))
    }

    fn cues(&self) -> PathBuf {
        self.folder.join("cues")
    }

    fn shop(&self) -> PathBuf {
        self.folder.join("shop")
    }

    fn furnish(&self, script: &Script) -> Result<(), CliError> {
        let (shop, cues) = (self.shop(), self.cues());
        let write = |path: PathBuf, text: &str| {
            fs::write(&path, text)
                .map_err(|error| CliError::io(format!("write {}", path.display()), error))
        };
        for folder in [&shop, &cues] {
            fs::create_dir(folder)
                .map_err(|error| CliError::io(format!("make {}", folder.display()), error))?;
        }
        let (hold, scales) = (self.folder.join("hold.sh"), self.folder.join("scales.sh"));
        write(hold.clone(), &Script::hold(&cues))?;
        write(scales.clone(), &script.scales(&cues))?;
        write(self.plan(), &script.plan(&cues, &self.gtd, &self.home()))?;
        write(shop.join("stock.txt"), "apples 3\npears 5\n")?;
        write(shop.join("check.sh"), Script::suite())?;
        let gates = format!(
            "schema = 1\n\n[rig]\nname = \"shop\"\nbranch = \"main\"\n\n\
             [[gate]]\nname = \"test\"\nrun = \"sh '{}' && sh check.sh\"\nwhen = \"merge\"\n\n\
             [[gate]]\nname = \"scales\"\nrun = \"sh '{}'\"\nwhen = \"merge\"\n",
            hold.display(),
            scales.display()
        );
        write(shop.join("gtd.toml"), &gates)?;
        let git = Path::new("git");
        self.run(git, &["init", "--quiet", "--initial-branch=main"])?;
        self.run(git, &["config", "user.name", "Demo Person"])?;
        self.run(git, &["config", "user.email", "demo@example.invalid"])?;
        self.run(git, &["config", "commit.gpgsign", "false"])?;
        self.run(git, &["add", "-A"])?;
        self.run(git, &["commit", "--quiet", "-m", "A shop with a stock"])?;
        Ok(())
    }

    fn run(&self, program: &Path, words: &[&str]) -> Result<String, CliError> {
        let act = format!("run {} {}", program.display(), words.join(" "));
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let is_own = matches!(text.as_ref(), "GTD_SHIM");
            if (text.starts_with("GTD_") && !is_own) || text.starts_with("GIT_") {
                command.env_remove(&name);
            }
        }
        let output = command
            .envs(SETTINGS)
            .env("GTD_HOME", self.home())
            .env("GTD_GTDD", &self.gtdd)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(words)
            .current_dir(self.shop())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| CliError::io(act.clone(), error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let said = match said.is_empty() {
            true => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            false => said,
        };
        Err(CliError::new(Kind::State(format!(
            "cannot {act}: {}: {said}",
            output.status
        ))))
    }
}

/// Makes a folder that was not there, for this user alone.
fn fresh_folder() -> Result<PathBuf, CliError> {
    let all = std::env::temp_dir();
    for number in 0..1000 {
        let folder = all.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => {
                return fs::canonicalize(&folder)
                    .map_err(|error| CliError::io(format!("enter {}", folder.display()), error));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(CliError::io(format!("make {}", folder.display()), error)
                    .help("set TMPDIR to a folder that you can write to"));
            }
        }
    }
    Err(CliError::io(
        format!("make a folder in {}", all.display()),
        io::ErrorKind::AlreadyExists.into(),
    ))
}
