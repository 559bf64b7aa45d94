//! Runs texts of the query language for requests and for commands.

use std::sync::Arc;

use kusto_emulator_kql::{KqlError, QueryContext, QueryOutput};
use kusto_emulator_values::Table;

use super::{Overrides, QueryCatalog};
use crate::clock::now_ticks;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::request::Request;

/// Runs a query in the request's database and with its options.
///
/// `no_truncation` lifts the limit on rows (exports, ingestion from queries); `overrides` replaces
/// tables (update policies).
///
/// # Errors
/// Kusto's answer to a query that is wrong, unknown here, above a limit or failed.
pub(crate) async fn run_query(
    engine: &Arc<Engine>,
    request: &Request,
    text: &str,
    overrides: Overrides,
    no_truncation: bool,
) -> Result<QueryOutput, KustoError> {
    let (catalog, context) = prepare(engine, request, overrides, no_truncation)?;
    let result = kusto_emulator_kql::run(text, Arc::clone(&catalog) as _, &context).await;
    result.map_err(|error| answer_to(error, &catalog))
}

/// Runs a pipeline over a command's result.
///
/// # Errors
/// As for [`run_query`].
pub(crate) async fn run_pipeline(
    engine: &Arc<Engine>,
    request: &Request,
    input: Table,
    pipeline: &str,
) -> Result<QueryOutput, KustoError> {
    let (catalog, context) = prepare(engine, request, Overrides::new(), false)?;
    let result =
        kusto_emulator_kql::run_over(input, pipeline, Arc::clone(&catalog) as _, &context).await;
    result.map_err(|error| answer_to(error, &catalog))
}

/// A refused table explains a failure better than the query engine can.
fn answer_to(error: KqlError, catalog: &QueryCatalog) -> KustoError {
    match catalog.refused() {
        Some(refused) => refused.clone(),
        None => KustoError::from(error),
    }
}

fn prepare(
    engine: &Arc<Engine>,
    request: &Request,
    overrides: Overrides,
    no_truncation: bool,
) -> Result<(Arc<QueryCatalog>, QueryContext), KustoError> {
    let now = now_ticks();
    let settings = engine.settings();
    let catalog = QueryCatalog::new(
        engine,
        &request.database,
        now,
        overrides,
        request.is_on("request_block_row_level_security"),
    )?;
    let context = QueryContext {
        database: request.database.clone(),
        cluster_name: settings.cluster_name.clone(),
        now,
        options: request.options.clone(),
        parameters: request.parameters.clone(),
        memory_limit: None,
        no_truncation,
    };
    Ok((Arc::new(catalog), context))
}

impl From<KqlError> for KustoError {
    fn from(error: KqlError) -> Self {
        let bad = KustoError::bad_request("General_BadRequest", error.to_string());
        let inner = Some(error.code().to_owned());
        match error {
            KqlError::Syntax { .. } => Self {
                exception: "SyntaxException",
                inner,
                ..bad
            },
            KqlError::Semantic { .. } | KqlError::Unsupported { .. } => Self {
                exception: "SemanticException",
                inner,
                ..bad
            },
            KqlError::Limits { .. } => Self {
                inner,
                ..KustoError::limits(error.to_string())
            },
            KqlError::Execution { .. } | KqlError::Canceled => Self {
                exception: "KustoServicePartialQueryFailureException",
                permanent: false,
                inner,
                ..bad
            },
        }
    }
}
