//! One copy between two embedded clusters: the binary, its lake, and what it said.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde_json::Value;
use tempfile::TempDir;

use super::process::{EmulatorProcess, kusto_copy};
use super::python::Python;
use super::temp_dir;

/// A source, a destination and a lake.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The source.
    pub(crate) source: EmulatorProcess,
    /// The destination.
    pub(crate) destination: EmulatorProcess,
    /// The database on both.
    pub(crate) database: String,
    /// The lake; it does not exist until the copier makes it.
    pub(crate) lake: PathBuf,
    dir: TempDir,
}

impl Pair {
    /// Starts two clusters that have this database, empty.
    pub(crate) fn start(database: &str) -> Self {
        let dir = temp_dir();
        Self {
            source: EmulatorProcess::start(&[database], &[]),
            destination: EmulatorProcess::start(&[database], &[]),
            database: database.to_owned(),
            lake: dir.path().join("lake"),
            dir,
        }
    }

    /// A folder for the test's own files.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The copy's command line.
    pub(crate) fn copier(&self, extra: &[&str]) -> Command {
        let mut command = kusto_copy();
        command.arg("-l").arg(&self.lake);
        command.args(["-s", &self.source.uri, "-d", &self.destination.uri]);
        command.args(["--db", &self.database]);
        command.args(QUICK);
        command.args(extra);
        command
    }

    /// Runs the copy to its end.
    pub(crate) fn copy(&self, extra: &[&str]) -> Ended {
        Ended::of(self.copier(extra))
    }

    /// Runs the copy and panics with all that it said unless it ends with 0.
    pub(crate) fn copy_completely(&self, extra: &[&str]) -> Ended {
        let ended = self.copy(extra);
        assert_eq!(ended.code, Some(0), "{ended}");
        ended
    }

    /// `kusto-copy status --output json`.
    pub(crate) fn status(&self) -> Value {
        let mut command = kusto_copy();
        command
            .args(["status", "--output", "json", "-l"])
            .arg(&self.lake);
        let ended = Ended::of(command);
        assert_eq!(ended.code, Some(0), "{ended}");
        ended.document()
    }

    /// Runs commands at the source, one after the other.
    pub(crate) fn at_source(&self, commands: &[&str]) {
        for command in commands {
            self.source.command(&self.database, command);
        }
    }

    /// Compares both sides with Microsoft's client; panics with the differences.
    pub(crate) fn assert_equal(&self, python: &Python, extra: &[&str]) -> String {
        let mut args = vec![
            "compare_databases.py",
            &self.source.uri,
            &self.database,
            &self.destination.uri,
            &self.database,
        ];
        args.extend(extra);
        python.expect_success(&args)
    }

    /// Nothing of the copier's is left at the destination, and in the lake only its progress and
    /// its ledger.
    pub(crate) fn assert_tidy(&self) {
        let foreign: Vec<String> = self
            .destination
            .tables(&self.database)
            .into_iter()
            .filter(|table| table.starts_with("kcopy_"))
            .collect();
        assert!(foreign.is_empty(), "staging tables are left: {foreign:?}");
        let stray: Vec<PathBuf> = files(&self.lake)
            .into_iter()
            .filter(|file| file.components().any(|part| part.as_os_str() == "files"))
            .collect();
        assert!(stray.is_empty(), "files are left in the lake: {stray:?}");
        for extent in self.destination.extents(&self.database) {
            assert_eq!(extent["Tags"], "", "a tag is left: {extent:?}");
        }
    }
}

/// Short pauses: the clusters beside the copier answer within milliseconds.
const QUICK: [&str; 8] = [
    "--set",
    "retry_pause=50",
    "--set",
    "throttle_pause=50",
    "--set",
    "poll.min=10",
    "--set",
    "poll.max=200",
];

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// A process that has ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// All of stdout.
    pub(crate) stdout: String,
    /// All of stderr.
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs a command to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self {
            code: ExitStatus::code(&output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON document on stdout, which must be there and alone.
    pub(crate) fn document(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(document) => document,
            Err(error) => panic!("stdout is no JSON document ({error})\n{self}"),
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "exit code {code:?}\nstdout:\n{stdout}\nstderr:\n{stderr}"
        )
    }
}
