//! The mayor's pen, and what plans and reviews can be made with.

use gtd_core::{
    Rejection, Rig, RigName,
    config::{PlanMeans, ReviewMeans},
};
use gtd_host::roles::{RoleSpec, RoleVar};
use gtd_wire::pb::plan::v1::{
    BeginRequest, BeginResponse, CloseRequest, CloseResponse, MeansRequest, MeansResponse,
    ProposeRequest, ProposeResponse, plan_service_server::PlanService,
};
use tonic::{Request, Response, Status};

use super::{Api, rejected};
use crate::town::{MAYOR, REVIEWER, Town, WORKER};

/// The longest that a turn may take when its role does not say, in milliseconds.
const LIMIT_MS: u64 = 30 * 60_000;
/// Silence after which it is ended when its role does not say, in milliseconds.
const SILENCE_MS: u64 = 10 * 60_000;
/// The most beads of a plan when the role does not say.
const MOST_BEADS: u32 = 20;

super::writes::writes! {
    PlanService {
        begin BeginRequest => BeginResponse;
        propose ProposeRequest => ProposeResponse;
        close CloseRequest => CloseResponse;
    } also {
        async fn means(
            &self,
            request: Request<MeansRequest>,
        ) -> Result<Response<MeansResponse>, Status> {
            let name = &request.get_ref().rig;
            let rig = self.rig_of_plan(name).map_err(rejected)?;
            let means = plan_means(&self.town, &rig).map_err(rejected)?;
            Ok(Response::new(means.into()))
        }
    }
}

impl Api {
    fn rig_of_plan(&self, name: &str) -> Result<Rig, Rejection> {
        let not_found = || Rejection::NotFound {
            kind: "rig".to_owned(),
            name: name.to_owned(),
        };
        let name = RigName::parse(name).map_err(|_| not_found())?;
        let graph = self.town.ledger.graph();
        graph.rig(&name).cloned().ok_or_else(not_found)
    }
}

/// Finds what plans and reviews on a rig can be made with: what its trusted configuration and its
/// role files say.
pub(super) fn plan_means(town: &Town, rig: &Rig) -> Result<PlanMeans, Rejection> {
    let config = town.rigs.config(Some(rig))?;
    let roles = town.rigs.roles().of_rig(&rig.name);
    let (mayor, worker) = (roles.set().get(MAYOR), roles.set().get(WORKER));
    let reviewer = roles.set().get(REVIEWER);
    let preferred =
        |role: Option<&RoleSpec>| role.map_or_else(Vec::new, |role| role.runtime.preferred.clone());
    let means = PlanMeans::find(
        &config,
        &preferred(mayor),
        &preferred(worker),
        &preferred(reviewer),
    );
    let limit = |role: Option<&RoleSpec>| role.and_then(|role| role.limits.bead_ms);
    let silence = |role: Option<&RoleSpec>| role.and_then(|role| role.limits.turn_ms);
    Ok(PlanMeans {
        limit_ms: limit(mayor).unwrap_or(LIMIT_MS),
        silence_ms: silence(mayor).unwrap_or(SILENCE_MS),
        review: ReviewMeans {
            limit_ms: limit(reviewer).unwrap_or(LIMIT_MS),
            silence_ms: silence(reviewer).unwrap_or(SILENCE_MS),
            ..means.review
        },
        most_beads: mayor.and_then(most_beads).unwrap_or(MOST_BEADS),
        ..means
    })
}

/// Returns the most beads of a plan, as the prompt of the role tells them.
fn most_beads(mayor: &RoleSpec) -> Option<u32> {
    match mayor.prompt.vars.get("most_beads")? {
        RoleVar::Integer(most) => u32::try_from(*most).ok().filter(|most| *most > 0),
        _ => None,
    }
}
