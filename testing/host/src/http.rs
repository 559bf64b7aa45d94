//! HTTP functions, on the host's own port.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::exchange::{Answer, Call};
use crate::handle::Handle;
use crate::invocation::new_id;
use crate::package::{Function, Output, Trigger};
use crate::payload::{self, Original};

/// Largest request body; the real host takes 100 MB.
const MAX_BODY: usize = 100 << 20;

/// Headers that belong to one connection.
const HOP_BY_HOP: [HeaderName; 4] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::CONTENT_LENGTH,
    header::UPGRADE,
];

pub(crate) async fn serve(listener: TcpListener, handle: Handle) {
    let router = Router::new().fallback(answer).with_state(handle);
    // Ends with the host.
    let _ = axum::serve(listener, router).await;
}

async fn answer(State(handle): State<Handle>, request: Request) -> Response {
    let (function, allowed) = match route(&handle, &request) {
        Some(found) => found,
        None => return StatusCode::NOT_FOUND.into_response(),
    };
    if !allowed {
        // The real host answers 404 where no function takes the method.
        return StatusCode::NOT_FOUND.into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let id = new_id();
    if handle.0.package.host.forwards_http && function.may_be_forwarded() {
        let mut headers = without_hops(&parts.headers);
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert("x-azure-functions-invocationid", id);
        }
        let call = Call {
            method: parts.method,
            uri: origin_form(&parts.uri),
            headers,
            body: body.to_vec(),
            chunked: false,
        };
        return match handle.forward(&function.name, &id, call).await {
            Ok(answer) => forwarded(answer),
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        };
    }
    let original = original(&handle, &parts, body.to_vec());
    invoked(&handle, &function, &id, &original).await
}

/// The function at the request's path, and whether it takes the method. Routes have no case.
fn route(handle: &Handle, request: &Request) -> Option<(Function, bool)> {
    let package = &handle.0.package;
    let path = request.uri().path().trim_matches('/').to_lowercase();
    let path = match package.host.route_prefix.to_lowercase().as_str() {
        "" => path.as_str(),
        prefix => path.strip_prefix(prefix)?.strip_prefix('/')?,
    };
    package
        .functions
        .values()
        .find_map(|function| match &function.trigger {
            Trigger::Http { route, methods, .. } if route.to_lowercase() == path => {
                let method = request.method().as_str();
                let allowed = methods.is_empty() || methods.iter().any(|known| known == method);
                Some((function.clone(), allowed))
            }
            Trigger::Http { .. } | Trigger::Timer { .. } | Trigger::Queue { .. } => None,
        })
}

fn origin_form(uri: &axum::http::Uri) -> axum::http::Uri {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    path.parse().unwrap_or_default()
}

fn without_hops(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}

fn forwarded(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    *response.headers_mut() = without_hops(&answer.headers);
    response
}

fn original(handle: &Handle, parts: &axum::http::request::Parts, body: Vec<u8>) -> Original {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(capitalised(name.as_str()))
            .or_default()
            .push(value);
    }
    let query = parts.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    Original {
        url: format!("{}{}", handle.url(), origin_form(&parts.uri)),
        method: parts.method.to_string(),
        query: pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(key), decoded(value))
            })
            .collect(),
        headers,
        body,
    }
}

/// Headers reach the function in the form of .NET: `User-Agent`.
fn capitalised(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    });
    words.collect::<Vec<_>>().join("-")
}

/// Percent signs and pluses of a query.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            (other, _) => {
                bytes.push(other);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The POST form: the answer is in `Outputs`.
async fn invoked(handle: &Handle, function: &Function, id: &str, original: &Original) -> Response {
    let Trigger::Http { name, .. } = &function.trigger else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let data = payload::http(&function.name, name, original, Utc::now());
    let call = payload::post(&function.name, id, &data, false);
    let invocation = handle.invoke(function, id, call, 0).await;
    if !invocation.succeeded() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let output = function.outputs.iter().find_map(|output| match output {
        Output::Http { name } if name == "$return" => invocation.return_value.as_ref(),
        Output::Http { name } => invocation.outputs.get(name),
        Output::Queue { .. } => None,
    });
    match output {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(output) => from_output(output),
    }
}

/// `{statusCode|status, headers, body}`, or a bare body.
fn from_output(output: &Value) -> Response {
    let Value::Object(members) = output else {
        return text(output).into_response();
    };
    let status = ["statusCode", "status"].iter().find_map(|name| {
        let value = members.get(*name)?;
        let number = value
            .as_u64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        StatusCode::from_u16(u16::try_from(number?).ok()?).ok()
    });
    let body = members.get("body").map(text).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status.unwrap_or_default();
    let headers = members.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        let name = HeaderName::try_from(name.as_str());
        let value = HeaderValue::try_from(text(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn queries_are_decoded() {
        assert_eq!(decoded("a+b%20c%3D%zz%"), "a b c=%zz%");
        assert_eq!(decoded("%C3%A4"), "ä");
    }

    #[test]
    fn headers_look_as_in_dotnet() {
        assert_eq!(capitalised("x-forwarded-for"), "X-Forwarded-For");
    }

    #[test]
    fn an_output_is_a_response() {
        let output = json!({
            "statusCode": "404",
            "headers": {"Content-Type": "text/html", "bad name": "x"},
            "body": "<p>none</p>",
        });
        let response = from_output(&output);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html");
        assert_eq!(response.headers().len(), 1);
    }
}
