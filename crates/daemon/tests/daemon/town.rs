//! A town in a temporary folder: a real daemon, a real repository.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use gtd_client::{Caller, Client, Places, WriteContext};
use gtd_core::{BeadSpec, PlannedBead, RequestId, RigName};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long anything may take that is not meant to be slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A town, and the daemon that runs it.
pub(crate) struct Town {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) places: Places,
    variables: Vec<(String, String)>,
    daemon: Option<Child>,
}

impl Town {
    /// Makes a town without a daemon.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let places = Places::find(
            |key| (key == "GTD_HOME").then(|| OsString::from(&home)),
            Path::new("/"),
            nix::unistd::getuid().as_raw(),
        )
        .unwrap();
        Self {
            folder,
            places,
            variables: Vec::new(),
            daemon: None,
        }
    }

    /// Makes a town and starts its daemon.
    pub(crate) fn started() -> Self {
        let mut town = Self::new();
        town.start();
        town
    }

    /// Sets a variable for the daemons to come.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.variables.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Makes the command of a `gtdd` of this town.
    pub(crate) fn gtdd(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gtdd"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GTD_HOME", self.home())
            .env("GTD_SHIM", shim())
            .envs(self.variables.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts the daemon and waits for its word.
    pub(crate) fn start(&mut self) {
        assert!(self.daemon.is_none());
        let mut child = self
            .gtdd()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if !line.contains("is ready") {
            let output = child.wait_with_output().unwrap();
            panic!("{line}{}", String::from_utf8_lossy(&output.stderr));
        }
        self.daemon = Some(child);
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.daemon.as_ref().unwrap().id()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    /// Waits for the daemon's end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.daemon.take().unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the daemon does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the daemon without a word.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        assert_eq!(self.wait().signal(), Some(9));
    }

    /// Ends the daemon in good order.
    pub(crate) fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        assert_eq!(self.wait().code(), Some(0));
    }

    /// Calls as a person.
    pub(crate) fn person(&self) -> Client {
        Client::open(
            self.places.socket(),
            Caller::Person {
                name: "anna".to_owned(),
            },
        )
        .with_deadline(PATIENCE)
    }

    /// Makes a repository with one commit; its branch `main` is checked out nowhere.
    pub(crate) fn repository(&self, name: &str, gtd_toml: Option<&str>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir(&path).unwrap();
        self.git(&path, &["init", "-q", "-b", "main"]);
        fs::write(path.join("README"), "hello\n").unwrap();
        if let Some(text) = gtd_toml {
            fs::write(path.join("gtd.toml"), text).unwrap();
        }
        self.git(&path, &["add", "-A"]);
        self.git(&path, &["commit", "-q", "-m", "first"]);
        self.git(&path, &["checkout", "-q", "--detach"]);
        path
    }

    pub(crate) fn git(&self, path: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(path)
            .args(args)
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "t")
            .env("GIT_AUTHOR_EMAIL", "t@example.org")
            .env("GIT_COMMITTER_NAME", "t")
            .env("GIT_COMMITTER_EMAIL", "t@example.org")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Adds a repository as the rig `api`, paused, so that no role begins anything.
    pub(crate) async fn quiet_rig(&self, client: &Client) -> RigName {
        let scope = gtd_core::PauseScope::Town;
        let why = "the test looks at it as it is".to_owned();
        client
            .tell(gtd_core::Command::Pause { scope, why })
            .await
            .unwrap();
        let path = self.repository("api", None);
        client
            .add_rig(&path, None, WriteContext::default())
            .await
            .unwrap();
        RigName::parse("api").unwrap()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The shim that was built beside `gtdd`; tests of the daemon begin no runs, so a stand-in will do.
fn shim() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_gtdd")).with_file_name("gtd-shim");
    if beside.is_file() {
        beside
    } else {
        PathBuf::from("/bin/false")
    }
}

/// Runs a test's own future.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(2 * PATIENCE, future).await.unwrap() })
}

pub(crate) fn spec(title: &str) -> BeadSpec {
    BeadSpec {
        title: title.to_owned(),
        ..BeadSpec::default()
    }
}

pub(crate) fn script(local_id: &str, run: &str) -> PlannedBead {
    PlannedBead {
        local_id: local_id.to_owned(),
        spec: BeadSpec {
            run: Some(run.to_owned()),
            ..spec(local_id)
        },
        needs: Vec::new(),
    }
}

pub(crate) fn named(request: &str) -> WriteContext {
    WriteContext {
        request: Some(RequestId::parse(request).unwrap()),
        expected: None,
    }
}
