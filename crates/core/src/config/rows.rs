//! What all lists of tables have in common, such as `[[gate]]` and `[[schedule]]`.

use std::ops::Range;

use crate::{Diagnostic, toml_text::TomlText};

/// Says that two rows have one name, at the second, with the line of the first.
pub(super) fn two_of_a_name(
    source: &TomlText<'_>,
    kind: &str,
    name: &str,
    first: Range<usize>,
    second: Range<usize>,
) -> Diagnostic {
    let line = source.mistake(first, "").line;
    source
        .mistake(second, &format!("two {kind} have the name `{name}`"))
        .with_help(&format!("the first one is in line {line}; rename one"))
}
