//! What is behind the door of a daemon that does not answer.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::channel::dial;

/// What a client of HTTP/2 says first, and its empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// What was seen at the door of a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Somebody took the connection after so long: the daemon is at work.
    Opened(Duration),
    /// Nobody took it.
    Shut,
}

/// Knocks: a daemon that takes a connection sends its settings at once, however busy it is.
pub async fn knock(socket: &Path, within: Duration) -> Door {
    let began = Instant::now();
    let knocked = timeout(within, async {
        let mut stream = dial(socket).await?;
        let heard = match stream.write_all(PREFACE).await {
            Ok(()) => stream.read(&mut [0; 9]).await.map(drop),
            Err(error) => Err(error),
        };
        match heard {
            // Whoever hangs up was there.
            Err(error) if !is_hung_up(&error) => Err(error),
            _ => Ok(()),
        }
    });
    match knocked.await {
        Ok(Ok(())) => Door::Opened(began.elapsed()),
        Ok(Err(_)) | Err(_) => Door::Shut,
    }
}

fn is_hung_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn a_daemon_that_takes_connections_is_told_from_one_that_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("door.sock");
        assert_eq!(knock(&socket, MOMENT).await, Door::Shut);
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        // The connection waits in the backlog: that nobody refuses it says nothing.
        assert_eq!(knock(&socket, MOMENT).await, Door::Shut);
        let opened = tokio::join!(knock(&socket, Duration::from_secs(60)), async {
            // The one that waits from before, and the one that knocks now.
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _gone = stream.write_all(&[0; 9]).await;
            }
        });
        assert!(matches!(opened.0, Door::Opened(_)), "{opened:?}");
    }
}
