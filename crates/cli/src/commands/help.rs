//! `gtd help`: explain a command, a topic or an error code.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde_json::{Value, json};

use crate::{
    args::Cli,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    help,
};

/// Explain a command, a topic or an error code
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A command, a topic (gtd help topics) or a code such as E0204
    topic: Vec<String>,
    /// Every command with all that it takes; with --json as data too
    #[arg(long)]
    all: bool,
    /// With the topic words: the words of Gas Town
    #[arg(long)]
    gastown: bool,
    /// Write a man page for each command into this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["topic", "all", "gastown"])]
    man: Option<PathBuf>,
}

pub(crate) fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    if let Some(folder) = &args.man {
        return man(ctx, &ctx.path(folder));
    }
    let text = if args.all {
        every_command()
    } else if args.gastown {
        help::topic("gastown").unwrap_or_default()
    } else {
        match args.topic.as_slice() {
            [] => help::overview(),
            words => find(words)?,
        }
    };
    if ctx.screen.is_json() {
        let mut document = json!({"kind": "Help", "api": gtd_core::API,
            "topic": args.topic.join(" "), "text": text});
        if args.all {
            let mut root = Cli::command();
            root.build();
            document["commands"] = commands(&root).into();
        }
        ctx.screen.document(&document);
    } else {
        ctx.screen.write(text.trim_end().as_bytes());
        ctx.screen.line("");
    }
    Ok(Exit::Done)
}

fn find(words: &[String]) -> Result<String, CliError> {
    if let [word] = words
        && let Some(text) = help::topic(word).or_else(|| help::code(word))
    {
        return Ok(text);
    }
    if let [word] = words
        && matches!(word.as_str(), "topics" | "topic")
    {
        return Ok(format!("Topics: {}\n", topics().join(" ")));
    }
    let mut command = Cli::command();
    command.build();
    let mut at = &mut command;
    for word in words {
        let known = at
            .get_subcommands()
            .any(|sub| sub.get_name() == word || sub.get_all_aliases().any(|a| a == word));
        if !known {
            return Err(unknown(words, at));
        }
        at = at
            .find_subcommand_mut(word)
            .expect("it was found a line above");
    }
    Ok(at.render_long_help().to_string())
}

fn unknown(words: &[String], at: &clap::Command) -> CliError {
    let word = words.join(" ");
    let names = at
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .chain(help::TOPICS.iter().map(|(name, _)| (*name).to_owned()));
    let near = names
        .map(|name| (strsim::jaro_winkler(&word, &name), name))
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| format!("did you mean `{name}`?   "));
    CliError::new(Kind::NotFound {
        kind: "help topic",
        name: word,
    })
    .help(format!(
        "{}topics: {}",
        near.unwrap_or_default(),
        topics().join(" ")
    ))
}

fn topics() -> Vec<&'static str> {
    help::TOPICS.iter().map(|(name, _)| *name).collect()
}

/// Describes every command that can be run, for programs: what it takes and which values.
fn commands(command: &clap::Command) -> Vec<Value> {
    let mut found = Vec::new();
    if !command.is_subcommand_required_set() {
        let arguments = command.get_arguments().filter(|arg| !arg.is_global_set());
        found.push(json!({
            "command": command.get_bin_name().unwrap_or_else(|| command.get_name()),
            "about": command.get_about().map(ToString::to_string),
            "aliases": command.get_visible_aliases().collect::<Vec<_>>(),
            "arguments": arguments.map(argument).collect::<Vec<_>>(),
        }));
    }
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        found.extend(commands(sub));
    }
    found
}

fn argument(arg: &clap::Arg) -> Value {
    let values = arg.get_value_names().unwrap_or_default();
    let takes = arg.get_action().takes_values();
    let possible = arg.get_possible_values();
    json!({
        "name": arg.get_id().as_str(),
        "short": arg.get_short(),
        "long": arg.get_long(),
        "value": takes.then(|| values.first().map(ToString::to_string)).flatten(),
        "values": possible.iter().map(clap::builder::PossibleValue::get_name).collect::<Vec<_>>(),
        "required": arg.is_required_set(),
        "about": arg.get_help().map(ToString::to_string),
    })
}

/// Writes a man page for each command.
fn man(ctx: &Context, folder: &Path) -> Result<Exit, CliError> {
    let failed = |error| {
        CliError::io(
            format!("write the man pages to {}", folder.display()),
            error,
        )
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let pages = help::man_pages(Cli::command()).map_err(failed)?;
    let mut names = Vec::with_capacity(pages.len());
    for (name, page) in pages {
        std::fs::write(folder.join(&name), page).map_err(failed)?;
        names.push(name);
    }
    if ctx.screen.is_json() {
        let pages: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
        ctx.screen.document(
            &json!({"kind": "ManPages", "api": gtd_core::API, "items": pages, "next": ""}),
        );
    } else {
        let (n_pages, folder) = (names.len(), folder.display());
        ctx.screen
            .say(format!("wrote {n_pages} man pages to {folder}"));
    }
    Ok(Exit::Done)
}

fn every_command() -> String {
    let mut command = Cli::command();
    command.build();
    let mut text = help::overview();
    for sub in command.get_subcommands_mut() {
        text.push_str(&format!("\n\n## gtd {}\n\n", sub.get_name()));
        text.push_str(&sub.render_long_help().to_string());
    }
    text
}
