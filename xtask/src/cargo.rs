//! Builds through cargo, and finds what it built.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The cargo that started this task, so that a toolchain override stays in force; without what
/// `cargo run` tells this program about itself.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        if describes_this_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

/// Some build scripts watch these variables, so passing them on would build those crates anew
/// whenever `cargo test` and `cargo xtask` alternate.
fn describes_this_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// Runs `command`, a `cargo build` without its `--message-format`, and returns the executable
/// named `binary`. Warnings and errors go to this program's stderr.
pub(crate) fn build(mut command: Command, binary: &str) -> Result<PathBuf> {
    let mut child = command
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo cannot be started; install Rust from https://rustup.rs")?;
    let stdout = child.stdout.take().context("cargo's stdout is not there")?;
    let mut found = None;
    for line in BufReader::new(stdout).lines() {
        found = executable(&line?, binary).or(found);
    }
    if !child.wait()?.success() {
        bail!("cargo could not build {binary}");
    }
    found.with_context(|| format!("cargo built no executable {binary}"))
}

/// Builds the debug executable of a member.
pub(crate) fn build_debug(root: &Path, package: &str, binary: &str) -> Result<PathBuf> {
    let mut command = cargo(root);
    command.args(["build", "--quiet", "-p", package, "--bin", binary]);
    build(command, binary)
}

fn executable(line: &str, binary: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.pointer("/target/name")?.as_str()? != binary {
        return None;
    }
    Some(message.get("executable")?.as_str()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_describes_this_package_is_withheld() {
        assert!(describes_this_package("CARGO_MANIFEST_DIR"));
        assert!(describes_this_package("CARGO_PKG_VERSION"));
        assert!(!describes_this_package("CARGO_TARGET_DIR"));
        assert!(!describes_this_package("CARGO_HOME"));
    }

    #[test]
    fn the_executable_is_found_in_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"handler"},
            "executable":"/t/debug/handler"}"#;
        assert_eq!(executable(line, "handler"), Some("/t/debug/handler".into()));
        assert_eq!(executable(line, "other"), None);
        let library = r#"{"target":{"name":"handler"},"executable":null}"#;
        assert_eq!(executable(library, "handler"), None);
        assert_eq!(executable("warning: text", "handler"), None);
    }
}
