//! The files that are compared, and where something is wrong in them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders and files that are read, from the repository's root.
const READ: [&str; 7] = [
    "azure.yaml",
    "crates/driver/src/effects/names.rs",
    "crates/function/src",
    "function-definitions",
    "host.chained.json",
    "host.json",
    "infra",
];

/// Text files by their path from the repository's root, with `/`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(BTreeMap<String, String>);

impl Files {
    /// Reads what the checks need.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Self::default();
        for path in READ {
            files.add(root, path)?;
        }
        Ok(files)
    }

    fn add(&mut self, root: &Path, path: &str) -> Result<()> {
        let full = root.join(path);
        if full.is_dir() {
            let entries =
                fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))?;
            for entry in entries {
                let name = entry
                    .with_context(|| format!("cannot list {}", full.display()))?
                    .file_name();
                self.add(root, &format!("{path}/{}", name.to_string_lossy()))?;
            }
        } else if full.is_file() {
            // What is not text is none of ours.
            if let Ok(text) = fs::read_to_string(&full) {
                self.0.insert(path.to_owned(), text);
            }
        }
        Ok(())
    }

    /// The text of a file.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// All paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All paths with their texts.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// For tests: a set of files with some of them replaced or added.
    #[cfg(test)]
    pub(crate) fn with(&self, changes: &[(&str, &str)]) -> Self {
        let mut files = self.clone();
        for (path, text) in changes {
            files.0.insert((*path).to_owned(), (*text).to_owned());
        }
        files
    }

    /// For tests: without one file.
    #[cfg(test)]
    pub(crate) fn without(&self, path: &str) -> Self {
        let mut files = self.clone();
        files.0.remove(path);
        files
    }
}

/// Something that is wrong, and where. Line and column count from 1; 0 means the whole file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file.
    pub(crate) path: String,
    /// The line.
    pub(crate) line: usize,
    /// The column, in bytes.
    pub(crate) column: usize,
    /// One sentence.
    pub(crate) text: String,
}

impl Finding {
    /// About a file as a whole.
    pub(crate) fn file(path: &str, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: 0,
            column: 0,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            column,
            text,
        } = self;
        if *line == 0 {
            write!(f, "{path}: {text}")
        } else {
            write!(f, "{path}:{line}:{column}: {text}")
        }
    }
}
