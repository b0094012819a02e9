//! A person is told what needs them: once by each channel, whatever dies in between.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    time::{SystemTime, UNIX_EPOCH},
};

use gtd_testkit::town::{Town, until};
use serde_json::Value;

/// A bead that fails, and is set aside after its one attempt.
const FAILS: &str =
    "title = \"one\"\n\n[[bead]]\nid = \"a\"\ntitle = \"Do it\"\nrun = \"exit 3\"\n";

/// Makes a town whose person has this configuration.
fn town(config: &str) -> Town {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "1");
    fs::create_dir_all(town.path("home/config")).unwrap();
    fs::write(town.path("home/config/config.toml"), config).unwrap();
    town
}

/// A channel that adds each event to the file `told`, as one line.
fn into_a_file(town: &Town) {
    let script = format!("#!/bin/sh\ncat >> {}\n", town.path("told").display());
    fs::write(town.path("tell"), script).unwrap();
    let config = town.path("home/config/config.toml");
    let before = fs::read_to_string(&config).unwrap();
    let tell = town.path("tell").display().to_string();
    let row = format!("[[notify.channel]]\nkind = \"exec\"\ncommand = [\"sh\", {tell:?}]\n");
    fs::write(config, format!("{before}{row}")).unwrap();
}

fn told(town: &Town) -> Vec<Value> {
    let text = fs::read_to_string(town.path("told")).unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines.collect()
}

/// Waits until something of this type is told, and returns it.
fn until_told(town: &Town, what: &str, subject: &str) -> Value {
    until(&format!("a person is told: {what} {subject}"), || {
        let mut all = told(town).into_iter();
        all.find(|notice| notice["type"] == what && notice["subject"] == subject)
    })
}

/// Sets a goal that comes to a bead that is set aside; returns that.
fn set_aside(town: &Town) -> String {
    let (code, document) = town.wait(&town.goal(FAILS));
    assert_eq!(code, Some(4), "{document}");
    document["beads"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn each_decision_is_told_once_also_when_the_daemon_is_killed_in_between() {
    let town = town("");
    into_a_file(&town);
    let daemon = town.start("");
    town.init(&[("test", "true")]);
    let first = set_aside(&town);
    let notice = until_told(&town, "failure", &first);
    assert_eq!(notice["kind"], "Notice", "{notice}");
    assert_eq!(notice["title"], "Do it", "{notice}");
    assert_eq!(notice["events"][0], "needs-you", "{notice}");
    assert_eq!(
        notice["next"],
        format!("gtd bead retry {first}"),
        "{notice}"
    );
    daemon.kill();
    let daemon = town.start("");
    let second = set_aside(&town);
    // The second is told at a look that has seen the first, too.
    until_told(&town, "failure", &second);
    for bead in [&first, &second] {
        let all = told(&town);
        let of_it = all
            .iter()
            .filter(|notice| notice["subject"] == bead.as_str());
        assert_eq!(of_it.count(), 1, "{all:?}");
    }
    let listed = town.json(&["notify", "list"]);
    assert_eq!(listed["items"][0]["name"], "exec sh", "{listed}");
    assert_eq!(listed["items"][0]["state"], "ok", "{listed}");
    drop(daemon);
}

#[test]
fn what_is_done_is_told_and_nothing_that_an_agent_said() {
    let town = town("");
    into_a_file(&town);
    town.init(&[("test", "true")]);
    let goal = town.goal(
        "title = \"All of it\"\n\n[[bead]]\nid = \"a\"\ntitle = \"a\"\nrun = \"echo a > a\"\n",
    );
    let (code, document) = town.wait(&goal);
    assert_eq!(code, Some(0), "{document}");
    let notice = until_told(&town, "done", &goal);
    assert_eq!(notice["text"], "the goal is reached", "{notice}");
    let asks = "title = \"two\"\n\n[[bead]]\nid = \"a\"\ntitle = \"a\"\nruntime = \"demo\"\nrun = \"ask is hunter2 right?\"\n";
    let (code, document) = town.wait(&town.goal(asks));
    assert_eq!(code, Some(4), "{document}");
    let bead = document["beads"][0]["id"].as_str().unwrap();
    let notice = until_told(&town, "question", bead);
    assert_eq!(notice["text"], "its agent asks something", "{notice}");
    assert!(!notice.to_string().contains("hunter2"), "{notice}");
}

#[test]
fn quiet_hours_hold_back_all_but_what_one_is_woken_for() {
    let minutes = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
        / 60;
    // Each of them leaves out one minute of the day: not the present one.
    let quiet = match minutes / 60 % 24 {
        11 => "00:00-23:59",
        _ => "12:00-11:59",
    };
    let town = town(&format!(
        "[policy]\ndefault = \"overnight\"\n[notify]\nquiet = \"{quiet}\"\n"
    ))
    .with_env("TZ", "UTC");
    into_a_file(&town);
    town.init(&[("test", "test ! -e bad")]);
    let aside = set_aside(&town);
    town.push("main", "bad", "bad\n");
    let red =
        town.goal("title = \"two\"\n\n[[bead]]\nid = \"a\"\ntitle = \"a\"\nrun = \"echo a > a\"\n");
    let (code, document) = town.wait(&red);
    assert_eq!(code, Some(4), "{document}");
    let notice = until_told(&town, "gate", "repo");
    assert_eq!(notice["events"][1], "main-red", "{notice}");
    let all = told(&town);
    let is_quiet = |notice: &Value| notice["subject"] != aside.as_str();
    assert!(all.iter().all(is_quiet), "{all:?}");
    let inbox = town.json(&["inbox"]);
    assert!(inbox.to_string().contains(&aside), "{inbox}");
}

/// Takes posts on a port of the system's choice, and answers each with the next of these codes; the
/// last one goes on.
fn listen(codes: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a-topic", listener.local_addr().unwrap());
    let (tx, rx) = channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut request = String::new();
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                request.push_str(&line);
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            request.push_str(&String::from_utf8(body).unwrap());
            let code = codes.get(n).or(codes.last()).unwrap();
            let answer =
                format!("HTTP/1.1 {code} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            if tx.send(request).is_err() {
                return;
            }
        }
    });
    (url, rx)
}

#[test]
fn a_post_says_it_and_a_channel_that_fails_is_told_and_holds_up_nothing() {
    let (url, posts) = listen(&[200, 503]);
    let town = town(&format!(
        "[[notify.channel]]\nkind = \"ntfy\"\nurl = {url:?}\ntoken = {{ env = \"NTFY_TOKEN\" }}\n"
    ))
    .with_env("NTFY_TOKEN", "tk-7f3k");
    town.init(&[("test", "true")]);
    let tried = town.gtd(&["notify", "test"]);
    assert_eq!(tried.code, Some(0), "{tried}");
    let post = posts.recv().unwrap();
    assert!(post.starts_with("POST /a-topic "), "{post}");
    assert!(post.contains("Authorization: Bearer tk-7f3k\r\n"), "{post}");
    assert!(post.contains("Title: gtd: this is a test\r\n"), "{post}");
    assert!(post.contains("you can be reached in this way"), "{post}");
    let bead = set_aside(&town);
    let post = posts.recv().unwrap();
    assert!(post.contains("Title: gtd: Do it\r\n"), "{post}");
    assert!(post.contains(&format!("gtd bead retry {bead}")), "{post}");
    until("the page says that nobody was told", || {
        let status = town.gtd_ok(&["status"]);
        status
            .contains("you were not told by ntfy 127.0.0.1")
            .then_some(())
    });
    let doctor = town.json(&["doctor", "--only", "notify"]);
    assert_eq!(doctor["checks"][0]["status"], "warn", "{doctor}");
    let tried = town.gtd(&["notify", "test", "ntfy"]);
    assert_eq!(tried.code, Some(5), "{tried}");
    assert!(tried.stdout.contains("503"), "{tried}");
    assert_eq!(town.gtd(&["notify", "test", "pigeon"]).code, Some(3));
    // The address and the token stand on no page.
    let listed = town.gtd_ok(&["notify", "list", "--json"]);
    assert!(
        !listed.contains("a-topic") && !listed.contains("tk-7f3k"),
        "{listed}"
    );
    // Work goes on all the while.
    let (code, document) =
        town.wait(&town.goal(
            "title = \"three\"\n\n[[bead]]\nid = \"a\"\ntitle = \"a\"\nrun = \"echo a > a\"\n",
        ));
    assert_eq!(code, Some(0), "{document}");
}
