//! What a bug report needs, without names, addresses and secrets.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use serde_json::Value;

use crate::context::Context;

/// How much of the end of the daemon's log is taken.
const TAIL: u64 = 64 * 1024;
/// Beginnings of well-known secrets.
const SECRETS: [&str; 8] = [
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
];
/// Words whose value is nobody's business.
const NAMES: [&str; 5] = ["token", "secret", "password", "apikey", "api_key"];

/// Puts everything into one text.
pub(super) fn bundle(ctx: &Context, checks: &Value) -> String {
    let mut text = format!(
        "gtd {} on {} {}\n\n== checks\n{checks:#}\n\n== places\n{:#}\n\n== the end of the daemon's log\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        ctx.places.to_json(),
    );
    text.push_str(&tail(&ctx.places.logs().join("daemon.log")).unwrap_or_default());
    let home = std::env::var("HOME").unwrap_or_default();
    let user = std::env::var("USER").unwrap_or_default();
    redact(&text, &home, &user)
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line may be half of one.
    Ok(match size > TAIL {
        true => text
            .split_once('\n')
            .map_or_else(String::new, |(_, rest)| rest.to_owned()),
        false => text,
    })
}

/// Takes out who it is and what is secret.
fn redact(text: &str, home: &str, user: &str) -> String {
    let text = match home {
        "" | "/" => text.to_owned(),
        home => text.replace(home, "~"),
    };
    let mut out = String::with_capacity(text.len());
    let mut hide_next = false;
    let is_part = |c: char| c.is_alphanumeric() || "_-@.+".contains(c);
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        if !is_part(first) {
            // A value ends with its line; quotes, spaces and signs stand between a name and it.
            if first == '\n' || first == ',' {
                hide_next = false;
            }
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let low = word.to_ascii_lowercase();
        let is_hex = word.len() >= 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
        if hide_next || is_hex || SECRETS.iter().any(|head| word.starts_with(head)) {
            out.push_str("<hidden>");
        } else if word
            .split_once('@')
            .is_some_and(|(_, host)| host.contains('.'))
        {
            out.push_str("<address>");
        } else if !user.is_empty() && word == user {
            out.push_str("<user>");
        } else {
            out.push_str(word);
        }
        hide_next = NAMES.iter().any(|name| low.ends_with(name))
            && after.trim_start_matches(['"', ' ']).starts_with(['=', ':']);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_secrets_stay_here() {
        let said = "pat in /home/pat/x wrote to pat@example.com with GTD_TOKEN=abc-1 and \
             {\"api_key\": \"zzz\", \"path\": \"kept\"} sk-live-1 \
             0123456789012345678901234567890123456789 tokens: none\n";
        assert_eq!(
            redact(said, "/home/pat", "pat"),
            "<user> in ~/x wrote to <address> with GTD_TOKEN=<hidden> and \
             {\"api_key\": \"<hidden>\", \"path\": \"kept\"} <hidden> <hidden> tokens: none\n"
        );
    }
}
