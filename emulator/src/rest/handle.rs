//! One request from arrival to answer: faults, counters, journal, time limits.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use kusto_emulator_commands::Parsed;
use kusto_emulator_kql::QueryOutput;
use kusto_emulator_values::Table;

use super::answer::{Part, failure, success};
use super::{read, v1, v2};
use crate::capacity::Resource;
use crate::clock::now_ticks;
use crate::commands::run_command;
use crate::connections::ClientConnection;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::faults::FaultKind;
use crate::journal::RequestState;
use crate::query::{Overrides, run_query};
use crate::request::Request;

type Engines = State<Arc<Engine>>;
type Client = ConnectInfo<ClientConnection>;

/// Server timeouts when the request sets none (`concepts/query-limits.md`).
const QUERY_TIMEOUT: Duration = Duration::from_secs(240);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Mgmt,
    QueryV1,
    QueryV2,
}

macro_rules! handlers {
    ($($post:ident, $get:ident => $endpoint:ident;)*) => {$(
        pub(super) async fn $post(
            State(engine): Engines,
            ConnectInfo(client): Client,
            headers: HeaderMap,
            body: Bytes,
        ) -> Response {
            let request = read::headers_only(&headers);
            serve(engine, client, Endpoint::$endpoint, request, read::body(&body)).await
        }

        pub(super) async fn $get(
            State(engine): Engines,
            ConnectInfo(client): Client,
            headers: HeaderMap,
            Query(body): Query<read::QueryString>,
        ) -> Response {
            let request = read::headers_only(&headers);
            serve(engine, client, Endpoint::$endpoint, request, Ok(body.into())).await
        }
    )*};
}

handlers! {
    mgmt_post, mgmt_get => Mgmt;
    query_v1_post, query_v1_get => QueryV1;
    query_v2_post, query_v2_get => QueryV2;
}

async fn serve(
    engine: Arc<Engine>,
    client: ClientConnection,
    endpoint: Endpoint,
    request: Request,
    body: Result<read::Body, KustoError>,
) -> Response {
    let read = body.and_then(|body| read::with_body(request.clone(), body));
    let request = match read {
        Ok(request) => request,
        Err(refused) => return failure(&request, &refused),
    };
    match endpoint {
        Endpoint::Mgmt => command(engine, client, request).await,
        Endpoint::QueryV1 | Endpoint::QueryV2 => query(engine, client, endpoint, request).await,
    }
}

/// A command goes on to its end even when its client goes away.
async fn command(engine: Arc<Engine>, client: ClientConnection, request: Request) -> Response {
    let parsed = parse_command(&request.text);
    let kind = match &parsed {
        Ok(parsed) => parsed.command.kind(),
        Err(_) => "Unknown".to_owned(),
    };
    let timeout = match request.server_timeout(COMMAND_TIMEOUT) {
        Ok(timeout) => timeout,
        Err(refused) => return failure(&request, &refused),
    };
    let text = kusto_emulator_commands::obfuscate(&request.text);
    let open = Open::begin(&engine, &request, &kind, &text);
    if let Err(refused) = before(&engine, &client, &request, &kind).await {
        return open.end(&client, Err(refused));
    }
    let work = {
        let (engine, request) = (Arc::clone(&engine), request.clone());
        tokio::spawn(async move { run_command(&engine, &request, parsed?).await })
    };
    let result: Result<Table, KustoError> = match tokio::time::timeout(timeout, work).await {
        Err(_) => Err(KustoError::timeout(timeout.as_secs())),
        Ok(Err(_)) => Err(KustoError::service("The command was abandoned.")),
        Ok(Ok(result)) => result,
    };
    let late = late_failure(&engine, &request, &kind);
    let parts = result.map(|table| v1::command(&request, &table, late.as_ref()));
    open.end(&client, parts)
}

/// The failure inside an answer of HTTP 200, if a fault wants one.
fn late_failure(engine: &Engine, request: &Request, kind: &str) -> Option<KustoError> {
    engine
        .faults
        .strike(FaultKind::ErrorIn200, kind, &request.text)
        .map(|_| KustoError::service("The request failed on one of the nodes."))
}

fn parse_command(text: &str) -> Result<Parsed, KustoError> {
    match kusto_emulator_commands::is_command(text) {
        true => kusto_emulator_commands::parse(text).map_err(KustoError::from),
        false => Err(KustoError::syntax(
            "SYN0002",
            "a management command must begin with a dot; send queries to the query endpoint.",
        )),
    }
}

/// A query ends when its client goes away.
async fn query(
    engine: Arc<Engine>,
    client: ClientConnection,
    endpoint: Endpoint,
    request: Request,
) -> Response {
    const KIND: &str = "Query";
    let timeout = match request.server_timeout(QUERY_TIMEOUT) {
        Ok(timeout) => timeout,
        Err(refused) => return failure(&request, &refused),
    };
    let text = kusto_emulator_commands::obfuscate(&request.text);
    let open = Open::begin(&engine, &request, KIND, &text);
    if let Err(refused) = before(&engine, &client, &request, KIND).await {
        return open.end(&client, Err(refused));
    }
    let result = match tokio::time::timeout(timeout, run_limited(&engine, &request)).await {
        Err(_) => Err(KustoError::timeout(timeout.as_secs())),
        Ok(result) => result,
    };
    let late = late_failure(&engine, &request, KIND);
    let parts = result.map(|output| match endpoint {
        Endpoint::QueryV2 => v2::query(&request, &output, late.as_ref()),
        Endpoint::QueryV1 | Endpoint::Mgmt => v1::query(&request, &output, late.as_ref()),
    });
    open.end(&client, parts)
}

async fn run_limited(engine: &Arc<Engine>, request: &Request) -> Result<QueryOutput, KustoError> {
    if kusto_emulator_commands::is_command(&request.text) {
        return Err(KustoError::syntax(
            "SYN0002",
            "a query must not begin with a dot; send commands to the management endpoint.",
        ));
    }
    let total = || Resource::Queries.total(&engine.settings().capacity);
    let settings = engine.settings();
    let wait = Duration::from_millis(settings.throttle_wait_ms);
    let _slot = engine
        .capacity
        .acquire(Resource::Queries, total, wait)
        .await
        .ok_or_else(|| KustoError::query_throttled(total()))?;
    let output = run_query(engine, request, &request.text, Overrides::new(), false).await?;
    let rows: usize = output.tables.iter().map(Table::num_rows).sum();
    let time = settings.service_times.query;
    let nanoseconds = time
        .per_row_ns
        .saturating_mul(u64::try_from(rows).unwrap_or(u64::MAX))
        .saturating_add(time.base_ms.saturating_mul(1_000_000));
    if nanoseconds > 0 {
        tokio::time::sleep(Duration::from_nanos(nanoseconds)).await;
    }
    Ok(output)
}

/// A request under way: counted and noted until it has ended, or its client has gone away.
pub(super) struct Open {
    engine: Arc<Engine>,
    request: Request,
    kind: String,
    is_ended: bool,
}

impl Open {
    /// Counts and notes a request; `text` must be free of secrets.
    pub(super) fn begin(engine: &Arc<Engine>, request: &Request, kind: &str, text: &str) -> Self {
        tracing::debug!(kind, id = %request.client_request_id, "request");
        engine.stats.begin(kind);
        engine.journal.begin(request, kind, text);
        Self {
            engine: Arc::clone(engine),
            request: request.clone(),
            kind: kind.to_owned(),
            is_ended: false,
        }
    }

    /// Notes the end and makes the answer, unless a fault loses it.
    pub(super) fn end(
        mut self,
        client: &ClientConnection,
        parts: Result<Vec<Part>, KustoError>,
    ) -> Response {
        self.is_ended = true;
        let (state, reason) = match &parts {
            Ok(_) => (RequestState::Completed, ""),
            Err(error) if error.status == 429 => (RequestState::Throttled, error.message.as_str()),
            Err(error) => (RequestState::Failed, error.message.as_str()),
        };
        self.note(state, reason);
        let lost = self
            .engine
            .faults
            .strike(FaultKind::LoseAnswer, &self.kind, &self.request.text);
        if lost.is_some() {
            client.0.cut();
        }
        match parts {
            Ok(parts) => success(&self.request, parts),
            Err(error) => failure(&self.request, &error),
        }
    }

    fn note(&self, state: RequestState, reason: &str) {
        let failed = state != RequestState::Completed;
        self.engine.stats.end(&self.kind, failed);
        self.engine
            .journal
            .end(self.request.activity_id, state, reason, now_ticks());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.is_ended {
            self.note(RequestState::Failed, "The client went away.");
        }
    }
}

/// Faults that strike before anything is done.
pub(super) async fn before(
    engine: &Engine,
    client: &ClientConnection,
    request: &Request,
    kind: &str,
) -> Result<(), KustoError> {
    let strike = |fault| engine.faults.strike(fault, kind, &request.text);
    if strike(FaultKind::DropConnection).is_some() {
        client.0.cut();
        return Err(KustoError::service("The connection was dropped."));
    }
    if let Some(rule) = strike(FaultKind::Delay) {
        tokio::time::sleep(Duration::from_millis(rule.delay_ms)).await;
    }
    if strike(FaultKind::ServiceError).is_some() {
        return Err(KustoError::service(
            "The service failed on one of its nodes.",
        ));
    }
    if kind == "Query" && strike(FaultKind::Throttle).is_some() {
        let total = Resource::Queries.total(&engine.settings().capacity);
        return Err(KustoError::query_throttled(total));
    }
    Ok(())
}
