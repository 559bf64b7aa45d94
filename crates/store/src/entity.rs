//! An entity and its version.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::key::Key;

/// The version of an entity, opaque. No two versions of an entity ever share one, not even when
/// it is deleted and inserted again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Etag(String);

impl Etag {
    /// Takes what a store returned; a backend's way to make one.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text as the store spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entity as it was when the store answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Name.
    pub key: Key,
    /// Version.
    pub etag: Etag,
    /// Contents.
    pub body: Body,
}
