//! Goals that come by the clock: what the ledger cannot know of them.
//!
//! Whether something here can do the work is asked when a schedule is made;
//! where the work lands, each time anew, since a branch that is checked out
//! tonight need not be tomorrow.

use gtd_core::{Command, Rejection, RigName, ScheduleName, Target};
use gtd_wire::{
    LandWish, WriteRequest as _,
    pb::goal::v1::{
        AddScheduleRequest, AddScheduleResponse, FireScheduleRequest, FireScheduleResponse,
    },
};
use tonic::{Request, Response, Status};

use super::{Api, caller_of, goal::check_doable, malformed, rejected};
use crate::town::{choose_target, resolve_wish};

impl Api {
    pub(super) async fn add_a_schedule(
        &self,
        request: Request<AddScheduleRequest>,
    ) -> Result<Response<AddScheduleResponse>, Status> {
        let (command, _) = request.get_ref().clone().command().map_err(malformed)?;
        if let Command::AddSchedule { rig, goal, .. } = command {
            let found = self.town.ledger.graph().rig(&rig).cloned();
            let rig = found.ok_or_else(|| rejected(Rejection::NoRig { rig }))?;
            check_doable(&self.town, &rig, &goal.spec, goal.plan.as_ref()).map_err(rejected)?;
        }
        self.write(request).await
    }

    pub(super) async fn fire_a_schedule(
        &self,
        request: Request<FireScheduleRequest>,
    ) -> Result<Response<FireScheduleResponse>, Status> {
        let caller = caller_of(&request)?;
        let (mut command, context) = request.into_inner().command().map_err(malformed)?;
        if let Command::FireSchedule {
            rig,
            schedule,
            target,
            ..
        } = &mut command
        {
            *target = self.target_of_schedule(rig, schedule).await;
        }
        let written = self.commit(&caller, context, vec![command]).await?;
        Ok(Response::new(written.into()))
    }

    /// Looks where the goal of a schedule lands now, as for one that a person submits; nothing when
    /// that cannot be told.
    async fn target_of_schedule(&self, rig: &RigName, name: &ScheduleName) -> Option<Target> {
        let (known, spec) = {
            let graph = self.town.ledger.graph();
            let spec = graph.schedule(rig, name)?.goal.spec.clone();
            (graph.rig(rig)?.clone(), spec)
        };
        let config = self.town.rigs.config(Some(&known)).ok()?;
        let wish = resolve_wish(&config, spec.policy.as_ref(), LandWish::Auto);
        let folder = self.town.rigs.folder(rig).ok()?;
        match choose_target(rig, folder, known.rules.branch, wish, &spec.title).await {
            Ok(chosen) => Some(chosen.target),
            Err(why) => {
                tracing::warn!(%rig, %why, "a goal by the clock lands on the integration branch");
                None
            }
        }
    }
}
