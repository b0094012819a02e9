//! What the service manager is told: readiness, signs of life, one line of state, the end.
//!
//! The protocol of `sd_notify`: lines in one datagram to the socket that
//! `NOTIFY_SOCKET` names. A sign of life is sent only when the ledger answered
//! a question of its own, so a daemon whose ledger hangs is started anew.

use std::{
    env, io,
    os::unix::net::{SocketAddr, UnixDatagram},
    sync::Arc,
    time::Duration,
};

use crate::{ledger::Refused, town::Town};

/// How often the line of state is looked at when nobody watches.
const LOOK: Duration = Duration::from_secs(10);
/// Signs of life for each time that the service manager waits.
const SIGNS: u32 = 3;

/// The way to the service manager, when there is one.
#[derive(Debug)]
pub(super) struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Finds the service manager that started this process.
    pub(super) fn find() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        let opened = address(name.as_encoded_bytes())
            .and_then(|address| Ok((UnixDatagram::unbound()?, address)));
        let (socket, address) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                tracing::warn!(%why, "the service manager cannot be told anything");
                return None;
            }
        };
        // It may refuse to listen; the daemon never waits for that.
        if let Err(why) = socket.set_nonblocking(true) {
            tracing::warn!(%why, "the service manager cannot be told anything");
            return None;
        }
        let number = |key: &str| env::var(key).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC")
            .filter(|micros| is_ours && *micros > 0)
            .map(Duration::from_micros);
        Some(Self {
            socket,
            address,
            watchdog,
        })
    }

    /// Says that the socket answers.
    pub(super) fn ready(&self, town: &Town) {
        self.tell(&format!(
            "READY=1\nMAINPID={}\nSTATUS={}",
            std::process::id(),
            state(town)
        ));
    }

    /// Says that the end has begun.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=ending: agents live on under their shims");
    }

    /// Gives signs of life and the line of state until the daemon ends.
    pub(super) async fn go(&self, town: Arc<Town>) {
        let every = self
            .watchdog
            .map_or(LOOK, |limit| (limit / SIGNS).min(LOOK));
        let mut told = String::new();
        loop {
            let answered = ledger_answers(&town, every).await;
            let mut text = String::new();
            if answered && self.watchdog.is_some() {
                text.push_str("WATCHDOG=1\n");
            }
            let now = match answered {
                true => state(&town),
                false => "the ledger does not answer".to_owned(),
            };
            if now != told {
                text.push_str(&format!("STATUS={now}"));
                told = now;
            }
            if !text.is_empty() {
                self.tell(text.trim_end());
            }
            tokio::select! {
                () = town.leaving.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    fn tell(&self, text: &str) {
        if let Err(why) = self.socket.send_to_addr(text.as_bytes(), &self.address) {
            tracing::debug!(%why, "the service manager did not take a word");
        }
    }
}

/// Asks the ledger's own thread for a record: an answer proves that it is alive.
async fn ledger_answers(town: &Town, within: Duration) -> bool {
    let head = town.ledger.graph().revision();
    let asked = tokio::time::timeout(within, town.ledger.read(head, 1)).await;
    // A store that refuses is told to people; a new process would not mend the disk.
    !matches!(
        asked,
        Err(_) | Ok(Err(Refused::Closed | Refused::Overloaded))
    )
}

/// Says in one line how the town is.
fn state(town: &Town) -> String {
    let graph = town.ledger.graph();
    let goals = graph.n_open_goals();
    let beads = graph.n_unfinished().saturating_sub(goals);
    let parked = graph.parked().count();
    match (goals, graph.stop()) {
        (_, Some(stop)) => format!("everything is stopped: {}", stop.why.replace('\n', " ")),
        (0, None) => "idle: no goal is open".to_owned(),
        _ => format!("open goals: {goals}, beads to do: {beads}, for you: {parked}"),
    }
}

#[cfg(target_os = "linux")]
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    match name.strip_prefix(b"@") {
        Some(hidden) => SocketAddr::from_abstract_name(hidden),
        None => path(name),
    }
}

#[cfg(not(target_os = "linux"))]
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    path(name)
}

fn path(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::unix::ffi::OsStrExt as _;
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
}
