//! The order for one turn of an agent program: which program, what it is told, what it may know.

use std::path::Path;

use gtd_agent::{
    RunSpec,
    runtime::{Preset, Resumed, Setting, Turn, agent_run},
};
use gtd_core::{
    RuntimeName, Usage,
    config::{ConfiguredRuntime, configured_runtimes, usable_runtimes},
};
use gtd_plan::{AgentTurn, RunOrder, branch_name};

use super::Hands;
use crate::HostError;

impl Hands {
    /// Lists the runtimes that can do work here, as the configuration is now.
    pub(super) fn see_runtimes(&self) -> Result<Vec<RuntimeName>, HostError> {
        let config = gtd_client::town_config(&self.places).map_err(HostError::Config)?;
        Ok(usable_runtimes(&config))
    }

    pub(super) fn agent_order(
        &self,
        order: &RunOrder,
        turn: &AgentTurn,
        mut setting: Setting,
        worktree: &Path,
    ) -> Result<RunSpec, HostError> {
        let (runtime, preset) = self.runtime(&turn.runtime)?;
        let bead = order.bead.as_ref().ok_or_else(|| HostError::NoRuntime {
            runtime: turn.runtime.clone(),
        })?;
        let client = self.memory().client.clone().ok_or(HostError::Away)?;
        let branch = branch_name(bead, order.epoch);
        let place = worktree.to_string_lossy();
        let asked = client.prompt_of(bead, &order.slot, &place, &branch);
        let told = tokio::runtime::Handle::current()
            .block_on(asked)
            .map_err(HostError::Client)?;
        // Its own `gtd`, and the town that it belongs to, whatever folders the person uses.
        if let Some(programs) = std::env::current_exe()
            .ok()
            .as_deref()
            .and_then(Path::parent)
        {
            setting.base.path = format!("{}:{}", programs.display(), setting.base.path);
        }
        let mut env = runtime.env.clone();
        env.extend([
            (
                "GTD_HOST".to_owned(),
                format!("unix:{}", self.places.socket().display()),
            ),
            (
                "GTD_AGENT".to_owned(),
                format!("{}/{}", order.rig, order.slot),
            ),
            (
                "GTD_TOKEN".to_owned(),
                self.key.lease_token(bead, order.epoch).as_str().to_owned(),
            ),
        ]);
        let session = turn.again.as_ref().map(|again| {
            let before = self.runs.read_agent(&again.after).map_err(HostError::Run)?;
            Ok::<_, HostError>(Resumed {
                id: again.session.clone(),
                used: before.map_or_else(Usage::default, |(reader, _)| reader.session_usage()),
            })
        });
        let words = turn.again.as_ref().map(|again| again.words.clone());
        let turn = Turn {
            prompt: words.unwrap_or(told.text),
            model: runtime.model(told.model.as_deref()),
            session: session.transpose()?,
        };
        Ok(agent_run(&setting, preset, &runtime.command, &env, &turn))
    }

    fn runtime(
        &self,
        name: &RuntimeName,
    ) -> Result<(ConfiguredRuntime, &'static Preset), HostError> {
        let config = gtd_client::town_config(&self.places).map_err(HostError::Config)?;
        configured_runtimes(&config)
            .into_iter()
            .find(|runtime| runtime.usable && runtime.name == *name)
            .and_then(|runtime| {
                let preset = Preset::find(runtime.preset.as_deref()?)?;
                Some((runtime, preset))
            })
            .ok_or_else(|| HostError::NoRuntime {
                runtime: name.clone(),
            })
    }
}

#[cfg(test)]
mod tests {
    use gtd_agent::runtime::PRESETS;
    use gtd_core::config::DRIVEN_PRESETS;

    #[test]
    fn what_the_configuration_may_name_can_be_driven() {
        let driven: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        assert_eq!(driven, DRIVEN_PRESETS);
    }
}
