//! Where the work of a goal lands, and what a person should be told about it.

use std::path::{Path, PathBuf};

use gtd_core::{
    LandMode, PolicyName, Rejection, RigName, Target,
    config::{Config, landing},
};
use gtd_host::Survey;
use gtd_wire::LandWish;

use crate::ledger::{Refused, chain};

/// A target with what a person should be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Where it lands.
    pub(crate) target: Target,
    /// In sentences.
    pub(crate) notices: Vec<String>,
}

/// Looks at the repository and chooses the target.
///
/// # Errors
/// When there is no such branch, or the wish cannot be granted.
pub(crate) async fn choose_target(
    rig: &RigName,
    folder: PathBuf,
    branch: String,
    wish: LandWish,
    title: &str,
) -> Result<Chosen, Refused> {
    check_branch(&branch)?;
    let surveyed = {
        let branch = branch.clone();
        tokio::task::spawn_blocking(move || survey(&folder, &branch))
    };
    let survey = surveyed
        .await
        .map_err(|error| Refused::Broken(error.to_string()))??;
    let chosen = choose(rig, &branch, wish, &survey)?;
    Ok(match chosen.target.mode {
        LandMode::PullRequest => Chosen {
            target: Target {
                r#ref: format!("refs/heads/gtd/pull/{}", own_branch(title)),
                ..chosen.target
            },
            ..chosen
        },
        _ => chosen,
    })
}

/// Resolves a wish that leaves it open by what the configuration says of the policy of the goal.
pub(crate) fn resolve_wish(
    config: &Config,
    policy: Option<&PolicyName>,
    wish: LandWish,
) -> LandWish {
    match (wish, landing(config, policy)) {
        (LandWish::Auto, Some("integration")) => LandWish::Integration,
        (LandWish::Auto, Some("pull-request")) => LandWish::PullRequest,
        (wish, _) => wish,
    }
}

/// Names a branch that nobody else has: a few words of the title, and the moment.
fn own_branch(title: &str) -> String {
    const LONGEST: usize = 40;
    let mut name = String::new();
    for c in title.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if !name.ends_with('-') && !name.is_empty() => name.push('-'),
            _ => {}
        }
        if name.len() >= LONGEST {
            break;
        }
    }
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let name = name.trim_matches('-');
    let separator = if name.is_empty() { "" } else { "-" };
    format!("{name}{separator}{:x}", now.as_millis())
}

/// A branch's name becomes a part of ref names and of words on the screen.
fn check_branch(branch: &str) -> Result<(), Rejection> {
    let is_plain = branch
        .chars()
        .all(|c| c.is_alphanumeric() || "-_./+@#".contains(c));
    let is_fine = is_plain
        && !branch.is_empty()
        && branch.len() <= 200
        && !branch.starts_with(['-', '/', '.'])
        && !branch.ends_with(['/', '.'])
        && !branch.contains("..")
        && !branch.contains("//")
        && !branch.contains("@{")
        && !branch.starts_with("gtd/");
    if is_fine {
        return Ok(());
    }
    Err(Rejection::BadText {
        field: "the branch".to_owned(),
        why: "is no name of a branch that work can land on".to_owned(),
    })
}

fn survey(folder: &Path, branch: &str) -> Result<Survey, Rejection> {
    let survey = gtd_host::survey(folder, Some(branch)).map_err(|error| Rejection::NotFound {
        kind: format!("git repository ({})", chain(&error)),
        name: folder.display().to_string(),
    })?;
    if survey.branch_tip.is_none() {
        return Err(Rejection::NotFound {
            kind: "branch".to_owned(),
            name: branch.to_owned(),
        });
    }
    Ok(survey)
}

fn choose(
    rig: &RigName,
    branch: &str,
    wish: LandWish,
    survey: &Survey,
) -> Result<Chosen, Rejection> {
    let at = survey.checked_out_at.as_deref();
    let (mode, notices) = match (wish, at) {
        (LandWish::Main, Some(at)) => {
            return Err(Rejection::CheckedOut {
                branch: branch.to_owned(),
                at: at.display().to_string(),
            });
        }
        (LandWish::Auto, Some(at)) => (
            LandMode::Integration,
            vec![format!(
                "{branch} is checked out at {}, so the work lands on gtd/integration/{branch}; \
                 `gtd convoy land` brings it into {branch} when you say so.",
                at.display()
            )],
        ),
        (LandWish::Integration, _) => (LandMode::Integration, Vec::new()),
        (LandWish::PullRequest, _) => (LandMode::PullRequest, Vec::new()),
        (LandWish::Auto | LandWish::Main, None) => (LandMode::Local, Vec::new()),
    };
    let target = Target {
        rig: rig.clone(),
        r#ref: match mode {
            LandMode::Integration => format!("refs/heads/gtd/integration/{branch}"),
            LandMode::Local | LandMode::PullRequest => format!("refs/heads/{branch}"),
        },
        mode,
        branch: branch.to_owned(),
    };
    Ok(Chosen { target, notices })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(wish: LandWish, at: Option<&str>) -> Result<(String, usize), Rejection> {
        let survey = Survey {
            root: "/src/api".into(),
            branch: "main".into(),
            branch_tip: None,
            checked_out_at: at.map(PathBuf::from),
        };
        let rig = RigName::parse("api").unwrap();
        choose(&rig, "main", wish, &survey)
            .map(|chosen| (chosen.target.r#ref, chosen.notices.len()))
    }

    #[test]
    fn a_branch_that_is_checked_out_never_moves() {
        let main = || Ok(("refs/heads/main".to_owned(), 0));
        let integration = |n| Ok(("refs/heads/gtd/integration/main".to_owned(), n));
        assert_eq!(choice(LandWish::Auto, None), main());
        assert_eq!(choice(LandWish::Main, None), main());
        assert_eq!(choice(LandWish::Auto, Some("/src/api")), integration(1));
        assert_eq!(choice(LandWish::Integration, Some("/x")), integration(0));
        assert_eq!(choice(LandWish::Integration, None), integration(0));
        assert!(matches!(
            choice(LandWish::Main, Some("/src/api")),
            Err(Rejection::CheckedOut { .. })
        ));
    }

    #[test]
    fn a_goal_that_is_proposed_has_a_branch_of_its_own() {
        let name = own_branch("Add OAuth login: `--now`, please; and much more than fits in");
        assert!(
            name.starts_with("add-oauth-login-now-please-and-much-more-"),
            "{name}"
        );
        assert!(check_branch(&name).is_ok(), "{name}");
        assert!(check_branch(&own_branch("é")).is_ok());
    }

    #[test]
    fn a_text_that_is_no_branch_is_refused() {
        for good in ["main", "release/1.2", "feat#3", "ünï"] {
            assert!(check_branch(good).is_ok(), "{good}");
        }
        for bad in [
            "", "-x", "a b", "a..b", "x/", "a\n", "a:b", "gtd/x", "@{u}", "a~1",
        ] {
            assert!(check_branch(bad).is_err(), "{bad}");
        }
    }
}
