//! `gtd goal`: hand the town a goal.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use gtd_client::{ApprovalWish, Client, GoalReceipt, GoalWish, LandWish, WriteContext};
use gtd_core::config::{Config, policy_names};
use gtd_core::{
    BeadId, BeadSpec, ConvoyDoc, Criterion, Plan, PlanContext, PlanError, PlannedBead, PolicyName,
    Priority, RuntimeName, parse_plan,
};
use serde_json::json;

use super::{specification::Specification, wait};
use crate::{
    clock,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    follow::{Follow, WaitFor},
    output::Ink,
    settings::{self, Runtimes},
    show, town, wishes,
};

/// The name of the one bead of a goal that is a script.
const ONLY: &str = "work";
/// How long the daemon may look at the repository.
const SUBMIT: Duration = Duration::from_secs(30);

/// How a person wants a goal to land.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Land {
    /// Straight onto the branch.
    Main,
    /// Onto gtd/integration/BRANCH; gtd convoy land brings it further.
    Integration,
    /// Onto a branch of its own, which gh proposes as a pull request; landed when that is merged.
    PullRequest,
}

/// Hand the town a goal
///
/// Either in words (an agent plans it), as a plan file, as a specification, or
/// as one script. Work lands on the rig's branch; while that is checked out
/// somewhere, on gtd/integration/BRANCH.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is wanted; `-` reads it from stdin
    text: Option<String>,
    /// A plan file: the beads, in TOML; `-` reads it from stdin
    #[arg(long, value_name = "FILE", conflicts_with = "script")]
    plan: Option<PathBuf>,
    /// A Spec Kit folder, whose tasks.md is the plan, or a text that an agent plans
    ///
    /// Phases wait for each other, `[P]` may run beside others, `[US1]` becomes a
    /// label, paths the scope. `gtd export speckit` ticks the boxes of what landed.
    #[arg(long, value_name = "FILE|DIR", conflicts_with_all = ["plan", "script"])]
    spec: Option<PathBuf>,
    /// The one script that does it
    #[arg(long = "run", value_name = "SCRIPT", value_parser = wishes::script)]
    script: Option<String>,
    /// What must be true at the end, with a command that proves it
    #[arg(long, value_name = "TEXT[=CHECK]", value_parser = wishes::criterion)]
    accept: Vec<Criterion>,
    /// The runtime that works on it
    #[arg(long, value_name = "NAME", value_parser = wishes::runtime, requires = "script")]
    runtime: Option<RuntimeName>,
    /// Make the plan and stop there; gtd approve begins it
    #[arg(long, conflicts_with_all = ["approve_plan", "no_approve_plan"])]
    plan_only: bool,
    /// Wait for a yes to the plan
    #[arg(long, conflicts_with = "no_approve_plan")]
    approve_plan: bool,
    /// Begin at once
    #[arg(long)]
    no_approve_plan: bool,
    /// What it may do without you: attended, overnight, review-all, dry (plans
    /// only), yolo (asks nothing), or one of your own
    #[arg(long, value_name = "NAME", value_parser = wishes::policy)]
    policy: Option<PolicyName>,
    /// Where it lands
    #[arg(long, value_name = "WHERE")]
    land: Option<Land>,
    /// The branch that it is meant for
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Seats at most
    #[arg(long, value_name = "N", allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// No new attempt after this: 07:00, 6h, or RFC 3339
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// What it may cost with its plan and its beads, in dollars: 20 or $2.50
    #[arg(long, value_name = "USD", value_parser = wishes::budget)]
    budget: Option<u64>,
    /// The urgency, 0 (critical) to 4 (backlog)
    #[arg(short, long, value_name = "N", value_parser = wishes::priority)]
    priority: Option<Priority>,
    /// Wait until it has ended, and tell by the exit code how
    #[arg(long)]
    wait: bool,
    /// Tell every change until it has ended
    #[arg(short, long)]
    follow: bool,
    /// Check everything and create nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Answer every question with yes
    #[arg(short, long)]
    yes: bool,
}

impl Args {
    /// Tells whether the command stays until the goal has ended.
    pub(crate) fn waits(&self) -> bool {
        (self.wait || self.follow) && !self.dry_run
    }
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let text = match &args.text {
        Some(text) => Some(read_goal(text, args.plan.as_deref())?),
        None if args.plan.is_some() || args.spec.is_some() => None,
        None => {
            return Err(
                CliError::usage("a goal is a sentence, a plan file, or a specification").help(
                    "gtd goal \"…\"   gtd goal --plan FILE   gtd goal --spec DIR   gtd help plan",
                ),
            );
        }
    };
    let until = args.until.as_deref().map(clock::ahead).transpose()?;
    let rig = ctx.rig()?;
    let config = settings::effective(ctx, rig.as_ref())?;
    check_policy(&config, args.policy.as_ref())?;
    let runtimes = settings::runtimes(&config);
    // A plan that is wrong is refused before anything is reached or started.
    let given = match &args.plan {
        Some(path) => Some(PlanText::read(ctx, path, &runtimes)?),
        None => None,
    };
    let specified = match &args.spec {
        Some(path) => Some(Specification::read(ctx, path, &runtimes)?),
        None => None,
    };
    let text = match specified.as_ref().map(|given| given.text.as_str()) {
        Some(whole) if !whole.is_empty() => Some(match text {
            Some(first) => format!("{first}\n\n{whole}"),
            None => whole.to_owned(),
        }),
        _ => text,
    };
    let rig = match rig {
        Some(rig) => rig,
        None => ctx.need_rig()?,
    };
    let client = if args.dry_run {
        town::reach(ctx).await?
    } else {
        town::reach_or_start(ctx).await?
    };
    let plan = match (&given, &args.script) {
        (Some(given), _) => Some(given.check_needs(&client, &runtimes).await?),
        (None, Some(script)) => Some(plan_of_script(&args, script, text.as_deref())),
        (None, None) => match specified.filter(Specification::has_plan) {
            Some(given) => given.plan(&client.snapshot().await?, &rig)?,
            None => None,
        },
    };
    let wish = GoalWish {
        spec: spec(&args, text.as_deref(), plan.as_ref()),
        plan,
        land: land_wish(args.land),
        branch: args.branch.clone(),
        max: args.max,
        until,
        approval: if args.plan_only || args.approve_plan {
            ApprovalWish::Needed
        } else if args.no_approve_plan || args.yes {
            ApprovalWish::NotNeeded
        } else {
            ApprovalWish::Default
        },
        validate_only: args.dry_run,
        ..GoalWish::new(rig, BeadSpec::default())
    };
    let title = wish.spec.title.clone();
    let receipt = patient(ctx, &client)
        .submit_goal(wish, WriteContext::default())
        .await
        .doing(|| "set the goal".to_owned())?;
    if args.dry_run {
        let n_beads = receipt.written.ids.len().saturating_sub(1);
        return Ok(tell_rehearsal(ctx, &title, &receipt, n_beads));
    }
    tell(ctx, &client, &title, &receipt, args.waits()).await
}

/// Checks that there is such a policy, before anything is reached or started.
fn check_policy(config: &Config, policy: Option<&PolicyName>) -> Result<(), CliError> {
    let known = policy_names(config);
    match policy {
        Some(name) if !known.contains(name) => {
            let known: Vec<&str> = known.iter().map(PolicyName::as_str).collect();
            Err(CliError::usage(format!(
                "there is no policy `{name}`; there are {}",
                known.join(", ")
            ))
            .help(format!(
                "one of your own is [policies.{name}] in config.toml: gtd config explain policies"
            )))
        }
        _ => Ok(()),
    }
}

/// Says how a goal lands, to the daemon.
pub(super) fn land_wish(land: Option<Land>) -> LandWish {
    match land {
        None => LandWish::Auto,
        Some(Land::Main) => LandWish::Main,
        Some(Land::Integration) => LandWish::Integration,
        Some(Land::PullRequest) => LandWish::PullRequest,
    }
}

/// The same way to the daemon, with time for a look at the repository.
pub(super) fn patient(ctx: &Context, client: &Client) -> Client {
    client.clone().with_deadline(ctx.deadline.unwrap_or(SUBMIT))
}

fn tell_notices(ctx: &Context, receipt: &GoalReceipt) {
    for notice in &receipt.notices {
        ctx.screen.say(format!(
            "{}  {notice}",
            ctx.screen.look.paint_err(Ink::Faint, "note")
        ));
    }
}

/// Tells what a goal would be.
pub(super) fn tell_rehearsal(
    ctx: &Context,
    title: &str,
    receipt: &GoalReceipt,
    n_beads: usize,
) -> Exit {
    tell_notices(ctx, receipt);
    let branch = receipt.target.short_ref();
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "DryRun", "api": gtd_core::API, "title": title,
            "target": receipt.target, "beads": n_beads, "notices": receipt.notices}),
        );
    } else {
        ctx.screen.line(format!(
            "would set the goal `{title}`; it lands on {branch}"
        ));
    }
    Exit::Done
}

/// Tells of a goal that was set, and waits for its end where that is wished.
pub(super) async fn tell(
    ctx: &Context,
    client: &Client,
    title: &str,
    receipt: &GoalReceipt,
    waits: bool,
) -> Result<Exit, CliError> {
    tell_notices(ctx, receipt);
    let Some(id) = receipt.written.ids.first().cloned() else {
        return Err(CliError::new(Kind::Daemon(
            "the daemon set the goal and did not name it".to_owned(),
        )));
    };
    crate::last::remember(&id);
    if waits {
        if !ctx.screen.is_json() {
            ctx.screen.say(format!("{id}  {title}"));
        }
        let follow = Follow::new(ctx, client.clone(), vec![id], WaitFor::Landed);
        let ended = follow.run_to_the_end().await?;
        wait::print(ctx, &ended, true)?;
        return Ok(ended.exit);
    }
    let document = client.get(&id).await?;
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(&id);
    } else {
        let convoy: ConvoyDoc = town::read(&document)?;
        for line in show::convoy(&convoy, clock::now(), ctx.screen.look) {
            ctx.screen.line(line);
        }
        let is_draft = convoy.state == gtd_core::GoalState::Draft.word();
        let first = if is_draft { "gtd approve" } else { "gtd wait" };
        ctx.screen
            .next(&[format!("{first} {id}"), "gtd status".to_owned()]);
    }
    Ok(Exit::Done)
}

pub(super) fn read_goal(text: &str, plan: Option<&Path>) -> Result<String, CliError> {
    let text = match text {
        "-" if plan == Some(Path::new("-")) => {
            return Err(CliError::usage(
                "the goal and the plan cannot both come from stdin",
            ));
        }
        "-" => wishes::stdin()?,
        text => text.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(CliError::usage("the goal is empty").help("gtd goal \"…\""));
    }
    Ok(text)
}

/// Says what is wanted of the goal itself. A text overrides the plan's title.
fn spec(args: &Args, text: Option<&str>, plan: Option<&Plan>) -> BeadSpec {
    let mut spec = match text {
        Some(text) => wishes::titled(text),
        None => wishes::titled(plan.map_or("", |plan| plan.title.as_str())),
    };
    if spec.title.is_empty()
        && let Some(stem) = args.plan.as_deref().and_then(Path::file_stem)
    {
        spec.title = stem.to_string_lossy().into_owned();
    }
    spec.priority = args.priority.unwrap_or_default();
    spec.budget_micros = args.budget;
    spec.policy.clone_from(&args.policy);
    // The criteria of a script are those of its one bead, which is proven in its own worktree.
    if args.script.is_none() {
        spec.acceptance.clone_from(&args.accept);
    }
    spec
}

fn plan_of_script(args: &Args, script: &str, text: Option<&str>) -> Plan {
    let spec = BeadSpec {
        acceptance: args.accept.clone(),
        run: Some(script.to_owned()),
        runtime: args.runtime.clone(),
        priority: args.priority.unwrap_or_default(),
        ..wishes::titled(text.unwrap_or_default())
    };
    Plan {
        beads: vec![PlannedBead {
            local_id: ONLY.to_owned(),
            spec,
            needs: Vec::new(),
        }],
        ..Plan::default()
    }
}

/// A plan file that was read, with the beads outside of it that it names.
pub(super) struct PlanText {
    name: String,
    text: String,
    outside: BTreeSet<String>,
}

impl PlanText {
    /// Reads the file; beads that it names and does not hold are looked for later.
    pub(super) fn read(ctx: &Context, path: &Path, runtimes: &Runtimes) -> Result<Self, CliError> {
        let text = wishes::file(ctx, path)?;
        let name = match path.to_string_lossy() {
            name if name == "-" => "stdin".to_owned(),
            name => name.into_owned(),
        };
        let outside = RefCell::new(BTreeSet::new());
        parse(&name, &text, runtimes, &|id| {
            let is_id = BeadId::parse(id).is_ok();
            if is_id {
                outside.borrow_mut().insert(id.to_owned());
            }
            is_id
        })?;
        Ok(Self {
            name,
            text,
            outside: outside.into_inner(),
        })
    }

    /// Checks that every bead outside of the plan exists.
    pub(super) async fn check_needs(
        &self,
        client: &Client,
        runtimes: &Runtimes,
    ) -> Result<Plan, CliError> {
        let mut known = BTreeSet::new();
        for id in &self.outside {
            match town::find(client, id).await {
                // The beginning of an id is not enough in a file that stays.
                Ok(found) if found.id == *id && found.bead().is_ok() => {
                    known.insert(id.clone());
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind, Kind::Rejected(_)) => {}
                Err(error) => return Err(error),
            }
        }
        parse(&self.name, &self.text, runtimes, &|id| known.contains(id))
    }
}

fn parse(
    name: &str,
    text: &str,
    runtimes: &Runtimes,
    exists: &dyn Fn(&str) -> bool,
) -> Result<Plan, CliError> {
    let context = PlanContext {
        usable_runtimes: &runtimes.usable,
        default_runtime: runtimes.default.as_ref(),
        exists,
    };
    parse_plan(name, text, &context).map_err(|error| {
        CliError::new(match error {
            PlanError::Invalid(diagnostic) => Kind::Plan(Box::new(diagnostic)),
            PlanError::NoRuntime(diagnostic) => Kind::NoRuntime(Box::new(diagnostic)),
        })
    })
}
