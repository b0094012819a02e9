//! One paragraph for each error code: what it means, and what to do.

const CODES: &[(&str, &str)] = &[
    (
        "E0100",
        "The command line is wrong: an unknown command or flag, a value of another form, or two flags that exclude each other. `gtd help COMMAND` shows what a command takes.",
    ),
    (
        "E0101",
        "The edge would close a circle: a bead would wait for itself. The path shows it; leave one of its edges out.",
    ),
    (
        "E0102",
        "The plan does not hold together: a key that is not known, a need that is neither in the plan nor a bead, a circle, or two beads of one name. Nothing was created. The line is shown; mend it and try again. `gtd help plan` describes the file.",
    ),
    (
        "E0103",
        "A text is empty where it must not be, too long, or holds what it may not. The field is named.",
    ),
    (
        "E0104",
        "Nothing here could do it: a bead has neither a script (`run`) nor a runtime that is usable, or a goal in words has no agent program that could plan it. Nothing was created. Give it a script, or a plan of your own.",
    ),
    (
        "E0105",
        "A configuration is wrong: gtd.toml, gtd.local.toml, your own config.toml, or a GTD_… variable with `__` in its name. The place is shown. After a change of gtd.toml: gtd trust.",
    ),
    (
        "E0106",
        "The folders of the town cannot be told or used. Set GTD_HOME to a folder of your own, or HOME; the folder of the socket must be private to you. `gtd config path` shows them.",
    ),
    (
        "E0107",
        "The expression of --jq, or the template of --template, is wrong or does not fit the document. The place is shown. An expression that cannot be read is told before anything is done; `gtd COMMAND --json` shows the document, and `gtd help formatting` has samples.",
    ),
    (
        "E0201",
        "The bead is not in a state that allows it. The message names its state and the command that helps; `gtd why ID` tells the rest.",
    ),
    (
        "E0202",
        "The bead is not ready: something that it needs has not ended, or its time has not come. `gtd why ID` names it.",
    ),
    (
        "E0203",
        "No bead of the rig is ready. `gtd why` tells what they wait for.",
    ),
    (
        "E0204",
        "The lease passed on: somebody else works on the bead under a newer epoch, or its time was over. What you did is on your branch; the write was not taken. Stop, and look at the bead.",
    ),
    (
        "E0205",
        "Somebody holds the bead already. Wait for it, or take another: gtd bead list --state ready.",
    ),
    (
        "E0206",
        "The seat holds a bead. It is free when that has ended.",
    ),
    (
        "E0207",
        "A seat of that name is on another rig. Choose another name.",
    ),
    (
        "E0208",
        "The queue has another candidate in test. One at a time is tested on a target.",
    ),
    (
        "E0209",
        "The candidate has no green verdict, so it does not land. Only proven work lands.",
    ),
    (
        "E0210",
        "It changed since you looked. Look again and repeat, if it is still what you want.",
    ),
    (
        "E0211",
        "Beads of the goal have not ended. `gtd why GOAL` names them.",
    ),
    (
        "E0212",
        "The bead has attempts left; it is not set aside before they are spent.",
    ),
    (
        "E0213",
        "The branch is checked out in a working tree, and gtd never moves a branch under your feet. Leave out --land main: the work lands on gtd/integration/BRANCH, and `gtd convoy land` brings it further when you say so.",
    ),
    (
        "E0214",
        "Everything is stopped, by `gtd stop --all`. Nothing begins until a person says `gtd resume --all`.",
    ),
    ("E0215", "The scope is paused. `gtd resume` ends the pause."),
    (
        "E0216",
        "The folder is in no git repository. A rig is one: git init, a first commit, then gtd init.",
    ),
    (
        "E0217",
        "The state does not allow it. The message says why.",
    ),
    (
        "E0218",
        "The merges of the rig are held by a person: paused, so that no candidate is formed, or frozen, so that no branch moves. `gtd merge list` says by whom, why and how long; `gtd merge resume` ends it.",
    ),
    (
        "E0219",
        "What a person did cannot be taken back: something else was built upon it meanwhile, or it is of a kind that is not undone. The message says which, and the help names another way. `gtd undo --list` shows what can be undone.",
    ),
    (
        "E0220",
        "A budget has not enough left for an attempt: what is spent and what attempts at work hold back come too near to it. The message says which budget and how far it is used, and the help names the command that raises it. `gtd cost budget` shows all of them.",
    ),
    (
        "E0221",
        "The agent of a crew member is not where that could be done: it was never started, is stopped, or is in the middle of a turn. The help names the next command; `gtd crew list` shows all members.",
    ),
    (
        "E0301",
        "There is no bead of that id, and none that begins so. `gtd bead list` shows them.",
    ),
    (
        "E0302",
        "The bead is not a goal. `gtd convoy list` shows the goals.",
    ),
    (
        "E0303",
        "There is no such rig, or the folder is in none. In the repository: gtd init. From elsewhere: -r RIG.",
    ),
    ("E0304", "There is no such seat. `gtd ps` shows them."),
    (
        "E0305",
        "There is no such candidate in test. `gtd status` shows the queues.",
    ),
    (
        "E0306",
        "What was named is not there. The message says what kind of thing was looked for.",
    ),
    (
        "E0307",
        "Several things begin so. gtd does not guess: use more characters.",
    ),
    (
        "E0308",
        "There is no such configuration key. `gtd config explain` lists all of them.",
    ),
    (
        "E0401",
        "The caller may not do that. A process below an agent of the town is never a person, and a role writes with its own pen only. Ask a person.",
    ),
    (
        "E0402",
        "gtd.toml, gtd.local.toml or a file in .gtd/roles changed since it was trusted. They say what is run, so they take effect only after `gtd trust`, which shows the change. Until then the trusted copy stays in effect and no new goal is taken.",
    ),
    (
        "E0403",
        "An agent has asked, or found, as much as it may: the message names the limit. It goes on with its own bead; what it wanted to say goes into a note or into its summary.",
    ),
    (
        "E0501",
        "No free bead id under the prefix. Choose another prefix in gtd.toml.",
    ),
    (
        "E0502",
        "The store takes no writes, for instance because the disk is full. Reading goes on. `gtd logs daemon` says more.",
    ),
    (
        "E0601",
        "The daemon is not running. Commands that change something start it; those that only read never do. `gtd up` starts it.",
    ),
    (
        "E0602",
        "The daemon did not answer in time, or the connection broke. The message says what was seen: one that takes connections is busy, and answers when it is waited for (--timeout 60s); one that takes none is halted or hangs. gtd logs daemon works without it, and everything can be stopped without it: gtd stop --all.",
    ),
    (
        "E0603",
        "gtdd was started and did not become ready within ten seconds. Its last words are shown; the whole output is in the logs folder of `gtd config path`.",
    ),
    (
        "E0604",
        "The program gtdd was not found. It is looked for at GTD_GTDD, beside gtd, and on PATH.",
    ),
    (
        "E0605",
        "The daemon has too much to do right now. Try again in a moment; nothing was changed.",
    ),
    (
        "E0606",
        "The daemon is too many versions of the protocol away from this gtd; one level up or down works together. Use the gtd of the daemon's version, or end the daemon by its process id (kill PID: it ends in good order, and agents live on) and start the one of this version: gtd up.",
    ),
    (
        "E0607",
        "The daemon failed at it, or answered what cannot be read. `gtd logs daemon` says more; `gtd version` shows whether both are of one version.",
    ),
    (
        "E0701",
        "A file or a program could not be used. The message says which, and what the system answered.",
    ),
    ("E0702", "It was interrupted. What the town does goes on."),
];

/// Returns the paragraph of a code.
pub(super) fn text(code: &str) -> Option<String> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(code, text)| format!("{code}\n\n{}\n", wrapped(text)))
}

/// Returns every code with its paragraph.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    CODES.iter().copied()
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= 88 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn codes_stand_in_order_and_once() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
    }

    /// Holds the table to the source: a code without a page is a dead end for the reader.
    #[test]
    fn every_code_of_a_refusal_has_a_page() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut n_codes = 0;
        for source in sources(&crates) {
            let text_of_it = std::fs::read_to_string(&source).unwrap();
            for (at, _) in text_of_it.match_indices("E0") {
                let code = text_of_it.get(at..at + 5).unwrap_or_default();
                let is_code = code.len() == 5
                    && code.bytes().skip(1).all(|b| b.is_ascii_digit())
                    && !text_of_it[..at].ends_with(|c: char| c.is_alphanumeric());
                if is_code {
                    n_codes += 1;
                    assert!(text(code).is_some(), "{code} in {}", source.display());
                }
            }
        }
        assert!(n_codes > 60, "only {n_codes} codes were found");
    }

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                // Tests may name codes that there are not.
                if path
                    .file_name()
                    .is_some_and(|name| name != "tests" && name != "target")
                {
                    found.extend(sources(&path));
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
        found
    }
}
