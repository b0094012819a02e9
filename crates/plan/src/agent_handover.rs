//! The handover in an answer: found, read by its schema, and held to what a handover may say.
//!
//! Whoever wrote it gets its mistakes back, so all of them are told that can be found at once.

use gtd_core::Handover;
use serde::Deserialize;

use crate::agent_opinion::{Found, block};

const FENCE: &str = "```";
/// Entries of one list at most.
const ENTRIES: usize = 50;
/// The longest that one entry may be, in bytes.
const ENTRY: usize = 2_000;

/// A handover as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    done: Vec<String>,
    left: Vec<String>,
    #[serde(default)]
    decisions: Vec<String>,
    #[serde(default)]
    pitfalls: Vec<String>,
    #[serde(default)]
    files: Vec<String>,
}

/// Reads the handover in an answer.
///
/// # Errors
/// With every mistake that can be told at once.
pub(crate) fn read_handover(answer: &str) -> Result<Handover, Vec<String>> {
    let form =
        format!("one block that begins with a line {FENCE}json and ends with a line {FENCE}");
    let block = match block(answer, "left") {
        Found::One(block) => block,
        Found::None => {
            return Err(vec![format!(
                "your last message holds no handover: end it with the handover as {form}"
            )]);
        }
        Found::Several => {
            return Err(vec![format!(
                "your last message holds several handovers: write one, as {form}"
            )]);
        }
    };
    let said: Said = serde_json::from_str(block)
        .map_err(|error| vec![format!("the handover is not of the form: {error}")])?;
    let handover = Handover {
        done: said.done,
        left: said.left,
        decisions: said.decisions,
        pitfalls: said.pitfalls,
        files: said.files,
        ..Handover::default()
    };
    let mut mistakes = Vec::new();
    if handover.done.is_empty() && handover.left.is_empty() {
        mistakes.push("neither `done` nor `left` says anything".to_owned());
    }
    for (name, list) in [
        ("done", &handover.done),
        ("left", &handover.left),
        ("decisions", &handover.decisions),
        ("pitfalls", &handover.pitfalls),
        ("files", &handover.files),
    ] {
        if list.len() > ENTRIES {
            mistakes.push(format!(
                "`{name}` has {}: {ENTRIES} are the most",
                list.len()
            ));
        }
        for (index, entry) in list.iter().enumerate() {
            if entry.trim().is_empty() {
                mistakes.push(format!("{name}[{index}] is empty"));
            } else if entry.len() > ENTRY {
                mistakes.push(format!(
                    "{name}[{index}] is too long: {ENTRY} bytes are the most"
                ));
            } else if entry.contains('\0') {
                mistakes.push(format!("{name}[{index}] is no text"));
            }
        }
    }
    for (index, file) in handover.files.iter().enumerate() {
        let is_in = !file.starts_with('/') && file.split('/').all(|part| part != "..");
        if !is_in {
            mistakes.push(format!("files[{index}] is no path in the repository"));
        }
    }
    if handover.len() > Handover::LONGEST {
        mistakes.push("the handover is too long: keep what matters".to_owned());
    }
    match mistakes.is_empty() {
        true => Ok(handover),
        false => Err(mistakes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(answer: &str) -> String {
        read_handover(answer).expect_err(answer).join("\n")
    }

    #[test]
    fn a_handover_is_read_from_the_last_block_of_an_answer() {
        let answer = "Here it is.\n```json\n{\"done\": [\"a\"], \"left\": [\"b\", \"c\"], \
                      \"files\": [\"src/a.rs\"]}\n```\n";
        let handover = read_handover(answer).expect("it holds");
        assert_eq!(
            handover.told(),
            "Done:\n- a\n\nLeft to do:\n- b\n- c\n\nFiles that matter:\n- src/a.rs\n"
        );
    }

    #[test]
    fn what_is_no_handover_is_refused_with_every_reason() {
        assert!(mistakes("I am done.").starts_with("your last message holds no handover"));
        assert!(mistakes("{\"left\": 3}").starts_with("the handover is not of the form"));
        let answer = "{\"done\": [], \"left\": [], \"pitfalls\": [\" \"], \"files\": [\"../x\"]}";
        assert_eq!(
            mistakes(answer),
            "neither `done` nor `left` says anything\npitfalls[0] is empty\n\
             files[0] is no path in the repository"
        );
        let unknown = "{\"done\": [\"a\"], \"left\": [], \"todo\": []}";
        assert!(mistakes(unknown).contains("unknown field `todo`"));
    }
}
