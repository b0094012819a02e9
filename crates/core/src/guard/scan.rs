//! What a file of code says about tests: the tests in it, and what they and their helpers assert.

use super::{
    go,
    language::{Language, is_test_path},
    lex::{Code, arguments, close_of, code_of, is_word, line_of, skip_space, squeezed, words},
    python, rust, script,
};

/// How much an assertion says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// It is true whatever happens.
    Empty,
    /// It leaves many values open.
    Loose,
    /// It says what is wanted.
    Exact,
}

/// One assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assertion {
    pub(super) line: u32,
    pub(super) text: String,
    pub(super) strength: Strength,
    /// How many it stands for: a helper may make several.
    pub(super) stands_for: usize,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TestCase {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) is_skipped: bool,
    pub(super) is_focused: bool,
    pub(super) assertions: Vec<Assertion>,
    /// Its lines, without white space, for a likeness.
    pub(super) body: Vec<String>,
}

impl TestCase {
    pub(super) fn n_assertions(&self) -> usize {
        self.assertions.iter().map(|one| one.stands_for).sum()
    }

    pub(super) fn n_of(&self, strength: Strength) -> usize {
        let same = self
            .assertions
            .iter()
            .filter(|one| one.strength == strength);
        same.count()
    }
}

/// Where a test is in a file.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    /// Where its line is.
    pub(super) at: usize,
    /// From where to where it reaches.
    pub(super) body: (usize, usize),
    pub(super) is_skipped: bool,
    pub(super) is_focused: bool,
}

/// A function of a test file that asserts and is no test.
#[derive(Debug, Clone)]
pub(super) struct Helper {
    pub(super) name: String,
    pub(super) n_assertions: usize,
}

/// What one file says.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) path: String,
    pub(super) tests: Vec<TestCase>,
    pub(super) helpers: Vec<Helper>,
}

/// One file, before its helpers are known.
pub(super) struct Source<'a> {
    path: &'a str,
    text: &'a str,
    code: Code,
    language: Language,
    places: Vec<Place>,
    asserted: Vec<(usize, Assertion)>,
}

impl<'a> Source<'a> {
    pub(super) fn read(path: &'a str, text: &'a str) -> Option<Self> {
        let language = Language::of(path)?;
        let code = code_of(text, language);
        let places = match language {
            Language::Rust => rust::tests(&code),
            Language::Python => python::tests(&code),
            Language::Script => script::tests(text, &code),
            Language::Go if path.ends_with("_test.go") => go::tests(&code),
            Language::Go => Vec::new(),
        };
        let asserted = asserted(text, &code, language);
        Some(Self {
            path,
            text,
            code,
            language,
            places,
            asserted,
        })
    }

    fn place_of(&self, at: usize) -> Option<usize> {
        let holds = |place: &Place| place.body.0 <= at && at < place.body.1;
        self.places.iter().rposition(holds)
    }

    /// Lists the functions that assert and are no tests.
    pub(super) fn helpers(&self) -> Vec<Helper> {
        let mut found: Vec<Helper> = Vec::new();
        if !is_test_path(self.path) && self.places.is_empty() {
            return found;
        }
        let is_for_tests = is_test_path(self.path);
        let first = self.places.first().map_or(usize::MAX, |place| place.at);
        for (at, _) in &self.asserted {
            // In a file that is no test by its path, what is before the tests is the work itself.
            if self.place_of(*at).is_some() || (!is_for_tests && *at < first) {
                continue;
            }
            let name = enclosing(&self.code, *at, self.language).unwrap_or_default();
            match found.iter_mut().find(|helper| helper.name == name) {
                Some(helper) => helper.n_assertions += 1,
                None => found.push(Helper {
                    name,
                    n_assertions: 1,
                }),
            }
        }
        found
    }

    /// Reads the tests, with what the helpers that they call assert for them.
    pub(super) fn scan(&self, helpers: &[Helper]) -> Scan {
        let mut tests: Vec<TestCase> = self
            .places
            .iter()
            .map(|place| TestCase {
                name: place.name.clone(),
                line: line_of(self.text, place.at),
                is_skipped: place.is_skipped,
                is_focused: place.is_focused,
                assertions: Vec::new(),
                body: lines(self.text, place.body),
            })
            .collect();
        for (at, assertion) in &self.asserted {
            if let Some(test) = self.place_of(*at) {
                tests[test].assertions.push(assertion.clone());
            }
        }
        for (at, name) in words(&self.code) {
            if self.code.as_bytes().get(at + name.len()) != Some(&b'(') {
                continue;
            }
            let Some(test) = self.place_of(at) else {
                continue;
            };
            let is_counted = self
                .asserted
                .binary_search_by_key(&at, |(at, _)| *at)
                .is_ok();
            let helper = helpers.iter().find(|helper| helper.name == name);
            let n = helper.map_or(usize::from(sounds_like_one(name)), |h| h.n_assertions);
            let is_defined = at == self.places[test].at;
            if is_counted || is_defined || n == 0 {
                continue;
            }
            let open = at + name.len();
            let end = (close_of(&self.code, open) + 1).min(self.text.len());
            tests[test].assertions.push(Assertion {
                line: line_of(self.text, at),
                text: squeezed(&self.text[at..end]),
                strength: Strength::Exact,
                stands_for: n,
            });
        }
        Scan {
            path: self.path.to_owned(),
            tests,
            helpers: self.helpers(),
        }
    }
}

/// Tells whether a function asserts, by its name alone.
fn sounds_like_one(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let begins = ["assert", "check", "expect", "verify", "ensure", "require"];
    // Those that are known are counted already, or are values to compare with.
    !matches!(name.as_str(), "expect" | "assert" | "require" | "check")
        && begins.iter().any(|begin| name.starts_with(begin))
        || name == "check"
}

/// Takes the lines of a test without what names it.
fn lines(text: &str, (begin, end): (usize, usize)) -> Vec<String> {
    let body = text.get(begin..end.min(text.len())).unwrap_or("");
    let after = ["=>", "{", ":"]
        .iter()
        .find_map(|sign| body.split_once(sign));
    let body = match body.split_once('\n') {
        Some((_, rest)) => rest,
        None => after.map_or("", |(_, rest)| rest),
    };
    let lines = body
        .lines()
        .map(|line| line.split_whitespace().collect::<String>());
    lines.filter(|line| line.len() > 1).collect()
}

/// Finds the name of the function around a place.
fn enclosing(code: &str, at: usize, language: Language) -> Option<String> {
    /// A function that is longer is not looked for, in bytes.
    const LONGEST: usize = 20_000;
    let keywords: &[&str] = match language {
        Language::Rust => &["fn", "macro_rules"],
        Language::Python => &["def"],
        Language::Script => &["function", "const"],
        Language::Go => &["func"],
    };
    let from = code.floor_char_boundary(at.saturating_sub(LONGEST));
    let before: Vec<(usize, &str)> = words(&code[from..at]).collect();
    let mut names = before.windows(2).rev();
    let found = names.find(|pair| keywords.contains(&pair[0].1))?;
    Some(found[1].1.to_owned())
}

/// Lists the assertions of a file, each with its place.
fn asserted(text: &str, code: &Code, language: Language) -> Vec<(usize, Assertion)> {
    let mut found = Vec::new();
    let mut until = 0;
    for (at, word) in words(code) {
        // What is within an assertion is a part of it.
        if at < until {
            continue;
        }
        let call = Call::at(code, at, word);
        let told = match language {
            Language::Rust => rust::assertion(&call),
            Language::Python => python::assertion(&call),
            Language::Script => script::assertion(&call),
            Language::Go => go::assertion(&call),
        };
        let Some((strength, end)) = told else {
            continue;
        };
        let end = end.clamp(at + word.len(), text.len());
        let is_empty = strength == Strength::Empty || call.is_about_nothing(text);
        until = end;
        found.push((
            at,
            Assertion {
                line: line_of(text, at),
                text: squeezed(text.get(call.begin()..end).unwrap_or(word)),
                strength: if is_empty { Strength::Empty } else { strength },
                stands_for: 1,
            },
        ));
    }
    found
}

/// A name in code and what stands around it.
pub(super) struct Call<'a> {
    pub(super) code: &'a Code,
    pub(super) at: usize,
    pub(super) word: &'a str,
}

impl<'a> Call<'a> {
    fn at(code: &'a Code, at: usize, word: &'a str) -> Self {
        Self { code, at, word }
    }

    /// Tells whether this byte stands right before the name.
    pub(super) fn is_after(&self, byte: u8) -> bool {
        self.at > 0 && self.code.as_bytes()[self.at - 1] == byte
    }

    /// Returns the name before the dot that stands before this one.
    pub(super) fn receiver(&self) -> &'a str {
        if !self.is_after(b'.') {
            return "";
        }
        let before = &self.code[..self.at - 1];
        let begin = before
            .bytes()
            .rposition(|byte| !is_word(byte))
            .map_or(0, |at| at + 1);
        &before[begin..]
    }

    /// Tells where it begins, with what stands before its dot.
    fn begin(&self) -> usize {
        match self.receiver() {
            "" => self.at,
            receiver => self.at - 1 - receiver.len(),
        }
    }

    /// Finds the bracket that opens right after the name, or after an exclamation mark.
    pub(super) fn open(&self) -> Option<usize> {
        let end = self.at + self.word.len();
        let bytes = self.code.as_bytes();
        let end = if bytes.get(end) == Some(&b'!') {
            end + 1
        } else {
            end
        };
        let open = skip_space(self.code, end);
        matches!(bytes.get(open), Some(b'(' | b'[' | b'{')).then_some(open)
    }

    /// Tells whether an exclamation mark follows.
    pub(super) fn is_macro(&self) -> bool {
        self.code.as_bytes().get(self.at + self.word.len()) == Some(&b'!')
    }

    /// Tells where the call ends.
    pub(super) fn end(&self) -> Option<usize> {
        Some((close_of(self.code, self.open()?) + 1).min(self.code.len()))
    }

    /// Returns what stands between the brackets of the call.
    pub(super) fn inside(&self) -> &'a str {
        let Some(open) = self.open() else { return "" };
        let close = close_of(self.code, open);
        self.code.get(open + 1..close).unwrap_or("")
    }

    /// Tells whether both sides of it say the same, or its one side is a constant.
    fn is_about_nothing(&self, text: &str) -> bool {
        let constant = |text: &str| {
            let text = text.trim().trim_start_matches('(').trim_end_matches(')');
            matches!(text, "true" | "True" | "1" | "!false" | "not False")
        };
        let same = |left: &str, right: &str| {
            let (left, right) = (squeezed(left), squeezed(right));
            !left.is_empty() && left == right && !left.contains('(')
        };
        // `assert x == y` of Python, where a bracket may begin what is compared.
        let is_statement = self.word == "assert"
            && self.code.as_bytes().get(self.at + self.word.len()) == Some(&b' ');
        let Some(open) = self.open().filter(|_| !is_statement) else {
            return self.is_plain_statement_about_nothing(text, constant, same);
        };
        let close = close_of(self.code, open);
        let parts = arguments(self.code, open, close);
        let part = |at: usize| parts.get(at).and_then(|(b, e)| text.get(*b..*e));
        let is_of_go = matches!(self.receiver(), "assert" | "require");
        let (first, second) = match is_of_go && part(0).is_some_and(|p| p.trim() == "t") {
            true => (part(1), part(2)),
            false => (part(0), part(1)),
        };
        // `expect(true).toBe(true)`: the other side stands in the next call.
        let next = chained(self.code, close + 1);
        if self.word == "expect" {
            let Some((_, open, close)) = next else {
                return false;
            };
            let wanted = text.get(open + 1..close).unwrap_or("");
            return first.is_some_and(|first| {
                same(first, wanted) || (constant(first) && wanted.trim().is_empty())
            });
        }
        match (first, second) {
            (Some(only), None) => self.is_a_comparison_of_the_same(only, constant, same),
            (Some(left), Some(right)) if self.compares_two() => same(left, right),
            (Some(left), Some(_)) => self.is_a_comparison_of_the_same(left, constant, same),
            _ => false,
        }
    }

    fn compares_two(&self) -> bool {
        let word = self.word.to_ascii_lowercase();
        ["eq", "equal", "is", "same"]
            .iter()
            .any(|end| word.ends_with(end))
            || word.contains("equal")
    }

    fn is_a_comparison_of_the_same(
        &self,
        text: &str,
        constant: impl Fn(&str) -> bool,
        same: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let is_true = constant(text) && !self.word.to_ascii_lowercase().contains("false");
        let sides = ["===", "=="]
            .into_iter()
            .find_map(|sign| text.split_once(sign));
        let either = ["|| true", "or True", "|| 1"]
            .iter()
            .any(|end| text.trim().ends_with(end));
        is_true || either || sides.is_some_and(|(left, right)| same(left, right))
    }

    fn is_plain_statement_about_nothing(
        &self,
        text: &str,
        constant: impl Fn(&str) -> bool,
        same: impl Fn(&str, &str) -> bool,
    ) -> bool {
        let begin = self.at + self.word.len();
        let end = python::end_of_statement(self.code, begin);
        let said = text.get(begin..end).unwrap_or("");
        let said = said.split(", ").next().unwrap_or(said);
        self.is_a_comparison_of_the_same(said, constant, same)
    }
}

/// Finds the last call of a chain that goes on at a place: `.not.toBe(1)`.
pub(super) fn chained(code: &Code, at: usize) -> Option<(&str, usize, usize)> {
    let mut at = at;
    loop {
        let dot = skip_space(code, at);
        if code.as_bytes().get(dot) != Some(&b'.') {
            return None;
        }
        let begin = dot + 1;
        let (from, word) = words(code.get(begin..)?).next()?;
        if from != 0 {
            return None;
        }
        let end = begin + word.len();
        if code.as_bytes().get(end) == Some(&b'(') {
            return Some((word, end, close_of(code, end)));
        }
        at = end;
    }
}
