//! The promises of the configuration as a whole.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::{Diagnostic, GateName, GateWhen, MergeRules, RigName, WorkerRules};

const PROJECT_SAMPLE: &str = include_str!("testdata/gtd.toml");
const USER_SAMPLE: &str = include_str!("testdata/config.toml");

fn project(text: &str) -> Layer {
    layer_from_toml(LayerKind::Project, "gtd.toml", text).unwrap()
}

fn user(text: &str) -> Layer {
    layer_from_toml(LayerKind::User, "config.toml", text).unwrap()
}

fn env(variables: &[(&str, &str)]) -> Result<Layer, Diagnostic> {
    layer_from_env(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn refused(text: &str) -> String {
    layer_from_toml(LayerKind::Project, "gtd.toml", text)
        .unwrap_err()
        .render()
}

fn check_refused(text: &str, expected: &Expect) {
    expected.assert_eq(&refused(text));
}

fn shown(config: &Config, key: &str) -> String {
    config
        .get(key)
        .map_or("unset".to_owned(), |(value, origin)| {
            format!("{value} ({origin})")
        })
}

fn messages(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn the_built_in_layer_is_valid_and_agrees_with_the_rules() {
    let rules = rig_rules(&Config::merge([]), "api").unwrap();
    assert_eq!(rules.worker, WorkerRules::default());
    let protect = rules.merge.protect.clone();
    let usual = MergeRules {
        protect,
        kept_lines: crate::GuardPolicy::List,
        ..MergeRules::default()
    };
    assert_eq!(rules.merge, usual);
    assert_eq!(rules.branch, "main");
    assert!(rules.gates.is_empty());
}

#[test]
fn a_gate_that_gtd_brings_along_blocks_unless_it_is_not_required() {
    let policy = |text: &str| {
        let rules = rig_rules(&Config::merge([project(text)]), "api").unwrap();
        (
            rules.merge.test_guard.word(),
            rules.merge.proof_of_test.word(),
        )
    };
    assert_eq!(policy(""), ("off", "off"));
    let row = |more: &str| format!("[[gate]]\nname = \"a\"\nbuiltin = \"test-guard\"\n{more}");
    assert_eq!(policy(&row("")), ("block", "off"));
    assert_eq!(policy(&row("required = false\n")), ("list", "off"));
    let both = row("[merge]\ntest_guard = \"off\"\nproof_of_test = \"block\"\n");
    assert_eq!(policy(&both), ("block", "block"));
    assert_eq!(policy("[merge]\ntest_guard = \"list\"\n"), ("list", "off"));
}

#[test]
fn the_complete_sample_of_a_project_is_accepted() {
    let layer = project(PROJECT_SAMPLE);
    assert_eq!(messages(layer.warnings()), Vec::<String>::new());
    let config = Config::merge([layer]);
    assert_eq!(shown(&config, "merge.batch"), "4 (gtd.toml:38)");
    assert_eq!(
        shown(&config, "policies.overnight.max_parallel"),
        "6 (gtd.toml:78)"
    );
    assert_eq!(
        shown(&config, "budget.tokens_per_hour"),
        "4000000 (gtd.toml:86)"
    );
    let rules = rig_rules(&config, "somewhere").unwrap();
    assert_eq!(rules.prefix, "api");
    let gates: Vec<_> = rules
        .gates
        .iter()
        .map(|gate| (gate.name.as_str(), gate.when, gate.timeout_ms))
        .collect();
    assert_eq!(
        gates,
        [
            ("fmt", GateWhen::Worker, 120_000),
            ("test", GateWhen::Merge, 1_200_000)
        ]
    );
}

#[test]
fn the_complete_sample_of_a_user_is_accepted() {
    let layer = user(USER_SAMPLE);
    assert_eq!(messages(layer.warnings()), Vec::<String>::new());
    let config = Config::merge([layer]);
    assert_eq!(
        shown(&config, "runtimes.claude.models.strong"),
        "\"opus\" (config.toml:15)"
    );
    assert_eq!(
        shown(&config, "runtimes.house-llm.secrets.OPENAI_API_KEY"),
        "{ command = [\"pass\", \"show\", \"llm/house\"] } (config.toml:26)"
    );
    let names: Vec<_> = configured_runtimes(&config)
        .into_iter()
        .map(|runtime| (runtime.name.to_string(), runtime.usable))
        .collect();
    assert_eq!(
        names,
        [
            ("claude".to_owned(), true),
            ("codex".to_owned(), true),
            ("demo".to_owned(), true),
            ("house-llm".to_owned(), true),
            ("shell".to_owned(), true),
        ]
    );
    let usable: Vec<_> = usable_runtimes(&config)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(usable, ["shell", "claude", "codex", "demo", "house-llm"]);
}

#[test]
fn every_key_of_the_samples_works_or_is_known_to_do_nothing_yet() {
    let config = Config::merge([project(PROJECT_SAMPLE), user(USER_SAMPLE)]);
    let idle: Vec<_> = config.without_effect().map(|(key, _)| key).collect();
    assert!(idle.contains(&"merge.strategy") && idle.contains(&"web.listen"));
    assert!(!idle.contains(&"merge.batch") && !idle.contains(&"gate"));
    assert!(!idle.contains(&"schedule"));
    assert!(!idle.contains(&"roles.worker.max"));
}

#[test]
fn a_typo_is_shown_with_its_line_and_the_key_that_was_meant() {
    let text = PROJECT_SAMPLE.replacen("strategy =", "stratgey =", 1);
    check_refused(
        &text,
        &expect![[r#"
            gtd.toml: unknown key `stratgey`
              --> gtd.toml:37:1
               |
            37 | stratgey = "rebase"              # rebase | squash | merge
               | ^^^^^^^^
              help: did you mean `strategy`?   all keys: gtd config explain merge"#]],
    );
}

#[test]
fn a_key_in_the_wrong_table_is_led_home() {
    check_refused(
        "batch = 3\n",
        &expect![[r#"
            gtd.toml: unknown key `batch`
             --> gtd.toml:1:1
              |
            1 | batch = 3
              | ^^^^^
              help: did you mean `merge.batch`?   all keys: gtd config explain"#]],
    );
    assert!(refused("[gates]\n").contains("did you mean `gate`?"));
    assert!(refused("[[gate]]\nname=\"a\"\nrum=\"b\"\n").contains("did you mean `run`?"));
    assert!(refused("[roles.worker]\nattempt = 3\n").contains("did you mean `attempts`?"));
}

#[test]
fn every_value_is_checked_against_its_key() {
    check_refused(
        "[merge]\norder = \"fivo\"\n",
        &expect![[r#"
            gtd.toml: `merge.order` does not take `fivo`
             --> gtd.toml:2:9
              |
            2 | order = "fivo"
              |         ^^^^^^
              help: did you mean `fifo`?   `merge.order` is one of fifo | priority"#]],
    );
    for (text, why) in [
        (
            "[merge]\nbatch = 0\n",
            "`merge.batch` does not take this value",
        ),
        (
            "[merge]\nbatch = \"2\"\n",
            "wants a whole number from 1 to 1000, not a text",
        ),
        (
            "[merge]\nbatch = 99999999999999999999\n",
            "does not take this value",
        ),
        ("[roles.worker]\nbackoff = 10\n", "wants a duration such as"),
        (
            "[roles.worker]\nsilence = \"0s\"\n",
            "does not take this value",
        ),
        (
            "[roles.worker]\nbackoff = \"10 parsecs\"\n",
            "does not take this value",
        ),
        ("[budget]\nday_usd = -1\n", "does not take this value"),
        ("[budget]\nday_usd = nan\n", "does not take this value"),
        (
            "[budget]\nwarn_at = [50, 120]\n",
            "does not take this value",
        ),
        ("[report]\nat = \"25:00\"\n", "does not take this value"),
        ("[rig]\nbranch = \"-D\"\n", "does not take this value"),
        ("[rig]\nbranch = \"a..b\"\n", "does not take this value"),
        (
            "[rig]\nremote = \"--upload-pack=x\"\n",
            "does not take this value",
        ),
        ("[rig]\nprefix = \"Api\"\n", "does not take this value"),
        ("[rig]\nname = \"My Api\"\n", "does not take this value"),
        ("[rig]\nsetup = \"a\\u0000b\"\n", "control character U+0000"),
        ("merge = 1\n", "`merge` is a table, not a whole number"),
        ("[[merge]]\nbatch = 1\n", "`merge` is a table, not a list"),
        (
            "[gate]\nname = \"a\"\n",
            "wants a list of tables, not a table",
        ),
        ("gate = [1]\n", "a gate wants a table"),
        ("[[gate]]\nrun = \"a\"\n", "this gate has no `name`"),
        ("[[gate]]\nname = \"a\"\n", "gate `a` has no command"),
        (
            "[[gate]]\nname = \"a\"\nrun = \" \"\n",
            "does not take this value",
        ),
        (
            "[[gate]]\nname = \"a\"\nrun = \"a\"\nbuiltin = \"test-guard\"\n",
            "has both `run` and `builtin`",
        ),
        (
            "[[gate]]\nname = \"a\"\nrun = \"a\"\naffected = \"b\"\n",
            "gate `a` does not run where its `affected` would",
        ),
        (
            "[[gate]]\nname = \"a\"\nrun = \"a\"\nenv = { \"A=B\" = \"\" }\n",
            "cannot be the name of an environment variable",
        ),
        (
            "[[gate]]\nname = \"a\"\nrun = \"a\"\n[[gate]]\nname = \"a\"\nrun = \"b\"\n",
            "two gates have the name `a`",
        ),
        (
            "[[schedule]]\ncron = \"@daily\"\n",
            "this schedule has no `name`",
        ),
        (
            "[[schedule]]\nname = \"a\"\ngoal = \"x\"\n",
            "schedule `a` has no `cron`",
        ),
        (
            "[[schedule]]\nname = \"a\"\ncron = \"0 25 * * *\"\ngoal = \"x\"\n",
            "`0 25 * * *` is no cron expression",
        ),
        (
            "[[schedule]]\nname = \"a\"\ncron = \"@daily\"\n",
            "schedule `a` has no `goal`",
        ),
        (
            "[[schedule]]\nname = \"a\"\ncron = \"@daily\"\ngoal = \"x\"\n[[schedule]]\nname = \"a\"\ncron = \"@daily\"\ngoal = \"y\"\n",
            "two schedules have the name `a`",
        ),
        (
            "[roles.\"a.b\"]\nmax = 1\n",
            "`a.b` cannot be a name in `roles`",
        ),
        (
            "[runtimes.x]\nsecrets = { KEY = \"sk-1\" }\n",
            "a secret is never written here",
        ),
        (
            "[runtimes.x]\nsecrets = { KEY = { env = \"A\", file = \"b\" } }\n",
            "does not take this value",
        ),
        (
            "schema = 2\n",
            "schema 2 is newer than this gtd, which reads schema 1",
        ),
        ("schema = \"1\"\n", "`schema` wants a whole number"),
        ("schema = 0\n", "there is no such schema"),
        ("[merge\n", "not valid TOML"),
        (
            "[merge]\nbatch = 1\nbatch = 2\n",
            "not valid TOML: duplicate key",
        ),
    ] {
        let shown = refused(text);
        assert!(shown.contains(why), "{text}\n{shown}");
        assert!(shown.contains("--> gtd.toml:"), "{shown}");
    }
}

#[test]
fn a_file_that_is_far_too_long_is_refused() {
    assert!(refused(&"#".repeat((128 << 10) + 1)).contains("longer than 128 KiB"));
}

#[test]
fn a_long_file_on_one_line_does_not_fill_the_memory() {
    let variables: String = (0..10_000).map(|n| format!("A{n}=\"\",")).collect();
    let layer = user(&format!("runtimes.x.env={{{variables}}}"));
    let held: usize = layer
        .settings
        .values()
        .map(|one| one.place.excerpt.len())
        .sum();
    assert_eq!(layer.settings.len(), 10_000);
    assert!(held < 4_000_000, "{held}");
}

#[test]
fn higher_layers_win_lists_replace_and_tables_merge() {
    let config = Config::merge([
        env(&[
            ("GTD_MERGE__BATCH", "2"),
            ("GTD_ROLES__WORKER__ATTEMPTS", "1"),
        ])
        .unwrap(),
        layer_from_toml(LayerKind::Local, "gtd.local.toml", "[merge]\nbatch = 5\n").unwrap(),
        project(
            "[merge]\nbatch = 3\nsign = \"ssh\"\nprotect = [\"c\"]\n[roles.worker]\nlimit = \"1h 30m\"\n",
        ),
        user(
            "[merge]\nbatch = 4\norder = \"priority\"\nprotect = [\"a\", \"b\"]\n[roles.worker]\nbackoff = \"500ms\"\n",
        ),
    ]);
    assert_eq!(shown(&config, "merge.batch"), "2 (GTD_MERGE__BATCH)");
    assert_eq!(shown(&config, "merge.sign"), "\"ssh\" (gtd.toml:3)");
    assert_eq!(
        shown(&config, "merge.order"),
        "\"priority\" (config.toml:3)"
    );
    assert_eq!(shown(&config, "merge.protect"), "[\"c\"] (gtd.toml:4)");
    assert_eq!(shown(&config, "merge.push"), "\"never\" (default)");
    assert_eq!(shown(&config, "merge.nothing"), "unset");
    let rules = rig_rules(&config, "x").unwrap();
    assert_eq!(rules.merge.batch, 2);
    assert_eq!(
        rules.worker,
        WorkerRules {
            attempts: 1,
            backoff_ms: 500,
            limit_ms: 5_400_000,
            ..WorkerRules::default()
        }
    );
    let flags =
        layer_from_flags(["merge.batch=7", "merge.batch = 6", "merge.protect=x, y"]).unwrap();
    let config = Config::merge([flags, env(&[("GTD_MERGE__BATCH", "2")]).unwrap()]);
    assert_eq!(shown(&config, "merge.batch"), "6 (--set)");
    assert_eq!(shown(&config, "merge.protect"), "[\"x\", \"y\"] (--set)");
}

#[test]
fn a_repository_cannot_set_what_is_the_users_alone() {
    let layer = project(
        "[runtimes.claude]\ncommand = [\"/bin/evil\"]\nbilling = \"api\"\n[ui]\npager = [\"evil\"]\n[roles.worker.access]\nsandbox = \"none\"\nnetwork = \"registries\"\n[merge]\nbatch = 2\n",
    );
    assert_eq!(
        messages(layer.warnings()),
        [
            "gtd.toml: ignored: `runtimes.claude.command` is for the user alone to set",
            "gtd.toml: ignored: `ui.pager` is for the user alone to set",
            "gtd.toml: ignored: `roles.worker.access.sandbox` = \"none\" is for the user alone to say",
        ]
    );
    assert_eq!(layer.warnings()[0].line, 2);
    let config = Config::merge([layer]);
    assert_eq!(config.warnings().len(), 3);
    assert_eq!(shown(&config, "runtimes.claude.command"), "unset");
    assert_eq!(shown(&config, "runtimes.claude.billing"), "unset");
    assert_eq!(shown(&config, "ui.pager"), "unset");
    assert_eq!(shown(&config, "roles.worker.access.sandbox"), "unset");
    assert_eq!(
        shown(&config, "roles.worker.access.network"),
        "\"registries\" (gtd.toml:8)"
    );
    assert_eq!(shown(&config, "merge.batch"), "2 (gtd.toml:10)");
}

#[test]
fn what_belongs_to_one_project_is_refused_in_the_users_file() {
    let shown = layer_from_toml(
        LayerKind::User,
        "config.toml",
        "[[gate]]\nname = \"a\"\nrun = \"true\"\n",
    )
    .unwrap_err()
    .render();
    expect![[r#"
        config.toml: `gate` belongs to one project
         --> config.toml:1:3
          |
        1 | [[gate]]
          |   ^^^^
          help: write it into gtd.toml of the repository"#]]
    .assert_eq(&shown);
}

#[test]
fn a_project_may_only_be_narrower_than_the_user() {
    let mine = "[budget]\nday_usd = 80\n[roles.worker]\nmax = 2\n[policies.overnight]\nwake_me_for = [\"budget\", \"disk\"]\n";
    let config = Config::merge([
        user(mine),
        project(
            "[budget]\nday_usd = 60\nbead_usd = 1000\n[roles.worker]\nmax = 9\n[policies.overnight]\nwake_me_for = [\"disk\", \"done\"]\n",
        ),
        layer_from_toml(
            LayerKind::Local,
            "gtd.local.toml",
            "[budget]\nday_usd = 80.5\n",
        )
        .unwrap(),
    ]);
    assert_eq!(shown(&config, "budget.day_usd"), "80 (config.toml:2)");
    assert_eq!(shown(&config, "budget.bead_usd"), "1000 (gtd.toml:3)");
    assert_eq!(shown(&config, "roles.worker.max"), "2 (config.toml:4)");
    assert_eq!(
        shown(&config, "policies.overnight.wake_me_for"),
        "[\"disk\"] (gtd.toml:7)"
    );
    assert_eq!(
        messages(config.warnings()),
        [
            "gtd.toml: ignored: only the user may add [\"done\"] to `policies.overnight.wake_me_for`",
            "gtd.toml: ignored: `roles.worker.max` = 9 is more than your own 2",
            "gtd.local.toml: ignored: `budget.day_usd` = 80.5 is more than your own 80",
        ]
    );
    let config = Config::merge([user(mine), env(&[("GTD_ROLES__WORKER__MAX", "9")]).unwrap()]);
    assert_eq!(rig_rules(&config, "x").unwrap().worker.max, 9);
    let config = Config::merge([project("[roles.worker]\nmax = 9\n")]);
    assert_eq!(rig_rules(&config, "x").unwrap().worker.max, 9);
}

#[test]
fn a_project_makes_no_policy_freer_than_it_is() {
    let config = Config::merge([
        user("[policies.mine]\nextends = \"overnight\"\nreview = \"risky\"\n"),
        project(
            "[policy]\ndefault = \"theirs\"\n[policies.attended]\napprove = []\nland = \"main\"\n[policies.mine]\nreview = \"off\"\nland = \"main\"\non_question = \"assume\"\n[policies.theirs]\nextends = \"yolo\"\napprove = [\"merge\"]\nland = \"none\"\n",
        ),
    ]);
    assert_eq!(
        messages(config.warnings())[..7],
        [
            "gtd.toml: ignored: `policies.mine.on_question` = \"assume\" is for the user alone to say",
            "gtd.toml: ignored: `policies.theirs.extends` = \"yolo\" is for the user alone to say",
            "gtd.toml: ignored: only the user may take [\"plan\", \"protected-paths\", \"new-dependency\"] out of `policies.attended.approve`",
            "gtd.toml: ignored: `policies.mine.land` = \"main\" is freer than your own \"integration\"",
            "gtd.toml: ignored: `policies.mine.review` = \"off\" is freer than your own \"risky\"",
            "gtd.toml: ignored: only the user may take [\"plan\", \"protected-paths\", \"new-dependency\"] out of `policies.theirs.approve`",
            "gtd.toml: `policies.attended.approve` has new-dependency, for which nothing waits yet: it goes on without you",
        ]
    );
    assert_eq!(
        shown(&config, "policies.theirs.land"),
        "\"none\" (gtd.toml:13)"
    );
}

#[test]
fn the_policy_that_asks_nothing_is_named_each_time() {
    let yolo = "[policy]\ndefault = \"yolo\"\n";
    for layer in [user(yolo), project(yolo)] {
        let config = Config::merge([layer]);
        assert_eq!(shown(&config, "policy.default"), "\"attended\" (default)");
        let told = messages(config.warnings());
        assert!(told[0].contains("that one is named each time"), "{told:?}");
    }
}

#[test]
fn variables_of_gtd_that_are_no_keys_are_left_alone() {
    let layer = env(&[
        ("GTD_HOME", "/x"),
        ("GTD_TOWN", "x"),
        ("GTD_HOST", "x"),
        ("GTD_DIR", "x"),
        ("GTD_RIG", "x"),
        ("GTD_AGENT", "x"),
        ("GTD_GTDD", "x"),
        ("GTD_FAULT", "x"),
        ("MY__VAR", "x"),
    ])
    .unwrap();
    assert!(
        Config::merge([layer])
            .list()
            .all(|(_, _, origin)| *origin == Origin::Default)
    );
}

#[test]
fn an_unknown_variable_is_named_with_the_key_that_was_meant() {
    let shown = |name: &str, value: &str| env(&[(name, value)]).unwrap_err().render();
    expect![[r#"
        GTD_MERGE__BTCH: there is no key `merge.btch`
          help: did you mean `merge.batch`?   all keys: gtd config explain"#]]
    .assert_eq(&shown("GTD_MERGE__BTCH", "2"));
    expect![[r#"
        GTD_MERGE__BATCH: `merge.batch` does not take this value
          help: `merge.batch` is a whole number from 1 to 1000"#]]
    .assert_eq(&shown("GTD_MERGE__BATCH", "0"));
    expect![[r#"
        GTD_MERGE__ORDER: `merge.order` does not take `fif`
          help: did you mean `fifo`?   `merge.order` is one of fifo | priority"#]]
    .assert_eq(&shown("GTD_MERGE__ORDER", "fif"));
    assert!(shown("GTD_ROLES__WORKER", "2").contains("`roles.worker` is a table, not a key"));
    assert!(shown("GTD__X", "2").starts_with("GTD__X: there is no key"));
    expect![[r#"
        GTD_MERGE__BATCH: `merge.batch` does not take `two`
          help: `merge.batch` is a whole number from 1 to 1000"#]]
    .assert_eq(&shown("GTD_MERGE__BATCH", "two"));
}

#[test]
fn variables_reach_names_with_dashes_and_keep_the_case_of_other_variables() {
    let config = Config::merge([env(&[
        ("GTD_POLICIES__REVIEW_ALL__ON_QUESTION", "park"),
        ("GTD_RUNTIMES__HOUSE_LLM__ENV__OPENAI_BASE_URL", "http://x"),
        ("GTD_ROLES__WORKER__USE", "claude, codex"),
        ("GTD_BUDGET__WARN_AT", "50,60"),
        ("GTD_BUDGET__DAY_USD", "2.5"),
        ("GTD_UI__PAGER", "less"),
        ("GTD_WEB__OPEN", "true"),
        ("GTD_RIG__SETUP", ""),
    ])
    .unwrap()]);
    for (key, value) in [
        ("policies.review-all.on_question", "\"park\""),
        ("runtimes.house-llm.env.OPENAI_BASE_URL", "\"http://x\""),
        ("roles.worker.use", "[\"claude\", \"codex\"]"),
        ("budget.warn_at", "[50, 60]"),
        ("budget.day_usd", "2.5"),
        ("ui.pager", "\"less\""),
        ("web.open", "true"),
        ("rig.setup", "\"\""),
    ] {
        assert_eq!(config.get(key).unwrap().0.to_string(), value, "{key}");
    }
}

#[test]
fn flags_are_checked_like_every_other_layer() {
    let shown = |word: &str| layer_from_flags([word]).unwrap_err().render();
    assert!(shown("merge.batch").contains("has no `=`"));
    assert!(shown("merge.bach=2").contains("did you mean `merge.batch`?"));
    assert!(shown("batch=2").contains("did you mean `merge.batch`?"));
    assert!(shown("merge=2").contains("is a table, not a key"));
    assert!(shown("roles.a b.max=2").contains("there is no key"));
    assert!(shown("gate=[{name=\"a\"}]").contains("gate `a` has no command"));
    let layer = layer_from_flags(["gate=[{name=\"a\", run=\"true\"}]"]).unwrap();
    assert_eq!(
        rig_rules(&Config::merge([layer]), "x").unwrap().gates.len(),
        1
    );
}

#[test]
fn a_key_is_explained_with_what_it_takes_and_where_it_stands() {
    let config = Config::merge([project(PROJECT_SAMPLE)]);
    let explain = |key: &str| {
        config
            .explain(key)
            .unwrap()
            .iter()
            .map(|one| format!("{}: {one}\n", one.key))
            .collect::<String>()
    };
    expect![[r#"
        policies.overnight.on_question: one of ask | park | assume. What a question of an agent does: its attempt waits for the answer, is parked at once, or goes on with an assumption. Now: park (gtd.toml:75). Default: park.
    "#]]
    .assert_eq(&explain("policies.overnight.on_question"));
    expect![[r#"
        merge.strategy: one of rebase | squash | merge. How a bead's commits come onto the branch. Now: rebase (gtd.toml:37). Default: merge. Accepted; nothing acts on it yet.
        merge.batch: a whole number from 1 to 1000. Submissions tested together at most; how many are is learnt from how often they are red. Now: 4 (gtd.toml:38). Default: 64.
        merge.backlog: a whole number from 0 to 100000. Submissions in the queues of the rig at which one worker is left; up to half of them all may work, in between fewer, so that no more is begun than lands. 0 holds nobody back. Default: 128.
        merge.flakes: a whole number from 0 to 100. How often in a week a test may be red and then green on one tree before a bead asks for it to be mended; 0 never asks. Default: 3.
        merge.test_guard: one of off | list | block. What follows when a submission removes, skips or loosens tests: nothing is looked at, it is listed, or the work goes back. A gate with `builtin = "test-guard"` says it too, and counts more. Default: off.
        merge.proof_of_test: one of off | list | block. What follows when tests that a submission adds are green without its work: they are not run so, it is listed, or the work goes back. Costs a run of the gates for each submission that adds tests. A gate with `builtin = "proof-of-test"` says it too, and counts more. Default: off.
        merge.kept_lines: one of off | list | block. What follows when an attempt that mends a conflict drops lines of either side, in files that its summary does not name: nothing is looked at, it is listed, or the work goes back. Default: list.
        merge.order: one of fifo | priority. Which submission goes first. Now: fifo (gtd.toml:39). Default: fifo. Accepted; nothing acts on it yet.
        merge.max_attempts: a whole number from 1 to 1000. Merges of one bead before a person is asked. Now: 3 (gtd.toml:40). Default: 3. Accepted; nothing acts on it yet.
        merge.sign: one of ssh | off. How the refinery signs what lands; workers never sign. `ssh` needs `merge.sign_key`. Now: ssh (gtd.toml:41). Default: off.
        merge.sign_key: a text. The SSH key that the refinery signs with: a private key that asks for no passphrase, or a public one whose private half an agent holds. Nothing is asked of anybody: what cannot be signed does not land. Default: "".
        merge.push: one of on-green | pull-request | never. What of it is pushed to `rig.remote`: what landed and is proven, never by force; or goals, as pull requests, when nobody says how they land. Nothing else is, and nothing is deleted there. Now: on-green (gtd.toml:42). Default: never.
        merge.push_branches: a list of texts. Globs of the branches that may be pushed when they are green; without any only that of the rig. `*` is any run of characters of one name, `**` of any names. Default: [].
        merge.protect: a list of texts. Globs of files, from the top of the repository, that only a person lets through: what changes them waits in the queue for a yes. By default CI files and hooks; gtd.toml, gtd.local.toml and .gtd/ are protected whatever stands here. Has an effect where the policy's `approve` has `protected-paths`; a change of them is risky besides, where the policy has what is risky reviewed. Now: ["gtd.toml", ".gtd/**", ".github/**", "**/migrations/**"] (gtd.toml:43). Default: [".github/workflows/**", ".github/actions/**", ".gitlab-ci.yml", ".gitlab/ci/**", ".forgejo/**", ".gitea/**", ".woodpecker/**", ".woodpecker.yml", ".circleci/**", ".buildkite/**", ".travis.yml", ".drone.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", "Jenkinsfile", ".ci/**", ".githooks/**", ".husky/**", ".pre-commit-config.yaml", "lefthook.yml"].
        merge.risky_lines: a whole number from 1 to 1000000000. So many changed lines in one submission are risky: where the policy has what is risky reviewed, a reviewer looks. Default: 400.
    "#]]
    .assert_eq(&explain("merge"));
    assert!(explain("gate").contains("gate[].timeout: "));
    assert!(explain("gate.run").starts_with("gate[].run: "));
    assert!(explain("roles.worker").contains("roles.worker.max: "));
    assert!(explain("roles").contains("roles.*.max: "));
    assert_eq!(explain("").lines().count(), known_keys().count());
    assert_eq!(
        config.explain("merge.btch").unwrap_err().similar.as_deref(),
        Some("merge.batch")
    );
    assert_eq!(
        config.explain("nothing").unwrap_err().to_string(),
        "there is no key `nothing`"
    );
}

#[test]
fn a_rig_is_named_after_its_folder_when_the_file_does_not_say() {
    let check = |folder: &str| {
        let config = Config::merge([]);
        let name = rig_name(&config, folder).unwrap();
        format!("{name} {}", rig_rules(&config, folder).unwrap().prefix)
    };
    assert_eq!(check("api"), "api api");
    assert_eq!(check("My Great Project"), "my-great-project mygreatp");
    assert_eq!(check("web_shop.v2"), "web_shop-v2 webshopv");
    assert_eq!(check("2048"), "2048 2048");
    assert_eq!(check("…"), "rig rig");
    assert_eq!(check(""), "rig rig");
    assert_eq!(check("../.."), "rig rig");
    let config = Config::merge([project(
        "[rig]\nname = \"shop\"\nprefix = \"sh\"\nbranch = \"trunk\"\n",
    )]);
    assert_eq!(rig_name(&config, "api").unwrap().as_str(), "shop");
    let rules = rig_rules(&config, "api").unwrap();
    assert_eq!(
        (rules.prefix.as_str(), rules.branch.as_str()),
        ("sh", "trunk")
    );
}

#[test]
fn a_gate_has_its_place_its_time_and_its_environment() {
    let config = Config::merge([project(
        "[[gate]]\nname = \"a\"\nrun = \"make\"\n[[gate]]\nname = \"g\"\nbuiltin = \"test-guard\"\n[[gate]]\nname = \"b\"\nrun = \"x\"\nwhen = \"goal\"\ntimeout = \"500ms\"\n[gate.env]\nCI = \"1\"\n",
    )]);
    let gates = rig_rules(&config, "x").unwrap().gates;
    assert_eq!(gates.len(), 2);
    assert_eq!(
        (gates[0].when, gates[0].timeout_ms),
        (GateWhen::Merge, 1_200_000)
    );
    assert_eq!((gates[1].when, gates[1].timeout_ms), (GateWhen::Goal, 500));
    assert_eq!(gates[1].env["CI"], "1");
}

#[test]
fn a_role_that_is_nearly_a_known_one_is_a_warning() {
    let layer = project("[roles.wroker]\nmax = 2\n[roles.docs-reviewer]\nmax = 1\n");
    assert_eq!(
        messages(layer.warnings()),
        ["gtd.toml: `roles.wroker` is a name of your own"]
    );
    assert_eq!(
        layer.warnings()[0].help.as_deref(),
        Some("did you mean `worker`?")
    );
}

#[test]
fn what_init_writes_is_read_back() {
    let name = RigName::parse("api").unwrap();
    let gates = [
        (
            GateName::parse("fmt").unwrap(),
            "cargo fmt --check".to_owned(),
        ),
        (
            GateName::parse("test").unwrap(),
            "sh -c \"a 'b' \\\\ \n\tc\"".to_owned(),
        ),
    ];
    let text = default_gtd_toml(&name, "main", &gates);
    expect![[r#"
        # How gtd works in this repository. Commit it; after a change: gtd trust
        schema = 1

        [rig]
        name = "api"
        branch = "main"

        # Gates are proof: work lands when every command exits with 0 on the merged tree.
        [[gate]]
        name = "fmt"
        run = "cargo fmt --check"

        [[gate]]
        name = "test"
        run = "sh -c \"a 'b' \\\\ \n\tc\""

        [roles.worker]
        max = 4
    "#]]
    .assert_eq(&text);
    let rules = rig_rules(&Config::merge([project(&text)]), "x").unwrap();
    assert_eq!(rules.gates[1].run, gates[1].1);
    let rules = rig_rules(
        &Config::merge([project(&default_gtd_toml(&name, "trunk", &[]))]),
        "x",
    )
    .unwrap();
    assert_eq!((rules.branch.as_str(), rules.gates.len()), ("trunk", 0));
}

/// Cuts, doubles and overwrites pieces of a text.
fn mutate(text: &str, changes: &[(prop::sample::Index, prop::sample::Index, String)]) -> String {
    changes
        .iter()
        .fold(text.to_owned(), |text, (from, to, new)| {
            let chars: Vec<char> = text.chars().collect();
            if chars.is_empty() {
                return new.clone();
            }
            let (a, b) = (from.index(chars.len()), to.index(chars.len()));
            let (a, b) = (a.min(b), a.max(b).min(a.min(b) + 12));
            chars[..a]
                .iter()
                .copied()
                .chain(new.chars())
                .chain(chars[b..].iter().copied())
                .collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_panics(text in "\\PC*|[\\[\\]{}=\"'a-z0-9.\n #]{0,200}|.{0,100}") {
        for kind in [LayerKind::Project, LayerKind::User] {
            if let Err(mistake) = layer_from_toml(kind, "f", &text) {
                prop_assert!(mistake.line >= 1 && !mistake.render().is_empty());
            }
        }
    }

    #[test]
    fn no_change_of_a_valid_file_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[\\[\\]{}=\"'a-z0-9.\n-]{0,6}"), 1..5)
    ) {
        for (kind, text) in [(LayerKind::Project, PROJECT_SAMPLE), (LayerKind::User, USER_SAMPLE)] {
            match layer_from_toml(kind, "f", &mutate(text, &changes)) {
                Ok(layer) => {
                    let config = Config::merge([layer]);
                    prop_assert!(rig_rules(&config, "x").is_ok());
                    prop_assert!(config.explain("").is_ok());
                }
                Err(mistake) => prop_assert!(mistake.line >= 1 && !mistake.render().is_empty()),
            }
        }
    }

    #[test]
    fn no_variable_and_no_flag_panics(name in "GTD_[A-Z_]{0,20}|GTD_(MERGE|ROLES__WORKER|GATE|BUDGET)__[A-Z_]{0,8}|\\PC{0,20}", value in "\\PC{0,30}|[\\[\\]{},\"=0-9a-z]{0,20}") {
        drop(layer_from_env([(name.clone(), value.clone())]));
        drop(layer_from_flags([format!("{name}={value}").as_str()]));
        for key in ["merge.batch", "gate", "roles.worker.use", "ui.pager", "budget.warn_at", "rig.branch", "runtimes.x.secrets.Y"] {
            drop(layer_from_flags([format!("{key}={value}").as_str()]));
        }
    }

    #[test]
    fn whatever_init_writes_is_read_back(folder in "\\PC{0,40}", run in "[^\\p{C}]{0,30}x") {
        let name = rig_name(&Config::merge([]), &folder).unwrap();
        let gates = [(GateName::parse("test").unwrap(), run.clone())];
        let text = default_gtd_toml(&name, "main", &gates);
        let config = Config::merge([layer_from_toml(LayerKind::Project, "gtd.toml", &text).unwrap()]);
        prop_assert_eq!(&rig_rules(&config, "other").unwrap().gates[0].run, &run);
    }
}
