//! From the text to the plan.

use std::{collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{fields::Fields, moment::moment, needs, runtime};
use crate::{
    BeadSpec, BeadType, Diagnostic, Plan, Priority, RuntimeName,
    toml_text::{TomlText, in_order, nearest, quoted},
};

const PLAN_KEYS: [&str; 4] = ["schema", "title", "acceptance", "bead"];
const BEAD_KEYS: [&str; 13] = [
    "id",
    "title",
    "description",
    "needs",
    "run",
    "runtime",
    "acceptance",
    "scope",
    "labels",
    "priority",
    "type",
    "estimate",
    "defer",
];

/// What a plan may refer to outside itself.
pub struct PlanContext<'a> {
    /// The runtimes that can do work here and now.
    pub usable_runtimes: &'a [RuntimeName],
    /// The runtime of a bead that names none and has no script.
    pub default_runtime: Option<&'a RuntimeName>,
    /// Tells whether a bead of this id exists.
    pub exists: &'a dyn Fn(&str) -> bool,
}

/// Why a plan file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The plan itself is wrong.
    #[error(transparent)]
    Invalid(#[from] Diagnostic),
    /// The plan is right, but nothing here could do one of its beads.
    #[error("{0}")]
    NoRuntime(Diagnostic),
}

impl PlanError {
    /// Returns what is wrong and where.
    #[must_use]
    pub fn diagnostic(&self) -> &Diagnostic {
        match self {
            Self::Invalid(diagnostic) | Self::NoRuntime(diagnostic) => diagnostic,
        }
    }
}

/// A bead with its places in the text.
pub(super) struct ReadBead {
    pub(super) local_id: String,
    pub(super) spec: BeadSpec,
    pub(super) needs: Vec<(String, Range<usize>)>,
    pub(super) header: Range<usize>,
    pub(super) runtime_span: Option<Range<usize>>,
}

/// Reads a plan file.
///
/// # Errors
/// When the text is not a plan, or when nothing could do one of its beads.
pub fn parse_plan(
    file_name: &str,
    text: &str,
    context: &PlanContext<'_>,
) -> Result<Plan, PlanError> {
    let source = TomlText {
        file: file_name,
        text,
    };
    let document = source.parse()?;
    let table = document.get_ref();
    if let Some(schema) = table.get("schema") {
        source.check_schema(schema)?;
    }
    if let Some((key, _)) = in_order(table)
        .into_iter()
        .find(|(key, _)| !PLAN_KEYS.contains(&key.get_ref().as_ref()))
    {
        return Err(misplaced_key(&source, key).into());
    }
    let fields = Fields::new(&source, table, "a plan");
    let title = fields.title("title")?.unwrap_or_default();
    let acceptance = fields.criteria("acceptance")?;
    let beads = read_beads(&source, table)?;
    needs::check(&source, &beads, context.exists)?;
    let beads = runtime::resolve(&source, beads, context)?;
    Ok(Plan {
        title,
        acceptance,
        beads,
        summary: String::new(),
    })
}

fn misplaced_key(source: &TomlText<'_>, key: &Spanned<toml::de::DeString<'_>>) -> Diagnostic {
    let known_to_beads =
        BEAD_KEYS.contains(&key.get_ref().as_ref()) && nearest(key.get_ref(), PLAN_KEYS).is_none();
    if known_to_beads {
        source
            .mistake(
                key.span(),
                &format!("unknown key {} in a plan", quoted(key.get_ref())),
            )
            .with_help("it belongs to a bead: write it below a [[bead]] line")
    } else {
        source.unknown_key(key, "a plan", PLAN_KEYS)
    }
}

fn read_beads(source: &TomlText<'_>, table: &DeTable<'_>) -> Result<Vec<ReadBead>, Diagnostic> {
    let as_list = "write each bead below a line [[bead]]";
    let Some(value) = table.get("bead") else {
        return Err(source
            .mistake(0..0, "the plan has no beads")
            .with_help(as_list));
    };
    let DeValue::Array(rows) = value.get_ref() else {
        return Err(source
            .mistake(value.span(), "`bead` wants a list of tables")
            .with_help(as_list));
    };
    if rows.is_empty() {
        return Err(source
            .mistake(value.span(), "the plan has no beads")
            .with_help(as_list));
    }
    let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
    let mut beads = Vec::new();
    for row in rows {
        let DeValue::Table(fields) = row.get_ref() else {
            return Err(source
                .mistake(row.span(), "a bead wants a table")
                .with_help(as_list));
        };
        let (bead, id_span) = read_bead(source, fields, row.span())?;
        if let Some(first) = seen.insert(bead.local_id.clone(), id_span.clone()) {
            let first = source.mistake(first, "").line;
            return Err(source
                .mistake(
                    id_span,
                    &format!("two beads have the id `{}`", bead.local_id),
                )
                .with_help(&format!("the first one is in line {first}; rename one")));
        }
        beads.push(bead);
    }
    Ok(beads)
}

fn read_bead(
    source: &TomlText<'_>,
    table: &DeTable<'_>,
    header: Range<usize>,
) -> Result<(ReadBead, Range<usize>), Diagnostic> {
    if let Some((key, _)) = in_order(table)
        .into_iter()
        .find(|(key, _)| !BEAD_KEYS.contains(&key.get_ref().as_ref()))
    {
        return Err(source.unknown_key(key, "a bead", BEAD_KEYS));
    }
    let fields = Fields::new(source, table, "a bead");
    let missing = |key: &str, example: &str| {
        source
            .mistake(header.clone(), &format!("this bead has no `{key}`"))
            .with_help(&format!("add a line such as {example}"))
    };
    let (local_id, id_span) = fields
        .local_id("id")?
        .ok_or_else(|| missing("id", "id = \"parser\""))?;
    let title = fields
        .title("title")?
        .ok_or_else(|| missing("title", "title = \"Write the parser\""))?;
    let runtime = fields.runtime("runtime")?;
    let spec = BeadSpec {
        title,
        description: fields.prose("description")?.unwrap_or_default(),
        kind: bead_type(&fields)?,
        priority: priority(&fields)?,
        acceptance: fields.criteria("acceptance")?,
        labels: fields
            .words("labels")?
            .into_iter()
            .map(|(word, _)| word)
            .collect(),
        scope: fields
            .words("scope")?
            .into_iter()
            .map(|(word, _)| word)
            .collect(),
        run: fields.script("run")?,
        runtime: runtime.as_ref().map(|(name, _)| name.clone()),
        estimate_minutes: fields.minutes("estimate")?,
        defer_until: fields
            .get("defer")
            .map(|value| moment(source, value))
            .transpose()?,
        ..BeadSpec::default()
    };
    let bead = ReadBead {
        local_id,
        spec,
        needs: fields.words("needs")?,
        header,
        runtime_span: runtime.map(|(_, span)| span),
    };
    Ok((bead, id_span))
}

fn bead_type(fields: &Fields<'_, '_>) -> Result<BeadType, Diagnostic> {
    let Some((word, span)) = fields.line("type")? else {
        return Ok(BeadType::default());
    };
    let words = || {
        BeadType::WORDS
            .iter()
            .filter(|(_, kind)| *kind != BeadType::Goal)
            .map(|(word, _)| *word)
    };
    match BeadType::from_word(&word) {
        Some(kind) if kind != BeadType::Goal => Ok(kind),
        _ => {
            let all = format!("types: {}", words().collect::<Vec<_>>().join(", "));
            Err(fields
                .source()
                .mistake(
                    span,
                    &format!("a bead of a plan cannot be of type {}", quoted(&word)),
                )
                .with_help(&match nearest(&word, words()) {
                    Some(near) => format!("did you mean `{near}`?   {all}"),
                    None => all,
                }))
        }
    }
}

fn priority(fields: &Fields<'_, '_>) -> Result<Priority, Diagnostic> {
    let Some((number, span)) = fields.number("priority")? else {
        return Ok(Priority::default());
    };
    u8::try_from(number)
        .ok()
        .and_then(Priority::new)
        .ok_or_else(|| {
            fields
                .source()
                .mistake(span, &format!("there is no priority {number}"))
                .with_help("a priority is 0 (critical) to 4 (backlog); 2 is usual")
        })
}
