//! What reaches the screen: pagers on a terminal, expressions over documents, nothing extra in a pipe.

use gtd_testkit::town::{Output, Town, binary};

/// Runs gtd at a terminal of 10 lines and 80 columns, which `script` makes.
fn at_a_terminal(town: &Town, pager: &str, words: &str) -> Output {
    let command = format!(
        "stty rows 10 cols 80; {} {words}; echo code=$?",
        binary("gtd").display()
    );
    Output::of(
        town.program("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .env("GTD_PAGER", pager),
    )
}

#[test]
fn long_output_goes_through_the_pager_on_a_terminal_only() {
    let town = Town::new();
    let paged = "sed s/^/paged:/";
    let said = at_a_terminal(&town, paged, "config explain");
    assert!(said.stdout.contains("paged:"), "{said}");
    assert!(said.stdout.contains("code=0"), "{said}");
    // What fits on the screen, what is for programs, and what a person asked for plainly.
    for words in [
        "config explain merge.batch",
        "config explain --json",
        "config explain --jq .items[].key",
        "--no-pager config explain",
    ] {
        let said = at_a_terminal(&town, paged, words);
        assert!(!said.stdout.contains("paged:"), "{words}: {said}");
        assert!(said.stdout.contains("code=0"), "{words}: {said}");
    }
    let piped = Output::of(
        town.program(binary("gtd"))
            .args(["config", "explain"])
            .env("GTD_PAGER", paged),
    );
    assert!(!piped.stdout.contains("paged:"), "{piped}");
}

#[test]
fn a_pager_that_is_left_early_or_is_not_there_harms_nothing() {
    let town = Town::new();
    let left = at_a_terminal(&town, "head -n 1", "config explain");
    assert!(left.stdout.contains("code=0"), "{left}");
    assert!(!left.stdout.contains("rror"), "{left}");
    let absent = at_a_terminal(&town, "no-such-pager", "config explain");
    assert!(absent.stdout.contains("merge.batch"), "{absent}");
    assert!(absent.stdout.contains("code=0"), "{absent}");
}

#[test]
fn the_user_says_which_pager_colours_and_marks() {
    let town = Town::new();
    let folder = town.path("home/config");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "schema = 1\n[ui]\npager = [\"sed\", \"s/^/mine:/\"]\ncolor = \"never\"\n";
    std::fs::write(folder.join("config.toml"), text).unwrap();
    let command = format!(
        "stty rows 10 cols 80; {} config explain",
        binary("gtd").display()
    );
    let said = Output::of(
        town.program("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm")
            .env("PAGER", "false"),
    );
    assert!(said.stdout.contains("mine:"), "{said}");
    assert!(!said.stdout.contains("\u{1b}["), "no colours: {said}");
}

#[test]
fn an_expression_is_read_before_anything_is_done() {
    let town = Town::new();
    town.init(&[]);
    town.gtd_ok(&["pause", "-m", "for the test"]);
    let refused = town.gtd(&["bead", "create", "A bead", "--run", "true", "--jq", ".id ["]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("E0107"), "{refused}");
    assert_eq!(
        town.gtd_ok(&["bead", "list", "--jq", ".items | length"]),
        "0\n"
    );
    let id = town.gtd_ok(&["bead", "create", "A bead", "--run", "true", "--jq", ".id"]);
    assert!(id.starts_with("repo-") && id.lines().count() == 1, "{id}");
    // A failure is never taken for a value.
    let failed = town.gtd(&["bead", "show", "repo-zzz9", "--jq", ".title"]);
    assert_eq!(
        (failed.code, failed.stdout.as_str()),
        (Some(3), ""),
        "{failed}"
    );
    let stream = town.gtd_ok(&["export", "json", "--jq", ".rev"]);
    assert!(
        stream.lines().all(|line| line.parse::<u64>().is_ok()),
        "{stream}"
    );
}
