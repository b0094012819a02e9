//! Appends to the log of a running town as fast as some callers can: `append_load SOCKET RIG CALLERS SECONDS`.
//!
//! Each caller is a real client with a connection of its own; it waits for the
//! answer to one write before it sends the next, so that every write that is
//! counted is durable. A write is a remark on a bead that the caller has made
//! for it, deferred so far that nobody works on it.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use gtd_client::{Caller, Client};
use gtd_core::{BeadId, BeadSpec, Command, RigName, Timestamp};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A caller begins a new bead after so many remarks: real beads have few.
const REMARKS: usize = 100;
/// The year 2099.
const NEVER: Timestamp = Timestamp(4_070_908_800_000);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [socket, rig, callers, seconds] = arguments.as_slice() else {
        return fail("usage: append_load SOCKET RIG CALLERS SECONDS");
    };
    let (Ok(rig), Ok(callers), Ok(seconds)) = (
        RigName::parse(rig),
        callers.parse::<usize>(),
        seconds.parse::<u64>(),
    ) else {
        return fail("usage: append_load SOCKET RIG CALLERS SECONDS: a rig and two numbers");
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let within = Duration::from_secs(seconds);
    let done = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(load(PathBuf::from(socket), rig, callers, within)));
    match done {
        Ok(told) => {
            tell(&told);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

async fn load(
    socket: PathBuf,
    rig: RigName,
    callers: usize,
    within: Duration,
) -> Result<String, Failure> {
    let until = Instant::now() + within;
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (socket, rig) = (socket.clone(), rig.clone());
            tokio::spawn(async move { write(&socket, &rig, until).await })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    waits.sort();
    let at = |share: usize| {
        waits
            .get(waits.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(format!(
        "{:.0}/s (median {:.1} ms, 99 of 100 within {:.1} ms)",
        waits.len() as f64 / within.as_secs_f64(),
        at(50).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3,
    ))
}

/// Writes until the time is over; returns how long each write took.
async fn write(socket: &Path, rig: &RigName, until: Instant) -> Result<Vec<Duration>, Failure> {
    let name = "append_load".to_owned();
    let client = Client::open(socket, Caller::Person { name });
    let mut waits = Vec::new();
    while Instant::now() < until {
        let bead = make(&client, rig).await?;
        for n in 0..REMARKS {
            let began = Instant::now();
            if began >= until {
                break;
            }
            client
                .tell(Command::AddNote {
                    bead: bead.clone(),
                    text: format!("remark {n}"),
                })
                .await?;
            waits.push(began.elapsed());
        }
    }
    Ok(waits)
}

async fn make(client: &Client, rig: &RigName) -> Result<BeadId, Failure> {
    let written = client
        .tell(Command::CreateBead {
            rig: rig.clone(),
            goal: None,
            spec: BeadSpec {
                title: "to be remarked upon".to_owned(),
                defer_until: Some(NEVER),
                ..BeadSpec::default()
            },
            needs: vec![],
        })
        .await?;
    let id = written.ids.first().ok_or("the bead has no id")?;
    Ok(BeadId::parse(id)?)
}

#[expect(clippy::print_stdout, reason = "a program that a script calls")]
fn tell(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a program that a script calls")]
fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}
