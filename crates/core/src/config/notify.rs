//! How a person is told of what needs them, and when.

use std::collections::BTreeSet;

use toml::{Spanned, de::DeValue};

use super::{merge::Config, policies::Policy, value::Value};
use crate::{Diagnostic, Timestamp, Zone, toml_text::TomlText};

/// How a person is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotifyRules {
    /// The ways.
    pub channels: Vec<Channel>,
    /// Minutes of the day between which only what wakes gets through.
    quiet: Option<(u32, u32)>,
    /// Events that are told.
    told: BTreeSet<String>,
    /// Events that get through quiet hours.
    waking: BTreeSet<String>,
}

/// One way in which a person is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// What it is.
    pub way: Way,
    /// The events that it carries; none is all of them.
    pub events: Option<BTreeSet<String>>,
}

/// What a channel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A message on the screen, by `notify-send`.
    Desktop,
    /// A POST, as ntfy takes it.
    Ntfy {
        /// Where to.
        url: String,
        /// Where the token is found.
        token: Option<SecretPlace>,
    },
    /// A program of the person's own, which gets one JSON object on standard input.
    Exec {
        /// The program and its arguments.
        command: Vec<String>,
    },
}

/// Where a secret is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In a variable of the daemon's environment.
    Env(String),
    /// In what a program prints.
    Command(Vec<String>),
    /// In a file.
    File(String),
    /// In a place that this gtd cannot look at.
    Elsewhere,
}

impl Channel {
    /// Returns what the channel is called, to tell it from others.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.way {
            Way::Desktop => "desktop".to_owned(),
            Way::Ntfy { url, .. } => {
                // The end of the address is as good as a password.
                let host = url.split("://").last().unwrap_or(url);
                format!("ntfy {}", host.split('/').next().unwrap_or(host))
            }
            Way::Exec { command } => {
                let program = command.first().map_or("", String::as_str);
                format!("exec {}", program.rsplit('/').next().unwrap_or(program))
            }
        }
    }

    /// Returns what makes it another channel when it changes.
    #[must_use]
    pub fn identity(&self) -> String {
        match &self.way {
            Way::Desktop => "desktop".to_owned(),
            Way::Ntfy { url, .. } => format!("ntfy {url}"),
            Way::Exec { command } => format!("exec {}", command.join(" ")),
        }
    }

    /// Tells whether it carries one of these events.
    #[must_use]
    pub fn carries(&self, events: &[&str]) -> bool {
        let wanted = self.events.as_ref();
        wanted.is_none_or(|wanted| events.iter().any(|event| wanted.contains(*event)))
    }
}

impl NotifyRules {
    /// Tells whether something of these events is told at a moment.
    #[must_use]
    pub fn tells(&self, events: &[&str], now: Timestamp, zone: &Zone) -> bool {
        let has = |set: &BTreeSet<String>| events.iter().any(|event| set.contains(*event));
        if self.is_quiet(now, zone) {
            has(&self.waking)
        } else {
            has(&self.told) || has(&self.waking)
        }
    }

    /// Tells whether one of these events gets through quiet hours.
    #[must_use]
    pub fn wakes(&self, events: &[&str]) -> bool {
        events.iter().any(|event| self.waking.contains(*event))
    }

    /// Tells whether a moment lies in quiet hours; the end of them is not quiet any more.
    #[must_use]
    pub fn is_quiet(&self, now: Timestamp, zone: &Zone) -> bool {
        const DAY: i64 = 24 * 60;
        let Some((from, to)) = self.quiet else {
            return false;
        };
        let minutes = now.0.div_euclid(60_000) + i64::from(zone.offset_s(now)) / 60;
        let minute = u32::try_from(minutes.rem_euclid(DAY)).unwrap_or(0);
        match from <= to {
            true => (from..to).contains(&minute),
            false => minute >= from || minute < to,
        }
    }
}

/// Checks what one value alone cannot tell: that each channel says where it leads.
pub(super) fn check_rows(
    source: &TomlText<'_>,
    rows: &[(Value, &Spanned<DeValue<'_>>)],
) -> Result<(), Diagnostic> {
    for (row, place) in rows {
        let kind = row.get("kind").and_then(Value::as_str);
        let is_program = |list: &[Value]| !list.is_empty();
        let command = row.get("command").and_then(Value::as_list);
        let (what, line) = match kind {
            None => ("this channel has no `kind`", "kind = \"desktop\""),
            Some("ntfy") if row.get("url").is_none() => (
                "this channel has no `url`",
                "url = \"https://ntfy.sh/a-name-that-nobody-guesses\"",
            ),
            Some("exec") if !command.is_some_and(is_program) => (
                "this channel has no `command`",
                "command = [\"/home/you/bin/on-gtd-event\"]",
            ),
            Some(_) => continue,
        };
        return Err(source
            .mistake(place.span(), what)
            .with_help(&format!("add a line such as {line}")));
    }
    Ok(())
}

/// Returns how a person is told, as the policy in effect and the user's channels say.
#[must_use]
pub fn notify_rules(config: &Config) -> NotifyRules {
    let words = |name: &str| {
        let key = Policy::usual(config).key(name);
        let list = key.and_then(|key| config.get(&key)?.0.as_list());
        texts(list.unwrap_or_default()).collect()
    };
    let rows = config
        .get("notify.channel")
        .and_then(|(value, _)| value.as_list());
    let quiet = config
        .get("notify.quiet")
        .and_then(|(value, _)| value.as_str());
    NotifyRules {
        channels: rows
            .unwrap_or_default()
            .iter()
            .filter_map(channel)
            .collect(),
        quiet: quiet.and_then(|text| {
            let (from, to) = text.split_once('-')?;
            Some((minute_of_day(from)?, minute_of_day(to)?))
        }),
        told: words("notify"),
        waking: words("wake_me_for"),
    }
}

fn texts(list: &[Value]) -> impl Iterator<Item = String> + '_ {
    list.iter()
        .filter_map(|word| Some(word.as_str()?.to_owned()))
}

fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    Some(hour.parse::<u32>().ok()? * 60 + minute.parse::<u32>().ok()?)
}

fn channel(row: &Value) -> Option<Channel> {
    let list = |key: &str| row.get(key).and_then(Value::as_list);
    let way = match row.get("kind")?.as_str()? {
        "ntfy" => Way::Ntfy {
            url: row.get("url")?.as_str()?.to_owned(),
            token: row.get("token").map(secret_place),
        },
        "exec" => Way::Exec {
            command: texts(list("command")?).collect(),
        },
        _ => Way::Desktop,
    };
    Some(Channel {
        way,
        events: list("events").map(|events| texts(events).collect()),
    })
}

pub(super) fn secret_place(value: &Value) -> SecretPlace {
    let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let command = value.get("command").and_then(Value::as_list);
    match (text("env"), command, text("file")) {
        (Some(name), _, _) => SecretPlace::Env(name),
        (_, Some(words), _) => SecretPlace::Command(texts(words).collect()),
        (_, _, Some(path)) => SecretPlace::File(path),
        _ => SecretPlace::Elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LayerKind, layer_from_toml};

    const NTFY: &str = "[[notify.channel]]\nkind = \"ntfy\"\nurl = \"https://ntfy.example/gtd-8f3k2\"\ntoken = { env = \"NTFY_TOKEN\" }\n";
    const EXEC: &str = "[[notify.channel]]\nkind = \"exec\"\ncommand = [\"/home/you/bin/tell\", \"-x\"]\nevents = [\"done\"]\n";

    fn rules(text: &str) -> NotifyRules {
        let layer = layer_from_toml(LayerKind::User, "config.toml", text).unwrap();
        notify_rules(&Config::merge([layer]))
    }

    fn at(text: &str) -> Timestamp {
        let hour: i64 = text[..2].parse().unwrap();
        let minute: i64 = text[3..].parse().unwrap();
        Timestamp((hour * 60 + minute) * 60_000)
    }

    #[test]
    fn channels_are_called_without_what_is_secret_of_them() {
        let rules = rules(&format!(
            "{NTFY}{EXEC}[[notify.channel]]\nkind = \"desktop\"\n"
        ));
        let names: Vec<String> = rules.channels.iter().map(Channel::name).collect();
        assert_eq!(names, ["ntfy ntfy.example", "exec tell", "desktop"]);
        let Way::Ntfy { token, .. } = &rules.channels[0].way else {
            panic!("{rules:?}");
        };
        assert_eq!(*token, Some(SecretPlace::Env("NTFY_TOKEN".to_owned())));
        assert!(rules.channels[1].carries(&["needs-you", "done"]));
        assert!(!rules.channels[1].carries(&["needs-you"]));
        assert!(rules.channels[2].carries(&["needs-you"]));
    }

    #[test]
    fn in_quiet_hours_only_that_gets_through_for_which_one_wants_to_be_woken() {
        let text =
            format!("[policy]\ndefault = \"overnight\"\n[notify]\nquiet = \"22:30-07:30\"\n{NTFY}");
        let rules = rules(&text);
        let zone = Zone::utc();
        let tells = |events: &[&str], time: &str| rules.tells(events, at(time), &zone);
        for (time, quiet) in [
            ("22:29", false),
            ("22:30", true),
            ("00:00", true),
            ("07:29", true),
            ("07:30", false),
            ("12:00", false),
        ] {
            assert_eq!(tells(&["needs-you"], time), !quiet, "{time}");
            assert!(tells(&["needs-you", "budget"], time), "{time}");
        }
        assert!(rules.wakes(&["main-red"]));
        assert!(!rules.wakes(&["needs-you"]));
    }

    #[test]
    fn without_quiet_hours_what_the_policy_names_is_told_at_any_time() {
        let rules = rules("");
        let zone = Zone::utc();
        assert!(rules.channels.is_empty());
        assert!(rules.tells(&["done"], at("03:00"), &zone));
        assert!(!rules.tells(&["report"], at("03:00"), &zone));
        let day = super::tests::rules("[notify]\nquiet = \"09:00-17:00\"\n");
        assert!(!day.tells(&["done"], at("12:00"), &zone));
        assert!(day.tells(&["done"], at("17:00"), &zone));
    }
}
