//! `cargo xtask test`.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::cargo;
use crate::say::say;
use crate::tools::{self, Tools};

/// Sets up what the tests need, then runs them all in one `cargo test`, so that every dependency
/// is built once. Ends with cargo's own exit code.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    let started = Instant::now();
    let tools = tools::install(root)?;
    say!("tools ready after {:.0?}", started.elapsed());

    let mut command = test_command(root, args, &tools);
    let status = command
        .status()
        .context("cannot start cargo; install Rust from https://rustup.rs")?;
    say!(
        "cargo test {} after {:.0?}",
        if status.success() { "passed" } else { "failed" },
        started.elapsed()
    );
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// One build covers everything: the binary that tests start as a process is a dependency of the
/// integration tests, so cargo has built it before they run. `CARGO_TARGET_DIR` is inherited.
fn test_command(root: &Path, args: &[String], tools: &Tools) -> Command {
    let mut command = cargo::cargo(root);
    command
        .arg("test")
        .env("KUSTO_COPY_NODE_TOOLS", &tools.node)
        .env("KUSTO_COPY_PYTHON", &tools.python)
        // With this set a test that lacks a tool fails instead of saying that it was skipped.
        .env("KUSTO_COPY_TOOLS_REQUIRED", "1");
    if !args.iter().any(|arg| selects_packages(arg)) {
        command.arg("--workspace");
    }
    command.args(args);
    command
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
        test_command(Path::new("."), &args, &tools)
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect()
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
