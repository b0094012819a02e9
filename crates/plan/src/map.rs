//! The map of a repository for whoever plans: what is there, in so many bytes.

use std::{collections::BTreeMap, fmt::Write as _};

/// What was seen of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepoSeen {
    /// The tracked files with their sizes in bytes, by path.
    pub files: Vec<(String, u64)>,
    /// The last commits, newest first: the beginning of the name and the subject.
    pub recent: Vec<String>,
    /// Files with instructions, by path, with their texts.
    pub instructions: Vec<(String, String)>,
}

/// Bytes for the list of files.
const FILES: usize = 12_000;
/// Bytes for the instructions, all files together.
const INSTRUCTIONS: usize = 8_000;
/// Languages that are named.
const LANGUAGES: usize = 6;
/// The deepest that a list of files looks into folders when not all of them fit.
const DEEPEST: usize = 8;

/// Draws the map.
#[must_use]
pub fn repo_map(seen: &RepoSeen) -> String {
    let mut map = format!(
        "{} tracked files. {}\n",
        seen.files.len(),
        kinds(&seen.files)
    );
    write_part(&mut map, "Files", &listing(&seen.files));
    write_part(&mut map, "Last commits", &seen.recent.join("\n"));
    let mut left = INSTRUCTIONS;
    for (path, text) in &seen.instructions {
        let text = cut(text.trim(), left);
        left = left.saturating_sub(text.len());
        write_part(&mut map, path, &text);
    }
    map
}

fn write_part(map: &mut String, title: &str, text: &str) {
    if !text.is_empty() {
        // Writing to a text cannot fail.
        let _ = write!(map, "\n### {title}\n\n{text}\n");
    }
}

/// Says which kinds of files there are, the most frequent first.
fn kinds(files: &[(String, u64)]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, _) in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some((stem, kind)) = name.rsplit_once('.')
            && !stem.is_empty()
        {
            *counts.entry(kind).or_default() += 1;
        }
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(kind, n)| (std::cmp::Reverse(*n), *kind));
    let named: Vec<String> = counts
        .iter()
        .take(LANGUAGES)
        .map(|(kind, n)| format!(".{kind} {n}"))
        .collect();
    named.join(", ")
}

/// Lists the files: all of them, or as deep into folders as there is room for.
fn listing(files: &[(String, u64)]) -> String {
    let all: Vec<String> = files.iter().map(file_line).collect();
    let all = all.join("\n");
    if all.len() <= FILES {
        return all;
    }
    let shallow = (1..=DEEPEST)
        .rev()
        .map(|depth| listing_to(files, depth))
        .find(|list| list.len() <= FILES);
    shallow.unwrap_or_else(|| cut(&listing_to(files, 1), FILES))
}

fn file_line((path, size): &(String, u64)) -> String {
    format!("{path} {size}")
}

/// Lists files of so many names in their path, and says of the folders below how many they hold.
fn listing_to(files: &[(String, u64)], depth: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut deeper: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let mut folder = file.0.match_indices('/').map(|(at, _)| &file.0[..at]);
        match folder.nth(depth - 1) {
            Some(folder) => *deeper.entry(folder.to_owned()).or_default() += 1,
            None => lines.push(file_line(file)),
        }
    }
    let folders = deeper.into_iter().map(|(folder, n)| match n {
        1 => format!("{folder}/ 1 file"),
        n => format!("{folder}/ {n} files"),
    });
    lines.extend(folders);
    lines.sort();
    lines.join("\n")
}

/// Keeps the beginning of a text up to a line's end, and says so.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &text[..end];
    let kept = kept.rsplit_once('\n').map_or(kept, |(lines, _)| lines);
    format!("{kept}\n… cut here, {} bytes more", text.len() - kept.len())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn files(paths: &[&str]) -> Vec<(String, u64)> {
        paths.iter().map(|path| ((*path).to_owned(), 7)).collect()
    }

    #[test]
    fn a_small_repository_is_shown_whole() {
        let seen = RepoSeen {
            files: files(&["AGENTS.md", "src/lib.rs", "src/main.rs"]),
            recent: vec!["1a2b3c4 Add the parser".to_owned()],
            instructions: vec![("AGENTS.md".to_owned(), "Run `make`.\n".to_owned())],
        };
        expect![[r"
            3 tracked files. .rs 2, .md 1

            ### Files

            AGENTS.md 7
            src/lib.rs 7
            src/main.rs 7

            ### Last commits

            1a2b3c4 Add the parser

            ### AGENTS.md

            Run `make`.
        "]]
        .assert_eq(&repo_map(&seen));
    }

    #[test]
    fn a_large_repository_is_shown_as_deep_as_there_is_room() {
        let mut many: Vec<String> = (0..5_000)
            .map(|n| format!("src/part{}/module{}/file{n}.rs", n % 40, n % 7))
            .collect();
        many.push("Cargo.toml".to_owned());
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let list = listing(&files(&many));
        assert!(list.len() <= FILES, "{}", list.len());
        assert!(list.contains("Cargo.toml 7"), "{list}");
        assert!(list.contains("src/part3/module4/ "), "{list}");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        let seen = RepoSeen {
            instructions: vec![
                ("A.md".to_owned(), "one line of many\n".repeat(1_000)),
                ("B.md".to_owned(), "there is no room for this\n".to_owned()),
            ],
            ..RepoSeen::default()
        };
        let map = repo_map(&seen);
        assert!(map.len() < INSTRUCTIONS + 500, "{}", map.len());
        assert!(map.contains("cut here"), "{map}");
    }
}
