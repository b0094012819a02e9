//! The manual holds: what README and docs/cli.md show is run, and says what they say.
//!
//! In a block of kind `console` a line that begins with `$ ` is run by a shell in a
//! real town, and the lines below it are what it must say. `...` stands for any
//! lines, `[..]` for any words, alone or inside of a word, `[exit 3]` for the exit code; an id is any id, the
//! same one each time, and seven hexadecimal digits are any commit.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{collections::BTreeMap, fs, path::Path};

use gtd_testkit::town::{Output, Town, binary};

/// A command with what it must say.
#[derive(Debug, Default)]
struct Sample {
    command: String,
    said: Vec<String>,
    code: i32,
}

/// The ids of the manual with those of the town.
type Ids = BTreeMap<String, String>;

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(name)).unwrap()
}

/// Returns the fenced blocks of a kind.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(_), Some(_)) => {
                if let Some((true, text)) = block.take() {
                    found.push(text);
                }
            }
            (Some(begun), None) => block = Some((begun == kind, String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

fn samples(block: &str) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.to_owned();
            samples.push(Sample {
                command,
                ..Sample::default()
            });
        } else if let Some(sample) = samples.last_mut() {
            match line.strip_prefix("[exit ") {
                Some(code) => sample.code = code.trim_end_matches(']').parse().unwrap(),
                None => sample.said.push(line.to_owned()),
            }
        }
    }
    samples
}

fn town() -> Town {
    let town = Town::new();
    let folder = binary("gtd").parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let town = town.with_env("PATH", &path);
    town.init(&[("test", "true")]);
    town
}

fn run(town: &Town, sample: &Sample, ids: &Ids) -> Output {
    let mut command = sample.command.clone();
    for (here, there) in ids {
        command = command.replace(here, there);
    }
    Output::of(
        town.program("sh")
            .arg("-c")
            .arg(format!("{{ {command}\n}} 2>&1")),
    )
}

/// Compares what was said with what the manual says, word by word.
fn compare(expected: &[String], said: &str, ids: &mut Ids) -> Result<(), String> {
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut at = 0;
    let mut any = false;
    for line in expected.iter().filter(|line| !line.trim().is_empty()) {
        if line.trim() == "..." {
            any = true;
            continue;
        }
        let found = if any {
            (at..lines.len()).find(|at| same_line(line, lines[*at], ids))
        } else {
            (at < lines.len() && same_line(line, lines[at], ids)).then_some(at)
        };
        match found {
            Some(found) => at = found + 1,
            None => return Err(format!("this line does not come: {line}")),
        }
        any = false;
    }
    match lines.get(at) {
        Some(line) if !any => Err(format!("this line is not in the manual: {line}")),
        _ => Ok(()),
    }
}

fn same_line(expected: &str, said: &str, ids: &mut Ids) -> bool {
    let mut bound = ids.clone();
    let expected: Vec<&str> = expected.split_whitespace().collect();
    let said: Vec<&str> = said.split_whitespace().collect();
    let is_same = same_words(&expected, &said, &mut bound);
    if is_same {
        *ids = bound;
    }
    is_same
}

fn same_words(expected: &[&str], said: &[&str], ids: &mut Ids) -> bool {
    match (expected, said) {
        ([], []) => true,
        (["[..]"], _) => true,
        (["[..]", rest @ ..], _) => (0..=said.len()).any(|n| {
            let mut bound = ids.clone();
            let is_same = same_words(rest, &said[n..], &mut bound);
            if is_same {
                *ids = bound;
            }
            is_same
        }),
        ([word, rest @ ..], _) if word.contains("[..]") => (1..=said.len()).any(|n| {
            let mut bound = ids.clone();
            let is_same = has_gap_filled(word, &said[..n].join(" "))
                && same_words(rest, &said[n..], &mut bound);
            if is_same {
                *ids = bound;
            }
            is_same
        }),
        ([word, expected @ ..], [other, said @ ..]) => {
            same_word(word, other, ids) && same_words(expected, said, ids)
        }
        _ => false,
    }
}

/// Tells whether `said` is what stands before and behind the gap of `expected`, with any text in it.
fn has_gap_filled(expected: &str, said: &str) -> bool {
    expected.split_once("[..]").is_some_and(|(before, behind)| {
        said.strip_prefix(before)
            .is_some_and(|rest| rest.ends_with(behind))
    })
}

fn same_word(expected: &str, said: &str, ids: &mut Ids) -> bool {
    let bare = |word: &str| -> String {
        word.trim_matches(|c: char| !c.is_ascii_alphanumeric())
            .to_owned()
    };
    let (word, other) = (bare(expected), bare(said));
    let is_id = |word: &str| word.starts_with("repo-") && word.len() == 8;
    if is_id(&word) && is_id(&other) {
        return *ids.entry(word).or_insert_with(|| other.clone()) == other;
    }
    let is_commit = |word: &str| word.len() == 7 && word.bytes().all(|b| b.is_ascii_hexdigit());
    (is_commit(&word) && is_commit(&other)) || expected == said
}

#[test]
fn the_reference_of_the_command_line_says_what_gtd_says() {
    let town = town();
    let mut ids = Ids::new();
    let (mut wrong, mut n_samples) = (Vec::new(), 0);
    for sample in blocks(&read("docs/cli.md"), "console")
        .iter()
        .flat_map(|block| samples(block))
    {
        n_samples += 1;
        let output = run(&town, &sample, &ids);
        let mut mistakes: Vec<String> = compare(&sample.said, &output.stdout, &mut ids)
            .err()
            .into_iter()
            .collect();
        if output.code != Some(sample.code) {
            mistakes.push(format!("exit {:?}, not {}", output.code, sample.code));
        }
        if !mistakes.is_empty() {
            wrong.push(format!(
                "$ {}\n{}\n{}",
                sample.command,
                mistakes.join("\n"),
                output.stdout
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n_samples > 10, "only {n_samples} samples were found");
}

#[test]
fn the_first_use_of_the_readme_works() {
    let town = town();
    let readme = read("README.md");
    let first_use = readme.split("\n## First use\n").nth(1).unwrap();
    let first_use = first_use.split("\n## ").next().unwrap();
    let plan = blocks(first_use, "toml").into_iter().next().unwrap();
    fs::write(town.repo().join("plan.toml"), plan).unwrap();
    let mut n_commands = 0;
    for sample in blocks(first_use, "")
        .iter()
        .flat_map(|block| samples(block))
    {
        if sample.command.starts_with("gtd ") {
            n_commands += 1;
            let output = run(&town, &sample, &Ids::new());
            assert_eq!(output.code, Some(0), "$ {}\n{output}", sample.command);
        }
    }
    assert!(n_commands >= 6, "only {n_commands} commands were found");
    let title = town.gtd_ok(&["report"]);
    assert!(title.contains("Write the greeting"), "{title}");
}

#[test]
fn every_configuration_file_is_refused_with_place_and_words() {
    let town = town();
    let plan = "schema = 1\ntitle = \"x\"\n[[bead]]\nid = \"a\"\nrun = \"true\"\n";
    let toml = fs::read_to_string(town.repo().join("gtd.toml")).unwrap();
    let trust: &[&str] = &["trust", "-y"];
    let role = "repo/.gtd/roles/worker.toml";
    let role_of = |rest: &str| format!("extends = \"builtin:worker\"\n[limits]\n{rest}\n");
    let goal: &[&str] = &["goal", "--plan", "plan.toml"];
    let list: &[&str] = &["config", "list"];
    for (file, text, command, said) in [
        (
            "home/config/config.toml",
            "merge.bach = 1\n".to_owned(),
            list,
            "did you mean `batch`?",
        ),
        (
            "home/config/config.toml",
            "merge.batch = \"x\"\n".to_owned(),
            list,
            "wants a whole number",
        ),
        (
            "repo/gtd.toml",
            format!("{toml}\n[merge]\nbach = 1\n"),
            trust,
            "did you mean `batch`?",
        ),
        (
            "repo/gtd.toml",
            format!("{toml}\n[merge]\nbatch = []\n"),
            trust,
            "wants a whole number",
        ),
        (
            "repo/gtd.local.toml",
            "merge.bach = 1\n".to_owned(),
            trust,
            "did you mean `batch`?",
        ),
        (
            "repo/gtd.local.toml",
            "merge.batch = \"x\"\n".to_owned(),
            trust,
            "wants a whole number",
        ),
        (
            role,
            role_of("atempts = 1"),
            trust,
            "did you mean `attempts`?",
        ),
        (
            role,
            role_of("attempts = \"one\""),
            trust,
            "wants a whole number, not a text",
        ),
        (
            "repo/plan.toml",
            format!("{plan}titel = \"x\"\n"),
            goal,
            "did you mean `title`?",
        ),
        (
            "repo/plan.toml",
            format!("{plan}title = 3\n"),
            goal,
            "wants a text",
        ),
    ] {
        let path = town.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
        let output = town.gtd(command);
        assert!(
            matches!(output.code, Some(2 | 78)),
            "{file}: {text}: {output}"
        );
        for part in [said, " --> ", "^"] {
            assert!(
                output.stderr.contains(part),
                "{file}: {text}: {part}: {output}"
            );
        }
        if file == "repo/gtd.toml" {
            fs::write(&path, &toml).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
}
