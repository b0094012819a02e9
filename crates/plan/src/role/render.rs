//! From a role and what there is to the prompt.
//!
//! The template language is minijinja without includes and macros; nothing in it
//! reaches a file or the network. What is not there is a mistake and never an
//! empty text, and a template that goes on and on runs out of fuel.

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context, escape_formatter,
    value::Serde,
};

use super::{
    context::PromptContext,
    filters::{add_filters, no_value},
    spec::{RoleLimits, RoleSpec, duration_text},
};

/// What one prompt may use up: so many instructions, or 64 bytes for each.
const FUEL: u64 = 100_000;
const BYTES_PER_TOKEN: usize = 4;

/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The role is code.
    #[error("render the prompt of {role}: it has none")]
    NoPrompt {
        /// The role.
        role: String,
    },
    /// The template does not parse, or uses what is not there.
    #[error("render {file}{}", line.map(|line| format!(" in line {line}")).unwrap_or_default())]
    Template {
        /// The template.
        file: String,
        /// The line of the template, from 1.
        line: Option<usize>,
        /// What the template language says.
        #[source]
        source: Error,
    },
    /// The template goes on and on.
    #[error("render {file}: it takes more steps than a prompt may")]
    OutOfFuel {
        /// The template.
        file: String,
    },
    /// The prompt is too large.
    #[error("render {file}: about {tokens} tokens, and {most} are the most")]
    TooLong {
        /// The template.
        file: String,
        /// What it has.
        tokens: u32,
        /// What it may have.
        most: u32,
    },
}

/// Renders the prompt of a role.
///
/// # Errors
/// When the role has none, when the template uses what is not there, or when the prompt gets too large.
pub fn render(spec: &RoleSpec, context: &PromptContext) -> Result<String, RenderError> {
    let Some(template) = &spec.prompt.template else {
        return Err(RenderError::NoPrompt {
            role: spec.name.to_string(),
        });
    };
    let file = template.file().to_owned();
    let env = environment();
    let rendered = env
        .template_from_named_str(template.file(), template.text())
        .and_then(|compiled| compiled.render(values(spec, context)));
    let text = match rendered {
        Ok(text) => text,
        Err(error) if is_out_of_fuel(&error) => return Err(RenderError::OutOfFuel { file }),
        Err(source) => {
            return Err(RenderError::Template {
                file,
                line: source.line(),
                source,
            });
        }
    };
    let text = format!("{}\n", text.trim());
    let tokens = estimate_tokens(&text);
    let most = spec.prompt.max_tokens;
    if tokens > most {
        return Err(RenderError::TooLong { file, tokens, most });
    }
    Ok(text)
}

/// Estimates how many tokens a text has, on the high side for English.
#[must_use]
pub fn estimate_tokens(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX)
}

fn is_out_of_fuel(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<Error>()
            .is_some_and(|error| error.kind() == ErrorKind::OutOfFuel)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Makes the place in which templates run.
pub(super) fn environment<'source>() -> Environment<'source> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.remove_global("debug");
    env.set_formatter(|out, state, value| {
        if value.is_none() {
            return Err(no_value());
        }
        escape_formatter(out, state, value)
    });
    add_filters(&mut env);
    env
}

fn values(spec: &RoleSpec, given: &PromptContext) -> Value {
    let limits = given.limits.as_ref().unwrap_or(&spec.limits);
    let own = context! {
        role => context! {
            name => spec.name.as_str(),
            kind => spec.kind.as_str(),
            summary => &spec.summary,
        },
        limits => limit_values(limits),
        vars => Value::from(Serde(&spec.prompt.vars)),
    };
    context! { ..own, ..Value::from(Serde(given)) }
}

fn limit_values(limits: &RoleLimits) -> Value {
    context! {
        turn => limits.turn_ms.map(duration_text),
        bead => limits.bead_ms.map(duration_text),
        attempts => limits.attempts,
        usd => limits.usd_micros.map(|micros| micros as f64 / 1e6),
        diff_lines => limits.diff_lines,
    }
}
