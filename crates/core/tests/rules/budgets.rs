//! What is spent and held back never exceeds a cap, whoever begins and however it ends.

use std::time::Duration;

use gtd_core::{
    Approval, BeadId, BeadSpec, BudgetRules, Cap, CapScope, Command, Epoch, Event, FaultClass,
    Outcome, Plan, PlannedBead, Purse, Rejection, Reserved, RigRules, RuntimeFault, RuntimeName,
    UsageDelta, WaitReason, needs_you,
};
use proptest::prelude::*;

use crate::scene::{Scene, fault, host, rig, rules, run_id, seat};

const DOLLAR: u64 = 1_000_000;

fn claude() -> RuntimeName {
    RuntimeName::parse("claude").unwrap()
}

fn for_claude(title: &str) -> BeadSpec {
    BeadSpec {
        title: title.to_owned(),
        runtime: Some(claude()),
        ..BeadSpec::default()
    }
}

fn with(budget: BudgetRules) -> RigRules {
    RigRules { budget, ..rules() }
}

/// A goal of `n` beads for claude, under these budgets.
fn town(n: usize, budget: BudgetRules) -> (Scene, BeadId, Vec<BeadId>) {
    let mut scene = Scene::with_rules(with(budget));
    let goal = scene.open_goal(
        Some(Plan {
            beads: (0..n)
                .map(|n| PlannedBead {
                    local_id: format!("b{n}"),
                    spec: for_claude(&format!("bead {n}")),
                    needs: vec![],
                })
                .collect(),
            ..Plan::default()
        }),
        Approval::NotNeeded,
    );
    let beads = scene.graph.goal(&goal).unwrap().beads.clone();
    (scene, goal, beads)
}

/// What an attempt would hold back, as the crew sees it now.
fn reserve(scene: &Scene, bead: &BeadId) -> Option<Reserved> {
    let purse = Purse::new(&scene.graph, scene.now);
    purse.reserve(scene.at(bead)).ok()
}

fn grant(scene: &mut Scene, bead: &BeadId, reserved: Reserved) -> Result<Epoch, Rejection> {
    let seat = scene.open_seat(&format!("seat-{bead}"));
    let epoch = scene.at(bead).epoch.next();
    scene.try_tell(Command::Grant {
        bead: bead.clone(),
        seat,
        epoch,
        reserved,
    })?;
    Ok(epoch)
}

/// Begins an attempt with what it may hold back.
#[track_caller]
fn begin(scene: &mut Scene, bead: &BeadId) -> Epoch {
    let reserved = reserve(scene, bead).expect("there is enough");
    let epoch = grant(scene, bead, reserved).unwrap();
    scene.tell(Command::Started {
        bead: bead.clone(),
        epoch,
        run: run_id(&format!("{bead}.e{epoch}.work")),
        told: 0,
    });
    epoch
}

fn use_up(scene: &mut Scene, bead: &BeadId, epoch: Epoch, sequence: u64, usd_micros: u64) {
    scene.tell(Command::RecordUsage {
        bead: bead.clone(),
        epoch,
        usage: usage(bead, epoch, sequence, usd_micros),
    });
}

/// The same at list prices: the program names none.
fn estimate(scene: &mut Scene, bead: &BeadId, epoch: Epoch, sequence: u64, usd_micros: u64) {
    scene.tell(Command::RecordUsage {
        bead: bead.clone(),
        epoch,
        usage: UsageDelta {
            estimated: true,
            context: None,
            ..usage(bead, epoch, sequence, usd_micros)
        },
    });
}

fn usage(bead: &BeadId, epoch: Epoch, sequence: u64, usd_micros: u64) -> UsageDelta {
    UsageDelta {
        run: run_id(&format!("{bead}.e{epoch}.work")),
        sequence,
        input: usd_micros / 10,
        output: 10,
        cache_read: 0,
        cache_write: 0,
        usd_micros,
        estimated: false,
        context: None,
    }
}

fn give_back(scene: &mut Scene, bead: &BeadId, epoch: Epoch, class: FaultClass) {
    scene.tell(Command::Return {
        bead: bead.clone(),
        epoch,
        why: fault(class),
    });
}

fn cap(scene: &Scene, bead: &BeadId, is_it: impl Fn(&CapScope) -> bool) -> Cap {
    let purse = Purse::new(&scene.graph, scene.now);
    let mut caps = purse.caps(scene.at(bead)).into_iter();
    caps.find(|cap| is_it(&cap.scope)).unwrap()
}

fn of_goal(scene: &Scene, bead: &BeadId) -> Cap {
    cap(scene, bead, |scope| matches!(scope, CapScope::Convoy(_)))
}

#[test]
fn fifty_that_begin_at_once_never_exceed_a_nearly_spent_cap() {
    let (mut scene, _, beads) = town(
        51,
        BudgetRules {
            bead: Some(3 * DOLLAR),
            convoy: Some(20 * DOLLAR),
            ..BudgetRules::default()
        },
    );
    let first = begin(&mut scene, &beads[0]);
    use_up(&mut scene, &beads[0], first, 1, 2 * DOLLAR);
    give_back(&mut scene, &beads[0], first, FaultClass::Killed);
    // All of them saw the same graph, with room for each.
    let seen: Vec<Reserved> = beads[1..]
        .iter()
        .map(|bead| reserve(&scene, bead).unwrap())
        .collect();
    let mut begun = 0;
    for (bead, reserved) in beads[1..].iter().zip(seen) {
        match grant(&mut scene, bead, reserved) {
            Ok(_) => begun += 1,
            Err(Rejection::OverBudget { next, .. }) => {
                assert!(next.starts_with("gtd cost budget set gt-"), "{next}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(begun, 6, "18 dollars are left, and each holds back 3");
    let cap = of_goal(&scene, &beads[1]);
    assert_eq!((cap.spent, cap.reserved), (2 * DOLLAR, 18 * DOLLAR));
}

#[test]
fn an_attempt_may_not_hold_back_less_than_it_may_need() {
    let (mut scene, _, beads) = town(
        1,
        BudgetRules {
            bead: Some(4 * DOLLAR),
            ..BudgetRules::default()
        },
    );
    let refused = grant(&mut scene, &beads[0], Reserved::default());
    assert!(
        matches!(refused, Err(Rejection::OverBudget { .. })),
        "{refused:?}"
    );
    assert_eq!(reserve(&scene, &beads[0]).unwrap().usd_micros, 4 * DOLLAR);
}

#[test]
fn what_the_crew_finds_enough_the_ledger_takes_whichever_cap_is_the_smallest() {
    for (bead, convoy, day) in [
        (3_000, 500, 9_000),
        (400, 3_000, 9_000),
        (3_000, 9_000, 100),
    ] {
        let cents = |n: u64| Some(n * DOLLAR / 1_000);
        let (mut scene, _, beads) = town(
            1,
            BudgetRules {
                bead: cents(bead),
                convoy: cents(convoy),
                day: cents(day),
                ..BudgetRules::default()
            },
        );
        begin(&mut scene, &beads[0]);
    }
}

#[test]
fn a_cap_of_nothing_asks_a_person_and_waits_for_no_morning() {
    let (scene, _, beads) = town(
        1,
        BudgetRules {
            day: Some(0),
            ..BudgetRules::default()
        },
    );
    let short = Purse::new(&scene.graph, scene.now).reserve(scene.at(&beads[0]));
    let short = short.unwrap_err();
    assert!(!short.clears_by_itself(), "{}", short.text());
    assert!(!short.next().cmd.ends_with("=0"), "{}", short.next().cmd);
}

#[test]
fn scripts_and_free_runtimes_hold_nothing_back_and_wait_for_no_budget() {
    let mut scene = Scene::with_rules(with(BudgetRules {
        day: Some(0),
        free: [RuntimeName::parse("house").unwrap()].into(),
        ..BudgetRules::default()
    }));
    let script = scene.bead("by a script");
    let house = scene.create(
        BeadSpec {
            runtime: Some(RuntimeName::parse("house").unwrap()),
            ..for_claude("in the house")
        },
        &[],
    );
    let paid = scene.create(for_claude("paid"), &[]);
    for bead in [&script, &house] {
        assert_eq!(reserve(&scene, bead), Some(Reserved::default()));
        scene.grant(bead);
    }
    assert_eq!(reserve(&scene, &paid), None);
    assert_eq!(scene.reason(&paid), Some(WaitReason::Budget));
}

#[test]
fn what_was_held_back_is_let_go_however_an_attempt_ends() {
    type End = fn(&mut Scene, &BeadId, Epoch);
    let ends: [(&str, End); 6] = [
        ("returned", |scene, bead, epoch| {
            give_back(scene, bead, epoch, FaultClass::Killed);
        }),
        ("handed in", |scene, bead, _| {
            scene.submit(bead);
        }),
        ("finished", |scene, bead, _| scene.finish(bead)),
        ("expired", |scene, bead, epoch| {
            scene.tell(Command::Expire {
                bead: bead.clone(),
                epoch,
                why: fault(FaultClass::Silent),
            });
        }),
        ("parked", |scene, bead, _| {
            scene.tell(Command::ParkBead {
                bead: bead.clone(),
                why: "later".to_owned(),
            });
        }),
        ("closed", |scene, bead, _| {
            scene.tell(Command::CloseBead {
                bead: bead.clone(),
                outcome: Outcome::Cancelled,
                why: String::new(),
            });
        }),
    ];
    for (how, end) in ends {
        let (mut scene, _, beads) = town(
            2,
            BudgetRules {
                bead: Some(3 * DOLLAR),
                convoy: Some(20 * DOLLAR),
                ..BudgetRules::default()
            },
        );
        let epoch = begin(&mut scene, &beads[0]);
        use_up(&mut scene, &beads[0], epoch, 1, DOLLAR);
        let during = of_goal(&scene, &beads[1]);
        assert_eq!(
            (during.spent, during.reserved),
            (DOLLAR, 2 * DOLLAR),
            "{how}"
        );
        end(&mut scene, &beads[0], epoch);
        let after = of_goal(&scene, &beads[1]);
        assert_eq!((after.spent, after.reserved), (DOLLAR, 0), "{how}");
    }
}

#[test]
fn who_tells_no_price_is_counted_with_all_that_was_held_back() {
    let budget = BudgetRules {
        bead: Some(3 * DOLLAR),
        convoy: Some(20 * DOLLAR),
        ..BudgetRules::default()
    };
    let (mut scene, _, beads) = town(2, budget.clone());
    let epoch = begin(&mut scene, &beads[0]);
    give_back(&mut scene, &beads[0], epoch, FaultClass::Lost);
    assert_eq!(of_goal(&scene, &beads[1]).spent, 3 * DOLLAR);
    // The bead itself is held by its attempts, and may try again.
    assert_eq!(scene.graph.spent_on_bead(&beads[0]).usd, 0);
    // The record that comes after all takes the place of the guess.
    use_up(&mut scene, &beads[0], epoch, 1, DOLLAR);
    assert_eq!(of_goal(&scene, &beads[1]).spent, DOLLAR);

    // Whose provider gave nothing has used nothing, and so has who never began.
    let (mut scene, _, beads) = town(2, budget);
    let epoch = begin(&mut scene, &beads[0]);
    let away = FaultClass::Runtime {
        runtime: claude(),
        fault: RuntimeFault::Overloaded,
    };
    give_back(&mut scene, &beads[0], epoch, away);
    let reserved = Reserved {
        usd_micros: 3 * DOLLAR,
        ..Reserved::default()
    };
    let epoch = grant(&mut scene, &beads[1], reserved).unwrap();
    give_back(&mut scene, &beads[1], epoch, FaultClass::Infra);
    assert_eq!(of_goal(&scene, &beads[1]).spent, 0);
}

#[test]
fn an_estimate_counts_until_the_program_tells_its_price() {
    let budget = BudgetRules {
        bead: Some(3 * DOLLAR),
        convoy: Some(20 * DOLLAR),
        day: Some(20 * DOLLAR),
        ..BudgetRules::default()
    };
    let (mut scene, goal, beads) = town(2, budget);
    let epoch = begin(&mut scene, &beads[0]);
    estimate(&mut scene, &beads[0], epoch, 1, DOLLAR);
    estimate(&mut scene, &beads[0], epoch, 2, DOLLAR);
    let cap = of_goal(&scene, &beads[1]);
    assert_eq!((cap.spent, cap.reserved), (2 * DOLLAR, DOLLAR));
    assert!(cap.estimated, "it is told as what it is");
    assert_eq!(cap.gone(), "~$2.00");
    assert_eq!(scene.graph.spend().estimated_micros, 2 * DOLLAR);

    use_up(&mut scene, &beads[0], epoch, 3, 3 * DOLLAR / 2);
    let cap = of_goal(&scene, &beads[1]);
    assert_eq!((cap.spent, cap.reserved), (3 * DOLLAR / 2, 3 * DOLLAR / 2));
    assert_eq!(cap.gone(), "$1.50");
    for spent in [
        scene.graph.spent_on_bead(&beads[0]),
        scene.graph.spent_on_goal(&goal),
        scene.graph.spent_today(&rig(), scene.now),
        scene.graph.spent_today_in_town(scene.now),
    ] {
        assert_eq!((spent.usd, spent.estimated), (3 * DOLLAR / 2, 0));
    }
    let all = scene.graph.spend();
    assert_eq!((all.usd_micros, all.estimated_micros), (3 * DOLLAR / 2, 0));
}

#[test]
fn who_is_estimated_is_not_counted_with_all_that_was_held_back() {
    let budget = BudgetRules {
        bead: Some(3 * DOLLAR),
        convoy: Some(20 * DOLLAR),
        ..BudgetRules::default()
    };
    let (mut scene, _, beads) = town(2, budget);
    let epoch = begin(&mut scene, &beads[0]);
    estimate(&mut scene, &beads[0], epoch, 1, DOLLAR);
    give_back(&mut scene, &beads[0], epoch, FaultClass::Exit { code: 1 });
    let cap = of_goal(&scene, &beads[1]);
    assert_eq!((cap.spent, cap.reserved, cap.estimated), (DOLLAR, 0, true));
}

#[test]
fn who_may_spend_nothing_on_plans_makes_none() {
    let budget = BudgetRules {
        plan: Some(0),
        ..BudgetRules::default()
    };
    let (scene, goal, beads) = town(1, budget);
    let purse = Purse::new(&scene.graph, scene.now);
    let short = purse.reserve_plan(scene.at(&goal), &claude());
    let short = short.expect_err("there is nothing for it");
    let text = "the budget of a plan of api is used up: $0 of $0 spent";
    assert_eq!(short.text(), text);
    assert_eq!(short.next().cmd, "gtd rig set -r api roles.mayor.usd=1");
    assert!(!short.clears_by_itself());
    // Work is no plan.
    assert!(purse.reserve(scene.at(&beads[0])).is_ok());
}

#[test]
fn a_bead_that_waits_for_a_budget_says_which_and_what_raises_it() {
    let (mut scene, goal, beads) = town(
        2,
        BudgetRules {
            bead: Some(3 * DOLLAR),
            convoy: Some(4 * DOLLAR),
            ..BudgetRules::default()
        },
    );
    let epoch = begin(&mut scene, &beads[0]);
    use_up(&mut scene, &beads[0], epoch, 1, DOLLAR / 2);
    // 2.50 are held back for the first; they may come free.
    let why = scene.why(&beads[1]);
    assert_eq!(why.reason(), Some(WaitReason::Priority), "{why:?}");
    let second = begin(&mut scene, &beads[1]);
    let held = scene.at(&beads[1]).phase.lease().unwrap().reserved;
    assert_eq!(held.usd_micros, DOLLAR, "all that is left");
    use_up(&mut scene, &beads[1], second, 1, DOLLAR);
    give_back(&mut scene, &beads[1], second, FaultClass::Stopped);
    let why = scene.why(&beads[1]);
    assert_eq!(why.reason(), Some(WaitReason::Budget));
    assert!(why.clears_by_itself, "{why:?}");
    use_up(&mut scene, &beads[0], epoch, 2, 5 * DOLLAR / 2);
    give_back(&mut scene, &beads[0], epoch, FaultClass::Stopped);
    let why = scene.why(&beads[1]);
    assert_eq!(
        why.chain[0].text,
        format!("the budget of the goal {goal} is used up: $4.00 of $4.00 spent")
    );
    assert!(!why.clears_by_itself);
    let raise = &why.next[0].cmd;
    assert_eq!(*raise, format!("gtd cost budget set {goal} 6"));
    let items = needs_you(scene.view(), None);
    let kinds: Vec<&str> = items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["budget"]);
    // Raised, it goes on.
    let mut spec = scene.at(&goal).spec.clone();
    spec.budget_micros = Some(10 * DOLLAR);
    scene.tell(Command::EditGoal {
        goal: goal.clone(),
        spec,
        max: None,
        until: None,
    });
    assert_ne!(scene.reason(&beads[1]), Some(WaitReason::Budget));
}

#[test]
fn the_budget_of_a_day_is_free_again_tomorrow() {
    let (mut scene, _, beads) = town(
        2,
        BudgetRules {
            day: Some(2 * DOLLAR),
            ..BudgetRules::default()
        },
    );
    let epoch = begin(&mut scene, &beads[0]);
    use_up(&mut scene, &beads[0], epoch, 1, 2 * DOLLAR);
    give_back(&mut scene, &beads[0], epoch, FaultClass::Stopped);
    let why = scene.why(&beads[1]);
    assert_eq!(why.reason(), Some(WaitReason::Budget));
    assert!(why.clears_by_itself, "{why:?}");
    let again = why.eta.unwrap().0;
    assert_eq!(
        why.next[0].cmd,
        format!("gtd rig set -r {} budget.day_usd=4", rig())
    );
    scene.now = again.plus(Duration::from_millis(1));
    assert_ne!(scene.reason(&beads[1]), Some(WaitReason::Budget));
}

#[test]
fn the_tokens_of_an_hour_are_free_again_after_it() {
    let (mut scene, _, beads) = town(
        2,
        BudgetRules {
            tokens_per_hour: Some(1_000),
            ..BudgetRules::default()
        },
    );
    let epoch = begin(&mut scene, &beads[0]);
    let held = scene.at(&beads[0]).phase.lease().unwrap().reserved;
    assert_eq!(held.tokens, 1_000);
    use_up(&mut scene, &beads[0], epoch, 1, 20_000);
    give_back(&mut scene, &beads[0], epoch, FaultClass::Stopped);
    let why = scene.why(&beads[1]);
    assert_eq!(why.reason(), Some(WaitReason::Budget), "{why:?}");
    let again = why.eta.unwrap().0;
    assert!(again.since(scene.now) <= Duration::from_secs(3_600));
    scene.now = again;
    assert_ne!(scene.reason(&beads[1]), Some(WaitReason::Budget));
}

#[test]
fn the_plan_of_a_goal_holds_back_what_it_may_cost() {
    let mut scene = Scene::with_rules(with(BudgetRules {
        plan: Some(2 * DOLLAR),
        convoy: Some(DOLLAR),
        ..BudgetRules::default()
    }));
    let goal = scene.open_goal(None, Approval::NotNeeded);
    let begin = |scene: &mut Scene, goal: &BeadId, name: &str| {
        let epoch = scene.at(goal).epoch.next();
        scene.try_tell(Command::BeginPlan {
            goal: goal.clone(),
            seat: seat(name),
            host: host(),
            runtime: claude(),
            epoch,
        })
    };
    let events = begin(&mut scene, &goal, "plan-1").unwrap();
    let [Event::LeaseGranted { lease, .. }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(
        lease.reserved.usd_micros, DOLLAR,
        "no more than the goal may cost"
    );
    let epoch = lease.epoch;
    use_up(&mut scene, &goal, epoch, 1, DOLLAR);
    give_back(&mut scene, &goal, epoch, FaultClass::Stopped);
    let refused = begin(&mut scene, &goal, "plan-1").unwrap_err();
    assert!(matches!(refused, Rejection::OverBudget { .. }), "{refused}");
}

#[test]
fn an_agent_sets_no_budget() {
    let (mut scene, _, beads) = town(1, BudgetRules::default());
    let epoch = begin(&mut scene, &beads[0]);
    let refused = scene.refused(Command::Discover {
        bead: beads[0].clone(),
        epoch,
        spec: BeadSpec {
            budget_micros: Some(1),
            ..for_claude("found")
        },
    });
    assert!(matches!(refused, Rejection::NotYours { .. }), "{refused}");
}

/// One step of a town that spends.
#[derive(Debug, Clone)]
enum Step {
    /// Several look at the same graph, and then each begins.
    Begin(Vec<usize>),
    /// Somebody at work uses a share of what is held back.
    Use(usize, u8),
    /// Somebody at work ends.
    End(usize, bool),
    /// Time passes, in minutes.
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => prop::collection::vec(0..60_usize, 1..50).prop_map(Step::Begin),
        4 => (0..60_usize, 1..=100_u8).prop_map(|(n, share)| Step::Use(n, share)),
        3 => (0..60_usize, any::<bool>()).prop_map(|(n, is_good)| Step::End(n, is_good)),
        1 => (1..2_000_u16).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..30)
}

fn caps() -> impl Strategy<Value = BudgetRules> {
    let money = || prop::option::of((1..30_u64).prop_map(|tenths| tenths * DOLLAR / 2));
    (money(), money(), money(), money()).prop_map(|(bead, convoy, day, town_day)| BudgetRules {
        bead,
        convoy,
        day,
        town_day,
        ..BudgetRules::default()
    })
}

/// The attempt that is at work on a bead.
fn lease_of(scene: &Scene, bead: &BeadId) -> Option<Epoch> {
    scene.at(bead).phase.lease().map(|lease| lease.epoch)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_sum_of_what_is_spent_and_held_back_never_exceeds_a_cap(
        budget in caps(),
        steps in steps(),
    ) {
        let (mut scene, _, beads) = town(60, budget);
        let mut sequence = 0;
        for step in steps {
            match step {
                Step::Begin(who) => {
                    let seen: Vec<(BeadId, Option<Reserved>)> = who
                        .iter()
                        .map(|n| (beads[*n].clone(), reserve(&scene, &beads[*n])))
                        .collect();
                    for (bead, reserved) in seen {
                        let Some(reserved) = reserved else { continue };
                        if !scene.at(&bead).phase.is_open() {
                            continue;
                        }
                        if let Ok(epoch) = grant(&mut scene, &bead, reserved) {
                            scene.tell(Command::Started {
                                bead: bead.clone(),
                                epoch,
                                run: run_id(&format!("{bead}.e{epoch}.work")),
                                told: 0,
                            });
                        }
                    }
                }
                Step::Use(n, share) => {
                    let bead = &beads[n];
                    if let Some(epoch) = lease_of(&scene, bead) {
                        sequence += 1;
                        // No more than what is held back in all; who uses more is refused the next attempt.
                        let used = left(&scene, bead) * u64::from(share) / 100;
                        use_up(&mut scene, bead, epoch, sequence, used);
                    }
                }
                Step::End(n, is_good) => {
                    let bead = &beads[n];
                    if let Some(epoch) = lease_of(&scene, bead) {
                        if is_good {
                            scene.submit(bead);
                        } else {
                            give_back(&mut scene, bead, epoch, FaultClass::Killed);
                        }
                    }
                }
                Step::Wait(minutes) => scene.later(u64::from(minutes) * 60),
            }
            for bead in &beads {
                let purse = Purse::new(&scene.graph, scene.now);
                for cap in purse.caps(scene.at(bead)) {
                    prop_assert!(
                        cap.spent + cap.reserved <= cap.limit,
                        "{:?}: {} spent and {} held back",
                        cap.scope, cap.spent, cap.reserved
                    );
                }
            }
        }
        let folded = serde_json::to_string(&scene.graph).unwrap();
        let again: gtd_core::Graph = serde_json::from_str(&folded).unwrap();
        prop_assert!(again == scene.graph, "a snapshot keeps what was spent");
    }
}

/// What an attempt holds back and has not used yet.
fn left(scene: &Scene, bead: &BeadId) -> u64 {
    Purse::new(&scene.graph, scene.now).held(scene.at(bead))
}
