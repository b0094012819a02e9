//! `gtd runtime list`.

use serde_json::{Value, json};

use super::{all, document, limits, what};
use crate::{
    clock,
    context::Context,
    error::CliError,
    exit::Exit,
    filter::ListArgs,
    output::{Cell, Ink, Table},
    show,
};

/// List the runtimes with what holds them up
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    list: ListArgs,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let limits = limits(ctx).await?;
    let limit_of = |name: &str| limits.as_ref().and_then(|limits| limits.get(name));
    let all = all(ctx)?;
    let documents: Vec<Value> = all
        .iter()
        .map(|runtime| document(runtime, limit_of(runtime.name.as_str())))
        .collect();
    let documents = args.list.apply(documents)?;
    if ctx.screen.is_json() {
        ctx.screen
            .document(&json!({"kind": "RuntimeList", "api": gtd_core::API,
            "items": documents, "next": ""}));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["RUNTIME", "IS", "STATE", "MODELS"], &["STATE"]);
    for document in &documents {
        let name = document["name"].as_str().unwrap_or_default();
        if ctx.screen.is_quiet() {
            ctx.screen.line(name);
            continue;
        }
        let Some(runtime) = all.iter().find(|runtime| runtime.name.as_str() == name) else {
            continue;
        };
        let (state, ink) = match (limit_of(name), runtime.usable) {
            (Some(limit), _) => (show::limit(limit, clock::now(), ctx.screen.look), Ink::Warn),
            (None, true) if limits.is_none() => ("usable, no daemon".to_owned(), Ink::Plain),
            (None, true) => ("ready".to_owned(), Ink::Good),
            (None, false) => ("cannot be driven yet".to_owned(), Ink::Bad),
        };
        let models: Vec<String> = runtime
            .models
            .iter()
            .map(|(word, model)| format!("{word}={model}"))
            .collect();
        table.row([
            Cell::inked(name, Ink::Strong),
            Cell::from(what(runtime)),
            Cell::inked(state, ink),
            Cell::from(models.join(" ")),
        ]);
    }
    if !ctx.screen.is_quiet() {
        for line in table.render(ctx.screen.look) {
            ctx.screen.line(line);
        }
        ctx.screen.next(&["gtd runtime probe".to_owned()]);
    }
    Ok(Exit::Done)
}
