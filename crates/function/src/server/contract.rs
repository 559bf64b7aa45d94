//! The messages between the Functions host and a custom handler.
//!
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>. Whatever comes
//! is read leniently: a payload that is not as expected never keeps an execution from working.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value};

/// Header with the invocation's id.
const INVOCATION: &str = "x-azure-functions-invocationid";

/// Characters of an invocation's id at most: it stands in every line of the log.
const ID_LIMIT: usize = 64;

/// What the host sends for one invocation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Invocation {
    /// Its id; empty when nobody said.
    pub(crate) id: String,
    data: Map<String, Value>,
}

/// The id that a request's headers give.
pub(crate) fn invocation_id(headers: &HeaderMap) -> String {
    headers
        .get(INVOCATION)
        .and_then(|id| id.to_str().ok())
        .map(|id| id.chars().take(ID_LIMIT).collect())
        .unwrap_or_default()
}

impl Invocation {
    /// Reads the body of a POST; what is not there is empty.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut id = invocation_id(headers);
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if id.is_empty()
            && let Some(random) = body
                .pointer("/Metadata/sys/RandGuid")
                .and_then(Value::as_str)
        {
            id = random.chars().take(ID_LIMIT).collect();
        }
        let data = match body {
            Value::Object(mut body) => match body.remove("Data") {
                Some(Value::Object(data)) => data,
                Some(_) | None => Map::new(),
            },
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        Self { id, data }
    }

    /// Whether a timer says that it fires late.
    pub(crate) fn is_past_due(&self) -> bool {
        self.data
            .values()
            .any(|binding| binding.get("IsPastDue").and_then(Value::as_bool) == Some(true))
    }

    /// The JSON object in a queue's message. The host serialises the message's text again, so
    /// that an object arrives as text in text.
    pub(crate) fn message(&self) -> Option<Map<String, Value>> {
        self.data.values().find_map(|binding| {
            let mut value = binding.clone();
            for _ in 0..2 {
                if let Value::String(text) = &value {
                    value = serde_json::from_str(text).ok()?;
                }
            }
            match value {
                Value::Object(message) => Some(message),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => None,
            }
        })
    }

    /// The HTTP request of an HTTP trigger, when it is not forwarded as it came.
    pub(crate) fn http_request(&self) -> Option<&Map<String, Value>> {
        self.data.values().find_map(|binding| {
            let request = binding.as_object()?;
            (request.contains_key("Method") && request.contains_key("Url")).then_some(request)
        })
    }
}

/// What the host gets back. It is never empty: a `null` or empty answer would hang the
/// invocation until functionTimeout.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    /// Values for output bindings, by name.
    pub(crate) outputs: BTreeMap<&'static str, Value>,
    /// Lines for the invocation's own log.
    pub(crate) logs: Vec<String>,
    /// The value of `$return`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) return_value: Option<Value>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Invocation {
        Invocation::read(&HeaderMap::new(), body.to_string().as_bytes())
    }

    #[test]
    fn an_answer_has_no_null_in_it() {
        let text = serde_json::to_string(&Answer::default()).expect("it is plain data");
        assert_eq!(text, r#"{"Outputs":{},"Logs":[]}"#);
    }

    #[test]
    fn timers_are_read_with_whatever_they_bring() {
        let timer = json!({
            "Data": {"timer": {
                "Schedule": {"AdjustForDST": true},
                "ScheduleStatus": null,
                "IsPastDue": true,
            }},
            "Metadata": {
                "RetryContext": {"RetryCount": 1, "MaxRetryCount": 2},
                "sys": {"MethodName": "advance", "UtcNow": "2026-01-01T00:00:00Z", "RandGuid": "g"},
            },
        });
        let invocation = read(&timer);
        assert!(invocation.is_past_due());
        assert_eq!(invocation.id, "g");
        let mut first = timer;
        first["Data"]["timer"] = json!({
            "ScheduleStatus": {
                "Last": "0001-01-01T00:00:00+00:00",
                "Next": "2026-01-01T00:01:00+00:00",
                "LastUpdated": "0001-01-01T00:00:00+00:00",
            },
            "IsPastDue": false,
        });
        assert!(!read(&first).is_past_due());
    }

    #[test]
    fn a_message_is_decoded_as_often_as_it_was_encoded() {
        let message = json!({"jobs": ["a"], "hop": 2});
        let once = message.to_string();
        let twice = Value::from(once.as_str()).to_string();
        for data in [message.clone(), once.into(), twice.into()] {
            let invocation = read(&json!({"Data": {"message": data}}));
            assert_eq!(Value::from(invocation.message()), message);
        }
        for data in [json!("no JSON"), json!("\"text\""), json!([1]), Value::Null] {
            assert_eq!(read(&json!({"Data": {"message": data}})).message(), None);
        }
    }

    #[test]
    fn the_headers_id_wins_and_is_bounded() {
        let mut headers = HeaderMap::new();
        headers.insert(
            INVOCATION,
            "x".repeat(500).parse().expect("a header's value"),
        );
        assert_eq!(Invocation::read(&headers, b"").id.len(), ID_LIMIT);
    }

    proptest! {
        #[test]
        fn anything_is_read(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let invocation = Invocation::read(&HeaderMap::new(), &body);
            prop_assert!(!invocation.is_past_due());
            prop_assert_eq!(invocation.message(), None);
        }
    }
}
