//! `kusto-copy status`: how far a job is, from its stored state alone.

use super::args::StatusArgs;
use super::exit::{Exit, Failure};
use super::{lake, output};

/// Prints the state of every table.
///
/// # Errors
/// When there is no job, or its state cannot be read.
pub(crate) async fn run(args: StatusArgs) -> Result<Exit, Failure> {
    let store = lake::open_existing((&args).into()).await?;
    let report = kusto_copy_driver::status(store).await?;
    output::status(args.output, &report);
    Ok(Exit::Complete)
}
