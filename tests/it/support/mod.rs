//! What the tests stand on: processes, Microsoft's parser, Microsoft's client, data.
#![allow(
    dead_code,
    reason = "a harness for all tests; not each part is in use at each moment"
)]

pub(crate) mod cluster;
pub(crate) mod copier;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod kqlcheck;
pub(crate) mod process;
pub(crate) mod python;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Set by `cargo xtask test`: what is missing is then a failure.
const TOOLS_REQUIRED: &str = "KUSTO_COPY_TOOLS_REQUIRED";

/// The repository's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder that goes away with the value.
pub(crate) fn temp_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("kusto-copy-test-")
        .tempdir()
        .expect("a temporary folder can be made")
}

/// Looks again and again until something has come true; panics with the last look if it never
/// does. The bound is far beyond what anything needs, so no verdict depends on it.
pub(crate) fn until<T: std::fmt::Debug>(
    what: &str,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(
                started.elapsed() < Duration::from_secs(120),
                "{what} never came true: {instead}"
            ),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Says on stderr that the running test was skipped and why, past the capture of the test runner.
pub(crate) fn skip(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Losing the line is no reason to fail.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}

/// A file or folder of the data beside the repository, or nothing after saying so.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let found = root().join("../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    skip(&format!(
        "../shared/{path} is not there; it comes with the project's data, not with its code"
    ));
    None
}

/// A tool that `cargo xtask tools` installs: from the environment, else from `.tools/`.
///
/// Nothing, after saying so, if it is not installed; a panic where tools are required.
pub(crate) fn tool(variable: &str, default: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map_or_else(|| root().join(default), PathBuf::from);
    if found.exists() {
        return Some(found);
    }
    let reason = format!(
        "{} is not there; run `cargo xtask tools`, or `cargo xtask test` for everything",
        found.display()
    );
    assert!(std::env::var_os(TOOLS_REQUIRED).is_none(), "{reason}");
    skip(&reason);
    None
}
