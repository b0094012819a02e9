//! What stands in a snapshot: a graph in pieces, so that all cores can read it at once.
//!
//! The first line says how long each piece is; then they follow, each a JSON
//! document. The first piece is the frame of the graph, the others are its
//! beads in the order of their ids. JSON, because unknown and missing fields
//! are as harmless in it as they are in the log; the time is won by reading
//! the pieces side by side.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use gtd_core::{Bead, Frame, Graph};
use serde::{Deserialize, Serialize};

/// Beads in one piece.
const BEADS: usize = 1024;
/// Threads that read at most.
const READERS_MAX: usize = 4;
/// Raised whenever the fold begins to count what it did not count before: an older snapshot would
/// begin that at zero, and is passed over.
const FORMAT: u32 = 4;

#[derive(Debug, Serialize, Deserialize)]
struct Heading {
    gtd_graph: u32,
    /// The lengths of the pieces, in bytes.
    pieces: Vec<usize>,
}

/// Writes a graph.
///
/// # Errors
/// When something in it is no JSON, which would be a bug.
pub(super) fn write(graph: Graph) -> Result<Vec<u8>, serde_json::Error> {
    let (frame, beads) = graph.into_parts();
    let mut content = serde_json::to_vec(&frame)?;
    let mut pieces = vec![content.len()];
    for some in beads.chunks(BEADS) {
        let begin = content.len();
        serde_json::to_writer(&mut content, some)?;
        pieces.push(content.len() - begin);
    }
    let gtd_graph = FORMAT;
    let mut bytes = serde_json::to_vec(&Heading { gtd_graph, pieces })?;
    bytes.push(b'\n');
    bytes.append(&mut content);
    Ok(bytes)
}

/// Reads a graph, on several threads.
///
/// # Errors
/// With what is wrong: then the snapshot is of no use.
pub(super) fn read(bytes: &[u8]) -> Result<Graph, String> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (first, mut rest) = bytes.split_at(end.ok_or("it has no first line")?);
    let heading: Heading = serde_json::from_slice(first).map_err(|error| error.to_string())?;
    if heading.gtd_graph != FORMAT {
        return Err(format!("it has form {}", heading.gtd_graph));
    }
    rest = &rest[1..];
    let mut pieces = Vec::with_capacity(heading.pieces.len());
    for length in heading.pieces {
        let (piece, behind) = rest.split_at_checked(length).ok_or("it is too short")?;
        pieces.push(piece);
        rest = behind;
    }
    let (frame, beads) = pieces.split_first().ok_or("it has no piece")?;
    let next = AtomicUsize::new(0);
    let readers = thread::available_parallelism().map_or(1, |n| n.get().min(READERS_MAX));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..readers)
            .map(|_| scope.spawn(|| read_some(beads, &next)))
            .collect();
        let frame: Frame = serde_json::from_slice(frame).map_err(|error| error.to_string())?;
        let mut found = Vec::with_capacity(beads.len());
        for reader in readers {
            found.append(&mut reader.join().map_err(|_| "reading it panicked")??);
        }
        found.sort_unstable_by_key(|(place, _)| *place);
        let beads = found.into_iter().flat_map(|(_, beads)| beads);
        Ok(Graph::from_parts(frame, beads))
    })
}

/// Reads pieces until none is left; returns each with its place.
fn read_some(pieces: &[&[u8]], next: &AtomicUsize) -> Result<Vec<(usize, Vec<Bead>)>, String> {
    let mut found = Vec::new();
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(piece) = pieces.get(place) else {
            return Ok(found);
        };
        let beads = serde_json::from_slice(piece).map_err(|error| error.to_string())?;
        found.push((place, beads));
    }
}

#[cfg(test)]
mod tests {
    use gtd_core::{
        Actor, BeadId, BeadSpec, Envelope, Epoch, Event, Phase, Revision, RigName, Timestamp,
    };

    use super::*;

    fn graph(n_beads: u64) -> Graph {
        let mut graph = Graph::default();
        for n in 1..=n_beads {
            let bead = Bead {
                id: BeadId::parse(&format!("api-{n:05}")).unwrap(),
                rig: RigName::parse("api").unwrap(),
                goal: None,
                local_id: None,
                spec: BeadSpec {
                    title: format!("bead {n}"),
                    ..BeadSpec::default()
                },
                needs: Vec::new(),
                notes: Vec::new(),
                unheard: Vec::new(),
                asked: None,
                phase: Phase::Open,
                since: Timestamp(1),
                epoch: Epoch(0),
                spent: 0,
                not_before: None,
                attempts: Vec::new(),
                created_by: Actor::Daemon,
                created_at: Timestamp(1),
                ordinal: n,
                changed: Revision(n),
            };
            let envelope = Envelope {
                at: Timestamp(1),
                by: Actor::Daemon,
                request: None,
                cause: None,
                event: Event::BeadOpened { bead },
            };
            graph.apply(Revision(n), &envelope);
        }
        graph
    }

    #[test]
    fn a_graph_of_many_pieces_reads_back_as_it_was() {
        for n_beads in [0, 1, 1024, 1025, 5000] {
            let graph = graph(n_beads);
            let read = read(&write(graph.clone()).unwrap()).unwrap();
            assert_eq!(read, graph);
            assert!(read.index_is_true());
            let last = BeadId::parse(&format!("api-{n_beads:05}")).unwrap();
            assert_eq!(read.bead(&last), graph.bead(&last));
        }
    }

    #[test]
    fn what_is_cut_or_of_another_form_is_refused() {
        let bytes = write(graph(1500)).unwrap();
        for length in [0, 1, 20, bytes.len() / 2, bytes.len() - 1] {
            assert!(read(&bytes[..length]).is_err(), "{length}");
        }
        let other = String::from_utf8(bytes).unwrap();
        let other = other.replacen("{\"gtd_graph\":4", "{\"gtd_graph\":3", 1);
        assert_eq!(read(other.as_bytes()), Err("it has form 3".to_owned()));
    }
}
