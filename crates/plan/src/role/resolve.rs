//! What a role file says, put over what it inherits. Lists replace, tables merge.

use std::ops::RangeInclusive;

use gtd_core::{Diagnostic, RuntimeName, config::parse_duration};

use super::{
    file::{AccessSection, RoleFile, suggest},
    set::Layer,
    spec::{RoleAccess, RoleSpec, RoleVar},
    template::Template,
    words::{EscalateTo, HandoverItem, WakeEvent},
};

const LONGEST_TEMPLATE: usize = 128 << 10;
const TOKENS: RangeInclusive<u32> = 100..=1_000_000;

/// What is wrong with the role files of a layer.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    /// The files mean nothing as they are.
    pub(super) unusable: Vec<Diagnostic>,
    /// They mean something, but not what was meant.
    pub(super) doubtful: Vec<Diagnostic>,
}

/// Puts a file over `base`; `templates` are the prompts beside it.
pub(super) fn resolve(
    file: &RoleFile,
    base: RoleSpec,
    layer: Layer,
    templates: &[(String, String)],
    mistakes: &mut Mistakes,
) -> RoleSpec {
    let mut resolver = Resolver { file, mistakes };
    let mut spec = base;
    spec.name = file.name.clone();
    spec.layer = layer;
    spec.extends.clone_from(&file.says.extends);
    resolver.head(&mut spec);
    resolver.runtime(&mut spec);
    resolver.wake(&mut spec);
    resolver.limits(&mut spec);
    resolver.access(&mut spec.access);
    resolver.handover(&mut spec);
    resolver.prompt(&mut spec, templates);
    spec
}

struct Resolver<'a> {
    file: &'a RoleFile,
    mistakes: &'a mut Mistakes,
}

impl Resolver<'_> {
    fn refuse(&mut self, path: &str, message: &str, help: &str) {
        let mistake = self.file.mistake(path, message).with_help(help);
        self.mistakes.unusable.push(mistake);
    }

    fn head(&mut self, spec: &mut RoleSpec) {
        let says = &self.file.says;
        if let Some(kind) = says.kind {
            spec.kind = kind;
        }
        if let Some(summary) = &says.summary {
            spec.summary.clone_from(summary);
        }
        if let Some(instances) = says.instances {
            spec.instances = instances;
        }
        if says.extends.is_none() {
            if says.kind.is_none() {
                let help = "write kind = \"custom\", or inherit: extends = \"builtin:worker\"";
                self.refuse("name", "this role has neither `kind` nor `extends`", help);
            }
            if spec.summary.trim().is_empty() {
                let help = "say what it does, in one line: summary = \"…\"";
                self.refuse("name", "this role has no `summary`", help);
            }
        }
    }

    fn runtime(&mut self, spec: &mut RoleSpec) {
        let says = &self.file.says.runtime;
        if let Some(names) = &says.preferred {
            spec.runtime.preferred.clear();
            for (index, name) in names.iter().enumerate() {
                match RuntimeName::parse(name) {
                    Ok(name) => spec.runtime.preferred.push(name),
                    Err(error) => self.refuse(
                        &format!("runtime.use[{index}]"),
                        &error.to_string(),
                        "a runtime is a name such as \"claude\"",
                    ),
                }
            }
        }
        if let Some(model) = &says.model {
            spec.runtime.model = Some(model.clone()).filter(|model| !model.trim().is_empty());
        }
        if let Some(session) = says.session {
            spec.runtime.session = session;
        }
        if let Some(share) = says.refresh_at {
            if (0.0..=1.0).contains(&share) {
                spec.runtime.refresh_at = share;
            } else {
                self.refuse(
                    "runtime.refresh_at",
                    "`refresh_at` is a share of the context window",
                    "write a number from 0.0 to 1.0, such as 0.70",
                );
            }
        }
    }

    fn wake(&mut self, spec: &mut RoleSpec) {
        let says = &self.file.says.wake;
        if let Some(words) = &says.on {
            spec.wake.on.clear();
            for (index, word) in words.iter().enumerate() {
                let event = WakeEvent::WORDS.iter().find(|(known, _)| known == word);
                match event {
                    Some((_, event)) => spec.wake.on.push(*event),
                    None => {
                        let known: Vec<&str> =
                            WakeEvent::WORDS.iter().map(|(word, _)| *word).collect();
                        let mistake = self
                            .file
                            .mistake(
                                &format!("wake.on[{index}]"),
                                &format!("there is no event `{word}`"),
                            )
                            .with_help(&suggest(word, &known, "all events"));
                        self.mistakes.doubtful.push(mistake);
                    }
                }
            }
        }
        if let Some(text) = &says.every {
            spec.wake.every_ms = match text.trim() {
                "" => None,
                text => self.duration("wake.every", text).filter(|ms| *ms > 0),
            };
        }
        if let Some(text) = &says.min_interval
            && let Some(ms) = self.duration("wake.min_interval", text)
        {
            spec.wake.min_interval_ms = ms;
        }
    }

    fn duration(&mut self, path: &str, text: &str) -> Option<u64> {
        match parse_duration(text) {
            Ok(time) => u64::try_from(time.as_millis()).ok(),
            Err(error) => {
                let mistake = self.file.mistake(path, &error.to_string());
                self.mistakes.unusable.push(mistake);
                None
            }
        }
    }

    /// A time that is not zero.
    fn span(&mut self, path: &str, text: &str) -> Option<u64> {
        let ms = self.duration(path, text)?;
        if ms == 0 {
            self.refuse(
                path,
                "no time at all is no limit",
                "write one such as \"15m\"",
            );
            return None;
        }
        Some(ms)
    }

    fn limits(&mut self, spec: &mut RoleSpec) {
        let says = &self.file.says.limits;
        if let Some(text) = &says.turn {
            spec.limits.turn_ms = self.span("limits.turn", text);
        }
        if let Some(text) = &says.bead {
            spec.limits.bead_ms = self.span("limits.bead", text);
        }
        if let Some(attempts) = says.attempts {
            if attempts == 0 {
                self.refuse(
                    "limits.attempts",
                    "no attempt is no work",
                    "write 1 or more",
                );
            }
            spec.limits.attempts = Some(attempts);
        }
        if let Some(usd) = says.usd {
            if (0.0..=1e9).contains(&usd) {
                // In range and not negative, so that the conversion is exact to a millionth.
                spec.limits.usd_micros = Some((usd * 1e6).round() as u64);
            } else {
                self.refuse(
                    "limits.usd",
                    "that is no amount of dollars",
                    "write one such as 3.0",
                );
            }
        }
        if let Some(lines) = says.diff_lines {
            if lines == 0 {
                self.refuse(
                    "limits.diff_lines",
                    "an empty diff is no work",
                    "write 1 or more",
                );
            }
            spec.limits.diff_lines = Some(lines);
        }
    }

    fn access(&mut self, access: &mut RoleAccess) {
        let AccessSection {
            write,
            deny,
            network,
            commands_deny,
            sandbox,
            gtd,
            mcp,
        } = &self.file.says.access;
        for (list, said) in [
            (&mut access.write, write),
            (&mut access.deny, deny),
            (&mut access.commands_deny, commands_deny),
            (&mut access.gtd, gtd),
            (&mut access.mcp, mcp),
        ] {
            if let Some(said) = said {
                list.clone_from(said);
            }
        }
        access.network = network.unwrap_or(access.network);
        access.sandbox = sandbox.unwrap_or(access.sandbox);
    }

    fn handover(&mut self, spec: &mut RoleSpec) {
        let says = &self.file.says;
        if let Some(words) = &says.handover.require {
            spec.handover.require.clear();
            for (index, word) in words.iter().enumerate() {
                match HandoverItem::from_word(word) {
                    Some(item) => spec.handover.require.push(item),
                    None => {
                        let path = format!("handover.require[{index}]");
                        let mistake = self
                            .file
                            .mistake(&path, &format!("there is no handover item `{word}`"))
                            .with_help(&suggest(word, HandoverItem::WORDS, "all items"));
                        self.mistakes.doubtful.push(mistake);
                    }
                }
            }
        }
        for (path, said, target) in [
            (
                "escalate.question",
                &says.escalate.question,
                &mut spec.escalate.question,
            ),
            (
                "escalate.stuck",
                &says.escalate.stuck,
                &mut spec.escalate.stuck,
            ),
        ] {
            let Some(word) = said else { continue };
            match EscalateTo::from_word(word) {
                Some(to) => *target = to,
                None => {
                    let mistake = self
                        .file
                        .mistake(path, &format!("nobody is called `{word}` here"))
                        .with_help(&suggest(word, EscalateTo::WORDS, "all words"));
                    self.mistakes.doubtful.push(mistake);
                }
            }
        }
    }

    fn prompt(&mut self, spec: &mut RoleSpec, templates: &[(String, String)]) {
        let file = self.file;
        let says = &file.says.prompt;
        match (&says.file, &says.text) {
            (Some(_), Some(_)) => self.refuse(
                "prompt.text",
                "this prompt has both `file` and `text`",
                "leave one of them out",
            ),
            (Some(name), None) => {
                if let Some(text) = self.beside(name, templates) {
                    spec.prompt.template =
                        Some(Template::of_file(&sibling(&file.file, name), text));
                }
            }
            (None, Some(text)) => {
                let span = file.span("prompt.text");
                spec.prompt.template = Some(Template::within(&file.file, &file.text, span, text));
            }
            (None, None) => {}
        }
        let too_long = spec
            .prompt
            .template
            .as_ref()
            .is_some_and(|template| template.text().len() > LONGEST_TEMPLATE);
        if too_long {
            let path = if says.file.is_some() {
                "prompt.file"
            } else {
                "prompt.text"
            };
            self.refuse(path, "the template is longer than 128 KiB", "say less");
            spec.prompt.template = None;
        }
        for (name, value) in &says.vars {
            match var(value) {
                Some(value) => {
                    spec.prompt.vars.insert(name.clone(), value);
                }
                None => self.refuse(
                    &format!("prompt.vars.{name}"),
                    "a variable is a text, a number, true or false, or a list of these",
                    "write more variables in place of a table",
                ),
            }
        }
        if let Some(most) = says.max_tokens {
            if TOKENS.contains(&most) {
                spec.prompt.max_tokens = most;
            } else {
                self.refuse(
                    "prompt.max_tokens",
                    "that is no size for a prompt",
                    "write a number from 100 to 1000000, such as 6000",
                );
            }
        }
        if spec.prompt.template.is_none()
            && !spec.kind.is_code()
            && !too_long
            && says.file.is_none()
        {
            self.refuse(
                "prompt",
                "this role has no prompt",
                "add [prompt] with `file` or `text`, or inherit one by `extends`",
            );
        }
    }

    /// Finds the template that stands next to the role file.
    fn beside<'t>(&mut self, name: &str, templates: &'t [(String, String)]) -> Option<&'t str> {
        if name.is_empty() || name.contains(['/', '\\', ':']) || name.starts_with('.') {
            self.refuse(
                "prompt.file",
                "a prompt stands next to its role file",
                "write a plain name such as \"worker.md.j2\"",
            );
            return None;
        }
        let wanted = sibling(&self.file.file, name);
        if let Some((_, text)) = templates.iter().find(|(file, _)| *file == wanted) {
            return Some(text);
        }
        let known: Vec<&str> = templates
            .iter()
            .filter_map(|(file, _)| file.rsplit(['/', ':']).next())
            .collect();
        let help = match known.as_slice() {
            [] => "put the template there, or write it as `text`".to_owned(),
            known => suggest(name, known, "templates here"),
        };
        self.refuse(
            "prompt.file",
            "there is no such file next to this one",
            &help,
        );
        None
    }
}

/// Names a file in the folder of another.
fn sibling(file: &str, name: &str) -> String {
    match file.rfind(['/', ':']) {
        Some(at) => format!("{}{name}", &file[..=at]),
        None => name.to_owned(),
    }
}

fn var(value: &toml::Value) -> Option<RoleVar> {
    Some(match value {
        toml::Value::String(text) => RoleVar::Text(text.clone()),
        toml::Value::Integer(number) => RoleVar::Integer(*number),
        toml::Value::Float(number) => RoleVar::Number(*number),
        toml::Value::Boolean(flag) => RoleVar::Bool(*flag),
        toml::Value::Array(items) => RoleVar::List(items.iter().map(var).collect::<Option<_>>()?),
        toml::Value::Datetime(_) | toml::Value::Table(_) => return None,
    })
}
