//! Names of entities: partition and row, safe in every backend's addresses and filters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest partition or row, in characters of its encoded form. Table Storage allows 1 KiB for
/// each of the two keys and counts two bytes a character.
pub const MAX_KEY_CHARS: usize = 512;

/// Stands between the parts of a key. No encoded part contains it, and it sorts before every
/// character that a part may contain: `a` < `a!b` < `a-c`.
const SEPARATOR: char = '!';

/// Introduces an encoded byte: `~` and two lower-case hex digits.
const ESCAPE: char = '~';

/// Why text cannot be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No part, or an empty one: it would vanish in an address.
    #[error("a key needs at least one part, and no part may be empty")]
    Empty,
    /// Longer than [`MAX_KEY_CHARS`] when encoded: hash long names instead.
    #[error("a key of {chars} characters is longer than {MAX_KEY_CHARS}; use a hash of the name")]
    TooLong {
        /// Characters of the encoded form.
        chars: usize,
    },
    /// Text that was read as a stored key and is not one.
    #[error("`{text}` is not a key in the store's encoding")]
    NotEncoded {
        /// What was read.
        text: String,
    },
}

/// Appends one part: `A-Z a-z 0-9 - _ .` stand for themselves, every other byte of the UTF-8 text
/// becomes `~` and two hex digits.
///
/// All characters of the result are unreserved in URLs, so no client ever has to percent-encode
/// them (several do it wrongly), and none is among those that Table Storage forbids in keys.
pub(crate) fn encode_part(part: &str, into: &mut String) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            into.push(char::from(byte));
        } else {
            into.push(ESCAPE);
            into.push_str(&format!("{byte:02x}"));
        }
    }
}

pub(crate) fn encode_parts(parts: &[&str]) -> Result<String, KeyError> {
    if parts.is_empty() || parts.iter().any(|part| part.is_empty()) {
        return Err(KeyError::Empty);
    }
    let mut encoded = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            encoded.push(SEPARATOR);
        }
        encode_part(part, &mut encoded);
    }
    let chars = encoded.len();
    if chars > MAX_KEY_CHARS {
        return Err(KeyError::TooLong { chars });
    }
    Ok(encoded)
}

/// The prefix that all keys below these parts share, the separator included.
pub(crate) fn encode_below(parts: &[&str]) -> Result<String, KeyError> {
    let mut encoded = encode_parts(parts)?;
    encoded.push(SEPARATOR);
    Ok(encoded)
}

fn decode_part(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == ESCAPE as u8 {
            let digits = [rest.next()?, rest.next()?];
            let text = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(text, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn decode_parts(encoded: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = encoded
        .split(SEPARATOR)
        .map(decode_part)
        .collect::<Option<_>>()?;
    // Only the canonical spelling is a key, so that no entity has two names.
    let borrowed: Vec<&str> = parts.iter().map(String::as_str).collect();
    (encode_parts(&borrowed).ok()? == encoded).then_some(parts)
}

macro_rules! key_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Encodes arbitrary text as one part.
            ///
            /// # Errors
            /// When the text is empty, or longer than a key may be once encoded.
            pub fn encode(text: &str) -> Result<Self, KeyError> {
                encode_parts(&[text]).map(Self)
            }

            /// Encodes several parts; [`Self::parts`] gives them back. Number parts sort as
            /// numbers only when padded with zeros.
            ///
            /// # Errors
            /// When there is no part, a part is empty, or the whole is too long.
            pub fn of(parts: &[&str]) -> Result<Self, KeyError> {
                encode_parts(parts).map(Self)
            }

            /// Takes text that a store returned.
            ///
            /// # Errors
            /// When the text is not in the store's encoding: something else wrote it.
            pub fn from_encoded(text: &str) -> Result<Self, KeyError> {
                match decode_parts(text) {
                    Some(_) => Ok(Self(text.to_owned())),
                    None => Err(KeyError::NotEncoded {
                        text: text.to_owned(),
                    }),
                }
            }

            /// The parts that this key was made of.
            #[must_use]
            pub fn parts(&self) -> Vec<String> {
                decode_parts(&self.0).unwrap_or_default()
            }

            /// The encoded text, as it is stored and sorted.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = KeyError;
            fn try_from(text: String) -> Result<Self, KeyError> {
                Self::from_encoded(&text)
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> Self {
                key.0
            }
        }
    };
}

key_text! {
    /// The partition of an entity: entities of one partition can change together.
    Partition
}

key_text! {
    /// The row of an entity: unique in its partition, which is listed in the order of rows.
    Row
}

/// The name of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// What can change in one transaction.
    pub partition: Partition,
    /// Which entity of it.
    pub row: Row,
}

impl Key {
    /// Puts a name together.
    #[must_use]
    pub fn new(partition: Partition, row: Row) -> Self {
        Self { partition, row }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.row)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_no_key() {
        assert_eq!(Row::of(&[]), Err(KeyError::Empty));
        assert_eq!(Row::of(&["a", ""]), Err(KeyError::Empty));
        let fits = "k".repeat(MAX_KEY_CHARS);
        assert!(Row::encode(&fits).is_ok());
        assert_eq!(
            Row::encode(&format!("{fits}k")),
            Err(KeyError::TooLong { chars: 513 })
        );
        for text in [
            "", "a b", "~", "~4", "~zz", "~41", "~7E", "a!", "!a", "~ff", "~+4", "é",
        ] {
            assert!(Row::from_encoded(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn encoding_is_reversible_and_safe(parts in prop::collection::vec("\\PC{1,12}|.{1,12}", 1..4)) {
            let borrowed: Vec<&str> = parts.iter().map(String::as_str).collect();
            let row = Row::of(&borrowed).expect("a row");
            prop_assert_eq!(row.parts(), parts);
            prop_assert!(row.as_str().bytes().all(
                |byte| byte.is_ascii_alphanumeric() || b"-_.~!".contains(&byte)
            ));
            prop_assert_eq!(Row::from_encoded(row.as_str()), Ok(row));
        }

        #[test]
        fn only_one_spelling_is_a_key(text in "[a~!0-9f]{1,12}") {
            if let Ok(row) = Row::from_encoded(&text) {
                let parts = row.parts();
                let borrowed: Vec<&str> = parts.iter().map(String::as_str).collect();
                prop_assert_eq!(Row::of(&borrowed), Ok(row));
            }
        }
    }
}
