//! The plan of a goal in plain words, scene by scene.

mod scene;

use expect_test::expect;
use gtd_core::{Approval, BeadSpec, Command, RuntimeFault, RuntimeName, Usage, config::PlanMeans};
use gtd_plan::{
    AgentSeen, Answer, Effect, EndSeen, LiveSeen, OwnerSeen, Question, RunSeen, Step, UsedSeen,
    Work, WorktreeSeen,
};
use scene::{Scene, absent, check, mayor, oid, target, tip};

fn claude() -> RuntimeName {
    RuntimeName::parse("claude").expect("a valid scene")
}

fn means() -> PlanMeans {
    PlanMeans {
        mayor: Some(claude()),
        worker: Some(claude()),
        usable: vec![claude()],
        limit_ms: 60_000,
        silence_ms: 10_000,
        most_beads: 9,
        ..PlanMeans::default()
    }
}

/// A town whose goal has no plan.
fn wanted() -> Scene {
    let mut scene = Scene::new(1);
    let done = scene.goal().expect("a valid scene");
    scene.tell(Command::Cancel {
        bead: done,
        why: String::new(),
    });
    scene.tell(Command::OpenGoal {
        spec: BeadSpec {
            title: "in words".to_owned(),
            ..BeadSpec::default()
        },
        target: target(),
        max: None,
        until: None,
        plan: None,
        approval: Approval::Needed,
    });
    scene
}

fn goal(scene: &Scene) -> gtd_core::BeadId {
    let (id, _) = scene.graph.open_goals().next().expect("a valid scene");
    id.clone()
}

fn plan(scene: &Scene, world: impl Fn(&Question) -> Answer) -> String {
    let text = scene.plan(&mayor(), world);
    text.replace(goal(scene).as_str(), "<goal>")
}

/// The same with an attempt at work, and what it saw at first.
fn at_work() -> Scene {
    let mut scene = wanted();
    scene.take(&mayor(), |_| Answer::Means(means()));
    scene
}

/// A world in which the first turn ended so; later ones have not begun.
fn after_first(scene: &Scene, end: EndSeen, dirty: bool) -> impl Fn(&Question) -> Answer + use<> {
    let owner = format!("{}.e1", goal(scene));
    move |question| match question {
        Question::Means(_) => Answer::Means(means()),
        Question::Run(run) if run.as_str().ends_with(".work") => {
            Answer::Run(RunSeen::Ended(end.clone()))
        }
        Question::Run(_) => absent(),
        Question::Worktree { .. } => Answer::Worktree(Some(WorktreeSeen {
            owner: owner.clone(),
            start: Some(oid('0')),
            head: oid('0'),
            dirty,
            changed: false,
        })),
        _ => Answer::Owner(None),
    }
}

fn says(answer: &str) -> EndSeen {
    EndSeen {
        code: Some(0),
        agent: Some(Box::new(AgentSeen {
            session: Some("s-1".to_owned()),
            answer: answer.to_owned(),
            used: UsedSeen {
                usage: Usage {
                    output: 5,
                    ..Usage::default()
                },
                estimated: false,
                line: 3,
                context: None,
            },
            ..AgentSeen::default()
        })),
        ..EndSeen::default()
    }
}

const PLAN: &str =
    "```toml\n[[bead]]\nid = \"a\"\ntitle = \"A\"\nacceptance = [\"it is there\"]\n```";

#[test]
fn an_attempt_begins_when_something_can_plan() {
    let scene = wanted();
    check(
        plan(&scene, |_| Answer::Means(means())),
        expect![
            "BeginPlan { goal: <goal>, seat: plan-1, host: local, runtime: claude, epoch: Epoch(1) }"
        ],
    );
    check(
        plan(&scene, |_| Answer::Means(PlanMeans::default())),
        expect![[
            r#"saw runtime_down: no agent program is configured that could make its plan: write [runtimes.claude] and below it preset = "claude-code" into config.toml (`gtd config path` shows where)"#
        ]],
    );
}

#[test]
fn the_first_turn_begins_in_a_copy_of_the_target() {
    let scene = at_work();
    let world = |question: &Question| match question {
        Question::Run(_) => absent(),
        Question::Tip(_) => tip('0'),
        Question::Means(_) => Answer::Means(means()),
        _ => Answer::Owner(None),
    };
    check(
        plan(&scene, world),
        expect![[r#"
            do worktree repo/plan-1
            do run <goal>.e1.work
            started"#]],
    );
}

#[test]
fn a_plan_that_holds_is_proposed_with_what_was_said_about_it() {
    let scene = at_work();
    let end = says(&format!("One step.\n\n{PLAN}"));
    for (dirty, summary) in [
        (false, "One step."),
        (
            true,
            "(It changed files while it planned; they go nowhere.)\nOne step.",
        ),
    ] {
        let steps = scene.steps(&mayor(), after_first(&scene, end.clone(), dirty));
        let [
            Step::Tell(Command::Started { .. }),
            Step::Tell(Command::RecordUsage { .. }),
            Step::Tell(Command::ProposePlan { plan, approval, .. }),
        ] = steps.as_slice()
        else {
            panic!("{steps:?}")
        };
        assert_eq!(plan.beads[0].spec.runtime, Some(claude()));
        assert_eq!(plan.summary, summary);
        assert_eq!(*approval, Approval::Needed, "as the person wished it");
    }
}

/// Returns what goes back to whoever gave this answer in the first turn.
fn sent_back(answer: &str) -> String {
    let scene = at_work();
    let steps = scene.steps(&mayor(), after_first(&scene, says(answer), false));
    let turn = steps.iter().find_map(|step| match step {
        Step::Do(Effect::EnsureRun(order)) => Some(order),
        _ => None,
    });
    let order = turn.unwrap_or_else(|| panic!("{steps:?}"));
    assert!(order.run.as_str().ends_with(".e1.work.t1"), "{}", order.run);
    let Work::Agent(turn) = &order.work else {
        panic!("{order:?}")
    };
    let again = turn.again.as_ref();
    let again = again.unwrap_or_else(|| panic!("{turn:?}"));
    assert_eq!(again.session.as_deref(), Some("s-1"));
    again.words.clone()
}

#[test]
fn a_plan_that_does_not_hold_goes_back_with_its_mistakes() {
    let words = sent_back("I am done.");
    assert!(words.contains("holds no plan"), "{words}");
}

#[test]
fn acceptance_that_the_goal_cannot_take_goes_back_and_is_not_proposed_for_ever() {
    let long = "x".repeat(65 * 1024);
    let of_goal = format!("acceptance = [\"{long}\"]\n[[bead]]");
    let words = sent_back(&PLAN.replace("[[bead]]", &of_goal));
    let told = "`acceptance` of the plan: a criterion is longer than 65536 bytes";
    assert!(words.contains(told), "{words}");
}

#[test]
fn who_has_had_three_turns_asks_a_person() {
    let mut scene = at_work();
    let goal = goal(&scene);
    scene.tell(Command::Started {
        bead: goal.clone(),
        epoch: gtd_core::Epoch(1),
        run: gtd_plan::turn_run(&goal, gtd_core::Epoch(1), 2),
        told: 0,
    });
    let world = after_first(&scene, says(""), false);
    let text = plan(&scene, |question| match question {
        Question::Run(_) => Answer::Run(RunSeen::Ended(says("I am done."))),
        other => world(other),
    });
    assert!(
        text.contains("return: its plan does not hold after 3 turns: your last message"),
        "{text}"
    );
}

#[test]
fn a_turn_that_could_not_go_on_comes_back_with_its_reason() {
    let scene = at_work();
    let mut end = says("");
    if let Some(agent) = &mut end.agent {
        agent.fault = Some((RuntimeFault::Auth, "Invalid API key".to_owned()));
    }
    let text = plan(&scene, after_first(&scene, end, false));
    assert!(
        text.ends_with("return: claude: it is not logged in: Invalid API key"),
        "{text}"
    );
}

#[test]
fn a_silent_turn_is_ended_and_a_thinking_one_is_not() {
    let scene = at_work();
    let live = |idle_ms: u64| {
        plan(&scene, |question| match question {
            Question::Means(_) => Answer::Means(means()),
            Question::Run(_) => Answer::Run(RunSeen::Live(LiveSeen {
                quiet_ms: 11_000,
                idle_ms,
                ..LiveSeen::default()
            })),
            _ => Answer::Owner(None),
        })
    };
    assert!(
        live(5_000).contains("do stop <goal>.e1.work"),
        "{}",
        live(5_000)
    );
    assert!(!live(0).contains("do stop"), "{}", live(0));
}

#[test]
fn what_still_runs_of_an_attempt_that_is_over_is_ended() {
    let mut scene = at_work();
    let goal = goal(&scene);
    scene.tell(Command::Cancel {
        bead: goal.clone(),
        why: String::new(),
    });
    let text = scene.plan(&mayor(), |question| match question {
        Question::Run(run) if run.as_str().ends_with(".work") => {
            Answer::Run(RunSeen::Live(LiveSeen::default()))
        }
        Question::Run(_) => absent(),
        _ => Answer::Owner(Some(OwnerSeen {
            owner: String::new(),
            start: None,
        })),
    });
    let text = text.replace(goal.as_str(), "<goal>");
    assert_eq!(text, "do stop <goal>.e1.work");
}
