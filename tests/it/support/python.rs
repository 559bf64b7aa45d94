//! The independent witnesses in `tests/python`, which use Microsoft's client.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::{root, tool};

/// The Python that has the pinned packages.
#[derive(Debug)]
pub(crate) struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// The one that `cargo xtask tools` made; nothing, after saying so, if it is missing.
    pub(crate) fn find() -> Option<Self> {
        let default = if cfg!(windows) {
            ".tools/venv/Scripts/python.exe"
        } else {
            ".tools/venv/bin/python"
        };
        tool("KUSTO_COPY_PYTHON", default).map(|interpreter| Self { interpreter })
    }

    /// Runs Python in `tests/python` with these arguments.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Command::new(&self.interpreter)
            .args(args)
            .current_dir(root().join("tests/python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUTF8", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.interpreter.display()))
    }

    /// Runs Python and returns its stdout; panics with all that it said unless it ends with 0.
    pub(crate) fn expect_success(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "python {args:?} ended with {}\n{stdout}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        stdout
    }
}
