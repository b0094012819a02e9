//! The edges of a town: what agents leave behind, what a person does beside,
//! and what breaks outside. Each with real processes and real git.

use std::{fs, path::Path, time::Duration};

use gtd_testkit::town::{Output, Town, binary, until};
use serde_json::Value;

fn bead<'a>(document: &'a Value, local_id: &str) -> &'a Value {
    document["beads"]
        .as_array()
        .expect("beads")
        .iter()
        .find(|bead| bead["local_id"] == local_id)
        .expect("a bead of the plan")
}

/// A plan of beads with their scripts.
fn plan(beads: &[(&str, &str)]) -> String {
    let mut text = "schema = 1\ntitle = \"Edge\"\n".to_owned();
    for (id, run) in beads {
        text.push_str(&format!(
            "[[bead]]\nid = \"{id}\"\ntitle = \"Do {id}\"\nrun = {}\n",
            Value::from(*run)
        ));
    }
    text
}

/// The fault of a bead's last attempt.
fn last_fault(town: &Town, bead: &Value) -> Value {
    let story = town.json(&["bead", "show", bead["id"].as_str().expect("an id")]);
    let attempts = story["attempts"].as_array().expect("attempts");
    attempts.last().expect("an attempt")["fault"].clone()
}

#[test]
fn an_agent_lives_through_a_stop_that_is_longer_than_the_silence_it_may_keep() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__SILENCE", "2s");
    town.init(&[("test", "true")]);
    let (began, go) = (town.path("began"), town.path("go"));
    let goal = town.goal(&plan(&[(
        "talks",
        &format!(
            "touch {}; while [ ! -e {} ]; do echo at work $(date +%N); sleep 0.2; done; echo x > x.txt",
            began.display(),
            go.display()
        ),
    )]));
    until("the agent works", || began.exists().then_some(()));
    town.gtd_ok(&["stop", "--all", "-m", "lunch"]);
    std::thread::sleep(Duration::from_secs(5));
    town.gtd_ok(&["resume", "--all"]);
    std::thread::sleep(Duration::from_secs(1));
    town.touch("go");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(bead(&document, "talks")["attempts"], 1, "{document:#}");
    assert_eq!(town.count("LeaseExpired"), 0);
}

#[test]
fn work_beside_a_repository_that_the_agent_made_is_handed_in() {
    let town = Town::new();
    town.init(&[("test", "test -e y.txt")]);
    let goal = town.goal(&plan(&[(
        "nests",
        "git init -q inner; echo x > inner/x.txt; mkdir deep; git init -q deep/inner; echo y > y.txt",
    )]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(town.file_on("main", "y.txt").as_deref(), Some("y\n"));
    assert_eq!(town.file_on("main", "inner/x.txt"), None);
}

#[test]
fn what_an_agent_left_half_done_is_a_failed_attempt() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "2");
    town.init(&[("test", "true")]);
    let diverge = "side=side-$GTD_BEAD-$GTD_EPOCH; git checkout -q -b $side; echo a > f.txt; git add -A; git commit -qm a; \
                   git checkout -q -; echo b > f.txt; git add -A; git commit -qm b; ";
    let goal = town.goal(&plan(&[
        ("merge", &format!("{diverge} git merge -q $side || true")),
        (
            "rebase",
            &format!("{diverge} git rebase -q $side || true; git checkout -q --theirs f.txt; git add -A"),
        ),
        ("unreadable", "echo x > x.txt; chmod 000 x.txt"),
        ("gone", "rm -rf \"$PWD\""),
        ("replaced", "rm .git; git init -q .; echo x > x.txt"),
        ("unrelated", "git checkout -q --orphan o-$GTD_EPOCH; git rm -rfq .; echo z > z.txt; git add -A; git commit -qm z"),
    ]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "a person is asked: {document:#}");
    let is_root = nix::unistd::Uid::effective().is_root();
    for (id, said) in [
        ("merge", "it left conflicts unresolved: f.txt"),
        ("rebase", "it left a rebase unfinished"),
        ("unreadable", "git cannot take what it left"),
        ("gone", "its worktree is gone"),
        ("replaced", "its worktree is gone"),
        ("unrelated", "shares no history with main"),
    ] {
        let bead = bead(&document, id);
        if id == "unreadable" && is_root {
            // Whoever may read everything takes it along.
            assert_eq!(bead["state"], "landed", "{bead:#}");
            continue;
        }
        assert_eq!(bead["state"], "parked", "{bead:#}");
        assert_eq!(bead["attempts"], 2, "{bead:#}");
        let fault = last_fault(&town, bead)["text"].to_string();
        assert!(fault.contains(said), "{id}: {fault}");
    }
}

#[test]
fn work_in_a_worktree_without_its_git_file_is_not_lost() {
    let town = Town::new();
    town.init(&[("test", "test -e x.txt")]);
    let goal = town.goal(&plan(&[("cuts", "echo x > x.txt; rm .git")]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(bead(&document, "cuts")["attempts"], 1);
}

#[test]
fn work_on_a_branch_of_the_agents_own_is_handed_in() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal = town.goal(&plan(&[
        (
            "branch",
            "git checkout -q -b mine; echo b > b.txt; git add -A; git commit -qm mine",
        ),
        (
            "detached",
            "git checkout -q --detach; echo d > d.txt; git add -A; git commit -qm d",
        ),
        ("ignored", "echo '*.tmp' > .gitignore; echo junk > junk.tmp"),
    ]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(town.file_on("main", "b.txt").as_deref(), Some("b\n"));
    assert_eq!(town.file_on("main", "d.txt").as_deref(), Some("d\n"));
    assert_eq!(town.file_on("main", "junk.tmp"), None);
}

#[test]
fn binary_output_of_any_length_is_kept_as_evidence() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    // The gate tells its failure in bytes that are no text.
    town.init(&[(
        "test",
        "if [ -e red.txt ]; then head -c 300000 /dev/zero; printf 'red\\\\377\\\\000'; exit 1; fi",
    )]);
    let goal = town.goal(&plan(&[
        (
            "fails",
            "head -c 300000 /dev/zero; printf 'why\\377\\000'; exit 3",
        ),
        ("red", "echo x > red.txt"),
    ]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    for id in ["fails", "red"] {
        assert_eq!(bead(&document, id)["state"], "parked", "{document:#}");
    }
    let evidence = last_fault(&town, bead(&document, "fails"))["evidence"].to_string();
    assert!(evidence.contains("why"), "{evidence}");
}

#[test]
fn a_conflict_in_thousands_of_files_is_reworked() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let go = town.path("go");
    let script = |word: &str| {
        format!(
            "while [ ! -e {} ]; do sleep 0.05; done; mkdir -p a-folder-with-a-rather-long-name; \
             for n in $(seq 3000); do echo {word} > a-folder-with-a-rather-long-name/file-$n.txt; done",
            go.display()
        )
    };
    let goal = town.goal(&plan(&[("one", &script("one")), ("two", &script("two"))]));
    until("both are at work", || {
        (town.count("RunStarted") == 2).then_some(())
    });
    town.touch("go");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(town.count("SubmissionReturned"), 1);
}

#[test]
fn a_gate_that_crashes_is_red_and_holds_nobody_up() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    town.init(&[("test", "if [ -e crash.txt ]; then kill -SEGV $$; fi")]);
    let goal = town.goal(&plan(&[
        ("crash", "echo x > crash.txt"),
        ("fine", "echo y > fine.txt"),
    ]));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    assert_eq!(bead(&document, "crash")["state"], "parked", "{document:#}");
    assert_eq!(bead(&document, "fine")["state"], "landed", "{document:#}");
    assert_eq!(town.count("QueueHalted"), 0);
}

#[test]
fn a_run_that_comes_late_does_not_begin_in_a_worktree_that_has_passed_on() {
    let town = Town::new().with_env("GTD_ROLES__WORKER__MAX", "1");
    town.init(&[("test", "true")]);
    town.down();
    let _daemon = town.start("host.before-run=sleep:4000@1");
    let late = town.goal(&plan(&[(
        "late",
        &format!(
            "touch {}; echo late > late.txt",
            town.path("late-began").display()
        ),
    )]));
    until("it has its seat", || {
        (town.count("LeaseGranted") == 1).then_some(())
    });
    until("its worktree is there", || {
        let folder = town.path("home");
        has_worktree(&folder).then_some(())
    });
    let document = town.json(&["convoy", "show", &late]);
    let id = bead(&document, "late")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    town.gtd_ok(&["bead", "park", &id, "-m", "not now"]);
    let next = town.goal(&plan(&[("next", "sleep 6; echo next > next.txt")]));
    let (code, document) = town.wait(&next);
    assert_eq!(code, Some(0), "{document:#}");
    assert!(
        !town.path("late-began").exists(),
        "two agents in one worktree"
    );
    assert_eq!(town.file_on("main", "next.txt").as_deref(), Some("next\n"));
}

/// Tells whether a worktree of some seat is there.
fn has_worktree(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let is_tree = name != ".git" && entry.path().join(".git").is_file();
        is_tree || (entry.path().is_dir() && has_worktree(&entry.path()))
    })
}

#[test]
fn a_repository_that_is_gone_holds_up_no_other() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let other = town.path("other");
    let git = |args: &[&str]| {
        let output = Output::of(town.program("git").args(args).current_dir(&other));
        assert_eq!(output.code, Some(0), "git {args:?}: {output}");
    };
    fs::create_dir(&other).expect("make a folder");
    git(&["init", "-q", "--initial-branch=main"]);
    fs::write(other.join("README"), "x\n").expect("write a file");
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "begin"]);
    git(&["checkout", "-q", "--detach"]);
    fs::write(
        other.join("gtd.toml"),
        "schema = 1\n[rig]\nname = \"other\"\nbranch = \"main\"\n",
    )
    .expect("write gtd.toml");
    let gtd =
        |args: &[&str]| Output::of(town.program(binary("gtd")).args(args).current_dir(&other));
    let output = gtd(&["init", "--no-detect"]);
    assert_eq!(output.code, Some(0), "{output}");
    let go = town.path("go");
    let path = town.plan(&format!(
        "schema = 1\ntitle = \"Doomed\"\nacceptance = [{{ text = \"ok\", check = \"true\" }}]\n[[bead]]\nid = \"d\"\ntitle = \"d\"\nrun = \"while [ ! -e {} ]; do sleep 0.05; done\"\n[[bead]]\nid = \"e\"\ntitle = \"e\"\nneeds = [\"d\"]\nrun = \"true\"\n",
        go.display()
    ));
    let output = gtd(&["goal", "--plan", &path]);
    assert_eq!(output.code, Some(0), "{output}");
    until("it is at work", || {
        (town.count("RunStarted") == 1).then_some(())
    });
    fs::rename(&other, town.path("moved")).expect("move the repository away");
    town.touch("go");
    let goal = town.goal(
        "schema = 1\ntitle = \"Fine\"\nacceptance = [{ text = \"ok\", check = \"test -e x.txt\" }]\n[[bead]]\nid = \"x\"\ntitle = \"x\"\nrun = \"echo x > x.txt\"\n",
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
}

#[test]
fn a_target_that_is_checked_out_meanwhile_waits_says_so_and_lands_afterwards() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let go = town.path("go");
    let goal = town.goal(&plan(&[(
        "b",
        &format!(
            "while [ ! -e {} ]; do sleep 0.05; done; echo b > b.txt",
            go.display()
        ),
    )]));
    until("it is at work", || {
        (town.count("RunStarted") == 1).then_some(())
    });
    town.git(&["checkout", "-q", "main"]);
    town.touch("go");
    until("the move is refused", || {
        (town.count("EffectBackedOff") > 0).then_some(())
    });
    let document = town.json(&["convoy", "show", &goal]);
    let id = bead(&document, "b")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    until("why says it", || {
        let why = town.json(&["why", &id]).to_string();
        why.contains("is checked out at").then_some(())
    });
    town.git(&["checkout", "-q", "--detach"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(town.count("EffectRecovered"), 1);
}

#[test]
fn a_main_that_moves_takes_the_integration_branch_along() {
    let town = Town::new();
    town.git(&["checkout", "-q", "main"]);
    // The gate is slow once, so that main moves below the candidate.
    let (began, go) = (town.path("gate-began"), town.path("go"));
    town.init(&[(
        "test",
        &format!(
            "touch {}; while [ ! -e {} ]; do sleep 0.05; done",
            began.display(),
            go.display()
        ),
    )]);
    let first = town.goal(&plan(&[("a", "echo a > a.txt")]));
    until("its gate is at work", || began.exists().then_some(()));
    town.git(&["checkout", "-q", "--detach"]);
    town.push("main", "theirs.txt", "theirs\n");
    town.touch("go");
    let (code, document) = town.wait(&first);
    assert_eq!(code, Some(0), "{document:#}");
    let branch = "gtd/integration/main";
    assert_eq!(
        town.file_on(branch, "theirs.txt").as_deref(),
        Some("theirs\n")
    );
    town.gtd_ok(&["convoy", "land", &first]);
    assert_eq!(town.file_on("main", "a.txt").as_deref(), Some("a\n"));
}

#[test]
fn a_stop_with_a_run_that_was_only_prepared_costs_nothing() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.down();
    let daemon = town.start("agent.after-mkdir=kill@1");
    let goal = town.goal(&plan(&[("b", "echo b > b.txt")]));
    daemon.dies();
    let output = town.gtd(&["stop", "--all", "-m", "wait"]);
    assert_eq!(output.code, Some(0), "{output}");
    let daemon = town.start("");
    std::thread::sleep(Duration::from_secs(1));
    let before = processor_ticks(daemon.pid());
    std::thread::sleep(Duration::from_secs(3));
    let used = processor_ticks(daemon.pid()) - before;
    assert!(used <= 15, "{used} hundredths of a second in three seconds");
    town.gtd_ok(&["resume", "--all"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
}

/// The processor time of one process, in hundredths of a second.
fn processor_ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let rest = stat.rsplit_once(')').expect("a stat line").1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    fields[11..13]
        .iter()
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum()
}
