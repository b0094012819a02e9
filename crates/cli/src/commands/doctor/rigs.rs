//! The rigs: folder, branch, trust, gates, signing; the agent programs; what nobody owns.

use std::{fs, path::Path};

use gtd_core::{
    RigName, RigRules,
    config::{landing, passed_variables, rig_rules},
};
use serde_json::Value;

use super::check::{Check, Mend, ask, line_of};
use crate::{commands::runtime::program, context::Context, detect, settings};

/// Lists the rigs with their folders; a list that cannot be read is a check of its own.
fn rigs(ctx: &Context) -> Result<Vec<(RigName, &Path)>, Check> {
    match ctx.rig_folders() {
        Ok(folders) => Ok(folders
            .folders
            .iter()
            .map(|(rig, folder)| (rig.clone(), folder.as_path()))
            .collect()),
        Err(error) => Err(Check::fail(
            "config.rigs",
            error.message(),
            "gtd config path rigs",
        )),
    }
}

fn rules(ctx: &Context, rig: &RigName) -> Option<RigRules> {
    let config = settings::effective(ctx, Some(rig)).ok()?;
    rig_rules(&config, rig.as_str()).ok()
}

/// Looks at the configuration, and at folder, branch and trust of each rig.
pub(super) fn config(ctx: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(match settings::effective(ctx, None) {
        Ok(_) => Check::good("config.user", "your own configuration can be read"),
        Err(error) => Check::fail("config.user", error.message(), "gtd config list"),
    });
    let rigs = match rigs(ctx) {
        Ok(rigs) => rigs,
        Err(check) => return vec![check],
    };
    for (rig, folder) in &rigs {
        checks.extend(remote(ctx, rig, folder));
        checks.extend(proposals(ctx, rig));
    }
    if rigs.is_empty() {
        checks.push(Check::warn(
            "config.rigs",
            "this town has no rig",
            "in a repository: gtd init",
        ));
    }
    for (rig, folder) in rigs {
        let id = |what: &str| format!("config.{rig}.{what}");
        if !folder.join(".git").exists() {
            checks.push(Check::fail(
                id("folder"),
                format!("{rig}: {} is no repository any more", folder.display()),
                "put it back, or in its new place: gtd init",
            ));
            continue;
        }
        checks.push(Check::good(
            id("folder"),
            format!("{rig}: {}", folder.display()),
        ));
        if let Err(error) = settings::effective(ctx, Some(&rig)) {
            checks.push(Check::fail(
                id("config"),
                format!("{rig}: {}", error.message()),
                "gtd trust",
            ));
            continue;
        }
        if let Some(rules) = rules(ctx, &rig) {
            let name = format!("refs/heads/{}", rules.branch);
            let path = folder.to_string_lossy();
            let there = line_of(
                "git",
                &["-C", &path, "rev-parse", "--verify", "--quiet", &name],
            );
            checks.push(match there {
                Some(_) => Check::good(
                    id("branch"),
                    format!("{rig}: the branch {} is there", rules.branch),
                ),
                None => Check::fail(
                    id("branch"),
                    format!("{rig}: there is no branch {}", rules.branch),
                    format!(
                        "git -C {path} branch {}, or name another in gtd.toml and: gtd trust",
                        rules.branch
                    ),
                ),
            });
        }
        checks.push(match settings::is_trusted(ctx, &rig) {
            Ok(true) => Check::good(
                id("trust"),
                format!("{rig}: the configuration is the trusted one"),
            ),
            Ok(false) => Check::fail(
                id("trust"),
                format!(
                    "{rig}: the configuration changed since it was trusted: no new goal is taken"
                ),
                format!("gtd -C {} trust", folder.display()),
            ),
            Err(error) => Check::fail(
                id("trust"),
                format!("{rig}: {}", error.message()),
                "gtd trust",
            ),
        });
    }
    checks
}

/// Looks whether the program of each gate can be started; runs none of them.
pub(super) fn gates(ctx: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    let passed = settings::effective(ctx, None).map(|config| passed_variables(&config));
    let passed = passed.unwrap_or_default();
    for (rig, folder) in rigs(ctx).unwrap_or_default() {
        let Some(rules) = rules(ctx, &rig) else {
            continue;
        };
        if rules.gates.is_empty() {
            checks.push(Check::warn(
                format!("gates.{rig}"),
                format!("{rig} has no gate: whatever merges lands"),
                "gtd init --gate test=COMMAND, or [[gate]] in gtd.toml and: gtd trust",
            ));
        }
        let runs = rules.gates.iter().map(|gate| gate.run.as_str());
        let missing = detect::missing_roots(runs, &passed, |name| std::env::var(name).ok());
        if !missing.is_empty() {
            let (text, fix) = detect::pass_on(&missing, &passed);
            checks.push(Check::warn(format!("gates.{rig}.env"), text, fix));
        }
        for gate in &rules.gates {
            let id = format!("gates.{rig}.{}", gate.name);
            let word = gate.run.split_whitespace().next().unwrap_or_default();
            let is_plain = word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
            let is_there = !is_plain
                || std::process::Command::new("sh")
                    .args(["-c", "command -v \"$1\" >/dev/null", "sh", word])
                    .current_dir(folder)
                    .status()
                    .is_ok_and(|status| status.success());
            checks.push(match is_there {
                true => Check::good(id, format!("{rig}: gate {} can be started", gate.name)),
                false => Check::fail(
                    id,
                    format!(
                        "{rig}: gate {} wants `{word}`, which is not there (it would end with 127)",
                        gate.name
                    ),
                    format!("install {word}, or change the gate in gtd.toml and: gtd trust"),
                ),
            });
        }
    }
    checks
}

/// Looks whether there is a remote where work is pushed.
fn remote(ctx: &Context, rig: &RigName, folder: &Path) -> Option<Check> {
    let rules = rules(ctx, rig)?.merge.push;
    if rules.branches.is_empty() {
        return None;
    }
    let id = format!("config.{rig}.remote");
    let path = folder.to_string_lossy();
    let url = line_of(
        "git",
        &["-C", &path, "remote", "get-url", "--", rules.remote()],
    );
    let (remote, branches) = (rules.remote(), rules.branches.join(", "));
    Some(match url {
        Some(_) => Check::good(
            id,
            format!("{rig}: {branches} goes to {remote} when it is green"),
        ),
        None => Check::fail(
            id,
            format!("{rig}: {branches} is to be pushed, and there is no remote {remote}"),
            format!("git -C {path} remote add {remote} URL, or merge.push = \"never\""),
        ),
    })
}

/// Looks whether pull requests can be opened, where goals become some by themselves.
fn proposals(ctx: &Context, rig: &RigName) -> Option<Check> {
    let config = settings::effective(ctx, Some(rig)).ok()?;
    if landing(&config, None) != Some("pull-request") {
        return None;
    }
    let id = format!("config.{rig}.gh");
    Some(if program::find("gh").is_none() {
        let text = format!("{rig}: goals become pull requests, and there is no program gh on PATH");
        Check::fail(id, text, "install gh, then: gh auth login")
    } else if ask("gh", &["auth", "status"]).is_none_or(|output| !output.status.success()) {
        let text = format!("{rig}: goals become pull requests, and gh is not logged in");
        Check::fail(id, text, "gh auth login")
    } else {
        Check::good(id, format!("{rig}: gh is there, and logged in"))
    })
}

/// Looks whether the key of the refinery signs without asking anybody.
fn key_of_refinery(ctx: &Context, rig: &RigName) -> Option<Check> {
    let config = settings::effective(ctx, Some(rig)).ok()?;
    let text = |key: &str| config.get(key)?.0.as_str().map(str::to_owned);
    if text("merge.sign").as_deref() != Some("ssh") {
        return None;
    }
    let id = format!("signing.{rig}.refinery");
    let key = text("merge.sign_key").unwrap_or_default();
    let path = match (key.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => key.clone(),
    };
    let fix = "gtd config set merge.sign_key PATH";
    if key.is_empty() || !Path::new(&path).exists() {
        let text = match key.as_str() {
            "" => format!("{rig}: what lands is to be signed, and no key is named"),
            key => format!("{rig}: what lands is to be signed, and there is no key {key}"),
        };
        return Some(Check::fail(id, text, fix));
    }
    let asks_nothing = line_of("ssh-keygen", &["-y", "-P", "", "-f", &path]).is_some();
    let public = if path.ends_with(".pub") {
        path
    } else {
        format!("{path}.pub")
    };
    let public = fs::read_to_string(public).unwrap_or_default();
    let blob = public.split_whitespace().nth(1);
    let held = line_of("ssh-add", &["-L"]).unwrap_or_default();
    let is_held = blob.is_some_and(|blob| held.contains(blob));
    Some(match (asks_nothing, is_held) {
        (true, _) => Check::good(id, format!("{rig}: the refinery signs with {key}")),
        (false, true) => Check::good(
            id,
            format!("{rig}: an agent signs for the refinery with {key}"),
        ),
        (false, false) => Check::fail(
            id,
            format!("{rig}: {key} asks for a passphrase, or no agent holds it: nothing lands"),
            format!("ssh-add {key}, before `gtd up`; or {fix}, to one without a passphrase"),
        ),
    })
}

/// Looks whether a signature in a rig would wait for a passphrase.
pub(super) fn signing(ctx: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    for (rig, folder) in rigs(ctx).unwrap_or_default() {
        checks.extend(key_of_refinery(ctx, &rig));
        let path = folder.to_string_lossy();
        let get =
            |words: &[&str]| line_of("git", &[&["-C", path.as_ref(), "config"], words].concat());
        let id = format!("signing.{rig}");
        let signs = get(&["--type=bool", "--get", "commit.gpgsign"]).as_deref() == Some("true");
        let by_gpg = get(&["--get", "gpg.format"]).is_none_or(|format| format == "openpgp");
        let fix = format!(
            "git -C {path} config commit.gpgsign false, or gpg.format ssh with a key that asks nothing"
        );
        checks.push(match (signs, by_gpg) {
            (false, _) => Check::good(id, format!("{rig}: commits are not signed")),
            (true, false) => Check::good(id, format!("{rig}: commits are signed without gpg")),
            (true, true) if is_cached() => Check::good(id, format!("{rig}: a passphrase of gpg is cached")),
            (true, true) => Check::warn(
                id,
                format!("{rig}: gpg signs, and no passphrase is cached: your own git would ask; gtd's commits are not signed"),
                fix,
            ),
        });
    }
    checks
}

/// Tells whether an agent of gpg that runs holds a passphrase; starts none.
fn is_cached() -> bool {
    let words = ["--no-autostart", "keyinfo --list", "/bye"];
    ask("gpg-connect-agent", &words).is_some_and(|output| {
        // S KEYINFO <grip> <type> <serial> <id> <cached> <protection> …
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .any(|line| line.split_whitespace().nth(6) == Some("1"))
    })
}

/// Looks for the programs of the agents.
pub(super) fn runtimes(ctx: &Context) -> Vec<Check> {
    let config = match settings::effective(ctx, None) {
        Ok(config) => config,
        Err(error) => {
            return vec![Check::fail(
                "runtime.config",
                error.message(),
                "gtd config list",
            )];
        }
    };
    let usable = settings::runtimes(&config).usable;
    let names: Vec<&str> = usable.iter().map(gtd_core::RuntimeName::as_str).collect();
    let mut checks = vec![Check::good(
        "runtime.usable",
        format!("can do work: {}", names.join(" ")),
    )];
    for program in ["claude", "codex", "gemini"] {
        if program::find(program).is_some() {
            checks.push(Check::good(
                format!("runtime.{program}"),
                format!("{program} is on PATH"),
            ));
        }
    }
    checks
}

/// Looks for runs without an end and for worktrees whose folder is gone.
pub(super) fn leftovers(ctx: &Context) -> Vec<Check> {
    let mut stale = Vec::new();
    for entry in fs::read_dir(ctx.places.runs())
        .into_iter()
        .flatten()
        .flatten()
    {
        let folder = entry.path();
        if !folder.is_dir() || folder.join("exit.json").exists() {
            continue;
        }
        let pid = fs::read(folder.join("shim.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .and_then(|shim| shim.get("pid")?.as_i64());
        let lives = pid
            .and_then(|pid| i32::try_from(pid).ok())
            .is_some_and(|pid| {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()
            });
        if !lives {
            stale.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    stale.sort();
    let mut checks = vec![match stale.as_slice() {
        [] => Check::good("leftovers.runs", "every run lives or has ended"),
        [first, ..] => Check::warn(
            "leftovers.runs",
            format!("{} ended without a word, such as {first}", stale.len()),
            "the daemon settles them when it runs: gtd up",
        ),
    }];
    let demos = crate::commands::demo::leftovers();
    if let Some(first) = demos.first() {
        checks.push(Check::warn(
            "leftovers.demos",
            format!(
                "{} demos were killed and left their towns, such as {}",
                demos.len(),
                first.display()
            ),
            "the next one takes them away: gtd demo",
        ));
    }
    for (rig, folder) in rigs(ctx).unwrap_or_default() {
        let path = folder.to_string_lossy();
        let list = line_of("git", &["-C", &path, "worktree", "list", "--porcelain"]);
        let gone = list.map_or(0, |list| {
            list.lines()
                .filter(|line| line.starts_with("prunable"))
                .count()
        });
        let id = format!("leftovers.{rig}.worktrees");
        checks.push(match gone {
            0 => Check::good(id, format!("{rig}: every worktree has its folder")),
            n => Check::warn(
                id,
                format!("{rig}: {n} worktrees have no folder any more"),
                format!("git -C {path} worktree prune"),
            )
            .mended_by(Mend::PruneWorktrees {
                folder: folder.to_owned(),
            }),
        });
    }
    checks
}
