//! The plan in an agent's answer: found, read as a plan file is, and held to what agents may plan.
//!
//! Whoever wrote it gets its mistakes back, so all of them are told that can be
//! found at once, each with what would be right.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Bead, BeadId, BeadSpec, Graph, Plan, PlanContext, PlanError, PlannedBead, add_acceptance,
    check_spec, config::PlanMeans, may_meet, parse_plan,
};

/// The name under which mistakes of a plan are told.
const FILE: &str = "plan.toml";
const FENCE: &str = "```";
/// Parts of an answer that are read as a plan at most, whatever fences it holds.
const BLOCKS: usize = 128;
/// Pairs of beads with a common scope that are named at most.
const PAIRS: usize = 6;

/// Reads the plan in an answer, with what was said around it as its summary.
///
/// Where it is a new plan for what is left, it puts its beads in the place of others.
///
/// # Errors
/// With every mistake that can be told at once.
pub(crate) fn read_plan(
    answer: &str,
    graph: &Graph,
    goal: &BeadId,
    replaces: &[&Bead],
    means: &PlanMeans,
) -> Result<Plan, Vec<String>> {
    let exists = |id: &str| {
        BeadId::parse(id).is_ok_and(|id| {
            let is_there = graph.bead(&id).is_some();
            is_there && graph.cycle_through_goal(goal, &id).is_none()
        })
    };
    let context = PlanContext {
        usable_runtimes: &means.usable,
        default_runtime: means.worker.as_ref(),
        exists: &exists,
    };
    let mut first: Option<PlanError> = None;
    for block in blocks(answer) {
        match parse_plan(FILE, block.text, &context) {
            Ok(mut plan) => {
                plan.summary = block.around(answer);
                let mut mistakes = mistakes(&plan, means);
                if replaces.is_empty()
                    && let Some(goal) = graph.bead(goal)
                {
                    mistakes.extend(of_the_goal(&goal.spec, &plan));
                }
                mistakes.extend(waits_for_itself(graph, replaces, &plan));
                return if mistakes.is_empty() {
                    Ok(plan)
                } else {
                    Err(mistakes)
                };
            }
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(vec![match first {
        Some(error) => error.diagnostic().render(),
        None => format!(
            "your last message holds no plan: end it with the plan as one block that begins with \
             a line {FENCE}toml and ends with a line {FENCE}"
        ),
    }])
}

/// A part of an answer that may be the plan.
struct Block<'a> {
    text: &'a str,
    /// Where it begins and ends in the answer, its fences included.
    from: usize,
    to: usize,
}

impl Block<'_> {
    /// Returns what is said before and after.
    fn around(&self, answer: &str) -> String {
        let parts = [&answer[..self.from], &answer[self.to..]];
        let parts = parts.map(str::trim);
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        said.join("\n")
    }
}

/// Lists the parts of an answer that may be the plan, the likeliest first.
///
/// Descriptions may hold fences of their own: the block goes from the last begin to the last
/// fence, and only then from an earlier one or to a nearer one. Each is read, so those of an
/// answer full of fences are the last few. An answer without any may be the plan itself.
fn blocks(answer: &str) -> Vec<Block<'_>> {
    let mut begins: Vec<(usize, usize)> = Vec::new();
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    for line in answer.split_inclusive('\n') {
        let next = at + line.len();
        match line.trim().strip_prefix(FENCE).map(str::trim) {
            Some("toml" | "TOML") => begins.push((at, next)),
            Some("") => ends.push((at, next)),
            _ => {}
        }
        at = next;
    }
    if begins.is_empty() && answer.contains("[[bead]]") {
        return vec![Block {
            text: answer,
            from: 0,
            to: answer.len(),
        }];
    }
    // With how far each is from the likeliest.
    let mut found: Vec<(usize, Block<'_>)> = Vec::new();
    for (earlier, (from, begin)) in begins.iter().rev().take(BLOCKS).enumerate() {
        let behind = ends.iter().rev().take_while(|(end, _)| end >= begin);
        let mut behind: Vec<(usize, usize)> = behind.take(BLOCKS).copied().collect();
        if behind.is_empty() {
            // A message that was cut, or whose writer forgot the end.
            behind.push((answer.len(), answer.len()));
        }
        for (nearer, (end, to)) in behind.into_iter().enumerate() {
            let block = Block {
                text: &answer[*begin..end],
                from: *from,
                to,
            };
            found.push((earlier + nearer, block));
        }
    }
    found.sort_by_key(|(distance, _)| *distance);
    found.truncate(BLOCKS);
    found.into_iter().map(|(_, block)| block).collect()
}

/// Lists what a plan of an agent may not be, though a person's may.
fn mistakes(plan: &Plan, means: &PlanMeans) -> Vec<String> {
    let mut found = Vec::new();
    let most = usize::try_from(means.most_beads).unwrap_or(usize::MAX);
    if plan.beads.len() > most {
        found.push(format!(
            "the plan has {} beads; {most} are the most: join what belongs together",
            plan.beads.len()
        ));
    }
    for bead in &plan.beads {
        let id = &bead.local_id;
        if bead.spec.run.is_some() {
            found.push(format!(
                "`{id}` has a script (`run`): agents do the beads of this plan; say in \
                 `description` what is to be done"
            ));
        }
        if bead.spec.acceptance.is_empty() {
            found.push(format!(
                "`{id}` has no `acceptance`: say what is true when it is done, where you can with \
                 a `check`"
            ));
        }
        if let Err(rejection) = check_spec(&bead.spec) {
            found.push(format!("`{id}`: {rejection}"));
        }
    }
    found.extend(common_scopes(&plan.beads));
    found
}

/// Tells what the goal may not be with the acceptance of its plan: such a plan would be refused.
fn of_the_goal(goal: &BeadSpec, plan: &Plan) -> Option<String> {
    let mut spec = goal.clone();
    add_acceptance(&mut spec, &plan.acceptance);
    let rejection = check_spec(&spec).err()?;
    Some(format!("`acceptance` of the plan: {rejection}"))
}

/// Names the beads that would wait for what they are to stand for: they would never begin.
fn waits_for_itself(graph: &Graph, replaces: &[&Bead], plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    for bead in &plan.beads {
        for need in &bead.needs {
            let Ok(on) = BeadId::parse(need) else {
                continue;
            };
            let local = |other: &PlannedBead| other.local_id == *need;
            if plan.beads.iter().any(local) {
                continue;
            }
            let waits = |old: &&Bead| graph.cycle_through(&old.id, &on).is_some();
            if let Some(old) = replaces.iter().copied().find(waits) {
                let id = &bead.local_id;
                found.push(format!(
                    "`{id}` needs {on}, which waits for {}, in whose place this plan is: leave \
                     that need out",
                    old.id
                ));
            }
        }
    }
    found
}

/// Names the beads that may be at work at once and touch the same files.
fn common_scopes(beads: &[PlannedBead]) -> Vec<String> {
    let after = closure(beads);
    let waits = |a: &str, b: &str| after.get(a).is_some_and(|all| all.contains(b));
    let mut found = Vec::new();
    for (n, bead) in beads.iter().enumerate() {
        for other in &beads[n + 1..] {
            let (a, b) = (bead.local_id.as_str(), other.local_id.as_str());
            if waits(a, b) || waits(b, a) {
                continue;
            }
            let mut pairs = bead
                .spec
                .scope
                .iter()
                .flat_map(|one| other.spec.scope.iter().map(move |two| (one, two)));
            if let Some((one, two)) = pairs.find(|(one, two)| may_meet(one, two)) {
                found.push(format!(
                    "`{a}` and `{b}` may touch the same files ({one} and {two}) and would be at \
                     work at once: let one need the other, join them, or narrow their scopes"
                ));
            }
            if found.len() == PAIRS {
                return found;
            }
        }
    }
    found
}

/// Finds everything that each bead of a plan comes after. The plan has no circle.
fn closure(beads: &[PlannedBead]) -> BTreeMap<&str, BTreeSet<&str>> {
    let direct: BTreeMap<&str, &[String]> = beads
        .iter()
        .map(|bead| (bead.local_id.as_str(), bead.needs.as_slice()))
        .collect();
    let all_of = |start: &str| {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        let mut left: Vec<&str> = vec![start];
        while let Some(here) = left.pop() {
            let needs = direct.get_key_value(here).map(|(_, needs)| *needs);
            for need in needs.unwrap_or_default() {
                if all.insert(need.as_str()) {
                    left.push(need.as_str());
                }
            }
        }
        all
    };
    beads
        .iter()
        .map(|bead| (bead.local_id.as_str(), all_of(&bead.local_id)))
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use gtd_core::RuntimeName;

    use super::*;

    fn means() -> PlanMeans {
        let claude = RuntimeName::parse("claude").unwrap();
        PlanMeans {
            mayor: Some(claude.clone()),
            worker: Some(claude.clone()),
            usable: vec![claude],
            most_beads: 3,
            ..PlanMeans::default()
        }
    }

    fn read(answer: &str) -> Result<Plan, Vec<String>> {
        let goal = BeadId::parse("gt-1").unwrap();
        read_plan(answer, &Graph::default(), &goal, &[], &means())
    }

    fn check(answer: &str, expected: &Expect) {
        let shown = match read(answer) {
            Ok(plan) => {
                let beads: Vec<&str> = plan.beads.iter().map(|b| b.local_id.as_str()).collect();
                format!("{} | {}", beads.join(" "), plan.summary)
            }
            Err(mistakes) => mistakes.join("\n"),
        };
        expected.assert_eq(&shown);
    }

    fn bead(id: &str, more: &str) -> String {
        format!("[[bead]]\nid = \"{id}\"\ntitle = \"T\"\nacceptance = [\"it works\"]\n{more}\n")
    }

    #[test]
    fn the_plan_is_found_in_what_an_agent_says() {
        let plan = bead("a", "");
        let fenced = format!("I looked at it.\n\n```toml\n{plan}```\nThat is all.\n");
        check(&fenced, &expect!["a | I looked at it.\nThat is all."]);
        check(&plan, &expect!["a | "]);
        let unended = format!("Here:\n```toml\n{plan}");
        check(&unended, &expect!["a | Here:"]);
        let example = format!("```toml\nx = 1\n```\nand so\n```toml\n{plan}```");
        check(&example, &expect!["a | ```toml\nx = 1\n```\nand so"]);
    }

    #[test]
    fn fences_inside_of_a_description_do_not_end_the_plan() {
        let plan = bead(
            "a",
            "description = \"\"\"\nWrite:\n```rust\nfn x() {}\n```\n\"\"\"",
        );
        check(&format!("```toml\n{plan}```"), &expect!["a | "]);
        let behind = format!("```toml\n{plan}```\nTry it:\n```\nmake\n```\n");
        check(&behind, &expect!["a | Try it:\n```\nmake\n```"]);
    }

    #[test]
    fn an_answer_full_of_fences_is_read_a_few_times_and_its_plan_is_found() {
        let noise = "```toml\nx = 1\n```\n".repeat(5_000);
        assert_eq!(blocks(&noise).len(), BLOCKS);
        assert_eq!(blocks(&"```toml\n".repeat(5_000)).len(), BLOCKS);
        let plan = bead("a", "");
        let answer = format!("{noise}```toml\n{plan}```\n");
        assert_eq!(read(&answer).unwrap().beads[0].local_id, "a");
        let inner = "Write:\n```toml\nx = 1\n```\n".repeat(9);
        let plan = bead("b", &format!("description = \"\"\"\n{inner}\"\"\""));
        let answer = format!("{noise}```toml\n{plan}```\nTry it:\n```\nmake\n```\n");
        assert_eq!(read(&answer).unwrap().beads[0].local_id, "b");
    }

    #[test]
    fn an_answer_without_a_plan_is_told_where_it_belongs() {
        check(
            "All done!",
            &expect![
                "your last message holds no plan: end it with the plan as one block that begins with a line ```toml and ends with a line ```"
            ],
        );
    }

    #[test]
    fn what_a_plan_file_may_not_be_is_told_with_its_line() {
        check(
            &format!("```toml\n{}```", bead("a", "needs = [\"b\"]")),
            &expect![[r#"
                plan.toml: `a` needs `b`, which is not there
                 --> plan.toml:5:10
                  |
                5 | needs = ["b"]
                  |          ^^^
                  help: a need is the id of a bead of this plan, or of one that exists"#]],
        );
    }

    #[test]
    fn what_only_a_person_may_plan_is_told_all_at_once() {
        let plan = [
            bead("a", "scope = [\"src/**\"]\nrun = \"true\""),
            bead("b", "scope = [\"docs/**\"]").replace("acceptance = [\"it works\"]\n", ""),
            bead("c", "scope = [\"src/main.rs\"]"),
            bead("d", "scope = [\"src/main.rs\"]\nneeds = [\"b\", \"a\"]"),
        ]
        .concat();
        check(
            &format!("```toml\n{plan}```"),
            &expect![[r"
                the plan has 4 beads; 3 are the most: join what belongs together
                `a` has a script (`run`): agents do the beads of this plan; say in `description` what is to be done
                `b` has no `acceptance`: say what is true when it is done, where you can with a `check`
                `a` and `c` may touch the same files (src/** and src/main.rs) and would be at work at once: let one need the other, join them, or narrow their scopes
                `c` and `d` may touch the same files (src/main.rs and src/main.rs) and would be at work at once: let one need the other, join them, or narrow their scopes"]],
        );
    }
}
