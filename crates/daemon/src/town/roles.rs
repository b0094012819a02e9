//! Which role files are in effect: what gtd brings along, under the user's, under a repository's.
//!
//! Whoever gives trust is told of every mistake. Who only starts is not held up
//! by one: the layer that is wrong is left out, and what is wrong is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use gtd_client::{Places, read_roles};
use gtd_core::{Diagnostic, RigName};
use gtd_host::roles::{Layer, RoleSet};

use super::config::{ConfigError, Project};
use crate::ledger::chain;

/// The folder of the user's own role files, below the configuration.
const USER: &str = "roles";

/// The roles in effect, and what is wrong with the layers that were left out.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    set: RoleSet,
    wrong: Vec<Diagnostic>,
}

/// What a look at the role files gave.
#[derive(Debug, serde::Serialize)]
pub(crate) struct RoleCheck {
    /// Nothing is wrong.
    ok: bool,
    /// The roles that the files make, those of a layer that is wrong left out.
    roles: Vec<String>,
    /// Each mistake with its file, its line and what would be right.
    mistakes: Vec<String>,
    /// What a repository asks for beyond what the user allows.
    warnings: Vec<String>,
}

impl Roles {
    /// Reads the user's role files over what gtd brings along.
    pub(crate) fn of_user(places: &Places) -> Self {
        let mut roles = Self {
            set: RoleSet::builtin(),
            wrong: Vec::new(),
        };
        let folder = places.config.join(USER);
        match read_roles(&folder) {
            Ok(files) => {
                let with_paths = files.into_iter().map(|(name, text)| {
                    let path = folder.join(name).to_string_lossy().into_owned();
                    (path, text)
                });
                roles.put(Layer::User, &with_paths.collect::<Vec<_>>());
            }
            Err(error) => {
                let file = error.path.to_string_lossy().into_owned();
                roles
                    .wrong
                    .push(Diagnostic::without_line(&file, &chain(&error)));
            }
        }
        roles
    }

    /// Puts a project's role files over these.
    pub(crate) fn with_project(mut self, project: &Project) -> Self {
        self.put(Layer::Repository, &project.role_files());
        self
    }

    /// Returns the roles if nothing was left out.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub(crate) fn sound(&self) -> Result<&RoleSet, ConfigError> {
        if self.wrong.is_empty() {
            Ok(&self.set)
        } else {
            Err(ConfigError::Roles(self.wrong.clone()))
        }
    }

    /// Returns the roles in effect.
    pub(crate) fn set(&self) -> &RoleSet {
        &self.set
    }

    /// Returns what a person should know: first what is wrong, then what was cut back.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.wrong.iter().chain(self.set.warnings())
    }

    /// Tells what is wrong, what was cut back, and which roles there are.
    pub(crate) fn check(&self) -> RoleCheck {
        let text = |diagnostic: &Diagnostic| diagnostic.render();
        RoleCheck {
            ok: self.wrong.is_empty(),
            roles: self.set.iter().map(|spec| spec.name.to_string()).collect(),
            mistakes: self.wrong.iter().map(text).collect(),
            warnings: self.set.warnings().iter().map(text).collect(),
        }
    }

    fn put(&mut self, layer: Layer, files: &[(String, String)]) {
        if files.is_empty() {
            return;
        }
        match self.set.clone().with_layer(layer, files) {
            Ok(set) => match set.validate() {
                mistakes if mistakes.is_empty() => self.set = set,
                mistakes => self.wrong.extend(mistakes),
            },
            Err(mistakes) => self.wrong.extend(mistakes),
        }
    }

    /// Takes the roles that were in effect, when something is wrong with these.
    fn or_before(self, before: Option<&Self>) -> Self {
        match before {
            Some(before) if !self.wrong.is_empty() => Self {
                set: before.set.clone(),
                wrong: self.wrong,
            },
            _ => self,
        }
    }
}

/// The roles in effect in the town and in each rig.
#[derive(Debug)]
pub(crate) struct RolesInEffect {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    town: Arc<Roles>,
    rigs: BTreeMap<RigName, Arc<Roles>>,
}

impl RolesInEffect {
    /// Begins with the roles of the user.
    pub(crate) fn new(town: Roles) -> Self {
        Self {
            inner: RwLock::new(Inner {
                town: Arc::new(town),
                rigs: BTreeMap::new(),
            }),
        }
    }

    /// Returns the roles of the town, which are those of a rig whose own are not known.
    pub(crate) fn of_town(&self) -> Arc<Roles> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&inner.town)
    }

    /// Returns the roles of a rig.
    pub(crate) fn of_rig(&self, rig: &RigName) -> Arc<Roles> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(inner.rigs.get(rig).unwrap_or(&inner.town))
    }

    /// Puts the town's roles into effect, as far as nothing is wrong with them.
    pub(crate) fn set_town(&self, roles: Roles) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.town = Arc::new(roles.or_before(Some(&inner.town)));
    }

    /// Puts a rig's roles into effect, as far as nothing is wrong with them.
    pub(crate) fn set_rig(&self, rig: &RigName, roles: Roles) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let before = inner.rigs.get(rig).cloned();
        let roles = roles.or_before(before.as_deref());
        inner.rigs.insert(rig.clone(), Arc::new(roles));
    }

    /// Forgets a rig.
    pub(crate) fn forget(&self, rig: &RigName) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.rigs.remove(rig);
    }
}
