//! The events of agents as lines of a log: one kind and one text, whatever the program is.

use gtd_core::Moment;

use super::AgentEvent;

/// Tools that change files, by the names that programs have for them.
const EDITS: [&str; 6] = [
    "edit",
    "write",
    "multiedit",
    "notebookedit",
    "apply_patch",
    "str_replace_editor",
];

impl AgentEvent {
    /// Returns the kind of line that it is: `session`, `say`, `think`, `plan`, `tool`, `edit`, `git`,
    /// `result`, `retry`, `limit`, `error`, or `event` for what says nothing about the work.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Session { .. } => "session",
            Self::Say(_) => "say",
            Self::Think(_) => "think",
            Self::Plan(_) => "plan",
            Self::Tool { name, what } => {
                if EDITS.contains(&name.to_lowercase().as_str()) {
                    "edit"
                } else if what.starts_with("git ") {
                    "git"
                } else {
                    "tool"
                }
            }
            Self::ToolDone { .. } => "result",
            Self::Retry { .. } => "retry",
            Self::Window { .. } => "limit",
            Self::Failed(_) => "error",
            Self::Other(_) => "event",
        }
    }

    /// Returns what it says, for people.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Session { id, model } => match model {
                Some(model) => format!("{id} with {model}"),
                None => id.clone(),
            },
            Self::Say(text)
            | Self::Think(text)
            | Self::Plan(text)
            | Self::Failed(text)
            | Self::Other(text) => text.clone(),
            Self::Tool { name, what } => match self.kind() {
                "tool" => format!("{name}  {what}"),
                _ => what.clone(),
            },
            Self::ToolDone { is_ok: true, text } => text.clone(),
            Self::ToolDone { is_ok: false, text } => format!("failed: {text}"),
            Self::Retry { text, .. } => format!("tries again: {text}"),
            Self::Window {
                name,
                is_spent,
                resets_at,
            } => {
                let state = if *is_spent { "is spent" } else { "has room" };
                match resets_at {
                    Some(at) => format!("{name} {state}, begins anew at {}", Moment(*at)),
                    None => format!("{name} {state}"),
                }
            }
        }
    }

    /// Tells it in one line, shortened; nothing where it says nothing about the work.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        /// Letters of one line.
        const MOST: usize = 300;
        let kind = self.kind();
        if matches!(
            self,
            Self::Session { .. } | Self::Window { .. } | Self::Other(_)
        ) {
            return None;
        }
        let text = self.text();
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() {
            return None;
        }
        let words = words.join(" ");
        let mut line: String = words.chars().take(MOST).collect();
        if words.chars().nth(MOST).is_some() {
            line.push('…');
        }
        Some(format!("{kind}: {line}"))
    }
}

#[cfg(test)]
mod tests {
    use gtd_core::Timestamp;

    use super::*;

    #[test]
    fn what_says_nothing_about_the_work_is_not_told_and_the_rest_in_one_line() {
        let long = AgentEvent::Say(format!("a\n  b{}", " c".repeat(400)));
        let told = long.told().expect("it says something");
        assert!(told.starts_with("say: a b c c"), "{told}");
        assert!(told.ends_with('…') && !told.contains('\n'), "{told}");
        let failed = AgentEvent::ToolDone {
            is_ok: false,
            text: "no such file\n".to_owned(),
        };
        assert_eq!(
            failed.told().as_deref(),
            Some("result: failed: no such file")
        );
        assert_eq!(AgentEvent::Say(" \n".to_owned()).told(), None);
        assert_eq!(AgentEvent::Other("init".to_owned()).told(), None);
    }

    #[test]
    fn a_tool_is_told_by_what_it_does() {
        let tool = |name: &str, what: &str| {
            let event = AgentEvent::Tool {
                name: name.to_owned(),
                what: what.to_owned(),
            };
            format!("{} {}", event.kind(), event.text())
        };
        assert_eq!(tool("Write", "src/a.rs"), "edit src/a.rs");
        assert_eq!(tool("Bash", "git status"), "git git status");
        assert_eq!(tool("Bash", "cargo test"), "tool Bash  cargo test");
        let spent = AgentEvent::Window {
            name: "five_hour".to_owned(),
            is_spent: true,
            resets_at: Some(Timestamp(0)),
        };
        assert_eq!(spent.kind(), "limit");
        assert_eq!(
            spent.text(),
            "five_hour is spent, begins anew at 1970-01-01T00:00:00.000Z"
        );
    }
}
