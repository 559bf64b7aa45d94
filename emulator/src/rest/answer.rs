//! Answers: documents cut into parts, so that a large result is never one giant text.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use kusto_emulator_values::{Column, RowWriter, Schema, Table};
use serde_json::Value;

use crate::error::KustoError;
use crate::request::Request;
use crate::rest::errors;

/// Rows written in one part.
const ROWS_A_PART: usize = 8_192;
/// Answers of at most this many parts are sent whole, with their length.
const PARTS_SENT_WHOLE: usize = 8;

/// A piece of an answer.
#[derive(Debug)]
pub(super) enum Part {
    /// Text as it is.
    Text(String),
    /// Rows without their enclosing brackets; `first` has no comma before it.
    Rows {
        schema: Schema,
        batch: arrow::record_batch::RecordBatch,
        first: bool,
    },
}

/// Adds the rows of a table as a JSON array.
pub(super) fn push_rows(parts: &mut Vec<Part>, table: &Table, trailing: Option<&Value>) {
    parts.push(Part::Text("[".to_owned()));
    let mut first = true;
    for batch in &table.batches {
        let mut from = 0;
        while from < batch.num_rows() {
            let rows = ROWS_A_PART.min(batch.num_rows() - from);
            parts.push(Part::Rows {
                schema: table.schema.clone(),
                batch: batch.slice(from, rows),
                first,
            });
            first = false;
            from += rows;
        }
    }
    if let Some(trailing) = trailing {
        let comma = if first { "" } else { "," };
        parts.push(Part::Text(format!("{comma}{trailing}")));
    }
    parts.push(Part::Text("]".to_owned()));
}

impl Part {
    fn encode(self) -> io::Result<Bytes> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Rows {
                schema,
                batch,
                first,
            } => encode_rows(&schema, &batch, first),
        }
    }
}

fn encode_rows(
    schema: &[Column],
    batch: &arrow::record_batch::RecordBatch,
    first: bool,
) -> io::Result<Bytes> {
    let writer = RowWriter::new(schema, batch).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(batch.num_rows() * 64);
    for row in 0..batch.num_rows() {
        if !(first && row == 0) {
            bytes.push(b',');
        }
        writer.write(row, &mut bytes)?;
    }
    Ok(bytes.into())
}

/// The answer of HTTP 200 with these parts.
pub(super) fn success(request: &Request, parts: Vec<Part>) -> Response {
    let body = match parts.len() <= PARTS_SENT_WHOLE {
        true => {
            let mut whole = Vec::new();
            for part in parts {
                match part.encode() {
                    Ok(bytes) => whole.extend_from_slice(&bytes),
                    Err(error) => {
                        return failure(request, &KustoError::service(error.to_string()));
                    }
                }
            }
            Body::from(whole)
        }
        false => Body::from_stream(futures::stream::iter(parts.into_iter().map(Part::encode))),
    };
    respond(request, StatusCode::OK, body)
}

/// The answer to a request that failed.
pub(super) fn failure(request: &Request, error: &KustoError) -> Response {
    let document = serde_json::json!({ "error": errors::error_document(error, request) });
    respond(
        request,
        errors::status(error),
        Body::from(document.to_string()),
    )
}

fn respond(request: &Request, status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    let ids = [
        ("x-ms-client-request-id", request.client_request_id.clone()),
        ("x-ms-activity-id", request.activity_id.to_string()),
    ];
    for (name, id) in ids {
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
