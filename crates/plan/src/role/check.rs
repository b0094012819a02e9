//! Whether the prompt of a role holds: it parses, all that it uses is there, it fits.

use gtd_core::Diagnostic;
use minijinja::{Environment, Error, context};

use super::{
    file::{nearest, suggest},
    filters,
    render::{RenderError, environment, render},
    scan::{Word, words},
    spec::RoleSpec,
    template::Template,
    variables::{Example, FUNCTIONS, Group, VARIABLES, example, situations},
};

/// Returns what is wrong with the prompt of a role.
pub(super) fn check_prompt(spec: &RoleSpec) -> Vec<Diagnostic> {
    let Some(template) = &spec.prompt.template else {
        return Vec::new();
    };
    let env = environment();
    let compiled = match env.template_from_named_str(template.file(), template.text()) {
        Ok(compiled) => compiled,
        Err(error) => return vec![template.mistake_in_line(error.line(), &said(&error))],
    };
    let words = words(template.text());
    let mut used: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
    used.sort_unstable();
    let mut mistakes: Vec<Diagnostic> = used
        .iter()
        .filter_map(|name| unknown_variable(spec, template, &words, name))
        .collect();
    mistakes.extend(unknown_filters(&env, template, &words));
    if mistakes.is_empty() {
        mistakes = try_out(spec, template);
        let absent: Vec<Diagnostic> = used
            .iter()
            .filter_map(|name| absent_variable(spec, template, &words, name))
            .collect();
        // Asking for what never comes is fine; to rely on it is not.
        if !mistakes.is_empty() && !absent.is_empty() {
            mistakes = absent;
        }
    }
    mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
    mistakes
}

/// Points at the first place of a variable.
fn point(template: &Template, words: &[Word<'_>], name: &str, message: &str) -> Diagnostic {
    let word = words.iter().find(|word| {
        !word.is_filter
            && word
                .name
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    match word {
        Some(word) => template.mistake(word.span.clone(), message),
        None => template.mistake_in_line(None, message),
    }
}

/// Returns the variables that are there in one of the situations of a role.
fn variables_of(spec: &RoleSpec) -> Vec<&'static str> {
    let there: Vec<Group> = situations(spec).concat();
    VARIABLES
        .iter()
        .filter(|(_, group, _)| there.contains(group))
        .map(|(known, ..)| *known)
        .collect()
}

/// Says that no event of the role brings a variable.
fn absent_variable(
    spec: &RoleSpec,
    template: &Template,
    words: &[Word<'_>],
    name: &str,
) -> Option<Diagnostic> {
    let root = name.split('.').next().unwrap_or(name);
    let known = variables_of(spec);
    if known.contains(&root) || FUNCTIONS.contains(&root) {
        return None;
    }
    let message = format!("`{root}` is never there when this role wakes");
    let help = format!(
        "add an event to wake.on that brings it; variables of this role: {}",
        known.join(", ")
    );
    Some(point(template, words, name, &message).with_help(&help))
}

/// Says what is wrong with a variable that the template uses.
fn unknown_variable(
    spec: &RoleSpec,
    template: &Template,
    words: &[Word<'_>],
    name: &str,
) -> Option<Diagnostic> {
    let (root, field) = match name.split_once('.') {
        Some((root, rest)) => (root, rest.split('.').next()),
        None => (name, None),
    };
    if FUNCTIONS.contains(&root) {
        return None;
    }
    let Some((_, _, fields)) = VARIABLES.iter().find(|(known, ..)| *known == root) else {
        let help = suggest(root, &variables_of(spec), "variables of this role");
        let message = format!("unknown variable `{root}`");
        return Some(point(template, words, name, &message).with_help(&help));
    };
    let field = field?;
    let of_role: Vec<&str> = match root {
        "vars" => spec.prompt.vars.keys().map(String::as_str).collect(),
        _ => fields.to_vec(),
    };
    if of_role.contains(&field) {
        return None;
    }
    let message = format!("`{root}` has no `{field}`");
    let help = match (root, nearest(field, of_role.iter().copied())) {
        ("vars", None) => {
            format!("write it into the role file: [prompt] vars = {{ {field} = \"…\" }}")
        }
        _ => suggest(field, &of_role, &format!("what `{root}` has")),
    };
    Some(point(template, words, name, &message).with_help(&help))
}

fn unknown_filters<'t>(
    env: &'t Environment<'_>,
    template: &'t Template,
    words: &'t [Word<'_>],
) -> impl Iterator<Item = Diagnostic> + 't {
    words
        .iter()
        .filter(|word| word.is_filter && !is_filter(env, word.name))
        .map(|word| {
            let known = [filters::NAMES, filters::COMMON].concat();
            template
                .mistake(
                    word.span.clone(),
                    &format!("unknown filter `{}`", word.name),
                )
                .with_help(&suggest(word.name, &known, "filters, among others"))
        })
}

fn is_filter(env: &Environment<'_>, name: &str) -> bool {
    env.compile_expression("name is filter")
        .and_then(|expression| expression.eval(context! { name }))
        .is_ok_and(|answer| answer.is_true())
}

/// Renders the template in every situation, with little and with much in it.
fn try_out(spec: &RoleSpec, template: &Template) -> Vec<Diagnostic> {
    let mut mistakes: Vec<Diagnostic> = Vec::new();
    for situation in situations(spec) {
        for size in [Example::Bare, Example::Full] {
            let Err(error) = render(spec, &example(&situation, size)) else {
                continue;
            };
            let mistake = explain(spec, template, &error);
            if !mistakes.contains(&mistake) {
                mistakes.push(mistake);
            }
        }
    }
    mistakes
}

fn explain(spec: &RoleSpec, template: &Template, error: &RenderError) -> Diagnostic {
    match error {
        RenderError::Template { line, source, .. } => {
            let awake = spec.wake.on.iter().map(ToString::to_string);
            let awake = awake.collect::<Vec<_>>().join(", ");
            template
                .mistake_in_line(*line, &said(source))
                .with_help(&format!(
                    "it must hold whatever wakes the role ({awake}); ask first, with {{% if … %}}"
                ))
        }
        RenderError::TooLong { .. } => template
            .mistake_in_line(None, &error.to_string())
            .with_help("say less, or raise [prompt] max_tokens"),
        RenderError::OutOfFuel { .. } | RenderError::NoPrompt { .. } => {
            template.mistake_in_line(None, &error.to_string())
        }
    }
}

/// Says in one line what the template language says.
fn said(error: &Error) -> String {
    let mut text = error.kind().to_string();
    if let Some(detail) = error.detail() {
        text = format!("{text}: {detail}");
    }
    text
}
