//! The Functions custom handler from this binary; the package has an executable of its own.

use super::exit::{Exit, Failure};

/// Serves the Functions host until it ends this process.
///
/// # Errors
/// No port, or one that cannot be taken.
pub(crate) async fn run() -> Result<Exit, Failure> {
    let served = kusto_copy_function::serve(kusto_copy_function::environment()).await;
    served
        .map(|()| Exit::Complete)
        .map_err(|error| Failure::new(kusto_copy_driver::complaint::chain(&error)))
}
