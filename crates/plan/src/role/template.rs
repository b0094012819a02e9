//! The text of a prompt and where it stands, so that a mistake in it has a line.

use std::{ops::Range, sync::Arc};

use gtd_core::Diagnostic;
use serde::Serialize;

/// A prompt before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// The file that holds it.
    file: String,
    /// The template.
    text: Arc<str>,
    #[serde(skip)]
    place: Place,
}

/// Where a template stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// It is the whole file.
    File,
    /// It stands in a role file, letter by letter, from this byte on.
    Verbatim(Arc<str>, usize),
    /// It stands in a role file with escapes; only the value can be pointed at.
    Escaped(Arc<str>, Range<usize>),
}

impl Template {
    /// Takes a whole file.
    pub(super) fn of_file(file: &str, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: Arc::from(text),
            place: Place::File,
        }
    }

    /// Takes the value at `span` of a role file.
    pub(super) fn within(file: &str, all: &str, span: Range<usize>, text: &str) -> Self {
        let value = all.get(span.clone()).unwrap_or_default();
        let place = match value.find(text) {
            Some(at) => Place::Verbatim(Arc::from(all), span.start + at),
            None => Place::Escaped(Arc::from(all), span),
        };
        Self {
            file: file.to_owned(),
            text: Arc::from(text),
            place,
        }
    }

    /// Returns the file that holds it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the template.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Points at bytes of the template.
    pub(super) fn mistake(&self, span: Range<usize>, message: &str) -> Diagnostic {
        match &self.place {
            Place::File => Diagnostic::at(&self.file, &self.text, span, message),
            Place::Verbatim(all, from) => {
                let span = span.start + from..span.end + from;
                Diagnostic::at(&self.file, all, span, message)
            }
            Place::Escaped(all, value) => Diagnostic::at(&self.file, all, value.clone(), message),
        }
    }

    /// Points at a line of the template, from 1.
    pub(super) fn mistake_in_line(&self, line: Option<usize>, message: &str) -> Diagnostic {
        let mut start = 0;
        for (number, text) in self.text.split_inclusive('\n').enumerate() {
            if line == Some(number + 1) {
                let indent = text.len() - text.trim_start().len();
                return self.mistake(start + indent..start + text.trim_end().len(), message);
            }
            start += text.len();
        }
        self.mistake(0..0, message)
    }
}
