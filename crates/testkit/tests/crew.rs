//! Standing members, with real worktrees: what is in them is the member's own.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use gtd_testkit::town::{Output, Town, binary, claude_begins, claude_says, until};
use serde_json::Value;

fn town() -> Town {
    let town = Town::new();
    town.init(&[("test", "true")]);
    town
}

/// Adds a member and returns its folder.
fn add(town: &Town, name: &str) -> PathBuf {
    town.gtd_ok(&["crew", "add", name]);
    PathBuf::from(town.gtd_ok(&["crew", "path", name]).trim())
}

fn git_in(town: &Town, folder: &Path, args: &[&str]) -> String {
    let output = Output::of(town.program("git").args(args).current_dir(folder));
    assert_eq!(output.code, Some(0), "git {args:?}: {output}");
    output.stdout.trim().to_owned()
}

fn commit(town: &Town, folder: &Path, file: &str) {
    fs::write(folder.join(file), "by ada\n").expect("write a file");
    git_in(town, folder, &["add", "-A"]);
    git_in(town, folder, &["commit", "--quiet", "-m", file]);
}

#[test]
fn a_member_has_a_worktree_on_its_branch_that_survives_a_restart() {
    let town = town();
    let folder = add(&town, "ada");
    let branch = || git_in(&town, &folder, &["symbolic-ref", "--short", "HEAD"]);
    assert_eq!(branch(), "gtd/crew/ada");
    commit(&town, &folder, "first.txt");
    git_in(&town, &folder, &["switch", "--quiet", "-c", "another"]);
    fs::write(folder.join("half.txt"), "half\n").expect("write a file");
    let pid = town.daemon_pid().expect("a daemon");
    town.gtd_ok(&["down"]);
    town.gtd_ok(&["up"]);
    assert_ne!(town.daemon_pid(), Some(pid));
    // The crew has looked at everybody by the time that a new member is ready.
    add(&town, "bob");
    assert_eq!(branch(), "another");
    assert!(folder.join("half.txt").is_file());
    let listed = town.json(&["crew", "list"]);
    assert_eq!(listed["items"][0]["name"], "ada", "{listed}");
    assert_eq!(listed["items"][0]["state"], "idle", "{listed}");
}

#[test]
fn what_is_claimed_and_done_in_it_lands_and_then_it_may_go() {
    let town = town();
    let folder = add(&town, "ada");
    town.gtd_ok(&["pause", "crew"]);
    let bead = town
        .gtd_ok(&["bead", "create", "By hand", "-q"])
        .trim()
        .to_owned();
    let gtd = |args: &[&str], env: &[(String, String)]| {
        let output = Output::of(
            town.program(binary("gtd"))
                .args(args)
                .envs(env.iter().cloned())
                .current_dir(&folder),
        );
        assert_eq!(output.code, Some(0), "gtd {args:?}: {output}");
        output.stdout
    };
    let env: Vec<(String, String)> = gtd(&["bead", "claim", &bead], &[])
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let listed = town.json(&["crew", "list"]);
    assert_eq!(listed["items"][0]["state"], "working", "{listed}");
    assert_eq!(listed["items"][0]["beads"][0], bead.as_str(), "{listed}");
    let busy = town.gtd(&["crew", "remove", "ada"]);
    assert!(busy.stderr.contains(&bead), "{busy}");
    commit(&town, &folder, "done.txt");
    gtd(&["done", "-s", "it is done"], &env);
    until("the work has landed", || {
        town.file_on("gtd/integration/main", "done.txt")
    });
    town.gtd_ok(&["resume", "crew"]);
    town.gtd_ok(&["crew", "remove", "ada"]);
    assert!(!folder.exists());
    assert_eq!(town.git(&["branch", "--list", "gtd/crew/*"]), "");
}

#[test]
fn work_that_would_be_lost_keeps_it_and_is_saved_before_it_goes() {
    let town = town();
    let folder = add(&town, "ada");
    commit(&town, &folder, "precious.txt");
    fs::write(folder.join("half.txt"), "half\n").expect("write a file");
    let refused = town.gtd(&["crew", "remove", "ada"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    for part in [
        "E0217",
        "not committed",
        "1 commit",
        "precious.txt",
        "--discard ada",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {refused}");
    }
    assert!(folder.join("half.txt").is_file());
    let other = town.gtd(&["crew", "remove", "ada", "--discard", "bob"]);
    assert_eq!(other.code, Some(2), "{other}");
    town.gtd_ok(&["crew", "remove", "ada", "--discard", "ada"]);
    assert!(!folder.exists());
    let saved = town.git(&[
        "for-each-ref",
        "--format=%(refname)",
        "refs/gtd/snap/crew-ada",
    ]);
    let holds = |file: &str| saved.lines().any(|name| town.file_on(name, file).is_some());
    assert!(holds("precious.txt") && holds("half.txt"), "{saved}");
    // Whoever has the name next begins where work lands.
    let folder = add(&town, "ada");
    assert!(!folder.join("precious.txt").exists());
}

const SESSION: &str = "00000000-0000-4000-8000-00000000000d";

/// A town with the member ada, whose claude does in each turn what it is told: it goes on for as
/// long as the file `wait` is there, and hands in what is its own.
fn town_of_ada() -> (Town, PathBuf) {
    let town = Town::new();
    for (file, text) in [
        ("begins", claude_begins(SESSION)),
        ("done", claude_says(SESSION, "I have looked around.", 0.25)),
        ("turns", String::new()),
    ] {
        fs::write(town.path(file), text).expect("write a file");
    }
    let text = format!(
        r#"#!/bin/sh
here={here}
n=$(($(wc -l < "$here/turns") + 1))
cat > "$here/hears-$n"
echo "$PWD $*" >> "$here/turns"
mv "$here/hears-$n" "$here/told-$n"
cat "$here/begins"
while [ -e "$here/wait" ]; do sleep 0.05; done
if [ -n "$GTD_BEAD" ]; then
  echo done > own.txt
  git add -A && git commit -qm "Do it" && gtd done -s "it is done" > "$here/handed" 2>&1
fi
exec cat "$here/done"
"#,
        here = town.path("").display(),
    );
    town.be_claude(&text);
    town.init(&[("test", "true")]);
    let folder = add(&town, "ada");
    (town, folder)
}

/// Attaches to ada with these words on stdin.
fn say(town: &Town, words: &str) -> Output {
    fs::write(town.path("words"), words).expect("write a file");
    let words = fs::File::open(town.path("words")).expect("open a file");
    Output::of(
        town.program(binary("gtd"))
            .args(["crew", "attach", "ada"])
            .current_dir(town.repo())
            .stdin(words),
    )
}

fn told(town: &Town, turn: usize) -> String {
    fs::read_to_string(town.path(&format!("told-{turn}"))).expect("what the turn was told")
}

fn agent(town: &Town) -> Value {
    town.json(&["crew", "list"])["items"][0]["agent"].clone()
}

/// Lets ada begin a turn that lasts.
fn in_a_turn(town: &Town) {
    town.touch("wait");
    town.gtd_ok(&["tell", "ada", "look around"]);
    until("the turn has begun", || {
        town.path("told-1").exists().then_some(())
    });
}

#[test]
fn what_is_said_is_the_next_turn_of_its_session_and_silence_costs_nothing() {
    let (town, folder) = town_of_ada();
    let nobody = say(&town, "hello\n");
    assert_eq!(nobody.code, Some(7), "{nobody}");
    assert!(nobody.stderr.contains("gtd crew start ada"), "{nobody}");
    let started = town.gtd_ok(&["crew", "start", "ada"]);
    assert!(started.contains("is started with claude"), "{started}");
    // Whoever has nothing to hear takes no turn: the crew has looked once bob is ready.
    add(&town, "bob");
    assert_eq!(
        (town.count("CrewTurnBegan"), town.lines("turns").len()),
        (0, 0)
    );
    let first = say(&town, "look around\n");
    assert_eq!(first.code, Some(0), "{first}");
    assert!(first.stdout.contains("I have looked around."), "{first}");
    let brief = told(&town, 1);
    for part in ["You are ada, a standing member", "says:\n\nlook around"] {
        assert!(brief.contains(part), "{part}\n{brief}");
    }
    town.gtd_ok(&["down"]);
    town.gtd_ok(&["up"]);
    let second = say(&town, "and once more\n");
    assert_eq!(second.code, Some(0), "{second}");
    let turns = town.lines("turns");
    assert_eq!(turns.len(), 2, "{turns:?}");
    let here = folder.to_string_lossy().into_owned();
    assert!(
        turns.iter().all(|turn| turn.starts_with(&here)),
        "{turns:?}"
    );
    assert!(
        turns[1].contains(&format!("--resume {SESSION}")),
        "{turns:?}"
    );
    let words = told(&town, 2);
    assert!(words.contains("and once more"), "{words}");
    assert!(!words.contains("look around"), "{words}");
    let by_role = town.json(&["cost", "--by", "role"]);
    assert_eq!(by_role["groups"][0]["key"], "crew", "{by_role}");
    assert_eq!(by_role["groups"][0]["runs"], 2, "{by_role}");
    let by_agent = town.json(&["cost", "--by", "agent"]);
    assert_eq!(by_agent["groups"][0]["key"], "ada", "{by_agent}");
}

#[test]
fn a_turn_outlives_the_daemon_and_nothing_is_said_twice() {
    let (town, _) = town_of_ada();
    town.gtd_ok(&["crew", "start", "ada"]);
    in_a_turn(&town);
    let pid = town.daemon_pid().expect("a daemon");
    Output::of(town.program("kill").args(["-9", &pid.to_string()]));
    town.gtd_ok(&["up"]);
    assert_eq!(agent(&town)["state"], "in a turn", "{}", agent(&town));
    fs::remove_file(town.path("wait")).expect("let it go on");
    until("the turn has ended", || {
        (agent(&town)["state"] == "quiet").then_some(())
    });
    let known = agent(&town);
    assert_eq!(known["session"], SESSION, "{known}");
    assert_eq!(known["fault"], Value::Null, "{known}");
    let next = say(&town, "and once more\n");
    assert_eq!(next.code, Some(0), "{next}");
    assert_eq!(town.lines("turns").len(), 2);
    assert_eq!(town.count("CrewTurnEnded"), 2);
    assert!(!told(&town, 2).contains("look around"));
}

#[test]
fn a_bead_of_its_own_is_its_next_turn_and_lands_through_the_queue() {
    let (town, _) = town_of_ada();
    town.gtd_ok(&["pause", "worker"]);
    town.gtd_ok(&["crew", "start", "ada"]);
    let bead = town.gtd_ok(&["bead", "create", "Own it", "-q"]);
    let bead = bead.trim();
    town.gtd_ok(&["bead", "claim", bead, "--as", "ada"]);
    until("the work has landed", || {
        town.file_on("gtd/integration/main", "own.txt")
    });
    let words = told(&town, 1);
    assert!(
        words.contains(&format!("{bead} is yours: Own it")),
        "{words}"
    );
    until("the turn has ended", || {
        (agent(&town)["state"] == "quiet").then_some(())
    });
    assert_eq!(town.lines("turns").len(), 1);
}

#[test]
fn who_is_stopped_in_a_turn_keeps_its_session_and_goes_on_when_it_is_started() {
    let (town, _) = town_of_ada();
    town.gtd_ok(&["crew", "start", "ada"]);
    in_a_turn(&town);
    let busy = town.gtd(&["crew", "remove", "ada"]);
    assert_eq!(busy.code, Some(7), "{busy}");
    assert!(busy.stderr.contains("gtd crew stop ada"), "{busy}");
    town.gtd_ok(&["crew", "stop", "ada"]);
    let stopped = agent(&town);
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    assert_eq!(stopped["session"], SESSION, "{stopped}");
    let refused = town.gtd(&["tell", "ada", "hello"]);
    assert_eq!(refused.code, Some(7), "{refused}");
    assert!(refused.stderr.contains("gtd crew start ada"), "{refused}");
    fs::remove_file(town.path("wait")).expect("let it go on");
    let started = town.gtd_ok(&["crew", "start", "ada"]);
    assert!(started.contains("in its session"), "{started}");
    let next = say(&town, "go on\n");
    assert_eq!(next.code, Some(0), "{next}");
    let turns = town.lines("turns");
    assert!(
        turns[1].contains(&format!("--resume {SESSION}")),
        "{turns:?}"
    );
}

/// Looks for a text in all files below a folder.
fn holders_of(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("the type of a file");
        if kind.is_dir() {
            found.extend(holders_of(&path, text));
        } else if kind.is_file()
            && let Ok(bytes) = fs::read(&path)
            && bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_secret_reaches_the_program_and_is_in_no_file_of_the_town() {
    let (town, _) = town_of_ada();
    let secret = "found-nowhere-else-4711";
    let place = town.path("secret");
    fs::write(&place, format!("{secret}\n")).expect("write a file");
    let text = format!(
        "#!/bin/sh\ncat > /dev/null\ncat {0}/begins\necho \"it is $HOUSE\" >&2\n\
         echo \"it is $HOUSE\"\n[ \"$HOUSE\" = \"$(cat {0}/secret)\" ] && [ \"$SAID\" = said-by-a-command ] \
         && exec cat {0}/done\n",
        town.path("").display()
    );
    fs::write(town.path("claude"), text).expect("write a program");
    let config = town.path("home/config/config.toml");
    let mut text = fs::read_to_string(&config).expect("read the configuration");
    text.push_str(&format!(
        "secrets = {{ HOUSE = {{ file = \"{}\" }}, SAID = {{ command = [\"printf\", \
         \"said-by-a-%s\", \"command\"] }} }}\n",
        place.display()
    ));
    fs::write(&config, text).expect("write the configuration");
    town.gtd_ok(&["crew", "start", "ada"]);
    // Whoever else could read it had it already.
    let open = say(&town, "look around\n");
    assert_eq!(open.code, Some(4), "{open}");
    for part in ["secret HOUSE", "can be read by others", "chmod 600"] {
        assert!(open.stderr.contains(part), "{part}: {open}");
    }
    fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).expect("close it");
    until("the turn has ended", || {
        (agent(&town)["state"] == "quiet").then_some(())
    });
    assert_eq!(agent(&town)["fault"], Value::Null, "{}", agent(&town));
    let run = agent(&town)["last"].as_str().expect("a run").to_owned();
    let log = town.gtd_ok(&["logs", &run, "--raw"]);
    assert!(log.contains("it is [redacted HOUSE]"), "{log}");
    for command in [
        &["config", "list"][..],
        &["runtime", "show", "claude"],
        &["export", "json"],
    ] {
        assert!(!town.gtd_ok(command).contains(secret), "{command:?}");
    }
    town.gtd_ok(&["down"]);
    fs::remove_file(&place).expect("take the secret away");
    assert_eq!(holders_of(&town.path(""), secret), Vec::<PathBuf>::new());
}
