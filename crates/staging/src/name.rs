//! Names in the lake: relative paths that no backend, address or command can misread.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name, in characters: the limit of blob storage.
const MAX_CHARS: usize = 1_024;

/// Longest segment, in characters: the limit of usual file systems.
const MAX_SEGMENT_CHARS: usize = 200;

/// Why text cannot be a name in the lake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be a name in the lake: {reason}")]
pub struct NameError {
    /// What was given.
    pub text: String,
    /// Which rule it breaks.
    pub reason: &'static str,
}

fn check(text: &str) -> Result<(), NameError> {
    let refuse = |reason| {
        Err(NameError {
            text: text.to_owned(),
            reason,
        })
    };
    if text.len() > MAX_CHARS {
        return refuse("it is longer than 1024 characters");
    }
    for segment in text.split('/') {
        let allowed = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=' | b'~')
        };
        if segment.is_empty() {
            return refuse("it is empty, or begins or ends with a slash, or has two in a row");
        }
        if segment.len() > MAX_SEGMENT_CHARS {
            return refuse("a segment is longer than 200 characters");
        }
        if !segment.bytes().all(allowed) {
            return refuse("only ASCII letters, digits and - _ . = ~ may stand between slashes");
        }
        if segment.starts_with('.') || segment.ends_with('.') {
            return refuse("a segment begins or ends with a dot");
        }
    }
    Ok(())
}

macro_rules! lake_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a relative path of segments between single slashes. Use one case
            /// only: some file systems do not tell `A` from `a`.
            ///
            /// # Errors
            /// When it is not such a path.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }

            /// The path, relative to the lake's root.
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
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

lake_name! {
    /// The name of one object or staged file.
    ObjectName
}

lake_name! {
    /// A folder: it stands for all names that go on with a slash after it, never for a name that
    /// merely begins with its letters. The root itself is not a prefix.
    Prefix
}

impl Prefix {
    /// The name of an object in this folder.
    ///
    /// # Errors
    /// When `relative` is not a path, or the whole is too long.
    pub fn object(&self, relative: &str) -> Result<ObjectName, NameError> {
        ObjectName::new(&format!("{}/{relative}", self.0))
    }

    /// A folder in this folder.
    ///
    /// # Errors
    /// When `relative` is not a path, or the whole is too long.
    pub fn folder(&self, relative: &str) -> Result<Self, NameError> {
        Self::new(&format!("{}/{relative}", self.0))
    }

    /// Whether a name lies in this folder, at any depth.
    #[must_use]
    pub fn contains(&self, name: &ObjectName) -> bool {
        name.as_str()
            .strip_prefix(self.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_could_leave_the_lake_or_be_misread() {
        for text in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", ".tmp/x", "a.", "a/b.", "a b",
            "a\\b", "a%2Fb", "a?b", "a#b", "a;b", "é", "a\0b", "a\nb", "C:/a",
        ] {
            assert!(ObjectName::new(text).is_err(), "{text:?} was taken");
            assert!(Prefix::new(text).is_err(), "{text:?} was taken");
        }
        assert!(ObjectName::new(&"a".repeat(201)).is_err());
        assert!(ObjectName::new(&vec!["a".repeat(200); 6].join("/")).is_err());
        assert!(ObjectName::new("j7f3a9c21/t04/i00012/b000017/a003/x_1_0f.csv.gz").is_ok());
    }

    #[test]
    fn stored_names_are_checked_when_read() {
        let name: ObjectName = serde_json::from_str("\"a/b\"").expect("a name");
        assert_eq!(
            serde_json::to_string(&name).ok().as_deref(),
            Some("\"a/b\"")
        );
        assert!(serde_json::from_str::<Prefix>("\"../b\"").is_err());
    }

    proptest! {
        #[test]
        fn prefix_holds_what_is_made_from_it_alone(
            one in "[a-z0-9]{1,4}(/[a-z0-9]{1,4}){0,2}",
            other in "[a-z0-9]{1,4}(/[a-z0-9]{1,4}){0,3}",
        ) {
            let prefix = Prefix::new(&one).expect("a prefix");
            let object = prefix.object(&other).expect("a name");
            prop_assert!(prefix.contains(&object));
            let stranger = ObjectName::new(&other).expect("a name");
            let expected = other.starts_with(&format!("{one}/"));
            prop_assert_eq!(prefix.contains(&stranger), expected);
        }
    }
}
