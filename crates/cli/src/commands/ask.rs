//! `gtd ask`: ask the mayor how things stand; for agents, ask what only a person can know.
//!
//! What a person asks the mayor is a goal that an answer ends. It has no plan, and changes nothing.

use gtd_client::{ApprovalWish, Client, GoalWish, WriteContext};
use gtd_core::{BeadId, ConvoyDoc, Epoch, RoleName};
use serde_json::json;

use super::{brief::Lease, goal::patient};
use crate::{
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    follow::{Follow, WaitFor},
    town, wishes,
};

/// Who can be asked.
const MAYOR: &str = "mayor";

/// Ask the mayor how things stand; for agents, ask what only a person can know
///
/// `gtd ask mayor TEXT` has the mayor's runtime answer from how the town stands and from a copy of
/// the repository; it changes nothing. The answer is shown when it is there, and stays:
/// `gtd convoy show ID`. What it costs is counted to the mayor.
///
/// Of an agent: `gtd ask TEXT`. End your turn after it. The answer comes as the next turn of the same session,
/// or in the brief of the next attempt where there is no session. Where the policy
/// wants no questions, this says so, and you go on with your best assumption.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `mayor` and the question; of an agent, the question alone; `-` reads it from stdin
    #[arg(value_name = "[WHO] TEXT", required = true, num_args = 1..=2)]
    words: Vec<String>,
    /// What it is about: a bead or a goal
    #[arg(long, value_name = "ID")]
    about: Option<String>,
    /// Do not wait for the answer: gtd wait ID, gtd convoy show ID
    #[arg(long)]
    detach: bool,
    /// What the answer may cost, in dollars: 1 or $0.50
    #[arg(long, value_name = "USD", value_parser = wishes::budget)]
    budget: Option<u64>,
    #[command(flatten)]
    lease: Lease,
}

impl Args {
    /// Tells whether the command stays until the answer is there.
    pub(crate) fn waits(&self) -> bool {
        self.words.len() == 2 && !self.detach
    }
}

pub(crate) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let text = match args.words.as_slice() {
        [who, text] => return ask(ctx, &args, who, text).await,
        [text] => text.clone(),
        _ => return Err(CliError::usage("what is the question?").help("gtd ask mayor \"…\"")),
    };
    if args.lease.of_nobody() {
        return Err(
            CliError::usage("who is asked? an agent asks with its lease")
                .help("gtd ask mayor \"…\""),
        );
    }
    let (bead, epoch) = args.lease.subject()?;
    let text = wishes::text(ctx, &text)?;
    let client = args.lease.reach(ctx).await?;
    let then = put(&client, &bead, epoch, text).await?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Question", "api": gtd_core::API,
            "bead": bead, "epoch": epoch, "then": then.word()}));
    } else {
        ctx.screen.line(then.text(&bead));
    }
    Ok(Exit::Done)
}

/// Asks the mayor, and shows the answer.
async fn ask(ctx: &Context, args: &Args, who: &str, text: &str) -> Result<Exit, CliError> {
    if who != MAYOR {
        return Err(
            CliError::usage(format!("`{who}` cannot be asked: the mayor can")).help(format!(
                "gtd ask {MAYOR} TEXT --about ID   gtd tell {who} TEXT"
            )),
        );
    }
    let mut text = wishes::text(ctx, text)?;
    if text.trim().is_empty() {
        return Err(CliError::usage("the question is empty").help("gtd ask mayor \"…\""));
    }
    let rig = ctx.need_rig()?;
    let client = town::reach_or_start(ctx).await?;
    if let Some(about) = &args.about {
        let about = town::find(&client, about).await?.id;
        text = format!(
            "{}\n\nIt is about {about}: `gtd bead show {about}`.",
            text.trim_end()
        );
    }
    let mut spec = wishes::titled(&text);
    spec.role = RoleName::parse(MAYOR).ok();
    spec.budget_micros = args.budget;
    let wish = GoalWish {
        approval: ApprovalWish::NotNeeded,
        ..GoalWish::new(rig, spec)
    };
    let receipt = patient(ctx, &client)
        .submit_goal(wish, WriteContext::default())
        .await
        .doing(|| "ask the mayor".to_owned())?;
    for notice in &receipt.notices {
        ctx.screen.say(notice);
    }
    let Some(id) = receipt.written.ids.first().cloned() else {
        let why = "the daemon took the question and did not name it".to_owned();
        return Err(CliError::new(Kind::Daemon(why)));
    };
    crate::last::remember(&id);
    let (exit, document) = match args.detach {
        true => (Exit::Done, client.get(&id).await?),
        false => {
            let asked = vec![id.clone()];
            let follow = Follow::new(ctx, client.clone(), asked, WaitFor::Landed);
            let ended = follow.run_to_the_end().await?;
            let document = ended.documents.into_iter().next();
            (ended.exit, document.unwrap_or_default())
        }
    };
    let asked: ConvoyDoc = town::read(&document)?;
    let answer = asked.conclusion.as_deref();
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "Answer", "api": gtd_core::API, "id": id,
            "state": asked.state, "question": text, "answer": answer,
            "spent_usd": asked.spent_usd, "spent_estimated": asked.spent_estimated}));
    } else if let Some(answer) = answer {
        ctx.screen.line(answer.trim_end());
    } else {
        ctx.screen.say(format!("{id} has no answer yet"));
        ctx.screen
            .next(&[format!("gtd wait {id}"), format!("gtd why {id}")]);
    }
    Ok(exit)
}

/// What whoever asked does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// End the turn: the session goes on with the answer.
    EndTurn,
    /// Stop: the bead was given back.
    Stop,
    /// Go on with an assumption.
    Assume,
}

impl Then {
    fn word(self) -> &'static str {
        match self {
            Self::EndTurn => "end_turn",
            Self::Stop => "stop",
            Self::Assume => "assume",
        }
    }

    /// Says it to an agent.
    pub(crate) fn text(self, bead: &BeadId) -> String {
        match self {
            Self::EndTurn => format!(
                "{bead} waits for an answer; end your turn now, and the answer is your next one"
            ),
            Self::Stop => format!("{bead} waits for an answer; stop here"),
            Self::Assume => "noted; nobody answers questions here: go on with your best \
                             assumption, and say in your summary what you assumed"
                .to_owned(),
        }
    }
}

/// Puts a question, and tells what follows.
pub(crate) async fn put(
    client: &Client,
    bead: &BeadId,
    epoch: Epoch,
    text: String,
) -> Result<Then, CliError> {
    let context = WriteContext::default();
    let asked = client.ask(bead, epoch, text, context).await;
    asked.doing(|| format!("ask about {bead}"))?;
    let now = client.get(bead.as_str()).await?;
    let asks = now.get("question").is_some_and(|asked| !asked.is_null());
    let is_parked = now.get("state").and_then(serde_json::Value::as_str) == Some("parked");
    Ok(match (asks, is_parked) {
        (true, _) => Then::EndTurn,
        (false, true) => Then::Stop,
        (false, false) => Then::Assume,
    })
}
