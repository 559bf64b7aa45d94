//! Identifiers, each a type of its own so that none can stand for another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::hex;

/// Text that should have been a guid and was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a guid")]
pub struct GuidError {
    /// What was read.
    pub text: String,
}

fn canonical_guid(text: &str) -> Result<String, GuidError> {
    let shape_is_right = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if shape_is_right {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(GuidError {
            text: text.to_owned(),
        })
    }
}

macro_rules! guid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads a hyphenated guid in either case.
            ///
            /// # Errors
            /// When the text is not a guid: it could change a command's meaning.
            pub fn parse(text: &str) -> Result<Self, GuidError> {
                canonical_guid(text).map(Self)
            }

            /// The guid in lower case with hyphens.
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
            type Error = GuidError;
            fn try_from(text: String) -> Result<Self, GuidError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

guid_id! {
    /// An extent (data shard) of a table. Unstable at source and destination, stable in frozen
    /// staging.
    ExtentId
}
guid_id! {
    /// An asynchronous operation of a cluster.
    OperationId
}

/// A block's number within its table's iteration, in the order of planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlockNumber(pub u32);

/// An activity (one source table to one destination table): 16 hex digits made from the two
/// databases' and tables' names, so that every worker derives the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityId(String);

impl ActivityId {
    /// The id of the activity that copies this table of this source database.
    #[must_use]
    pub fn of(source_database: &str, source_table: &str) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update((source_database.len() as u64).to_le_bytes());
        hash.update(source_database.as_bytes());
        hash.update(source_table.as_bytes());
        Self(hex(&hash.finalize()[..8]))
    }

    /// The 16 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The single-use extent tag of one attempt: `kc-<job>-<table>-<random>`, lower case, no colon,
/// of fixed length so that no tag is part of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptTag(String);

impl AttemptTag {
    /// The tag for a random 128-bit number under the prefix that a job and table share.
    #[must_use]
    pub fn new(prefix: &str, random: u128) -> Self {
        Self(format!("{prefix}{random:032x}"))
    }

    /// The prefix that all tags of a job (8 hex digits) and table share.
    #[must_use]
    pub fn prefix(incarnation: &str, activity: &ActivityId) -> String {
        format!("kc-{incarnation}-{activity}-")
    }

    /// The whole tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttemptTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{ActivityId, AttemptTag, ExtentId};

    #[test]
    fn guids_are_checked_and_lowered() {
        let id = ExtentId::parse("5B0A7F9E-1111-4A11-9111-000000000001").expect("a guid");
        assert_eq!(id.as_str(), "5b0a7f9e-1111-4a11-9111-000000000001");
        for bad in [
            "",
            "x",
            "5b0a7f9e-1111-4a11-9111-00000000000)",
            "5b0a7f9e11114a119111000000000001",
        ] {
            assert!(ExtentId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_have_one_length_and_no_colon() {
        let prefix = AttemptTag::prefix("7f3a9c21", &ActivityId::of("db", "T: x"));
        let short = AttemptTag::new(&prefix, 1);
        let long = AttemptTag::new(&prefix, u128::MAX);
        assert_eq!(short.as_str().len(), long.as_str().len());
        assert!(!short.as_str().contains(':'));
    }

    #[test]
    fn activities_of_different_names_differ() {
        assert_ne!(ActivityId::of("ab", "c"), ActivityId::of("a", "bc"));
    }
}
