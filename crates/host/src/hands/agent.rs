//! The order for one turn of an agent program: which program, what it is told, what it may know.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use gtd_agent::{
    RunSpec, find_secret,
    runtime::{Preset, Resumed, Setting, Turn, agent_run},
};
use gtd_core::{
    Oid, RigName, RuntimeName, Usage,
    config::{ConfiguredRuntime, PlanMeans, configured_runtimes, usable_runtimes},
};
use gtd_plan::{AgentTurn, RepoSeen, RunOrder, Task, branch_name, repo_map};

use super::{Hands, git};
use crate::HostError;

/// The program that has the agents' verbs.
const GTD: &str = "gtd";
/// What stands for the name of the seat in a runtime's variables.
const SEAT: &str = "{seat}";

impl Hands {
    /// Lists the runtimes that can do work here, as the configuration is now.
    pub(super) fn see_runtimes(&self) -> Result<Vec<RuntimeName>, HostError> {
        let config = gtd_client::town_config(&self.places).map_err(HostError::Config)?;
        Ok(usable_runtimes(&config))
    }

    /// Asks the daemon what plans on a rig can be made with: it knows which role files count.
    pub(super) fn see_means(&self, rig: &RigName) -> Result<PlanMeans, HostError> {
        let client = self.memory().client.clone().ok_or(HostError::Away)?;
        tokio::runtime::Handle::current()
            .block_on(client.plan_means(rig))
            .map_err(HostError::Client)
    }

    pub(super) fn agent_order(
        &self,
        order: &RunOrder,
        turn: &AgentTurn,
        mut setting: Setting,
        worktree: &Path,
    ) -> Result<RunSpec, HostError> {
        let (runtime, preset) = self.runtime(&turn.runtime)?;
        let bead = || {
            order.bead.as_ref().ok_or_else(|| HostError::NoRuntime {
                runtime: turn.runtime.clone(),
            })
        };
        let client = self.memory().client.clone().ok_or(HostError::Away)?;
        let place = worktree.to_string_lossy();
        let handle = tokio::runtime::Handle::current();
        let told = match &turn.task {
            Task::Work => {
                let bead = bead()?;
                let branch = branch_name(bead, order.epoch);
                let asked = client.prompt_of(bead, &order.slot, &place, &branch, String::new());
                handle.block_on(asked)
            }
            Task::Plan(commit) | Task::Answer(commit) => {
                let map = self.map_of(&order.rig, commit)?;
                handle.block_on(client.prompt_of(bead()?, &order.slot, &place, "", map))
            }
            Task::Review { onto, head } => {
                let diff = self.diff_of(&order.rig, onto, head)?;
                handle.block_on(client.prompt_of_review(bead()?, &order.slot, &place, diff))
            }
            Task::Stand { member, .. } => {
                handle.block_on(client.prompt_of_member(member.as_str(), &place))
            }
        };
        let told = told.map_err(HostError::Client)?;
        // Its own `gtd`, and the town that it belongs to, whatever folders the person uses.
        let ours = std::env::current_exe().ok();
        let programs = ours.as_deref().and_then(Path::parent);
        if let Some(programs) = programs {
            setting.base.path = format!("{}:{}", programs.display(), setting.base.path);
        }
        let gtd = || programs.map_or_else(|| PathBuf::from(GTD), |folder| folder.join(GTD));
        let mut env = runtime.env.clone();
        // Programs that keep a home of their own can have one for each seat.
        let seat = format!("{}-{}", order.rig, order.slot);
        for value in env.values_mut() {
            *value = value.replace(SEAT, &seat);
        }
        let host = format!("unix:{}", self.places.socket().display());
        env.insert("GTD_HOST".to_owned(), host);
        let (holds, agent) = match &turn.task {
            Task::Work | Task::Plan(_) => (Some((bead()?, order.epoch)), Some(&order.slot)),
            // Whoever reviews or answers may read, and writes nothing.
            Task::Review { .. } | Task::Answer(_) => (None, Some(&order.slot)),
            // What it says of its own bead is no claim that a worker looks at: it hands in.
            Task::Stand { owns, .. } => {
                let owns = owns.as_ref();
                (owns.map(|(bead, epoch)| (bead, *epoch)), None)
            }
        };
        if let Some(agent) = agent {
            env.insert("GTD_AGENT".to_owned(), format!("{}/{agent}", order.rig));
        }
        if let Some((bead, epoch)) = holds {
            let token = self.key.lease_token(bead, epoch);
            env.insert("GTD_TOKEN".to_owned(), token.as_str().to_owned());
            env.insert("GTD_BEAD".to_owned(), bead.to_string());
            env.insert("GTD_EPOCH".to_owned(), epoch.to_string());
        }
        let resumed = turn.again.as_ref().and_then(|again| {
            let session = again.session.as_ref()?;
            Some((session, &again.after))
        });
        let session = resumed.map(|(session, after)| {
            let before = self.runs.read_agent(after).map_err(HostError::Run)?;
            Ok::<_, HostError>(Resumed {
                id: session.clone(),
                used: before.map_or_else(Usage::default, |(reader, _)| reader.session_usage()),
            })
        });
        let prompt = match &turn.again {
            None => told.text,
            Some(again) if again.session.is_some() => again.words.clone(),
            // It remembers nothing: it is told all of it anew.
            Some(again) => format!("{}{}", told.text, again.words),
        };
        let turn = Turn {
            prompt,
            model: runtime.model(told.model.as_deref()),
            session: session.transpose()?,
            context: runtime.context,
            price: runtime.price,
            // Whoever plans hands in nothing, and needs no tool for it.
            mcp: (runtime.mcp && turn.task == Task::Work).then(gtd),
        };
        let spec = agent_run(&self.runs, &setting, preset, &runtime.command, &env, &turn);
        Ok(spec.with_secrets(secrets_of(&runtime)?))
    }

    /// Reads what a submission changes, for whoever reviews it.
    fn diff_of(&self, rig: &RigName, onto: &Oid, head: &Oid) -> Result<String, HostError> {
        /// What is shown of it, in bytes; the rest is in the worktree.
        const MOST: usize = 24 * 1024;
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let look = || match repository.merge_base(onto, head)? {
            Some(base) => repository.patch(&base, head, MOST),
            None => Ok(String::new()),
        };
        look().map_err(git(rig))
    }

    /// Looks what is where in a repository, for whoever plans there.
    fn map_of(&self, rig: &RigName, commit: &Oid) -> Result<String, HostError> {
        /// Commits that are shown.
        const RECENT: usize = 15;
        /// Files with instructions; the first that is there is shown.
        const INSTRUCTIONS: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        let look = || {
            let files = repository.files(commit)?;
            let told = INSTRUCTIONS
                .into_iter()
                .find(|name| files.iter().any(|(path, _)| path == name));
            let mut instructions = Vec::new();
            if let Some(name) = told
                && let Some(text) = repository.file(commit, name)?
            {
                let text = String::from_utf8_lossy(&text).into_owned();
                instructions.push((name.to_owned(), text));
            }
            Ok(repo_map(&RepoSeen {
                files,
                recent: repository.recent(commit, RECENT)?,
                instructions,
            }))
        };
        look().map_err(git(rig))
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

/// Looks up what the configuration names by where it is found.
fn secrets_of(runtime: &ConfiguredRuntime) -> Result<BTreeMap<String, String>, HostError> {
    let found = runtime.secrets.iter().map(|(name, place)| {
        let value = find_secret(place).map_err(|source| HostError::Secret {
            runtime: runtime.name.clone(),
            name: name.clone(),
            source,
        })?;
        Ok((name.clone(), value))
    });
    found.collect()
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
