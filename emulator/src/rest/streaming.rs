//! `/v1/rest/ingest/{database}/{table}`: streaming ingestion of one small body.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use kusto_emulator_commands::Properties;
use kusto_emulator_values::{Column, ScalarType, TableBuilder, Value};
use uuid::Uuid;

use super::answer::{Part, failure};
use super::handle::{Open, before};
use super::{read, v1};
use crate::commands::{Execution, ingest_body};
use crate::connections::ClientConnection;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::request::Request;

const KIND: &str = "StreamingIngestion";
/// Formats that need a mapping here, as in Kusto.
const MAPPED_FORMATS: [&str; 3] = ["json", "multijson", "avro"];

/// Ingests the body as one commit and answers the number of rows.
pub(super) async fn ingest(
    State(engine): State<Arc<Engine>>,
    ConnectInfo(client): ConnectInfo<ClientConnection>,
    Path((database, table)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request {
        database,
        text: format!("streaming ingestion into {table}"),
        ..read::headers_only(&headers)
    };
    let read = properties(&query)
        .and_then(|properties| Ok((properties, plain_body(&engine, &headers, &body)?)));
    let (properties, body) = match read {
        Ok(read) => read,
        Err(refused) => return failure(&request, &refused),
    };
    let open = Open::begin(&engine, &request, KIND, &request.text);
    if let Err(refused) = before(&engine, &client, &request, KIND).await {
        return open.end(&client, Err(refused));
    }
    let execution = Execution {
        engine: Arc::clone(&engine),
        request: request.clone(),
        operation_id: Uuid::new_v4(),
    };
    let work =
        tokio::spawn(async move { ingest_body(&execution, &table, &properties, &body).await });
    let result = match work.await {
        Ok(result) => result.and_then(|rows| answer(&request, rows)),
        Err(_) => Err(KustoError::service("The ingestion was abandoned.")),
    };
    open.end(&client, result)
}

/// The properties of an ingestion command that the query string stands for.
fn properties(query: &HashMap<String, String>) -> Result<Properties, KustoError> {
    let value = |wanted: &str| {
        query
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.clone())
    };
    if value("sourceKind").is_some_and(|kind| kind.eq_ignore_ascii_case("uri")) {
        return Err(KustoError::unsupported(
            "Streaming ingestion from an address",
        ));
    }
    let format = value("streamFormat").unwrap_or_else(|| "csv".to_owned());
    let mapping = value("mappingName").filter(|name| !name.is_empty());
    if mapping.is_none() && MAPPED_FORMATS.contains(&format.to_lowercase().as_str()) {
        return Err(KustoError::bad_request(
            "BadRequest_MissingMappingFailure",
            format!("Streaming ingestion of format '{format}' needs a mapping."),
        ));
    }
    let mut pairs = vec![("format".to_owned(), format)];
    pairs.extend(mapping.map(|name| ("ingestionMappingReference".to_owned(), name)));
    Ok(pairs.into_iter().collect())
}

/// The body, unpacked if it is compressed, within the limit of Kusto's streaming ingestion.
fn plain_body(engine: &Engine, headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, KustoError> {
    let limit = engine.settings().ingestion.streaming_max_bytes;
    let too_large = || {
        KustoError::too_large(format!(
            "The streamed data exceed the limit of {limit} bytes."
        ))
    };
    let is_packed = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"gzip"));
    let plain = match is_packed {
        false => body.to_vec(),
        true => {
            let mut plain = Vec::new();
            // One byte more than allowed tells "too large" from "just fits".
            flate2::read::GzDecoder::new(body)
                .take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1))
                .read_to_end(&mut plain)
                .map_err(|_| {
                    KustoError::bad_request(
                        "BadRequest_InvalidBlob",
                        "The body is not valid gzip data.",
                    )
                })?;
            plain
        }
    };
    match plain.len() > limit {
        true => Err(too_large()),
        false => Ok(plain),
    }
}

fn answer(request: &Request, rows: usize) -> Result<Vec<Part>, KustoError> {
    let failed = |error: kusto_emulator_values::ValuesError| KustoError::service(error.to_string());
    let mut table = TableBuilder::new(vec![
        Column::new("ConsumedRecordsCount", ScalarType::Long),
        Column::new("UpdatePolicyStatus", ScalarType::String),
        Column::new("UpdatePolicyFailureCode", ScalarType::String),
        Column::new("UpdatePolicyFailureReason", ScalarType::String),
    ]);
    table
        .push_row(vec![
            Value::Long(i64::try_from(rows).unwrap_or(i64::MAX)),
            Value::string("Inactive"),
            Value::string("Unknown"),
            Value::Null(ScalarType::String),
        ])
        .map_err(failed)?;
    Ok(v1::command(request, &table.finish().map_err(failed)?, None))
}
