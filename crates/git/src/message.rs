//! Commit messages and the people in them.
//!
//! Whatever comes in, a message has one subject line, an optional body and a
//! last paragraph of trailers that git reads as such.

use std::fmt::Write as _;

/// A key and a value of the last paragraph of a commit message.
pub type Trailer = (String, String);

/// The name and address that a commit is made under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    name: String,
    email: String,
}

impl Author {
    /// Takes a name and an address, without the marks that a commit cannot hold.
    #[must_use]
    pub fn new(name: &str, email: &str) -> Self {
        let clean = |text: &str| {
            let text: String = text
                .chars()
                .filter(|c| !c.is_control() && *c != '<' && *c != '>')
                .collect();
            text.trim().to_owned()
        };
        let (name, email) = (clean(name), clean(email));
        Self {
            name: if name.is_empty() {
                "gtd".to_owned()
            } else {
                name
            },
            email,
        }
    }

    /// Returns the author of a seat's commits: `quartz (gtd) <quartz@gtd.invalid>`.
    #[must_use]
    pub fn seat(seat: &gtd_core::SeatName) -> Self {
        Self::new(&format!("{seat} (gtd)"), &format!("{seat}@gtd.invalid"))
    }

    /// Returns the committer of candidates.
    pub(crate) fn refinery() -> Self {
        Self::new("gtd refinery", gtd_core::REFINERY_EMAIL)
    }

    /// Returns the committer of snapshots.
    pub(crate) fn salvage() -> Self {
        Self::new("gtd", "gtd@gtd.invalid")
    }

    /// Lists the variables that make git use this author and committer.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GIT_AUTHOR_NAME", self.name.clone()),
            ("GIT_AUTHOR_EMAIL", self.email.clone()),
            ("GIT_COMMITTER_NAME", self.name.clone()),
            ("GIT_COMMITTER_EMAIL", self.email.clone()),
        ]
    }
}

/// Writes a commit message: subject, body (may be empty), trailers.
#[must_use]
pub fn message(subject: &str, body: &str, trailers: &[Trailer]) -> String {
    let mut text = one_line(subject);
    if text.is_empty() {
        text.push_str("(no subject)");
    }
    text.push('\n');
    let body: String = body.chars().filter(|c| *c != '\0').collect();
    let body = body.trim();
    if !body.is_empty() {
        text.push('\n');
        text.push_str(body);
        text.push('\n');
    }
    let lines: Vec<String> = trailers.iter().filter_map(trailer_line).collect();
    if !lines.is_empty() {
        text.push('\n');
    }
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn trailer_line((key, value): &Trailer) -> Option<String> {
    let key: String = key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let value = one_line(value);
    if key.trim_matches('-').is_empty() || value.is_empty() {
        return None;
    }
    let mut line = key;
    write!(line, ": {value}").expect("writing to a string cannot fail");
    Some(line)
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> Trailer {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn a_title_with_line_ends_cannot_forge_a_trailer() {
        let text = message(
            "Add login\n\nGtd-Bead: forged",
            "",
            &[pair("Gtd Bead", "api-1\nX: y"), pair("", "lost")],
        );
        assert_eq!(text, "Add login Gtd-Bead: forged\n\nGtd-Bead: api-1 X: y\n");
    }

    #[test]
    fn an_author_cannot_break_out_of_its_field() {
        let author = Author::new("a <b>\n", "x>\ny");
        assert_eq!(author, Author::new("a b", "xy"));
    }
}
