//! The command line: what stands before every command, and the list of commands.
//!
//! What a command takes stands in the command's own file.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::{
    clock, commands,
    error::{CliError, Kind},
    output::{ColorWhen, Form, GlyphSet, JsonWish, Talk, Wishes},
};

/// Run a town of coding agents: goals in, proven merges out.
#[derive(Debug, Parser)]
#[command(
    name = "gtd",
    version,
    disable_help_subcommand = true,
    override_help = crate::help::overview(),
    max_term_width = 100,
    infer_long_args = false
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// How progress is told while a command waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Progress {
    /// Bar on a terminal, plain elsewhere.
    #[default]
    Auto,
    /// One line that is redrawn.
    Bar,
    /// One line per change.
    Plain,
    /// Nothing.
    Quiet,
    /// One object per change, on stderr.
    Json,
}

/// What may stand before and after every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Act as if started in this folder [env: GTD_DIR]
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The rig; by default that of the present folder [env: GTD_RIG]
    #[arg(short, long, global = true, value_name = "RIG")]
    pub(crate) rig: Option<String>,
    /// The town, and so the daemon [env: GTD_TOWN]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) town: Option<String>,
    /// Where the daemon listens, as unix:/path; it is not started there [env: GTD_HOST]
    #[arg(long, global = true, value_name = "ADDR")]
    pub(crate) host: Option<String>,
    /// One JSON document on stdout, on failure too; with FIELDS only those
    #[arg(
        long,
        global = true,
        value_name = "FIELDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "*"
    )]
    pub(crate) json: Option<String>,
    /// What an expression of jq makes of the document; texts stand as they are
    #[arg(long, global = true, value_name = "EXPR", conflicts_with = "template")]
    pub(crate) jq: Option<String>,
    /// What a template of minijinja makes of the document
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) template: Option<String>,
    /// Print ids only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice, the folders, the socket and every call with its duration, on stderr
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = false
    )]
    pub(crate) color: ColorWhen,
    /// Which marks to use
    #[arg(long, global = true, value_name = "SET")]
    pub(crate) glyphs: Option<GlyphSet>,
    /// How to tell progress
    #[arg(long, global = true, value_name = "STYLE", default_value = "auto")]
    pub(crate) progress: Progress,
    /// Write long output as it is, and through no pager
    #[arg(long, global = true)]
    pub(crate) no_pager: bool,
    /// Never ask and open no editor: what needs a person ends with 2 and names the flag
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// How long a call may take (5s), or how long a waiting command waits (no limit)
    #[arg(long, global = true, value_name = "DUR", value_parser = clock::duration)]
    pub(crate) timeout: Option<Duration>,
}

impl Global {
    /// Returns how output should look.
    pub(crate) fn wishes(&self) -> Wishes {
        Wishes {
            color: self.color,
            glyphs: self.glyphs,
            ..Wishes::default()
        }
    }

    /// Returns how much is said.
    pub(crate) fn talk(&self) -> Talk {
        match (self.quiet, self.verbose) {
            (true, _) => Talk::Quiet,
            (false, 0) => Talk::Usual,
            (false, _) => Talk::More,
        }
    }

    /// Returns in which form documents are wished.
    ///
    /// # Errors
    /// With the place of what is wrong in the expression.
    pub(crate) fn form(&self) -> Result<Form, CliError> {
        Form::read(self.jq.as_deref(), self.template.as_deref())
            .map_err(|mistake| CliError::new(Kind::Expression(Box::new(mistake))))
    }

    /// Returns what `--json` wishes.
    pub(crate) fn json_wish(&self) -> JsonWish {
        match self.json.as_deref() {
            None if self.jq.is_some() || self.template.is_some() => JsonWish::Whole,
            None => JsonWish::Off,
            Some("*") => JsonWish::Whole,
            Some("") => JsonWish::Names,
            Some(fields) => JsonWish::Fields(
                fields
                    .split(',')
                    .map(|field| field.trim().to_owned())
                    .filter(|field| !field.is_empty())
                    .collect(),
            ),
        }
    }
}

/// What every command that changes something takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Change {
    /// Check everything and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Answer every question with yes
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Why; it stands in the log
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

impl Change {
    /// Returns the reason that was given.
    pub(crate) fn why(&self) -> String {
        self.reason.clone().unwrap_or_default()
    }
}

/// The commands. Each is described only once it is called: that is most of what a start costs.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Make this repository a rig
    Init(commands::init::Args),
    /// Start the daemon of the town
    Up(commands::up::Args),
    /// End the daemon; agents that are at work live on and are adopted by the next one
    Down(commands::down::Args),
    /// Hand the town a goal
    Goal(commands::goal::Args),
    /// Does it need me, what is done, is it healthy
    #[command(visible_alias = "st")]
    Status(commands::status::Args),
    /// What happens, one event a line, as it happens
    #[command(visible_aliases = ["feed", "top"])]
    Watch(commands::watch::Args),
    /// Who is at work
    Ps(commands::ps::Args),
    /// Read or follow the log of anything
    Logs(commands::logs::Args),
    /// Why is this waiting, failed or slow
    Why(commands::why::Args),
    /// Stop one thing, or everything now
    Stop(commands::stop::Args),
    /// Begin no new work; what is at work goes on
    Pause(commands::pause::Args),
    /// End a pause, or the stop of everything
    Resume(commands::resume::Args),
    /// Wait for a goal, a bead or the whole rig
    Wait(commands::wait::Args),
    /// What happened, from evidence
    Report(commands::report::Args),
    /// Where the time went: agent, gate, merge, queue, you
    Timeline(commands::timeline::Args),
    /// What models used, and for what
    Cost(commands::cost::Args),
    /// Decisions that wait for you
    Inbox(commands::inbox::Args),
    /// Say yes to a plan, or to work that waits for it
    Approve(commands::approve::Args),
    /// Say no to a plan, or to going on with a bead
    Reject(commands::reject::Args),
    /// Look at what an attempt made, and decide
    Review(commands::review::Args),
    /// Answer the question of a bead
    Answer(commands::answer::Args),
    /// Say something to whoever works on a bead or for a goal
    Tell(commands::tell::Args),
    /// Take back what a person did last
    Undo(commands::undo::Args),
    /// Put the configuration of a rig into effect as it is now
    Trust(commands::trust::Args),
    /// Goals with the beads that answer them
    Convoy(commands::convoy::Args),
    /// Pieces of work
    Bead(commands::bead::Args),
    /// Who is at work, one by one
    Agent(commands::agent::Args),
    /// The agents of the role worker: gtd agent, narrowed to them
    Worker(commands::agent::Args),
    /// The repositories of the town
    Rig(commands::rig::Args),
    /// The roles: who runs them, what their files say
    Role(commands::role::Args),
    /// What agents run on: which there are, what holds them up, do they answer
    Runtime(commands::runtime::Args),
    /// The gates: what they are, what they say, what they said
    Gate(commands::gate::Args),
    /// The merge queues: what waits, in which order, and what is held
    Merge(commands::merge::Args),
    /// Standing members, each with a worktree that stays
    Crew(commands::crew::Args),
    /// Goals that come by the clock
    Schedule(commands::schedule::Args),
    /// How you are told what needs you
    Notify(commands::notify::Args),
    /// The configuration and the folders
    Config(commands::config::Args),
    /// Make, check and restore backups of the town
    Backup(commands::backup::Args),
    /// Take in what another tracker keeps
    Import(commands::import::Args),
    /// Write out all that the town knows
    Export(commands::export::Args),
    /// For agents: what am I to do
    Brief(commands::brief::Args),
    /// For agents: hand work in
    Done(commands::done::Args),
    /// Ask the mayor how things stand; for agents, ask what only a person can know
    Ask(commands::ask::Args),
    /// The verbs of agents as tools
    Mcp(commands::mcp::Args),
    /// Which versions run
    Version(commands::version::Args),
    /// Is everything here as the town needs it
    Doctor(commands::doctor::Args),
    /// Watch a whole town at work for a minute: no keys, no changes here
    Demo(commands::demo::Args),
    /// Explain a command, a topic or an error code
    Help(commands::help::Args),
    /// Write completions for a shell
    Completions(commands::completions::Args),
}

impl Command {
    /// Tells whether `--timeout` limits a wait, and not each call.
    pub(crate) fn waits(&self) -> bool {
        match self {
            Self::Wait(_) | Self::Down(_) => true,
            Self::Goal(args) => args.waits(),
            Self::Watch(_) => true,
            Self::Logs(args) => args.follow,
            Self::Gate(args) => args.waits(),
            Self::Agent(args) | Self::Worker(args) => args.waits(),
            Self::Merge(args) => args.waits(),
            Self::Ask(args) => args.waits(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["gtd"], words].concat())
    }

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_and_after_a_command() {
        for words in [
            ["--json", "-r", "api", "status"],
            ["status", "--json", "-r", "api"],
        ] {
            let cli = parse(&words).unwrap();
            assert_eq!(cli.global.json_wish(), JsonWish::Whole);
            assert_eq!(cli.global.rig.as_deref(), Some("api"));
        }
    }

    #[test]
    fn json_takes_fields_only_behind_an_equals_sign() {
        let wish = |words: &[&str]| parse(words).unwrap().global.json_wish();
        assert_eq!(wish(&["why", "--json", "gt-1"]), JsonWish::Whole);
        assert_eq!(
            wish(&["why", "--json=state,since"]),
            JsonWish::Fields(vec!["state".to_owned(), "since".to_owned()])
        );
        assert_eq!(wish(&["why", "--json="]), JsonWish::Names);
        assert_eq!(wish(&["why"]), JsonWish::Off);
    }

    #[test]
    fn a_misspelt_command_is_told_the_right_one() {
        let error = parse(&["stauts"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("status"), "{error}");
    }

    #[test]
    fn a_timeout_limits_the_wait_where_there_is_one() {
        let waits = |words: &[&str]| parse(words).unwrap().command.unwrap().waits();
        assert!(waits(&["wait", "--timeout", "5s"]));
        assert!(waits(&["goal", "x", "--wait"]));
        assert!(waits(&["agent", "attach", "quartz"]));
        assert!(!waits(&["agent", "list"]));
        assert!(!waits(&["goal", "x"]));
        assert!(!waits(&["status"]));
    }
}
