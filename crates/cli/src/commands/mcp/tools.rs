//! The tools: each does what the verb of its name does, and says the same; `show` leaves out what
//! happened last.
//!
//! Names, descriptions and schemas are sent to the model with every request of
//! its session, so they are as short as they can be understood.

use std::{path::PathBuf, sync::Arc};

use gtd_client::Client;
use gtd_core::{BeadId, BeadSpec, Epoch};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock,
    commands::{
        ask,
        bead::{create, note},
        brief,
        done::{Handed, hand_in},
    },
    error::CliError,
    output::Look,
    show,
    town::{self, DocumentKind},
};

/// What a model is told of a tool.
struct About {
    name: &'static str,
    does: &'static str,
    /// What it takes, with the type, and whether it must be given.
    takes: &'static [(&'static str, &'static str, bool)],
}

const ABOUT: [About; 6] = [
    About {
        name: "brief",
        does: "What am I to do",
        takes: &[],
    },
    About {
        name: "show",
        does: "Show a bead or goal",
        takes: &[("bead", "string", true)],
    },
    About {
        name: "note",
        does: "Add a remark to your bead",
        takes: &[("text", "string", true)],
    },
    About {
        name: "create",
        does: "File work found on the way; somebody else does it",
        takes: &[("title", "string", true), ("description", "string", false)],
    },
    About {
        name: "ask",
        does: "Ask what only a person can know; end your turn after it",
        takes: &[("question", "string", true)],
    },
    About {
        name: "done",
        does: "Hand in the commit that is checked out (no_change: nothing had to change)",
        takes: &[("summary", "string", true), ("no_change", "boolean", false)],
    },
];

/// A call of a tool.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "tool",
    content = "arguments",
    rename_all = "snake_case",
    deny_unknown_fields
)]
enum Call {
    Brief {},
    Show {
        bead: String,
    },
    Note {
        text: String,
    },
    Create {
        title: String,
        #[serde(default)]
        description: String,
    },
    Ask {
        question: String,
    },
    Done {
        summary: String,
        #[serde(default)]
        no_change: bool,
    },
}

/// The tools of one lease.
pub(super) struct Tools {
    client: Client,
    bead: BeadId,
    epoch: Epoch,
    folder: PathBuf,
}

impl Tools {
    /// Makes the tools of the lease of a bead, for whoever works in a folder.
    pub(super) fn new(client: Client, bead: BeadId, epoch: Epoch, folder: PathBuf) -> Self {
        Self {
            client,
            bead,
            epoch,
            folder,
        }
    }

    async fn act(&self, call: Call) -> Result<String, CliError> {
        let (client, bead, epoch) = (&self.client, &self.bead, self.epoch);
        match call {
            Call::Brief {} => Ok(brief::told(client, bead, epoch).await?.join("\n")),
            Call::Show { bead } => {
                let found = town::find(client, &bead).await?;
                found.bead()?;
                let (now, look) = (clock::now(), Look::of_a_file());
                let lines = match found.kind {
                    DocumentKind::Convoy => show::convoy(&town::read(&found.document)?, now, look),
                    _ => show::bead(&town::read(&found.document)?, now, look),
                };
                Ok(lines.join("\n"))
            }
            Call::Note { text } => {
                note::add(client, bead, text).await?;
                Ok(format!("{bead} noted"))
            }
            Call::Create { title, description } => {
                let spec = BeadSpec {
                    title: title.trim().to_owned(),
                    description,
                    ..BeadSpec::default()
                };
                Ok(create::file(client, bead, epoch, spec).await?.text())
            }
            Call::Ask { question } => {
                let then = ask::put(client, bead, epoch, question).await?;
                Ok(then.text(bead))
            }
            Call::Done { summary, no_change } => {
                let handed = match no_change {
                    true => Handed::NoChange,
                    false => Handed::checked_out(&self.folder)
                        .ok_or_else(|| CliError::usage("no commit is checked out here"))?,
                };
                hand_in(client, bead, epoch, summary, handed).await
            }
        }
    }
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("gtd", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(
            ABOUT.iter().map(tool).collect(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !ABOUT.iter().any(|about| about.name == request.name) {
            let text = format!("there is no tool `{}`", request.name);
            return Err(ErrorData::invalid_params(text, None));
        }
        // A refusal is for the model, which can do something about it.
        let done = match call(&request) {
            Ok(call) => self.act(call).await,
            Err(error) => Err(error),
        };
        let result = match done {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(error) => {
                let text = error.render(Look::of_a_file());
                CallToolResult::error(vec![ContentBlock::text(text)])
            }
        };
        Ok(result.into())
    }
}

/// Reads which tool is called, and with what.
fn call(request: &CallToolRequestParams) -> Result<Call, CliError> {
    let arguments = request.arguments.clone().unwrap_or_default();
    serde_json::from_value(json!({"tool": request.name, "arguments": arguments}))
        .map_err(|error| CliError::usage(format!("{}: {error}", request.name)))
}

fn tool(about: &About) -> Tool {
    let properties: serde_json::Map<String, Value> = about
        .takes
        .iter()
        .map(|(name, kind, _)| ((*name).to_owned(), json!({"type": kind})))
        .collect();
    let required: Vec<&str> = about
        .takes
        .iter()
        .filter(|(_, _, is_required)| *is_required)
        .map(|(name, _, _)| *name)
        .collect();
    let schema = serde_json::Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), properties.into()),
        ("required".to_owned(), json!(required)),
    ]);
    Tool::new(about.name, about.does, Arc::new(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_that_is_told_of_can_be_called_with_what_it_must_have() {
        for about in &ABOUT {
            let given = |least: bool| {
                let taken = about.takes.iter();
                let taken = taken.filter(|(_, _, is_required)| !least || *is_required);
                let value = |kind: &str| match kind {
                    "boolean" => json!(true),
                    _ => json!("text"),
                };
                taken
                    .map(|(name, kind, _)| ((*name).to_owned(), value(kind)))
                    .collect::<serde_json::Map<_, _>>()
            };
            for least in [true, false] {
                let request = CallToolRequestParams::new(about.name).with_arguments(given(least));
                assert!(call(&request).is_ok(), "{}", about.name);
            }
        }
    }

    #[test]
    fn the_tools_cost_a_model_little() {
        let told: Vec<Tool> = ABOUT.iter().map(tool).collect();
        let bytes = serde_json::to_string(&told).unwrap().len();
        assert!(bytes < 1_300, "{bytes} bytes go with every request");
    }
}
