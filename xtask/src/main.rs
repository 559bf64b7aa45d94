//! Development tasks of kusto-copy: `cargo xtask <task>`.

mod cargo;
mod host;
mod http;
mod infra_check;
mod local;
mod package;
mod prerequisites;
mod run_tests;
mod say;
mod stamp;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use say::{complain, say};

const HELP: &str = "\
Development tasks of kusto-copy.

  cargo xtask test [ARGS]   set up what the tests need, then run every test;
                            ARGS go to `cargo test`, for example
                            `cargo xtask test -p kusto-copy --test it tidy`
  cargo xtask local [--every SECONDS] [--rows N] [--arrivals N] [--chaining] [--for SECONDS]
                            run everything on this machine: Azurite, two embedded
                            clusters, the stand-in Functions host, the handler;
                            a tick every 5 s, 20000 rows at first and 20 more a
                            second, until Ctrl-C (or --for so long)
  cargo xtask package [--chaining] [--no-try-out]
                            build the handler static, make dist.zip for the
                            Functions app, check it and try it out
  cargo xtask tools         only set up what the tests need (in .tools/)
  cargo xtask infra-check   compare infra/ with itself, the program and the functions
  cargo xtask help          this text

test, tools and local need Rust, Node with npm, and Python 3 with venv and pip; the others Rust.";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next();
    let rest: Vec<String> = args.collect();
    let asks_for_help =
        |words: &[String]| words.iter().any(|word| word == "-h" || word == "--help");
    let outcome = match task.as_deref() {
        None | Some("help" | "-h" | "--help") => {
            say!("{HELP}");
            return ExitCode::SUCCESS;
        }
        // Those of `test` are for cargo.
        Some(task) if task != "test" && asks_for_help(&rest) => {
            say!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some("tools" | "infra-check") if !rest.is_empty() => {
            complain!("error: this task takes no options\n\n{HELP}");
            return ExitCode::from(2);
        }
        Some("test") => root().and_then(|root| run_tests::run(&root, &rest)),
        Some("local") => root().and_then(|root| local::run(&root, &rest)),
        Some("package") => root().and_then(|root| package::run(&root, &rest)),
        Some("tools") => root().and_then(|root| {
            tools::install(&root)?;
            Ok(ExitCode::SUCCESS)
        }),
        Some("infra-check") => root().and_then(|root| infra_check::run(&root)),
        Some(other) => {
            complain!("error: there is no task {other:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    outcome.unwrap_or_else(|error| {
        complain!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// The repository's folder: the parent of this package's.
fn root() -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .context("the folder of xtask has no parent")
}
