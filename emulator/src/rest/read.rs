//! From an HTTP request to a [`Request`].

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::clock::now_ticks;
use crate::error::KustoError;
use crate::request::{Request, plain_text};

/// The body of a request, or its query string.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Body {
    #[serde(default)]
    db: Option<String>,
    #[serde(default)]
    csl: String,
    #[serde(default)]
    properties: Option<Value>,
}

/// The same in a URL: properties can only be text there.
#[derive(Debug, Default, Deserialize)]
pub(super) struct QueryString {
    #[serde(default)]
    db: Option<String>,
    #[serde(default)]
    csl: String,
    #[serde(default)]
    properties: Option<String>,
}

impl From<QueryString> for Body {
    fn from(query: QueryString) -> Self {
        Self {
            db: query.db,
            csl: query.csl,
            properties: query.properties.map(Value::String),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Properties {
    #[serde(default, rename = "Options")]
    options: Option<BTreeMap<String, Value>>,
    #[serde(default, rename = "Parameters")]
    parameters: Option<BTreeMap<String, Value>>,
}

/// A request without text, from its headers alone; errors before the body is read use it.
pub(super) fn headers_only(headers: &HeaderMap) -> Request {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let activity_id = Uuid::new_v4();
    let mut client_request_id = header("x-ms-client-request-id");
    if client_request_id.is_empty() {
        client_request_id = format!("unspecified;{activity_id}");
    }
    let mut options = BTreeMap::new();
    if header("x-ms-readonly").eq_ignore_ascii_case("true") {
        options.insert("request_readonly".to_owned(), Value::Bool(true));
    }
    Request {
        database: String::new(),
        text: String::new(),
        options,
        parameters: BTreeMap::new(),
        client_request_id,
        activity_id,
        application: header("x-ms-app"),
        user: header("x-ms-user"),
        started_on: now_ticks(),
    }
}

/// Adds what the body says.
///
/// # Errors
/// A body that is no such document, or an option that would change the answer and is not known.
pub(super) fn with_body(mut request: Request, body: Body) -> Result<Request, KustoError> {
    let properties = properties(body.properties)?;
    let of_headers = request.options.clone();
    request.database = body.db.unwrap_or_default();
    request.text = body.csl;
    request
        .options
        .extend(properties.options.unwrap_or_default());
    // A body cannot take back what its headers forbid.
    request.options.extend(of_headers);
    request.parameters = properties
        .parameters
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| (name, plain_text(&value)))
        .collect();
    request.refuse_unknown_options()?;
    Ok(request)
}

/// Reads the body of a POST.
///
/// # Errors
/// No JSON, or no such document.
pub(super) fn body(bytes: &[u8]) -> Result<Body, KustoError> {
    serde_json::from_slice(bytes).map_err(|error| {
        KustoError::bad_request(
            "General_BadRequest",
            format!("The request's body is no valid request document: {error}."),
        )
    })
}

/// Properties come as an object or, from some SDKs, as JSON in a string.
fn properties(value: Option<Value>) -> Result<Properties, KustoError> {
    let parsed = match value {
        None | Some(Value::Null) => return Ok(Properties::default()),
        Some(Value::String(text)) if text.is_empty() => return Ok(Properties::default()),
        Some(Value::String(text)) => serde_json::from_str(&text),
        Some(other) => serde_json::from_value(other),
    };
    parsed.map_err(|error| {
        KustoError::bad_request(
            "General_BadRequest",
            format!("The request's properties cannot be read: {error}."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn properties_are_read_as_object_and_as_text() {
        let inner = json!({"Options": {"notruncation": true}, "Parameters": {"n": "5", "m": 6}});
        for form in [inner.clone(), Value::String(inner.to_string())] {
            let bytes = json!({"db": "D", "csl": "T", "properties": form}).to_string();
            let request = body(bytes.as_bytes())
                .and_then(|body| with_body(headers_only(&HeaderMap::new()), body))
                .expect("both forms are accepted");
            assert!(request.is_on("notruncation"));
            assert_eq!(request.parameters.get("n").map(String::as_str), Some("5"));
            assert_eq!(request.parameters.get("m").map(String::as_str), Some("6"));
        }
    }

    #[test]
    fn a_header_that_forbids_writing_holds_whatever_the_body_says() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-ms-readonly",
            axum::http::HeaderValue::from_static("true"),
        );
        let text = json!({"csl": "T", "properties": {"Options": {"request_readonly": false}}});
        let request = body(text.to_string().as_bytes())
            .and_then(|body| with_body(headers_only(&headers), body))
            .expect("it is well formed");
        assert!(request.is_on("request_readonly"));
    }

    #[test]
    fn a_broken_body_is_a_bad_request() {
        let refused = body(b"{").expect_err("no JSON");
        assert_eq!(refused.status, 400);
    }
}
