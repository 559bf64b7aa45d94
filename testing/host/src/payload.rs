//! The body of the host's POST, as the host writes it.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::exchange::Call;
use crate::storage::{Message, Times};

/// Written into every request as `X-Azure-Functions-HostVersion`.
const HOST_VERSION: &str = "4.1045.200-stand-in";

/// What a timer tells the function.
#[derive(Debug, Clone, Default)]
pub struct Tick {
    /// The host says that the time passed while it was not there.
    pub past_due: bool,
    /// Send the body in chunks.
    pub chunked: bool,
    /// No `ScheduleStatus`, as when the host does not monitor the timer.
    pub unmonitored: bool,
    /// Metadata as with a retry policy: this many retries so far.
    pub retries: Option<u32>,
}

/// An HTTP request as the function sees it when it is not forwarded.
#[derive(Debug)]
pub(crate) struct Original {
    pub(crate) url: String,
    pub(crate) method: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: Vec<u8>,
}

/// `POST /{function}`.
pub(crate) fn post(function: &str, id: &str, payload: &Value, chunked: bool) -> Call {
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, json);
    let version = HeaderValue::from_static(HOST_VERSION);
    headers.insert("x-azure-functions-hostversion", version);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-azure-functions-invocationid", id);
    }
    Call {
        method: Method::POST,
        uri: function_uri(function),
        headers,
        body: payload.to_string().into_bytes(),
        chunked,
    }
}

/// Function names are letters, digits, `-` and `_`; anything else becomes the root.
fn function_uri(function: &str) -> Uri {
    format!("/{function}").parse().unwrap_or_default()
}

fn sys(function: &str, now: DateTime<Utc>) -> Value {
    json!({
        "MethodName": function,
        "UtcNow": now.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "RandGuid": uuid::Uuid::new_v4().to_string(),
    })
}

pub(crate) fn timer(
    function: &str,
    binding: &str,
    tick: &Tick,
    times: Option<Times>,
    now: DateTime<Utc>,
) -> Value {
    let text = |time: Option<DateTime<Utc>>| match time {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        // .NET's first moment, without a time zone: what the host writes before the first run.
        None => "0001-01-01T00:00:00".to_owned(),
    };
    let status = times.filter(|_| !tick.unmonitored).map(|times| {
        json!({
            "Last": text(times.last),
            "Next": text(times.next),
            "LastUpdated": text(times.last),
        })
    });
    let mut metadata = Map::new();
    metadata.insert("sys".to_owned(), sys(function, now));
    if let Some(retries) = tick.retries {
        let context = json!({"RetryCount": retries, "MaxRetryCount": 5, "Exception": null});
        metadata.insert("RetryContext".to_owned(), context);
    }
    json!({
        "Data": {
            binding: {
                "Schedule": {"AdjustForDST": true},
                "ScheduleStatus": status,
                "IsPastDue": tick.past_due,
            },
        },
        "Metadata": metadata,
    })
}

/// Texts are serialised once more, in the data and in the metadata.
pub(crate) fn queue(function: &str, binding: &str, message: &Message, now: DateTime<Utc>) -> Value {
    let twice = |text: &str| Value::String(Value::from(text).to_string());
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    json!({
        "Data": {binding: twice(&message.text)},
        "Metadata": {
            "Id": twice(&message.id),
            "DequeueCount": message.dequeue_count.to_string(),
            "InsertionTime": time(message.inserted),
            "ExpirationTime": time(message.inserted + chrono::TimeDelta::days(7)),
            "PopReceipt": twice(&message.receipt),
            "sys": sys(function, now),
        },
    })
}

pub(crate) fn http(
    function: &str,
    binding: &str,
    original: &Original,
    now: DateTime<Utc>,
) -> Value {
    let body = match std::str::from_utf8(&original.body) {
        Ok("") => Value::Null,
        Ok(text) => Value::from(text),
        Err(_) => Value::from(String::from_utf8_lossy(&original.body)),
    };
    let mut request = json!({
        "Url": original.url,
        "Method": original.method,
        "Query": original.query,
        "Headers": original.headers,
        "Params": {},
        "Identities": [],
    });
    if !body.is_null() {
        request["Body"] = body;
    }
    let twice = |map: &BTreeMap<String, String>| {
        let members = map.iter();
        members
            .map(|(key, value)| {
                (
                    key.clone(),
                    Value::String(Value::from(value.as_str()).to_string()),
                )
            })
            .collect::<Map<String, Value>>()
    };
    let mut metadata = twice(&original.query);
    metadata.insert("sys".to_owned(), sys(function, now));
    json!({"Data": {binding: request}, "Metadata": metadata})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-02T03:04:05.6Z".parse().expect("a time")
    }

    #[test]
    fn a_first_tick_has_the_first_moment_of_all_time() {
        let times = Times {
            last: None,
            next: Some(now()),
        };
        let payload = timer("advance", "timer", &Tick::default(), Some(times), now());
        assert_eq!(
            payload["Data"]["timer"],
            json!({
                "Schedule": {"AdjustForDST": true},
                "ScheduleStatus": {
                    "Last": "0001-01-01T00:00:00",
                    "Next": "2026-01-02T03:04:05.600Z",
                    "LastUpdated": "0001-01-01T00:00:00",
                },
                "IsPastDue": false,
            })
        );
        assert_eq!(payload["Metadata"]["sys"]["MethodName"], "advance");
        assert_eq!(payload["Metadata"].get("RetryContext"), None);
    }

    #[test]
    fn an_unmonitored_tick_has_no_status() {
        let tick = Tick {
            unmonitored: true,
            past_due: true,
            retries: Some(2),
            ..Tick::default()
        };
        let payload = timer("advance", "timer", &tick, None, now());
        assert_eq!(payload["Data"]["timer"]["ScheduleStatus"], Value::Null);
        assert_eq!(payload["Data"]["timer"]["IsPastDue"], true);
        assert_eq!(payload["Metadata"]["RetryContext"]["RetryCount"], 2);
    }

    #[test]
    fn a_message_is_decoded_twice_to_be_json_again() {
        let message = Message::new("{\"job\":\"a \\\"b\\\"\"}".to_owned(), now());
        let payload = queue("next", "item", &message, now());
        let outer = payload["Data"]["item"].as_str().expect("a text");
        let inner: String = serde_json::from_str(outer).expect("a text within the text");
        let message: Value = serde_json::from_str(&inner).expect("the message");
        assert_eq!(message, json!({"job": "a \"b\""}));
        assert_eq!(payload["Metadata"]["DequeueCount"], "0");
    }

    #[test]
    fn a_request_without_forwarding_is_data() {
        let original = Original {
            url: "http://localhost/api/control?job=a".to_owned(),
            method: "POST".to_owned(),
            query: BTreeMap::from([("job".to_owned(), "a".to_owned())]),
            headers: BTreeMap::from([("Accept".to_owned(), vec!["*/*".to_owned()])]),
            body: b"{\"action\":\"pause\"}".to_vec(),
        };
        let payload = http("control", "req", &original, now());
        let request = &payload["Data"]["req"];
        assert_eq!(request["Body"], "{\"action\":\"pause\"}");
        assert_eq!(request["Query"]["job"], "a");
        assert_eq!(request["Headers"]["Accept"], json!(["*/*"]));
        assert_eq!(payload["Metadata"]["job"], "\"a\"");
    }
}
