//! The town as a service: what the manager is told, and what is asked of it.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    time::{Duration, Instant},
};

use gtd_testkit::town::{Output, Town, binary};

/// A service manager that only listens.
fn listen(town: &Town) -> UnixDatagram {
    let socket = UnixDatagram::bind(town.path("notify")).expect("bind");
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("limit the wait");
    socket
}

fn notified(town: Town, watchdog_us: &str) -> Town {
    let path = town.path("notify").display().to_string();
    town.with_env("NOTIFY_SOCKET", &path)
        .with_env("WATCHDOG_USEC", watchdog_us)
}

/// Reads until a message has this line; returns that message.
fn hear(socket: &UnixDatagram, line: &str) -> String {
    let mut bytes = [0; 4096];
    loop {
        let size = socket
            .recv(&mut bytes)
            .unwrap_or_else(|error| panic!("nobody said {line}: {error}"));
        let text = String::from_utf8_lossy(&bytes[..size]).into_owned();
        if text.lines().any(|said| said == line) {
            return text;
        }
    }
}

#[test]
fn the_service_manager_hears_readiness_signs_of_life_and_the_end() {
    let town = notified(Town::new(), "600000");
    let socket = listen(&town);
    let daemon = town.start("");
    let ready = hear(&socket, "READY=1");
    assert!(ready.contains("STATUS=idle: no goal is open"), "{ready}");
    assert!(
        ready.contains(&format!("MAINPID={}", daemon.pid())),
        "{ready}"
    );
    hear(&socket, "WATCHDOG=1");
    hear(&socket, "WATCHDOG=1");
    assert_eq!(daemon.terminate(), Some(0));
    hear(&socket, "STOPPING=1");
}

#[test]
fn a_daemon_whose_ledger_hangs_gives_no_sign_of_life() {
    let town = notified(Town::new(), "600000");
    let socket = listen(&town);
    town.init(&[]);
    town.down();
    let _daemon = town.start("ledger.before-append=sleep:60000");
    hear(&socket, "READY=1");
    hear(&socket, "WATCHDOG=1");
    // This write holds the ledger's thread for a minute.
    let mut stuck = town
        .program(binary("gtd"))
        .args(["pause", "--timeout", "1s"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("start gtd");
    hear(&socket, "STATUS=the ledger does not answer");
    stuck.wait().expect("wait for gtd");
    // Three times as long as the manager would wait.
    socket
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("limit the wait");
    let until = Instant::now() + Duration::from_millis(1800);
    let mut bytes = [0; 4096];
    while Instant::now() < until {
        match socket.recv(&mut bytes) {
            Ok(size) => {
                let text = String::from_utf8_lossy(&bytes[..size]);
                assert!(!text.contains("WATCHDOG=1"), "a sign of life: {text}");
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
}

/// Puts a `systemctl` on the path that writes down what it is asked.
fn with_systemctl(town: Town) -> Town {
    let folder = town.path("bin");
    fs::create_dir(&folder).expect("make a folder");
    let program = folder.join("systemctl");
    let notes = town.path("systemctl.txt");
    fs::write(
        &program,
        format!(
            "#!/bin/sh\necho \"$@\" >> '{}'\necho active\n",
            notes.display()
        ),
    )
    .expect("write a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("make it run");
    let path = format!(
        "{}:{}",
        folder.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    town.with_env("PATH", &path)
}

#[test]
fn a_service_is_installed_told_and_removed() {
    let town = with_systemctl(Town::new());
    let unit = town.path("user/.config/systemd/user/gtd-home.service");
    town.gtd_ok(&["up", "--service", "install"]);
    let text = fs::read_to_string(&unit).expect("the unit");
    for line in [
        "Type=notify".to_owned(),
        "KillMode=process".to_owned(),
        format!("ExecStart=\"{}\"", binary("gtdd").display()),
        format!("Environment=\"GTD_HOME={}\"", town.path("home").display()),
    ] {
        assert!(text.lines().any(|said| said == line), "{line}: {text}");
    }
    // A town of the same name in another home is another town: this one is started apart.
    let other = town.path("other");
    let words = ["up", "--service", "status", "--json"];
    let output = Output::of(
        town.program(binary("gtd"))
            .args(words)
            .env("GTD_HOME", &other),
    );
    assert!(output.stdout.contains("not installed"), "{output}");
    let document = town.json(&["up", "--service", "status"]);
    assert_eq!(document["service"], "systemd", "{document:#}");
    assert_eq!(document["state"], "active", "{document:#}");
    town.gtd_ok(&["up", "--service", "remove"]);
    assert!(!unit.exists());
    let asked = fs::read_to_string(town.path("systemctl.txt")).expect("what was asked");
    for line in [
        "--user daemon-reload",
        "--user enable gtd-home.service",
        "--user start gtd-home.service",
        "--user disable --now gtd-home.service",
    ] {
        assert!(asked.lines().any(|said| said == line), "{line}: {asked}");
    }
}

#[test]
fn where_systemd_does_not_run_nothing_is_written_and_it_is_said() {
    let town = Town::new();
    let path = town.path("bin");
    fs::create_dir(&path).expect("make a folder");
    let output = Output::of(town.program(binary("gtd")).env("PATH", &path).args([
        "up",
        "--service",
        "install",
    ]));
    assert_eq!(output.code, Some(7), "{output}");
    assert!(
        output.stderr.contains("there is no program systemctl"),
        "{output}"
    );
    assert!(output.stderr.contains("help: "), "{output}");
    assert!(!town.path("user/.config/systemd").exists());
}
