//! Who does each bead: its script in the shell, or a runtime that is usable.

use super::parse::{PlanContext, PlanError, ReadBead};
use crate::{
    Diagnostic, PlannedBead, RuntimeName,
    config::{DEMO, SHELL},
    toml_text::{TomlText, nearest},
};

/// Fills in the runtime of every bead.
///
/// Mistakes of the plan come before runtimes that are missing here.
pub(super) fn resolve(
    source: &TomlText<'_>,
    beads: Vec<ReadBead>,
    context: &PlanContext<'_>,
) -> Result<Vec<PlannedBead>, PlanError> {
    for bead in &beads {
        check(source, bead)?;
    }
    beads
        .into_iter()
        .map(|bead| {
            let runtime = runtime_of(source, &bead, context).map_err(PlanError::NoRuntime)?;
            let mut spec = bead.spec;
            spec.runtime = Some(runtime);
            Ok(PlannedBead {
                local_id: bead.local_id,
                spec,
                needs: bead.needs.into_iter().map(|(need, _)| need).collect(),
            })
        })
        .collect()
}

fn check(source: &TomlText<'_>, bead: &ReadBead) -> Result<(), Diagnostic> {
    let Some(runtime) = bead.spec.runtime.as_ref().map(RuntimeName::as_str) else {
        return Ok(());
    };
    let span = bead.runtime_span.clone().unwrap_or(bead.header.clone());
    match (&bead.spec.run, runtime) {
        (Some(_), SHELL | DEMO) => Ok(()),
        (Some(_), other) => Err(source
            .mistake(
                span,
                &format!(
                    "`{}` has a script, which `{other}` does not run",
                    bead.local_id
                ),
            )
            .with_help("leave out `runtime` to run the script in the shell, or leave out `run`")),
        (None, SHELL) => Err(source
            .mistake(
                span,
                &format!("`{}` is for the shell but has no script", bead.local_id),
            )
            .with_help("add the script: run = \"…\"")),
        (None, _) => Ok(()),
    }
}

fn runtime_of(
    source: &TomlText<'_>,
    bead: &ReadBead,
    context: &PlanContext<'_>,
) -> Result<RuntimeName, Diagnostic> {
    let usable = |name: &RuntimeName| context.usable_runtimes.contains(name);
    let n = context.usable_runtimes.iter().map(RuntimeName::as_str);
    let words = |name: &'_ str| match name {
        SHELL => format!("{SHELL} (with `run`)"),
        name => name.to_owned(),
    };
    let all = format!(
        "usable runtimes: {}",
        n.clone().map(words).collect::<Vec<_>>().join(", ")
    );
    match (&bead.spec.run, &bead.spec.runtime) {
        (_, Some(name)) if usable(name) => Ok(name.clone()),
        (Some(_), None) => RuntimeName::parse(SHELL)
            .map_err(|error| source.mistake(bead.header.clone(), &error.to_string())),
        (_, Some(name)) => {
            let span = bead.runtime_span.clone().unwrap_or(bead.header.clone());
            Err(source
                .mistake(
                    span,
                    &format!(
                        "`{}` wants the runtime `{name}`, which is not usable here",
                        bead.local_id
                    ),
                )
                .with_help(&match nearest(name.as_str(), n) {
                    Some(near) => format!("did you mean `{near}`?   {all}"),
                    None => all,
                }))
        }
        (None, None) => match context.default_runtime {
            Some(name) if usable(name) && name.as_str() != SHELL => Ok(name.clone()),
            _ => Err(source
                .mistake(
                    bead.header.clone(),
                    &format!(
                        "`{}` has neither a script (`run`) nor a usable runtime",
                        bead.local_id
                    ),
                )
                .with_help(&format!("add run = \"…\" or runtime = \"…\"   {all}"))),
        },
    }
}
