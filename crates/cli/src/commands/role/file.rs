//! One role file: where it is, how it is written, and whether the daemon takes it.

use std::{fs, path::PathBuf};

use gtd_core::{Rejection, RigName, RoleName, config::LayerKind};
use gtd_wire::pb::town::v1::CheckRolesRequest;
use serde::Deserialize;
use serde_json::json;

use crate::{
    args::Change,
    commands::{
        config::file::{Effect, tell_daemon, trust_anew, write_whole},
        would,
    },
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    settings, town,
};

/// The folder of a repository's role files.
const OF_PROJECT: &str = ".gtd/roles";
/// The folder of the user's, below the configuration.
const OF_USER: &str = "roles";

/// Whose file is meant.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct Whose {
    /// Your own, for all rigs; so it is without a flag
    #[arg(long)]
    user: bool,
    /// The one in .gtd/roles of the rig, which is committed
    #[arg(long)]
    project: bool,
}

/// A role file.
pub(super) struct RoleFile {
    pub(super) role: RoleName,
    kind: LayerKind,
    /// What it is called on the screen.
    pub(super) name: String,
    pub(super) path: PathBuf,
    rig: Option<RigName>,
    /// What stands in it; nothing when it is not there.
    pub(super) text: Option<String>,
}

/// What the daemon finds in all role files.
#[derive(Debug, Deserialize)]
struct RoleCheck {
    ok: bool,
    roles: Vec<String>,
    mistakes: Vec<String>,
}

impl RoleFile {
    /// Finds the file of a role.
    pub(super) fn find(ctx: &Context, role: &str, whose: Whose) -> Result<Self, CliError> {
        let role = RoleName::parse(role).map_err(|error| CliError::usage(error.to_string()))?;
        let file = format!("{role}.toml");
        let (kind, path, name, rig) = if whose.project {
            let rig = ctx.need_rig()?;
            let path = ctx.folder_of(&rig)?.join(OF_PROJECT).join(&file);
            (
                LayerKind::Project,
                path,
                format!("{OF_PROJECT}/{file}"),
                Some(rig),
            )
        } else {
            let path = ctx.places.config.join(OF_USER).join(&file);
            let name = path.display().to_string();
            (LayerKind::User, path, name, None)
        };
        Ok(Self {
            text: settings::read(&path)?,
            role,
            kind,
            name,
            path: fs::canonicalize(&path).unwrap_or(path),
            rig,
        })
    }

    /// Returns the text, or the beginning of a file that says what differs from the role as it is.
    pub(super) fn text_or_begin(&self) -> String {
        let role = &self.role;
        self.text.clone().unwrap_or_else(|| {
            format!("schema = 1\nname = \"{role}\"\nextends = \"builtin:{role}\"\n")
        })
    }

    /// Returns the flag that means this file.
    pub(super) fn flag(&self) -> &'static str {
        match self.kind {
            LayerKind::Project => " --project",
            _ => "",
        }
    }

    /// Returns the name under which a text of it is worked on.
    pub(super) fn draft_name(&self) -> String {
        match &self.rig {
            Some(rig) => format!("{rig}.role.{}.toml", self.role),
            None => format!("role.{}.toml", self.role),
        }
    }

    /// Writes a text, or takes the file away; it stays as it was when the daemon finds a mistake.
    ///
    /// `acts` says what is done, to fit after "would".
    pub(super) async fn change(
        &self,
        ctx: &Context,
        made: Option<&str>,
        act: &str,
        undo: &str,
        change: &Change,
    ) -> Result<Exit, CliError> {
        if change.dry_run {
            return Ok(would(ctx, &[act.to_owned()]));
        }
        let was_trusted = match &self.rig {
            Some(rig) => settings::is_trusted(ctx, rig)?,
            None => true,
        };
        self.put(made)?;
        if let Err(error) = self.check(ctx, made.is_some()).await {
            self.put(self.text.as_deref())?;
            return Err(error);
        }
        let is_trusting = change.yes || ctx.screen.look.terminal_err;
        let effect = match self.kind {
            LayerKind::Project => {
                trust_anew(ctx, self.rig.as_ref(), was_trusted && is_trusting).await?
            }
            _ => tell_daemon(ctx).await?,
        };
        if ctx.screen.is_json() {
            ctx.screen
                .document(&json!({"kind": "RoleChange", "api": gtd_core::API,
                "role": self.role, "file": self.path, "effect": effect, "undo": undo}));
        } else if ctx.screen.is_quiet() {
            ctx.screen.line(self.role.as_str());
        } else {
            ctx.screen.line(format!(
                "{}   {} · {}",
                self.role,
                self.name,
                effect.text(self.kind)
            ));
        }
        let mut next = vec![
            format!("gtd role show {}", self.role),
            format!("undo: {undo}"),
        ];
        if effect == Effect::NeedsTrust {
            next.insert(0, "gtd trust".to_owned());
        }
        ctx.screen.next(&next);
        Ok(Exit::Done)
    }

    fn put(&self, text: Option<&str>) -> Result<(), CliError> {
        match text {
            Some(text) => write_whole(&self.path, text),
            None if self.path.exists() => fs::remove_file(&self.path)
                .map_err(|error| CliError::io(format!("remove {}", self.path.display()), error)),
            None => Ok(()),
        }
    }

    /// Asks the daemon whether the files are right as they are now.
    async fn check(&self, ctx: &Context, is_wanted: bool) -> Result<(), CliError> {
        let client = town::reach_or_start(ctx).await?;
        let rig = self
            .rig
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let found: RoleCheck = town::read(&client.read(CheckRolesRequest { rig }).await?)?;
        if !found.ok {
            let what = found.mistakes.join("\n");
            return Err(CliError::from(Rejection::BadConfig { what }).help(format!(
                "nothing was changed; by hand: gtd role edit {}{}",
                self.role,
                self.flag()
            )));
        }
        if is_wanted && !found.roles.iter().any(|role| role == self.role.as_str()) {
            let what = format!("the daemon does not find {} in {}", self.role, self.name);
            return Err(CliError::new(Kind::Daemon(what)));
        }
        Ok(())
    }
}
