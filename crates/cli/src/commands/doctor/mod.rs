//! `gtd doctor`: is everything here as the town needs it. Works without a daemon.

mod check;
mod host;
mod night;
mod notify;
mod redact;
mod rigs;
mod store;

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::{Value, json};

use self::check::{Category, Check, Status};
use crate::{
    context::Context,
    error::CliError,
    exit::Exit,
    output::{Ink, Screen},
};

/// Is everything here as the town needs it
///
/// One line for each check, problems first, each with what mends it. Exit 5
/// when a check failed; warnings alone are 0. Works without a daemon.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    only: Vec<Category>,
    /// Also what would hold work up while nobody looks: decisions, limits, logout, battery
    #[arg(long)]
    overnight: bool,
    /// Mend what can be mended safely, and say what was done
    #[arg(long)]
    fix: bool,
    /// Write everything that a bug report needs, without names and secrets
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let mut wanted: BTreeSet<Category> = match args.only.as_slice() {
        [] => Category::ALL.into(),
        some => some.iter().copied().collect(),
    };
    if args.overnight {
        wanted.insert(Category::Night);
    }
    let mut checks = look(ctx, &wanted).await;
    let mut done = Vec::new();
    if args.fix {
        for check in &checks {
            let Some(mend) = &check.mend else { continue };
            match mend.apply(ctx) {
                Ok(text) => done.push(text),
                Err(error) => ctx
                    .screen
                    .warn(format!("{}: {}", check.id, error.message())),
            }
        }
        if !done.is_empty() {
            checks = look(ctx, &wanted).await;
        }
    }
    // Problems first; within one status the order of the categories stays.
    checks.sort_by_key(|check| std::cmp::Reverse(check.status));
    let exit = match checks.iter().any(|check| check.status == Status::Fail) {
        true => Exit::WorkFailed,
        false => Exit::Done,
    };
    let document = document(&checks, &done);
    if let Some(path) = &args.report {
        let path = ctx.path(path);
        std::fs::write(&path, redact::bundle(ctx, &document))
            .map_err(|error| CliError::given(format!("write {}", path.display()), error))?;
        ctx.screen.say(format!(
            "wrote {}: read it before you send it",
            path.display()
        ));
    }
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
    } else {
        print(&ctx.screen, &checks, &done);
    }
    Ok(exit)
}

async fn look(ctx: &Context, wanted: &BTreeSet<Category>) -> Vec<Check> {
    let mut checks = Vec::new();
    for category in wanted {
        let began = std::time::Instant::now();
        let mut found = match category {
            Category::Host => host::machine(ctx),
            Category::Git => host::git(ctx),
            Category::Store => store::store(ctx),
            Category::Daemon => store::daemon(ctx).await,
            Category::Config => rigs::config(ctx),
            Category::Gates => rigs::gates(ctx),
            Category::Signing => rigs::signing(ctx),
            Category::Runtime => rigs::runtimes(ctx),
            Category::Notify => notify::notify(ctx).await,
            Category::Leftovers => rigs::leftovers(ctx),
            Category::Night => night::night(ctx).await,
        };
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        for check in &mut found {
            check.category = *category;
            check.ms = ms;
        }
        checks.append(&mut found);
    }
    checks
}

fn document(checks: &[Check], done: &[String]) -> Value {
    let items: Vec<Value> = checks
        .iter()
        .map(|check| {
            let fix = check
                .fix
                .as_ref()
                .map(|cmd| json!({"cmd": cmd, "safe": check.mend.is_some()}));
            json!({"id": check.id, "category": check.category.word(),
                "status": check.status.word(), "text": check.text, "fix": fix, "ms": check.ms})
        })
        .collect();
    json!({"kind": "Doctor", "api": gtd_core::API, "checks": items, "fixed": done})
}

fn print(screen: &Screen, checks: &[Check], done: &[String]) {
    for text in done {
        screen.line(format!("fixed: {text}"));
    }
    let mut n_good = 0;
    for check in checks {
        let (mark, ink) = match check.status {
            Status::Fail => (screen.look.mark("✗", "x"), Ink::Bad),
            Status::Warn => ("!", Ink::Warn),
            Status::Ok if screen.is_verbose() => (screen.look.mark("✓", "+"), Ink::Good),
            Status::Ok => {
                n_good += 1;
                continue;
            }
        };
        let mark = screen.look.paint(ink, mark);
        screen.line(format!(
            "{mark} {:<9} {}",
            check.category.word(),
            check.text
        ));
        if let Some(fix) = &check.fix
            && check.status != Status::Ok
        {
            let safe = match check.mend {
                Some(_) => "   or gtd doctor --fix",
                None => "",
            };
            screen.line(format!("            {fix}{safe}"));
        }
    }
    if n_good > 0 {
        let mark = screen.look.paint(Ink::Good, screen.look.mark("✓", "+"));
        let word = if n_good == 1 {
            "check is"
        } else {
            "checks are"
        };
        screen.line(format!("{mark} {n_good} {word} good (-v names them)"));
    }
}
