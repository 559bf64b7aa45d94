//! `cargo xtask test`.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::tools::{self, Tools};

/// Sets up what the tests need, then runs them all in one `cargo test`, so that every dependency
/// is built once. Ends with cargo's own exit code.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    let started = Instant::now();
    let tools = tools::install(root)?;
    println!("tools ready after {:.0?}", started.elapsed());

    let mut command = test_command(&cargo(), root, args, &tools);
    let status = command
        .status()
        .context("cannot start cargo; install Rust from https://rustup.rs")?;
    println!(
        "cargo test {} after {:.0?}",
        if status.success() { "passed" } else { "failed" },
        started.elapsed()
    );
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        Some(_) | None => ExitCode::FAILURE,
    })
}

/// The cargo that started this task, so that a toolchain override stays in force.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// One build covers everything: the binary that tests start as a process is a dependency of the
/// integration tests, so cargo has built it before they run. `CARGO_TARGET_DIR` is inherited.
fn test_command(cargo: &OsString, root: &Path, args: &[String], tools: &Tools) -> Command {
    let mut command = Command::new(cargo);
    command
        .arg("test")
        .current_dir(root)
        .env("KUSTO_COPY_NODE_TOOLS", &tools.node)
        .env("KUSTO_COPY_PYTHON", &tools.python)
        // With this set a test that lacks a tool fails instead of saying that it was skipped.
        .env("KUSTO_COPY_TOOLS_REQUIRED", "1");
    for (name, _) in std::env::vars_os() {
        if describes_this_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    if !args.iter().any(|arg| selects_packages(arg)) {
        command.arg("--workspace");
    }
    command.args(args);
    command
}

/// What `cargo run` tells this program about itself. Some build scripts watch these variables, so
/// passing them on would build those crates anew whenever `cargo test` and `cargo xtask` alternate.
fn describes_this_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

fn selects_packages(arg: &str) -> bool {
    arg.starts_with("-p") || arg == "--workspace" || arg.starts_with("--package")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(args: &[&str]) -> Vec<String> {
        let tools = Tools {
            node: "node".into(),
            python: "python".into(),
        };
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        test_command(&"cargo".into(), Path::new("."), &args, &tools)
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn only_what_describes_this_package_is_withheld() {
        assert!(describes_this_package("CARGO_MANIFEST_DIR"));
        assert!(describes_this_package("CARGO_PKG_VERSION"));
        assert!(!describes_this_package("CARGO_TARGET_DIR"));
        assert!(!describes_this_package("CARGO_HOME"));
    }

    #[test]
    fn everything_is_tested_unless_packages_are_chosen() {
        assert_eq!(arguments(&[]), ["test", "--workspace"]);
        assert_eq!(
            arguments(&["--", "--nocapture"]),
            ["test", "--workspace", "--", "--nocapture"]
        );
        assert_eq!(arguments(&["-p", "xtask"]), ["test", "-p", "xtask"]);
        assert_eq!(arguments(&["--package=xtask"]), ["test", "--package=xtask"]);
    }
}
