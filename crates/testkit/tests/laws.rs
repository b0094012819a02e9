//! The laws of the architecture, each held by a test that bears its name.
//!
//! Laws about the graph alone (one truth, epochs) are held in `gtd-core`;
//! those about planners by the simulator. Here are the ones that need a town.

use std::{collections::BTreeSet, fs, path::Path, process::Stdio};

use gtd_testkit::town::{Town, binary, until};

const FILE: &str = "schema = 1\ntitle = \"A file\"\n[[bead]]\nid = \"f\"\ntitle = \"Write a file\"\nrun = \"echo f > f.txt\"\n";

/// Lists the Rust sources below a folder with their texts.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("list a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("read a source");
            found.push((path.display().to_string(), text));
        }
    }
    found
}

fn crates() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the folder of all crates")
        .to_owned()
}

#[test]
fn law_2_one_writer() {
    let users: BTreeSet<String> = fs::read_dir(crates())
        .expect("list the crates")
        .flatten()
        .filter(|entry| entry.file_name() != "store" && entry.file_name() != "testkit")
        .flat_map(|entry| sources(&entry.path().join("src")))
        .filter(|(_, text)| text.contains("gtd_store::"))
        .map(|(path, _)| path)
        .collect();
    assert!(!users.is_empty(), "somebody writes");
    for path in users {
        assert!(
            // A restore writes a town that no daemon holds.
            ["ledger", "boot", "backup"]
                .iter()
                .any(|part| path.contains(&format!("daemon/src/{part}"))),
            "{path} reaches the store beside the ledger"
        );
    }
}

#[test]
fn law_3_one_door() {
    for name in ["host", "cli", "plan", "agent", "git"] {
        let manifest =
            fs::read_to_string(crates().join(name).join("Cargo.toml")).expect("a manifest");
        for back_door in ["gtd-store", "gtd-daemon"] {
            assert!(!manifest.contains(back_door), "{name} imports {back_door}");
        }
    }
    // An agent shares the person's user id and finds the socket; it may still not write as a person.
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal = town.goal(&format!(
        "schema = 1\ntitle = \"Sneak\"\n[[bead]]\nid = \"s\"\ntitle = \"Sneak\"\nrun = '''\nset +e\nGTD_HOME={home} GTD_GTDD={gtdd} {gtd} bead create 'by an agent' > {said} 2>&1\necho code=$? >> {said}\nenv -i GTD_HOME={home} PATH=$PATH setsid {gtd} bead create 'by its child' >> {said} 2>&1\necho code=$? >> {said}\necho s > s.txt\n'''\n",
        home = town.path("home").display(),
        gtdd = binary("gtdd").display(),
        gtd = binary("gtd").display(),
        said = town.path("said").display(),
    ));
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    let said = fs::read_to_string(town.path("said")).expect("what it said");
    assert_eq!(
        said.matches("code=77").count(),
        2,
        "both were refused: {said}"
    );
    let list = town.json(&["bead", "list"]);
    assert!(!list.to_string().contains("by an agent"), "{list:#}");
}

#[test]
fn law_4_a_role_has_no_inbox() {
    // Everything happens while no role is there to hear it; then the roles come and look.
    let town = Town::new();
    town.init(&[("test", "true")]);
    town.gtd_ok(&["pause", "-m", "nobody looks"]);
    let goal = town.goal(FILE);
    town.down();
    let _daemon = town.start("");
    town.gtd_ok(&["resume"]);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
}

#[test]
fn law_6_one_owner_per_effect() {
    // Only the agent crate starts a process, only the git crate runs git, only the CLI starts the daemon
    // and what shows its output.
    for entry in fs::read_dir(crates()).expect("list the crates").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if ["agent", "git", "testkit"].contains(&name.as_str()) {
            continue;
        }
        for (path, text) in sources(&entry.path().join("src")) {
            let starts = text.contains("process::Command") || text.contains("Command::new(");
            assert!(
                !starts
                    || path.contains("cli/src/daemon_program")
                    || path.contains("cli/src/output/pager")
                    || path.contains("cli/src/commands"),
                "{path} starts a process"
            );
        }
    }
}

#[test]
fn law_idle_costs_nothing() {
    let town = Town::new();
    town.init(&[("test", "true")]);
    let goal = town.goal(FILE);
    assert_eq!(town.wait(&goal).0, Some(0));
    let pid = town.daemon_pid().expect("a daemon");
    let ticks = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("its record");
        let rest = stat.rsplit_once(')').expect("a name").1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        fields[11..13]
            .iter()
            .map(|field| field.parse::<u64>().expect("ticks"))
            .sum()
    };
    let events = town.log().len();
    // The window is part of the promise: one percent of a core over five seconds is five ticks.
    let window = std::time::Duration::from_secs(5);
    std::thread::sleep(std::time::Duration::from_secs(1));
    let before = ticks();
    std::thread::sleep(window);
    let used = ticks() - before;
    assert!(used <= 5, "{used} ticks of 500 while nothing is ready");
    assert_eq!(
        town.log().len(),
        events,
        "nothing is written while nothing happens"
    );
    let status = town.json(&["status"]);
    assert_eq!(status["idle_tokens"], 0);
}

#[test]
fn law_proof_not_claims() {
    let town = Town::new();
    let trees = town.path("trees.txt");
    town.init(&[(
        "test",
        &format!(
            "git rev-parse 'HEAD^{{tree}}' >> {}; test ! -e bad.txt",
            trees.display()
        ),
    )]);
    let goal = town.goal(
        r#"
schema = 1
title = "Three"
[[bead]]
id = "a"
title = "a"
run = "echo a > a.txt"
[[bead]]
id = "b"
title = "b"
run = "echo b > b.txt; git add -A; git commit -qm 'by the agent itself'"
[[bead]]
id = "bad"
title = "bad"
run = "echo bad > bad.txt"
"#,
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    let proven: BTreeSet<String> = town.lines("trees.txt").into_iter().collect();
    let landed = town.first_parents("main");
    for commit in &landed[..landed.len() - 1] {
        let tree = town.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
        assert!(
            proven.contains(&tree),
            "the tree of {commit} was gated as it is"
        );
        let parents = town.git(&["rev-list", "--parents", "-n", "1", commit]);
        assert_eq!(
            parents.split(' ').count(),
            3,
            "one first-parent commit with a chain behind it"
        );
        let chain = town.git(&[
            "log",
            "--format=%(trailers:key=Gtd-Bead,valueonly)",
            "-1",
            commit,
        ]);
        assert!(!chain.trim().is_empty(), "it names its beads");
    }
    assert_eq!(town.file_on("main", "bad.txt"), None);
}

#[test]
fn law_nothing_is_lost() {
    // What an agent leaves uncommitted when it fails is kept under a hidden ref before its tree is reused.
    let town = Town::new()
        .with_env("GTD_ROLES__WORKER__ATTEMPTS", "1")
        .with_env("GTD_ROLES__WORKER__MAX", "1");
    town.init(&[("test", "true")]);
    let goal = town.goal(
        r#"
schema = 1
title = "Leave something"
[[bead]]
id = "leaves"
title = "Leave work behind"
run = "echo precious > precious.txt; exit 1"
[[bead]]
id = "next"
title = "Use the same seat"
run = "test ! -e precious.txt; echo n > n.txt"
"#,
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document:#}");
    let kept = town.git(&["for-each-ref", "--format=%(refname)", "refs/gtd/snap"]);
    let name = kept.lines().next().expect("a snapshot");
    assert_eq!(
        town.file_on(name, "precious.txt").as_deref(),
        Some("precious\n")
    );
}

#[test]
fn roles_in_other_processes_finish_a_goal_and_may_be_killed() {
    let town = Town::new();
    let gate = format!(
        "echo gate >> {}; sleep 0.1",
        town.path("gates.txt").display()
    );
    town.init(&[("test", &gate)]);
    let hosts = || {
        ["witness", "refinery"].map(|role| {
            town.program(binary("gtdd"))
                .args(["host", "--roles", role, "--name", &format!("far-{role}")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("start a host")
        })
    };
    let first = hosts();
    let mut plan = "schema = 1\ntitle = \"Far\"\n".to_owned();
    for n in 0..6 {
        plan.push_str(&format!(
            "[[bead]]\nid = \"b{n}\"\ntitle = \"b{n}\"\nrun = \"echo {n} > f{n}.txt\"\n"
        ));
    }
    let goal = town.goal(&plan);
    until("a gate ran", || {
        town.path("gates.txt").exists().then_some(())
    });
    for mut host in first {
        host.kill().expect("kill a host");
        host.wait().expect("wait for a host");
    }
    let second = hosts();
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document:#}");
    assert_eq!(
        town.first_parents("main").len(),
        1 + town.count("CandidateLanded"),
        "each landed once"
    );
    for mut host in second {
        host.kill().expect("kill a host");
        host.wait().expect("wait for a host");
    }
}
