//! What leaves the repository: pushes, and pull requests, which `gh` opens and looks at.
//!
//! Each look is a run, so that what hangs has a limit and what is said is kept.

use std::{collections::BTreeMap, fs, time::Duration};

use gtd_agent::{End, Exit, RunSpec, RunState, runtime::BaseEnv};
use gtd_core::{Oid, RigName, RunId};
use gtd_git::Push;
use gtd_plan::{Proposal, ProposalSeen};
use serde_json::Value;

use super::{Hands, git, passed_on};
use crate::HostError;

/// The longest that a look at a pull request may take.
const LIMIT: Duration = Duration::from_secs(150);
/// What is read of what a look said, in bytes.
const TAIL: u64 = 4_000;
/// Where a look leaves what it saw.
const SEEN: &str = "pull.json";
/// Checks of a host that are named.
const NAMED: usize = 10;

/// What `gh` finds its login by, and `git` its keys.
const LOGIN: [&str; 9] = [
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GH_HOST",
    "GH_CONFIG_DIR",
    "XDG_CONFIG_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
];

/// Opens the pull request when there is none, and says how it stands. It pushes one branch, never by
/// force, and asks nobody anything.
const SCRIPT: &str = r#"set -u
fail() { printf '%s\n' "$1" >&2; exit 1; }
command -v gh >/dev/null 2>&1 ||
    fail 'there is no program gh on PATH: install it, then `gh auth login`'
hub() { (cd "$GTD_REPO" && exec gh "$@"); }
explain() {
    if grep -q 'gh auth' said; then fail 'gh is not logged in: `gh auth login`'; fi
    cat said >&2
    exit 1
}
push() {
    set -- -c core.hooksPath=/dev/null -c core.askPass=false -c credential.interactive=false \
        -c push.followTags=false -c push.gpgSign=false -c push.recurseSubmodules=no
    if [ -z "${GIT_SSH_COMMAND:-}" ] && ! git -C "$GTD_REPO" config --get core.sshCommand >/dev/null
    then set -- "$@" -c 'core.sshCommand=ssh -o BatchMode=yes'; fi
    git -C "$GTD_REPO" "$@" push --quiet --no-verify -- "$GTD_REMOTE" \
        "$GTD_COMMIT:refs/heads/$GTD_HEAD" >said 2>&1 && return
    cat said >&2
    why=$(grep -m1 -e '^remote: ' -e '^ ! ' -e '^fatal: ' said)
    fail "the remote $GTD_REMOTE does not take $GTD_HEAD: ${why:-it gives no reason}"
}
known=$(hub pr view "$GTD_HEAD" --json state 2>said) || {
    grep -q 'no pull requests found' said || explain
    known=none
}
case "$known" in
*CLOSED*) [ "$GTD_FIRST" = 0 ] || known=none ;;
*OPEN*) [ "$GTD_FIRST" = 0 ] || push ;;
esac
if [ "$known" = none ]; then
    push
    title=$(cat title.txt)
    hub pr create --head "$GTD_HEAD" --base "$GTD_BASE" --title "$title" \
        --body-file "$PWD/body.md" 2>said || explain
fi
hub pr view "$GTD_HEAD" --json number,state,url,mergeCommit,statusCheckRollup \
    >pull.part 2>said || explain
mv pull.part pull.json
"#;

impl Hands {
    /// Looks which commit was pushed last to a branch of a remote.
    pub(super) fn see_pushed(
        &self,
        rig: &RigName,
        remote: &str,
        name: &str,
    ) -> Result<Option<Oid>, HostError> {
        let pool = self.pool(rig)?;
        pool.repository().pushed(remote, name).map_err(git(rig))
    }

    /// Pushes a branch, unless the remote has it already.
    pub(super) fn ensure_pushed(
        &self,
        rig: &RigName,
        remote: &str,
        name: &str,
        commit: &Oid,
    ) -> Result<(), HostError> {
        let pool = self.pool(rig)?;
        let repository = pool.repository();
        if repository.pushed(remote, name).map_err(git(rig))?.as_ref() == Some(commit) {
            return Ok(());
        }
        let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
        let not_pushed = |why| HostError::NotPushed {
            branch: branch.to_owned(),
            remote: remote.to_owned(),
            why,
        };
        // What somebody took back meanwhile is not published behind their back.
        let has_it = match repository.resolve(name).map_err(git(rig))? {
            Some(tip) => repository.is_ancestor(commit, &tip).map_err(git(rig))?,
            None => false,
        };
        if !has_it {
            let why = format!(
                "{}, which landed last, is not on it any more",
                commit.short()
            );
            return Err(not_pushed(why));
        }
        match repository.push(remote, name, commit).map_err(git(rig))? {
            Push::Done => Ok(()),
            Push::Refused(why) => Err(not_pushed(why)),
        }
    }

    /// Begins a look at a pull request, which opens it when there is none.
    pub(super) fn propose(&self, proposal: &Proposal) -> Result<(), HostError> {
        let rig = &proposal.target.rig;
        let pool = self.pool(rig)?;
        let folder = self.runs.run_dir(&proposal.run);
        let script = folder.join("propose.sh").to_string_lossy().into_owned();
        let mut spec = RunSpec::new(proposal.run.clone(), "/bin/sh", &folder);
        spec.args = vec![script];
        spec.files = BTreeMap::from([
            ("propose.sh".to_owned(), SCRIPT.to_owned()),
            ("title.txt".to_owned(), proposal.title.clone()),
            ("body.md".to_owned(), proposal.body.clone()),
        ]);
        let of_look = [
            ("GIT_TERMINAL_PROMPT", "0".to_owned()),
            ("SSH_ASKPASS", "false".to_owned()),
            ("SSH_ASKPASS_REQUIRE", "force".to_owned()),
            ("GH_PROMPT_DISABLED", "1".to_owned()),
            ("GH_NO_UPDATE_NOTIFIER", "1".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            (
                "GTD_REPO",
                pool.repository().root().to_string_lossy().into_owned(),
            ),
            ("GTD_REMOTE", proposal.remote.clone()),
            ("GTD_HEAD", proposal.target.short_ref().to_owned()),
            ("GTD_BASE", proposal.target.branch.clone()),
            ("GTD_COMMIT", proposal.commit.to_string()),
            ("GTD_FIRST", i32::from(proposal.is_first).to_string()),
        ];
        spec.env = BaseEnv::of_this_process().variables();
        spec.env.extend(passed_on(&self.places)?);
        for name in LOGIN {
            if let Ok(value) = std::env::var(name) {
                spec.env.insert(name.to_owned(), value);
            }
        }
        let of_look = of_look.into_iter();
        spec.env
            .extend(of_look.map(|(name, value)| (name.to_owned(), value)));
        spec.limit_ms = Some(u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX));
        spec.labels = BTreeMap::from([("bead".to_owned(), proposal.goal.to_string())]);
        self.runs.ensure(&spec).map(drop).map_err(HostError::Run)
    }

    /// Reads what a look at a pull request saw.
    pub(super) fn see_proposed(&self, run: &RunId) -> Result<ProposalSeen, HostError> {
        let RunState::Exited(exit) = self.runs.state(run).map_err(HostError::Run)? else {
            return Ok(ProposalSeen::Failed("nobody has looked".to_owned()));
        };
        if !exit.is_success() {
            let tail = self.runs.tail(run, TAIL).map_err(HostError::Run)?;
            return Ok(ProposalSeen::Failed(why(&exit, &tail)));
        }
        let text = fs::read_to_string(self.runs.run_dir(run).join(SEEN)).unwrap_or_default();
        Ok(read_proposal(&text))
    }
}

fn why(exit: &Exit, tail: &str) -> String {
    let said = tail.lines().rev().find(|line| !line.trim().is_empty());
    match (exit.timed_out, said, &exit.end) {
        (true, _, _) => "gh took too long".to_owned(),
        (false, Some(said), _) => said.trim().to_owned(),
        (false, None, End::Code(code)) => format!("exit {code}"),
        (false, None, End::Signal(signal)) => format!("signal {signal}"),
    }
}

/// Reads what `gh pr view --json` says.
fn read_proposal(text: &str) -> ProposalSeen {
    let unread = || ProposalSeen::Failed("what gh says cannot be read".to_owned());
    let Ok(seen) = serde_json::from_str::<Value>(text) else {
        return unread();
    };
    let url = seen["url"]
        .as_str()
        .unwrap_or("its pull request")
        .to_owned();
    let checks = seen["statusCheckRollup"].as_array();
    let red = checks.into_iter().flatten().filter_map(|check| {
        let state = check["conclusion"].as_str().filter(|text| !text.is_empty());
        let state = state.or_else(|| check["state"].as_str())?;
        let is_red = [
            "FAILURE",
            "ERROR",
            "TIMED_OUT",
            "STARTUP_FAILURE",
            "ACTION_REQUIRED",
        ];
        let name = check["name"].as_str().or_else(|| check["context"].as_str());
        is_red
            .contains(&state)
            .then(|| name.unwrap_or("a check").to_owned())
    });
    match seen["state"].as_str() {
        Some("OPEN") => ProposalSeen::Open {
            url,
            red: red.take(NAMED).collect(),
        },
        Some("MERGED") => ProposalSeen::Merged {
            url,
            commit: seen["mergeCommit"]["oid"]
                .as_str()
                .and_then(|oid| Oid::parse(oid).ok()),
        },
        Some("CLOSED") => ProposalSeen::Closed { url },
        _ => unread(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gh_says_is_read() {
        let url = "https://github.com/o/r/pull/7".to_owned();
        let open = r#"{"mergeCommit":null,"number":7,"state":"OPEN","statusCheckRollup":[
            {"__typename":"CheckRun","conclusion":"SUCCESS","name":"build","status":"COMPLETED"},
            {"__typename":"CheckRun","conclusion":"","name":"slow","status":"IN_PROGRESS"},
            {"__typename":"CheckRun","conclusion":"FAILURE","name":"test","status":"COMPLETED"},
            {"__typename":"StatusContext","context":"ci/old","state":"ERROR"}],
            "url":"https://github.com/o/r/pull/7"}"#;
        let red = vec!["test".to_owned(), "ci/old".to_owned()];
        let expected = ProposalSeen::Open {
            url: url.clone(),
            red,
        };
        assert_eq!(read_proposal(open), expected);
        let oid = "0123456789abcdef0123456789abcdef01234567";
        let merged = format!(
            r#"{{"mergeCommit":{{"oid":"{oid}"}},"number":7,"state":"MERGED","statusCheckRollup":[],"url":"{url}"}}"#
        );
        let commit = Oid::parse(oid).ok();
        assert_eq!(read_proposal(&merged), ProposalSeen::Merged { url, commit });
        assert!(matches!(read_proposal(""), ProposalSeen::Failed(_)));
    }
}
