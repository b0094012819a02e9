//! What the daemon itself looks at now and then: the stop file, the files of the rigs and those of
//! the user, whether a backup is due, and whether the machine is to stay awake.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use gtd_core::Command;
use tokio::task::JoinHandle;

use super::awake::Awake;
use crate::{
    backup,
    ledger::{Order, chain},
    town::Town,
};

/// How often the stop file and the user's files are looked at.
const EVERY: Duration = Duration::from_secs(3);
/// How many of these looks come before the files of the rigs are read.
const TRUST_EVERY: u32 = 5;

/// Goes its rounds until the daemon ends.
pub(super) async fn go(town: Arc<Town>) {
    let mut round = 0_u32;
    // A backup may take longer than a round.
    let mut backing_up: Option<JoinHandle<()>> = None;
    let mut files = files_in(&town.places.config);
    let mut awake = Awake::find();
    loop {
        reconcile_stop(&town).await;
        let files_now = files_in(&town.places.config);
        if files_now != files {
            tracing::info!("reading the configuration again: somebody changed a file");
            town.rigs.refresh(&town.ledger).await;
            files = files_now;
        }
        if round.is_multiple_of(TRUST_EVERY) {
            let town = Arc::clone(&town);
            // A panic there is logged by the runtime and ends only this look.
            let _looked = tokio::task::spawn_blocking(move || town.look_at_trust()).await;
        }
        if backing_up.as_ref().is_none_or(JoinHandle::is_finished) {
            let town = Arc::clone(&town);
            backing_up = Some(tokio::task::spawn_blocking(move || back_up(&town)));
        }
        awake.look(&town);
        round = round.wrapping_add(1);
        tokio::select! {
            () = town.leaving.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Lists the user's files as they are, in a form that differs when one was changed.
fn files_in(config: &Path) -> Vec<(PathBuf, SystemTime, u64)> {
    let list = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = list(config.to_owned())
        .chain(list(config.join("roles")))
        .filter_map(|entry| {
            let metadata = fs::metadata(entry.path()).ok()?;
            let is_file = metadata.is_file();
            is_file.then_some((entry.path(), metadata.modified().ok()?, metadata.len()))
        })
        .collect();
    files.sort_unstable();
    files
}

/// Makes a backup when one is due.
fn back_up(town: &Town) {
    let (head, now) = (town.ledger.graph().revision(), town.ledger.now());
    let zone = gtd_host::local_zone();
    let made = backup::make_when_due(&town.places, head, now, &zone, &town.backing_up);
    if let Err(error) = made {
        tracing::warn!(why = chain(&error), "backups by the clock cannot be made");
    }
}

/// Brings the graph in line with the stop file, which also works without a daemon.
pub(super) async fn reconcile_stop(town: &Town) {
    let _no_stop_or_thaw_meanwhile = town.stopping.lock().await;
    let file = town.places.stop_file();
    let is_stopped = town.ledger.graph().stop().is_some();
    let command = match (fs::read_to_string(&file), is_stopped) {
        (Ok(why), false) => Command::Stop { why },
        (Err(error), true) if error.kind() == std::io::ErrorKind::NotFound => Command::Thaw,
        _ => return,
    };
    let is_stop = matches!(command, Command::Stop { .. });
    match town.ledger.write(Order::of_daemon(command)).await {
        Ok(_) if is_stop => tracing::warn!("everything is stopped, as the stop file says"),
        Ok(_) => tracing::warn!("the stop is over: the stop file is gone"),
        Err(why) => tracing::warn!(%why, "the stop file and the log do not agree yet"),
    }
}
