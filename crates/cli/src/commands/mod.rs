//! One file for each command, named as it; its doc comments are the manual.

pub(crate) mod agent;
pub(crate) mod answer;
pub(crate) mod approve;
pub(crate) mod ask;
pub(crate) mod asked_git;
pub(crate) mod backup;
pub(crate) mod bead;
pub(crate) mod brief;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod convoy;
pub(crate) mod cost;
pub(crate) mod crew;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod done;
pub(crate) mod down;
pub(crate) mod export;
pub(crate) mod gate;
pub(crate) mod goal;
pub(crate) mod help;
pub(crate) mod home;
pub(crate) mod import;
pub(crate) mod inbox;
pub(crate) mod init;
pub(crate) mod logs;
pub(crate) mod mcp;
pub(crate) mod merge;
pub(crate) mod notify;
pub(crate) mod pause;
pub(crate) mod ps;
mod recent;
pub(crate) mod reject;
pub(crate) mod report;
pub(crate) mod resume;
pub(crate) mod review;
pub(crate) mod rig;
pub(crate) mod role;
pub(crate) mod runtime;
pub(crate) mod schedule;
pub(crate) mod service;
mod specification;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod tables;
pub(crate) mod tell;
pub(crate) mod timeline;
pub(crate) mod trust;
pub(crate) mod undo;
pub(crate) mod up;
pub(crate) mod version;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod why;

use serde_json::{Value, json};

use crate::{args::Command, context::Context, error::CliError, exit::Exit};

/// Runs a command; without one, says where one is.
pub(crate) async fn run(ctx: &Context, command: Option<Command>) -> Result<Exit, CliError> {
    let Some(command) = command else {
        return home::run(ctx).await;
    };
    match command {
        Command::Init(args) => init::run(ctx, args).await,
        Command::Up(args) => up::run(ctx, args).await,
        Command::Down(args) => down::run(ctx, args).await,
        Command::Goal(args) => goal::run(ctx, args).await,
        Command::Status(args) => status::run(ctx, args).await,
        Command::Watch(args) => watch::run(ctx, args).await,
        Command::Ps(args) => ps::run(ctx, args).await,
        Command::Logs(args) => logs::run(ctx, args).await,
        Command::Why(args) => why::run(ctx, args).await,
        Command::Stop(args) => stop::run(ctx, args).await,
        Command::Pause(args) => pause::run(ctx, args).await,
        Command::Resume(args) => resume::run(ctx, args).await,
        Command::Wait(args) => wait::run(ctx, args).await,
        Command::Report(args) => report::run(ctx, args).await,
        Command::Approve(args) => approve::run(ctx, args).await,
        Command::Inbox(args) => inbox::run(ctx, args).await,
        Command::Review(args) => review::run(ctx, args).await,
        Command::Timeline(args) => timeline::run(ctx, args).await,
        Command::Cost(args) => cost::run(ctx, args).await,
        Command::Reject(args) => reject::run(ctx, args).await,
        Command::Answer(args) => answer::run(ctx, args).await,
        Command::Tell(args) => tell::run(ctx, args).await,
        Command::Undo(args) => undo::run(ctx, args).await,
        Command::Trust(args) => trust::run(ctx, args).await,
        Command::Convoy(args) => convoy::run(ctx, args).await,
        Command::Agent(args) => agent::run(ctx, args, agent::Whose::Anybody).await,
        Command::Worker(args) => agent::run(ctx, args, agent::Whose::Workers).await,
        Command::Rig(args) => rig::run(ctx, args).await,
        Command::Runtime(args) => runtime::run(ctx, args).await,
        Command::Role(args) => role::run(ctx, args).await,
        Command::Gate(args) => gate::run(ctx, args).await,
        Command::Merge(args) => merge::run(ctx, args).await,
        Command::Bead(args) => bead::run(ctx, args).await,
        Command::Crew(args) => crew::run(ctx, args).await,
        Command::Schedule(args) => schedule::run(ctx, args).await,
        Command::Notify(args) => notify::run(ctx, args).await,
        Command::Config(args) => config::run(ctx, args).await,
        Command::Backup(args) => backup::run(ctx, args).await,
        Command::Import(args) => import::run(ctx, args).await,
        Command::Export(args) => export::run(ctx, args).await,
        Command::Brief(args) => brief::run(ctx, args).await,
        Command::Done(args) => done::run(ctx, args).await,
        Command::Ask(args) => ask::run(ctx, args).await,
        Command::Mcp(args) => mcp::run(ctx, args).await,
        Command::Version(args) => version::run(ctx, args).await,
        Command::Doctor(args) => doctor::run(ctx, args).await,
        Command::Demo(args) => demo::run(ctx, args).await,
        Command::Help(args) => help::run(ctx, args),
        Command::Completions(args) => completions::run(ctx, args),
    }
}

/// Says what would be done; each item fits after "would".
fn would(ctx: &Context, acts: &[String]) -> Exit {
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "DryRun", "api": gtd_core::API, "would": acts}));
    } else {
        for act in acts {
            ctx.screen.line(format!("would {act}"));
        }
    }
    Exit::Done
}

/// Prints one document as it is, and several as one list.
fn print_documents(ctx: &Context, kind: &str, mut documents: Vec<Value>) {
    if documents.len() == 1 {
        ctx.screen.document(&documents.remove(0));
    } else {
        ctx.screen
            .document(&json!({"kind": kind, "api": gtd_core::API, "items": documents, "next": ""}));
    }
}
