//! What happens to proven work beyond its branch: signatures and pushes.

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
