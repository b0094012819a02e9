//! Which roles there are: what their files say, who runs them, how their last pass went.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{ListDoc, Rejection, RigName, WorkerRules, config};
use gtd_host::roles::{Layer, RoleKind, RoleLimits, RoleSet, RoleSpec};
use gtd_wire::pb::town::v1::RolesResponse;
use serde::Serialize;
use serde_json::Value;
use tonic::{Response, Status};

use super::{Api, document, rejected};
use crate::town::{LastPass, MAYOR, REFINERY, REVIEWER, ROLES, WORKER};

/// One role in the town, or as a repository has it when that is another.
#[derive(Debug, Serialize)]
struct RoleDoc {
    name: String,
    /// The rig whose files make this role another than that of the town.
    #[serde(skip_serializing_if = "Option::is_none")]
    rig: Option<RigName>,
    /// `ok`, `degraded`, `paused`, `absent`, or `unused` when nothing runs it yet.
    state: &'static str,
    host: Option<String>,
    text: Option<String>,
    #[serde(flatten)]
    file: RoleFileDoc,
    last_pass: Option<LastPass>,
}

/// What a role file says, as far as it is in effect.
#[derive(Debug, PartialEq, Serialize)]
struct RoleFileDoc {
    kind: RoleKind,
    summary: String,
    /// Where the highest of its files comes from.
    layer: Layer,
    extends: Option<String>,
    /// What is held to, with what the configuration says.
    limits: RoleLimits,
    /// What its files say about limits, and nobody holds it to yet.
    without_effect: Vec<&'static str>,
    prompt: Option<String>,
    /// The verbs of gtd that an agent of this role may use.
    verbs: Vec<String>,
    /// The text of the prompt before it is rendered; told of a role that is asked for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// What differs from the role that gtd brings along; told of a role that is asked for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<Vec<Difference>>,
}

/// One key of a role that is not as gtd brings it along.
#[derive(Debug, PartialEq, Serialize)]
struct Difference {
    key: String,
    value: Value,
    builtin: Value,
}

impl Api {
    /// Lists the roles of this name, or all.
    pub(super) fn list_roles(&self, role: &str) -> Result<Response<RolesResponse>, Status> {
        let items: Vec<RoleDoc> = self
            .role_docs()
            .into_iter()
            .filter(|doc| role.is_empty() || role == doc.name)
            .map(|mut doc| {
                if role.is_empty() {
                    (doc.file.template, doc.file.differs) = (None, None);
                }
                doc
            })
            .collect();
        if items.is_empty() {
            return Err(rejected(Rejection::NotFound {
                kind: "role".to_owned(),
                name: role.to_owned(),
            }));
        }
        let list = ListDoc {
            items,
            next: String::new(),
        };
        document("RoleList", list, self.revision())
    }

    fn role_docs(&self) -> Vec<RoleDoc> {
        let rigs: Vec<(RigName, WorkerRules)> = self
            .town
            .ledger
            .graph()
            .rigs()
            .map(|rig| (rig.name.clone(), rig.rules.worker.clone()))
            .collect();
        let roles = self.town.rigs.roles();
        let (town, town_rules) = (roles.of_town(), self.worker_rules_of_town());
        let of_rigs: Vec<_> = rigs
            .into_iter()
            .map(|(rig, rules)| (roles.of_rig(&rig), rig, rules))
            .collect();
        let mut others: BTreeSet<&str> = of_rigs
            .iter()
            .flat_map(|(roles, ..)| roles.set().iter())
            .chain(town.set().iter())
            .map(|spec| spec.name.as_str())
            .collect();
        // Those that something runs come first, in their own order.
        ROLES.iter().for_each(|name| {
            others.remove(name);
        });
        let mut docs = Vec::new();
        for name in ROLES.into_iter().chain(others) {
            let of_town = town.set().get(name);
            let of_town = of_town.map(|spec| RoleFileDoc::new(spec, town_rules.as_ref()));
            for (roles, rig, rules) in &of_rigs {
                let Some(spec) = roles.set().get(name) else {
                    continue;
                };
                let file = RoleFileDoc::new(spec, Some(rules));
                if of_town.as_ref() != Some(&file) {
                    docs.push(self.role_doc(name, Some(rig.clone()), file));
                }
            }
            if let Some(file) = of_town {
                let before_its_rigs = docs.partition_point(|doc: &RoleDoc| doc.name != name);
                docs.insert(before_its_rigs, self.role_doc(name, None, file));
            }
        }
        docs
    }

    /// Returns the rules of a rig that says nothing itself; nothing when the user's files are wrong.
    fn worker_rules_of_town(&self) -> Option<WorkerRules> {
        let config = self.town.rigs.config(None).ok()?;
        let rules = config::rig_rules(&config, "town").ok()?.worker;
        let roles = self.town.rigs.roles().of_town();
        let Some(worker) = roles.set().get(WORKER) else {
            return Some(rules);
        };
        Some(gtd_host::roles::worker_rules(worker).below(&config, WORKER, rules))
    }

    fn role_doc(&self, name: &str, rig: Option<RigName>, file: RoleFileDoc) -> RoleDoc {
        // The refinery drives the reviews.
        let driver = if name == REVIEWER { REFINERY } else { name };
        let host = self.town.hosts.host_of(driver);
        let graph = self.town.ledger.graph();
        let trouble = graph
            .degraded()
            .find(|(role, _)| role.as_str() == name)
            .map(|(_, why)| why.clone());
        let state = match (&host, &trouble) {
            _ if !ROLES.contains(&driver) => "unused",
            _ if graph.is_role_paused(name) => "paused",
            (None, _) => "absent",
            (Some(_), Some(_)) => "degraded",
            (Some(_), None) => "ok",
        };
        RoleDoc {
            name: name.to_owned(),
            rig,
            state,
            host,
            text: trouble,
            file,
            last_pass: self.town.hosts.last_pass(name),
        }
    }
}

impl RoleFileDoc {
    fn new(spec: &RoleSpec, rules: Option<&WorkerRules>) -> Self {
        let said = &spec.limits;
        let name = spec.name.as_str();
        let is_worker = name == WORKER;
        let is_driven = [WORKER, MAYOR, REVIEWER].contains(&name);
        let limits = match rules {
            Some(rules) if is_worker => RoleLimits::default().under(rules),
            _ => RoleLimits::default(),
        };
        let without_effect = [
            ("limits.turn", said.turn_ms.is_some() && !is_driven),
            ("limits.bead", said.bead_ms.is_some() && !is_driven),
            ("limits.attempts", said.attempts.is_some() && !is_worker),
            ("limits.usd", said.usd_micros.is_some() && !is_driven),
            ("limits.diff_lines", said.diff_lines.is_some()),
        ];
        Self {
            kind: spec.kind,
            summary: spec.summary.clone(),
            layer: spec.layer,
            extends: spec.extends.clone(),
            limits,
            without_effect: without_effect
                .into_iter()
                .filter(|(_, is_idle)| *is_idle)
                .map(|(key, _)| key)
                .collect(),
            prompt: spec
                .prompt
                .template
                .as_ref()
                .map(|template| template.file().to_owned()),
            verbs: spec.access.gtd.clone(),
            template: spec
                .prompt
                .template
                .as_ref()
                .map(|template| template.text().to_owned()),
            differs: builtin_of(spec).map(|builtin| differences(spec, &builtin)),
        }
    }
}

/// Finds the role that gtd brings along and this one stands on; nothing when it is all of one's own.
fn builtin_of(spec: &RoleSpec) -> Option<RoleSpec> {
    let below = spec.extends.as_deref().unwrap_or_default();
    let name = below.strip_prefix("builtin:").unwrap_or(spec.name.as_str());
    RoleSet::builtin().get(name).cloned()
}

/// Lists the keys of a role that are not as in another.
fn differences(spec: &RoleSpec, builtin: &RoleSpec) -> Vec<Difference> {
    let (mut now, mut before) = (BTreeMap::new(), BTreeMap::new());
    flatten(
        "",
        &serde_json::to_value(spec).unwrap_or_default(),
        &mut now,
    );
    flatten(
        "",
        &serde_json::to_value(builtin).unwrap_or_default(),
        &mut before,
    );
    let keys: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    keys.into_iter()
        .filter(|key| now.get(*key) != before.get(*key))
        // Where a role comes from is told beside it.
        .filter(|key| !matches!(key.as_str(), "name" | "layer" | "extends"))
        .map(|key| Difference {
            key: key.clone(),
            value: now.get(key).cloned().unwrap_or_default(),
            builtin: before.get(key).cloned().unwrap_or_default(),
        })
        .collect()
}

fn flatten(above: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    let Value::Object(table) = value else {
        into.insert(above.to_owned(), value.clone());
        return;
    };
    for (key, value) in table {
        let path = if above.is_empty() {
            key.clone()
        } else {
            format!("{above}.{key}")
        };
        flatten(&path, value, into);
    }
}
