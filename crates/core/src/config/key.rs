//! What a key of the configuration is: what it takes, who may set it, whether anything acts on it.

/// One key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Its path; `*` stands for a name of the user's choice.
    pub(super) path: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// Who may set it.
    pub(super) who: Who,
    /// Whether anything acts on it.
    pub(super) effect: Effect,
    /// What it is for, in a sentence.
    pub(super) doc: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// True or false.
    Bool,
    /// A whole number in a range.
    Integer(i64, i64),
    /// A number in a range, with or without a fraction.
    Number(f64, f64),
    /// A text.
    Text,
    /// A text that says something.
    Script,
    /// A name: lower-case letters, digits and a few marks.
    Name,
    /// The prefix of bead ids.
    Prefix,
    /// A branch of git.
    Branch,
    /// A remote of git, or nothing.
    Remote,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A duration; zero is allowed.
    Duration,
    /// A duration above zero.
    Span,
    /// A number of bytes, `64MiB`.
    Size,
    /// A number of bytes, or a share of all of them.
    SizeOrShare,
    /// A whole number, or a share of all.
    CountOrShare,
    /// A time of day, `07:45`.
    TimeOfDay,
    /// A span of the day, `22:30-07:30`.
    TimesOfDay,
    /// A list of texts.
    Texts,
    /// A list of some words.
    Words(&'static [&'static str]),
    /// A list of whole numbers in a range.
    Integers(i64, i64),
    /// A text, or a program with its arguments.
    TextOrTexts,
    /// A table of texts: environment variables.
    Environment,
    /// Where a secret is found.
    Secret,
    /// A list of tables.
    Rows(&'static [Key]),
}

/// Who may set a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The user and the project.
    Anyone,
    /// The user alone; a repository that sets it is ignored.
    UserOnly,
    /// The project alone.
    ProjectOnly,
    /// Both, but the project at most what the user set.
    AtMostTheUser,
    /// Both, but the project only words that the user has.
    AmongTheUsers,
    /// Both, but the project all words that the user has.
    AllOfTheUsers,
    /// Both, but the project no word behind the user's in this order.
    NotFreer(&'static [&'static str]),
    /// Both, but this word is the user's alone.
    UserOnlyWord(&'static str),
}

/// Whether anything acts on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It has an effect.
    Works,
    /// It is accepted, and nothing acts on it yet.
    Planned,
}

/// Makes a key.
pub(super) const fn key(
    path: &'static str,
    kind: Kind,
    who: Who,
    effect: Effect,
    doc: &'static str,
) -> Key {
    Key {
        path,
        kind,
        who,
        effect,
        doc,
    }
}
