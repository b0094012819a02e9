//! `gtd config schema`.

use gtd_core::config::{SchemaOf, json_schema};
use serde_json::Value;

use crate::{context::Context, error::CliError, exit::Exit};

const ROLE: &str = include_str!("role.schema.json");

/// The JSON Schema of a file, for editors
///
/// An editor that knows JSON Schema completes keys and marks mistakes as you type: write it to a
/// file, and name that on the first line of the TOML as  #:schema PATH
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// Which file
    of: Of,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Of {
    /// gtd.toml and gtd.local.toml
    Project,
    /// Your own config.toml
    User,
    /// The files in roles/
    Role,
}

pub(super) fn run(ctx: &Context, args: &Args) -> Result<Exit, CliError> {
    let schema: Value = match args.of {
        Of::Project => json_schema(SchemaOf::Project),
        Of::User => json_schema(SchemaOf::User),
        Of::Role => of_roles(),
    };
    if ctx.screen.is_json() {
        ctx.screen.document(&schema);
    } else {
        ctx.screen.line(format!("{schema:#}"));
    }
    Ok(Exit::Done)
}

/// Returns the schema of role files.
pub(crate) fn of_roles() -> Value {
    serde_json::from_str(ROLE).expect("a test reads the schema of roles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_of_roles_is_a_document() {
        let schema = of_roles();
        assert_eq!(schema["additionalProperties"], false);
    }
}
