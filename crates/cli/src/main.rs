//! `gtd`: the thin client. It parses, calls and prints; nothing is decided here.

mod args;
mod clock;
mod commands;
mod completion;
mod context;
mod daemon_program;
mod detect;
mod error;
mod exit;
mod filter;
mod follow;
mod help;
mod last;
mod lists;
mod names;
mod output;
mod parse;
mod past;
mod place;
mod progress;
mod settings;
mod show;
mod sift;
mod taste;
mod town;
mod trace;
mod usage;
mod wishes;

use clap::{CommandFactory, error::ErrorKind};
use serde_json::json;

use crate::{
    args::Cli,
    context::Context,
    error::CliError,
    exit::Exit,
    output::{JsonWish, Look, Screen, Talk, Wishes},
    taste::Taste,
};

fn main() {
    completion::answer();
    let exit = match parse::command_line() {
        Ok(cli) => run(cli),
        Err(error) => refuse(&error),
    };
    // Nothing is left to do, so nothing is taken down: the runtime may still hold connections.
    std::process::exit(i32::from(exit.code()));
}

fn run(cli: Cli) -> Exit {
    let waits = cli.command.as_ref().is_some_and(args::Command::waits);
    let ctx = match Context::new(&cli.global, waits) {
        Ok(ctx) => ctx,
        Err(error) => return fail(&Screen::of(&cli.global, &Taste::default()), &error),
    };
    let began = std::time::Instant::now();
    trace::begin(&ctx);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        // A pager is waited for within it: it listens for Ctrl-C.
        Ok(runtime) => runtime.block_on(async {
            let done = commands::run(&ctx, cli.command).await;
            ctx.screen.flush();
            done
        }),
        Err(error) => Err(CliError::io("start the runtime", error)),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(error) => fail(&ctx.screen, &error),
    };
    trace::end(&ctx, exit, began);
    exit
}

fn fail(screen: &Screen, error: &CliError) -> Exit {
    screen.fail(error);
    error.kind.exit()
}

/// Answers a command line that clap refused: help and version are no failures.
fn refuse(error: &clap::Error) -> Exit {
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .take_while(|word| word != "--")
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let has = |flag: &str| {
        let given = |word: &String| word.split('=').next() == Some(flag);
        words.iter().any(given)
    };
    let json = has("--json") && !has("--jq") && !has("--template");
    let wish = if json { JsonWish::Whole } else { JsonWish::Off };
    let screen = Screen::new(Look::here(Wishes::default()), Talk::Usual, wish);
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => Exit::Usage,
        _ => {
            let error = usage::error(error, &mut Cli::command(), &words);
            return fail(&screen, &error);
        }
    };
    let text = error.render().to_string();
    if json {
        screen.document(&json!({"kind": "Help", "api": gtd_core::API, "text": text}));
    } else {
        screen.write(text.as_bytes());
    }
    screen.flush();
    exit
}
