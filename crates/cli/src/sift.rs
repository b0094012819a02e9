//! Which lines of a log are wanted.

use gtd_core::Timestamp;

use crate::{clock, error::CliError, show::Line};

/// The levels, the worst first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What lines are narrowed to.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Which lines")]
pub(crate) struct SiftArgs {
    /// Written since then: 10m, 02:00, yesterday, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Written up to then
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// From a gate of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) gate: Option<String>,
    /// Of these kinds: what a run printed (stdout, stderr), what an agent did in it, what the
    /// shim noted, or everything of work, checks or gates
    #[arg(long, value_name = "KIND", value_delimiter = ',',
        value_parser = ["stdout", "stderr", "note", "say", "think", "plan", "tool", "edit", "git", "result", "retry", "limit",
            "error", "session", "event", "work", "check", "gate"])]
    kind: Vec<String>,
    /// Of this level or a worse one; lines of a run have none
    #[arg(short = 'l', long, value_name = "LEVEL", value_parser = LEVELS)]
    level: Option<String>,
    /// That hold this text; small letters also stand for capitals
    #[arg(short = 'g', long = "grep", value_name = "TEXT")]
    pattern: Option<String>,
}

/// Decides about one line after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sift {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    gate: Option<String>,
    kinds: Vec<String>,
    level: Option<usize>,
    pattern: Option<String>,
    /// The bead that lines of a role must be about.
    pub(crate) bead: Option<String>,
}

impl SiftArgs {
    /// Tells whether a begin is wished, so that all from there on is.
    pub(crate) fn is_spanned(&self) -> bool {
        self.since.is_some()
    }

    /// Reads what is wished.
    pub(crate) fn sift(&self) -> Result<Sift, CliError> {
        let since = self.since.as_deref().map(clock::behind).transpose()?;
        let until = self.until.as_deref().map(clock::behind).transpose()?;
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            return Err(CliError::usage("--since lies behind --until"));
        }
        let place = |level: &String| LEVELS.iter().position(|known| known == level);
        Ok(Sift {
            since,
            until,
            gate: self.gate.clone(),
            kinds: self.kind.clone(),
            level: self.level.as_ref().and_then(place),
            pattern: self.pattern.clone(),
            bead: None,
        })
    }
}

impl Sift {
    /// Tells whether every line is wanted.
    pub(crate) fn takes_all(&self) -> bool {
        self.since.is_none()
            && self.until.is_none()
            && self.gate.is_none()
            && self.kinds.is_empty()
            && self.level.is_none()
            && self.pattern.is_none()
            && self.bead.is_none()
    }

    /// Tells whether a line is wanted.
    pub(crate) fn takes(&self, line: &Line) -> bool {
        let word = |key: &str| line.object.get(key).and_then(|value| value.as_str());
        let at = ["at", "time", "timestamp"].into_iter().find_map(word);
        let at = at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let at = at.map(|at| Timestamp(at.as_millisecond()));
        let is_in_time = self
            .since
            .is_none_or(|since| at.is_some_and(|at| at >= since))
            && self
                .until
                .is_none_or(|until| at.is_some_and(|at| at <= until));
        let level = word("level").map(str::to_ascii_lowercase);
        let level = level.and_then(|level| LEVELS.iter().position(|known| *known == level));
        let is_bad_enough = self
            .level
            .is_none_or(|wanted| level.is_none_or(|level| level <= wanted));
        let run = word("run").unwrap_or_default();
        let of_gate = self.gate.as_ref().is_none_or(|gate| is_gate(run, gate));
        let kind = word("type").unwrap_or_default();
        let of_kind = self.kinds.is_empty()
            || self.kinds.iter().any(|wanted| match wanted.as_str() {
                "stdout" => kind == "out",
                "stderr" => kind == "err",
                "work" => part(run) == "work",
                "check" => part(run).starts_with("check"),
                "gate" => !run.is_empty() && part(run) != "work" && !part(run).starts_with("check"),
                other => kind == other,
            });
        let data = line.object.get("data");
        let of_bead = self.bead.as_ref().is_none_or(|bead| {
            let named = data
                .and_then(|data| data.get("bead"))
                .and_then(|bead| bead.as_str());
            named == Some(bead)
                || run
                    .strip_prefix(bead.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
        });
        let is_found = self
            .pattern
            .as_ref()
            .is_none_or(|pattern| line.text().is_some_and(|text| holds(text, pattern)));
        is_in_time && is_bad_enough && of_gate && of_kind && of_bead && is_found
    }
}

/// Tells whether a text holds another one; capitals that are wished have to be there.
fn holds(text: &str, wanted: &str) -> bool {
    let has_capitals = wanted.chars().any(char::is_uppercase);
    text.contains(wanted) || (!has_capitals && text.to_lowercase().contains(wanted))
}

/// Returns the last part of a run's name that says what it is for; a retry has a part more.
fn part(run: &str) -> &str {
    // A retry or a further turn of the same.
    let is_again = |part: &&str| {
        part.strip_prefix(['r', 't'])
            .is_some_and(|n| n.parse::<u32>().is_ok())
    };
    run.rsplit('.')
        .find(|part| !is_again(part))
        .unwrap_or_default()
}

/// Tells whether a run is one of a gate: on a candidate by its name, in a worktree as `gate-NAME-…`.
fn is_gate(run: &str, gate: &str) -> bool {
    let part = part(run);
    let in_worktree = part
        .strip_prefix("gate-")
        .and_then(|rest| rest.rsplit_once('-'))
        .is_some_and(|(name, _)| name == gate);
    part == gate || in_worktree
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(args: &SiftArgs) -> String {
        let lines = [
            r#"{"seq":1,"at":"2026-01-02T03:04:05Z","level":"info","text":"a granted","data":{"bead":"gt-1"}}"#,
            r#"{"seq":2,"at":"2026-01-02T03:05:05Z","level":"WARN","text":"b late","data":{"bead":"gt-2"}}"#,
            r#"{"seq":3,"at":"2026-01-02T03:06:05Z","type":"err","run":"gt-1.e1.work","text":"c said"}"#,
            r#"{"seq":4,"at":"2026-01-02T03:07:05Z","type":"out","run":"mr-1.g0.test","text":"d red"}"#,
            r#"{"seq":5,"at":"2026-01-02T03:08:05Z","type":"out","run":"gt-1.e1.gate-test-0a0b0c0d.r1","text":"e red"}"#,
            r#"{"seq":6,"at":"2026-01-02T03:09:05Z","type":"out","run":"gt-1.e1.check0-0a0b0c0d","text":"f checks"}"#,
        ];
        let sift = args.sift().unwrap();
        let lines = lines.iter().map(|line| Line::of(0, line.as_bytes()));
        let lines = lines.filter(|line| sift.takes(line));
        lines
            .map(|line| line.text().unwrap()[..1].to_owned())
            .collect()
    }

    #[test]
    fn lines_are_narrowed_by_time_level_kind_gate_and_words() {
        let none = SiftArgs::default;
        let some = |text: &str| Some(text.to_owned());
        assert!(none().sift().unwrap().takes_all());
        assert_eq!(taken(&none()), "abcdef");
        assert_eq!(
            taken(&SiftArgs {
                since: some("2026-01-02T03:06:00Z"),
                until: some("2026-01-02T03:07:30Z"),
                ..none()
            }),
            "cd"
        );
        assert_eq!(
            taken(&SiftArgs {
                level: some("warn"),
                ..none()
            }),
            "bcdef"
        );
        assert_eq!(
            taken(&SiftArgs {
                kind: vec!["stderr".into()],
                ..none()
            }),
            "c"
        );
        assert_eq!(
            taken(&SiftArgs {
                kind: vec!["work".into(), "check".into()],
                ..none()
            }),
            "cf"
        );
        assert_eq!(
            taken(&SiftArgs {
                kind: vec!["gate".into()],
                ..none()
            }),
            "de"
        );
        assert_eq!(
            taken(&SiftArgs {
                gate: some("test"),
                ..none()
            }),
            "de"
        );
        assert_eq!(
            taken(&SiftArgs {
                pattern: some("red"),
                ..none()
            }),
            "de"
        );
    }

    #[test]
    fn a_span_that_ends_before_it_begins_is_refused() {
        let some = |text: &str| Some(text.to_owned());
        let args = SiftArgs {
            since: some("2026-01-02T03:06:00Z"),
            until: some("2026-01-02T03:05:00Z"),
            ..SiftArgs::default()
        };
        let said = args.sift().unwrap_err().message();
        assert!(said.contains("behind"), "{said}");
    }

    #[test]
    fn capitals_that_are_wished_have_to_be_there() {
        assert!(holds("It Landed", "landed"));
        assert!(holds("It Landed", "Landed"));
        assert!(!holds("it landed", "Landed"));
    }
}
