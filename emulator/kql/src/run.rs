//! A whole request: text to tables.

use std::sync::Arc;

use kusto_emulator_values::Table;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::bind::Binder;
use crate::catalog::Catalog;
use crate::context::{QueryContext, QueryOutput};
use crate::error::{KqlError, Result};
use crate::execute::Executor;
use crate::parser;

/// Runs a query. Dropping the future stops it at its next step.
///
/// # Errors
/// The text is no KQL, its names or types do not fit, it is not supported, it exceeds a limit, or
/// it fails while running.
pub async fn run(
    text: &str,
    catalog: Arc<dyn Catalog>,
    context: &QueryContext,
) -> std::result::Result<QueryOutput, KqlError> {
    let statements = parser::statements(text)?;
    blocking(catalog, context, move |binder| binder.run(&statements)).await
}

/// Runs what stands behind a command's first pipe over the command's result.
///
/// # Errors
/// As [`run`].
pub async fn run_over(
    input: Table,
    pipeline: &str,
    catalog: Arc<dyn Catalog>,
    context: &QueryContext,
) -> std::result::Result<QueryOutput, KqlError> {
    let operators = parser::operators(pipeline)?;
    blocking(catalog, context, move |binder| {
        binder.run_over(&input, &operators)
    })
    .await
}

/// Stack of a query's thread: plans are trees that are walked by recursion, as deep as the parser
/// allows expressions to nest and chain. Pages that are not touched cost nothing.
const STACK: usize = 256 * 1024 * 1024;

/// Binding runs on a thread that may block: operators that need their whole input run it at once.
async fn blocking(
    catalog: Arc<dyn Catalog>,
    context: &QueryContext,
    work: impl FnOnce(&mut Binder) -> Result<QueryOutput> + Send + 'static,
) -> Result<QueryOutput> {
    let context = context.clone();
    let handle = Handle::current();
    let (guard, caller) = watch::channel(());
    let (answer, answered) = oneshot::channel();
    std::thread::Builder::new()
        .name("kql".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let result = Executor::new(handle, caller, context.memory_limit)
                .and_then(|executor| work(&mut Binder::new(catalog, context, executor)));
            // Nobody listens any more when the caller has gone away.
            let _ = answer.send(result);
        })
        .map_err(|error| KqlError::execution(error.to_string()))?;
    let result = answered.await;
    drop(guard);
    result.map_err(|_| KqlError::execution("The query ended without an answer"))?
}
