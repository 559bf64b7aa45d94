//! The one writer of queries and management commands. Nothing else in the project makes KQL.
//!
//! A [`Text`] is put together from fixed words of this source and from names and values that the
//! [writer](writer) quotes, so that no table, column, tag or path can change a command's meaning.
//! The functions are pure; each doc gives the reference's letter of its text.

pub mod changes;
mod columns;
pub mod cursor;
pub mod encoding;
pub mod export;
pub mod extents;
pub mod ingest;
pub mod literal;
pub mod moves;
pub mod names;
pub mod operations;
pub mod owners;
pub mod planning;
mod predicate;
pub mod preflight;
pub mod staging;
pub mod tables;
pub mod tags;
pub mod values;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

pub(crate) use writer::Writer;

/// Which endpoint takes a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/rest/mgmt`, for texts that begin with a dot.
    Management,
    /// `/v2/rest/query`.
    Query,
}

/// What may happen when a text is sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is changed: repeated on passing faults.
    Read,
    /// Twice is as good as once: repeated on passing faults, lost answers included.
    Idempotent,
    /// Never sent twice by this crate.
    Once,
}

/// What a text is for: decides its endpoint, its request options and its repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A query of moments.
    Query,
    /// A query over much data: planning, fingerprints.
    LongQuery,
    /// A `.show` command.
    Show,
    /// A command that may be repeated.
    Change,
    /// A command that starts an operation and answers at once; `.export`, `.ingest`, `.move`.
    Start,
    /// The same, answering when it is done.
    Run,
    /// An export that starts an operation: reads source data.
    StartExport,
    /// An export that answers when it is done.
    RunExport,
}

impl Purpose {
    /// Which endpoint takes it.
    #[must_use]
    pub const fn endpoint(self) -> Endpoint {
        match self {
            Self::Query | Self::LongQuery => Endpoint::Query,
            Self::Show
            | Self::Change
            | Self::Start
            | Self::Run
            | Self::StartExport
            | Self::RunExport => Endpoint::Management,
        }
    }

    /// Whether it may be sent again.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self {
            Self::Query | Self::LongQuery | Self::Show => Effect::Read,
            Self::Change => Effect::Idempotent,
            Self::Start | Self::Run | Self::StartExport | Self::RunExport => Effect::Once,
        }
    }
}

/// A query or management command, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    text: String,
    hidden: Vec<Range<usize>>,
    purpose: Purpose,
    what: &'static str,
    parser_kind: &'static str,
}

impl Text {
    /// The text as it is sent, secrets included: never print it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// What it asks, in a few words for people.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// The kind that Microsoft's parser reports for it: `Query`, or the command's.
    #[must_use]
    pub const fn parser_kind(&self) -> &'static str {
        self.parser_kind
    }

    /// The secrets in the text, as written there.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.hidden
            .iter()
            .filter_map(|range| self.text.get(range.clone()))
    }
}

impl fmt::Display for Text {
    /// The text with its secrets blotted out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        for range in &self.hidden {
            f.write_str(self.text.get(at..range.start).unwrap_or_default())?;
            f.write_str("***")?;
            at = range.end;
        }
        f.write_str(self.text.get(at..).unwrap_or_default())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
