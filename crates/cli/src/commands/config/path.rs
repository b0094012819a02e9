//! `gtd config path`.

use crate::{
    context::Context,
    error::{CliError, Kind},
    exit::Exit,
};

pub(super) fn run(ctx: &Context, name: Option<&str>) -> Result<Exit, CliError> {
    let document = ctx.places.to_json();
    if ctx.screen.is_json() {
        ctx.screen.document(&document);
        return Ok(Exit::Done);
    }
    let paths = document.as_object().into_iter().flatten();
    let paths: Vec<(&String, &str)> = paths
        .filter(|(key, _)| !matches!(key.as_str(), "kind" | "api"))
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .collect();
    match name {
        None => {
            for (key, value) in paths {
                ctx.screen.line(format!("{key:<10} {value}"));
            }
        }
        Some(name) => {
            let found = paths.iter().find(|(key, _)| key.as_str() == name);
            let Some((_, value)) = found else {
                let all: Vec<&str> = paths.iter().map(|(key, _)| key.as_str()).collect();
                return Err(CliError::new(Kind::NotFound {
                    kind: "path",
                    name: name.to_owned(),
                })
                .help(format!("paths: {}", all.join(" "))));
            };
            ctx.screen.line(value);
        }
    }
    Ok(Exit::Done)
}
