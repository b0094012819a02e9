//! Backups that the daemon makes by itself.
//!
//! What is wanted, what was made and how the last one went stand in one file
//! beside the store and not in the log: they speak of folders of this machine.
//! Only files that stand there as made are ever deleted, only when they are
//! still this town's and whole, and only after a newer one was verified.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use gtd_client::Places;
use gtd_core::{Cron, Moment, Revision, Timestamp, Zone};
use serde::{Deserialize, Serialize};

use super::{
    BackupError,
    archive::{self, make_folder},
    create::create_in,
    list::{mark_file, verify},
};

/// The wait after a backup that failed.
const AGAIN: Duration = Duration::from_mins(10);
/// A last backup that lies so far ahead was made under a wrong clock.
const SLACK: Duration = Duration::from_hours(25);
/// So much later than it was due, a backup is too old.
const LATE: Duration = Duration::from_hours(1);

/// When backups are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// By the clock.
    Cron(Cron),
    /// So many milliseconds after the last one.
    EveryMs(u64),
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// When.
    pub(crate) when: When,
    /// How many are kept.
    pub(crate) keep: u32,
    /// The folder.
    pub(crate) folder: PathBuf,
}

/// What is wanted, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct BackupSchedule {
    /// What is wanted; nothing when the daemon makes none by itself.
    wish: Option<Wish>,
    /// Times up to this moment do not count any more.
    #[serde(default)]
    since: Timestamp,
    /// What was made and is kept, the newest last.
    #[serde(default)]
    made: Vec<PathBuf>,
    /// When the last one was made.
    #[serde(default)]
    last: Option<Timestamp>,
    /// Why the last try came to nothing.
    #[serde(default)]
    problem: Option<Problem>,
}

/// Why a try came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Problem {
    at: Timestamp,
    why: String,
}

/// What documents tell of it.
#[derive(Debug, Serialize)]
pub(crate) struct BackupScheduleDoc {
    on: bool,
    cron: Option<Cron>,
    every_s: Option<u64>,
    zone: Option<String>,
    next: Vec<Moment>,
    keep: Option<u32>,
    folder: Option<PathBuf>,
    made: Vec<PathBuf>,
    last: Option<Moment>,
    /// Why a person should look: the last try failed, or none was made for too long.
    problem: Option<String>,
}

impl BackupScheduleDoc {
    /// Says why a person should look.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

impl BackupSchedule {
    /// Reads the schedule; where there is none, nothing is wanted.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn load(places: &Places) -> Result<Self, BackupError> {
        let path = places.backup_schedule();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(BackupError::file("read", path)(error)),
        };
        serde_json::from_slice(&text)
            .map_err(|error| BackupError::file("read", path)(io::Error::other(error)))
    }

    /// Puts it in the place of the one before, whole or not at all.
    fn save(&self, places: &Places) -> Result<(), BackupError> {
        let path = places.backup_schedule();
        let part = path.with_extension("json.part");
        let fail = || BackupError::file("write", &path);
        let text = serde_json::to_vec_pretty(self).map_err(|error| fail()(error.into()))?;
        fs::write(&part, text).map_err(fail())?;
        fs::File::open(&part)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&part, &path))
            .map_err(fail())?;
        archive::sync_folder(path.parent().unwrap_or(Path::new(".")))
    }

    /// Wants something else from now on; what was made stays.
    ///
    /// # Errors
    /// When the schedule cannot be written, or no backup can be put into the folder.
    pub(crate) fn want(
        places: &Places,
        wish: Option<Wish>,
        now: Timestamp,
    ) -> Result<Self, BackupError> {
        if let Some(wish) = &wish {
            make_folder(&wish.folder)?;
        }
        let mut schedule = Self::load(places)?;
        if schedule.wish != wish {
            schedule.since = now;
            schedule.problem = None;
            schedule.wish = wish;
            schedule.save(places)?;
        }
        Ok(schedule)
    }

    /// Tells whether a backup is due.
    fn is_due(&self, now: Timestamp, zone: &Zone) -> bool {
        let Some(wish) = &self.wish else { return false };
        if let Some(problem) = &self.problem {
            return now.since(problem.at) >= AGAIN || problem.at > now.plus(SLACK);
        }
        if self.since > now.plus(SLACK) {
            return true;
        }
        match &wish.when {
            When::Cron(cron) => cron.last_in(self.since, now, zone).is_some(),
            When::EveryMs(every) => now.since(self.since) >= Duration::from_millis(*every),
        }
    }

    fn next(&self, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match &self.wish.as_ref()?.when {
            When::Cron(cron) => cron.next_after(after, zone),
            When::EveryMs(every) => Some(after.plus(Duration::from_millis(*every))),
        }
    }

    /// Says why a person should look.
    fn problem(&self, now: Timestamp, zone: &Zone) -> Option<String> {
        if let Some(problem) = &self.problem {
            let at = Moment(problem.at);
            return Some(format!("the backup of {at} failed: {}", problem.why));
        }
        let due = self.next(self.since, zone)?;
        (due.plus(LATE) < now).then(|| format!("a backup was due at {}", Moment(due)))
    }

    /// Makes the document.
    pub(crate) fn document(&self, now: Timestamp, zone: &Zone) -> BackupScheduleDoc {
        let wish = self.wish.as_ref();
        let when = wish.map(|wish| &wish.when);
        let from = match when {
            Some(When::Cron(_)) => now,
            _ => self.since,
        };
        let next = std::iter::successors(self.next(from, zone), |at| self.next(*at, zone));
        BackupScheduleDoc {
            on: wish.is_some(),
            cron: match when {
                Some(When::Cron(cron)) => Some(cron.clone()),
                _ => None,
            },
            every_s: match when {
                Some(When::EveryMs(every)) => Some(every / 1_000),
                _ => None,
            },
            zone: wish.map(|_| zone.name(now)),
            next: next.take(3).map(Moment).collect(),
            keep: wish.map(|wish| wish.keep),
            folder: wish.map(|wish| wish.folder.clone()),
            made: self.made.clone(),
            last: self.last.map(Moment),
            problem: self.problem(now, zone),
        }
    }
}

/// Makes a backup when one is due, and deletes those that are too many. Blocks.
///
/// `changing` is held only while the schedule is changed: a backup may take long.
///
/// # Errors
/// When the schedule cannot be read or written; a backup that fails is noted in the schedule.
pub(crate) fn make_when_due(
    places: &Places,
    head: Revision,
    now: Timestamp,
    zone: &Zone,
    changing: &Mutex<()>,
) -> Result<(), BackupError> {
    let schedule = BackupSchedule::load(places)?;
    let Some(wish) = schedule.wish.clone().filter(|_| schedule.is_due(now, zone)) else {
        return Ok(());
    };
    let change = |act: &mut dyn FnMut(&mut BackupSchedule)| -> Result<BackupSchedule, BackupError> {
        let _one_at_a_time = changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut schedule = BackupSchedule::load(places)?;
        act(&mut schedule);
        schedule.save(places)?;
        Ok(schedule)
    };
    match make(places, &wish, head, now) {
        Ok((path, town_id)) => {
            tracing::info!(path = %path.display(), revision = %head, "made a backup by the clock");
            // What was made is known before anything is deleted.
            let schedule = change(&mut |schedule| {
                schedule.made.push(path.clone());
                schedule.last = Some(now);
                schedule.since = now;
                schedule.problem = None;
            })?;
            let gone = prune(places, &schedule.made, wish.keep, &town_id);
            if !gone.is_empty() {
                change(&mut |schedule| schedule.made.retain(|path| !gone.contains(path)))?;
            }
        }
        Err(error) => {
            let why = crate::ledger::chain(&error);
            tracing::warn!(%why, "a backup by the clock failed");
            change(&mut |schedule| {
                schedule.problem = Some(Problem {
                    at: now,
                    why: why.clone(),
                });
            })?;
        }
    }
    Ok(())
}

/// Makes one and verifies it; returns where it is and the town that it is of.
fn make(
    places: &Places,
    wish: &Wish,
    head: Revision,
    now: Timestamp,
) -> Result<(PathBuf, String), BackupError> {
    let made = create_in(places, &wish.folder, head, now)?;
    verify(places, &made.path)?;
    Ok((made.path, made.manifest.town_id))
}

/// Deletes the oldest that were made, as long as there are too many; returns what counts no more.
fn prune(places: &Places, made: &[PathBuf], keep: u32, town_id: &str) -> Vec<PathBuf> {
    // What somebody took away is not there to be counted.
    let (there, mut gone): (Vec<PathBuf>, Vec<PathBuf>) = made
        .iter()
        .cloned()
        .partition(|path| fs::symlink_metadata(path).is_ok());
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let too_many = there.len().saturating_sub(keep);
    for path in there.into_iter().take(too_many) {
        let is_ours = archive::manifest(&path).is_ok_and(|found| found.town_id == town_id);
        let is_whole = is_ours && verify(places, &path).is_ok();
        if is_whole {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot delete an old backup");
                continue;
            }
            let _only_a_mark = fs::remove_file(mark_file(&path));
            tracing::info!(path = %path.display(), "deleted an old backup");
        } else {
            // Whatever it is now, it is not what was made: it stays for a person to see.
            tracing::warn!(path = %path.display(), "an old backup is not whole, and stays");
        }
        gone.push(path);
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn schedule(when: When) -> BackupSchedule {
        BackupSchedule {
            wish: Some(Wish {
                when,
                keep: 3,
                folder: "/backups".into(),
            }),
            since: Timestamp(10 * HOUR),
            ..BackupSchedule::default()
        }
    }

    #[test]
    fn a_backup_is_due_by_the_clock_and_again_some_minutes_after_it_failed() {
        let zone = Zone::utc();
        let hourly = When::Cron(Cron::parse("0 * * * *").expect("an expression"));
        for when in [hourly, When::EveryMs(3_600_000)] {
            let mut schedule = schedule(when);
            let due = |schedule: &BackupSchedule, minutes: i64| {
                schedule.is_due(Timestamp(10 * HOUR + minutes * 60_000), &zone)
            };
            assert!(!due(&schedule, 59));
            assert!(due(&schedule, 60));
            schedule.problem = Some(Problem {
                at: Timestamp(11 * HOUR),
                why: "no space".to_owned(),
            });
            assert!(!due(&schedule, 69));
            assert!(due(&schedule, 70));
            assert!(schedule.problem(Timestamp(12 * HOUR), &zone).is_some());
            // A clock that was a week ahead does not silence it.
            schedule.problem = None;
            schedule.since = Timestamp(10 * HOUR + 7 * 24 * HOUR);
            assert!(due(&schedule, 0));
            schedule.wish = None;
            assert!(!due(&schedule, 0));
        }
    }

    #[test]
    fn a_backup_that_does_not_come_is_told() {
        let zone = Zone::utc();
        let schedule = schedule(When::EveryMs(3_600_000));
        let told = |hours: i64| schedule.problem(Timestamp(hours * HOUR + 1), &zone);
        assert_eq!(told(11), None);
        assert!(told(12).is_some_and(|text| text.contains("was due")));
    }
}
