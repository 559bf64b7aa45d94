//! `kusto-copy pause`, `resume`, `retry`, `start`: a wish left in a job's state for whoever drives
//! it, a process or the steps of a function app.

use kusto_copy_driver::Request;

use super::args::ControlArgs;
use super::exit::{Exit, Failure};
use super::{lake, output};

/// Leaves the request.
///
/// # Errors
/// When there is no job, or its state cannot be written.
pub(crate) async fn run(args: ControlArgs, request: Request) -> Result<Exit, Failure> {
    let store = lake::open_existing((&args).into()).await?;
    kusto_copy_driver::request(store, request).await?;
    output::say(match request {
        Request::Pause => "The job is paused: nothing new begins until it is resumed.",
        Request::Resume => "The job goes on.",
        Request::RetryHeld => "What is held is tried once more by whoever drives the job.",
        Request::StartNow => "The next iteration starts as soon as somebody drives the job.",
    });
    Ok(Exit::Complete)
}
