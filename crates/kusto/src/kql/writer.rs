//! The pen: takes fixed words of this source as they are, and everything else quoted.

use std::ops::Range;

use kusto_copy_core::vocabulary::{ExtentId, OperationId, Ticks};

use super::literal::{datetime_text, escape, timespan_text};
use super::{Purpose, Text};
use crate::secret::Secret;

/// Builds one [`Text`]. Words are `&'static str`, so no data can get in unquoted.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
    hidden: Vec<Range<usize>>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Fixed words.
    pub(crate) fn words(&mut self, words: &'static str) -> &mut Self {
        self.text.push_str(words);
        self
    }

    /// An entity's name: `['…']`.
    pub(crate) fn name(&mut self, name: &str) -> &mut Self {
        self.text.push_str("['");
        self.text.push_str(&escape(name));
        self.text.push_str("']");
        self
    }

    /// A string: `'…'`.
    pub(crate) fn string(&mut self, value: &str) -> &mut Self {
        self.text.push('\'');
        self.text.push_str(&escape(value));
        self.text.push('\'');
        self
    }

    /// A secret: `h'…'`, which clusters keep out of their logs.
    pub(crate) fn secret(&mut self, value: &Secret) -> &mut Self {
        self.text.push_str("h'");
        let start = self.text.len();
        self.text.push_str(&escape(value.expose()));
        self.hidden.push(start..self.text.len());
        self.text.push('\'');
        self
    }

    /// `datetime(…)` with seven digits.
    pub(crate) fn datetime(&mut self, value: Ticks) -> &mut Self {
        self.text.push_str("datetime(");
        self.text.push_str(&datetime_text(value));
        self.text.push(')');
        self
    }

    /// A datetime as a string, as ingestion properties take it.
    pub(crate) fn datetime_string(&mut self, value: Ticks) -> &mut Self {
        self.string(&datetime_text(value))
    }

    /// A timespan of at least one tick.
    pub(crate) fn timespan(&mut self, ticks: i64) -> &mut Self {
        self.text.push_str(&timespan_text(ticks.max(1)));
        self
    }

    pub(crate) fn number(&mut self, value: u64) -> &mut Self {
        self.text.push_str(&value.to_string());
        self
    }

    /// A position in a list, as part of a word or as a number.
    pub(crate) fn index(&mut self, value: usize) -> &mut Self {
        self.text.push_str(&value.to_string());
        self
    }

    /// An extent in a query: `guid(…)`.
    pub(crate) fn guid(&mut self, id: &ExtentId) -> &mut Self {
        self.text.push_str("guid(");
        self.text.push_str(id.as_str());
        self.text.push(')');
        self
    }

    /// An operation in a query: `guid(…)`.
    pub(crate) fn operation_guid(&mut self, id: &OperationId) -> &mut Self {
        self.text.push_str("guid(");
        self.text.push_str(id.as_str());
        self.text.push(')');
        self
    }

    /// An extent in a command's list: bare.
    pub(crate) fn extent(&mut self, id: &ExtentId) -> &mut Self {
        self.text.push_str(id.as_str());
        self
    }

    /// An operation in a command: bare.
    pub(crate) fn operation(&mut self, id: &OperationId) -> &mut Self {
        self.text.push_str(id.as_str());
        self
    }

    /// Items with a separator between them.
    pub(crate) fn list<T>(
        &mut self,
        separator: &'static str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.words(separator);
            }
            write(self, item);
        }
        self
    }

    /// A table in a query. `table()` prefers the table over a function of the same name, and
    /// `'all'` overrides a scope of hot data only.
    pub(crate) fn table(&mut self, name: &str) -> &mut Self {
        self.words("table(").string(name).words(", 'all')")
    }

    pub(crate) fn finish(
        &mut self,
        purpose: Purpose,
        what: &'static str,
        parser_kind: &'static str,
    ) -> Text {
        Text {
            text: std::mem::take(&mut self.text),
            hidden: std::mem::take(&mut self.hidden),
            purpose,
            what,
            parser_kind,
        }
    }

    /// A short query.
    pub(crate) fn query(&mut self, what: &'static str) -> Text {
        self.finish(Purpose::Query, what, "Query")
    }

    /// A query over much data.
    pub(crate) fn long_query(&mut self, what: &'static str) -> Text {
        self.finish(Purpose::LongQuery, what, "Query")
    }

    /// A `.show` command.
    pub(crate) fn show(&mut self, what: &'static str, parser_kind: &'static str) -> Text {
        self.finish(Purpose::Show, what, parser_kind)
    }

    /// A command that may be repeated.
    pub(crate) fn change(&mut self, what: &'static str, parser_kind: &'static str) -> Text {
        self.finish(Purpose::Change, what, parser_kind)
    }
}

#[cfg(test)]
mod tests {
    use super::Writer;
    use crate::secret::Secret;

    #[test]
    fn secrets_are_sent_and_never_shown() {
        let text = Writer::new()
            .words(".x (")
            .secret(&Secret::new("https://a/b?sig=it's"))
            .words(", ")
            .secret(&Secret::new("k"))
            .words(")")
            .show("x", "X");
        assert_eq!(text.expose(), r".x (h'https://a/b?sig=it\'s', h'k')");
        assert_eq!(text.to_string(), ".x (h'***', h'***')");
        assert_eq!(format!("{text:?}"), ".x (h'***', h'***')");
        assert_eq!(
            text.secrets().collect::<Vec<_>>(),
            [r"https://a/b?sig=it\'s", "k"]
        );
    }
}
