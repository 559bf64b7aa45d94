//! What changes together: all or none, each write under its condition.

use std::collections::BTreeSet;

use crate::body::{Body, MAX_BODY_UNITS};
use crate::entity::Etag;
use crate::key::{Key, Partition};

/// Most writes of a transaction: Table Storage's limit of an entity-group transaction.
pub const MAX_TRANSACTION_WRITES: usize = 100;

/// Most bytes of a transaction as sent. Table Storage allows 4 MiB for the whole request.
pub const MAX_TRANSACTION_BYTES: usize = 4_000_000;

/// Bytes of a request that each write needs besides keys and document: the part's own headers,
/// the address, the names of the properties. A generous bound.
const WRITE_OVERHEAD: usize = 2_048;

/// One conditional change. There is no unconditional one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Only when no entity has this name.
    Insert {
        /// Name.
        key: Key,
        /// Contents.
        body: Body,
    },
    /// Only when the entity still is the version seen; replaces all of its contents.
    Replace {
        /// Name.
        key: Key,
        /// New contents.
        body: Body,
        /// The version seen.
        if_match: Etag,
    },
    /// Only when the entity still is the version seen.
    Delete {
        /// Name.
        key: Key,
        /// The version seen.
        if_match: Etag,
    },
}

impl Write {
    /// The entity that it changes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Insert { key, .. } | Self::Replace { key, .. } | Self::Delete { key, .. } => key,
        }
    }

    /// The new contents, if any.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        match self {
            Self::Insert { body, .. } | Self::Replace { body, .. } => Some(body),
            Self::Delete { .. } => None,
        }
    }

    /// An upper bound of the bytes that it takes in a request: what counts against
    /// [`MAX_TRANSACTION_BYTES`].
    #[must_use]
    pub fn wire_bytes(&self) -> usize {
        let key = self.key();
        // The keys stand in the address and in the document.
        let keys = 2 * (key.partition.as_str().len() + key.row.as_str().len());
        WRITE_OVERHEAD + keys + self.body().map_or(0, escaped_bytes)
    }
}

/// Bytes of the document as a string inside a JSON document, non-ASCII as `\uXXXX`.
fn escaped_bytes(body: &Body) -> usize {
    let text = body.json().chars().map(|c| match c {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        _ => 6 * c.len_utf16(),
    });
    text.sum::<usize>() + body.program().len()
}

/// Why writes cannot be one transaction. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// Nothing to write.
    #[error("a transaction needs at least one write")]
    Empty,
    /// More than [`MAX_TRANSACTION_WRITES`].
    #[error("a transaction of {writes} writes exceeds {MAX_TRANSACTION_WRITES}")]
    TooManyWrites {
        /// How many.
        writes: usize,
    },
    /// More than [`MAX_TRANSACTION_BYTES`].
    #[error("a transaction of {bytes} bytes exceeds {MAX_TRANSACTION_BYTES}")]
    TooManyBytes {
        /// How many, as sent.
        bytes: usize,
    },
    /// More than [`MAX_BODY_UNITS`].
    #[error("the document of {key} has {units} UTF-16 units, more than {MAX_BODY_UNITS}")]
    BodyTooLarge {
        /// Which entity.
        key: Key,
        /// UTF-16 code units of its document.
        units: usize,
    },
    /// Entities of two partitions never change together.
    #[error("a transaction cannot change both partition {first} and partition {second}")]
    TwoPartitions {
        /// The first write's.
        first: Partition,
        /// One that differs.
        second: Partition,
    },
    /// An entity may be written once in a transaction.
    #[error("a transaction changes {key} twice")]
    KeyTwice {
        /// Which entity.
        key: Key,
    },
}

/// Writes that can be one transaction: of one partition, 1 to 100, each entity once, within the
/// limits of every backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    partition: Partition,
    writes: Vec<Write>,
}

impl Transaction {
    /// Checks and takes the writes. Their order is that of [`crate::Committed::etags`].
    ///
    /// # Errors
    /// When they could not be one transaction in Table Storage.
    pub fn new(writes: Vec<Write>) -> Result<Self, TransactionError> {
        let Some(first) = writes.first() else {
            return Err(TransactionError::Empty);
        };
        if writes.len() > MAX_TRANSACTION_WRITES {
            return Err(TransactionError::TooManyWrites {
                writes: writes.len(),
            });
        }
        let partition = first.key().partition.clone();
        let mut seen = BTreeSet::new();
        for write in &writes {
            let key = write.key();
            if key.partition != partition {
                return Err(TransactionError::TwoPartitions {
                    first: partition,
                    second: key.partition.clone(),
                });
            }
            if !seen.insert(&key.row) {
                return Err(TransactionError::KeyTwice { key: key.clone() });
            }
            let units = write.body().map_or(0, Body::units);
            if units > MAX_BODY_UNITS {
                return Err(TransactionError::BodyTooLarge {
                    key: key.clone(),
                    units,
                });
            }
        }
        let bytes = writes.iter().map(Write::wire_bytes).sum();
        if bytes > MAX_TRANSACTION_BYTES {
            return Err(TransactionError::TooManyBytes { bytes });
        }
        Ok(Self { partition, writes })
    }

    /// The partition of all writes.
    #[must_use]
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// The writes, in the order given.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Row;
    use crate::layout::Layout;

    fn key(partition: &str, row: &str) -> Key {
        Key::new(
            Partition::encode(partition).expect("a partition"),
            Row::encode(row).expect("a row"),
        )
    }

    fn insert(key: Key, contents: &str) -> Write {
        let body = Layout::new(1, "0").write(contents).expect("a body");
        Write::Insert { key, body }
    }

    fn refusal(writes: Vec<Write>) -> TransactionError {
        Transaction::new(writes).expect_err("writes that are no transaction")
    }

    #[test]
    fn refuses_what_table_storage_would() {
        assert_eq!(refusal(Vec::new()), TransactionError::Empty);
        let many = (0..101).map(|n| insert(key("p", &n.to_string()), "x"));
        assert_eq!(
            refusal(many.collect()),
            TransactionError::TooManyWrites { writes: 101 }
        );
        let two = vec![insert(key("p", "1"), "x"), insert(key("q", "2"), "x")];
        assert!(matches!(
            refusal(two),
            TransactionError::TwoPartitions { .. }
        ));
        let if_match = Etag::from_stored("1".to_owned());
        let twice = vec![
            Write::Delete {
                key: key("p", "1"),
                if_match,
            },
            insert(key("p", "1"), "x"),
        ];
        assert_eq!(
            refusal(twice),
            TransactionError::KeyTwice { key: key("p", "1") }
        );
    }

    #[test]
    fn sizes_are_those_of_utf16_and_of_the_request() {
        // The document is the text between two quotes.
        let fits = "x".repeat(MAX_BODY_UNITS - 2);
        assert!(Transaction::new(vec![insert(key("p", "r"), &fits)]).is_ok());
        let too_large = refusal(vec![insert(key("p", "r"), &format!("{fits}x"))]);
        assert!(matches!(too_large, TransactionError::BodyTooLarge { .. }));
        let pairs = "\u{1F600}".repeat(MAX_BODY_UNITS / 2);
        let too_large = refusal(vec![insert(key("p", "r"), &pairs)]);
        assert!(matches!(too_large, TransactionError::BodyTooLarge { .. }));
        let nine = (0..9).map(|n| insert(key("p", &n.to_string()), &fits));
        assert!(matches!(
            refusal(nine.collect()),
            TransactionError::TooManyBytes { .. }
        ));
    }
}
