//! What each command does to a bead in each phase, as one table.

use std::fmt::Write;

use expect_test::expect_file;
use gtd_core::{Approval, BeadId, Command, Decision, Outcome, PauseScope, Plan};

use crate::{
    commands::{all_commands, command_name},
    scene::{Scene, oid, plan, rig, seat, spec},
    world::World,
};

/// Says a decision in few words.
fn in_words(decision: &Decision) -> String {
    match decision {
        Ok(events) if events.is_empty() => "nothing".to_owned(),
        Ok(events) => {
            let mut words: Vec<(&str, usize)> = Vec::new();
            for event in events {
                match words.last_mut() {
                    Some((name, count)) if *name == event.name() => *count += 1,
                    _ => words.push((event.name(), 1)),
                }
            }
            let words: Vec<String> = words
                .into_iter()
                .map(|(name, count)| match count {
                    1 => name.to_owned(),
                    _ => format!("{name} x{count}"),
                })
                .collect();
            words.join(" + ")
        }
        Err(why) => format!("{} {}", why.code(), why.reason()),
    }
}

/// Writes one line for each result of a command, with the states that give it.
fn write_rows(table: &mut String, name: &str, results: &[(&str, String)]) {
    let mut rows: Vec<(&str, Vec<&str>)> = Vec::new();
    for (state, words) in results {
        match rows.iter_mut().find(|(known, _)| known == words) {
            Some((_, states)) => states.push(state),
            None => rows.push((words, vec![state])),
        }
    }
    for (row, (words, states)) in rows.iter().enumerate() {
        let name = if row == 0 { name } else { "" };
        let states = if states.len() == results.len() {
            "always".to_owned()
        } else {
            states.join(" ")
        };
        writeln!(table, "{name:<20}{words:<42}{states}").unwrap();
    }
}

#[test]
fn each_command_is_decided_in_each_phase() {
    let worlds = World::everywhere();
    let n_commands = all_commands(&worlds[0].1).len();
    let mut table = String::new();
    for index in 0..n_commands {
        let mut name = "";
        let mut results = Vec::new();
        for (state, world) in &worlds {
            let mut scene = world.scene.clone();
            let command = all_commands(world).swap_remove(index);
            name = command_name(&command);
            results.push((*state, in_words(&scene.try_tell(command))));
            assert!(scene.graph.index_is_true(), "{name} on {state}");
        }
        write_rows(&mut table, name, &results);
    }
    expect_file!["phases.txt"].assert_eq(&table);
}

/// A goal in each of its states.
fn goals() -> Vec<(&'static str, Scene, BeadId)> {
    let mut found = Vec::new();
    let mut add = |name, plan: Option<Plan>, approval, act: fn(&mut Scene, &BeadId)| {
        let mut scene = Scene::new();
        let goal = scene.open_goal(plan, approval);
        act(&mut scene, &goal);
        found.push((name, scene, goal));
    };
    let one = || Some(plan(&[("one", &[])]));
    let end = |scene: &mut Scene, goal: &BeadId, outcome| {
        scene.tell(Command::CloseGoal {
            goal: goal.clone(),
            outcome,
            why: String::new(),
            proof: vec![],
        });
    };
    add("planning", None, Approval::Needed, |_, _| {});
    add("draft", one(), Approval::Needed, |_, _| {});
    add("running", one(), Approval::NotNeeded, |_, _| {});
    add("all_landed", one(), Approval::NotNeeded, |scene, goal| {
        let one = scene.in_goal(goal, "one");
        scene.land(&one);
    });
    add("one_failed", one(), Approval::NotNeeded, |scene, goal| {
        let one = scene.in_goal(goal, "one");
        scene.close(&one, Outcome::Failed);
    });
    add("cancelled", one(), Approval::NotNeeded, Scene::cancel);
    let (_, mut closed, goal) = found[3].clone();
    end(&mut closed, &goal, Outcome::Done);
    closed.tell(Command::RequestLanding { goal: goal.clone() });
    found.push(("closed", closed, goal));
    let (_, mut failed, goal) = found[4].clone();
    end(&mut failed, &goal, Outcome::Failed);
    found.push(("failed", failed, goal));
    found
}

/// What can be asked about a goal, with a name for each.
fn about_goal(goal: &BeadId) -> Vec<(&'static str, Command)> {
    let goal = || goal.clone();
    let close = |outcome| Command::CloseGoal {
        goal: goal(),
        outcome,
        why: String::new(),
        proof: vec![],
    };
    vec![
        (
            "propose",
            Command::ProposePlan {
                goal: goal(),
                epoch: gtd_core::Epoch(0),
                plan: plan(&[("one", &[])]),
                approval: Approval::NotNeeded,
            },
        ),
        ("approve", Command::ApprovePlan { goal: goal() }),
        (
            "create in it",
            Command::CreateBead {
                rig: rig(),
                goal: Some(goal()),
                spec: spec("late"),
                needs: vec![],
            },
        ),
        ("close as done", close(Outcome::Done)),
        ("close as failed", close(Outcome::Failed)),
        (
            "close by hand",
            Command::CloseBead {
                bead: goal(),
                outcome: Outcome::Done,
                why: String::new(),
            },
        ),
        (
            "cancel",
            Command::Cancel {
                bead: goal(),
                why: String::new(),
            },
        ),
        ("retry", Command::RetryBead { bead: goal() }),
        (
            "park",
            Command::ParkBead {
                bead: goal(),
                why: String::new(),
            },
        ),
        (
            "pause",
            Command::Pause {
                scope: PauseScope::Bead(goal()),
                why: String::new(),
            },
        ),
        (
            "claim",
            Command::Claim {
                bead: goal(),
                name: seat("eve"),
            },
        ),
        ("bring home", Command::RequestLanding { goal: goal() }),
        (
            "it is home",
            Command::ConcludeLanding {
                goal: goal(),
                commit: Some(oid(9)),
                why: String::new(),
            },
        ),
    ]
}

#[test]
fn each_command_is_decided_in_each_state_of_a_goal() {
    let goals = goals();
    let mut table = String::new();
    for (index, (name, _)) in about_goal(&goals[0].2).into_iter().enumerate() {
        let mut results = Vec::new();
        for (state, scene, goal) in &goals {
            let mut scene = scene.clone();
            let (_, command) = about_goal(goal).swap_remove(index);
            results.push((*state, in_words(&scene.try_tell(command))));
            assert!(scene.graph.index_is_true(), "{name} on {state}");
        }
        write_rows(&mut table, name, &results);
    }
    expect_file!["goal_states.txt"].assert_eq(&table);
}
