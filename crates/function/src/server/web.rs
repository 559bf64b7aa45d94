//! HTTP requests of people and pages, whichever way the host hands them over: as they came, or
//! as data in a POST of its own.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::contract::Answer;

/// The output binding of HTTP functions in their `function.json`.
const BINDING: &str = "res";

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WebRequest {
    /// Its method in capitals.
    pub(crate) method: String,
    query: BTreeMap<String, String>,
    /// By name in small letters.
    headers: BTreeMap<String, String>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl WebRequest {
    /// One that came as it was sent.
    pub(crate) fn original(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Self {
        let headers = headers.iter().filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        Self {
            method: method.as_str().to_owned(),
            query: pairs(uri.query().unwrap_or_default()),
            headers: headers.collect(),
            body: body.to_vec(),
        }
    }

    /// One in the host's own form.
    pub(crate) fn enclosed(request: &Map<String, Value>) -> Self {
        let method = request.get("Method").and_then(Value::as_str);
        let url = request.get("Url").and_then(Value::as_str);
        let mut query = pairs(
            url.and_then(|url| url.split_once('?'))
                .map_or("", |url| url.1),
        );
        query.extend(texts(request.get("Query")));
        let headers = texts(request.get("Headers"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let body = match request.get("Body") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => text.clone().into_bytes(),
            Some(other) => other.to_string().into_bytes(),
        };
        Self {
            method: method.unwrap_or("GET").to_ascii_uppercase(),
            query,
            headers,
            body,
        }
    }

    /// A part of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A header, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Texts by name, where each may be a list of which the first counts.
fn texts(object: Option<&Value>) -> impl Iterator<Item = (String, String)> {
    let members = object.and_then(Value::as_object);
    members.into_iter().flatten().filter_map(|(name, value)| {
        let first = value.as_array().and_then(|values| values.first());
        let text = first.unwrap_or(value).as_str()?;
        Some((name.clone(), text.to_owned()))
    })
}

/// The pairs of a query. None of ours needs decoding: what is encoded is not what we look for.
fn pairs(query: &str) -> BTreeMap<String, String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebReply {
    /// Its status.
    pub(crate) status: StatusCode,
    headers: Vec<(header::HeaderName, String)>,
    /// Its body.
    pub(crate) body: String,
}

impl WebReply {
    /// JSON.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        const JSON: &str = "application/json";
        match serde_json::to_string(body) {
            Ok(body) => Self::of(status, JSON, body),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                Self::of(StatusCode::INTERNAL_SERVER_ERROR, JSON, "{}".to_owned())
            }
        }
    }

    /// A page that may do what the policy says.
    pub(crate) fn html(body: String, policy: String) -> Self {
        Self::of(StatusCode::OK, "text/html; charset=utf-8", body)
            .with(header::CONTENT_SECURITY_POLICY, policy)
            .with(header::X_FRAME_OPTIONS, "DENY")
            // The address may hold a function key.
            .with(header::REFERRER_POLICY, "no-referrer")
    }

    /// A refusal with its reason.
    pub(crate) fn refusal(status: StatusCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self::json(status, &json!({"ok": false, "message": message}))
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn of(status: StatusCode, content: &str, body: String) -> Self {
        let headers = [
            (header::CONTENT_TYPE, content),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Self {
            status,
            headers: headers
                .into_iter()
                .map(|(name, value)| (name, value.to_owned()))
                .collect(),
            body,
        }
    }

    /// As an answer to a request that came as it was sent.
    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            // All values are texts of ours without line breaks.
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// As an answer in the host's own form.
    pub(crate) fn into_answer(self) -> Answer {
        let headers: Map<String, Value> = self
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.into()))
            .collect();
        let reply = json!({
            "statusCode": self.status.as_u16(),
            "status": self.status.as_u16(),
            "headers": headers,
            "body": self.body,
        });
        Answer {
            outputs: BTreeMap::from([(BINDING, reply)]),
            ..Answer::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_the_same_request() {
        let uri: Uri = "/api/control?code=k&format=json".parse().expect("a path");
        let mut headers = HeaderMap::new();
        headers.insert("Content-Type", "application/json".parse().expect("a value"));
        let body = Bytes::from_static(b"{}");
        let original = WebRequest::original(&Method::POST, &uri, &headers, &body);
        let enclosed = json!({
            "Url": "https://app.azurewebsites.net/api/control?code=k",
            "Method": "post",
            "Query": {"code": "k", "format": "json"},
            "Headers": {"Content-Type": ["application/json", "text/plain"], "X": [], "Y": 1},
            "Params": {},
            "Identities": [],
            "Body": "{}",
        });
        let enclosed = WebRequest::enclosed(enclosed.as_object().expect("an object"));
        assert_eq!(enclosed, original);
        assert_eq!(original.query("format"), Some("json"));
        assert_eq!(original.header("content-type"), "application/json");
    }

    #[test]
    fn a_reply_goes_both_ways() {
        let reply = WebReply::refusal(StatusCode::NOT_FOUND, "no such job");
        let answer = reply.clone().into_answer();
        let enclosed = &answer.outputs[BINDING];
        assert_eq!(enclosed["statusCode"], 404);
        assert_eq!(enclosed["headers"]["content-type"], "application/json");
        assert_eq!(
            enclosed["body"],
            "{\"message\":\"no such job\",\"ok\":false}"
        );
        let response = reply.into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}
