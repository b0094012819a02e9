//! `gtd bead`: pieces of work. One file for each verb.

mod claim;
mod close;
pub(super) mod create;
mod dep;
mod edit;
mod graph;
mod list;
pub(super) mod note;
mod park;
mod reopen;
mod retry;
mod several;
mod show;
mod split;

pub(super) use self::graph::drawn;

use super::{goal, print_documents, would};
use crate::{
    context::Context,
    error::{CliError, Doing},
    exit::Exit,
    town,
};
use gtd_client::WriteContext;
use gtd_core::{BeadId, BeadSpec, Command, Revision, check_spec};

/// Pieces of work
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
#[command(defer = true)]
enum Verb {
    /// List beads
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// List beads that could begin now
    Ready(list::ReadyArgs),
    /// Show one bead with all that is known of it
    Show(show::Args),
    /// Make a bead
    Create(create::Args),
    /// What a bead needs
    Dep(dep::Args),
    /// Draw what waits for what
    Graph(graph::Args),
    /// End a bead without a landing
    Close(close::Args),
    /// Give a bead new attempts
    Retry(retry::Args),
    /// Let beads begin anew that ended without a landing
    Reopen(reopen::Args),
    /// Have parts of a bead done one by one
    Split(split::Args),
    /// Set a bead aside
    Park(park::Args),
    /// Take a ready bead for yourself
    Claim(claim::Args),
    /// Add a remark
    Note(note::Args),
    /// Change what is wanted of a bead
    Edit(edit::Args),
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        Verb::List(args) => list::run(ctx, args).await,
        Verb::Ready(args) => list::run_ready(ctx, args).await,
        Verb::Show(args) => show::run(ctx, args).await,
        Verb::Create(args) => create::run(ctx, args).await,
        Verb::Dep(args) => dep::run(ctx, args).await,
        Verb::Graph(args) => graph::run(ctx, args).await,
        Verb::Close(args) => close::run(ctx, args).await,
        Verb::Retry(args) => retry::run(ctx, args).await,
        Verb::Reopen(args) => reopen::run(ctx, args).await,
        Verb::Split(args) => split::run(ctx, args).await,
        Verb::Park(args) => park::run(ctx, args).await,
        Verb::Claim(args) => claim::run(ctx, args).await,
        Verb::Note(args) => note::run(ctx, args).await,
        Verb::Edit(args) => edit::run(ctx, args).await,
    }
}

/// Finds the bead that an id, or the beginning of one, means.
async fn find(client: &gtd_client::Client, id: &str) -> Result<BeadId, CliError> {
    town::find(client, id).await?.bead()
}

/// Has an edit carried out on the graph that it was made from; of a rehearsal it says what would be.
pub(super) async fn edited(
    ctx: &Context,
    client: &gtd_client::Client,
    id: &BeadId,
    spec: &BeadSpec,
    edit: Edit,
) -> Result<Exit, CliError> {
    if edit.is_rehearsal {
        check_spec(spec).doing(|| format!("change {id}"))?;
        return Ok(would(ctx, &[format!("change {id}")]));
    }
    let context = WriteContext {
        request: None,
        expected: Some(edit.made_from),
    };
    client
        .tell_as(edit.command, context)
        .await
        .doing(|| format!("change {id}"))?;
    changed(ctx, client, id, &format!("{id} changed")).await?;
    Ok(Exit::Done)
}

/// What an edit asks for.
pub(super) struct Edit {
    pub(super) command: Command,
    /// The revision of the graph that it was made from.
    pub(super) made_from: Revision,
    pub(super) is_rehearsal: bool,
}

/// Prints what became of a bead: its document, its id, or a sentence.
pub(super) async fn changed(
    ctx: &Context,
    client: &gtd_client::Client,
    bead: &BeadId,
    sentence: &str,
) -> Result<(), CliError> {
    if ctx.screen.is_json() {
        ctx.screen.document(&client.get(bead.as_str()).await?);
    } else if ctx.screen.is_quiet() {
        ctx.screen.line(bead.as_str());
    } else {
        ctx.screen.line(sentence);
    }
    Ok(())
}
