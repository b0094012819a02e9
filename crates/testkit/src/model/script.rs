//! What a scenario is: the steps that a model takes, one for each request.
//!
//! | text | the model |
//! |---|---|
//! | `say TEXT` | says it and ends its turn |
//! | `write PATH TEXT` | writes a file (`\n` begins a line) |
//! | `edit PATH OLD => NEW` | replaces a text in a file |
//! | `read PATH` | reads a file |
//! | `run COMMAND` | runs a shell command |
//! | `call TOOL JSON` | calls a tool by its name, or by the end of it |
//! | `ask TEXT` | asks the person in words and ends its turn |
//! | `loop COMMAND` | runs the same command for ever |
//! | `hold NAME` | answers nothing until NAME is released, then goes on |
//! | `fail WHAT` | is not reached: the service answers with an error |
//! | `refuse`, `max-tokens`, `empty` | ends its turn like that |
//! | `drop`, `overload`, `stall`, `hang` | breaks, fails or falls silent while it answers; never answers |
//!
//! Steps stand between `;;`. ` xN` behind a step means N times. The last step
//! answers whatever comes after it; a script that would end in the use of a
//! tool says "Done." then, so that no program runs for ever by mistake.

use std::{error::Error, fmt};

use super::failures::Failure;

/// The most often that one step can be taken by `xN`.
const MOST: usize = 1000;

/// The steps of one scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
}

/// What a model does at one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Says something and ends its turn.
    Say(String),
    /// Uses a tool.
    Use(Act),
    /// Asks the person.
    Ask(String),
    /// Answers nothing until somebody releases this name.
    Hold(String),
    /// The service answers with an error.
    Fail(Failure),
    /// Declines to answer.
    Refuse,
    /// Ends in the middle, at the limit of an answer's length.
    MaxTokens,
    /// Says nothing at all.
    Empty,
    /// Begins an answer, and the connection breaks.
    Drop,
    /// Begins an answer, and the service says that it is overloaded.
    Overload,
    /// Begins an answer and falls silent.
    Stall,
    /// Never answers.
    Hang,
}

/// The use of a tool, before it is known how the program calls its tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Writes a file.
    Write { path: String, text: String },
    /// Replaces a text in a file.
    Edit {
        path: String,
        old: String,
        new: String,
    },
    /// Reads a file.
    Read { path: String },
    /// Runs a shell command.
    Run { command: String },
    /// Calls a tool by its name.
    Call {
        tool: String,
        arguments: serde_json::Value,
    },
}

/// A text that is no script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    step: String,
    why: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {:?}: {}", self.step, self.why)
    }
}

impl Error for ScriptError {}

impl Script {
    /// Reads steps as they are written.
    ///
    /// # Errors
    /// When a step is unknown or lacks what it needs.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut steps = Vec::new();
        let mut is_endless = false;
        for part in text.split(";;").map(str::trim) {
            let (part, times) = times(part);
            let wrong = |why: String| ScriptError {
                step: part.to_owned(),
                why,
            };
            let (verb, rest) = part.split_once(' ').unwrap_or((part, ""));
            is_endless = verb == "loop";
            let step = step(verb, rest.trim()).map_err(wrong)?;
            steps.extend(std::iter::repeat_n(step, times));
        }
        if !is_endless && matches!(steps.last(), Some(Step::Use(_) | Step::Hold(_))) {
            steps.push(Step::Say("Done.".to_owned()));
        }
        Ok(Self { steps })
    }

    /// Returns the step at a position; the last one stands for all behind it.
    pub(super) fn step(&self, position: usize) -> &Step {
        let last = self.steps.len() - 1;
        &self.steps[position.min(last)]
    }
}

/// Cuts ` xN` off a step.
fn times(part: &str) -> (&str, usize) {
    let Some((before, count)) = part.rsplit_once(" x") else {
        return (part, 1);
    };
    match count.parse() {
        Ok(count) if (1..=MOST).contains(&count) => (before.trim_end(), count),
        _ => (part, 1),
    }
}

fn step(verb: &str, rest: &str) -> Result<Step, String> {
    let needed = |what: &str| match rest {
        "" => Err(format!("`{verb}` needs {what}")),
        _ => Ok(rest.to_owned()),
    };
    Ok(match verb {
        "say" => Step::Say(lines(rest)),
        "write" => {
            needed("a path and a text")?;
            let (path, text) = rest.split_once(' ').unwrap_or((rest, ""));
            Step::Use(Act::Write {
                path: path.to_owned(),
                text: lines(text) + "\n",
            })
        }
        "edit" => {
            let parts = rest
                .split_once(' ')
                .and_then(|(path, texts)| Some((path, texts.split_once(" => ")?)));
            let Some((path, (old, new))) = parts else {
                return Err("`edit` needs PATH OLD => NEW".to_owned());
            };
            Step::Use(Act::Edit {
                path: path.to_owned(),
                old: lines(old),
                new: lines(new),
            })
        }
        "read" => Step::Use(Act::Read {
            path: needed("a path")?,
        }),
        "run" | "loop" => Step::Use(Act::Run {
            command: needed("a command")?,
        }),
        "call" => {
            needed("the name of a tool")?;
            let (tool, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
            let arguments = serde_json::from_str(arguments).map_err(|error| error.to_string())?;
            Step::Use(Act::Call {
                tool: tool.to_owned(),
                arguments,
            })
        }
        "ask" => Step::Ask(needed("a question")?),
        "hold" => Step::Hold(needed("a name")?),
        "fail" => Step::Fail(Failure::parse(rest)?),
        "refuse" => Step::Refuse,
        "max-tokens" => Step::MaxTokens,
        "empty" => Step::Empty,
        "drop" => Step::Drop,
        "overload" => Step::Overload,
        "stall" => Step::Stall,
        "hang" => Step::Hang,
        "" => return Err("it is empty".to_owned()),
        _ => return Err("no such step".to_owned()),
    })
}

/// Begins a new line at each `\n` that is written as two characters.
fn lines(text: &str) -> String {
    text.replace("\\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Script {
        Script::parse(text).expect("a script")
    }

    #[test]
    fn a_step_can_be_taken_several_times_before_the_next() {
        let script = parse("fail 429 x2 ;; say fine");
        assert_eq!(script.step(0), script.step(1));
        assert_eq!(script.step(2), &Step::Say("fine".to_owned()));
        assert_eq!(script.step(900), &Step::Say("fine".to_owned()));
    }

    #[test]
    fn a_script_never_ends_in_a_tool_by_mistake() {
        let script = parse("run make");
        assert_eq!(script.step(1), &Step::Say("Done.".to_owned()));
        let script = parse("loop make");
        assert_eq!(script.step(0), script.step(77));
    }

    #[test]
    fn what_is_no_step_is_refused_with_its_place() {
        let check = |text: &str, why: &str| {
            let error = Script::parse(text).expect_err(text);
            assert_eq!(error.to_string(), why);
        };
        check("say a ;; dance", "step \"dance\": no such step");
        check(
            "edit a b",
            "step \"edit a b\": `edit` needs PATH OLD => NEW",
        );
        check("read", "step \"read\": `read` needs a path");
        check("say a ;;", "step \"\": it is empty");
        assert!(Script::parse("fail 418").is_err());
        assert!(Script::parse("call done {").is_err());
    }
}
