//! `gtd bead create`.

use gtd_client::{Client, Written};
use gtd_core::{
    BeadId, BeadSpec, BeadState, BeadType, Command, Criterion, Diagnostic, EdgeKind, Epoch, Need,
    Priority, RigName, RuntimeName,
};

use super::{changed, find, would};
use crate::{
    args::Change,
    clock,
    commands::brief::Lease,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    settings, town, wishes,
};

/// Make a bead
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One line
    title: String,
    /// The whole story; `-` reads it from stdin, `@FILE` from a file
    #[arg(short, long, value_name = "TEXT")]
    description: Option<String>,
    /// The kind of work: task bug feature chore epic spike decision
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = wishes::kind)]
    kind: Option<BeadType>,
    /// The urgency, 0 (critical) to 4 (backlog)
    #[arg(short, long, value_name = "N", value_parser = wishes::priority)]
    priority: Option<Priority>,
    /// What must be true at the end, with a command that proves it
    #[arg(long, value_name = "TEXT[=CHECK]", value_parser = wishes::criterion)]
    accept: Vec<Criterion>,
    /// A bead that must end well first
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    needs: Vec<String>,
    /// The bead that it is a part of
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Files that the work may touch
    #[arg(long, value_name = "GLOB")]
    scope: Vec<String>,
    /// A free word
    #[arg(short, long, value_name = "LABEL")]
    label: Vec<String>,
    /// The script that does it
    #[arg(long = "run", value_name = "SCRIPT", value_parser = wishes::script)]
    script: Option<String>,
    /// The runtime that works on it
    #[arg(long, value_name = "NAME", value_parser = wishes::runtime)]
    runtime: Option<RuntimeName>,
    /// Not before this: 07:00, 6h, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    defer: Option<String>,
    /// The goal that it joins
    #[arg(long, value_name = "ID")]
    goal: Option<String>,
    /// The bead at which it was found
    #[arg(long, value_name = "ID")]
    discovered_from: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let description = match &args.description {
        Some(text) => wishes::text(ctx, text)?,
        None => String::new(),
    };
    if let Some(lease) = Lease::of_agent() {
        return found(ctx, &lease, &args, description).await;
    }
    let defer_until = args.defer.as_deref().map(clock::ahead).transpose()?;
    let client = town::reach_for(ctx, &args.change).await?;
    let goal = match &args.goal {
        Some(id) => Some(find(&client, id).await?),
        None => None,
    };
    let rig = match (&goal, ctx.rig()?) {
        (_, Some(rig)) => rig,
        // A goal knows its rig, wherever one stands.
        (Some(goal), None) => rig_of(&client, goal.as_str()).await?,
        (None, None) => ctx.need_rig()?,
    };
    let mut needs = Vec::new();
    for id in &args.needs {
        needs.push(Need::blocks(find(&client, id).await?));
    }
    if let Some(id) = &args.discovered_from {
        needs.push(Need {
            kind: EdgeKind::DiscoveredFrom,
            ..Need::blocks(find(&client, id).await?)
        });
    }
    let parent = match &args.parent {
        Some(id) => Some(find(&client, id).await?),
        None => None,
    };
    let spec = BeadSpec {
        title: args.title.trim().to_owned(),
        description,
        kind: args.kind.unwrap_or_default(),
        priority: args.priority.unwrap_or_default(),
        acceptance: args.accept,
        labels: args.label.into_iter().collect(),
        scope: args.scope,
        run: args.script,
        runtime: args.runtime,
        parent,
        defer_until,
        ..BeadSpec::default()
    };
    check_runtime(ctx, &rig, &spec)?;
    if args.change.dry_run {
        gtd_core::check_spec(&spec).doing(|| "make the bead".to_owned())?;
        return Ok(would(ctx, &[format!("make the bead `{}`", spec.title)]));
    }
    let title = spec.title.clone();
    let written = client
        .tell(Command::CreateBead {
            rig,
            goal,
            spec,
            needs,
        })
        .await
        .doing(|| "make the bead".to_owned())?;
    let id = named(&written)?;
    crate::last::remember(id.as_str());
    changed(ctx, &client, &id, &format!("{id}  {title}")).await?;
    ctx.screen.next(&[format!("gtd why {id}")]);
    Ok(Exit::Done)
}

/// Files what an agent found on the way.
async fn found(
    ctx: &Context,
    lease: &Lease,
    args: &Args,
    description: String,
) -> Result<Exit, CliError> {
    let (bead, epoch) = lease.subject()?;
    if args.discovered_from.as_deref() != Some(bead.as_str()) {
        return Err(CliError::usage(format!(
            "an agent files what it found at its own bead: --discovered-from {bead}"
        )));
    }
    let is_more = args.goal.is_some()
        || args.parent.is_some()
        || args.defer.is_some()
        || !args.needs.is_empty();
    if is_more {
        return Err(CliError::usage(
            "an agent says what it found, and no more: --goal, --parent, --needs and --defer are a person's",
        ));
    }
    let spec = BeadSpec {
        title: args.title.trim().to_owned(),
        description,
        kind: args.kind.unwrap_or_default(),
        priority: args.priority.unwrap_or_default(),
        acceptance: args.accept.clone(),
        labels: args.label.iter().cloned().collect(),
        scope: args.scope.clone(),
        run: args.script.clone(),
        runtime: args.runtime.clone(),
        ..BeadSpec::default()
    };
    if args.change.dry_run {
        gtd_core::check_spec(&spec).doing(|| "file the bead".to_owned())?;
        return Ok(would(ctx, &[format!("file the bead `{}`", spec.title)]));
    }
    let client = lease.reach(ctx).await?;
    let filed = file(&client, &bead, epoch, spec).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(filed.id.as_str()).await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(filed.id.as_str());
    } else {
        ctx.screen.line(filed.text());
    }
    Ok(Exit::Done)
}

/// A bead that an agent filed.
pub(crate) struct Filed {
    id: BeadId,
    is_draft: bool,
}

impl Filed {
    /// Says it to the agent.
    pub(crate) fn text(&self) -> String {
        match self.is_draft {
            true => format!(
                "{} filed; it waits for a person's yes, and is not yours to do",
                self.id
            ),
            false => format!(
                "{} filed; somebody else does it, go on with your own",
                self.id
            ),
        }
    }
}

/// Files what was found at the bead at work.
pub(crate) async fn file(
    client: &Client,
    bead: &BeadId,
    epoch: Epoch,
    spec: BeadSpec,
) -> Result<Filed, CliError> {
    let command = Command::Discover {
        bead: bead.clone(),
        epoch,
        spec,
    };
    let written = client.tell(command).await;
    let written = written.doing(|| "file the bead".to_owned())?;
    let id = named(&written)?;
    let document = client.get(id.as_str()).await?;
    let state = document.get("state").and_then(serde_json::Value::as_str);
    Ok(Filed {
        id,
        is_draft: state == Some(BeadState::Draft.word()),
    })
}

/// Reads the name of the bead that was made.
fn named(written: &Written) -> Result<BeadId, CliError> {
    let Some(id) = written.ids.first() else {
        return Err(CliError::new(Kind::Daemon(
            "the daemon made the bead and did not name it".to_owned(),
        )));
    };
    BeadId::parse(id).map_err(|error| CliError::usage(error.to_string()))
}

/// Refuses a runtime that could never begin.
fn check_runtime(ctx: &Context, rig: &RigName, spec: &BeadSpec) -> Result<(), CliError> {
    let Some(wished) = &spec.runtime else {
        return Ok(());
    };
    let usable = settings::runtimes(&settings::effective(ctx, Some(rig))?).usable;
    let what = if !usable.contains(wished) {
        format!("`{wished}` is not usable here")
    } else if wished.as_str() == "shell" && spec.run.is_none() {
        "`shell` needs a script: --run SCRIPT".to_owned()
    } else {
        return Ok(());
    };
    let names: Vec<&str> = usable.iter().map(RuntimeName::as_str).collect();
    let mistake = Diagnostic::without_line("--runtime", &what)
        .with_help(&format!("usable runtimes: {}", names.join(", ")));
    Err(CliError::new(Kind::NoRuntime(Box::new(mistake))))
}

async fn rig_of(client: &gtd_client::Client, goal: &str) -> Result<gtd_core::RigName, CliError> {
    let document = client.get(goal).await?;
    let rig = document
        .pointer("/target/rig")
        .or_else(|| document.get("rig"))
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    gtd_core::RigName::parse(rig).map_err(|error| CliError::usage(error.to_string()))
}
