//! The verdict in a reviewer's answer: found, read by its schema, and held to what a verdict may say.
//!
//! Whoever wrote it gets its mistakes back, so all of them are told that can be found at once.

use gtd_core::{Bead, CriterionOpinion, Opinion, OpinionVerdict, ReviewComment};
use serde::Deserialize;

const FENCE: &str = "```";
/// Comments of one verdict at most.
const COMMENTS: usize = 50;
/// The longest that one text in it may be, in bytes.
const TEXT: usize = 2_000;
/// The longest that all of it may be together, in bytes: the ledger takes twice as much.
const TOLD: usize = 32 * 1024;
/// The longest path, in bytes.
const PATH: usize = 500;

/// A verdict as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    verdict: OpinionVerdict,
    summary: String,
    #[serde(default)]
    criteria: Vec<SaidOfCriterion>,
    #[serde(default)]
    comments: Vec<SaidOfLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidOfCriterion {
    criterion: usize,
    met: bool,
    #[serde(default)]
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidOfLine {
    file: String,
    line: u32,
    text: String,
}

/// Reads the verdict in an answer about what was handed in for a bead.
///
/// # Errors
/// With every mistake that can be told at once.
pub(crate) fn read_opinion(answer: &str, bead: &Bead) -> Result<Opinion, Vec<String>> {
    let form =
        format!("one block that begins with a line {FENCE}json and ends with a line {FENCE}");
    let block = match block(answer, "verdict") {
        Found::One(block) => block,
        Found::None => {
            let why =
                format!("your last message holds no verdict: end it with the verdict as {form}");
            return Err(vec![why]);
        }
        // One of them may be quoted from what is judged.
        Found::Several => {
            let why = format!("your last message holds several verdicts: say one, as {form}");
            return Err(vec![why]);
        }
    };
    let said: Said = serde_json::from_str(block)
        .map_err(|error| vec![format!("the verdict is not of the form: {error}")])?;
    let mut mistakes = Vec::new();
    let criteria = criteria(&said.criteria, bead, &mut mistakes);
    let comments: Vec<ReviewComment> = said
        .comments
        .into_iter()
        .enumerate()
        .filter_map(|(index, comment)| match place(&comment) {
            Ok(file) => Some(ReviewComment {
                file,
                line: comment.line,
                text: short(&comment.text),
            }),
            Err(why) => {
                mistakes.push(format!("comments[{index}]: {why}"));
                None
            }
        })
        .collect();
    if comments.len() > COMMENTS {
        mistakes.push(format!(
            "{COMMENTS} comments are the most: keep what matters"
        ));
    }
    let unmet = criteria.iter().any(|criterion| !criterion.met);
    match said.verdict {
        OpinionVerdict::Approve if unmet => mistakes.push(
            "`verdict` is `approve`, and a criterion is not met: ask for changes, or say that it \
             is met"
                .to_owned(),
        ),
        OpinionVerdict::Changes if !unmet && comments.is_empty() && mistakes.is_empty() => mistakes
            .push(
                "`verdict` is `changes`, and nothing says what is to be otherwise: bind a comment \
                 to a line, or name a criterion that is not met"
                    .to_owned(),
            ),
        _ => {}
    }
    let opinion = Opinion {
        verdict: said.verdict,
        summary: short(&said.summary),
        comments,
        criteria,
    };
    if opinion.told().len() > TOLD {
        mistakes.push("the verdict is too long: keep what matters".to_owned());
    }
    if mistakes.is_empty() {
        Ok(opinion)
    } else {
        Err(mistakes)
    }
}

/// Puts what is said of each criterion in the order of the bead.
fn criteria(
    said: &[SaidOfCriterion],
    bead: &Bead,
    mistakes: &mut Vec<String>,
) -> Vec<CriterionOpinion> {
    let all = &bead.spec.acceptance;
    for one in said {
        if one.criterion == 0 || one.criterion > all.len() {
            mistakes.push(format!(
                "`criteria` names {}, and there are {}",
                one.criterion,
                all.len()
            ));
        }
    }
    let mut opinions = Vec::new();
    for (index, criterion) in all.iter().enumerate() {
        let number = index + 1;
        let mut of_it = said.iter().filter(|one| one.criterion == number);
        match (of_it.next(), of_it.next()) {
            (Some(one), None) => opinions.push(CriterionOpinion {
                text: criterion.text.clone(),
                met: one.met,
                why: short(&one.why),
            }),
            (None, _) => mistakes.push(format!(
                "`criteria` says nothing of {number} ({})",
                criterion.text
            )),
            (Some(_), Some(_)) => mistakes.push(format!("`criteria` names {number} twice")),
        }
    }
    opinions
}

/// Returns the file of a comment, as a path in the repository.
fn place(comment: &SaidOfLine) -> Result<String, String> {
    let file = comment.file.trim();
    let file = file.strip_prefix("./").unwrap_or(file);
    let is_path = !file.is_empty()
        && file.len() <= PATH
        && !file.starts_with('/')
        && !file.contains(['\0', '\n'])
        && file.split('/').all(|part| part != "..");
    if !is_path {
        return Err("`file` is no path in the repository".to_owned());
    }
    if comment.line == 0 {
        return Err("`line` begins at 1".to_owned());
    }
    if comment.text.trim().is_empty() {
        return Err("`text` is empty".to_owned());
    }
    Ok(file.to_owned())
}

/// What an answer holds of blocks of a kind.
pub(crate) enum Found<'a> {
    None,
    One(&'a str),
    Several,
}

/// Finds the part of an answer that has what is wanted: the last block that may be it. Several are
/// several with the key that is told.
///
/// A fence with a word behind it begins a block wherever it stands, so that no fence of what is
/// quoted turns the blocks after it inside out.
pub(crate) fn block<'a>(answer: &'a str, key: &str) -> Found<'a> {
    let mut blocks: Vec<&str> = Vec::new();
    let mut begin: Option<usize> = None;
    let mut at = 0;
    for line in answer.split_inclusive('\n') {
        let next = at + line.len();
        if let Some(word) = line.trim_start().strip_prefix(FENCE) {
            if let Some(from) = begin {
                blocks.extend(is_object(&answer[from..at]));
            }
            let begins = begin.is_none() || !word.trim().is_empty();
            begin = begins.then_some(next);
        }
        at = next;
    }
    // A message that was cut, or whose writer forgot the end.
    let open = begin.and_then(|from| is_object(&answer[from..]));
    blocks.extend(open);
    let key = format!("\"{key}\"");
    let wanted = blocks.iter().filter(|block| block.contains(&key));
    if wanted.count() > 1 {
        return Found::Several;
    }
    let bare = || {
        let (from, to) = (answer.find('{')?, answer.rfind('}')?);
        answer.get(from..=to)
    };
    match blocks.last().copied().or_else(bare) {
        Some(block) => Found::One(block),
        None => Found::None,
    }
}

fn is_object(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| text.starts_with('{'))
}

/// Cleans a text and shortens it to what is kept.
fn short(text: &str) -> String {
    let text = text.trim().replace('\0', "\u{2400}");
    match text.len() {
        ..=TEXT => text,
        _ => format!("{} …", &text[..text.floor_char_boundary(TEXT)]),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use gtd_core::{
        Actor, BeadId, BeadSpec, Criterion, Epoch, Phase, Revision, RigName, Timestamp,
    };

    use super::*;

    fn bead() -> Bead {
        let criterion = |text: &str| Criterion {
            text: text.to_owned(),
            check: None,
        };
        Bead {
            id: BeadId::parse("gt-1").unwrap(),
            rig: RigName::parse("repo").unwrap(),
            goal: None,
            local_id: None,
            spec: BeadSpec {
                acceptance: vec![criterion("it is fast"), criterion("it is small")],
                ..BeadSpec::default()
            },
            needs: vec![],
            notes: vec![],
            unheard: Vec::new(),
            asked: None,
            phase: Phase::Open,
            since: Timestamp(0),
            epoch: Epoch(1),
            spent: 0,
            not_before: None,
            attempts: vec![],
            created_by: Actor::Daemon,
            created_at: Timestamp(0),
            ordinal: 1,
            changed: Revision(1),
        }
    }

    fn check(answer: &str, expected: &Expect) {
        let shown = match read_opinion(answer, &bead()) {
            Ok(opinion) => format!(
                "{} | {} | {}",
                opinion.verdict.word(),
                opinion.summary,
                opinion.told()
            ),
            Err(mistakes) => mistakes.join("\n"),
        };
        expected.assert_eq(&shown);
    }

    const MET: &str = r#""criteria": [{"criterion": 2, "met": true}, {"criterion": 1, "met": true, "why": "I ran it"}]"#;

    #[test]
    fn the_verdict_is_found_in_what_a_reviewer_says() {
        let yes = format!("{{\"verdict\": \"approve\", \"summary\": \"Good.\", {MET}}}");
        check(
            &format!("I read it.\n\n```json\n{yes}\n```\nThat is all.\n"),
            &expect!["approve | Good. | "],
        );
        check(&yes, &expect!["approve | Good. | "]);
        check(
            &format!("So:\n```json\n{yes}"),
            &expect!["approve | Good. | "],
        );
        let example = format!("```rust\nfn x() {{}}\n```\nand\n```json\n{yes}\n```");
        check(&example, &expect!["approve | Good. | "]);
    }

    #[test]
    fn a_verdict_that_is_quoted_does_not_take_the_place_of_the_reviewers() {
        let yes = format!("{{\"verdict\": \"approve\", \"summary\": \"Good.\", {MET}}}");
        let no = format!(
            "{{\"verdict\": \"changes\", \"summary\": \"No.\", {MET}, \"comments\": [{{\"file\": \"a\", \"line\": 1, \"text\": \"wrong\"}}]}}"
        );
        let several = expect![
            "your last message holds several verdicts: say one, as one block that begins with a line ```json and ends with a line ```"
        ];
        // An odd fence in what is quoted would turn all blocks behind it inside out.
        let quoted = format!("It says:\n```json\n{yes}\n```\n```\nI say:\n```json\n{no}\n```\n");
        check(&quoted, &several);
        let behind = format!("```json\n{no}\n```\nIt says:\n```json\n{yes}\n```\n");
        check(&behind, &several);
    }

    #[test]
    fn a_verdict_that_is_too_long_for_the_log_is_a_mistake_of_its_writer() {
        let text = "x".repeat(TEXT);
        let comment = format!("{{\"file\": \"a\", \"line\": 1, \"text\": \"{text}\"}}");
        let comments = vec![comment; COMMENTS].join(", ");
        check(
            &format!(
                "{{\"verdict\": \"changes\", \"summary\": \"No.\", {MET}, \"comments\": [{comments}]}}"
            ),
            &expect!["the verdict is too long: keep what matters"],
        );
    }

    #[test]
    fn what_is_to_be_otherwise_names_its_line() {
        let no = format!(
            "{{\"verdict\": \"changes\", \"summary\": \"No.\", {MET}, \"comments\": [{{\"file\": \"./src/a.rs\", \"line\": 3, \"text\": \"wrong\"}}]}}"
        );
        check(&no, &expect!["changes | No. | src/a.rs:3: wrong"]);
    }

    #[test]
    fn the_mistakes_of_a_verdict_are_told_at_once() {
        check(
            "All fine!",
            &expect![
                "your last message holds no verdict: end it with the verdict as one block that begins with a line ```json and ends with a line ```"
            ],
        );
        check(
            r#"{"verdict": "maybe", "summary": ""}"#,
            &expect![
                "the verdict is not of the form: unknown variant `maybe`, expected `approve` or `changes` at line 1 column 19"
            ],
        );
        check(
            r#"{"verdict": "changes", "summary": "", "criteria": [{"criterion": 1, "met": true}, {"criterion": 7, "met": true}], "comments": [{"file": "../x", "line": 1, "text": "a"}, {"file": "x", "line": 0, "text": "a"}]}"#,
            &expect![[r"
                `criteria` names 7, and there are 2
                `criteria` says nothing of 2 (it is small)
                comments[0]: `file` is no path in the repository
                comments[1]: `line` begins at 1"]],
        );
        check(
            r#"{"verdict": "approve", "summary": "", "criteria": [{"criterion": 1, "met": false}, {"criterion": 2, "met": true}]}"#,
            &expect![
                "`verdict` is `approve`, and a criterion is not met: ask for changes, or say that it is met"
            ],
        );
        check(
            &format!("{{\"verdict\": \"changes\", \"summary\": \"Hm.\", {MET}}}"),
            &expect![
                "`verdict` is `changes`, and nothing says what is to be otherwise: bind a comment to a line, or name a criterion that is not met"
            ],
        );
    }
}
