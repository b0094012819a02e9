//! `gtd merge revert`: what landed is taken back, as work of its own through the queue.
//!
//! A revert is a goal with one bead. Its script has git revert the commits, and
//! gtd commits, proves and lands what comes out of it like any other work: no
//! branch is moved back, and what does not revert is set aside with its conflict.

use std::path::Path;

use gtd_client::{Client, GoalWish, WriteContext};
use gtd_core::{
    BeadId, BeadSpec, BeadType, Command, ConvoyDoc, EdgeKind, MergeRow, MergeShownDoc, Need, Plan,
    PlannedBead, RigName, SatisfiedBy,
};

use super::super::goal::{self, Land};
use crate::{
    commands::asked_git::ask,
    context::Context,
    error::{CliError, Doing, Kind},
    exit::Exit,
    last, town,
    town::DocumentKind,
};

/// The state of a submission that is on its target.
const LANDED: &str = "landed";
/// What integration branches are called.
const INTEGRATION: &str = "gtd/integration/";
/// Least digits of a commit's name.
const DIGITS: usize = 7;

/// Take back what landed, through the queue and with gates of its own
///
/// Makes a goal of one bead whose script reverts the commits: of one bead, of a
/// whole candidate, of all that landed of a goal, or one commit by its hash.
/// No branch is moved back. Where it does not revert, the bead is set aside with
/// the conflict at once: `gtd bead edit ID --runtime NAME` and `gtd bead retry ID`
/// give it to an agent, `gtd bead edit ID --run SCRIPT` does it in another way.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A bead, a goal, a candidate such as mr-1f0c3b77aa, or a commit
    #[arg(value_name = "ID")]
    id: String,
    /// Wait until it has landed, and tell by the exit code how it ended
    #[arg(long)]
    wait: bool,
    /// Say what would be taken back, and create nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Why; it stands in the bead
    #[arg(short = 'm', long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Args {
    /// Tells whether the command stays until the revert has ended.
    pub(super) fn waits(&self) -> bool {
        self.wait && !self.dry_run
    }
}

/// What is to be taken back.
#[derive(Debug, Default)]
struct Landed {
    /// In words: what the title names.
    what: String,
    rig: Option<RigName>,
    /// The branch that it landed on; none when only a commit is known.
    branch: Option<String>,
    beads: Vec<BeadId>,
    parts: Vec<Part>,
}

/// One thing that a single revert takes back.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    commit: String,
    /// The bead, where others landed with the same commit.
    of: Option<BeadId>,
}

pub(super) async fn run(ctx: &Context, args: Args) -> Result<Exit, CliError> {
    let client = match args.dry_run {
        true => town::reach(ctx).await?,
        false => town::reach_or_start(ctx).await?,
    };
    let id = last::named(args.id.trim())?;
    let landed = find(&client, &id).await?;
    let rig = match &landed.rig {
        Some(rig) => rig.clone(),
        None => {
            let rig = ctx.need_rig()?;
            is_there(&ctx.folder_of(&rig)?, &id)?;
            rig
        }
    };
    let title = format!("Revert {}", landed.what);
    let wish = GoalWish {
        plan: Some(plan(&title, &landed, args.reason.as_deref())),
        land: goal::land_wish(land(landed.branch.as_deref())),
        validate_only: args.dry_run,
        ..GoalWish::new(rig, BeadSpec::titled(&title))
    };
    let receipt = goal::patient(ctx, &client)
        .submit_goal(wish, WriteContext::default())
        .await
        .doing(|| format!("revert {}", landed.what))?;
    if args.dry_run {
        return Ok(goal::tell_rehearsal(
            ctx,
            &title,
            &receipt,
            landed.parts.len(),
        ));
    }
    if let Some(revert) = receipt.written.ids.get(1) {
        let revert = BeadId::parse(revert).map_err(|error| CliError::usage(error.to_string()))?;
        link(&client, &revert, &landed.beads).await?;
    }
    goal::tell(ctx, &client, &title, &receipt, args.waits()).await
}

/// A commit that only its hash names may be one that nobody made.
fn is_there(folder: &Path, commit: &str) -> Result<(), CliError> {
    let words = ["cat-file", "-e", &format!("{commit}^{{commit}}")];
    match ask(folder, &words) {
        Ok(_) => Ok(()),
        Err(_) => Err(CliError::new(Kind::NotFound {
            kind: "bead, goal, candidate or commit",
            name: commit.to_owned(),
        })
        .help("what landed: gtd merge list")),
    }
}

/// Lets the revert and what it takes back know of each other.
async fn link(client: &Client, revert: &BeadId, beads: &[BeadId]) -> Result<(), CliError> {
    for bead in beads {
        let relation = Command::Link {
            bead: revert.clone(),
            need: Need {
                on: bead.clone(),
                kind: EdgeKind::Custom(EdgeKind::REVERTS.to_owned()),
                satisfied_by: SatisfiedBy::Finish,
            },
        };
        let note = Command::AddNote {
            bead: bead.clone(),
            text: format!("{revert} takes it back"),
        };
        for command in [relation, note] {
            client
                .tell(command)
                .await
                .doing(|| format!("link {revert} to {bead}"))?;
        }
    }
    Ok(())
}

/// Finds what landed under an id: of a bead, a goal or a candidate; a hash is a commit.
async fn find(client: &Client, id: &str) -> Result<Landed, CliError> {
    let is_hash = id.len() >= DIGITS && id.chars().all(|c| c.is_ascii_hexdigit());
    match town::find(client, id).await {
        Ok(found) if found.kind == DocumentKind::Convoy => {
            of_goal(client, &town::read(&found.document)?).await
        }
        Ok(found) if found.kind == DocumentKind::Bead => of_submissions(client, &found.id).await,
        Ok(_) => of_submissions(client, id).await,
        Err(error) if is_hash && error.is_not_found() => Ok(Landed {
            what: id.chars().take(DIGITS).collect(),
            parts: vec![Part {
                commit: id.to_owned(),
                of: None,
            }],
            ..Landed::default()
        }),
        Err(error) if error.is_not_found() => {
            // A candidate that has landed is no document of its own.
            of_submissions(client, id).await
        }
        Err(error) => Err(error),
    }
}

async fn of_submissions(client: &Client, id: &str) -> Result<Landed, CliError> {
    let shown: MergeShownDoc = town::read(&client.merge(id).await?)?;
    // The whole of a candidate is one commit; of a bead in it, its own merge is taken back.
    let is_whole = shown.members.len() > 1;
    let mut landed = Landed {
        what: match shown.members.as_slice() {
            [row] => format!("{} {}", row.bead, row.title),
            _ => id.to_owned(),
        },
        ..Landed::default()
    };
    for row in &shown.members {
        add(&mut landed, row, is_whole)?;
    }
    Ok(landed)
}

async fn of_goal(client: &Client, convoy: &ConvoyDoc) -> Result<Landed, CliError> {
    let mut landed = Landed {
        what: format!("{} {}", convoy.id, convoy.title),
        ..Landed::default()
    };
    for bead in convoy.beads.iter().filter(|bead| bead.commit.is_some()) {
        let shown: MergeShownDoc = town::read(&client.merge(bead.id.as_str()).await?)?;
        for row in &shown.members {
            add(&mut landed, row, false)?;
        }
    }
    match landed.parts.is_empty() {
        true => Err(not_landed(convoy.id.as_str())),
        false => Ok(landed),
    }
}

fn add(landed: &mut Landed, row: &MergeRow, is_whole: bool) -> Result<(), CliError> {
    let (Some(commit), LANDED) = (&row.commit, row.state.as_str()) else {
        return Err(not_landed(row.bead.as_str()));
    };
    let part = Part {
        commit: commit.to_string(),
        of: (!is_whole).then(|| row.bead.clone()),
    };
    if !landed.parts.contains(&part) {
        landed.parts.push(part);
    }
    landed.beads.push(row.bead.clone());
    landed.rig = Some(row.rig.clone());
    landed.branch = Some(row.branch.clone());
    Ok(())
}

fn not_landed(id: &str) -> CliError {
    CliError::new(Kind::State(format!("nothing of {id} has landed")))
        .doing(format!("revert {id}"))
        .help(format!("what it came to: gtd why {id}"))
}

/// What landed on an integration branch is taken back there.
fn land(branch: Option<&str>) -> Option<Land> {
    branch
        .is_some_and(|branch| branch.starts_with(INTEGRATION))
        .then_some(Land::Integration)
}

fn plan(title: &str, landed: &Landed, reason: Option<&str>) -> Plan {
    let commits: Vec<&str> = landed
        .parts
        .iter()
        .map(|part| part.commit.as_str())
        .collect();
    let mut description = format!(
        "Takes back {}. Nothing else changes: what came later stays as it is.",
        commits.join(", ")
    );
    if let Some(reason) = reason {
        description = format!("{reason}\n\n{description}");
    }
    let spec = BeadSpec {
        description,
        kind: BeadType::Chore,
        labels: ["revert".to_owned()].into(),
        run: Some(script(&landed.parts)),
        metadata: [(EdgeKind::REVERTS.to_owned(), serde_json::json!(commits))].into(),
        ..BeadSpec::titled(title)
    };
    Plan {
        beads: vec![PlannedBead {
            local_id: "revert".to_owned(),
            spec,
            needs: Vec::new(),
        }],
        ..Plan::default()
    }
}

/// Writes the script: it leaves the changes, and gtd commits them.
fn script(parts: &[Part]) -> String {
    let mut text = String::from(BEFORE);
    for part in parts {
        let commit = &part.commit;
        match &part.of {
            Some(bead) => text.push_str(&format!(
                "one=$(part {commit} {bead})\nwant \"${{one:-{commit}}}\"\n"
            )),
            None => text.push_str(&format!("want {commit}\n")),
        }
    }
    text.push_str(AFTER);
    text
}

/// Says what the words of the script mean.
const BEFORE: &str = r#"# What landed is taken back; nothing is committed here.
wanted=" "
want() {
    commit=$(git rev-parse --verify "$1^{commit}")
    git merge-base --is-ancestor "$commit" HEAD || {
        echo "$1 is not on this branch" >&2
        exit 1
    }
    wanted="$wanted$commit "
}
# The merge of one bead among those that landed with one commit.
part() {
    git log --first-parent --max-count=1 --format=%H --grep="^Gtd-Bead: $2\$" "$1^1..$1^2"
}
take_back() {
    # The first parent of a merge is what was there before.
    if git rev-parse --quiet --verify "$1^2" > /dev/null; then
        git revert --no-commit --mainline 1 "$1" < /dev/null || conflict
    else
        git revert --no-commit "$1" < /dev/null || conflict
    fi
}
# The same would come of every further try: with this the bead is set aside.
conflict() {
    files=$(git -c core.quotePath=false diff --name-only --diff-filter=U)
    test -n "$files" || exit 1
    git --no-pager diff --diff-filter=U | head -c 4000
    echo
    echo "$files" | sed 's/^/gtd-conflict: /'
    exit 65
}
"#;

/// Takes back what is wanted, the newest first.
const AFTER: &str = r#"git rev-list --topo-order HEAD | while read -r commit; do
    case "$wanted" in
    *" $commit "*) take_back "$commit" ;;
    esac
done || exit $?
git revert --quit
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_landed_on_an_integration_branch_is_taken_back_there() {
        assert!(matches!(
            land(Some("gtd/integration/main")),
            Some(Land::Integration)
        ));
        assert!(land(Some("main")).is_none());
        assert!(land(None).is_none());
    }

    #[test]
    fn one_bead_of_many_is_taken_back_alone() {
        let bead = BeadId::parse("api-1").unwrap();
        let text = script(&[Part {
            commit: "abc".to_owned(),
            of: Some(bead),
        }]);
        assert!(text.contains("one=$(part abc api-1)\nwant \"${one:-abc}\"\n"));
        let whole = script(&[Part {
            commit: "abc".to_owned(),
            of: None,
        }]);
        assert!(whole.contains("\nwant abc\n"));
    }
}
