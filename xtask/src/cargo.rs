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

/// Runs `command`, a `cargo build` without its `--message-format`, and returns the executables of
/// these names. What cargo says meanwhile goes to this program's stderr.
pub(crate) fn build<const N: usize>(
    mut command: Command,
    binaries: [&str; N],
) -> Result<[PathBuf; N]> {
    let mut child = command
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo cannot be started; install Rust from https://rustup.rs")?;
    let stdout = child.stdout.take().context("cargo's stdout is not there")?;
    let mut found = [const { None }; N];
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        for (found, binary) in found.iter_mut().zip(binaries) {
            *found = executable(&line, binary).or(found.take());
        }
    }
    let names = binaries.join(", ");
    if !child.wait()?.success() {
        bail!("cargo could not build {names}");
    }
    let missing = || format!("cargo did not build all of {names}");
    let all: Option<Vec<PathBuf>> = found.into_iter().collect();
    all.and_then(|all| all.try_into().ok())
        .with_context(missing)
}

/// Builds debug executables of members, each a package and its binary: in one run of cargo, so that
/// what they share is built once.
pub(crate) fn build_debug<const N: usize>(
    root: &Path,
    members: [(&str, &str); N],
) -> Result<[PathBuf; N]> {
    let mut command = cargo(root);
    command.arg("build");
    for (package, binary) in members {
        command.args(["-p", package, "--bin", binary]);
    }
    build(command, members.map(|(_, binary)| binary))
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
