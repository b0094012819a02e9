//! Bringing an integration branch home: into the branch that it is meant for, by fast-forward.

use gtd_core::{BeadId, Command, Oid, Target};
use gtd_git::{Expect, FastForward, RefMove};

use super::{Hands, git};
use crate::HostError;

impl Hands {
    /// Brings the work of a goal into its branch, or tells why that cannot be.
    pub(super) fn bring_home(
        &self,
        goal: &BeadId,
        target: &Target,
    ) -> Result<Vec<Command>, HostError> {
        let rig = &target.rig;
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let branch = format!("refs/heads/{}", target.branch);
        let conclude = |commit: Option<Oid>, why: String| {
            vec![Command::ConcludeLanding {
                goal: goal.clone(),
                commit,
                why,
            }]
        };
        let bring = || {
            let Some(from) = repository.resolve(&target.r#ref)? else {
                return Ok(conclude(
                    None,
                    format!("{} does not exist", target.short_ref()),
                ));
            };
            let at = repository.resolve(&branch)?;
            if let Some(at) = &at
                && repository.is_ancestor(&from, at)?
            {
                return Ok(conclude(
                    Some(at.clone()),
                    "it was there already".to_owned(),
                ));
            }
            let apart = format!(
                "{branch} has commits that {of} does not have: on {branch}, git merge {of}",
                branch = target.branch,
                of = target.short_ref()
            );
            if let Some(checkout) = repository.checked_out_at(&branch)? {
                let place = checkout.display();
                return Ok(match repository.fast_forward_checkout(&checkout, &from)? {
                    FastForward::Done => conclude(Some(from), String::new()),
                    FastForward::NotClean(files) => {
                        conclude(None, format!("{place} is not clean: {}", files.join(", ")))
                    }
                    FastForward::InProgress(_) => {
                        conclude(None, format!("{place} is in the middle of something"))
                    }
                    FastForward::NotFastForward => conclude(None, apart),
                });
            }
            let expect = match &at {
                Some(at) if repository.is_ancestor(at, &from)? => Expect::At(at.clone()),
                Some(_) => return Ok(conclude(None, apart)),
                None => Expect::Missing,
            };
            Ok(match repository.move_ref(&branch, &from, &expect)? {
                RefMove::Moved | RefMove::AlreadyThere => conclude(Some(from), String::new()),
                RefMove::Elsewhere(_) => {
                    conclude(None, format!("{} moved meanwhile", target.branch))
                }
            })
        };
        bring().map_err(git(rig))
    }
}
