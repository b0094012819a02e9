//! A person's pen: goals, and the edits of beads and edges that people make by hand.

use gtd_core::{
    Approval, BeadId, BeadSpec, BeadType, Command, Plan, Rejection, Rig, Target,
    config::{Config, usable_runtimes},
};
use gtd_wire::{
    ApprovalWish, Caller, GoalWish, WriteContext, Written,
    pb::goal::v1::{
        AddCrewRequest, AddCrewResponse, AddScheduleRequest, AddScheduleResponse, AnswerRequest,
        AnswerResponse, ApproveRequest, ApproveResponse, CancelRequest, CancelResponse,
        CloseRequest, CloseResponse, CreateBeadRequest, CreateBeadResponse, EditBeadRequest,
        EditBeadResponse, EditGoalRequest, EditGoalResponse, FireScheduleRequest,
        FireScheduleResponse, GatherRequest, GatherResponse, ImportRequest, ImportResponse,
        JoinRequest, JoinResponse, LandRequest, LandResponse, LinkRequest, LinkResponse,
        NoteRequest, NoteResponse, ParkRequest, ParkResponse, PauseScheduleRequest,
        PauseScheduleResponse, RemoveCrewRequest, RemoveCrewResponse, RemoveScheduleRequest,
        RemoveScheduleResponse, ReopenRequest, ReopenResponse, ResumeScheduleRequest,
        ResumeScheduleResponse, RetryRequest, RetryResponse, SnoozeRequest, SnoozeResponse,
        SplitRequest, SplitResponse, StartCrewRequest, StartCrewResponse, StopCrewRequest,
        StopCrewResponse, SubmitRequest, SubmitResponse, TellCrewRequest, TellCrewResponse,
        TellRequest, TellResponse, UnlinkRequest, UnlinkResponse, WantChangesRequest,
        WantChangesResponse, goal_service_server::GoalService,
    },
};
use tonic::{Request, Response, Status};

use super::{Api, caller_of, malformed, plan::plan_means, rejected, writes::order};
use crate::town::{Chosen, Town, choose_target, resolve_wish};

/// The runtime that runs scripts.
const SHELL: &str = "shell";

super::writes::writes! {
    GoalService {
        approve ApproveRequest => ApproveResponse;
        cancel CancelRequest => CancelResponse;
        create_bead CreateBeadRequest => CreateBeadResponse;
        edit_bead EditBeadRequest => EditBeadResponse;
        join JoinRequest => JoinResponse;
        edit_goal EditGoalRequest => EditGoalResponse;
        reopen ReopenRequest => ReopenResponse;
        split SplitRequest => SplitResponse;
        snooze SnoozeRequest => SnoozeResponse;
        import ImportRequest => ImportResponse;
        link LinkRequest => LinkResponse;
        unlink UnlinkRequest => UnlinkResponse;
        note NoteRequest => NoteResponse;
        close CloseRequest => CloseResponse;
        retry RetryRequest => RetryResponse;
        answer AnswerRequest => AnswerResponse;
        park ParkRequest => ParkResponse;
        tell TellRequest => TellResponse;
        want_changes WantChangesRequest => WantChangesResponse;
        land LandRequest => LandResponse;
        add_crew AddCrewRequest => AddCrewResponse;
        remove_crew RemoveCrewRequest => RemoveCrewResponse;
        start_crew StartCrewRequest => StartCrewResponse;
        stop_crew StopCrewRequest => StopCrewResponse;
        tell_crew TellCrewRequest => TellCrewResponse;
        remove_schedule RemoveScheduleRequest => RemoveScheduleResponse;
        pause_schedule PauseScheduleRequest => PauseScheduleResponse;
        resume_schedule ResumeScheduleRequest => ResumeScheduleResponse;
    } also {
        async fn submit(
            &self,
            request: Request<SubmitRequest>,
        ) -> Result<Response<SubmitResponse>, Status> {
            self.submit_goal(request).await
        }

        async fn gather(
            &self,
            request: Request<GatherRequest>,
        ) -> Result<Response<GatherResponse>, Status> {
            self.gather_beads(request).await
        }

        async fn add_schedule(
            &self,
            request: Request<AddScheduleRequest>,
        ) -> Result<Response<AddScheduleResponse>, Status> {
            self.add_a_schedule(request).await
        }

        async fn fire_schedule(
            &self,
            request: Request<FireScheduleRequest>,
        ) -> Result<Response<FireScheduleResponse>, Status> {
            self.fire_a_schedule(request).await
        }
    }
}

/// Which beads answer a goal that is opened.
enum Beads {
    /// Those of its plan, which are made with it.
    OfThePlan,
    /// Some that exist.
    These(Vec<BeadId>),
}

/// A goal that was opened.
struct SetGoal {
    written: Written,
    target: Option<Target>,
    notices: Vec<String>,
}

impl Api {
    async fn submit_goal(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let caller = caller_of(&request)?;
        let (wish, context) = GoalWish::take(request.into_inner()).map_err(malformed)?;
        let set = self
            .set_goal(&caller, wish, Beads::OfThePlan, context)
            .await?;
        Ok(Response::new(SubmitResponse {
            written: Some(set.written.into()),
            target: set.target.map(Into::into),
            notices: set.notices,
        }))
    }

    async fn gather_beads(
        &self,
        request: Request<GatherRequest>,
    ) -> Result<Response<GatherResponse>, Status> {
        let caller = caller_of(&request)?;
        let (wish, beads, context): (GoalWish, Vec<BeadId>, WriteContext) =
            request.into_inner().try_into().map_err(malformed)?;
        let set = self
            .set_goal(&caller, wish, Beads::These(beads), context)
            .await?;
        Ok(Response::new(GatherResponse {
            written: Some(set.written.into()),
            target: set.target.map(Into::into),
            notices: set.notices,
        }))
    }

    /// Opens a goal, or answers a repeat from what was recorded.
    async fn set_goal(
        &self,
        caller: &Caller,
        wish: GoalWish,
        beads: Beads,
        context: WriteContext,
    ) -> Result<SetGoal, Status> {
        let ledger = &self.town.ledger;
        let is_rehearsal = wish.validate_only;
        if !is_rehearsal
            && let Some(request) = &context.request
            && let Some(answer) = ledger.recall(caller.actor(), request.clone()).await?
        {
            // Whatever the repository looks like now.
            let target = self.target_of(&answer.ids);
            return Ok(SetGoal {
                written: self.written(answer),
                target,
                notices: Vec::new(),
            });
        }
        let (command, chosen) = self.goal_command(wish, beads).await?;
        let order = order(caller, context, vec![command]);
        let answer = if is_rehearsal {
            ledger.rehearse(order).await?
        } else {
            ledger.write(order).await?
        };
        Ok(SetGoal {
            written: self.written(answer),
            target: Some(chosen.target),
            notices: chosen.notices,
        })
    }

    fn target_of(&self, ids: &[String]) -> Option<Target> {
        let id = gtd_core::BeadId::parse(ids.first()?).ok()?;
        let graph = self.town.ledger.graph();
        Some(graph.goal(&id)?.target.clone())
    }

    /// Turns a wish into a command, once rig, configuration and repository allow it.
    async fn goal_command(
        &self,
        wish: GoalWish,
        beads: Beads,
    ) -> Result<(Command, Chosen), Status> {
        let rig: Rig = {
            let graph = self.town.ledger.graph();
            let found = graph.rig(&wish.rig).cloned();
            found.ok_or_else(|| rejected(Rejection::NoRig { rig: wish.rig }))?
        };
        let rigs = &self.town.rigs;
        rigs.check_trust(&rig).map_err(rejected)?;
        let config = rigs.config(Some(&rig)).map_err(rejected)?;
        let policy = rig.rules.policy(wish.spec.policy.as_ref());
        if matches!(beads, Beads::OfThePlan) {
            check_doable(&self.town, &rig, &wish.spec, wish.plan.as_ref()).map_err(rejected)?;
        }
        let folder = rigs.folder(&rig.name).map_err(rejected)?;
        let branch = wish.branch.unwrap_or_else(|| rig.rules.branch.clone());
        let land = resolve_wish(&config, wish.spec.policy.as_ref(), wish.land);
        let mut chosen = choose_target(&rig.name, folder, branch, land, &wish.spec.title).await?;
        chosen.notices.extend(self.standstill());
        if let Beads::These(beads) = beads {
            let command = Command::OpenConvoy {
                spec: wish.spec,
                target: chosen.target.clone(),
                max: wish.max,
                until: wish.until,
                beads,
            };
            return Ok((command, chosen));
        }
        let command = Command::OpenGoal {
            spec: wish.spec,
            target: chosen.target.clone(),
            max: wish.max,
            until: wish.until,
            approval: match (wish.approval, &wish.plan) {
                (ApprovalWish::Needed, _) => Approval::Needed,
                // It makes plans and nothing else, until a person says so.
                _ if policy.lands_nothing() => Approval::Needed,
                (ApprovalWish::Default, None) => policy.plan,
                // Whoever hands in a plan has seen it.
                (ApprovalWish::Default, Some(_)) | (ApprovalWish::NotNeeded, _) => {
                    Approval::NotNeeded
                }
            },
            plan: wish.plan,
        };
        Ok((command, chosen))
    }

    /// Says what keeps a new goal from beginning at once.
    fn standstill(&self) -> Vec<String> {
        let graph = self.town.ledger.graph();
        let stop = graph.stop().map(|stop| {
            format!(
                "Everything is stopped ({}); the goal begins after `gtd resume --all`.",
                stop.why
            )
        });
        let pause = graph
            .pauses()
            .iter()
            .find(|pause| pause.scope == gtd_core::PauseScope::Town)
            .map(|pause| format!("The town is paused ({}); `gtd resume` goes on.", pause.why));
        stop.into_iter().chain(pause).collect()
    }
}

/// Checks that something here can do a goal: every bead of its plan, or the plan itself.
///
/// # Errors
/// When nothing can; nothing is made then.
pub(super) fn check_doable(
    town: &Town,
    rig: &Rig,
    spec: &BeadSpec,
    plan: Option<&Plan>,
) -> Result<(), Rejection> {
    let config = town.rigs.config(Some(rig))?;
    match plan {
        Some(plan) => check_runtimes(&config, plan),
        None if plan_means(town, rig)?.mayor.is_some() => Ok(()),
        None => Err(no_runtime(&config, format!("the goal `{}`", spec.title))),
    }
}

fn no_runtime(config: &Config, what: String) -> Rejection {
    let usable = usable_runtimes(config);
    Rejection::NoRuntime {
        what,
        usable: usable.iter().map(ToString::to_string).collect(),
    }
}

/// Checks that something here can do every bead.
fn check_runtimes(config: &Config, plan: &Plan) -> Result<(), Rejection> {
    let usable = usable_runtimes(config);
    for bead in &plan.beads {
        // Whoever makes a goal of a bead inside a plan is refused by the ledger, with better words.
        let is_doable = bead.spec.kind == BeadType::Goal
            || match (&bead.spec.run, &bead.spec.runtime) {
                (Some(_), None) => true,
                (None, None) => false,
                (run, Some(runtime)) => {
                    let needs_script = runtime.as_str() == SHELL;
                    usable.contains(runtime) && (run.is_some() || !needs_script)
                }
            };
        if !is_doable {
            return Err(no_runtime(config, format!("bead `{}`", bead.local_id)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gtd_core::{PlannedBead, RuntimeName};

    use super::*;

    fn check(run: Option<&str>, runtime: Option<&str>) -> Result<(), String> {
        let spec = BeadSpec {
            title: "t".into(),
            run: run.map(str::to_owned),
            runtime: runtime.map(|name| RuntimeName::parse(name).unwrap()),
            ..BeadSpec::default()
        };
        let plan = Plan {
            beads: vec![PlannedBead {
                local_id: "a".into(),
                spec,
                needs: vec![],
            }],
            ..Plan::default()
        };
        check_runtimes(&Config::merge([]), &plan).map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn a_bead_that_nothing_here_can_do_is_refused() {
        assert!(check(Some("true"), None).is_ok());
        assert!(check(Some("true"), Some("shell")).is_ok());
        assert!(check(None, Some("demo")).is_ok());
        for (run, runtime) in [
            (None, None),
            (None, Some("shell")),
            (None, Some("claude")),
            (Some("true"), Some("claude")),
        ] {
            assert_eq!(
                check(run, runtime),
                Err("bead `a` has neither a script (`run`) nor a usable runtime".to_owned())
            );
        }
    }
}
