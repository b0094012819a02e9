//! One configuration file: where it is, whether a text of it is right, and how it is written.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use gtd_client::WriteContext;
use gtd_core::{
    RigName,
    config::{Config, Layer, LayerKind, is_of_project_alone, layer_from_toml},
};
use nix::{sys::signal, unistd::Pid};

use crate::{
    context::Context,
    error::{CliError, Kind},
    place::Repository,
    settings::{self, LOCAL, PROJECT},
    town,
};

/// How long a daemon has to read the user's files again.
const READ_AGAIN: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(5);

/// Which file is meant.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct Which {
    /// Your own config.toml, for all rigs
    #[arg(long)]
    user: bool,
    /// gtd.toml of the rig, which is committed
    #[arg(long)]
    project: bool,
    /// gtd.local.toml of the rig, which is not
    #[arg(long)]
    local: bool,
}

/// A configuration file.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    pub(crate) kind: LayerKind,
    /// What it is called on the screen.
    pub(crate) name: String,
    path: PathBuf,
    rig: Option<RigName>,
    /// What stands in it; nothing when it is not there.
    pub(crate) text: Option<String>,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// It holds at once.
    Holds,
    /// It holds when the daemon begins.
    AtTheNextStart,
    /// It waits for trust.
    NeedsTrust,
    /// The folder is no rig: it holds when it becomes one.
    WhenARig,
}

impl ConfigFile {
    /// Finds the file that is meant; by default the user's, or the project's for a key that only it may set.
    pub(super) fn find(ctx: &Context, which: Which, key: Option<&str>) -> Result<Self, CliError> {
        let of_project = key.is_some_and(is_of_project_alone);
        let kind = match which {
            Which { local: true, .. } => LayerKind::Local,
            Which { project: true, .. } => LayerKind::Project,
            Which { user: false, .. } if of_project => LayerKind::Project,
            _ => LayerKind::User,
        };
        let (path, name, rig) = match kind {
            LayerKind::User => {
                let path = ctx.places.config.join(settings::USER);
                (path.clone(), path.display().to_string(), None)
            }
            _ => {
                let name = if kind == LayerKind::Local {
                    LOCAL
                } else {
                    PROJECT
                };
                let rig = ctx.rig()?;
                let folder = match &rig {
                    Some(rig) => ctx.folder_of(rig)?,
                    None => Repository::around(&ctx.folder)
                        .map(|repository| repository.main)
                        .ok_or_else(|| CliError::new(Kind::NotARepository(ctx.folder.clone())))?,
                };
                (folder.join(name), name.to_owned(), rig)
            }
        };
        Ok(Self {
            text: settings::read(&path)?,
            kind,
            name,
            // What is linked elsewhere, as into a folder of dotfiles, stays linked.
            path: fs::canonicalize(&path).unwrap_or(path),
            rig,
        })
    }

    /// Finds the user's own config.toml.
    pub(crate) fn of_user(ctx: &Context) -> Result<Self, CliError> {
        let which = Which {
            user: true,
            ..Which::default()
        };
        Self::find(ctx, which, None)
    }

    /// Finds gtd.toml of the rig that one stands in or that is named.
    pub(crate) fn of_project(ctx: &Context) -> Result<Self, CliError> {
        let which = Which {
            project: true,
            ..Which::default()
        };
        Self::find(ctx, which, None)
    }

    /// Returns what it sets now; a file that is wrong as it stands says nothing that could be put back.
    pub(super) fn layer(&self) -> Option<Layer> {
        let text = self.text.as_deref()?;
        layer_from_toml(self.kind, &self.name, text).ok()
    }

    /// Returns the text, or how a new file begins.
    pub(crate) fn text_or_begin(&self) -> String {
        self.text
            .clone()
            .unwrap_or_else(|| "schema = 1\n".to_owned())
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the flag that means this file.
    pub(super) fn flag(&self) -> &'static str {
        match self.kind {
            LayerKind::Project => "--project",
            LayerKind::Local => "--local",
            _ => "--user",
        }
    }

    /// Checks a text that is to stand in it, and returns what would be in effect then.
    ///
    /// # Errors
    /// When it is wrong, or would not count there.
    pub(super) fn check(&self, ctx: &Context, text: &str) -> Result<Config, CliError> {
        let layer = layer_from_toml(self.kind, &self.name, text).map_err(settings::wrong)?;
        if let Some(ignored) = layer
            .warnings()
            .iter()
            .find(|warning| warning.message.starts_with("ignored"))
        {
            return Err(settings::wrong(ignored.clone()));
        }
        let mut layers = settings::layers(ctx, self.rig.as_ref())?;
        layers.retain(|other| other.kind() != self.kind);
        layers.push(layer);
        let config = Config::merge(layers);
        if let Some(rig) = &self.rig {
            gtd_core::config::rig_rules(&config, rig.as_str()).map_err(settings::wrong)?;
        }
        Ok(config)
    }

    /// Returns the name under which a text of it is worked on.
    pub(super) fn draft_name(&self) -> String {
        match (&self.rig, self.kind) {
            (_, LayerKind::User) => settings::USER.to_owned(),
            (Some(rig), _) => format!("{rig}.{}", self.name),
            (None, _) => self.name.clone(),
        }
    }

    /// Writes a text that was checked: all of it or nothing.
    pub(super) fn write(&self, text: &str) -> Result<(), CliError> {
        write_whole(&self.path, text)
    }

    /// Puts what was written into effect.
    pub(super) async fn put_into_effect(
        &self,
        ctx: &Context,
        was_trusted: bool,
        is_trusting: bool,
    ) -> Result<Effect, CliError> {
        let rig = self.rig.as_ref();
        match self.kind {
            LayerKind::User => tell_daemon(ctx).await,
            _ => trust_anew(ctx, rig, was_trusted && is_trusting).await,
        }
    }

    /// Tells whether the files of the rig are as they were trusted.
    pub(super) fn is_trusted(&self, ctx: &Context) -> Result<bool, CliError> {
        match &self.rig {
            Some(rig) => settings::is_trusted(ctx, rig),
            None => Ok(false),
        }
    }
}

/// Writes a file: all of it or nothing.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error| CliError::io(format!("write {}", path.display()), error);
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(name);
    let written = fs::File::create(&part)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            if let Ok(about) = fs::metadata(path) {
                file.set_permissions(about.permissions())?;
            }
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        drop(fs::remove_file(&part));
        failed(error)
    })
}

/// Lets a daemon that runs read the user's files again; it keeps what it had when they are wrong.
pub(crate) async fn tell_daemon(ctx: &Context) -> Result<Effect, CliError> {
    let Ok(client) = town::reach(ctx).await else {
        return Ok(Effect::AtTheNextStart);
    };
    let hello = client.hello().await?;
    let pid = hello.pid;
    // One that is reached elsewhere may be no process of ours.
    let told = !ctx.is_elsewhere
        && i32::try_from(pid)
            .is_ok_and(|pid| signal::kill(Pid::from_raw(pid), signal::Signal::SIGHUP).is_ok());
    if told && hello.config_reads > 0 {
        // What is said next shall find it so: a signal only asks.
        let until = Instant::now() + READ_AGAIN;
        while client.hello().await?.config_reads == hello.config_reads && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(if told {
        Effect::Holds
    } else {
        Effect::AtTheNextStart
    })
}

/// Trusts the files of a rig as they are now, when that is wished; else they wait for it.
pub(crate) async fn trust_anew(
    ctx: &Context,
    rig: Option<&RigName>,
    is_wished: bool,
) -> Result<Effect, CliError> {
    let Some(rig) = rig else {
        return Ok(Effect::WhenARig);
    };
    if !is_wished {
        return Ok(Effect::NeedsTrust);
    }
    let digest = settings::project_texts(&ctx.folder_of(rig)?)?.digest();
    let client = town::reach_or_start(ctx).await?;
    let trusted = client.trust_rig(rig, Some(&digest), WriteContext::default());
    Ok(match trusted.await {
        Ok(_) => Effect::Holds,
        // Whoever may not trust has changed a file like any other.
        Err(error) => {
            ctx.screen.warn(format!("not trusted: {error}"));
            Effect::NeedsTrust
        }
    })
}

impl Effect {
    /// Says it in half a sentence.
    pub(crate) fn text(self, kind: LayerKind) -> &'static str {
        match self {
            Self::Holds if kind == LayerKind::User => "the daemon reads it now",
            Self::Holds => "trusted, because you set it at this terminal",
            Self::AtTheNextStart => "it holds from the next start of the daemon",
            Self::NeedsTrust => "it counts after: gtd trust",
            Self::WhenARig => "it counts when this is a rig: gtd init",
        }
    }
}

/// Says that a text could not be changed.
pub(super) fn unchanged(file: &ConfigFile, error: &super::text::TextError) -> CliError {
    CliError::new(Kind::State(format!("{}: {error}", file.name)))
        .help(format!("mend it: gtd config edit {}", file.flag()))
}
