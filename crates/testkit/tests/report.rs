//! The report: every number of it follows from the exported log alone.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use gtd_testkit::{
    report_check::{Pair, compare},
    town::{Town, claude_says, until},
};
use serde_json::{Value, json};

/// A town whose claude writes a file and costs money, or does nothing where there is `idle`.
fn town() -> Town {
    let town = Town::new().with_env("GTD_ROLES__WORKER__ATTEMPTS", "2");
    town.be_claude(&format!(
        "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo '9.9.9 (Claude)'; exit; }}\ncat > /dev/null\n\
         echo done > \"$GTD_BEAD.txt\"\ncat <<'EOF'\n{}EOF\n",
        claude_says("s", "I wrote it.", 0.25)
    ));
    town.init(&[("test", "! test -e red.txt")]);
    town
}

fn plan(title: &str) -> String {
    let mut plan = format!("title = {}\n", Value::from(title));
    for (id, more) in [
        (
            "paid",
            "runtime = \"claude\"\ndescription = \"Write a file.\"",
        ),
        ("free", "run = \"echo free > free.txt\""),
        ("none", "run = \"true\"\nneeds = [\"free\"]"),
        ("red", "run = \"echo red > red.txt\""),
        ("fails", "run = \"exit 3\""),
    ] {
        plan.push_str(&format!(
            "\n[[bead]]\nid = \"{id}\"\ntitle = \"Work {id}\"\n{more}\n"
        ));
    }
    plan
}

fn log(town: &Town) -> Vec<Value> {
    let exported = town.gtd_ok(&["export", "json"]);
    let lines = exported.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn assert_same(pairs: &[Pair]) {
    let different: Vec<&Pair> = pairs.iter().filter(|pair| !pair.is_same()).collect();
    assert!(different.is_empty(), "{different:#?}");
    assert!(pairs.len() > 30, "{pairs:#?}");
}

#[test]
fn every_number_of_a_report_follows_from_the_exported_log() {
    let town = town();
    let first = town.goal(&plan("One <script>alert(1)</script> & more"));
    assert_eq!(town.wait(&first).0, Some(4), "two beads are set aside");
    let report = town.json(&["report", "--format", "json"]);
    assert_same(&compare(&log(&town), &report, None));
    assert_eq!(report["landed"].as_array().unwrap().len(), 2, "{report:#}");
    assert_eq!(report["cost"]["usd"], 0.25, "{report:#}");
    assert_eq!(report["cost"]["per_landed"], 0.125, "{report:#}");
    assert_eq!(report["cost"]["overhead_percent"], 0, "{report:#}");
    assert_eq!(report["cost"]["idle_runs"], 0, "{report:#}");
    assert_eq!(report["cost"]["by_role"][0]["key"], "worker", "{report:#}");
    let waits = report["time"]["waits"].as_array().unwrap();
    assert!(
        waits.iter().any(|wait| wait["reason"] == "you"),
        "{report:#}"
    );
    // And so it is for one goal among others.
    let second = town.goal(&plan("Another"));
    town.wait(&second);
    let report = town.json(&["report", &second, "--format", "json"]);
    assert_same(&compare(&log(&town), &report, Some(&second)));
    assert_eq!(report["convoys"].as_array().unwrap().len(), 1, "{report:#}");
    let text = town.gtd_ok(&["report"]);
    for line in [
        "TIME",
        "waited for: you",
        "COST",
        "worker 100 % · overhead 0 % · idle 0 runs",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    // A page that needs nothing else, and in which every text is only that.
    let page = town.gtd_ok(&["report", "--format", "html"]);
    assert!(
        page.contains("One &lt;script&gt;alert(1)&lt;/script&gt; &amp; more"),
        "{page}"
    );
    assert!(page.contains("<svg"), "{page}");
    let elsewhere = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    let foreign = [
        "<script", "src=", "href=", "url(", "@import", "<link", "http:", "https:",
    ];
    for foreign in foreign {
        assert!(!elsewhere.contains(foreign), "{foreign} in {page}");
    }
}

#[test]
fn a_number_that_does_not_follow_from_the_log_is_found() {
    let town = town();
    town.wait(&town.goal(&plan("One")));
    let mut report = until("the report is quiet", || {
        let report = town.json(&["report", "--format", "json"]);
        let pairs = compare(&log(&town), &report, None);
        pairs.iter().all(Pair::is_same).then_some(report)
    });
    let log = log(&town);
    let mut differ = |pointer: &str, value: Value| {
        let place = report.pointer_mut(pointer).unwrap();
        let was = std::mem::replace(place, value);
        let pairs = compare(&log, &report, None);
        let n = pairs.iter().filter(|pair| !pair.is_same()).count();
        assert!(n > 0, "{pointer}");
        *report.pointer_mut(pointer).unwrap() = was;
    };
    differ("/proof/claimed", json!(99));
    differ("/landed/0/attempts", json!(9));
    differ("/not_done/0/bead", json!("repo-zzz"));
    differ("/needs_you", json!([]));
    differ("/cost/by_role/0/usd", json!(0.26));
    differ("/cost/by_day/0/tokens/output", json!(1));
    differ("/cost/overhead_percent", json!(1));
    differ("/time/agent_ms", json!(1));
    differ("/time/waits/0/ms", json!(1));
    differ("/convoys/0/done", json!(5));
}
