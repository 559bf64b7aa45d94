//! Work that is already done is not done again: a stamp file keeps what it was done from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A stamp file and the text that it must hold for the work to count as done.
///
/// The text is the inputs themselves rather than a hash of them: they are small, and a person who
/// wonders why something was installed again can compare them.
#[derive(Debug)]
pub(crate) struct Stamp {
    path: PathBuf,
    wanted: String,
}

impl Stamp {
    /// A stamp at `path` over facts (such as a tool's version) and the content of `inputs`.
    pub(crate) fn new(path: PathBuf, facts: &[&str], inputs: &[&Path]) -> Result<Self> {
        let mut wanted = String::new();
        for fact in facts {
            wanted.push_str(fact);
            wanted.push('\n');
        }
        for input in inputs {
            let content = fs::read_to_string(input)
                .with_context(|| format!("cannot read {}", input.display()))?;
            wanted.push_str(&format!("--- {}\n{content}\n", input.display()));
        }
        Ok(Self { path, wanted })
    }

    /// Whether the work was finished from exactly these inputs.
    pub(crate) fn is_current(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|found| found == self.wanted)
    }

    /// Declares the work not done; call it before work that a stop may leave half done, or the
    /// stamp of older inputs would vouch for it.
    pub(crate) fn clear(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Declares the work done; call it last, since a stop before it must repeat the work.
    pub(crate) fn write(&self) -> Result<()> {
        fs::write(&self.path, &self.wanted)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_current_only_for_the_same_inputs() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let input = dir.path().join("input");
        let path = dir.path().join("stamp");
        fs::write(&input, "one").expect("write the input");
        let make = |fact: &str| {
            Stamp::new(path.clone(), &[fact], &[input.as_path()]).expect("read the input")
        };

        assert!(!make("v1").is_current(), "nothing was done yet");
        make("v1").write().expect("write the stamp");
        assert!(make("v1").is_current());
        assert!(!make("v2").is_current(), "the tool changed");
        fs::write(&input, "two").expect("change the input");
        assert!(!make("v1").is_current(), "the input changed");

        make("v1").write().expect("write the stamp");
        make("v2").clear().expect("work begins");
        assert!(!make("v1").is_current(), "work on other inputs began");
        make("v1").clear().expect("there is nothing to remove");
    }
}
