//! `gtd init`: make a repository a rig.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use gtd_client::WriteContext;
use gtd_core::{
    GateName, RigName,
    config::{Config, LayerKind, default_gtd_toml, layer_from_toml, passed_variables, rig_name},
};
use serde_json::{Value, json};

use crate::{
    args::Change,
    context::Context,
    detect::{self, Proposal},
    error::{CliError, Doing, Kind},
    exit::Exit,
    output::Ink,
    place::{self, Repository},
    settings::{self, LOCAL, PROJECT},
    town,
};

/// How long the daemon may look at the repository.
const ADD: Duration = Duration::from_secs(30);
/// What git is told to overlook.
const EXCLUDED: [&str; 2] = [LOCAL, ".gtd/state"];

/// Make this repository a rig
///
/// Writes gtd.toml with the gates that it finds, and trusts it; nothing that
/// git tracks is changed. A gtd.toml that is there is kept as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The repository; by default the one around the present folder
    path: Option<PathBuf>,
    /// The name of the rig; by default that of the folder
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The branch that work lands on; by default that of the remote, or the one checked out
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// A gate besides those that are found
    #[arg(long, value_name = "NAME=CMD", value_parser = gate)]
    gate: Vec<Proposal>,
    /// Look for no gates
    #[arg(long)]
    no_detect: bool,
    #[command(flatten)]
    change: Change,
}

fn gate(text: &str) -> Result<Proposal, String> {
    let (name, run) = text
        .split_once('=')
        .ok_or_else(|| "write it as NAME=CMD".to_owned())?;
    if run.trim().is_empty() {
        return Err("the command after `=` is empty".to_owned());
    }
    Ok(Proposal {
        name: GateName::parse(name.trim()).map_err(|error| error.to_string())?,
        run: run.trim().to_owned(),
    })
}

/// What will be so.
struct Draft {
    repository: Repository,
    name: RigName,
    branch: String,
    gates: Vec<Proposal>,
    /// The text to write; none when there is a file already.
    text: Option<String>,
    /// What is not meant as it is written; of a rig, the daemon says it.
    warnings: Vec<String>,
    /// What was asked for and not done.
    notice: Option<String>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let draft = draft(ctx, &args)?;
    if args.change.dry_run {
        show(ctx, &draft, None, &[]);
        return Ok(Exit::Done);
    }
    let mut wrote = Vec::new();
    let file = draft.repository.main.join(PROJECT);
    if let Some(text) = &draft.text {
        fs::write(&file, text)
            .map_err(|error| CliError::io(format!("write {}", file.display()), error))?;
        wrote.push(PROJECT.to_owned());
    }
    exclude(&draft.repository)?;
    let client = town::reach_or_start(ctx).await?;
    // What is a rig already keeps its name.
    let known = place::rig_of(ctx.rig_folders()?, &draft.repository.main);
    let name = match &args.name {
        Some(_) => Some(&draft.name),
        None => known.as_ref(),
    };
    let receipt = client
        .with_deadline(ctx.deadline.unwrap_or(ADD))
        .add_rig(&draft.repository.main, name, WriteContext::default())
        .await
        .doing(|| format!("make {} a rig", draft.repository.main.display()))?;
    show(ctx, &draft, Some(&receipt.document), &wrote);
    Ok(Exit::Done)
}

fn draft(ctx: &Context, args: &Args) -> Result<Draft, CliError> {
    let folder = match &args.path {
        Some(path) => fs::canonicalize(ctx.path(path))
            .map_err(|error| CliError::given(format!("enter {}", path.display()), error))?,
        None => ctx.folder.clone(),
    };
    let repository = Repository::around(&folder)
        .ok_or_else(|| CliError::new(Kind::NotARepository(folder.clone())))?;
    let asked = match &args.name {
        Some(name) => {
            Some(RigName::parse(name).map_err(|error| CliError::usage(error.to_string()))?)
        }
        None => None,
    };
    let folder_name = repository
        .main
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let file = repository.main.join(PROJECT);
    let mut warnings = Vec::new();
    let mut notice = None;
    if let Some(text) = settings::read(&file)? {
        let layer = layer_from_toml(LayerKind::Project, PROJECT, &text).map_err(settings::wrong)?;
        let config = Config::merge([layer]);
        warnings.extend(config.warnings().iter().map(ToString::to_string));
        if !args.gate.is_empty() || args.branch.is_some() {
            notice = Some(format!(
                "{PROJECT} is there and kept: --gate and --branch were not used"
            ));
        }
        let name = match asked {
            Some(name) => name,
            None => rig_name(&config, &folder_name).map_err(settings::wrong)?,
        };
        let branch = config
            .get("rig.branch")
            .and_then(|(value, _)| value.as_str());
        return Ok(Draft {
            branch: branch.map(str::to_owned).unwrap_or_default(),
            gates: gates_of(&config),
            name,
            repository,
            text: None,
            warnings,
            notice,
        });
    }
    let name = match asked {
        Some(name) => name,
        None => rig_name(&Config::merge([]), &folder_name).map_err(settings::wrong)?,
    };
    let mut gates = if args.no_detect {
        Vec::new()
    } else {
        detect::gates(&repository.main)
    };
    for given in &args.gate {
        match gates.iter_mut().find(|found| found.name == given.name) {
            Some(found) => found.run.clone_from(&given.run),
            None => gates.push(given.clone()),
        }
    }
    let branch = args
        .branch
        .clone()
        .or_else(|| repository.branch())
        .unwrap_or_else(|| "main".to_owned());
    let pairs: Vec<(GateName, String)> = gates
        .iter()
        .map(|gate| (gate.name.clone(), gate.run.clone()))
        .collect();
    let text = default_gtd_toml(&name, &branch, &pairs);
    Ok(Draft {
        repository,
        name,
        branch,
        gates,
        text: Some(text),
        warnings,
        notice,
    })
}

fn gates_of(config: &Config) -> Vec<Proposal> {
    let rows = config.get("gate").and_then(|(value, _)| value.as_list());
    rows.unwrap_or_default()
        .iter()
        .filter_map(|row| {
            Some(Proposal {
                name: GateName::parse(row.get("name")?.as_str()?).ok()?,
                run: row.get("run")?.as_str()?.to_owned(),
            })
        })
        .collect()
}

/// Tells git to overlook what is never committed, without touching a tracked file.
fn exclude(repository: &Repository) -> Result<(), CliError> {
    let folder = repository.common.join("info");
    let file = folder.join("exclude");
    let failed = |error| CliError::io(format!("write {}", file.display()), error);
    let known = settings::read(&file)?.unwrap_or_default();
    let missing: Vec<&str> = EXCLUDED
        .into_iter()
        .filter(|name| !known.lines().any(|line| line.trim() == *name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    let gap = if known.is_empty() || known.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    fs::write(&file, format!("{known}{gap}{}\n", missing.join("\n"))).map_err(failed)
}

fn show(ctx: &Context, draft: &Draft, rig: Option<&Value>, wrote: &[String]) {
    let name = rig
        .and_then(|rig| rig.get("name")?.as_str())
        .unwrap_or(draft.name.as_str());
    let branch = rig
        .and_then(|rig| rig.get("branch")?.as_str())
        .unwrap_or(&draft.branch);
    if ctx.screen.is_json() {
        ctx.screen
            .document(&document(draft, rig, name, branch, wrote));
        return;
    }
    if ctx.screen.is_quiet() {
        ctx.screen.line(name);
        return;
    }
    let look = ctx.screen.look;
    let dot = look.mark("·", "-");
    let path = draft.repository.main.display();
    ctx.screen.line(format!(
        "  repository   {path} {dot} {branch} {dot} rig {name}"
    ));
    for (at, gate) in draft.gates.iter().enumerate() {
        let head = if at == 0 { "gates" } else { "" };
        ctx.screen
            .line(format!("  {head:<12} {:<8} {}", gate.name, gate.run));
    }
    if draft.gates.is_empty() {
        ctx.screen
            .line("  gates        none: nothing proves the work. Add [[gate]] to gtd.toml, then: gtd trust");
    }
    for warning in rig.map_or_else(|| draft.warnings.clone(), settings::warnings_of) {
        ctx.screen.warn(warning);
    }
    let passed = settings::effective(ctx, None).map(|config| passed_variables(&config));
    let passed = passed.unwrap_or_default();
    let runs = draft.gates.iter().map(|gate| gate.run.as_str());
    let missing = detect::missing_roots(runs, &passed, |name| std::env::var(name).ok());
    if !missing.is_empty() {
        let (text, fix) = detect::pass_on(&missing, &passed);
        ctx.screen.warn(format!("{text}: {fix}"));
    }
    if let Some(notice) = &draft.notice {
        ctx.screen.warn(notice);
    }
    match (&draft.text, rig.is_some()) {
        (Some(text), false) => {
            let n = text.lines().count();
            ctx.screen
                .line(format!("would write {PROJECT} ({n} lines):"));
            for line in text.lines() {
                ctx.screen
                    .line(look.paint(Ink::Faint, &format!("    {line}")));
            }
        }
        (None, false) => ctx
            .screen
            .line(format!("would keep {PROJECT} and trust it as it is")),
        (Some(text), true) => {
            let n = text.lines().count();
            ctx.screen.line(format!(
                "wrote {PROJECT} ({n} lines). Nothing else changed."
            ));
        }
        (None, true) => ctx
            .screen
            .line(format!("kept {PROJECT} and trusted it as it is.")),
    }
    if rig.is_some() {
        let first = if draft.gates.is_empty() {
            "gtd goal \"…\" --run SCRIPT"
        } else {
            "gtd goal \"…\""
        };
        ctx.screen
            .next_always(&[first.to_owned(), "gtd goal --plan FILE".to_owned()]);
    }
}

fn document(
    draft: &Draft,
    rig: Option<&Value>,
    name: &str,
    branch: &str,
    wrote: &[String],
) -> Value {
    let mut document = rig
        .cloned()
        .unwrap_or_else(|| json!({"kind": "Rig", "api": gtd_core::API}));
    let mut set = |key: &str, value: Value| {
        if document.get(key).is_none_or(Value::is_null) {
            document[key] = value;
        }
    };
    set("name", name.into());
    set("branch", branch.into());
    set("path", draft.repository.main.to_string_lossy().into());
    let gates = draft
        .gates
        .iter()
        .map(|gate| json!({"name": gate.name, "run": gate.run}));
    set("gates", gates.collect());
    set("warnings", json!(draft.warnings));
    set("wrote", json!(wrote));
    set("dry_run", json!(rig.is_none()));
    document
}

/// Tells whether a folder looks like a repository that could become a rig, for `gtd` alone.
pub(crate) fn describe(top: &Path) -> String {
    let gates: Vec<String> = detect::gates(top)
        .into_iter()
        .map(|gate| gate.run)
        .collect();
    if gates.is_empty() {
        "no tests found".to_owned()
    } else {
        format!("gates: {}", gates.join(", "))
    }
}
