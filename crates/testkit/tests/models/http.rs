//! A small HTTP client that also sees where an answer breaks off.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use gtd_testkit::model::ModelServer;
use serde_json::Value;

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing must come until it counts as silence.
const SILENCE: Duration = Duration::from_millis(300);

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
    /// Whether the body came to its end.
    pub(crate) is_whole: bool,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Reads the events of a stream.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.body
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).expect("an event is JSON"))
            .collect()
    }
}

/// A request that was sent and whose answer may take its time.
pub(crate) struct Sent(TcpStream);

pub(crate) fn send(server: &ModelServer, line: &str, headers: &str, body: &str) -> Sent {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the server listens");
    let request = format!(
        "{line} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .expect("send a request");
    Sent(stream)
}

impl Sent {
    /// Reads until the connection ends.
    pub(crate) fn read(self) -> Got {
        self.read_until_silent(None)
    }

    /// Reads until the connection ends, or nothing more comes after this text.
    pub(crate) fn read_until_silent(mut self, after: Option<&str>) -> Got {
        let mut raw = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let is_all = after.is_some_and(|text| String::from_utf8_lossy(&raw).contains(text));
            let patience = if is_all { SILENCE } else { PATIENCE };
            self.0
                .set_read_timeout(Some(patience))
                .expect("set a timeout");
            match self.0.read(&mut piece) {
                Ok(count @ 1..) => raw.extend_from_slice(&piece[..count]),
                Ok(0) | Err(_) => break,
            }
        }
        let raw = String::from_utf8(raw).expect("answers are UTF-8");
        let (head, rest) = raw.split_once("\r\n\r\n").unwrap_or((&raw, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let (body, is_whole) = match head.contains("transfer-encoding: chunked") {
            true => unchunk(rest),
            false => (rest.to_owned(), !head.is_empty()),
        };
        Got {
            status: status.unwrap_or(0),
            head: head.to_owned(),
            body,
            is_whole,
        }
    }
}

/// Joins the chunks of a body, and tells whether the last one came.
fn unchunk(mut rest: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
        if size == 0 {
            return (body, true);
        }
        let Some(chunk) = after.get(..size) else {
            break;
        };
        body.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
