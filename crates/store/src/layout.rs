//! The versions of a document's layout: what this program writes, and what it can read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::Body;
use crate::entity::Entity;
use crate::error::StoreError;

/// The layout that a program writes, and the newest that it can read.
///
/// Raise the version with every change that an older program would misread, and let `T` of
/// [`Layout::read`] accept the older ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    version: u32,
    program: &'static str,
}

impl Layout {
    /// Names the layout's version and this program's (`env!("CARGO_PKG_VERSION")`).
    #[must_use]
    pub const fn new(version: u32, program: &'static str) -> Self {
        Self { version, program }
    }

    /// Writes a value as a body of this layout.
    ///
    /// # Errors
    /// [`StoreError::NotJson`] when the value has no JSON form (a map with keys that are not
    /// text, for example).
    pub fn write<T: Serialize + ?Sized>(self, value: &T) -> Result<Body, StoreError> {
        let json = serde_json::to_string(value).map_err(|source| StoreError::NotJson { source })?;
        Ok(Body::from_stored(
            self.version,
            self.program.to_owned(),
            json,
        ))
    }

    /// Reads a value back. Its layout is looked at first: a newer document is not guessed at.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer program wrote it, [`StoreError::Corrupt`] when it does
    /// not have the shape of its layout.
    pub fn read<T: DeserializeOwned>(self, entity: &Entity) -> Result<T, StoreError> {
        let body = &entity.body;
        if body.layout() > self.version {
            return Err(StoreError::Newer {
                what: format!("entity {}", entity.key),
                found: body.layout(),
                known: self.version,
                program: body.program().to_owned(),
            });
        }
        serde_json::from_str(body.json()).map_err(|source| StoreError::Corrupt {
            what: format!("entity {}", entity.key),
            source: Some(Box::new(source)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::Etag;
    use crate::key::{Key, Partition, Row};

    fn entity(body: Body) -> Entity {
        Entity {
            key: Key::new(
                Partition::encode("p").expect("a partition"),
                Row::encode("r").expect("a row"),
            ),
            etag: Etag::from_stored("1".to_owned()),
            body,
        }
    }

    #[test]
    fn newer_layout_is_refused_and_names_the_version() {
        let body = Layout::new(3, "2.1.0").write(&7).expect("a body");
        let error = Layout::new(2, "1.0.0")
            .read::<i32>(&entity(body))
            .expect_err("a newer layout");
        let text = error.to_string();
        assert!(
            matches!(
                error,
                StoreError::Newer {
                    found: 3,
                    known: 2,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(text.contains("use version 2.1.0 or a later one"), "{text}");
    }

    #[test]
    fn older_layout_is_read_and_a_wrong_shape_is_damage() {
        let body = Layout::new(1, "0.1.0").write(&[1, 2]).expect("a body");
        let layout = Layout::new(2, "1.0.0");
        let list: Vec<i32> = layout.read(&entity(body.clone())).expect("the value");
        assert_eq!(list, [1, 2]);
        let error = layout
            .read::<String>(&entity(body))
            .expect_err("another shape");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    }
}
