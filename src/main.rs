//! kusto-copy: replicates Azure Data Explorer (Kusto) databases exactly, resumably, exactly once.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
