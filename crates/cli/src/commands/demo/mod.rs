//! `gtd demo`: a whole town at work in a temporary folder, with everything that goes wrong in one.
//!
//! The play is directed from outside: agents wait for cues, so that the
//! conflict, the red batch and the death of the daemon come every time. What is
//! told of it is computed from the event log and from nothing else.

mod direct;
mod leftovers;
mod script;
mod stage;
mod story;

use std::collections::BTreeSet;

use gtd_core::ReportDoc;
use serde_json::json;

pub(crate) use self::leftovers::leftovers;
use self::{
    direct::{Played, play},
    script::Script,
    stage::Stage,
};
use crate::{clock, context::Context, error::CliError, exit::Exit, show, town};

/// What goes wrong in a demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum Break {
    /// A gate is red once for no reason
    Gate,
    /// Two changes conflict, and two are only wrong together
    Merge,
    /// An agent is killed, and the daemon is while another one works
    Agent,
    /// Nothing goes wrong
    None,
}

/// Watch a whole town at work for a minute: no keys, no changes here
///
/// Makes a repository and a town in a temporary folder and hands it a goal of
/// nine beads. A gate is flaky, two changes conflict, a batch is red and is
/// split, an agent and the daemon are killed with -9, and one agent asks. The
/// story is read from the event log. Nothing is left behind without --keep;
/// what a demo that was killed had left, the next one takes away.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which story: the same number gives the same words and the same work
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,
    /// How many times faster the agents work
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    speed: u32,
    /// Let the town stay and go on
    #[arg(long)]
    keep: bool,
    /// Only these go wrong; by default all of them
    #[arg(long = "break", value_name = "WHAT", value_delimiter = ',')]
    breaks: Vec<Break>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    town::need_person("demo")?;
    let breaks: BTreeSet<Break> = match args.breaks.as_slice() {
        [] => [Break::Gate, Break::Merge, Break::Agent].into(),
        some if some.contains(&Break::None) && some.len() > 1 => {
            return Err(CliError::usage("--break none stands alone"));
        }
        some => some.iter().copied().filter(|b| *b != Break::None).collect(),
    };
    for folder in leftovers() {
        Stage::of_before(folder.clone())?.strike()?;
        ctx.screen.say(format!(
            "took away what a demo that was killed had left: {}",
            folder.display()
        ));
    }
    let script = Script::new(args.seed, args.speed, breaks);
    let stage = Stage::build(&script)?;
    if args.keep {
        leftovers::keep(stage.folder())?;
    }
    ctx.screen.say(format!(
        "demo town in {}   scripted agents, free, seed {}",
        stage.folder().display(),
        args.seed
    ));
    let played = tokio::select! {
        played = play(ctx, &stage, &script) => played,
        _ = tokio::signal::ctrl_c() => Err(CliError::new(crate::error::Kind::Interrupted)),
    };
    let told = match &played {
        Ok(played) => tell(ctx, &stage, played, args.seed, args.keep),
        Err(_) => Ok(Exit::Failed),
    };
    if args.keep {
        ctx.screen.insist(format!(
            "kept: {folder}   end it: GTD_HOME={home} gtd down --now && rm -r {folder}",
            folder = stage.folder().display(),
            home = stage.home().display(),
        ));
    } else {
        stage.strike()?;
    }
    played.and(told)
}

/// Ends with the report and the one question.
fn tell(
    ctx: &Context,
    stage: &Stage,
    played: &Played,
    seed: u64,
    keep: bool,
) -> Result<Exit, CliError> {
    let report: ReportDoc = town::read(&played.report)?;
    let question = report
        .needs_you
        .iter()
        .find(|item| played.asker.as_deref() == Some(item.subject.as_str()));
    let command = question.map(|item| format!("GTD_HOME={} {}", stage.home().display(), item.next));
    let exit = match played.all_landed && question.is_some() {
        true => Exit::Done,
        false => Exit::WorkFailed,
    };
    if ctx.screen.is_json() {
        ctx.screen.document(&json!({
            "kind": "Demo",
            "api": gtd_core::API,
            "seed": seed,
            "folder": stage.folder().to_string_lossy(),
            "kept": keep,
            "took_s": played.took.as_secs_f64(),
            "exit": exit.code(),
            "story": played.story,
            "report": played.report,
            "question": question,
            "answer": command,
        }));
        return Ok(exit);
    }
    ctx.screen.line("");
    for line in show::report(&report, clock::now(), ctx.screen.look) {
        ctx.screen.line(line);
    }
    ctx.screen.line("");
    if let (Some(question), Some(command)) = (question, &command) {
        ctx.screen
            .line(format!("one question waits for you: {}", question.text));
        match keep {
            true => ctx.screen.line(format!("  answer it   {command}")),
            false => ctx.screen.line(format!(
                "  its answer would be   {}   (this town is gone now; gtd demo --keep lets it stay)",
                question.next
            )),
        }
    }
    if exit != Exit::Done {
        ctx.screen
            .warn("the play did not end as it was written; the report says what happened");
    }
    ctx.screen.line(format!(
        "{:.1} s, from the event log",
        played.took.as_secs_f64()
    ));
    ctx.screen
        .next(&["cd your/repository && gtd init && gtd goal \"…\"".to_owned()]);
    Ok(exit)
}
