//! `gtd`: the thin client. It parses, calls and prints; nothing is decided here.

mod args;
mod clock;
mod commands;
mod context;
mod daemon_program;
mod detect;
mod error;
mod exit;
mod follow;
mod help;
mod lists;
mod output;
mod place;
mod settings;
mod show;
mod town;
mod wishes;

use clap::{CommandFactory, FromArgMatches, error::ErrorKind};

use crate::{
    args::Cli,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    output::{JsonWish, Look, Screen, Talk, Wishes},
};

fn main() {
    let exit = match parse() {
        Ok(cli) => run(cli),
        Err(error) => refuse(&error),
    };
    // Nothing is left to do, so nothing is taken down: the runtime may still hold connections.
    std::process::exit(i32::from(exit.code()));
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

fn run(cli: Cli) -> Exit {
    let waits = cli.command.as_ref().is_some_and(args::Command::waits);
    let ctx = match Context::new(&cli.global, waits) {
        Ok(ctx) => ctx,
        Err(error) => return fail(&Screen::of(&cli.global), &error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(&ctx, cli.command)),
        Err(error) => Err(CliError::io("start the runtime", error)),
    };
    match done {
        Ok(exit) => {
            ctx.screen.flush();
            exit
        }
        Err(error) => fail(&ctx.screen, &error),
    }
}

fn fail(screen: &Screen, error: &CliError) -> Exit {
    screen.fail(error);
    error.kind.exit()
}

/// Answers a command line that clap refused: help and version are no failures.
fn refuse(error: &clap::Error) -> Exit {
    let json = std::env::args_os()
        .skip(1)
        .take_while(|word| word != "--")
        .any(|word| word == "--json" || word.to_string_lossy().starts_with("--json="));
    let wish = if json { JsonWish::Whole } else { JsonWish::Off };
    let screen = Screen::new(Look::here(Wishes::default()), Talk::Usual, wish);
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            screen.write(error.render().to_string().as_bytes());
            screen.flush();
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                Exit::Usage
            } else {
                Exit::Done
            }
        }
        _ => {
            let text = error.render().to_string();
            let text = text.trim().strip_prefix("error: ").unwrap_or(text.trim());
            if json {
                let (message, rest) = text.split_once('\n').unwrap_or((text, ""));
                let hint = rest
                    .lines()
                    .map(str::trim)
                    .find_map(|line| line.strip_prefix("tip: "));
                let mut error = CliError::new(Kind::Usage(message.to_owned()));
                error.hints.help = hint.map(str::to_owned);
                error.hints.next.push("gtd help".to_owned());
                fail(&screen, &error)
            } else {
                screen.insist(format!("error[E0100]: {text}"));
                Exit::Usage
            }
        }
    }
}
