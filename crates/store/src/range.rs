//! Which rows of a partition a listing takes.

use crate::key::{KeyError, Row, encode_below, encode_part};

/// Rows from one bound up to, without, another, in the order of their encoded text (byte by
/// byte). A missing bound is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowRange {
    from: Option<String>,
    to: Option<String>,
}

impl RowRange {
    /// Every row of the partition.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The half-open range `[from, to)`; `None` is open on that side.
    #[must_use]
    pub fn between(from: Option<&Row>, to: Option<&Row>) -> Self {
        Self {
            from: from.map(|row| row.as_str().to_owned()),
            to: to.map(|row| row.as_str().to_owned()),
        }
    }

    /// Rows made of these parts and at least one more, as by [`Row::of`]. The row of exactly
    /// these parts is not among them.
    ///
    /// # Errors
    /// As for [`Row::of`].
    pub fn below(parts: &[&str]) -> Result<Self, KeyError> {
        Ok(Self::with_prefix(encode_below(parts)?))
    }

    /// Rows whose first part begins with this text. Empty text takes all rows.
    #[must_use]
    pub fn starting_with(text: &str) -> Self {
        let mut prefix = String::new();
        encode_part(text, &mut prefix);
        Self::with_prefix(prefix)
    }

    /// Inclusive lower bound of the encoded row.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// Exclusive upper bound of the encoded row. It may contain characters that no row contains.
    #[must_use]
    pub fn to(&self) -> Option<&str> {
        self.to.as_deref()
    }

    /// Whether a row lies in the range.
    #[must_use]
    pub fn contains(&self, row: &Row) -> bool {
        let text = row.as_str();
        self.from().is_none_or(|from| text >= from) && self.to().is_none_or(|to| text < to)
    }

    /// The upper bound is the prefix with its last character replaced by the next one. An encoded
    /// prefix is ASCII and never ends with the escape, so the next one is printable ASCII too.
    fn with_prefix(prefix: String) -> Self {
        let mut to = prefix.clone();
        match to.pop() {
            None => Self::all(),
            Some(last) => {
                to.push(char::from((last as u8).saturating_add(1)));
                Self {
                    from: Some(prefix),
                    to: Some(to),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn prefixes_take_exactly_what_they_say(
            first in "[a-c~!é\u{0}]{1,4}",
            second in "[a-c]{0,2}",
            prefix in "[a-c~!é\u{0}]{0,3}",
        ) {
            let mut parts = vec![first.as_str()];
            if !second.is_empty() {
                parts.push(&second);
            }
            let row = Row::of(&parts).expect("a row");
            let starting = RowRange::starting_with(&prefix);
            prop_assert_eq!(starting.contains(&row), first.starts_with(&prefix));
            if !prefix.is_empty() {
                let below = RowRange::below(&[&prefix]).expect("a range");
                prop_assert_eq!(below.contains(&row), first == prefix && parts.len() > 1);
            }
        }
    }
}
