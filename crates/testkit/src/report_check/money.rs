//! What models used, summed from the records of usage.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    fold::{Fold, Record, text},
    list,
};

/// The roles that do no bead's work themselves.
const OVERHEAD: [&str; 6] = ["mayor", "reviewer", "refinery", "crew", "witness", "deacon"];

/// What one group used.
#[derive(Default)]
struct Sum {
    micros: u64,
    input: u64,
    cached: u64,
    written: u64,
    output: u64,
    runs: BTreeSet<String>,
    priced: BTreeSet<String>,
}

impl Sum {
    fn tokens(&self) -> u64 {
        self.input + self.cached + self.written + self.output
    }

    fn told(&self) -> String {
        format!(
            "${} in {} cached {} written {} out {} runs {} unpriced {}",
            self.micros,
            self.input,
            self.cached,
            self.written,
            self.output,
            self.runs.len(),
            self.runs.difference(&self.priced).count()
        )
    }
}

/// All groups.
#[derive(Default)]
pub(super) struct Sums {
    all: Sum,
    roles: BTreeMap<String, Sum>,
    beads: BTreeMap<String, Sum>,
    days: BTreeMap<String, Sum>,
    idle: BTreeSet<String>,
    n_landed: u64,
}

/// Sums what the wanted beads used from a moment on.
pub(super) fn sums(
    records: &[Record<'_>],
    fold: &Fold,
    since: i64,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Sums {
    let of_usage = || {
        records
            .iter()
            .filter(|record| record.name == "UsageRecorded")
    };
    let is_estimate = |usage: &Value| usage["estimated"].as_bool().unwrap_or(false);
    let micros = |usage: &Value| usage["usd_micros"].as_u64().unwrap_or(0);
    // What a program says in the end takes the place of what was estimated on the way.
    let told: BTreeSet<&str> = of_usage()
        .map(|record| &record.body["usage"])
        .filter(|usage| !is_estimate(usage) && micros(usage) > 0)
        .map(|usage| text(&usage["run"]))
        .collect();
    let mut sums = Sums::default();
    for record in of_usage().filter(|record| record.at >= since) {
        let (id, usage) = (text(&record.body["bead"]), &record.body["usage"]);
        if !fold.beads.contains_key(id) || !is_wanted(id) {
            continue;
        }
        let run = text(&usage["run"]);
        let counts = !is_estimate(usage) || !told.contains(run);
        let role = role(record, fold, id, run);
        let groups = [
            &mut sums.all,
            sums.roles.entry(role).or_default(),
            sums.beads.entry(id.to_owned()).or_default(),
            sums.days.entry(day(record.at)).or_default(),
        ];
        for sum in groups {
            let n = |name: &str| usage[name].as_u64().unwrap_or(0);
            sum.input += n("input");
            sum.cached += n("cache_read");
            sum.written += n("cache_write");
            sum.output += n("output");
            sum.micros += if counts { micros(usage) } else { 0 };
            sum.runs.insert(run.to_owned());
            if micros(usage) > 0 {
                sum.priced.insert(run.to_owned());
            }
        }
        if !is_of_work(fold, id, run) {
            sums.idle.insert(run.to_owned());
        }
    }
    sums
}

/// Tells who used it: whoever reviews by the name of the run, else whoever recorded it.
fn role(record: &Record<'_>, fold: &Fold, id: &str, run: &str) -> String {
    if run.starts_with("review-") {
        return "reviewer".to_owned();
    }
    if let Some(role) = record.by["role"].as_str() {
        return role.to_owned();
    }
    let wished = fold.beads.get(id).and_then(|bead| bead.role.clone());
    wished.unwrap_or_else(|| "worker".to_owned())
}

/// Tells whether a lease or a review began to which a run belongs.
fn is_of_work(fold: &Fold, id: &str, run: &str) -> bool {
    if let Some(rest) = run.strip_prefix(&format!("review-{id}-e")) {
        let mut numbers = rest.split('.');
        let epoch = numbers.next().and_then(|epoch| epoch.parse().ok());
        let number = numbers.next().and_then(|number| number.strip_prefix('r'));
        let number = number.and_then(|number| number.parse().ok());
        return epoch
            .zip(number)
            .is_some_and(|(epoch, number)| fold.reviews.contains(&(id.to_owned(), epoch, number)));
    }
    let epoch = run
        .strip_prefix(&format!("{id}.e"))
        .and_then(|rest| rest.split('.').next())
        .and_then(|epoch| epoch.parse::<u64>().ok());
    let last = fold.beads.get(id).map_or(0, |bead| bead.epoch);
    epoch.is_some_and(|epoch| epoch >= 1 && epoch <= last)
}

/// Writes the day of a moment in UTC.
fn day(at: i64) -> String {
    let days = at.div_euclid(86_400_000) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads dollars of a document as millionths.
fn micros(value: &Value) -> u64 {
    let dollars = value.as_f64().unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "money of a test"
    )]
    let micros = (dollars * 1e6).round() as u64;
    micros
}

/// Writes a group of the report as its sum is told.
fn row(row: &Value) -> String {
    let tokens = &row["tokens"];
    format!(
        "${} in {} cached {} written {} out {} runs {} unpriced {}",
        micros(&row["usd"]),
        tokens["input"],
        tokens["cache_read"],
        tokens["cache_write"],
        tokens["output"],
        row["runs"],
        row["unpriced_runs"]
    )
}

impl Sums {
    /// Puts every number beside that of the report.
    pub(super) fn beside(
        mut self,
        cost: &Value,
        landed: &[Value],
    ) -> Vec<(String, String, String)> {
        self.n_landed = u64::try_from(landed.len()).unwrap_or(u64::MAX);
        let mut pairs = vec![("all".to_owned(), self.all.told(), row(cost))];
        for (name, sums, rows) in [
            ("role", &self.roles, &cost["by_role"]),
            ("bead", &self.beads, &cost["by_bead"]),
            ("day", &self.days, &cost["by_day"]),
        ] {
            let rows = list(rows);
            let n = (sums.len().to_string(), rows.len().to_string());
            pairs.push((format!("groups by {name}"), n.0, n.1));
            for (key, sum) in sums {
                let told = rows.iter().find(|row| text(&row["key"]) == key);
                let told = told.map(row).unwrap_or_default();
                pairs.push((format!("{name} {key}"), sum.told(), told));
            }
        }
        for one in landed {
            let id = text(&one["bead"]);
            let sum = self
                .beads
                .get(id)
                .map_or((0, 0), |sum| (sum.micros, sum.tokens()));
            let told = (micros(&one["usd"]), one["tokens"].as_u64().unwrap_or(0));
            pairs.push((
                format!("of landed {id}"),
                format!("${} {} tokens", sum.0, sum.1),
                format!("${} {} tokens", told.0, told.1),
            ));
        }
        let over = self
            .roles
            .iter()
            .filter(|(role, _)| OVERHEAD.contains(&role.as_str()));
        let (usd, tokens) = over.fold((0, 0), |(usd, tokens), (_, sum)| {
            (usd + sum.micros, tokens + sum.tokens())
        });
        let has_prices = self.all.micros > 0 && self.all.runs.len() == self.all.priced.len();
        let (part, whole) = if has_prices {
            (usd, self.all.micros)
        } else {
            (tokens, self.all.tokens())
        };
        let percent = (part * 100 + whole / 2).checked_div(whole);
        let each = self.all.micros.checked_div(self.n_landed);
        let number = |n: Option<u64>| n.map_or_else(|| "null".to_owned(), |n| n.to_string());
        let told_each = (!cost["per_landed"].is_null()).then(|| micros(&cost["per_landed"]));
        pairs.extend([
            (
                "overhead".to_owned(),
                format!("${usd} {tokens} tokens {} %", number(percent)),
                format!(
                    "${} {} tokens {} %",
                    micros(&cost["overhead_usd"]),
                    cost["overhead_tokens"],
                    cost["overhead_percent"]
                ),
            ),
            (
                "per landed bead".to_owned(),
                number(each),
                number(told_each),
            ),
            (
                "idle runs".to_owned(),
                self.idle.len().to_string(),
                cost["idle_runs"].to_string(),
            ),
        ]);
        pairs
    }
}
