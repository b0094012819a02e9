//! `gtdd`: the daemon of a town, a role host, and the verbs that must work without either.

mod access;
mod backup;
mod board;
mod boot;
mod callers;
mod ledger;
mod logs;
mod peer;
mod services;
mod town;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use gtd_client::{Places, TownKey};
use gtd_core::{HostName, RoleName};
use gtd_host::HostOptions;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::backup::Occupied;

/// Runs a town of coding agents.
#[derive(Debug, Parser)]
#[command(name = "gtdd", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Runs roles in a process of their own.
    Host {
        /// The roles; without them, all.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<RoleName>,
        /// The name of this host among the town's.
        #[arg(long)]
        name: Option<HostName>,
    },
    /// Stops everything, with or without a daemon.
    StopAll {
        /// Why.
        #[arg(short, long = "message", default_value = "")]
        message: String,
    },
    /// Ends the stop, with or without a daemon.
    Thaw,
    /// Looks at backups and restores them, without a daemon.
    Backup {
        #[command(subcommand)]
        verb: BackupVerb,
    },
}

#[derive(Debug, Subcommand)]
enum BackupVerb {
    /// Lists the backups of the town.
    List,
    /// Checks every digest and every line of the log.
    Verify {
        /// The backup.
        file: PathBuf,
    },
    /// Puts the town back to where the backup was made.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Keeps what is there aside.
        #[arg(long)]
        replace: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let places = match Places::from_env() {
        Ok(places) => places,
        Err(error) => return fail(&error, 78, None),
    };
    match arguments.verb {
        None => match boot::run(&places) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.exit(), error.hint()),
        },
        Some(Verb::Host { roles, name }) => host(places, roles, name),
        Some(Verb::StopAll { message }) => stop_all(&places, &message),
        Some(Verb::Thaw) => match gtd_host::thaw_everything(&places) {
            Ok(()) => {
                say(&serde_json::json!({"kind": "Thaw", "api": gtd_core::API, "thawed": true}))
            }
            Err(error) => fail(&error, 1, None),
        },
        Some(Verb::Backup { verb }) => look_at_backups(&places, &verb),
    }
}

fn look_at_backups(places: &Places, verb: &BackupVerb) -> ExitCode {
    let (kind, done) = match verb {
        BackupVerb::List => {
            let items = backup::list(places);
            let list = items.map(|items| serde_json::json!({"items": items, "next": ""}));
            ("BackupList", list)
        }
        BackupVerb::Verify { file } => ("Backup", backup::verify(places, file)),
        BackupVerb::Restore { file, replace } => {
            let occupied = match replace {
                true => Occupied::Replace,
                false => Occupied::Refuse,
            };
            ("Restore", backup::restore(places, file, occupied))
        }
    };
    match done {
        Ok(mut document) => {
            document["kind"] = kind.into();
            document["api"] = gtd_core::API.into();
            say(&document)
        }
        Err(error) => fail(&error, error.exit(), error.hint()),
    }
}

fn stop_all(places: &Places, message: &str) -> ExitCode {
    let why = match message {
        "" => "stopped by a person",
        message => message,
    };
    match gtd_host::stop_everything(places, why) {
        Ok(report) => say(&serde_json::json!({
            "kind": "StopAll",
            "api": gtd_core::API,
            "stopped": true,
            "frozen": report.frozen,
            "in_flight": report.in_flight,
            "why": why,
        })),
        Err(error) => fail(&error, 1, None),
    }
}

fn host(places: Places, roles: Vec<RoleName>, name: Option<HostName>) -> ExitCode {
    let name = name.unwrap_or_else(|| {
        let text = format!("host-{}", std::process::id());
        HostName::parse(&text).expect("a word and a number are a name")
    });
    logs::start(&places.logs(), name.as_str());
    let ready = TownKey::load(&places.key_file())
        .map_err(|error| fail(&error, 1, Some("gtd up")))
        .and_then(|key| {
            let shim = gtd_host::shim_path().map_err(|error| fail(&error, 1, None))?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .map_err(|error| fail(&error, 1, None))?;
            Ok((key, shim, runtime))
        });
    let (key, shim, runtime) = match ready {
        Ok(ready) => ready,
        Err(code) => return code,
    };
    let cancel = CancellationToken::new();
    let options = HostOptions {
        places,
        name,
        roles,
        key,
        shim,
        cancel: cancel.clone(),
    };
    let outcome = runtime.block_on(async {
        tokio::spawn(async move {
            let (Ok(mut term), Ok(mut interrupt)) = (
                signal(SignalKind::terminate()),
                signal(SignalKind::interrupt()),
            ) else {
                return;
            };
            tokio::select! {
                _ = term.recv() => {}
                _ = interrupt.recv() => {}
            }
            cancel.cancel();
        });
        gtd_host::run_host(options).await
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1, None),
    }
}

/// Prints one JSON document.
fn say(document: &serde_json::Value) -> ExitCode {
    match writeln!(io::stdout(), "{document}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(error: &(dyn std::error::Error + 'static), code: u8, hint: Option<&str>) -> ExitCode {
    let hint = hint.map_or_else(String::new, |hint| format!("\n  help: {hint}"));
    // Without a terminal the exit code has to do.
    let _nobody = writeln!(io::stderr(), "gtdd: cannot {}{hint}", ledger::chain(error));
    ExitCode::from(code)
}
