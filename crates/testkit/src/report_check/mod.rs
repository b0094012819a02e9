//! Works out every number of a report again, from the exported log and from nothing else.
//!
//! It reads what `gtd export json` writes as plain JSON and knows none of the types of the
//! project, so that a mistake of the report cannot hide in code that both use. What it does not
//! look at are words: reasons, titles, commands.
//!
//! | file | is |
//! |---|---|
//! | `fold` | what each record makes of beads, goals and candidates |
//! | `money` | what models used |
//! | `spans` | in whose hands each bead was, and how long |

mod fold;
mod money;
mod spans;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use serde_json::Value;

use self::fold::{Fold, Record, State, records, text};

/// One number of the report beside what the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What it is.
    pub what: String,
    /// As worked out from the log.
    pub log: String,
    /// As it stands in the report.
    pub report: String,
}

impl Pair {
    /// Tells whether both say the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.log == self.report
    }
}

/// Compares a report with the whole log; `goal` when it is the report of one.
#[must_use]
pub fn compare(log: &[Value], report: &Value, goal: Option<&str>) -> Vec<Pair> {
    let since = moment(&report["since"]);
    let until = moment(&report["until"]);
    let records: Vec<Record<'_>> = records(log)
        .into_iter()
        .filter(|record| record.at <= until)
        .collect();
    let mut fold = Fold::default();
    for record in &records {
        fold.take(record);
    }
    let mut check = Check {
        records: &records,
        fold: &fold,
        report,
        goal,
        since,
        until,
        pairs: Vec::new(),
    };
    check.goals();
    check.landed();
    check.not_done();
    check.needs_you();
    check.proof();
    check.cost();
    check.time();
    check.pairs
}

/// Reads a moment of a document as milliseconds since 1970.
fn moment(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or_default();
    let number = |from: usize, to: usize| -> i64 {
        let part = text.get(from..to).unwrap_or_default();
        part.parse().unwrap_or(0)
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days since 1970 of a day in the calendar, by the usual shift of the year to March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    seconds * 1_000 + number(20, 23)
}

struct Check<'a> {
    records: &'a [Record<'a>],
    fold: &'a Fold,
    report: &'a Value,
    goal: Option<&'a str>,
    since: i64,
    until: i64,
    pairs: Vec<Pair>,
}

impl<'a> Check<'a> {
    fn pair(&mut self, what: impl Into<String>, log: impl Display, report: impl Display) {
        self.pairs.push(Pair {
            what: what.into(),
            log: log.to_string(),
            report: report.to_string(),
        });
    }

    /// Compares two sets of words.
    fn sets(&mut self, what: &str, log: BTreeSet<String>, report: BTreeSet<String>) {
        let told = |set: BTreeSet<String>| {
            let words: Vec<String> = set.into_iter().collect();
            format!("{}: {}", words.len(), words.join(" "))
        };
        self.pair(what, told(log), told(report));
    }

    fn is_wanted(&self, id: &str) -> bool {
        let Some(goal) = self.goal else { return true };
        id == goal || self.fold.goal_of(id) == Some(goal)
    }

    /// The records in the time of the report.
    fn within(&self) -> impl Iterator<Item = &'a Record<'a>> {
        let since = self.since;
        self.records.iter().filter(move |record| record.at >= since)
    }

    fn goals(&mut self) {
        let opened = self.within().filter(|record| record.name == "GoalOpened");
        let mut goals: BTreeSet<String> = opened
            .map(|record| text(&record.body["bead"]["id"]).to_owned())
            .collect();
        goals.extend(self.goal.map(str::to_owned));
        let open = self.fold.goals.keys().filter(|id| {
            let bead = self.fold.beads.get(*id);
            bead.is_some_and(|bead| !bead.state.is_finished())
        });
        goals.extend(open.cloned());
        goals.retain(|id| self.is_wanted(id) && self.fold.beads.contains_key(id));
        let rows = list(&self.report["convoys"]);
        let told = rows.iter().map(|row| text(&row["id"]).to_owned()).collect();
        self.sets("goals", goals, told);
        let (mut all, mut done) = (0, 0);
        for row in rows {
            let id = text(&row["id"]);
            let beads = self.fold.of_goal(id);
            let n = |is_it: &dyn Fn(&State) -> bool| beads.iter().filter(|s| is_it(s)).count();
            let counts = [
                ("total", n(&|_| true)),
                ("done", n(&State::is_good)),
                ("landed", n(&State::is_landed)),
                ("running", n(&|state| *state == State::Leased)),
                ("queued", n(&|state| *state == State::Submitted)),
                ("parked", n(&|state| matches!(state, State::Parked(_)))),
                (
                    "failed",
                    n(&|state| state.is_finished() && !state.is_good()),
                ),
            ];
            all += counts[0].1;
            done += counts[1].1;
            for (name, n) in counts {
                self.pair(format!("{id}: {name}"), n, &row[name]);
            }
        }
        let outcome = text(&self.report["outcome"]);
        let needs = list(&self.report["needs_you"]).len();
        let landed = list(&self.report["landed"]).len();
        if all > 0 {
            let beads = if all == 1 { "bead" } else { "beads" };
            let needs = match needs {
                0 => "nothing needs you".to_owned(),
                1 => "1 needs you".to_owned(),
                n => format!("{n} need you"),
            };
            let line = format!("{done} of {all} {beads} done, {landed} landed, {needs}");
            self.pair("outcome", line, outcome);
        }
    }

    fn landed(&mut self) {
        let mut landed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for record in self.within() {
            if record.name != "CandidateLanded" {
                continue;
            }
            let candidate = text(&record.body["candidate"]);
            for id in self.fold.carried(candidate) {
                let Some(bead) = self.fold.beads.get(id) else {
                    continue;
                };
                let State::Landed { by, commit } = &bead.state else {
                    continue;
                };
                if by == candidate && self.is_wanted(id) {
                    let told = vec![commit.clone(), by.clone(), bead.epoch.to_string()];
                    landed.insert(id.clone(), told);
                }
            }
        }
        let rows = list(&self.report["landed"]);
        self.pair("landed", landed.len(), rows.len());
        self.pair(
            "proof: landed",
            landed.len(),
            &self.report["proof"]["landed"],
        );
        for row in rows {
            let id = text(&row["bead"]);
            let told = format!(
                "{} {} {}",
                text(&row["commit"]),
                text(&row["merge"]),
                row["attempts"]
            );
            let known = landed.get(id).map(|known| known.join(" "));
            let what = format!("{id}: commit, candidate, attempts");
            self.pair(what, known.unwrap_or_default(), told);
        }
    }

    fn not_done(&mut self) {
        let goals: BTreeSet<&str> = list(&self.report["convoys"])
            .iter()
            .map(|row| text(&row["id"]))
            .collect();
        let is_meant = |id: &str| match self.fold.goal_of(id) {
            Some(goal) => goals.contains(goal),
            None => {
                let is_open = |bead: &fold::Bead| !bead.state.is_finished();
                self.goal.is_none()
                    && !self.fold.goals.contains_key(id)
                    && self.fold.beads.get(id).is_some_and(is_open)
            }
        };
        let ids = self.fold.beads.keys();
        let left = ids
            .filter(|id| is_meant(id) && !self.fold.is_settled_well(id))
            .cloned()
            .collect();
        let rows = list(&self.report["not_done"]);
        let told = rows.iter().map(|row| text(&row["bead"]).to_owned());
        self.sets("not done", left, told.collect());
    }

    /// Compares who must be told of, and lets nothing in that the log cannot explain.
    fn needs_you(&mut self) {
        let items = list(&self.report["needs_you"]);
        let told: BTreeSet<String> = items
            .iter()
            .map(|item| text(&item["subject"]).to_owned())
            .collect();
        let (must, may) = self.fold.needs_you();
        let is_here = |id: &String| !self.fold.beads.contains_key(id) || self.is_wanted(id);
        let mut log: BTreeSet<String> = must.into_iter().filter(is_here).collect();
        log.extend(told.iter().filter(|id| may.contains(*id)).cloned());
        self.sets("needs you", log, told);
    }

    fn proof(&mut self) {
        let n = |names: &[&str]| {
            let counted = self.within().filter(|record| names.contains(&record.name));
            counted
                .filter(|record| self.is_wanted(text(&record.body["bead"])))
                .count()
        };
        let counts = [
            ("claimed", n(&["WorkSubmitted"])),
            ("failed_attempts", n(&["WorkReturned", "LeaseExpired"])),
            ("sent_back", n(&["SubmissionReturned"])),
            ("no_op", n(&["WorkClosed"])),
        ];
        let judged = |verdict: &str| {
            let judged = self.within().filter(|record| {
                record.name == "CandidateJudged" && text(&record.body["verdict"]) == verdict
            });
            let is_about = |candidate: &str| {
                let mut beads = self.fold.carried(candidate).iter();
                self.goal.is_none() || beads.any(|id| self.is_wanted(id))
            };
            judged
                .filter(|record| is_about(text(&record.body["candidate"])))
                .count()
        };
        let moved = self
            .within()
            .filter(|record| record.name == "TargetMoved" && !record.body["from"].is_null())
            .count();
        let more = [
            ("gates_green", judged("passed")),
            ("gates_red", judged("failed")),
            ("foreign_moves", moved),
        ];
        for (name, n) in counts.into_iter().chain(more) {
            self.pair(format!("proof: {name}"), n, &self.report["proof"][name]);
        }
        let ended = self
            .within()
            .filter(|record| record.name == "GoalClosed")
            .filter(|record| self.is_wanted(text(&record.body["goal"])));
        let gates: usize = ended.map(|record| list(&record.body["proof"]).len()).sum();
        let told = list(&self.report["proof"]["final_gates"]).len();
        self.pair("proof: final gates", gates, told);
        let no_op = list(&self.report["no_op"]).len();
        self.pair("closed without a change", counts[3].1, no_op);
    }

    fn cost(&mut self) {
        let sums = money::sums(self.records, self.fold, self.since, &|id| {
            self.is_wanted(id)
        });
        let cost = &self.report["cost"];
        for (name, log, report) in sums.beside(cost, list(&self.report["landed"])) {
            self.pair(format!("cost: {name}"), log, report);
        }
    }

    fn time(&mut self) {
        let spans = spans::of(self.records, self.fold, self.since, self.until, &|id| {
            self.is_wanted(id)
        });
        let time = &self.report["time"];
        for (name, log) in [
            ("agent_ms", spans.agent),
            ("gate_ms", spans.gate),
            ("merge_ms", spans.merge),
        ] {
            self.pair(format!("time: {name}"), log, &time[name]);
        }
        let told: BTreeSet<String> = list(&time["waits"])
            .iter()
            .map(|wait| {
                format!(
                    "{}={}ms/{}",
                    text(&wait["reason"]),
                    wait["ms"],
                    wait["beads"]
                )
            })
            .collect();
        let waits = spans.waits.iter().filter(|(_, (ms, _))| *ms > 0);
        let log = waits.map(|(reason, (ms, beads))| format!("{reason}={ms}ms/{}", beads.len()));
        self.sets("time: waits", log.collect(), told);
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
