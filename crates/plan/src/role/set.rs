//! All roles of a town or a rig: what gtd brings along, under the user's, under the repository's.

use std::collections::BTreeMap;

use gtd_core::{Diagnostic, RoleName};
use serde::Serialize;

use super::{
    builtin::{FILES, PREFIX},
    check::check_prompt,
    file::{RoleFile, nearest},
    narrow::narrow,
    resolve::{Mistakes, resolve},
    spec::RoleSpec,
    words::RoleKind,
};

type Roles = BTreeMap<RoleName, RoleSpec>;

/// Where a role file comes from, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// gtd brings it along.
    Builtin,
    /// The user's own folder.
    User,
    /// A repository; it may only narrow what is below.
    Repository,
}

/// The roles in effect.
#[derive(Debug, Clone)]
pub struct RoleSet {
    builtin: Roles,
    roles: Roles,
    warnings: Vec<Diagnostic>,
    mistakes: Vec<Diagnostic>,
}

impl RoleSet {
    /// Returns the roles that gtd brings along.
    #[must_use]
    pub fn builtin() -> Self {
        let files: Vec<(String, String)> = FILES
            .iter()
            .map(|(name, text)| (format!("{PREFIX}{name}"), (*text).to_owned()))
            .collect();
        let empty = Self {
            builtin: Roles::new(),
            roles: Roles::new(),
            warnings: Vec::new(),
            mistakes: Vec::new(),
        };
        let set = empty
            .with_layer(Layer::Builtin, &files)
            .expect("the built-in roles are valid: a test reads them");
        Self {
            builtin: set.roles.clone(),
            ..set
        }
    }

    /// Puts a layer of role files, and of the prompts beside them, over what is there.
    ///
    /// Files that end in neither `.toml` nor `.j2` are not looked at.
    ///
    /// # Errors
    /// When one of the files cannot be read as a role: with all that is wrong in the whole layer.
    pub fn with_layer(
        mut self,
        layer: Layer,
        files: &[(String, String)],
    ) -> Result<Self, Vec<Diagnostic>> {
        let (templates, role_files) = sort(files);
        let mut mistakes = Mistakes::default();
        let mut read: BTreeMap<RoleName, RoleFile> = BTreeMap::new();
        for (file, text) in role_files {
            match RoleFile::parse(file, text) {
                Ok(role) => match read.get(&role.name) {
                    None => {
                        read.insert(role.name.clone(), role);
                    }
                    Some(first) => mistakes.unusable.push(
                        role.mistake("name", &format!("two files say what `{}` is", role.name))
                            .with_help(&format!("the other one is {}", first.file)),
                    ),
                },
                Err(mistake) => mistakes.unusable.push(mistake),
            }
        }
        self.warnings.extend(unused(&templates, &read));
        let mut building = Building {
            below: &self,
            layer,
            templates: &templates,
            read: &read,
            done: Roles::new(),
            mistakes,
            warnings: Vec::new(),
        };
        for name in read.keys() {
            building.build(name, &mut Vec::new());
        }
        let Building {
            done,
            mistakes,
            warnings,
            ..
        } = building;
        if !mistakes.unusable.is_empty() {
            let mut all = mistakes.unusable;
            all.extend(mistakes.doubtful);
            return Err(all);
        }
        self.roles.extend(done);
        self.mistakes.extend(mistakes.doubtful);
        self.warnings.extend(warnings);
        Ok(self)
    }

    /// Returns a role.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RoleSpec> {
        self.roles.get(name)
    }

    /// Returns the role of this name that gtd brings along.
    #[must_use]
    pub fn get_builtin(&self, name: &str) -> Option<&RoleSpec> {
        self.builtin.get(name)
    }

    /// Returns all roles, by name.
    pub fn iter(&self) -> impl Iterator<Item = &RoleSpec> {
        self.roles.values()
    }

    /// Returns what was cut back or not used, and why; the set may be used.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns what is wrong; a set with mistakes is not to be used.
    ///
    /// Beside unknown events, handover items and targets of escalation: templates
    /// that do not parse, that use a variable or filter that there is not, or
    /// that are too large or cannot be rendered in a situation that wakes the role.
    #[must_use]
    pub fn validate(&self) -> Vec<Diagnostic> {
        let mut all = self.mistakes.clone();
        for mistake in self.roles.values().flat_map(check_prompt) {
            if !all.contains(&mistake) {
                all.push(mistake);
            }
        }
        all
    }
}

type Text = (String, String);

fn sort(files: &[Text]) -> (Vec<Text>, Vec<&Text>) {
    let ends_in = |file: &str, end: &str| file.to_lowercase().ends_with(end);
    let templates = files
        .iter()
        .filter(|(file, _)| ends_in(file, ".j2"))
        .cloned()
        .collect();
    let roles = files
        .iter()
        .filter(|(file, _)| ends_in(file, ".toml"))
        .collect();
    (templates, roles)
}

/// Warns of templates that no role file of the layer names.
fn unused(templates: &[Text], read: &BTreeMap<RoleName, RoleFile>) -> Vec<Diagnostic> {
    let base = |file: &str| file.rsplit(['/', ':']).next().unwrap_or(file).to_owned();
    templates
        .iter()
        .filter(|(file, _)| {
            !read
                .values()
                .any(|role| role.says.prompt.file.as_deref() == Some(base(file).as_str()))
        })
        .map(|(file, _)| {
            let base = base(file);
            Diagnostic::without_line(file, "no role file here uses this template").with_help(
                &format!("write into the role file: [prompt] file = \"{base}\""),
            )
        })
        .collect()
}

/// One layer on its way into the set.
struct Building<'a> {
    below: &'a RoleSet,
    layer: Layer,
    templates: &'a [Text],
    read: &'a BTreeMap<RoleName, RoleFile>,
    done: Roles,
    mistakes: Mistakes,
    warnings: Vec<Diagnostic>,
}

impl Building<'_> {
    /// Builds a role after what it inherits from; `above` is who asked for it.
    fn build(&mut self, name: &RoleName, above: &mut Vec<RoleName>) {
        let Some(file) = self.read.get(name) else {
            return;
        };
        if self.done.contains_key(name) {
            return;
        }
        above.push(name.clone());
        let parent = self.parent(file, above);
        above.pop();
        let Ok(parent) = parent else { return };
        let base = parent
            .clone()
            .unwrap_or_else(|| RoleSpec::blank(name.clone(), self.layer));
        let spec = resolve(file, base, self.layer, self.templates, &mut self.mistakes);
        let spec = match self.layer {
            Layer::Builtin => spec,
            Layer::User => self.say_wider(file, spec, parent.as_ref()),
            Layer::Repository => self.cut_back(file, spec, parent.as_ref()),
        };
        self.done.insert(name.clone(), spec);
    }

    /// Finds what a role inherits from; an error has been noted.
    fn parent(
        &mut self,
        file: &RoleFile,
        above: &mut Vec<RoleName>,
    ) -> Result<Option<RoleSpec>, ()> {
        let Some(word) = &file.says.extends else {
            return Ok(None);
        };
        let found = match word.strip_prefix(PREFIX) {
            Some(name) => self.below.builtin.get(name),
            None if *word == *file.name.as_str() => self.below.roles.get(word.as_str()),
            None => {
                if let Some((name, _)) = self.read.get_key_value(word.as_str()) {
                    if above.contains(name) {
                        let mistake = file
                            .mistake("extends", "these roles inherit from each other")
                            .with_help("one of them has to inherit from \"builtin:worker\", say");
                        self.mistakes.unusable.push(mistake);
                        return Err(());
                    }
                    self.build(&name.clone(), above);
                    // When it could not be built, that has been said.
                    return self.done.get(word.as_str()).cloned().map(Some).ok_or(());
                }
                self.below.roles.get(word.as_str())
            }
        };
        if let Some(parent) = found {
            return Ok(Some(parent.clone()));
        }
        let plain = word.strip_prefix(PREFIX).unwrap_or(word);
        let known = self.below.roles.keys().map(RoleName::as_str);
        let help = match nearest(plain, known) {
            Some(near) if self.below.builtin.contains_key(near) => {
                format!("did you mean `{PREFIX}{near}`?")
            }
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let builtin: Vec<String> = self
                    .below
                    .builtin
                    .keys()
                    .map(|name| format!("{PREFIX}{name}"))
                    .collect();
                format!("inherit from one of these: {}", builtin.join(", "))
            }
        };
        let mistake = file
            .mistake("extends", &format!("there is no role `{word}`"))
            .with_help(&help);
        self.mistakes.unusable.push(mistake);
        Err(())
    }

    /// Says what a user's role takes more than the one it inherits from.
    fn say_wider(
        &mut self,
        file: &RoleFile,
        spec: RoleSpec,
        parent: Option<&RoleSpec>,
    ) -> RoleSpec {
        let ceiling = parent.or_else(|| self.below.roles.get(&file.name));
        if let Some(ceiling) = ceiling {
            let (_, wider) = narrow(&spec, ceiling, file);
            self.warnings.extend(wider.iter().map(|one| {
                let message = format!("wider than {}: `{}` {}", ceiling.name, one.path, one.what);
                file.mistake(one.path, &message)
            }));
        }
        spec
    }

    /// Cuts a repository's role back to what the user has.
    fn cut_back(
        &mut self,
        file: &RoleFile,
        mut spec: RoleSpec,
        parent: Option<&RoleSpec>,
    ) -> RoleSpec {
        let ceilings: Vec<RoleSpec> = self.ceilings(&spec, parent).into_iter().cloned().collect();
        let mut said = Vec::new();
        for ceiling in &ceilings {
            let (narrowed, wider) = narrow(&spec, ceiling, file);
            spec = narrowed;
            for one in wider {
                let message = format!(
                    "cut back to what {} has: `{}` {}",
                    ceiling.name, one.path, one.what
                );
                said.push(file.mistake(one.path, &message).with_help(
                    "a repository may only narrow a role; write it into your own roles folder",
                ));
            }
        }
        self.warnings.extend(said);
        spec
    }

    /// Returns what a repository's role may not exceed.
    fn ceilings<'s>(
        &'s self,
        spec: &'s RoleSpec,
        parent: Option<&'s RoleSpec>,
    ) -> Vec<&'s RoleSpec> {
        if let Some(same) = self.below.roles.get(&spec.name) {
            return vec![same];
        }
        let mut ceilings: Vec<&RoleSpec> = Vec::new();
        if let Some(parent) = parent {
            ceilings.push(self.below.roles.get(&parent.name).unwrap_or(parent));
        }
        let kind = match spec.kind {
            RoleKind::Custom if !ceilings.is_empty() => None,
            RoleKind::Custom => Some(RoleKind::Worker),
            kind => Some(kind),
        };
        if let Some(of_kind) = kind.and_then(|kind| self.below.roles.get(kind.as_str()))
            && !ceilings.iter().any(|ceiling| ceiling.name == of_kind.name)
        {
            ceilings.push(of_kind);
        }
        ceilings
    }
}
