//! The promises of the plan file.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::{BeadType, Criterion, Plan, RuntimeName, Timestamp};

const COMPLETE: &str = r#"schema = 1
title = "Add OAuth login"
acceptance = ["the docs say how", { text = "tests are green", check = "make test" }]

[[bead]]
id = "schema"
title = "Schema"
run = '''
echo table > schema.sql
'''

[[bead]]
id = "login"
title = "OAuth login"
description = "With PKCE.\nSessions in Redis."
needs = ["schema", "api-7k2m"]
runtime = "demo"
acceptance = [{ text = "it logs in" }]
scope = ["src/auth/**"]
labels = ["auth", "auth", "web"]
priority = 0
type = "feature"
estimate = "1h 30m"
defer = 2026-01-02T03:04:05Z

[[bead]]
id = "docs"
title = "Docs"
needs = ["login"]
run = "true"
estimate = 20
"#;

fn name(text: &str) -> RuntimeName {
    RuntimeName::parse(text).unwrap()
}

fn parse_with(text: &str, default: Option<&RuntimeName>) -> Result<Plan, PlanError> {
    let usable = [name("shell"), name("demo")];
    parse_plan(
        "plan.toml",
        text,
        &PlanContext {
            usable_runtimes: &usable,
            default_runtime: default,
            exists: &|id| id == "api-7k2m",
        },
    )
}

fn parse(text: &str) -> Result<Plan, PlanError> {
    parse_with(text, None)
}

fn invalid(text: &str) -> String {
    match parse(text) {
        Err(PlanError::Invalid(mistake)) => mistake.render(),
        other => panic!("{text}\n{other:?}"),
    }
}

fn no_runtime(text: &str) -> String {
    match parse(text) {
        Err(PlanError::NoRuntime(mistake)) => mistake.render(),
        other => panic!("{text}\n{other:?}"),
    }
}

fn check_invalid(text: &str, expected: &Expect) {
    expected.assert_eq(&invalid(text));
}

fn bead(lines: &str) -> String {
    format!("[[bead]]\nid = \"a\"\ntitle = \"A\"\nrun = \"true\"\n{lines}\n")
}

#[test]
fn a_complete_plan_is_read_in_full() {
    let plan = parse(COMPLETE).unwrap();
    assert_eq!(plan.title, "Add OAuth login");
    assert_eq!(
        plan.acceptance,
        [
            Criterion {
                text: "the docs say how".to_owned(),
                check: None
            },
            Criterion {
                text: "tests are green".to_owned(),
                check: Some("make test".to_owned())
            },
        ]
    );
    let [schema, login, docs] = &plan.beads[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(schema.local_id, "schema");
    assert_eq!(
        schema.spec.run.as_deref(),
        Some("echo table > schema.sql\n")
    );
    assert_eq!(schema.spec.runtime, Some(name("shell")));
    assert_eq!(schema.spec.priority.number(), 2);
    assert_eq!(login.needs, ["schema", "api-7k2m"]);
    assert_eq!(login.spec.description, "With PKCE.\nSessions in Redis.");
    assert_eq!(login.spec.runtime, Some(name("demo")));
    assert_eq!(login.spec.kind, BeadType::Feature);
    assert_eq!(login.spec.priority.number(), 0);
    assert_eq!(login.spec.scope, ["src/auth/**"]);
    assert_eq!(login.spec.labels.len(), 2);
    assert_eq!(login.spec.estimate_minutes, Some(90));
    assert_eq!(login.spec.defer_until, Some(Timestamp(1_767_323_045_000)));
    assert_eq!(docs.needs, ["login"]);
    assert_eq!(docs.spec.estimate_minutes, Some(20));
}

#[test]
fn an_unknown_key_is_shown_with_the_one_that_was_meant() {
    check_invalid(
        &bead("nedds = []"),
        &expect![[r#"
            plan.toml: unknown key `nedds`
             --> plan.toml:5:1
              |
            5 | nedds = []
              | ^^^^^
              help: did you mean `needs`?   keys of a bead: id, title, description, needs, run, runtime, acceptance, scope, labels, priority, type, estimate, defer"#]],
    );
    check_invalid(
        "run = \"x\"\n",
        &expect![[r#"
            plan.toml: unknown key `run` in a plan
             --> plan.toml:1:1
              |
            1 | run = "x"
              | ^^^
              help: it belongs to a bead: write it below a [[bead]] line"#]],
    );
    assert!(invalid("[[beads]]\nid = \"a\"\n").contains("did you mean `bead`?"));
    assert!(
        invalid(&bead("acceptance = [{ text = \"x\", chek = \"y\" }]"))
            .contains("did you mean `check`?")
    );
}

#[test]
fn a_circle_is_shown_as_its_path() {
    let three = |needs: [&str; 3]| {
        ["a", "b", "c"]
            .iter()
            .zip(needs)
            .map(|(id, needs)| {
                format!(
                    "[[bead]]\nid = \"{id}\"\ntitle = \"T\"\nrun = \"true\"\nneeds = [{needs}]\n"
                )
            })
            .collect::<String>()
    };
    check_invalid(
        &three(["\"b\"", "\"c\"", "\"api-7k2m\", \"a\""]),
        &expect![[r#"
            plan.toml: the needs go in a circle: a needs b needs c needs a
              --> plan.toml:15:22
               |
            15 | needs = ["api-7k2m", "a"]
               |                      ^^^
              help: leave out one of these needs"#]],
    );
    assert!(invalid(&three(["\"b\"", "\"c\"", "\"b\""])).contains("circle: b needs c needs b"));
    assert!(parse(&three(["\"b\", \"c\"", "\"c\"", ""])).is_ok());
}

#[test]
fn a_circle_of_thousands_is_found_without_a_deep_stack() {
    let n = 8_000;
    let text: String = (0..n)
        .map(|i| {
            let next = (i + 1) % n;
            format!("[[bead]]\nid=\"b{i}\"\ntitle=\"T\"\nrun=\"true\"\nneeds=[\"b{next}\"]\n")
        })
        .collect();
    assert!(invalid(&text).contains("the needs go in a circle: b0 needs b1 "));
}

#[test]
fn a_need_that_is_not_there_is_shown_with_the_one_that_was_meant() {
    check_invalid(
        &COMPLETE.replace("needs = [\"login\"]", "needs = [\"schema\", \"lgoin\"]"),
        &expect![[r#"
            plan.toml: `docs` needs `lgoin`, which is not there
              --> plan.toml:29:20
               |
            29 | needs = ["schema", "lgoin"]
               |                    ^^^^^^^
              help: did you mean `login`?   a need is the id of a bead of this plan, or of one that exists"#]],
    );
    assert!(invalid(&bead("needs = [\"api-zzzz\"]")).contains("which is not there"));
    assert!(invalid(&bead("needs = [\"a\"]")).contains("`a` needs itself"));
}

#[test]
fn what_does_not_hold_together_is_refused_with_its_line() {
    let long = "x".repeat(501);
    for (text, line, why) in [
        (String::new(), 1, "the plan has no beads"),
        ("bead = []\n".to_owned(), 1, "the plan has no beads"),
        (
            "[bead]\nid = \"a\"\n".to_owned(),
            1,
            "`bead` wants a list of tables",
        ),
        ("bead = [1]\n".to_owned(), 1, "a bead wants a table"),
        (format!("schema = 2\n{}", bead("")), 1, "schema 2 is newer"),
        (
            format!("schema = 1.0\n{}", bead("")),
            1,
            "`schema` wants a whole number",
        ),
        (
            format!("title = 1\n{}", bead("")),
            1,
            "`title` of a plan wants a text, not a whole number",
        ),
        (
            format!("title = \"\"\n{}", bead("")),
            1,
            "`title` has an empty text",
        ),
        (
            format!("{}{}", bead(""), bead("")),
            7,
            "two beads have the id `a`",
        ),
        (
            "\n[[bead]]\ntitle = \"x\"\n".to_owned(),
            2,
            "this bead has no `id`",
        ),
        (
            "[[bead]]\nid = \"x\"\n".to_owned(),
            1,
            "this bead has no `title`",
        ),
        (
            "[[bead]]\nid = \"a b\"\ntitle = \"x\"\n".to_owned(),
            2,
            "`a b` cannot be an id",
        ),
        (
            "[[bead]]\nid = 1\ntitle = \"x\"\n".to_owned(),
            2,
            "`id` of a bead wants a text",
        ),
        (
            format!("[[bead]]\nid = \"a\"\ntitle = \"{long}\"\n"),
            3,
            "the title has 501 bytes; 500 are the most",
        ),
        (
            "[[bead]]\nid = \"a\"\ntitle = \"a\\nb\"\n".to_owned(),
            3,
            "`title` holds a line break",
        ),
        (
            "[[bead]]\nid = \"a\"\ntitle = \"a\\u001bb\"\n".to_owned(),
            3,
            "the control character U+001B",
        ),
        (
            "[[bead]]\nid = \"a\"\ntitle = \"  \"\n".to_owned(),
            3,
            "`title` has an empty text",
        ),
        (bead("priority = 5"), 5, "there is no priority 5"),
        (bead("priority = -1"), 5, "there is no priority -1"),
        (
            bead("priority = \"high\""),
            5,
            "`priority` of a bead wants a whole number, not a text",
        ),
        (
            bead("priority = 99999999999999999999"),
            5,
            "that number is far too large",
        ),
        (bead("type = \"goal\""), 5, "cannot be of type `goal`"),
        (bead("type = \"tsak\""), 5, "did you mean `task`?"),
        (
            bead("estimate = \"2 weeks\""),
            5,
            "that is no time for `estimate`",
        ),
        (bead("estimate = 0"), 5, "that is no time for `estimate`"),
        (
            bead("estimate = true"),
            5,
            "`estimate` of a bead wants minutes",
        ),
        (
            bead("defer = 2026-01-02"),
            5,
            "`defer` wants a date and time with its offset",
        ),
        (
            bead("defer = 2026-01-02T03:04:05"),
            5,
            "`defer` wants a date and time with its offset",
        ),
        (
            bead("needs = \"b\""),
            5,
            "`needs` of a bead wants a list of texts, not a text",
        ),
        (
            bead("needs = [1]"),
            5,
            "`needs` of a bead wants a list of texts, not a whole number",
        ),
        (bead("labels = [\"\"]"), 5, "`labels` has an empty text"),
        (
            bead("labels = [\"a\\tb\"]"),
            5,
            "`labels` holds the control character U+0009",
        ),
        (
            bead("description = \"a\\u0000b\""),
            5,
            "`description` holds a NUL character",
        ),
        (
            bead("description = \"a\\u202eb\""),
            5,
            "the control character U+202E",
        ),
        (
            bead("acceptance = \"x\""),
            5,
            "`acceptance` of a bead wants a list of texts or of",
        ),
        (
            bead("acceptance = [1]"),
            5,
            "`acceptance` of a bead wants a list of texts or of",
        ),
        (
            bead("acceptance = [\" \"]"),
            5,
            "`acceptance` has an empty text",
        ),
        (
            bead("acceptance = [{ check = \"x\" }]"),
            5,
            "this acceptance criterion has no `text`",
        ),
        (
            bead("acceptance = [{ text = \"x\", check = \"\" }]"),
            5,
            "`check` is empty",
        ),
        (
            bead("runtime = \"claude\""),
            5,
            "`a` has a script, which `claude` does not run",
        ),
        (
            bead("runtime = \"Shell\""),
            5,
            "is not a valid runtime name",
        ),
        (
            "[[bead]]\nid = \"a\"\ntitle = \"A\"\nrun = \" \"\n".to_owned(),
            4,
            "`run` is empty",
        ),
        (
            "[[bead]]\nid = \"a\"\ntitle = \"A\"\nruntime = \"shell\"\n".to_owned(),
            4,
            "`a` is for the shell but has no script",
        ),
        ("[[bead]\n".to_owned(), 1, "not valid TOML"),
        (bead("run = \"again\""), 5, "not valid TOML: duplicate key"),
        (
            format!("#{}", "x".repeat(1 << 20)),
            1,
            "the file is longer than 1 MiB",
        ),
    ] {
        let shown = invalid(&text);
        assert!(shown.contains(why), "{why}\n{shown}");
        assert!(
            shown.contains(&format!("--> plan.toml:{line}:")),
            "{line}\n{shown}"
        );
    }
}

#[test]
fn a_bead_that_nothing_can_do_is_another_kind_of_refusal() {
    let plain = "[[bead]]\nid = \"a\"\ntitle = \"A\"\n";
    expect![[r#"
        plan.toml: `a` has neither a script (`run`) nor a usable runtime
         --> plan.toml:1:1
          |
        1 | [[bead]]
          | ^^^^^^^^
          help: add run = "…" or runtime = "…"   usable runtimes: shell (with `run`), demo"#]]
    .assert_eq(&no_runtime(plain));
    expect![[r#"
        plan.toml: `a` wants the runtime `demu`, which is not usable here
         --> plan.toml:4:11
          |
        4 | runtime = "demu"
          |           ^^^^^^
          help: did you mean `demo`?   usable runtimes: shell (with `run`), demo"#]]
    .assert_eq(&no_runtime(&format!("{plain}runtime = \"demu\"\n")));
    let demo = name("demo");
    let plan = parse_with(plain, Some(&demo)).unwrap();
    assert_eq!(plan.beads[0].spec.runtime, Some(demo));
    assert!(matches!(
        parse_with(plain, Some(&name("shell"))),
        Err(PlanError::NoRuntime(_))
    ));
    assert!(matches!(
        parse_with(plain, Some(&name("claude"))),
        Err(PlanError::NoRuntime(_))
    ));
}

#[test]
fn a_mistake_of_the_plan_comes_before_a_missing_runtime() {
    let text = format!(
        "[[bead]]\nid = \"z\"\ntitle = \"Z\"\n{}",
        bead("runtime = \"claude\"")
    );
    assert!(invalid(&text).contains("`claude` does not run"));
}

#[test]
fn line_ends_of_another_system_are_made_plain() {
    let text = COMPLETE.replace('\n', "\r\n");
    assert_eq!(parse(&text).unwrap(), parse(COMPLETE).unwrap());
}

#[test]
fn the_demo_runtime_may_have_a_script() {
    let plan = parse(&bead("runtime = \"demo\"")).unwrap();
    assert_eq!(plan.beads[0].spec.runtime, Some(name("demo")));
}

fn check_any(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = parse(text) {
        let mistake = error.diagnostic();
        prop_assert!(mistake.line >= 1 && mistake.column >= 1);
        prop_assert!(!mistake.message.is_empty() && !mistake.render().is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check_any(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn no_text_like_toml_panics(text in "([\\[\\]{}=\"'a-z0-9.,\n #\\\\-]|\\[\\[bead\\]\\]\n|id = |title = |needs = ){0,60}") {
        check_any(&text)?;
    }

    #[test]
    fn no_change_of_a_valid_plan_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, prop::collection::vec(any::<u8>(), 0..6)), 1..6)
    ) {
        let mut bytes = COMPLETE.as_bytes().to_vec();
        for (at, len, new) in changes {
            let from = at.index(bytes.len() + 1);
            let to = (from + len).min(bytes.len());
            bytes.splice(from..to, new);
        }
        check_any(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn a_plan_that_is_taken_holds_together(
        needs in prop::collection::vec(prop::collection::vec(0_usize..8, 0..4), 1..8)
    ) {
        let text: String = needs.iter().enumerate().map(|(i, needs)| {
            let needs: Vec<String> = needs.iter().map(|need| format!("\"b{need}\"")).collect();
            format!("[[bead]]\nid = \"b{i}\"\ntitle = \"T\"\nrun = \"true\"\nneeds = [{}]\n", needs.join(", "))
        }).collect();
        check_any(&text)?;
        // Taken exactly when the beads can be put in an order.
        let mut left: Vec<usize> = (0..needs.len()).collect();
        loop {
            let before = left.len();
            let now = left.clone();
            left.retain(|i| needs[*i].iter().any(|need| now.contains(need) || *need >= needs.len()));
            if left.len() == before { break; }
        }
        prop_assert_eq!(parse(&text).is_ok(), left.is_empty());
    }
}
