//! Takes secrets out of what a run says, before any of it is on disk.
//!
//! | a secret is | known by |
//! |---|---|
//! | the value of a variable that the run was given, if its name says so | its value, also as JSON writes it |
//! | the value of a variable that came to the shim through a pipe, whatever its name | the same |
//! | a key of a well-known form | its beginning, and what follows it |
//!
//! Output comes in pieces that end anywhere. What could be the beginning of a secret is
//! held back until the next piece shows what it is, which is a few bytes at most unless a
//! secret is under way.

use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::spec::RunSpec;

/// Shorter values are words that stand everywhere.
const SHORTEST: usize = 8;
/// Words in the name of a variable whose value is nobody's business.
const NAMES: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];
/// Beginnings of well-known keys.
const BEGINS: [&str; 14] = [
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxs-",
    "AKIA",
    "ASIA",
    "AIza",
];
/// How many characters follow the beginning of a key at least, and at most.
const FOLLOW: std::ops::RangeInclusive<usize> = 16..=512;
/// What stands in the place of a key of a well-known form.
const KEY: &str = "[redacted]";

/// What is looked for.
#[derive(Debug, Clone)]
struct Secret {
    text: Vec<u8>,
    shown: String,
    /// It is only the beginning, and more characters of a key have to follow.
    begins: bool,
}

/// What to look for in the output of a run.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    finder: AhoCorasick,
    all: Vec<Secret>,
}

impl Secrets {
    /// Finds out what is secret among the variables of a run.
    pub(super) fn of(spec: &RunSpec) -> Self {
        let named = spec.env.iter();
        let named = named.filter(|(name, value)| is_secret(name, value));
        Self::new(named.chain(spec.secrets.get()))
    }

    fn new<'a>(secret: impl Iterator<Item = (&'a String, &'a String)>) -> Self {
        let mut all: Vec<Secret> = Vec::new();
        for (name, value) in secret {
            let escaped = serde_json::Value::from(value.as_str()).to_string();
            let escaped = escaped.trim_matches('"').to_owned();
            let mut forms = vec![value.clone()];
            if escaped != *value {
                forms.push(escaped);
            }
            all.extend(forms.into_iter().map(|form| Secret {
                text: form.into_bytes(),
                shown: format!("[redacted {name}]"),
                begins: false,
            }));
        }
        all.extend(BEGINS.iter().map(|begin| Secret {
            text: begin.as_bytes().to_vec(),
            shown: KEY.to_owned(),
            begins: true,
        }));
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(all.iter().map(|secret| &secret.text))
            .expect("a few short texts make a small automaton");
        Self { finder, all }
    }

    /// Returns how many bytes at the end could be the beginning of a secret.
    fn open_end(&self, bytes: &[u8]) -> usize {
        let open = |secret: &Secret| {
            let most = (secret.text.len() - 1).min(bytes.len());
            (1..=most)
                .rev()
                .find(|n| bytes.ends_with(&secret.text[..*n]))
                .unwrap_or(0)
        };
        self.all.iter().map(open).max().unwrap_or(0)
    }
}

fn is_secret(name: &str, value: &str) -> bool {
    let upper = name.to_uppercase();
    NAMES.iter().any(|word| upper.contains(word))
        // Those name settings of git, not secrets.
        && !upper.starts_with("GIT_CONFIG_")
        && value.len() >= SHORTEST
        // Where a key is kept is no key.
        && !(value.starts_with('/') && Path::new(value).exists())
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// One stream of output, and what of it is held back.
#[derive(Debug)]
pub(super) struct Redactor {
    secrets: Secrets,
    held: Vec<u8>,
    /// The byte before what is held back.
    before: Option<u8>,
}

impl Redactor {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            held: Vec::new(),
            before: None,
        }
    }

    /// Takes a piece and returns what may be written.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.pass(false)
    }

    /// Returns what was held back, since nothing follows.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.pass(true)
    }

    fn pass(&mut self, is_end: bool) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.held);
        let mut clean = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while let Some(found) = self.secrets.finder.find(&bytes[at..]) {
            let (start, mut end) = (at + found.start(), at + found.end());
            let secret = &self.secrets.all[found.pattern().as_usize()];
            // A longer secret that is under way holds this one.
            let open = match is_end {
                true => 0,
                false => self.secrets.open_end(&bytes[at..]),
            };
            let from = bytes.len() - open;
            if open > 0 && from <= start {
                clean.extend_from_slice(&bytes[at..from]);
                return self.hold(&bytes, from, clean);
            }
            if secret.begins {
                let before = match start {
                    0 => self.before,
                    start => Some(bytes[start - 1]),
                };
                let follow = bytes[end..]
                    .iter()
                    .take(*FOLLOW.end())
                    .take_while(|byte| is_of_key(**byte))
                    .count();
                let is_inside = before.is_some_and(is_of_key);
                let goes_on = end + follow == bytes.len() && follow < *FOLLOW.end();
                if !is_inside && goes_on && !is_end {
                    clean.extend_from_slice(&bytes[at..start]);
                    return self.hold(&bytes, start, clean);
                }
                if is_inside || follow < *FOLLOW.start() {
                    clean.extend_from_slice(&bytes[at..end]);
                    at = end;
                    continue;
                }
                end += follow;
            }
            clean.extend_from_slice(&bytes[at..start]);
            clean.extend_from_slice(secret.shown.as_bytes());
            at = end;
        }
        let open = if is_end {
            0
        } else {
            self.secrets.open_end(&bytes[at..])
        };
        let end = bytes.len() - open;
        clean.extend_from_slice(&bytes[at..end]);
        self.hold(&bytes, end, clean)
    }

    /// Holds back what begins at `from`.
    fn hold(&mut self, bytes: &[u8], from: usize, clean: Vec<u8>) -> Vec<u8> {
        if let Some(last) = from.checked_sub(1) {
            self.before = Some(bytes[last]);
        }
        self.held = bytes[from..].to_vec();
        clean
    }
}

#[cfg(test)]
mod tests {
    use gtd_core::RunId;

    use super::*;

    fn redactor() -> Redactor {
        let variables = [
            ("HOUSE_API_KEY", "abc-\"quoted\"-xyz"),
            ("GTD_TOKEN", "token-of-a-lease"),
            ("GIT_CONFIG_KEY_0", "core.hooksPath"),
            ("SSH_KEY", "/dev/null"),
            ("BASE64_SECRET", "/9j4AAQSkZJRg=="),
            ("ODD_SECRET", "xsk-ghp_AKIAsecret"),
            ("SHORT_KEY", "abc"),
            ("LANG", "C.UTF-8-is-long"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let run = RunId::parse("r-1").unwrap();
        let mut spec = RunSpec::new(run, "/bin/true", "/");
        spec.env = variables.into();
        let by_reference = [("HOUSE".to_owned(), "C.UTF-8-by-reference".to_owned())];
        Redactor::new(Secrets::of(&spec.with_secrets(by_reference.into())))
    }

    const SAID: &str = "a token-of-a-lease b abc-\"quoted\"-xyz c {\"k\":\"abc-\\\"quoted\\\"-xyz\"} \
        core.hooksPath /dev/null abc C.UTF-8-is-long disk-usage-monitoring-tool-for-all sk-short \
        key sk-ant-0123456789abcdefghij, ghp_0123456789abcdefghij /9j4AAQSkZJRg== xsk-ghp_AKIAsecret C.UTF-8-by-reference";
    const CLEAN: &str = "a [redacted GTD_TOKEN] b [redacted HOUSE_API_KEY] c {\"k\":\"[redacted HOUSE_API_KEY]\"} \
        core.hooksPath /dev/null abc C.UTF-8-is-long disk-usage-monitoring-tool-for-all sk-short \
        key [redacted], [redacted] [redacted BASE64_SECRET] [redacted ODD_SECRET] [redacted HOUSE]";

    #[test]
    fn secrets_are_taken_out_wherever_a_piece_ends() {
        for size in 1..SAID.len() {
            let mut redactor = redactor();
            let mut clean = Vec::new();
            for piece in SAID.as_bytes().chunks(size) {
                clean.extend(redactor.take(piece));
            }
            clean.extend(redactor.finish());
            assert_eq!(String::from_utf8(clean).unwrap(), CLEAN, "pieces of {size}");
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_held_back() {
        let mut redactor = redactor();
        assert_eq!(redactor.take(b"Continue? [y/n] "), b"Continue? [y/n] ");
        assert_eq!(redactor.take(b"50 %\r"), b"50 %\r");
        assert_eq!(redactor.take(b"now token-of-"), b"now ");
        assert_eq!(redactor.take(b"course\n"), b"token-of-course\n");
    }
}
