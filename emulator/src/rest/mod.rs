//! The REST endpoints of a Kusto engine: commands, queries, streaming ingestion, authentication
//! metadata. One port serves them all, as SDKs expect of a local cluster.

mod answer;
mod errors;
mod handle;
mod metadata;
mod read;
mod streaming;
mod v1;
mod v2;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::engine::Engine;

/// Bytes of a request's body at most; commands with long lists of files stay far below.
const BODY_BYTES: usize = 256 << 20;

/// The routes of the engine.
pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new()
        .route(
            "/v1/rest/mgmt",
            post(handle::mgmt_post).get(handle::mgmt_get),
        )
        .route(
            "/v1/rest/query",
            post(handle::query_v1_post).get(handle::query_v1_get),
        )
        .route(
            "/v2/rest/query",
            post(handle::query_v2_post).get(handle::query_v2_get),
        )
        .route(
            "/v1/rest/ingest/{database}/{table}",
            post(streaming::ingest),
        )
        .route("/v1/rest/auth/metadata", get(metadata::metadata))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(engine)
}
