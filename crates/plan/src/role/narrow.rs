//! What a role takes more than another one: wider access, higher limits, less proof.
//!
//! A repository's role is cut back to what stands below it; of a user's own the
//! same is only said.

use super::{
    file::RoleFile,
    spec::{RoleSpec, duration_text},
    words::{HandoverItem, Network, Sandbox},
};

/// One thing that is wider than below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wider {
    /// The key.
    pub(super) path: &'static str,
    /// What about it, after the key.
    pub(super) what: String,
}

/// Returns the role without what it takes more than `ceiling`, and all of that which `file` asks for.
pub(super) fn narrow(
    spec: &RoleSpec,
    ceiling: &RoleSpec,
    file: &RoleFile,
) -> (RoleSpec, Vec<Wider>) {
    let mut narrowing = Narrowing {
        ceiling,
        file,
        wider: Vec::new(),
    };
    let mut spec = spec.clone();
    narrowing.head(&mut spec);
    narrowing.limits(&mut spec);
    narrowing.access(&mut spec);
    narrowing.proof(&mut spec);
    (spec, narrowing.wider)
}

struct Narrowing<'a> {
    ceiling: &'a RoleSpec,
    file: &'a RoleFile,
    wider: Vec<Wider>,
}

impl Narrowing<'_> {
    /// Remembers it, when the file asks for it: what is only inherited is cut back in silence.
    fn say(&mut self, path: &'static str, what: String) {
        if self.file.has(path) {
            self.wider.push(Wider { path, what });
        }
    }

    fn head(&mut self, spec: &mut RoleSpec) {
        let ceiling = self.ceiling;
        if spec.name == ceiling.name && spec.kind != ceiling.kind {
            let what = format!(
                "= {} turns it into another role than {}",
                spec.kind, ceiling.kind
            );
            self.say("kind", what);
            spec.kind = ceiling.kind;
        }
        let rarest = ceiling.wake.every_ms;
        if let Some(every) = spec.wake.every_ms
            && rarest.is_none_or(|rarest| every < rarest)
        {
            let below = rarest.map_or("none".to_owned(), duration_text);
            let what = format!("= {} is more often than {below}", duration_text(every));
            self.say("wake.every", what);
            spec.wake.every_ms = rarest;
        }
        let least = ceiling.wake.min_interval_ms;
        if spec.wake.min_interval_ms < least {
            let what = format!(
                "= {} is shorter than {}",
                duration_text(spec.wake.min_interval_ms),
                duration_text(least)
            );
            self.say("wake.min_interval", what);
            spec.wake.min_interval_ms = least;
        }
        let most = ceiling.prompt.max_tokens;
        if spec.prompt.max_tokens > most && ceiling.prompt.template.is_some() {
            let what = format!("= {} is more than {most}", spec.prompt.max_tokens);
            self.say("prompt.max_tokens", what);
            spec.prompt.max_tokens = most;
        }
    }

    fn limits(&mut self, spec: &mut RoleSpec) {
        let below = &self.ceiling.limits;
        let said = &mut spec.limits;
        self.at_most("limits.turn", &mut said.turn_ms, below.turn_ms, |ms| {
            duration_text(*ms)
        });
        self.at_most("limits.bead", &mut said.bead_ms, below.bead_ms, |ms| {
            duration_text(*ms)
        });
        self.at_most(
            "limits.attempts",
            &mut said.attempts,
            below.attempts,
            ToString::to_string,
        );
        self.at_most(
            "limits.usd",
            &mut said.usd_micros,
            below.usd_micros,
            |usd| format!("{:.2}", *usd as f64 / 1e6),
        );
        self.at_most(
            "limits.diff_lines",
            &mut said.diff_lines,
            below.diff_lines,
            ToString::to_string,
        );
    }

    fn at_most<T: Ord + Copy>(
        &mut self,
        path: &'static str,
        said: &mut Option<T>,
        most: Option<T>,
        text: impl Fn(&T) -> String,
    ) {
        let Some(most) = most else { return };
        match said {
            Some(value) if *value <= most => return,
            Some(value) => {
                let what = format!("= {} is more than {}", text(value), text(&most));
                self.say(path, what);
            }
            None => {}
        }
        *said = Some(most);
    }

    fn access(&mut self, spec: &mut RoleSpec) {
        let below = &self.ceiling.access;
        let said = &mut spec.access;
        if said.network > below.network {
            let what = format!("= {} is wider than {}", said.network, below.network);
            self.say("access.network", what);
            said.network = below.network.max(Network::None);
        }
        if !is_as_tight(said.sandbox, below.sandbox) {
            let what = format!("= {} is weaker than {}", said.sandbox, below.sandbox);
            self.say("access.sandbox", what);
            said.sandbox = below.sandbox;
        }
        self.among("access.write", &mut said.write, &below.write, glob_covers);
        self.among("access.gtd", &mut said.gtd, &below.gtd, verb_covers);
        self.among("access.mcp", &mut said.mcp, &below.mcp, str::eq);
        self.keep("access.deny", &mut said.deny, &below.deny);
        self.keep(
            "access.commands_deny",
            &mut said.commands_deny,
            &below.commands_deny,
        );
    }

    /// Takes out what nothing of `below` covers.
    fn among(
        &mut self,
        path: &'static str,
        said: &mut Vec<String>,
        below: &[String],
        covers: fn(&str, &str) -> bool,
    ) {
        let (kept, added): (Vec<String>, Vec<String>) = said
            .drain(..)
            .partition(|item| below.iter().any(|wide| covers(wide, item)));
        *said = kept;
        if !added.is_empty() {
            self.say(path, format!("adds {}", quoted(&added)));
        }
    }

    /// Puts back what was taken out.
    fn keep(&mut self, path: &'static str, said: &mut Vec<String>, below: &[String]) {
        let dropped: Vec<String> = below
            .iter()
            .filter(|item| !said.contains(item))
            .cloned()
            .collect();
        if !dropped.is_empty() {
            self.say(path, format!("leaves out {}", quoted(&dropped)));
            said.extend(dropped);
        }
    }

    fn proof(&mut self, spec: &mut RoleSpec) {
        if spec.kind != self.ceiling.kind {
            return;
        }
        let said = &mut spec.handover.require;
        let dropped: Vec<HandoverItem> = self
            .ceiling
            .handover
            .require
            .iter()
            .filter(|item| !said.contains(item))
            .cloned()
            .collect();
        if !dropped.is_empty() {
            let words: Vec<String> = dropped.iter().map(ToString::to_string).collect();
            self.say("handover.require", format!("leaves out {}", quoted(&words)));
            said.extend(dropped);
        }
    }
}

fn quoted(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("`{item}`")).collect();
    items.join(", ")
}

/// Tells whether `said` keeps a process in at least as well as `below`.
fn is_as_tight(said: Sandbox, below: Sandbox) -> bool {
    match below {
        Sandbox::None => true,
        Sandbox::Auto => said != Sandbox::None,
        Sandbox::Bubblewrap | Sandbox::Container => said == below,
    }
}

/// Tells whether every path of `narrow` is one of `wide`, as far as can be seen from the globs.
fn glob_covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    let climbs = narrow.split('/').any(|part| part == "..");
    let Some(folder) = wide.strip_suffix("/**") else {
        return false;
    };
    let is_plain = !folder.contains(['*', '?', '[']);
    !climbs
        && is_plain
        && narrow
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Tells whether `narrow` is a verb, or a special form of the verb, `wide`.
pub(super) fn verb_covers(wide: &str, narrow: &str) -> bool {
    narrow
        .strip_prefix(wide)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_covers_what_lies_below_its_folder_and_nothing_else() {
        assert!(glob_covers("{worktree}/**", "{worktree}/**"));
        assert!(glob_covers("{worktree}/**", "{worktree}/docs/**"));
        assert!(!glob_covers("{worktree}/**", "{worktree}/../**"));
        assert!(!glob_covers("{worktree}/**", "{worktree}2/**"));
        assert!(!glob_covers("{worktree}/docs/**", "{worktree}/**"));
        assert!(!glob_covers("{worktree}/*", "{worktree}/a/b"));
        assert!(!glob_covers("{worktree}/**", "/etc/**"));
    }

    #[test]
    fn a_verb_covers_its_own_special_forms_and_no_other_verb() {
        assert!(verb_covers("bead create", "bead create --discovered-from"));
        assert!(!verb_covers("bead create --discovered-from", "bead create"));
        assert!(!verb_covers("bead", "beads"));
    }
}
