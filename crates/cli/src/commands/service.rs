//! `gtd up --service`: the town as a service of the user's session.
//!
//! On Linux a systemd user unit; on macOS a launchd agent, whose template was
//! written from the manual and has not been tried.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::json;

use crate::{
    args::Change,
    context::Context,
    daemon_program::DaemonProgram,
    error::{CliError, Kind},
    exit::Exit,
    town,
};

/// What is done with the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Act {
    /// Write the unit, enable and start it
    Install,
    /// Stop and disable it, and take the unit away
    Remove,
    /// Say whether it is installed and runs
    Status,
}

/// Who keeps the service here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Systemd,
    Launchd,
}

/// The service of one town.
struct Service {
    manager: Manager,
    name: String,
    file: PathBuf,
}

pub(crate) async fn run(ctx: &Context, act: Act, change: &Change) -> Result<Exit, CliError> {
    let service = Service::of(ctx)?;
    match act {
        Act::Install => install(ctx, &service, change).await,
        Act::Remove => remove(ctx, &service, change),
        Act::Status => status(ctx, &service),
    }
}

/// Starts the daemon by its service when one is installed; returns whether it did.
pub(crate) fn start_installed(ctx: &Context) -> Result<bool, CliError> {
    let Ok(service) = Service::of(ctx) else {
        return Ok(false);
    };
    if service.manager != Manager::Systemd || !service.is_of(ctx) {
        return Ok(false);
    }
    service.need_manager()?;
    service.systemctl(&["start", &service.name])?;
    Ok(true)
}

/// Tells whether the daemon goes on after a logout; none when it is no service.
pub(crate) fn stays(ctx: &Context) -> Option<bool> {
    let service = Service::of(ctx).ok()?;
    // A launchd agent ends with its session, and nothing changes that.
    (service.is_of(ctx)).then(|| service.manager == Manager::Systemd && lingers())
}

async fn install(ctx: &Context, service: &Service, change: &Change) -> Result<Exit, CliError> {
    let program = DaemonProgram::find(&ctx.places)?;
    let variables = variables(ctx);
    let text = match service.manager {
        Manager::Systemd => unit(&ctx.places.town, program.path(), &variables)?,
        Manager::Launchd => plist(&service.name, program.path(), &variables),
    };
    if change.dry_run {
        ctx.screen
            .say(format!("would write {}", service.file.display()));
        ctx.screen.write(text.as_bytes());
        return Ok(Exit::Done);
    }
    if service.file.is_file() && !service.is_of(ctx) {
        return Err(CliError::new(Kind::State(format!(
            "{} is the service of a town of this name in another home",
            service.file.display()
        )))
        .help("give this town another name: gtd --town NAME up --service install"));
    }
    service.need_manager()?;
    let is_running = town::reach(ctx).await.is_ok();
    let failed = |error| CliError::io(format!("write {}", service.file.display()), error);
    if let Some(folder) = service.file.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(&service.file, text).map_err(failed)?;
    match service.manager {
        Manager::Launchd => {
            ctx.screen
                .warn("the launchd agent was never tried; it is written and not loaded");
            ctx.screen
                .next_always(&[format!("launchctl load -w {}", service.file.display())]);
        }
        Manager::Systemd => {
            service.systemctl(&["daemon-reload"])?;
            service.systemctl(&["enable", &service.name])?;
            // The one that runs has the town; the service takes over when it has ended.
            if is_running {
                ctx.screen.say("the daemon that runs is not the service's; hand over with: gtd down --now && gtd up");
            } else {
                service.systemctl(&["start", &service.name])?;
            }
            if !lingers() {
                ctx.screen
                    .say("it ends when you log out; to let it stay: loginctl enable-linger");
            }
        }
    }
    report(ctx, service, "installed")
}

fn remove(ctx: &Context, service: &Service, change: &Change) -> Result<Exit, CliError> {
    if !service.is_of(ctx) {
        return report(ctx, service, "not installed");
    }
    if change.dry_run {
        let acts = [format!(
            "stop {} and remove {}",
            service.name,
            service.file.display()
        )];
        return Ok(super::would(ctx, &acts));
    }
    if service.manager == Manager::Systemd {
        service.need_manager()?;
        service.systemctl(&["disable", "--now", &service.name])?;
    }
    fs::remove_file(&service.file)
        .map_err(|error| CliError::io(format!("remove {}", service.file.display()), error))?;
    if service.manager == Manager::Systemd {
        service.systemctl(&["daemon-reload"])?;
    }
    report(
        ctx,
        service,
        "removed; agents that are at work live on: gtd up",
    )
}

fn status(ctx: &Context, service: &Service) -> Result<Exit, CliError> {
    if !service.is_of(ctx) {
        report(
            ctx,
            service,
            "not installed: work stops when you log out.  gtd up --service install",
        )?;
        return Ok(Exit::Done);
    }
    let active = match service.manager {
        Manager::Launchd => "unknown".to_owned(),
        Manager::Systemd => {
            service.need_manager()?;
            // `is-active` answers with its exit code too; the word is what counts.
            let output = quiet("systemctl", &["--user", "is-active", &service.name]);
            output.map_or_else(
                || "unknown".to_owned(),
                |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            )
        }
    };
    report(ctx, service, &active)
}

fn report(ctx: &Context, service: &Service, state: &str) -> Result<Exit, CliError> {
    if ctx.screen.is_json() {
        let installed = service.file.is_file();
        ctx.screen.document(&json!({
            "kind": "Service",
            "api": gtd_core::API,
            "service": match (installed, service.manager) {
                (false, _) => "none",
                (true, Manager::Systemd) => "systemd",
                (true, Manager::Launchd) => "launchd",
            },
            "name": service.name,
            "file": service.file.to_string_lossy(),
            "state": state,
            "linger": lingers(),
        }));
    } else {
        ctx.screen.line(format!("{}  {state}", service.name));
        if service.file.is_file() {
            ctx.screen.say(format!("unit {}", service.file.display()));
        }
    }
    Ok(Exit::Done)
}

impl Service {
    fn of(ctx: &Context) -> Result<Self, CliError> {
        let folder = |key: &str| {
            std::env::var_os(key)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        let home = folder("HOME").ok_or_else(|| {
            CliError::new(Kind::Places(
                "HOME is not set, so there is no place for a service".to_owned(),
            ))
        })?;
        let town = &ctx.places.town;
        Ok(match cfg!(target_os = "macos") {
            true => Self {
                manager: Manager::Launchd,
                name: format!("gtd.{town}"),
                file: home.join(format!("Library/LaunchAgents/gtd.{town}.plist")),
            },
            false => {
                let config = folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
                let name = format!("gtd-{town}.service");
                Self {
                    manager: Manager::Systemd,
                    file: config.join("systemd/user").join(&name),
                    name,
                }
            }
        })
    }

    /// Tells whether it is installed for this very town: towns in two homes may have one name.
    fn is_of(&self, ctx: &Context) -> bool {
        let Ok(text) = fs::read_to_string(&self.file) else {
            return false;
        };
        if self.manager == Manager::Launchd {
            return true;
        }
        let home = variables(ctx)
            .into_iter()
            .find(|(key, _)| key == "GTD_HOME");
        let line = home.and_then(|(key, value)| quoted(&format!("{key}={value}")).ok());
        match line {
            Some(line) => text.contains(&format!("Environment={line}\n")),
            None => !text.contains("Environment=\"GTD_HOME="),
        }
    }

    /// Refuses where no systemd keeps services of this user.
    fn need_manager(&self) -> Result<(), CliError> {
        if self.manager == Manager::Launchd {
            return Ok(());
        }
        let why = match quiet("systemctl", &["--user", "show-environment"]) {
            None => "there is no program systemctl".to_owned(),
            Some(output) if output.status.success() => return Ok(()),
            Some(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        };
        Err(CliError::new(Kind::State(format!(
            "systemd keeps no services of this user here: {why}"
        )))
        .help(
            "run it without a service: gtd up; in a container or another init: gtd up --foreground",
        ))
    }

    fn systemctl(&self, words: &[&str]) -> Result<(), CliError> {
        let all = [&["--user"], words].concat();
        let act = format!("systemctl {}", all.join(" "));
        let output = Command::new("systemctl")
            .args(&all)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| CliError::io(format!("run {act}"), error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(CliError::new(Kind::State(format!("{act} failed: {said}")))
            .help(format!("journalctl --user -u {}", self.name)))
    }
}

fn quiet(program: &str, words: &[&str]) -> Option<Output> {
    Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .ok()
}

/// Tells whether services of this user go on after a logout.
fn lingers() -> bool {
    quiet("loginctl", &["show-user", "--property=Linger", "--value"])
        .is_some_and(|output| output.stdout.trim_ascii() == b"yes")
}

/// Returns what the daemon must be told, since a service does not get the caller's environment.
fn variables(ctx: &Context) -> Vec<(String, String)> {
    let mut variables = vec![("GTD_TOWN".to_owned(), ctx.places.town.clone())];
    for key in [
        "PATH",
        "GTD_HOME",
        "GTD_SHIM",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    ] {
        let Ok(value) = std::env::var(key) else {
            continue;
        };
        let value = match key {
            "GTD_HOME" => ctx.path(Path::new(&value)).to_string_lossy().into_owned(),
            _ => value,
        };
        if !value.is_empty() {
            variables.push((key.to_owned(), value));
        }
    }
    variables
}

/// Writes a word as systemd reads it.
fn quoted(text: &str) -> Result<String, CliError> {
    if text.contains(['\n', '\r']) {
        return Err(CliError::usage(format!(
            "{text:?} has a line break, and a unit cannot hold one"
        )));
    }
    let text = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    Ok(format!("\"{text}\""))
}

/// Writes the systemd unit.
fn unit(town: &str, program: &Path, variables: &[(String, String)]) -> Result<String, CliError> {
    let mut environment = String::new();
    for (key, value) in variables {
        environment.push_str(&format!(
            "Environment={}\n",
            quoted(&format!("{key}={value}"))?
        ));
    }
    // In a command line a dollar begins a variable; in Environment= it does not.
    let program = quoted(&program.to_string_lossy())?.replace('$', "$$");
    Ok(format!(
        "# Written by gtd up --service install; taken away by gtd up --service remove.\n\
         [Unit]\n\
         Description=gtd town {town}\n\
         \n\
         [Service]\n\
         Type=notify\n\
         NotifyAccess=main\n\
         ExecStart={program}\n\
         ExecReload=/bin/kill -HUP $MAINPID\n\
         WorkingDirectory=/\n\
         {environment}\
         # A sign of life comes only when the ledger answers. Nothing is lost by a kill.\n\
         WatchdogSec=30\n\
         WatchdogSignal=SIGKILL\n\
         Restart=on-failure\n\
         RestartSec=2\n\
         # 7: another daemon has the town; 78: its folders or configuration are wrong.\n\
         RestartPreventExitStatus=7 78\n\
         # Only the daemon is ended. Agents live on under their shims, and the next daemon adopts them;\n\
         # control-group and mixed would kill them with it.\n\
         KillMode=process\n\
         TimeoutStopSec=90\n\
         # An agent that takes too much memory must not take the daemon with it.\n\
         OOMPolicy=continue\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n"
    ))
}

/// Writes the launchd agent; never tried.
fn plist(name: &str, program: &Path, variables: &[(String, String)]) -> String {
    let text = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let environment: String = variables
        .iter()
        .map(|(key, value)| {
            format!(
                "    <key>{}</key><string>{}</string>\n",
                text(key),
                text(value)
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n\
         \x20 <key>Label</key><string>{name}</string>\n\
         \x20 <key>ProgramArguments</key><array><string>{program}</string></array>\n\
         \x20 <key>EnvironmentVariables</key><dict>\n{environment}  </dict>\n\
         \x20 <key>RunAtLoad</key><true/>\n\
         \x20 <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n\
         \x20 <key>AbandonProcessGroup</key><true/>\n\
         </dict>\n</plist>\n",
        name = text(name),
        program = text(&program.to_string_lossy()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_lets_agents_live_and_escapes_what_systemd_would_read() {
        let variables = [("PATH".to_owned(), "/a b/100%:\"x\"$y".to_owned())];
        let text = unit("home", Path::new("/opt/my $apps/gtdd"), &variables).unwrap();
        assert!(text.contains("\nKillMode=process\n"), "{text}");
        assert!(text.contains("\nType=notify\n"), "{text}");
        assert!(
            text.contains("\nExecStart=\"/opt/my $$apps/gtdd\"\n"),
            "{text}"
        );
        assert!(
            text.contains("\nEnvironment=\"PATH=/a b/100%%:\\\"x\\\"$y\"\n"),
            "{text}"
        );
        assert!(unit("home", Path::new("/a\nb"), &[]).is_err());
    }

    #[test]
    fn the_launchd_agent_leaves_the_agents_alone() {
        let text = plist("gtd.home", Path::new("/a&b/gtdd"), &[]);
        assert!(text.contains("<string>/a&amp;b/gtdd</string>"), "{text}");
        assert!(
            text.contains("<key>AbandonProcessGroup</key><true/>"),
            "{text}"
        );
    }
}
