//! How a notice is given to a channel: as arguments, as an object on its input, or as a post.

use std::{collections::BTreeMap, path::Path};

use gtd_agent::{RunSpec, Runs, Stdin, runtime::BaseEnv};
use gtd_client::Places;
use gtd_core::{
    API, Notice, RunId,
    config::{Channel, NotifyRules, SecretPlace, Way},
};

use super::{CHANNEL, LIMIT};
use crate::{HostError, hands::passed_on};

/// The variables by which a program finds the person's screen.
const SCREEN: [&str; 4] = [
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
];

/// Says how a notice is given to a channel.
pub(super) fn order(
    places: &Places,
    runs: &Runs,
    rules: &NotifyRules,
    channel: &Channel,
    notice: &Notice,
    run: &RunId,
) -> Result<RunSpec, HostError> {
    let folder = runs.run_dir(run);
    let mut spec = RunSpec::new(run.clone(), "/bin/sh", &folder);
    spec.env = BaseEnv::of_this_process().variables();
    spec.env.extend(passed_on(places)?);
    let of_screen = SCREEN.iter().map(|&name| (name, std::env::var(name)));
    let of_screen = of_screen.filter_map(|(name, value)| Some((name.to_owned(), value.ok()?)));
    spec.env.extend(of_screen);
    spec.limit_ms = Some(u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX));
    spec.labels = BTreeMap::from([(CHANNEL.to_owned(), channel.name())]);
    match &channel.way {
        Way::Desktop => {
            spec.program = "notify-send".into();
            let title = format!("gtd: {}", one_line(&notice.title));
            spec.args = vec![
                "--app-name=gtd".to_owned(),
                "--".to_owned(),
                title,
                notice.body(),
            ];
        }
        Way::Exec { command } => {
            let (program, args) = command.split_first().expect("a checked configuration");
            spec.program = program.into();
            spec.args = args.to_vec();
            let event = "event.json".to_owned();
            spec.files.insert(event.clone(), event_of(notice));
            spec.stdin = Stdin::File(event);
        }
        Way::Ntfy { url, token } => {
            let is_urgent = rules.wakes(&notice.events());
            spec.files.insert("body.txt".to_owned(), notice.body());
            let said = curl_config(url, notice, is_urgent, &folder);
            spec.files.insert("curl.conf".to_owned(), said);
            let script = post(token.as_ref(), &mut spec.env);
            spec.files.insert("post.sh".to_owned(), script);
            spec.args = vec![folder.join("post.sh").to_string_lossy().into_owned()];
        }
    }
    Ok(spec)
}

/// Writes the notice as one JSON object.
fn event_of(notice: &Notice) -> String {
    let mut event = serde_json::to_value(notice).expect("names and numbers are JSON");
    event["kind"] = "Notice".into();
    event["api"] = API.into();
    format!("{event}\n")
}

/// Says to curl what is posted where, in a file: an address is as good as a password, and what
/// stands on a command line can be seen by everybody.
fn curl_config(url: &str, notice: &Notice, is_urgent: bool, folder: &Path) -> String {
    let body = folder.join("body.txt");
    let title = format!("Title: gtd: {}", one_line(&notice.title));
    let mut lines = vec![
        "silent".to_owned(),
        "show-error".to_owned(),
        "fail".to_owned(),
        "max-time = 20".to_owned(),
        format!("url = {}", curl_quoted(url)),
        format!("header = {}", curl_quoted(&title)),
        format!(
            "data-binary = {}",
            curl_quoted(&format!("@{}", body.display()))
        ),
    ];
    if is_urgent {
        lines.push("header = \"Priority: high\"".to_owned());
    }
    lines.join("\n") + "\n"
}

/// Writes the script that posts, with the token from where it is.
fn post(token: Option<&SecretPlace>, env: &mut BTreeMap<String, String>) -> String {
    const NAME: &str = "GTD_NOTIFY_TOKEN";
    let find = match token {
        None => return "exec curl --config curl.conf\n".to_owned(),
        Some(SecretPlace::Env(name)) => {
            env.insert(NAME.to_owned(), std::env::var(name).unwrap_or_default());
            format!("printf '%s' \"${NAME}\"")
        }
        Some(SecretPlace::Command(words)) => {
            let words: Vec<String> = words.iter().map(|word| sh_quoted(word)).collect();
            words.join(" ")
        }
        Some(SecretPlace::File(path)) => format!("cat {}", sh_quoted(path)),
        Some(SecretPlace::Elsewhere) => {
            "echo 'the token is in a keyring, which this gtd cannot open' >&2; exit 1".to_owned()
        }
    };
    format!(
        "set -eu\ntoken() {{\n    {find}\n}}\nsecret=$(token)\n\
         test -n \"$secret\" || {{ echo 'its token is empty' >&2; exit 1; }}\n\
         {{\n    cat curl.conf\n    printf 'header = \"Authorization: Bearer %s\"\\n' \"$secret\"\n\
         }} | curl --config -\n"
    )
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn curl_quoted(text: &str) -> String {
    let escaped = one_line(text).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

fn sh_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use gtd_core::Timestamp;

    use super::*;

    fn notice(title: &str) -> Notice {
        Notice {
            title: title.to_owned(),
            ..Notice::trial(Timestamp(0))
        }
    }

    #[test]
    fn what_curl_is_told_holds_whatever_a_title_says() {
        let told = curl_config(
            "https://ntfy.example/x",
            &notice("a \"b\"\n\\c"),
            true,
            Path::new("/runs/r"),
        );
        assert!(
            told.contains("header = \"Title: gtd: a \\\"b\\\" \\\\c\"\n"),
            "{told}"
        );
        assert!(
            told.contains("data-binary = \"@/runs/r/body.txt\"\n"),
            "{told}"
        );
        assert!(told.ends_with("header = \"Priority: high\"\n"), "{told}");
    }

    #[test]
    fn a_program_of_the_persons_own_gets_one_object() {
        let event: serde_json::Value = serde_json::from_str(&event_of(&notice("x"))).unwrap();
        assert_eq!(event["kind"], "Notice");
        assert_eq!(event["type"], "test");
        assert_eq!(event["title"], "x");
    }

    #[test]
    fn a_token_never_stands_in_the_script() {
        let mut env = BTreeMap::new();
        let words = ["pass".to_owned(), "it's".to_owned()];
        let script = post(Some(&SecretPlace::Command(words.to_vec())), &mut env);
        assert!(script.contains("    'pass' 'it'\\''s'\n"), "{script}");
        assert!(env.is_empty());
        let script = post(
            Some(&SecretPlace::Env("NOT_SET_AT_ALL".to_owned())),
            &mut env,
        );
        assert!(script.contains("\"$GTD_NOTIFY_TOKEN\""), "{script}");
        assert_eq!(env["GTD_NOTIFY_TOKEN"], "");
    }
}
