//! `gtd notify`: the ways in which a person is told what needs them.

use gtd_client::Rehearsal;
use gtd_core::{ListDoc, Moment};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    clock,
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    output::{Cell, Ink, Table, ago},
    town,
};

/// How you are told what needs you
///
/// The channels stand in the configuration, as [[notify.channel]]: a message on
/// the screen, a POST as ntfy takes it, or a program of your own. Each decision
/// is told once by each of them; quiet hours hold back what the policy does not
/// wake you for. What a channel is called is never its whole address.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the channels, with how each did last
    #[command(visible_alias = "ls")]
    List,
    /// Tell you something by each channel now, or by those of one kind or name
    ///
    /// Exit 5 when one of them failed. Quiet hours do not count.
    Test {
        /// A name that `gtd notify list` shows, or its first word
        channel: Option<String>,
    },
}

/// One channel, as the daemon tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) name: String,
    events: Option<Vec<String>>,
    state: String,
    at: Option<Moment>,
    pub(super) why: Option<String>,
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let (document, is_test) = match &args.verb {
        Verb::List => (client.try_channels(None, Rehearsal::Only).await?, false),
        Verb::Test { channel } => {
            let channel = channel.as_deref();
            (client.try_channels(channel, Rehearsal::No).await?, true)
        }
    };
    let channels: Vec<Channel> = town::read::<ListDoc<Channel>>(&document)?.items;
    if let (
        Verb::Test {
            channel: Some(name),
        },
        [],
    ) = (&args.verb, channels.as_slice())
    {
        return Err(CliError::new(Kind::NotFound {
            kind: "channel",
            name: name.clone(),
        })
        .help("channels: gtd notify list"));
    }
    print(ctx, &document, &channels);
    let has_failed = channels.iter().any(|channel| channel.state == "failed");
    Ok(match is_test && has_failed {
        true => Exit::WorkFailed,
        false => Exit::Done,
    })
}

fn print(ctx: &Context, document: &Value, channels: &[Channel]) {
    if ctx.screen.is_json() {
        ctx.screen.document(document);
        return;
    }
    if ctx.screen.is_quiet() {
        for channel in channels {
            ctx.screen.line(&channel.name);
        }
        return;
    }
    if channels.is_empty() {
        let say = "nothing tells you of anything.   [[notify.channel]] in gtd config edit --user";
        ctx.screen.say(say);
        return;
    }
    let mut table = Table::new(&["CHANNEL", "STATE", "LAST", "EVENTS", "WHY"], &["WHY"]);
    for channel in channels {
        let ink = match channel.state.as_str() {
            "ok" => Ink::Good,
            "failed" => Ink::Bad,
            _ => Ink::Faint,
        };
        let events = channel.events.as_ref().map(|events| events.join(" "));
        let last = channel.at.map(|at| ago(at, clock::now()));
        table.row([
            Cell::inked(channel.name.clone(), Ink::Strong),
            Cell::inked(channel.state.clone(), ink),
            Cell::from(last.unwrap_or_default()),
            Cell::from(events.unwrap_or_else(|| "all".to_owned())),
            Cell::from(channel.why.clone().unwrap_or_default()),
        ]);
    }
    for line in table.render(ctx.screen.look) {
        ctx.screen.line(line);
    }
}
