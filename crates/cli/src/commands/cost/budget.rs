//! `gtd cost budget`: what may be spent, and how far that is used.

use gtd_core::{
    BeadId, BeadType, BudgetDoc, Command, Observations, View, budget_docs, budgets_of,
    config::{Value, value_of_words},
    usd_of_words,
};
use serde_json::json;

use crate::{
    args::Change,
    clock,
    commands::{
        bead::{Edit, edited},
        config::{file::ConfigFile, set, text},
    },
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
    output::{Cell, Table, ago},
    settings,
    town::{self, DocumentKind},
};

/// The budget of all rigs together.
const TOWN: &str = "town";
/// Takes a budget away.
const NONE: &str = "none";
/// The key that a budget for a day stands in.
const DAY: &str = "budget.day_usd";

/// What may be spent, and how far that is used
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show what may be spent, and how far that is used
    Show(ShowArgs),
    /// Say what may be spent
    Set(SetArgs),
}

/// Show what may be spent, and how far that is used
///
/// Of a goal or bead all that an attempt at it counts to; else what is on the
/// town, on rigs, and on goals that have not ended.
#[derive(Debug, Default, clap::Args)]
struct ShowArgs {
    /// Only what this goal or bead counts to
    id: Option<String>,
    /// Exit with 6 when one of them is used up
    #[arg(long)]
    exit_code: bool,
}

/// Say what may be spent
///
/// Of a goal or bead in all; of the rig and of the town in one local day. That
/// of a goal or bead stands in the log, that of the rig in its gtd.toml, that of
/// the town in your own config.toml.
#[derive(Debug, clap::Args)]
struct SetArgs {
    /// A goal, a bead, the rig, or town
    scope: String,
    /// Dollars, such as 20 or $2.50; none for what holds without it
    #[arg(value_name = "AMOUNT", value_parser = amount)]
    amount: Amount,
    #[command(flatten)]
    change: Change,
}

/// An amount of money, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Amount(Option<u64>);

fn amount(text: &str) -> Result<Amount, String> {
    match usd_of_words(text) {
        _ if text == NONE => Ok(Amount(None)),
        Some(micros) => Ok(Amount(Some(micros))),
        None => Err("an amount is a number of dollars, such as 20 or $2.50, or none".to_owned()),
    }
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    match args.verb {
        None => show(ctx, ShowArgs::default()).await,
        Some(Verb::Show(args)) => show(ctx, args).await,
        Some(Verb::Set(args)) => set(ctx, args).await,
    }
}

async fn show(ctx: &Context, args: ShowArgs) -> Result<Exit, CliError> {
    let client = town::reach(ctx).await?;
    let id = match &args.id {
        Some(id) => Some(town::find(&client, id).await?.bead()?),
        None => None,
    };
    let graph = client.snapshot().await?;
    let now = clock::now();
    let view = View {
        graph: &graph,
        observations: &Observations::default(),
        now,
    };
    let budgets = match &id {
        Some(id) => graph
            .bead(id)
            .map(|bead| budgets_of(view, bead))
            .unwrap_or_default(),
        None => budget_docs(view, ctx.rig()?.as_ref()),
    };
    if ctx.screen.is_json() {
        ctx.screen.document(
            &json!({"kind": "BudgetList", "api": gtd_core::API, "items": budgets, "next": ""}),
        );
    } else if ctx.screen.is_quiet() {
        for budget in &budgets {
            ctx.screen.line(&budget.scope);
        }
    } else {
        for line in table(ctx, &budgets, now) {
            ctx.screen.line(line);
        }
    }
    let is_over = budgets.iter().any(BudgetDoc::is_used_up);
    Ok(if args.exit_code && is_over {
        Exit::Limit
    } else {
        Exit::Done
    })
}

fn table(ctx: &Context, budgets: &[BudgetDoc], now: gtd_core::Timestamp) -> Vec<String> {
    if budgets.is_empty() {
        return vec![
            "no goal, rig or town has a cap; one bead and one plan have those of their roles.  gtd cost budget set town 20"
                .to_owned(),
        ];
    }
    let mut table = Table::new(
        &[
            "SCOPE",
            "PER",
            "LIMIT",
            "SPENT",
            "HELD BACK",
            "USED",
            "AGAIN",
        ],
        &[],
    );
    for budget in budgets {
        let [limit, spent, reserved] = match (&budget.usd, &budget.tokens) {
            (Some(usd), _) => [usd.limit, usd.spent, usd.reserved].map(|n| gtd_core::usd(n.0)),
            (None, Some(tokens)) => {
                [tokens.limit, tokens.spent, tokens.reserved].map(|n| format!("{n} tokens"))
            }
            (None, None) => Default::default(),
        };
        table.row([
            Cell::from(budget.scope.as_str()),
            Cell::from(budget.per.as_str()),
            Cell::from(limit),
            Cell::from(gtd_core::marked(&spent, budget.estimated)),
            Cell::from(reserved),
            Cell::from(format!("{} %", budget.percent)),
            Cell::from(budget.again.map(|at| ago(at, now)).unwrap_or_default()),
        ]);
    }
    table.render(ctx.screen.look)
}

async fn set(ctx: &Context, args: SetArgs) -> Result<Exit, CliError> {
    let rig = ctx.rig()?;
    if args.scope == TOWN {
        let file = ConfigFile::of_user(ctx)?;
        return write(ctx, &file, args.amount, &args.change).await;
    }
    if rig.as_ref().is_some_and(|rig| rig.as_str() == args.scope) {
        let file = ConfigFile::of_project(ctx)?;
        return write(ctx, &file, args.amount, &args.change).await;
    }
    let client = town::reach_for(ctx, &args.change).await?;
    let found = town::find(&client, &args.scope).await?;
    if found.kind == DocumentKind::Other {
        let name = &found.id;
        return Err(
            CliError::usage(format!("{name} is neither a bead nor a goal")).help(format!(
                "of a rig elsewhere: gtd cost budget set -r {name} {name} 20"
            )),
        );
    }
    let id = found.bead()?;
    set_of_bead(ctx, &client, &id, args).await
}

/// Writes the budget of a day into a file of the configuration.
async fn write(
    ctx: &Context,
    file: &ConfigFile,
    amount: Amount,
    change: &Change,
) -> Result<Exit, CliError> {
    let before = file.text_or_begin();
    let wrong =
        |error: text::TextError| CliError::new(Kind::State(format!("{}: {error}", file.name)));
    let (value, made): (Option<Value>, String) = match amount.0 {
        Some(micros) => {
            let value = value_of_words(DAY, &dollars(micros)).map_err(settings::wrong)?;
            let made = text::with(&before, DAY, &value).map_err(wrong)?;
            (Some(value), made)
        }
        None => {
            let made = text::without(&before, DAY).map_err(wrong)?;
            (None, made.unwrap_or(before))
        }
    };
    set::Plan {
        changes: vec![set::KeyChange {
            key: DAY.to_owned(),
            value,
        }],
        file,
        made,
    }
    .carry_out(ctx, change)
    .await
}

/// Writes an amount as a number of dollars, without a fraction that is none.
fn dollars(micros: u64) -> String {
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:06}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

async fn set_of_bead(
    ctx: &Context,
    client: &gtd_client::Client,
    id: &BeadId,
    args: SetArgs,
) -> Result<Exit, CliError> {
    // The documents leave a few wishes out, so the graph itself is asked.
    let graph = client.snapshot().await?;
    let Some(bead) = graph.bead(id) else {
        return Err(gtd_core::Rejection::NoBead {
            bead: id.to_string(),
            similar: Vec::new(),
        }
        .into());
    };
    let mut spec = bead.spec.clone();
    spec.budget_micros = args.amount.0;
    let command = if bead.spec.kind == BeadType::Goal {
        let goal = graph.goal(id);
        Command::EditGoal {
            goal: id.clone(),
            spec: spec.clone(),
            max: goal.and_then(|goal| goal.max),
            until: goal.and_then(|goal| goal.until),
        }
    } else {
        Command::EditBead {
            bead: id.clone(),
            spec: spec.clone(),
        }
    };
    let edit = Edit {
        command,
        made_from: graph.revision(),
        is_rehearsal: args.change.dry_run,
    };
    edited(ctx, client, id, &spec, edit).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_dollars_or_none() {
        assert_eq!(amount("20"), Ok(Amount(Some(20_000_000))));
        assert_eq!(amount("$2.5"), Ok(Amount(Some(2_500_000))));
        assert_eq!(amount("none"), Ok(Amount(None)));
        assert!(amount("much").is_err() && amount("-1").is_err());
    }

    #[test]
    fn dollars_are_written_as_people_write_them() {
        assert_eq!(dollars(20_000_000), "20");
        assert_eq!(dollars(2_500_000), "2.5");
        assert_eq!(dollars(1), "0.000001");
    }
}
