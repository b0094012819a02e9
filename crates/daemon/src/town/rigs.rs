//! The rigs: in which folder each is, what of its configuration is trusted, and what changed since.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
};

use gtd_client::{Places, RigFolders, RigFoldersError};
use gtd_core::{
    Actor, BudgetRules, Command, Diagnostic, MergeRules, Moment, Observation, Rejection, Rig,
    RigName, RigRules, Timestamp, WaitReason, WorkerRules,
    config::{Config, usable_runtimes},
};
use serde::Serialize;

use super::{
    config::{self, BudgetFrame, ConfigError, Project},
    roles::{RoleCheck, Roles, RolesInEffect},
};
use crate::ledger::{Answer, Ledger, Order, Refused, chain};

/// The name under which changes since the trust are told.
const OBSERVER: &str = "trust";

/// One rig, as `gtd rig` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct RigDoc {
    name: RigName,
    path: Option<String>,
    branch: String,
    prefix: String,
    digest: String,
    /// Whether the files are as they were trusted; absent when they cannot be read.
    trusted: Option<bool>,
    /// Who took the trust back, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<RevokedDoc>,
    gates: Vec<gtd_core::Gate>,
    worker: WorkerRules,
    merge: MergeRules,
    budget: BudgetRules,
    runtimes: Vec<String>,
    warnings: Vec<String>,
}

/// Who does not trust a rig any more.
#[derive(Debug, Serialize)]
struct RevokedDoc {
    by: String,
    since: Moment,
    why: String,
}

/// The folders and the trusted configurations of the rigs.
#[derive(Debug)]
pub(crate) struct Rigs {
    places: Places,
    folders: RwLock<RigFolders>,
    roles: RolesInEffect,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
    /// Since when the files of a rig are not as they were trusted.
    changed_since: Mutex<BTreeMap<RigName, Timestamp>>,
}

/// What a look at a repository and its configuration gave.
struct Looked {
    root: PathBuf,
    project: Project,
    name: RigName,
    rules: RigRules,
    roles: Roles,
}

impl Rigs {
    /// Reads where the rigs are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn load(places: &Places) -> Result<Self, RigFoldersError> {
        Ok(Self {
            places: places.clone(),
            folders: RwLock::new(RigFolders::load(&places.rigs_file())?),
            roles: RolesInEffect::new(Roles::of_user(places)),
            changing: tokio::sync::Mutex::default(),
            changed_since: Mutex::default(),
        })
    }

    /// Returns the folder of a rig.
    ///
    /// # Errors
    /// When it is not known on this machine.
    pub(crate) fn folder(&self, rig: &RigName) -> Result<PathBuf, Rejection> {
        self.folders
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .folder(rig)
            .map(Path::to_owned)
            .ok_or_else(|| Rejection::NotFound {
                kind: "folder of rig".to_owned(),
                name: rig.to_string(),
            })
    }

    /// Returns the configuration in effect for a rig, or for the town.
    ///
    /// # Errors
    /// When a file cannot be read or is wrong.
    pub(crate) fn config(&self, rig: Option<&Rig>) -> Result<Config, Rejection> {
        let project = rig.map(|rig| self.trusted(rig)).transpose()?;
        Ok(config::effective(&self.places, project.as_ref())?)
    }

    /// Returns the role files in effect.
    pub(crate) fn roles(&self) -> &RolesInEffect {
        &self.roles
    }

    /// Checks that the files of a rig are as they were trusted.
    ///
    /// # Errors
    /// When they are not, or cannot be read.
    pub(crate) fn check_trust(&self, rig: &Rig) -> Result<(), Rejection> {
        let folder = self.folder(&rig.name)?;
        if rig.revoked.is_none() && Project::read(&folder)?.texts().digest() == rig.digest {
            Ok(())
        } else {
            Err(Rejection::Untrusted {
                rig: rig.name.clone(),
            })
        }
    }

    /// Finds the text that was trusted: the copy, else the files if they are still the same.
    fn trusted(&self, rig: &Rig) -> Result<Project, Rejection> {
        let copy = Project::read(&self.trust_folder(&rig.name))?;
        if copy.texts().digest() == rig.digest {
            return Ok(copy);
        }
        let files = Project::read(&self.folder(&rig.name)?)?;
        if files.texts().digest() == rig.digest {
            return Ok(files);
        }
        Err(Rejection::Untrusted {
            rig: rig.name.clone(),
        })
    }

    /// Says which files of a rig are not as they were trusted.
    fn changed_files(&self, rig: &Rig) -> String {
        let trusted = Project::read(&self.trust_folder(&rig.name));
        let now = self.folder(&rig.name).map(|folder| Project::read(&folder));
        match (trusted, now) {
            (Ok(trusted), Ok(Ok(now))) => match trusted.texts().changed(now.texts()).as_slice() {
                [] => "the configuration".to_owned(),
                names => names.join(", "),
            },
            _ => "the configuration".to_owned(),
        }
    }

    fn trust_folder(&self, rig: &RigName) -> PathBuf {
        self.places.trust().join(rig.as_str())
    }

    /// Makes a repository a rig, and trusts its configuration as it is.
    ///
    /// # Errors
    /// When it is no repository, its configuration is wrong, or the name or the folder is taken.
    pub(crate) async fn add(
        &self,
        ledger: &Ledger,
        order: OrderFrame,
        path: &Path,
        name: Option<RigName>,
    ) -> Result<(Answer, RigName), Refused> {
        let _one_at_a_time = self.changing.lock().await;
        if !path.is_absolute() {
            return Err(bad(format!("`{}` is not an absolute path", path.display())).into());
        }
        let looked = self.look(path.to_owned(), name, ledger.now()).await?;
        let name = looked.name.clone();
        let before = self.snapshot();
        if let Some((other, _)) = before
            .folders
            .iter()
            .find(|(other, folder)| **other != name && **folder == looked.root)
        {
            return Err(bad(format!("{} is rig {other} already", looked.root.display())).into());
        }
        if let Some(folder) = before.folder(&name)
            && folder != looked.root
            && folder.exists()
            && ledger.graph().rig(&name).is_some()
        {
            let folder = folder.display();
            return Err(bad(format!(
                "rig {name} is in {folder} already; choose another name"
            ))
            .into());
        }
        let mut after = before.clone();
        after.folders.insert(name.clone(), looked.root.clone());
        // The folder is known before the first role can hear of the rig.
        self.save(after)?;
        match self.trust_looked(ledger, order, &looked).await {
            Ok(answer) => Ok((answer, name)),
            Err(refused) => {
                self.save(before)?;
                Err(refused)
            }
        }
    }

    /// Trusts the configuration of a rig as it is now; with a digest, only if it is that one.
    ///
    /// # Errors
    /// When it is another one, is wrong, or the rig is not known.
    pub(crate) async fn trust(
        &self,
        ledger: &Ledger,
        order: OrderFrame,
        name: &RigName,
        digest: &str,
    ) -> Result<Answer, Refused> {
        let _one_at_a_time = self.changing.lock().await;
        if ledger.graph().rig(name).is_none() {
            return Err(Rejection::NoRig { rig: name.clone() }.into());
        }
        let folder = self.folder(name)?;
        let looked = self.look(folder, Some(name.clone()), ledger.now()).await?;
        if !digest.is_empty() && looked.project.texts().digest() != digest {
            return Err(Rejection::Untrusted { rig: name.clone() }.into());
        }
        self.trust_looked(ledger, order, &looked).await
    }

    async fn trust_looked(
        &self,
        ledger: &Ledger,
        order: OrderFrame,
        looked: &Looked,
    ) -> Result<Answer, Refused> {
        let texts = looked.project.texts();
        texts
            .keep(&self.trust_folder(&looked.name))
            .map_err(|error| Rejection::from(ConfigError::from(error)))?;
        let answer = ledger
            .write(order.of(Command::TrustRig {
                rig: looked.name.clone(),
                rules: looked.rules.clone(),
                digest: texts.digest(),
            }))
            .await?;
        self.roles.set_rig(&looked.name, looked.roles.clone());
        Ok(answer)
    }

    /// Reads the role files as they are now and tells what is wrong with them. Blocks.
    ///
    /// # Errors
    /// When the rig has no folder, or its files cannot be read.
    pub(crate) fn check_roles(&self, rig: Option<&RigName>) -> Result<RoleCheck, Rejection> {
        let user = Roles::of_user(&self.places);
        let roles = match rig {
            None => user,
            Some(rig) => user.with_project(&Project::read(&self.folder(rig)?)?),
        };
        Ok(roles.check())
    }

    /// Takes a rig out of the town.
    ///
    /// # Errors
    /// When somebody works on it.
    pub(crate) async fn remove(
        &self,
        ledger: &Ledger,
        order: OrderFrame,
        name: &RigName,
    ) -> Result<Answer, Refused> {
        let _one_at_a_time = self.changing.lock().await;
        let command = Command::RemoveRig { rig: name.clone() };
        let answer = ledger.write(order.of(command)).await?;
        self.roles.forget(name);
        let mut folders = self.snapshot();
        if folders.folders.remove(name).is_some() {
            self.save(folders)?;
        }
        Ok(answer)
    }

    /// Puts the trusted texts of all rigs into effect under the user's own files of today.
    pub(crate) async fn refresh(&self, ledger: &Ledger) {
        let _one_at_a_time = self.changing.lock().await;
        let user = Roles::of_user(&self.places);
        if let Err(error) = user.sound() {
            tracing::warn!(why = chain(&error), "the user's role files have no effect");
        }
        // Trust that was taken back does not come back by itself.
        let is_trusted = |rig: &&Rig| rig.revoked.is_none();
        let rigs: Vec<Rig> = ledger.graph().rigs().filter(is_trusted).cloned().collect();
        for rig in rigs {
            match self.rules_of_today(&rig, &user, ledger.now()) {
                Ok(rules) if rules == rig.rules => {}
                Ok(rules) => {
                    let command = Command::TrustRig {
                        rig: rig.name.clone(),
                        rules,
                        digest: rig.digest.clone(),
                    };
                    match ledger.write(Order::of_daemon(command)).await {
                        Ok(_) => {
                            tracing::info!(rig = %rig.name, "the rules of a rig follow the configuration");
                        }
                        Err(why) => {
                            tracing::warn!(rig = %rig.name, %why, "the rules of a rig stay as they were");
                        }
                    }
                }
                Err(why) => {
                    tracing::warn!(rig = %rig.name, %why, "the rules of a rig stay as they were");
                }
            }
        }
        self.roles.set_town(user);
    }

    /// Puts the trusted roles of a rig into effect over the user's, and returns the rules that follow.
    fn rules_of_today(
        &self,
        rig: &Rig,
        user: &Roles,
        now: Timestamp,
    ) -> Result<RigRules, Rejection> {
        let project = self.trusted(rig)?;
        let roles = user.clone().with_project(&project);
        self.roles.set_rig(&rig.name, roles.clone());
        let config = config::effective(&self.places, Some(&project))?;
        let frame = BudgetFrame::of(&self.places, now)?;
        let branch = &rig.rules.branch;
        let rules = config::rules(&config, roles.sound()?, &rig.name, branch, frame);
        Ok(rules.map_err(ConfigError::from)?)
    }

    /// Says which rigs' files are not as they were trusted.
    pub(crate) fn observe(&self, rigs: &[Rig], now: Timestamp) -> (&'static str, Vec<Observation>) {
        let mut since = self
            .changed_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let seen: Vec<Observation> = rigs
            .iter()
            // The log itself says of these that nothing begins.
            .filter(|rig| rig.revoked.is_none())
            .filter_map(|rig| {
                let (reason, text) = match self.check_trust(rig) {
                    Ok(()) => {
                        since.remove(&rig.name);
                        return None;
                    }
                    Err(Rejection::Untrusted { .. }) => (
                        WaitReason::Untrusted,
                        format!(
                            "{} changed since the trust; the trusted copy stays in effect",
                            self.changed_files(rig)
                        ),
                    ),
                    Err(other) => (WaitReason::Resources, other.to_string()),
                };
                Some(Observation {
                    subject: rig.name.to_string(),
                    reason,
                    text,
                    since: *since.entry(rig.name.clone()).or_insert(now),
                    until: None,
                })
            })
            .collect();
        (OBSERVER, seen)
    }

    /// Makes the document of a rig.
    pub(crate) fn doc(&self, rig: &Rig) -> RigDoc {
        let config = self.config(Some(rig));
        RigDoc {
            name: rig.name.clone(),
            path: self
                .folder(&rig.name)
                .ok()
                .map(|path| path.to_string_lossy().into_owned()),
            branch: rig.rules.branch.clone(),
            prefix: rig.rules.prefix.clone(),
            digest: rig.digest.clone(),
            trusted: match self.check_trust(rig) {
                Ok(()) => Some(true),
                Err(Rejection::Untrusted { .. }) => Some(false),
                Err(_) => None,
            },
            revoked: rig.revoked.as_ref().map(|revoked| RevokedDoc {
                by: revoked.by.to_string(),
                since: Moment(revoked.since),
                why: revoked.why.clone(),
            }),
            gates: rig.rules.gates.clone(),
            worker: rig.rules.worker.clone(),
            merge: rig.rules.merge.clone(),
            budget: rig.rules.budget.clone(),
            runtimes: config
                .as_ref()
                .map(|config| {
                    usable_runtimes(config)
                        .iter()
                        .map(ToString::to_string)
                        .collect()
                })
                .unwrap_or_default(),
            warnings: self.warnings(rig, &config),
        }
    }

    fn warnings(&self, rig: &Rig, config: &Result<Config, Rejection>) -> Vec<String> {
        let mut all: Vec<String> = match config {
            Ok(config) => config.warnings().iter().map(Diagnostic::render).collect(),
            Err(error) => vec![error.to_string()],
        };
        let roles = self.roles.of_rig(&rig.name);
        all.extend(roles.warnings().map(Diagnostic::render));
        all
    }

    async fn look(
        &self,
        path: PathBuf,
        name: Option<RigName>,
        now: Timestamp,
    ) -> Result<Looked, Refused> {
        let places = self.places.clone();
        let looking = tokio::task::spawn_blocking(move || look(&places, &path, name, now));
        Ok(looking
            .await
            .map_err(|error| Refused::Broken(error.to_string()))??)
    }

    fn snapshot(&self) -> RigFolders {
        self.folders
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn save(&self, folders: RigFolders) -> Result<(), Refused> {
        folders
            .save(&self.places.rigs_file())
            .map_err(|error| Refused::Broken(chain(&error)))?;
        *self.folders.write().unwrap_or_else(PoisonError::into_inner) = folders;
        Ok(())
    }
}

/// Who asks for a change, and under which name.
#[derive(Debug, Clone)]
pub(crate) struct OrderFrame {
    pub(crate) by: Actor,
    pub(crate) context: gtd_wire::WriteContext,
}

impl OrderFrame {
    fn of(self, command: Command) -> Order {
        Order {
            by: self.by,
            request: self.context.request,
            expected: self.context.expected,
            commands: vec![command],
        }
    }
}

fn look(
    places: &Places,
    path: &Path,
    name: Option<RigName>,
    now: Timestamp,
) -> Result<Looked, Rejection> {
    let survey = gtd_host::survey(path, None).map_err(|error| Rejection::NotFound {
        kind: format!("git repository ({})", chain(&error)),
        name: path.display().to_string(),
    })?;
    let project = Project::read(&survey.root)?;
    let config = config::effective(places, Some(&project))?;
    let roles = Roles::of_user(places).with_project(&project);
    let name = match name {
        Some(name) => name,
        None => config::name(&config, &survey.root).map_err(ConfigError::from)?,
    };
    let frame = BudgetFrame::of(places, now)?;
    let rules = config::rules(&config, roles.sound()?, &name, &survey.branch, frame)
        .map_err(ConfigError::from)?;
    Ok(Looked {
        root: survey.root,
        project,
        name,
        rules,
        roles,
    })
}

fn bad(what: String) -> Rejection {
    Rejection::BadConfig { what }
}
