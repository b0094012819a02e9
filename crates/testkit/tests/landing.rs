//! What happens to proven work beyond its branch: signatures, pushes and pull requests.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{path::Path, process::Command};

use gtd_testkit::town::{Town, until};
use serde_json::Value;

const ONE: &str =
    "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"First\"\nrun = \"echo a > a\"\n";

fn keygen(args: &[&str]) -> bool {
    let output = Command::new("ssh-keygen").args(args).output();
    output.is_ok_and(|output| output.status.success())
}

/// A town whose refinery signs with a key of its own; none where there is no ssh-keygen.
fn signing_town(passphrase: &str) -> Option<Town> {
    let town = Town::new();
    let key = town.path("key").display().to_string();
    let made = keygen(&[
        "-q", "-t", "ed25519", "-N", passphrase, "-C", "refinery", "-f", &key,
    ]);
    if !made {
        return None;
    }
    let town = town
        .with_env("GTD_MERGE__SIGN", "ssh")
        .with_env("GTD_MERGE__SIGN_KEY", &key);
    town.init(&[("test", "true")]);
    Some(town)
}

fn verified(town: &Town) -> (Option<i32>, Value) {
    let output = town.gtd(&["merge", "verify", "main~1..main", "--json"]);
    (output.code, serde_json::from_str(&output.stdout).unwrap())
}

fn first_bead(town: &Town, goal: &str) -> String {
    let document = town.json(&["convoy", "show", goal]);
    document["beads"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_lands_is_signed_by_the_refinery_and_git_alone_tells_by_whom() {
    let Some(town) = signing_town("") else { return };
    let goal = town.goal(ONE);
    assert_eq!(town.wait(&goal).0, Some(0));
    let (code, document) = verified(&town);
    assert_eq!(code, Some(0), "{document}");
    let item = &document["items"][0];
    assert_eq!(item["evidence"]["sign"], "ssh", "{document}");
    assert_eq!(item["signature"]["state"], "unknown_key", "{document}");
    let key = item["signature"]["key"].as_str().unwrap();
    assert!(key.starts_with("SHA256:"), "{document}");
    // The commit that the gates ran on is the one that landed.
    let tip = town.git(&["rev-parse", "main"]);
    let ran_on: Vec<Value> = town
        .log()
        .iter()
        .filter_map(|record| {
            record
                .pointer("/event/CandidateJudged/gates/0/commit")
                .cloned()
        })
        .collect();
    assert_eq!(ran_on, [Value::from(tip)]);
    // Whoever is named is told by name.
    let public = std::fs::read_to_string(town.path("key.pub")).unwrap();
    let signers = town.path("signers");
    std::fs::write(&signers, format!("refinery@example.invalid {public}")).unwrap();
    let signers = signers.display().to_string();
    town.git(&["config", "gpg.ssh.allowedSignersFile", &signers]);
    let shown = town.gtd_ok(&["merge", "verify", "main~1..main"]);
    assert!(
        shown.contains("signed by refinery@example.invalid"),
        "{shown}"
    );
    let doctor = town.gtd(&["doctor", "--only", "signing", "-v"]);
    assert!(
        doctor.stdout.contains("the refinery signs with"),
        "{doctor}"
    );
}

#[test]
fn a_key_that_asks_for_a_passphrase_signs_nothing_and_nothing_hangs() {
    let Some(town) = signing_town("a secret") else {
        return;
    };
    let before = town.git(&["rev-parse", "main"]);
    let goal = town.goal(ONE);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let bead = first_bead(&town, &goal);
    let why = town.json(&["why", &bead]);
    let cause = &why["chain"][0];
    assert_eq!(cause["code"], "signature", "{why}");
    let text = cause["text"].as_str().unwrap();
    assert!(text.contains("does not sign without a question"), "{why}");
    assert_eq!(why["next"][0]["cmd"], "gtd doctor --only signing", "{why}");
    assert!(
        town.json(&["inbox"])
            .to_string()
            .contains("does not sign without a question")
    );
    assert_eq!(town.count("CandidateFormed"), 0);
    assert_eq!(town.git(&["rev-parse", "main"]), before);
    let doctor = town.gtd(&["doctor", "--only", "signing", "-v"]);
    assert!(doctor.stdout.contains("asks for a passphrase"), "{doctor}");
    // It goes on by itself once the key asks nothing.
    let key = town.path("key");
    assert!(takes_the_passphrase_off(&key));
    until("it lands", || {
        (town.count("CandidateLanded") == 1).then_some(())
    });
    assert_eq!(verified(&town).0, Some(0));
}

fn takes_the_passphrase_off(key: &Path) -> bool {
    let key = key.display().to_string();
    keygen(&["-q", "-p", "-P", "a secret", "-N", "", "-f", &key])
}

/// Gives the repository a bare remote `origin` that has `main`, and returns its folder.
fn with_remote(town: &Town) -> std::path::PathBuf {
    let remote = town.path("remote.git");
    let path = remote.display().to_string();
    town.git(&["init", "--quiet", "--bare", "--initial-branch=main", &path]);
    town.git(&["remote", "add", "origin", &path]);
    town.git(&["push", "--quiet", "origin", "main"]);
    remote
}

fn at(town: &Town, remote: &Path, name: &str) -> String {
    let path = remote.display().to_string();
    town.git(&["-C", &path, "rev-parse", name])
}

fn refuses(remote: &Path, words: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let hook = remote.join("hooks/pre-receive");
    std::fs::write(&hook, format!("#!/bin/sh\necho '{words}' >&2\nexit 1\n")).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_landed_is_pushed_and_nothing_else_is() {
    let town = Town::new().with_env("GTD_MERGE__PUSH", "on-green");
    let remote = with_remote(&town);
    town.git(&["branch", "mine"]);
    town.init(&[("test", "test ! -e bad")]);
    let before = at(&town, &remote, "main");
    let red = town.goal(&ONE.replace("echo a > a", "echo x > bad"));
    assert_ne!(town.wait(&red).0, Some(0));
    assert_eq!(at(&town, &remote, "main"), before);
    let goal = town.goal(ONE);
    assert_eq!(town.wait(&goal).0, Some(0));
    let tip = town.git(&["rev-parse", "main"]);
    until("it is pushed", || {
        (at(&town, &remote, "main") == tip).then_some(())
    });
    let path = remote.display().to_string();
    let refs = town.git(&["-C", &path, "for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/heads/main");
    assert!(
        town.json(&["inbox"])["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["kind"] != "alert")
    );
}

#[test]
fn what_a_remote_does_not_take_is_told_with_the_reason_and_pushed_when_it_does() {
    let town = Town::new().with_env("GTD_MERGE__PUSH", "on-green");
    let remote = with_remote(&town);
    refuses(&remote, "main is closed tonight");
    town.init(&[("test", "true")]);
    let goal = town.goal(ONE);
    assert_eq!(town.wait(&goal).0, Some(0));
    let item = until("it is told", || {
        let inbox = town.json(&["inbox", "--kind", "alert"]);
        inbox["items"].as_array()?.first().cloned()
    });
    assert_eq!(item["title"], "main is not pushed", "{item}");
    let text = item["text"].as_str().unwrap();
    assert!(text.contains("main is closed tonight"), "{item}");
    // Work goes on meanwhile, and a daemon that was killed pushes both.
    let other = town.goal(&ONE.replace("echo a > a", "echo b > b"));
    assert_eq!(town.wait(&other).0, Some(0));
    let pid = town.daemon_pid().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    std::fs::remove_file(remote.join("hooks/pre-receive")).unwrap();
    town.gtd_ok(&["up"]);
    let tip = town.git(&["rev-parse", "main"]);
    until("it is pushed", || {
        (at(&town, &remote, "main") == tip).then_some(())
    });
    until("nothing is told any more", || {
        let inbox = town.json(&["inbox", "--kind", "alert"]);
        inbox["items"].as_array()?.is_empty().then_some(())
    });
}

#[test]
fn what_a_remote_has_beyond_it_is_never_overwritten() {
    let town = Town::new().with_env("GTD_MERGE__PUSH", "on-green");
    let remote = with_remote(&town);
    // Somebody else pushed to the remote alone.
    let path = remote.display().to_string();
    let tree = town.git(&["rev-parse", "main^{tree}"]);
    let theirs = town.git(&["commit-tree", &tree, "-p", "main", "-m", "theirs"]);
    town.git(&[
        "push",
        "--quiet",
        &path,
        &format!("{theirs}:refs/heads/main"),
    ]);
    town.init(&[("test", "true")]);
    let goal = town.goal(ONE);
    assert_eq!(town.wait(&goal).0, Some(0));
    let item = until("it is told", || {
        let inbox = town.json(&["inbox", "--kind", "alert"]);
        inbox["items"].as_array()?.first().cloned()
    });
    assert!(
        item["text"].as_str().unwrap().contains("rejected"),
        "{item}"
    );
    assert_eq!(at(&town, &remote, "main"), theirs);
}

/// What speaks as `gh` does of the one pull request that there is: its state, the branch, the checks
/// and the commit of the merge are files in the folder `hub`.
const GH: &str = r#"#!/bin/sh
hub=HUB
echo "$1 $2 prompt=${GH_PROMPT_DISABLED:-}" >> "$hub/calls"
if [ -e "$hub/logged-out" ]; then
    echo 'To get started with GitHub CLI, please run:  gh auth login' >&2
    exit 4
fi
case "$1 $2" in
"auth status") ;;
"pr view")
    if [ ! -e "$hub/state" ] || [ "$(cat "$hub/head")" != "$3" ]; then
        echo "no pull requests found for branch \"$3\"" >&2
        exit 1
    fi
    state=$(cat "$hub/state")
    if [ "$5" = state ]; then
        echo "{\"state\":\"$state\"}"
        exit
    fi
    merge=null
    if [ -e "$hub/merge" ]; then merge="{\"oid\":\"$(cat "$hub/merge")\"}"; fi
    checks=$(cat "$hub/checks" 2>/dev/null || echo '[]')
    echo "{\"mergeCommit\":$merge,\"number\":7,\"state\":\"$state\",\"statusCheckRollup\":$checks,\"url\":\"https://hub.invalid/pull/7\"}"
    ;;
"pr create")
    shift 2
    while [ $# -gt 0 ]; do
        case "$1" in
        --head) head=$2 ;;
        --base) base=$2 ;;
        --title) title=$2 ;;
        --body-file) body=$2 ;;
        *) echo "unknown flag: $1" >&2; exit 1 ;;
        esac
        shift 2
    done
    url=$(git remote get-url origin)
    if ! git -C "$url" rev-parse --verify --quiet "refs/heads/$head" >/dev/null; then
        echo "pull request create failed: GraphQL: Head sha can't be blank" >&2
        exit 1
    fi
    echo "$head" > "$hub/head"
    echo "$base: $title" > "$hub/title"
    cat "$body" > "$hub/body"
    echo OPEN > "$hub/state"
    echo https://hub.invalid/pull/7
    ;;
*) echo "unknown command $1 $2" >&2; exit 1 ;;
esac
"#;

/// A town with a remote and a `gh`, in which a goal of one bead is set as a pull request.
fn proposing(town: Town) -> (Town, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let (bin, hub) = (town.path("bin"), town.path("hub"));
    std::fs::create_dir(&bin).unwrap();
    std::fs::create_dir(&hub).unwrap();
    let gh = bin.join("gh");
    std::fs::write(&gh, GH.replace("HUB", &hub.display().to_string())).unwrap();
    std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let town = town.with_env("PATH", &format!("{}:{path}", bin.display()));
    let remote = with_remote(&town);
    town.init(&[("test", "true")]);
    (town, remote)
}

fn propose(town: &Town) -> String {
    let path = town.plan(ONE);
    let goal = town.json(&["goal", "--plan", &path, "--land", "pull-request"]);
    goal["id"].as_str().unwrap().to_owned()
}

fn hub(town: &Town, name: &str) -> String {
    let text = std::fs::read_to_string(town.path("hub").join(name)).unwrap_or_default();
    text.trim().to_owned()
}

fn say(town: &Town, name: &str, text: &str) {
    std::fs::write(town.path("hub").join(name), format!("{text}\n")).unwrap();
}

fn reason(town: &Town, goal: &str, code: &str) -> String {
    until(&format!("the goal waits for {code}"), || {
        let why = town.json(&["why", goal]);
        let cause = why["chain"][0].clone();
        (cause["code"] == code).then(|| cause["text"].as_str().unwrap_or_default().to_owned())
    })
}

#[test]
fn a_goal_lands_as_a_pull_request_when_that_is_merged() {
    let (town, remote) = proposing(Town::new());
    let before = town.git(&["rev-parse", "main"]);
    let goal = propose(&town);
    until("it is proposed", || {
        (hub(&town, "state") == "OPEN").then_some(())
    });
    let branch = hub(&town, "head");
    assert!(branch.starts_with("gtd/pull/one-"), "{branch}");
    assert_eq!(hub(&town, "title"), "main: one");
    assert!(
        hub(&town, "body").contains("- First ("),
        "{}",
        hub(&town, "body")
    );
    let tip = town.git(&["rev-parse", &branch]);
    assert_eq!(at(&town, &remote, &branch), tip);
    // Neither the branch here nor the one there has moved, and the goal has not ended.
    assert_eq!(town.git(&["rev-parse", "main"]), before);
    assert_eq!(at(&town, &remote, "main"), before);
    let range = format!("main..{branch}");
    assert_eq!(town.gtd(&["merge", "verify", &range]).code, Some(0));
    let text = reason(&town, &goal, "pull_request");
    assert!(text.contains("https://hub.invalid/pull/7 is open") || text.contains("being opened"));
    assert_eq!(town.count("GoalClosed"), 0);
    say(&town, "merge", &tip);
    say(&town, "state", "MERGED");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    assert_eq!(document["landing"], "done", "{document}");
    assert_eq!(document["landing_text"], tip.as_str(), "{document}");
    let calls = town.lines("hub/calls");
    assert!(
        calls.iter().all(|call| call.ends_with("prompt=1")),
        "{calls:?}"
    );
}

#[test]
fn a_pull_request_that_is_closed_comes_back_and_can_be_proposed_again() {
    let (town, _) = proposing(Town::new().with_env("GTD_MERGE__PUSH", "pull-request"));
    let goal = town.goal(ONE);
    until("it is proposed", || {
        (hub(&town, "state") == "OPEN").then_some(())
    });
    say(&town, "state", "CLOSED");
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let text = reason(&town, &goal, "remote_failed");
    assert_eq!(
        text,
        "https://hub.invalid/pull/7 was closed without a merge"
    );
    assert!(
        town.json(&["inbox"])
            .to_string()
            .contains("was closed without a merge")
    );
    town.gtd_ok(&["convoy", "land", &goal, "--no-wait"]);
    until("it is proposed again", || {
        (hub(&town, "state") == "OPEN").then_some(())
    });
    say(
        &town,
        "merge",
        &town.git(&["rev-parse", &hub(&town, "head")]),
    );
    say(&town, "state", "MERGED");
    assert_eq!(town.wait(&goal).0, Some(0));
}

#[test]
fn what_gh_cannot_do_is_told_and_goes_on_by_itself_also_after_a_crash() {
    let (town, _) = proposing(Town::new().with_env("GTD_MERGE__PUSH", "pull-request"));
    say(&town, "logged-out", "");
    let goal = town.goal(ONE);
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(4), "{document}");
    let text = reason(&town, &goal, "remote_failed");
    assert_eq!(
        text,
        "its pull request: gh is not logged in: `gh auth login`"
    );
    let doctor = town.gtd(&["doctor", "--only", "config"]);
    assert!(doctor.stdout.contains("gh is not logged in"), "{doctor}");
    std::fs::remove_file(town.path("hub/logged-out")).unwrap();
    until("it is proposed", || {
        (hub(&town, "state") == "OPEN").then_some(())
    });
    let pid = town.daemon_pid().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    say(
        &town,
        "checks",
        r#"[{"__typename":"CheckRun","conclusion":"FAILURE","name":"lint"}]"#,
    );
    town.gtd_ok(&["up"]);
    let text = until("the red check is told", || {
        let text = reason(&town, &goal, "remote_failed");
        text.contains("is open, and red").then_some(text)
    });
    assert!(text.ends_with("red: lint"), "{text}");
    say(
        &town,
        "merge",
        &town.git(&["rev-parse", &hub(&town, "head")]),
    );
    say(&town, "state", "MERGED");
    until("it has landed", || {
        (town.count("GoalClosed") == 1).then_some(())
    });
    assert_eq!(town.wait(&goal).0, Some(0));
    let created = town.lines("hub/calls");
    let created = created.iter().filter(|call| call.starts_with("pr create"));
    assert_eq!(created.count(), 1);
}

#[test]
fn what_is_given_up_is_proposed_to_nobody() {
    let (town, _) = proposing(Town::new().with_env("GTD_MERGE__PUSH", "pull-request"));
    say(&town, "logged-out", "");
    let given_up = town.goal(ONE);
    reason(&town, &given_up, "remote_failed");
    town.gtd_ok(&["convoy", "cancel", &given_up, "-m", "not now", "--yes"]);
    std::fs::remove_file(town.path("hub/logged-out")).unwrap();
    // Who comes later is proposed, and nobody besides.
    let path = town.plan(&ONE.replace("\"one\"", "\"Two\""));
    let later = town.json(&["goal", "--plan", &path, "--land", "pull-request"]);
    until("a goal is proposed", || {
        (hub(&town, "state") == "OPEN").then_some(())
    });
    assert_eq!(hub(&town, "title"), "main: Two", "{later}");
    let created = town.lines("hub/calls");
    let created = created.iter().filter(|call| call.starts_with("pr create"));
    assert_eq!(created.count(), 1);
}

#[test]
fn what_has_not_landed_in_whole_is_not_proposed() {
    let (town, _) = proposing(Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1"));
    let two = format!("{ONE}\n[[bead]]\nid = \"b\"\ntitle = \"Never\"\nrun = \"exit 3\"\n");
    let path = town.plan(&two);
    let goal = town.json(&["goal", "--plan", &path, "--land", "pull-request"]);
    let goal = goal["id"].as_str().unwrap();
    assert_eq!(town.wait(goal).0, Some(4));
    let said = town.gtd(&["convoy", "land", goal, "--no-wait"]);
    assert_eq!(said.code, Some(7), "{said}");
    assert!(said.stderr.contains("E0211"), "{said}");
    assert_eq!(hub(&town, "state"), "");
}

#[test]
fn a_goal_by_the_clock_lands_where_the_rig_says() {
    let (town, _) = proposing(Town::new().with_env("GTD_MERGE__PUSH", "pull-request"));
    let words = ["schedule", "add", "yearly", "--cron", "@yearly"];
    let work = ["--goal", "Count", "--run", "echo 1 > count"];
    town.gtd_ok(&[&words[..], &work[..]].concat());
    let before = town.git(&["rev-parse", "main"]);
    town.gtd_ok(&["schedule", "run", "yearly", "-q"]);
    until("it is proposed", || {
        (hub(&town, "state") == "OPEN").then_some(())
    });
    assert_eq!(hub(&town, "title"), "main: Count");
    assert_eq!(town.git(&["rev-parse", "main"]), before);
}
