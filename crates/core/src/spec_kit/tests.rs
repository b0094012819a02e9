use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Plan, RuntimeName};

const LIST: &str = "\
---
description: \"a task list\"
---

# Tasks: Sign in with OAuth

## Format: `[ID] [P?] [Story] Description`

- **[P]**: may run beside others

<!--
- [ ] T900 [P] only a sample
-->

## Phase 1: Setup

**Purpose**: what everything stands on

- [X] T001 Create the project
- [ ] T002 Write `Cargo.toml` with the dependencies
  - keep it small
  - no build script

## Phase 2: Foundations

- [ ] T003 [P] Schema in migrations/0001.sql
- [ ] T004 [P] Errors in src/error.rs
- [ ] **T005** Wire them in src/lib.rs (depends on T003)

```text
- [ ] T901 shown, not meant
```

## Phase 3: User Story 1 - Log in (Priority: P1)

**Independent Test**: a browser logs in

### Tests

- [ ] T006 [P] [US1] Contract test in tests/contract/test_[name].py
- [ ] T007 [P] [US1] The and/or page, see https://example.invalid/a.html (depends on T002-T004, T001)
- [ ] T008 [US1] Log in
";

fn plan(text: &str) -> Plan {
    let tasks = read_tasks("tasks.md", text).unwrap();
    tasks.plan(
        "specs/001-oauth",
        &["spec.md"],
        &RuntimeName::parse("claude").unwrap(),
    )
}

fn needs(plan: &Plan) -> BTreeMap<&str, Vec<&str>> {
    let beads = plan.beads.iter();
    beads
        .map(|bead| {
            let needs = bead.needs.iter().map(String::as_str).collect();
            (bead.local_id.as_str(), needs)
        })
        .collect()
}

fn mistake(text: &str) -> String {
    read_tasks("tasks.md", text).unwrap_err().render()
}

#[test]
fn phases_are_barriers_and_p_has_no_edge_inside_one() {
    let plan = plan(LIST);
    assert_eq!(plan.title, "Sign in with OAuth");
    assert_eq!(
        needs(&plan),
        BTreeMap::from([
            ("T002", vec![]),
            ("T003", vec!["T002"]),
            ("T004", vec!["T002"]),
            ("T005", vec!["T003", "T004"]),
            ("T006", vec!["T005"]),
            // What is done holds nobody up; a span is all that stands in it.
            ("T007", vec!["T002", "T003", "T004", "T005"]),
            ("T008", vec!["T006", "T007"]),
        ])
    );
}

#[test]
fn a_bead_says_what_the_task_says_and_where_the_whole_stands() {
    let plan = plan(LIST);
    let bead = |id: &str| {
        let mut beads = plan.beads.iter();
        &beads.find(|bead| bead.local_id == id).unwrap().spec
    };
    let second = bead("T002");
    assert_eq!(
        second.title,
        "T002 Write `Cargo.toml` with the dependencies"
    );
    for words in [
        "  - keep it small\n  - no build script",
        "Phase 1: Setup",
        "**Purpose**: what everything stands on",
        "specs/001-oauth",
    ] {
        assert!(second.description.contains(words), "{}", second.description);
    }
    assert_eq!(second.scope, ["Cargo.toml"]);
    assert_eq!(second.metadata[SPEC_TASK], "specs/001-oauth/T002");
    assert_eq!(bead("T003").scope, ["migrations/0001.sql"]);
    assert_eq!(bead("T006").scope, ["tests/contract/test_[name].py"]);
    assert!(bead("T006").labels.contains("US1"));
    assert_eq!(bead("T006").priority.number(), 1);
    assert!(bead("T007").scope.is_empty(), "{:?}", bead("T007").scope);
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_line() {
    for (text, words) in [
        ("# Tasks\n\nnothing\n", "there is no task in it"),
        (
            "- [ ] write it\n- [ ] TXXX write it\n",
            "there is no task in it",
        ),
        ("- [ ] T1 a\n- [ ] TXXX b\n", "this task has no id"),
        (
            "- [ ] T1 a\n```\n- [ ] T2 b\n",
            "what begins here has no end",
        ),
        (
            "- [ ] T1 a\n<!-- a --> <!-- b\n",
            "what begins here has no end",
        ),
        ("- [ ] T1 a\n- [x] T1 b\n", "two tasks have the id `T1`"),
        (
            "- [ ] T1 a (depends on T2)\n- [ ] T2 b\n",
            "does not stand above it",
        ),
        (
            "- [ ] T10 a\n- [ ] T11 b (depends on T1O, T12)\n",
            "`T12`, which is not there",
        ),
    ] {
        let said = mistake(text);
        assert!(said.contains(words) && said.contains("tasks.md:"), "{said}");
    }
}

#[test]
fn a_list_in_which_all_is_done_has_no_plan() {
    let tasks = read_tasks("tasks.md", "- [x] T1 a\n- [X] T2 b (depends on T1)\n").unwrap();
    assert!(tasks.is_done());
    assert_eq!(tasks.n_done, 2);
}

#[test]
fn a_span_is_what_stands_between_and_a_story_all_of_its_tasks_above() {
    let text = "\
- [ ] T9 [P] a
- [ ] T10 [P] [US1] b
- [ ] T11 [P] [US1] c
- [ ] T1 [P] d (depends on T11-T10)
- [ ] T2 [P] e (depends on T9 – T10; as UTF8)
- [ ] T3 [P] f (depends on US1)
- [x] T4 g (depends on T99)
";
    let plan = plan(text);
    let needs = needs(&plan);
    assert_eq!(needs["T1"], ["T10", "T11"]);
    assert_eq!(needs["T2"], ["T10", "T9"]);
    assert_eq!(needs["T3"], ["T10", "T11"]);
}

#[test]
fn all_that_belongs_to_a_task_is_told_and_nothing_that_does_not() {
    let text = "\
- [ ] T1 a
goes on here
  - one

  ```sh
  make all
  ```

  two
Not of it.
  nor this

## Checklist

- [ ] all contracts have tests
- [x] nothing is open
";
    let plan = plan(text);
    assert_eq!(plan.beads.len(), 1);
    let told = &plan.beads[0].spec.description;
    assert!(
        told.starts_with("goes on here\n  - one\n  ```sh\n  make all\n  ```\n  two\n\nThis is"),
        "{told}"
    );
}

#[test]
fn what_has_landed_is_left_out_and_needed_no_more() {
    let mut tasks = read_tasks("tasks.md", "- [ ] T1 a\n- [ ] T2 b\n- [ ] T3 c\n").unwrap();
    tasks.leave_out(|id, title| id == "T1" && title == "T1 a");
    assert_eq!(tasks.n_done, 1);
    let plan = tasks.plan("specs/f", &[], &RuntimeName::parse("claude").unwrap());
    assert_eq!(
        needs(&plan),
        BTreeMap::from([("T2", vec![]), ("T3", vec!["T2"])])
    );
}

#[test]
fn only_a_list_with_ids_is_a_task_list() {
    assert!(holds_tasks(LIST));
    assert!(!holds_tasks(
        "# Spec\n\n- [ ] no details of the code\n- **T001**: words\n"
    ));
}

#[test]
fn only_the_boxes_of_what_landed_are_ticked() {
    let windows = LIST.replace('\n', "\r\n");
    for text in [LIST, &windows] {
        let landed = ["T003", "T005", "T900", "T901", "T001"];
        let (ticked, tasks) = tick_tasks(text, |id, _| landed.contains(&id));
        assert_eq!(tasks, ["T003", "T005"]);
        let expected = text
            .replace("[ ] T003", "[x] T003")
            .replace("[ ] **T005", "[x] **T005");
        assert_eq!(ticked, expected);
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_a_plan_has_no_circle_and_no_loose_end(
        text in "((- \\[[ x]\\] T1?[0-9]( \\[P\\])? a( \\(depends on T1?[0-9](-T1?[0-9])?\\))?|## b|  c|```|<!--|-->|\\PC{0,9})\r?\n){0,20}"
    ) {
        let (ticked, _) = tick_tasks(&text, |_, _| true);
        prop_assert_eq!(ticked.len(), text.len());
        if let Ok(tasks) = read_tasks("tasks.md", &text) {
            let plan = tasks.plan("specs/f", &[], &RuntimeName::parse("claude").unwrap());
            let mut above = Vec::new();
            for bead in &plan.beads {
                prop_assert!(bead.needs.iter().all(|need| above.contains(need)));
                above.push(bead.local_id.clone());
            }
        }
    }
}
