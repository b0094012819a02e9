//! The deacon: it restarts a role that fails or panics, and says so when that keeps happening.

use std::{future::Future, time::Duration};

use gtd_client::Client;
use gtd_core::{Command, RoleName};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::HostError;

/// The wait after the first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// So long without a failure forgives all earlier ones.
const FORGIVEN: Duration = Duration::from_mins(10);
/// So many failures within [`FORGIVEN`] mark the role as degraded.
const MANY: u32 = 5;

/// Keeps one role going until it ends by itself or is cancelled.
pub(crate) async fn keep<F, R>(role: RoleName, pen: Client, cancel: CancellationToken, start: F)
where
    F: Fn() -> R,
    R: Future<Output = Result<(), HostError>> + Send + 'static,
{
    let mut failures = 0_u32;
    let mut wait = FIRST_WAIT;
    let mut last = Instant::now();
    loop {
        let task = tokio::spawn(start());
        let abort = task.abort_handle();
        let ended = tokio::select! {
            ended = task => ended,
            () = cancelled_for_long(&cancel) => {
                abort.abort();
                return;
            }
        };
        let why = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.chain(),
            Err(error) if error.is_panic() => panic_text(error.into_panic().as_ref()),
            Err(_) => return,
        };
        if cancel.is_cancelled() {
            return;
        }
        if last.elapsed() > FORGIVEN {
            failures = 0;
            wait = FIRST_WAIT;
        }
        last = Instant::now();
        failures += 1;
        warn!(role = %role, failures, why, "the role failed and is started again");
        if failures == MANY {
            error!(role = %role, why, "the role keeps failing");
            let told = pen
                .tell(Command::Degrade {
                    role: role.clone(),
                    why: why.clone(),
                })
                .await;
            if let Err(error) = told {
                warn!(%error, "that a role keeps failing could not be told");
            }
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = cancel.cancelled() => return,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Gives a cancelled role a moment to end its pass.
async fn cancelled_for_long(cancel: &CancellationToken) {
    const PATIENCE: Duration = Duration::from_secs(3);
    cancel.cancelled().await;
    sleep(PATIENCE).await;
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked".to_owned())
}
