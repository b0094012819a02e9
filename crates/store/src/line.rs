//! The record line and the journal's header: how they are written and read back.
//!
//! The module doc of the crate defines both. Reading is strict: what this
//! module would not have written is not a record.

use std::{fmt::Write as _, str};

use gtd_core::{RequestId, Revision};
use serde::{Deserialize, Serialize};

use crate::record::{FORMAT, MAX_BODY, Record, WHOLE_FORMAT};

/// No line is longer: what is longer is damage and need not be kept in memory.
pub(crate) const MAX_LINE: usize = MAX_BODY + 1024;

/// Says why bytes are not a record line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadLine {
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it is not a record line")]
    NotARecord,
    #[error("its checksum does not fit its content")]
    Checksum,
    #[error("it says that it is record {0}")]
    Misplaced(Revision),
    #[error("it is longer than any record")]
    TooLong,
    #[error("a part of it is missing")]
    Incomplete,
}

/// A record in the very bytes in which it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) revision: Revision,
    /// How many records of the same append follow.
    pub(crate) left: u32,
    pub(crate) request: Option<RequestId>,
    pub(crate) text: Box<str>,
    body_at: usize,
}

impl Line {
    pub(crate) fn seal(record: &Record, left: u32) -> Self {
        let crc = checksum(
            record.revision,
            left,
            record.request.as_ref(),
            record.body.as_bytes(),
        );
        let mut text = front(record.revision, crc, left, record.request.as_ref());
        let body_at = text.len();
        text.reserve_exact(record.body.len() + 1);
        text.push_str(&record.body);
        text.push('}');
        Self {
            revision: record.revision,
            left,
            request: record.request.clone(),
            text: text.into_boxed_str(),
            body_at,
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadLine> {
        let text = str::from_utf8(bytes).map_err(|_| BadLine::NotText)?;
        let fields = split(text).ok_or(BadLine::NotARecord)?;
        let body = &text[fields.body_at..text.len() - 1];
        let crc = checksum(
            fields.revision,
            fields.left,
            fields.request.as_ref(),
            body.as_bytes(),
        );
        if crc != fields.crc {
            return Err(BadLine::Checksum);
        }
        // One content has one spelling, so that equal records are equal bytes.
        if front(fields.revision, crc, fields.left, fields.request.as_ref())
            != text[..fields.body_at]
        {
            return Err(BadLine::NotARecord);
        }
        Ok(Self {
            revision: fields.revision,
            left: fields.left,
            request: fields.request,
            text: text.into(),
            body_at: fields.body_at,
        })
    }

    pub(crate) fn record(&self) -> Record {
        Record {
            revision: self.revision,
            request: self.request.clone(),
            body: self.text[self.body_at..self.text.len() - 1].into(),
        }
    }

    /// Returns the checksum of the whole text, by which a snapshot knows its line again.
    pub(crate) fn text_crc(&self) -> u32 {
        crc32fast::hash(self.text.as_bytes())
    }
}

struct Fields {
    revision: Revision,
    crc: u32,
    left: u32,
    request: Option<RequestId>,
    body_at: usize,
}

fn split(text: &str) -> Option<Fields> {
    let rest = text.strip_prefix("{\"rev\":")?;
    let (revision, rest) = rest.split_once(",\"crc\":\"")?;
    let (crc, rest) = rest.split_once('"')?;
    let (left, rest) = match rest.strip_prefix(",\"left\":") {
        None => (0, rest),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            (rest[..end].parse().ok()?, &rest[end..])
        }
    };
    let (request, rest) = match rest.strip_prefix(",\"req\":") {
        None => (None, rest),
        Some(rest) => {
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let id = RequestId::parse(&stream.next()?.ok()?).ok()?;
            (Some(id), &rest[stream.byte_offset()..])
        }
    };
    let rest = rest.strip_prefix(",\"body\":")?;
    let is_object = rest.starts_with('{') && rest.ends_with("}}");
    let revision = Revision(revision.parse().ok()?);
    (is_object && revision > Revision(0)).then_some(Fields {
        revision,
        crc: u32::from_str_radix(crc, 16).ok()?,
        left,
        request,
        body_at: text.len() - rest.len(),
    })
}

fn front(revision: Revision, crc: u32, left: u32, request: Option<&RequestId>) -> String {
    let mut text = format!("{{\"rev\":{revision},\"crc\":\"{crc:08x}\"");
    if left > 0 {
        write!(text, ",\"left\":{left}").expect("a String takes all that is written");
    }
    if let Some(request) = request {
        let quoted = serde_json::to_string(request.as_str()).expect("a str is always JSON");
        text.push_str(",\"req\":");
        text.push_str(&quoted);
    }
    text.push_str(",\"body\":");
    text
}

fn checksum(revision: Revision, left: u32, request: Option<&RequestId>, body: &[u8]) -> u32 {
    let request = request.map_or("", RequestId::as_str);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(format!("{revision}\n{left}\n{request}\n").as_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// The first line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeaderLine {
    #[serde(rename = "gtd_journal")]
    pub(crate) format: u32,
    pub(crate) town: String,
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) cut: Option<Cut>,
    crc: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_crc: Option<String>,
}

/// Where a journal begins, when the records before it are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Cut {
    /// The last record that is not in it.
    pub(crate) after: Revision,
    /// How far the lines of all journals of the log reach before its first line.
    pub(crate) base: u64,
}

impl HeaderLine {
    /// The header of a journal that may begin anywhere.
    pub(crate) fn new(town: &str, cut: Cut) -> Self {
        Self {
            format: FORMAT,
            town: town.to_owned(),
            cut: Some(cut),
            crc: header_checksum(FORMAT, town),
            cut_crc: Some(cut_checksum(cut)),
        }
    }

    /// The header of a whole log, as every version reads it.
    pub(crate) fn of_whole_log(town: &str) -> Self {
        Self {
            format: WHOLE_FORMAT,
            town: town.to_owned(),
            cut: None,
            crc: header_checksum(WHOLE_FORMAT, town),
            cut_crc: None,
        }
    }

    /// Returns the line with its line break.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string(self).expect("numbers and texts are always JSON");
        text.push('\n');
        text
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadLine> {
        let header: Self = serde_json::from_slice(bytes).map_err(|_| BadLine::NotARecord)?;
        let is_cut_good = match header.format {
            // A newer one is only told apart; what else it says is not known here.
            format if format > FORMAT => true,
            WHOLE_FORMAT => header.cut.is_none(),
            _ => header.cut.is_some() && header.cut_crc == header.cut.map(cut_checksum),
        };
        if header.crc == header_checksum(header.format, &header.town) && is_cut_good {
            Ok(header)
        } else {
            Err(BadLine::Checksum)
        }
    }
}

fn cut_checksum(cut: Cut) -> String {
    let text = format!("{}\n{}", cut.after, cut.base);
    format!("{:08x}", crc32fast::hash(text.as_bytes()))
}

fn header_checksum(format: u32, town: &str) -> String {
    format!(
        "{:08x}",
        crc32fast::hash(format!("{format}\n{town}").as_bytes())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(revision: u64, request: Option<&str>, body: &str) -> Record {
        Record {
            revision: Revision(revision),
            request: request.map(|text| RequestId::parse(text).unwrap()),
            body: body.into(),
        }
    }

    #[test]
    fn a_line_reads_back_as_the_record_that_it_was() {
        for (request, body, left) in [
            (None, "{}", 0),
            (Some("r-1"), r#"{"a":"\n\"}","b":[1,{}]}"#, 0),
            (Some(r#"odd"\,"body":{"#), r#"{"é":"✓"}"#, 7),
        ] {
            let record = record(12, request, body);
            let line = Line::seal(&record, left);
            let read = Line::parse(line.text.as_bytes()).unwrap();
            assert_eq!(read, line);
            assert_eq!(read.record(), record);
            let json: serde_json::Value = serde_json::from_str(&line.text).unwrap();
            assert_eq!(json["rev"], 12);
        }
    }

    #[test]
    fn the_spelling_of_a_line_never_changes() {
        let line = Line::seal(&record(12, Some("r-1"), r#"{"a":1}"#), 2);
        assert_eq!(
            &*line.text,
            r#"{"rev":12,"crc":"f7df3d23","left":2,"req":"r-1","body":{"a":1}}"#
        );
    }

    #[test]
    fn every_flipped_bit_of_a_line_is_noticed() {
        let line = Line::seal(&record(12, Some("r-1"), r#"{"a":"some text"}"#), 1);
        for bit in 0..line.text.len() * 8 {
            let mut bytes = line.text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Line::parse(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_cut_line_is_no_line() {
        let line = Line::seal(&record(3, Some("r-1"), r#"{"a":{"b":{}}}"#), 0);
        for length in 0..line.text.len() {
            assert!(Line::parse(&line.text.as_bytes()[..length]).is_err());
        }
    }

    #[test]
    fn a_header_reads_back_and_a_flipped_one_does_not() {
        let cut = Cut {
            after: Revision(7),
            base: 345,
        };
        for (header, spelling) in [
            (
                HeaderLine::new("a town", cut),
                r#"{"gtd_journal":2,"town":"a town","after":7,"base":345,"crc":"X","cut_crc":"Y"}"#,
            ),
            (
                HeaderLine::of_whole_log("a town"),
                r#"{"gtd_journal":1,"town":"a town","crc":"X"}"#,
            ),
        ] {
            let text = header.text();
            let crcs = [
                ("X", header_checksum(header.format, "a town")),
                ("Y", cut_checksum(cut)),
            ];
            let spelling = crcs.iter().fold(spelling.to_owned(), |text, (sign, crc)| {
                text.replace(sign, crc)
            });
            assert_eq!(text, format!("{spelling}\n"));
            assert_eq!(HeaderLine::parse(text.as_bytes()), Ok(header));
            for (from, to) in [
                ("gtd_journal\":", "gtd_journal\":3"),
                ("a town", "b town"),
                (":7,", ":8,"),
                (":345", ":346"),
            ] {
                let flipped = text.replace(from, to);
                let read = HeaderLine::parse(flipped.as_bytes());
                assert!(flipped == text || read.is_err(), "{flipped}");
            }
        }
    }
}
