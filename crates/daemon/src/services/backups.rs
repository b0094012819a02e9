//! When the daemon makes backups by itself.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use gtd_core::{Cron, Rejection};
use gtd_wire::pb::town::v1::{
    BackupWish, ScheduleBackupsRequest, ScheduleBackupsResponse, backup_wish,
};
use tonic::{Response, Status};

use super::{Api, document, rejected};
use crate::{
    backup::{BackupError, BackupSchedule, BackupScheduleDoc, When, Wish},
    ledger::chain,
    town::Town,
};

/// Backups are at least so far apart, in milliseconds.
const EVERY_MIN: u64 = 1_000;

impl Api {
    pub(super) async fn schedule_the_backups(
        &self,
        request: ScheduleBackupsRequest,
    ) -> Result<Response<ScheduleBackupsResponse>, Status> {
        let change = match request.wish {
            Some(wish) => Some(self.backup_wish(wish)?),
            None => None,
        };
        let made = self.with_schedule(move |town, now| match change {
            Some(wish) => {
                let changing = &town.backing_up;
                let _one_at_a_time = changing.lock().unwrap_or_else(PoisonError::into_inner);
                BackupSchedule::want(&town.places, wish, now)
            }
            None => BackupSchedule::load(&town.places),
        });
        let doc = made
            .await?
            .map_err(|error| Status::failed_precondition(format!("cannot {}", chain(&error))))?;
        document("BackupSchedule", doc, self.revision())
    }

    /// Says why a person should look at the backups, if so.
    pub(super) async fn problem_of_backups(&self) -> Option<String> {
        let made = self.with_schedule(|town, _| BackupSchedule::load(&town.places));
        match made.await.ok()? {
            Ok(doc) => doc.problem().map(str::to_owned),
            Err(error) => Some(format!("cannot {}", chain(&error))),
        }
    }

    async fn with_schedule(
        &self,
        act: impl FnOnce(&Town, gtd_core::Timestamp) -> Result<BackupSchedule, BackupError>
        + Send
        + 'static,
    ) -> Result<Result<BackupScheduleDoc, BackupError>, Status> {
        let town = Arc::clone(&self.town);
        let task = tokio::task::spawn_blocking(move || {
            let now = town.ledger.now();
            act(&town, now).map(|schedule| schedule.document(now, &gtd_host::local_zone()))
        });
        task.await
            .map_err(|error| Status::internal(error.to_string()))
    }

    fn backup_wish(&self, wire: BackupWish) -> Result<Option<Wish>, Status> {
        let bad = |field: &str, why: String| {
            rejected(Rejection::BadText {
                field: field.to_owned(),
                why,
            })
        };
        let when = match wire.when {
            None => return Ok(None),
            Some(backup_wish::When::Cron(text)) => When::Cron(
                Cron::parse(&text).map_err(|error| bad("the cron expression", error.why))?,
            ),
            Some(backup_wish::When::EveryMs(every)) if every >= EVERY_MIN => When::EveryMs(every),
            Some(backup_wish::When::EveryMs(_)) => {
                return Err(bad("the time between", "is less than a second".to_owned()));
            }
        };
        if wire.keep == 0 {
            return Err(bad(
                "the number that is kept",
                "must be at least 1".to_owned(),
            ));
        }
        let folder = match wire.folder.as_str() {
            "" => self.town.places.backups(),
            folder => PathBuf::from(folder),
        };
        if !folder.is_absolute() {
            return Err(bad("the folder", "is no absolute path".to_owned()));
        }
        Ok(Some(Wish {
            when,
            keep: wire.keep,
            folder,
        }))
    }
}
