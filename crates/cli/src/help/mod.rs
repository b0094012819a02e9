//! The texts of help: the overview, the topics, one paragraph for each error code.

mod codes;
mod man;

pub(crate) use self::man::man_pages;
use crate::exit::Exit;

/// The topics with their texts.
pub(crate) const TOPICS: &[(&str, &str)] = &[
    ("quickstart", include_str!("quickstart.txt")),
    ("words", include_str!("words.txt")),
    ("gastown", include_str!("gastown.txt")),
    ("exit-codes", ""),
    ("formatting", include_str!("formatting.txt")),
    ("environment", include_str!("environment.txt")),
    ("overnight", include_str!("overnight.txt")),
    ("security", include_str!("security.txt")),
    ("json", include_str!("json.txt")),
    ("troubleshooting", include_str!("troubleshooting.txt")),
    ("plan", include_str!("plan.txt")),
];

/// Returns the overview of all commands.
pub(crate) fn overview() -> String {
    include_str!("overview.txt").to_owned()
}

/// Returns the text of a topic.
pub(crate) fn topic(name: &str) -> Option<String> {
    let (name, text) = TOPICS.iter().find(|(known, _)| *known == name)?;
    Some(match *text {
        "" if *name == "exit-codes" => exit_codes(),
        text => text.to_owned(),
    })
}

/// Returns the text of an error code.
pub(crate) fn code(word: &str) -> Option<String> {
    codes::text(&word.to_ascii_uppercase())
}

/// Returns every error code with its paragraph.
pub(crate) fn codes() -> impl Iterator<Item = (&'static str, &'static str)> {
    codes::all()
}

fn exit_codes() -> String {
    let mut text = "How gtd ends. The numbers never change their meaning.\n\n".to_owned();
    for (exit, meaning) in Exit::ALL {
        text.push_str(&format!("  {:>3}  {meaning}\n", exit.code()));
    }
    text.push_str(
        "\nA reader of stdout that goes away (gtd report | head) ends gtd quietly with 0.\n\
         With --json a failure is one document of kind Error on stdout; the code is the same.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_a_text() {
        for (name, _) in TOPICS {
            assert!(topic(name).is_some_and(|text| text.len() > 100), "{name}");
        }
    }

    /// Holds the topics to the commands: a sample that gtd would refuse is worse than none.
    #[test]
    fn every_command_that_a_page_names_exists() {
        use clap::CommandFactory;
        let command = crate::args::Cli::command();
        for (name, _) in TOPICS {
            let text = topic(name).unwrap_or_default();
            for (at, _) in text.match_indices("gtd ") {
                let is_word = text[..at].ends_with([' ', '\n', '`', '(', '"']);
                let word: String = text[at + 4..]
                    .chars()
                    .take_while(char::is_ascii_lowercase)
                    .collect();
                let said = text[at..].lines().next().unwrap_or_default();
                let is_prose = ["is", "does", "reads", "ends", "brings", "would", "quietly"]
                    .contains(&word.as_str());
                if is_word && !word.is_empty() && !is_prose {
                    let known = command.find_subcommand(&word).is_some();
                    assert!(known, "{name}: {said}");
                }
            }
        }
    }

    #[test]
    fn the_overview_names_every_command() {
        use clap::CommandFactory;
        let overview = overview();
        for command in crate::args::Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(overview.contains(name), "{name}");
        }
    }
}
