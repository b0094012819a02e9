//! Promises of role files: what is read, what is refused, what is cut back.

use std::collections::BTreeSet;

use expect_test::expect;
use gtd_core::{
    Diagnostic, GateWhen, WorkerRules,
    config::{Config, LayerKind, layer_from_toml},
};
use gtd_plan::{
    EscalateTo, HandoverItem, Instances, Layer, Network, RoleKind, RoleSet, RoleVar, Sandbox,
    WakeEvent, worker_rules,
};

const WORKER: &str = r#"#:schema https://gtd.invalid/schema/role-v1.json
# .gtd/roles/worker.toml (project) or ~/.config/gtd/roles/worker.toml (yours).
# A role is data: who it is, what wakes it, what it may touch, what it must hand over.
schema = 1
name = "worker"
extends = "builtin:worker"       # inherit; write only what differs. `gtd role show worker --diff`
kind = "worker"                  # mayor | crew | refinery | witness | reviewer | worker | custom
summary = "Builds one bead in its own worktree and proves it with gates"
instances = "bead"               # one per: town | rig | bead | name (crew)

[runtime]
use = ["claude", "codex"]
model = "balanced"               # an alias from the runtime's `models`, or a literal id
session = "fresh"                # fresh | resume
refresh_at = 0.70                # hand off to a fresh session at 70 % of the context window

[wake]
on = ["bead.assigned", "mail.received", "gate.failed", "review.changes_requested"]
every = ""                       # no timer. Idle roles cost 0 tokens; a timer must be asked for
min_interval = "30s"

[limits]
turn = "15m"                     # silence longer than this = stuck; the witness looks
bead = "2h"
attempts = 3
usd = 3.0
diff_lines = 800                 # over this: split the bead, do not grow the diff

[access]
write = ["{worktree}/**"]
deny = [".git/config", "gtd.toml", ".gtd/**", ".github/**"]
network = "registries"           # none | registries | full
commands_deny = ["git push", "git rebase main", "sudo *"]
sandbox = "auto"                 # auto | bubblewrap | container | none
gtd = ["bead show", "bead note", "bead create --discovered-from", "mail", "ask", "done"]
mcp = []                         # names from the runtime's own MCP config that this role may use

[handover]                       # checked by gtd, not believed
require = ["clean-tree", "commits", "gates:worker", "summary"]

[escalate]
question = "mayor"               # mayor | crew:<name> | human
stuck = "witness"

[prompt]
file = "worker.md.j2"            # next to this file; or `text = """..."""`
vars = { style = "small commits, tests first" }
max_tokens = 6000                # rendered size; over it the role fails validation
"#;

const WORKER_PROMPT: &str = r#"You are {{ agent.name }}, a worker on {{ rig.name }}. You own one bead and nothing else.

# {{ bead.id }}: {{ bead.title }}
{{ bead.description }}

{% if bead.acceptance %}## Done means
{% for a in bead.acceptance %}- {{ a }}
{% endfor %}{% endif %}
{% if attempt.number > 1 %}## Attempt {{ attempt.number }} of {{ limits.attempts }}
The last one failed at gate `{{ attempt.last_gate }}`. Its output is below; do not repeat what it tried.
{{ attempt.last_output | tail(80) }}
{% endif %}
## Rules
- Work in {{ worktree }}; branch {{ branch }}. Style: {{ vars.style }}.
- Prove it: {% for g in gates %}`{{ g.run }}`{% if not loop.last %}, {% endif %}{% endfor %}.
- A question that blocks you: `gtd ask "..."` and stop. Work you found: `gtd bead create --discovered-from {{ bead.id }}`.
- Finished: `gtd done --summary "..."`. Left: about ${{ "%.2f" | format(budget.left_usd) }}.
"#;

fn texts(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn with(layer: Layer, files: &[(&str, &str)]) -> RoleSet {
    over(RoleSet::builtin(), layer, files)
}

fn over(set: RoleSet, layer: Layer, files: &[(&str, &str)]) -> RoleSet {
    set.with_layer(layer, &texts(files))
        .unwrap_or_else(|mistakes| panic!("{}", rendered(&mistakes)))
}

fn refused(files: &[(&str, &str)]) -> String {
    let mistakes = RoleSet::builtin()
        .with_layer(Layer::User, &texts(files))
        .expect_err("these files are wrong");
    rendered(&mistakes)
}

fn rendered(mistakes: &[Diagnostic]) -> String {
    let all: Vec<String> = mistakes.iter().map(Diagnostic::render).collect();
    all.join("\n")
}

fn lines(mistakes: &[Diagnostic]) -> String {
    let all: Vec<String> = mistakes
        .iter()
        .map(|one| format!("{} {}", one.place(), one.message))
        .collect();
    all.join("\n")
}

#[test]
fn the_builtin_roles_hold() {
    let set = RoleSet::builtin();
    assert_eq!(rendered(&set.validate()), "");
    assert_eq!(rendered(set.warnings()), "");
    for role in set.iter() {
        assert_eq!(role.layer, Layer::Builtin);
        assert_eq!(role.name.as_str(), role.kind.as_str());
        assert_eq!(role.prompt.template.is_none(), role.kind.is_code());
    }
}

#[test]
fn every_role_of_the_glossary_has_a_file() {
    let set = RoleSet::builtin();
    let names: BTreeSet<&str> = set.iter().map(|role| role.name.as_str()).collect();
    let kinds: BTreeSet<&str> = RoleKind::WORDS
        .iter()
        .filter(|(_, kind)| *kind != RoleKind::Custom)
        .map(|(word, _)| *word)
        .collect();
    assert_eq!(names, kinds);

    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let glossary = std::fs::read_to_string(format!("{top}/docs/GLOSSARY.md")).unwrap_or_default();
    let row = glossary.lines().find(|line| line.starts_with("| role |"));
    for name in &names {
        let row = row.unwrap_or(name);
        assert!(row.contains(name), "the glossary does not name {name}");
    }

    let mut on_disk: Vec<String> = std::fs::read_dir(format!("{top}/roles"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml") || name.ends_with(".j2"))
        .collect();
    let mut embedded: Vec<String> = Vec::new();
    for role in set.iter() {
        embedded.push(format!("{}.toml", role.name));
        if let Some(template) = &role.prompt.template {
            embedded.push(template.file().replace("builtin:", ""));
        }
    }
    on_disk.sort();
    embedded.sort();
    assert_eq!(on_disk, embedded);
}

#[test]
fn the_documented_worker_is_read_whole_and_holds() {
    let files = [
        (".gtd/roles/worker.toml", WORKER),
        (".gtd/roles/worker.md.j2", WORKER_PROMPT),
    ];
    let set = with(Layer::User, &files);
    assert_eq!(rendered(&set.validate()), "");
    assert_eq!(rendered(set.warnings()), "");
    let worker = set.get("worker").unwrap();
    assert_eq!(worker.layer, Layer::User);
    assert_eq!(worker.kind, RoleKind::Worker);
    assert_eq!(worker.instances, Instances::Bead);
    let runtimes: Vec<&str> = worker
        .runtime
        .preferred
        .iter()
        .map(gtd_core::RuntimeName::as_str)
        .collect();
    assert_eq!(runtimes, ["claude", "codex"]);
    assert_eq!(worker.runtime.model.as_deref(), Some("balanced"));
    assert_eq!(
        worker.wake.on,
        [
            WakeEvent::BeadAssigned,
            WakeEvent::MailReceived,
            WakeEvent::GateFailed,
            WakeEvent::ReviewChangesRequested
        ]
    );
    assert_eq!(worker.wake.every_ms, None);
    assert_eq!(worker.wake.min_interval_ms, 30_000);
    assert_eq!(worker.limits.turn_ms, Some(900_000));
    assert_eq!(worker.limits.bead_ms, Some(7_200_000));
    assert_eq!(worker.limits.attempts, Some(3));
    assert_eq!(worker.limits.usd_micros, Some(3_000_000));
    assert_eq!(worker.limits.diff_lines, Some(800));
    assert_eq!(worker.access.network, Network::Registries);
    assert_eq!(worker.access.sandbox, Sandbox::Auto);
    assert_eq!(
        worker.handover.require,
        [
            HandoverItem::CleanTree,
            HandoverItem::Commits,
            HandoverItem::Gates(GateWhen::Worker),
            HandoverItem::Summary
        ]
    );
    assert_eq!(worker.escalate.question, EscalateTo::Mayor);
    assert_eq!(worker.escalate.stuck, EscalateTo::Witness);
    assert_eq!(
        worker.prompt.vars["style"],
        RoleVar::Text("small commits, tests first".to_owned())
    );
    assert_eq!(worker.prompt.max_tokens, 6_000);
    assert_eq!(
        worker.prompt.template.as_ref().unwrap().text(),
        WORKER_PROMPT
    );
}

#[test]
fn a_mistyped_key_names_its_line_and_the_key_that_was_meant() {
    let shown = refused(&[(
        "worker.toml",
        "extends = \"builtin:worker\"\n[acces]\nnetwork = \"none\"\n",
    )]);
    expect![[r#"
        worker.toml: unknown key `acces`
         --> worker.toml:2:2
          |
        2 | [acces]
          |  ^^^^^
          help: did you mean `access`?   all keys here: schema, name, extends, kind, summary, instances, runtime, wake, limits, access, handover, escalate, prompt"#]].assert_eq(&shown);
    let shown = refused(&[(
        "worker.toml",
        "extends = \"builtin:worker\"\n[limits]\nattemps = 2\n",
    )]);
    expect![[r#"
        worker.toml: unknown key `attemps`
         --> worker.toml:3:1
          |
        3 | attemps = 2
          | ^^^^^^^
          help: did you mean `attempts`?   all keys here: turn, bead, attempts, usd, diff_lines"#]]
    .assert_eq(&shown);
}

#[test]
fn a_mistyped_word_names_its_line_and_the_word_that_was_meant() {
    let shown = refused(&[(
        "worker.toml",
        "extends = \"builtin:worker\"\naccess.network = \"registry\"\n",
    )]);
    expect![[r#"
        worker.toml: `registry` is not a word of this key
         --> worker.toml:2:18
          |
        2 | access.network = "registry"
          |                  ^^^^^^^^^^
          help: all words: none, registries, full"#]]
    .assert_eq(&shown);
    let shown = refused(&[("mine.toml", "extends = \"builtin:wroker\"\n")]);
    expect![[r#"
        mine.toml: there is no role `builtin:wroker`
         --> mine.toml:1:11
          |
        1 | extends = "builtin:wroker"
          |           ^^^^^^^^^^^^^^^^
          help: did you mean `builtin:worker`?"#]]
    .assert_eq(&shown);
}

#[test]
fn whoever_inherits_from_nothing_known_is_told_what_there_is() {
    let shown = refused(&[("mine.toml", "extends = \"gardener\"\n")]);
    expect![[r#"
        mine.toml: there is no role `gardener`
         --> mine.toml:1:11
          |
        1 | extends = "gardener"
          |           ^^^^^^^^^^
          help: inherit from one of these: builtin:crew, builtin:deacon, builtin:mayor, builtin:refinery, builtin:reviewer, builtin:witness, builtin:worker"#]]
    .assert_eq(&shown);
}

#[test]
fn a_role_may_use_the_verbs_that_it_lists_and_their_special_forms() {
    let set = with(
        Layer::User,
        &[(
            "worker.toml",
            "extends = \"builtin:worker\"\n[access]\ngtd = [\"bead create\", \"done\"]\n",
        )],
    );
    let access = &set.get("worker").unwrap().access;
    for allowed in ["bead create", "bead create --discovered-from", "done"] {
        assert!(access.allows_verb(allowed), "{allowed}");
    }
    for refused in ["bead", "bead note", "don", "ask", ""] {
        assert!(!access.allows_verb(refused), "{refused}");
    }
    let builtin = &set.get_builtin("worker").unwrap().access;
    assert!(builtin.allows_verb("bead create --discovered-from"));
    assert!(!builtin.allows_verb("bead create"));
}

#[test]
fn unknown_events_and_handover_items_and_targets_are_found_together() {
    let set = with(
        Layer::User,
        &[(
            "worker.toml",
            r#"extends = "builtin:worker"
[wake]
on = ["bead.assigned", "gate.faild"]
[handover]
require = ["clean-tre", "gate:fmt", "coffee"]
[escalate]
question = "crew:quartz"
stuck = "humans"
"#,
        )],
    );
    let mistakes = set.validate();
    expect![[r#"
        worker.toml:3:24 there is no event `gate.faild`
        worker.toml:5:12 there is no handover item `clean-tre`
        worker.toml:5:37 there is no handover item `coffee`
        worker.toml:8:9 nobody is called `humans` here"#]]
    .assert_eq(&lines(&mistakes));
    let help = mistakes[0].help.as_deref().unwrap();
    assert!(help.starts_with("did you mean `gate.failed`?"), "{help}");
    let help = mistakes[1].help.as_deref().unwrap();
    assert!(help.starts_with("did you mean `clean-tree`?"), "{help}");
}

#[test]
fn all_mistakes_of_a_layer_are_shown_at_once() {
    let mistakes = RoleSet::builtin()
        .with_layer(
            Layer::User,
            &texts(&[
                ("a.toml", "schema = 2\n"),
                ("b.toml", "name = \n"),
                ("c.toml", "name = \"c\"\n"),
                ("d.toml", "extends = \"e\"\n"),
                ("e.toml", "extends = \"d\"\n"),
                ("f.toml", "extends = \"builtin:worker\"\n[limits]\nturn = \"soon\"\nbead = \"0s\"\nattempts = 0\nusd = -1\n[runtime]\nrefresh_at = 70\n"),
                ("g.toml", "extends = \"builtin:worker\"\n[prompt]\nfile = \"../x.j2\"\n"),
                ("h.toml", "extends = \"builtin:worker\"\n[prompt]\nfile = \"h.j2\"\nmax_tokens = 1\n"),
                ("i.toml", "name = \"worker\"\nextends = \"builtin:worker\"\n"),
                ("worker.toml", "extends = \"builtin:worker\"\n"),
                ("j.toml", "extends = \"builtin:worker\"\n[prompt]\nfile = \"a.j2\"\ntext = \"b\"\n[prompt.vars]\nx = {}\n"),
            ]),
        )
        .expect_err("these files are wrong");
    expect![[r#"
        a.toml:1:10 schema 2 is newer than this gtd, which reads schema 1
        b.toml:1:8 not valid TOML: string values must be quoted, expected literal string
        worker.toml:1:1 two files say what `worker` is
        c.toml:1:8 this role has neither `kind` nor `extends`
        c.toml:1:8 this role has no `summary`
        c.toml:1:1 this role has no prompt
        e.toml:1:11 these roles inherit from each other
        d.toml:1:11 these roles inherit from each other
        f.toml:8:14 `refresh_at` is a share of the context window
        f.toml:3:8 `soon` is not a duration; write one such as "10s", "2m" or "1h 30m"
        f.toml:4:8 no time at all is no limit
        f.toml:5:12 no attempt is no work
        f.toml:6:7 that is no amount of dollars
        g.toml:3:8 a prompt stands next to its role file
        h.toml:3:8 there is no such file next to this one
        h.toml:4:14 that is no size for a prompt
        j.toml:4:8 this prompt has both `file` and `text`
        j.toml:6:5 a variable is a text, a number, true or false, or a list of these"#]]
    .assert_eq(&lines(&mistakes));
}

#[test]
fn a_role_file_says_only_what_differs() {
    let set = with(
        Layer::User,
        &[
            (
                "worker.toml",
                "extends = \"builtin:worker\"\n[limits]\nattempts = 2\n[prompt]\nvars = { style = \"tiny\" }\n",
            ),
            (
                "docs-writer.toml",
                "extends = \"worker\"\nsummary = \"Writes the manual\"\n[access]\nwrite = [\"{worktree}/docs/**\"]\n",
            ),
        ],
    );
    assert_eq!(rendered(&set.validate()), "");
    let builtin = set.get_builtin("worker").unwrap();
    let worker = set.get("worker").unwrap();
    assert_eq!(worker.limits.attempts, Some(2));
    assert_eq!(worker.limits.bead_ms, builtin.limits.bead_ms);
    assert_eq!(worker.access, builtin.access);
    assert_eq!(worker.prompt.template, builtin.prompt.template);
    assert_eq!(
        worker.prompt.vars["style"],
        RoleVar::Text("tiny".to_owned())
    );
    let writer = set.get("docs-writer").unwrap();
    assert_eq!(writer.kind, RoleKind::Worker);
    assert_eq!(writer.limits.attempts, Some(2));
    assert_eq!(writer.access.write, ["{worktree}/docs/**"]);
    assert_eq!(set.get_builtin("worker").unwrap().limits.attempts, Some(3));
}

#[test]
fn a_repository_inherits_what_the_user_says_of_the_same_role() {
    let user = with(
        Layer::User,
        &[(
            "worker.toml",
            "extends = \"worker\"\n[access]\nnetwork = \"none\"\n[limits]\nattempts = 2\n",
        )],
    );
    let both = over(
        user,
        Layer::Repository,
        &[(
            ".gtd/roles/worker.toml",
            "extends = \"worker\"\n[limits]\nturn = \"5m\"\n",
        )],
    );
    let worker = both.get("worker").unwrap();
    assert_eq!(worker.layer, Layer::Repository);
    assert_eq!(worker.access.network, Network::None);
    assert_eq!(worker.limits.attempts, Some(2));
    assert_eq!(worker.limits.turn_ms, Some(300_000));
    assert_eq!(rendered(both.warnings()), "");
}

#[test]
fn a_new_role_is_one_file() {
    let set = with(
        Layer::User,
        &[(
            "docs-reviewer.toml",
            r#"
kind = "custom"
summary = "Reads what landed and says where the manual is wrong now"
[wake]
on = ["bead.landed"]
[prompt]
text = """
{{ bead.id }} has landed. Which pages of the manual are wrong now?
"""
"#,
        )],
    );
    assert_eq!(rendered(&set.validate()), "");
    let role = set.get("docs-reviewer").unwrap();
    assert_eq!(role.kind, RoleKind::Custom);
    assert_eq!(role.access.network, Network::None);
    assert!(role.access.write.is_empty());
}

#[test]
fn a_repository_may_only_narrow() {
    let wide = r#"
extends = "builtin:worker"
kind = "mayor"
[wake]
every = "5m"
min_interval = "1s"
[limits]
turn = "1h"
bead = "1h"
attempts = 9
usd = 50
diff_lines = 10
[access]
write = ["{worktree}/src/**", "/etc/**"]
deny = [".git/config", "secrets/**"]
network = "full"
commands_deny = []
sandbox = "none"
gtd = ["bead show", "bead create"]
mcp = ["browser"]
[handover]
require = ["summary"]
[prompt]
max_tokens = 100000
"#;
    let set = with(Layer::Repository, &[(".gtd/roles/worker.toml", wide)]);
    let worker = set.get("worker").unwrap();
    let builtin = set.get_builtin("worker").unwrap();
    assert_eq!(worker.kind, RoleKind::Worker);
    assert_eq!(worker.wake.every_ms, None);
    assert_eq!(worker.limits.turn_ms, Some(900_000));
    assert_eq!(worker.limits.bead_ms, Some(3_600_000));
    assert_eq!(worker.limits.attempts, Some(3));
    assert_eq!(worker.limits.usd_micros, Some(3_000_000));
    assert_eq!(worker.limits.diff_lines, Some(10));
    assert_eq!(worker.access.write, ["{worktree}/src/**"]);
    assert_eq!(worker.access.network, Network::Registries);
    assert_eq!(worker.access.sandbox, Sandbox::Auto);
    assert_eq!(worker.access.gtd, ["bead show"]);
    assert!(worker.access.mcp.is_empty());
    assert_eq!(worker.access.commands_deny, builtin.access.commands_deny);
    for item in &builtin.access.deny {
        assert!(worker.access.deny.contains(item));
    }
    assert!(worker.access.deny.contains(&"secrets/**".to_owned()));
    for item in &builtin.handover.require {
        assert!(worker.handover.require.contains(item));
    }
    expect![[r#"
        .gtd/roles/worker.toml:3:8 cut back to what worker has: `kind` = mayor turns it into another role than worker
        .gtd/roles/worker.toml:5:9 cut back to what worker has: `wake.every` = 5m is more often than none
        .gtd/roles/worker.toml:6:16 cut back to what worker has: `wake.min_interval` = 1s is shorter than 30s
        .gtd/roles/worker.toml:24:14 cut back to what worker has: `prompt.max_tokens` = 100000 is more than 8000
        .gtd/roles/worker.toml:8:8 cut back to what worker has: `limits.turn` = 1h is more than 15m
        .gtd/roles/worker.toml:10:12 cut back to what worker has: `limits.attempts` = 9 is more than 3
        .gtd/roles/worker.toml:11:7 cut back to what worker has: `limits.usd` = 50.00 is more than 3.00
        .gtd/roles/worker.toml:16:11 cut back to what worker has: `access.network` = full is wider than registries
        .gtd/roles/worker.toml:18:11 cut back to what worker has: `access.sandbox` = none is weaker than auto
        .gtd/roles/worker.toml:14:9 cut back to what worker has: `access.write` adds `/etc/**`
        .gtd/roles/worker.toml:19:7 cut back to what worker has: `access.gtd` adds `bead create`
        .gtd/roles/worker.toml:20:7 cut back to what worker has: `access.mcp` adds `browser`
        .gtd/roles/worker.toml:15:8 cut back to what worker has: `access.deny` leaves out `gtd.toml`, `.gtd/**`, `.github/**`
        .gtd/roles/worker.toml:17:17 cut back to what worker has: `access.commands_deny` leaves out `git push`, `git rebase main`, `sudo *`
        .gtd/roles/worker.toml:22:11 cut back to what worker has: `handover.require` leaves out `clean-tree`, `commits`, `gates:worker`"#]]
    .assert_eq(&lines(set.warnings()));
}

#[test]
fn a_repository_cannot_get_round_the_user_by_a_new_name_or_the_builtin_role() {
    let narrow = (
        "worker.toml",
        "extends = \"builtin:worker\"\n[access]\nnetwork = \"none\"\nsandbox = \"container\"\n[limits]\nusd = 1\n",
    );
    let user = with(Layer::User, &[narrow]);
    let set = over(
        user,
        Layer::Repository,
        &[
            ("worker.toml", "extends = \"builtin:worker\"\n"),
            (
                "helper.toml",
                "extends = \"builtin:worker\"\n[access]\nnetwork = \"registries\"\n",
            ),
            (
                "second.toml",
                "extends = \"helper\"\n[access]\nsandbox = \"bubblewrap\"\n",
            ),
            (
                "alone.toml",
                "kind = \"custom\"\nsummary = \"x\"\n[access]\nnetwork = \"full\"\nwrite = [\"/**\"]\n[prompt]\ntext = \"x\"\n",
            ),
            (
                "as-mayor.toml",
                "extends = \"builtin:mayor\"\nkind = \"worker\"\n[limits]\nusd = 2\n",
            ),
        ],
    );
    for name in ["worker", "helper", "second", "alone", "as-mayor"] {
        let role = set.get(name).unwrap();
        assert_eq!(role.access.network, Network::None, "{name}");
        assert_eq!(role.access.sandbox, Sandbox::Container, "{name}");
        assert_eq!(role.limits.usd_micros, Some(1_000_000), "{name}");
    }
    assert!(set.get("alone").unwrap().access.write.is_empty());
    // What is only inherited is cut back in silence; what is asked for is said.
    let said = lines(set.warnings());
    assert!(!said.contains("worker.toml:"), "{said}");
    assert!(
        said.contains("helper.toml:3:11 cut back to what worker has: `access.network`"),
        "{said}"
    );
    assert!(
        said.contains("alone.toml:5:9 cut back to what worker has: `access.write`"),
        "{said}"
    );
}

#[test]
fn a_user_may_widen_and_is_told() {
    let set = with(
        Layer::User,
        &[(
            "worker.toml",
            "extends = \"builtin:worker\"\n[access]\nnetwork = \"full\"\n",
        )],
    );
    assert_eq!(set.get("worker").unwrap().access.network, Network::Full);
    expect![[
        r#"worker.toml:3:11 wider than worker: `access.network` = full is wider than registries"#
    ]]
    .assert_eq(&lines(set.warnings()));
}

#[test]
fn a_template_that_nobody_names_is_said_and_other_files_are_left_alone() {
    let set = with(
        Layer::User,
        &[("worker.md.j2", "hello"), ("README.md", "# Roles")],
    );
    expect![[r#"worker.md.j2 no role file here uses this template"#]]
        .assert_eq(&lines(set.warnings()));
}

#[test]
fn limits_become_rules_and_the_configuration_wins() {
    let set = with(
        Layer::User,
        &[(
            "worker.toml",
            "extends = \"builtin:worker\"\n[limits]\nattempts = 7\nturn = \"1m\"\nbead = \"10m\"\n",
        )],
    );
    let rules = worker_rules(set.get("worker").unwrap());
    let silent = Config::merge([]);
    let usual = WorkerRules::default();
    let combined = rules.below(&silent, "worker", usual.clone());
    assert_eq!(
        (combined.attempts, combined.silence_ms, combined.limit_ms),
        (7, 60_000, 600_000)
    );
    assert_eq!(combined.max, usual.max);

    let layer = layer_from_toml(
        LayerKind::Project,
        "gtd.toml",
        "[roles.worker]\nattempts = 2\nlimit = \"3h\"\n",
    )
    .unwrap();
    let said = Config::merge([layer]);
    let from_config = WorkerRules {
        attempts: 2,
        limit_ms: 10_800_000,
        ..usual
    };
    let combined = rules.below(&said, "worker", from_config);
    assert_eq!(
        (combined.attempts, combined.silence_ms, combined.limit_ms),
        (2, 60_000, 10_800_000)
    );

    // The builtin role changes nothing of the rules that hold by default.
    let builtin = worker_rules(set.get_builtin("worker").unwrap());
    let combined = builtin.below(&silent, "worker", WorkerRules::default());
    assert_eq!(combined, WorkerRules::default());
}
