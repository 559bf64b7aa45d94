//! Judges what the handler answered, by the host's rules.

use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::exchange::Answer;

/// What the host makes of an answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The invocation succeeded.
    Done(Said),
    /// It failed, and everything in the body is lost.
    Failed(String),
    /// The host never notices the answer and waits until functionTimeout.
    Hangs,
}

/// The body of a successful invocation.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) outputs: Map<String, Value>,
    pub(crate) logs: Vec<String>,
    pub(crate) return_value: Option<Value>,
}

pub(crate) fn judge(answer: &Answer) -> Verdict {
    if !(200..300).contains(&answer.status) {
        return Verdict::Failed(format!("the handler answered {}", answer.status));
    }
    if answer.body.is_empty() {
        return Verdict::Hangs;
    }
    let content_type = answer
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Verdict::Failed(format!("the answer's content type is {content_type:?}"));
    }
    let body: Value = match serde_json::from_slice(&answer.body) {
        Ok(Value::Null) => return Verdict::Hangs,
        Ok(body) => body,
        Err(error) => return Verdict::Failed(format!("the answer is not JSON: {error}")),
    };
    read(&body)
}

fn read(body: &Value) -> Verdict {
    let Value::Object(body) = body else {
        return Verdict::Failed("the answer is no object".to_owned());
    };
    let member = |name: &str| body.get(name).filter(|value| !value.is_null());
    let outputs = match member("Outputs") {
        None => Map::new(),
        Some(Value::Object(outputs)) => outputs.clone(),
        Some(_) => return Verdict::Failed("\"Outputs\" is no object".to_owned()),
    };
    let logs = match member("Logs") {
        None => Vec::new(),
        Some(Value::Array(logs)) if logs.iter().all(Value::is_string) => {
            let logs = logs.iter().filter_map(Value::as_str);
            logs.map(str::to_owned).collect()
        }
        Some(_) => return Verdict::Failed("\"Logs\" is no array of texts".to_owned()),
    };
    Verdict::Done(Said {
        outputs,
        logs,
        return_value: member("ReturnValue").cloned(),
    })
}

/// The messages that an output value becomes: an array is one message for each member. A text
/// that happens to be base64 is decoded, as the host does, which may be a nasty surprise.
pub(crate) fn messages(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(members) => members.iter().flat_map(messages).collect(),
        Value::String(text) => match STANDARD.decode(text) {
            Ok(bytes) if !text.is_empty() => {
                vec![String::from_utf8_lossy(&bytes).into_owned()]
            }
            Ok(_) | Err(_) => vec![text.clone()],
        },
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![value.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn verdict(status: u16, content_type: &'static str, body: &str) -> Verdict {
        let mut headers = HeaderMap::new();
        let value = content_type.parse().expect("a content type");
        headers.insert(header::CONTENT_TYPE, value);
        judge(&Answer {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        })
    }

    const JSON: &str = "application/json; charset=utf-8";

    #[test]
    fn an_object_is_a_success() {
        assert_eq!(verdict(200, JSON, "{}"), Verdict::Done(Said::default()));
        let body = r#"{"Outputs":{"q":[1]},"Logs":["a"],"ReturnValue":null}"#;
        let Verdict::Done(said) = verdict(202, JSON, body) else {
            panic!("it is right");
        };
        assert_eq!(said.outputs["q"], json!([1]));
        assert_eq!(said.logs, ["a"]);
        assert_eq!(said.return_value, None);
    }

    #[test]
    fn nothing_and_null_hang() {
        assert_eq!(verdict(200, JSON, ""), Verdict::Hangs);
        assert_eq!(verdict(204, "text/plain", ""), Verdict::Hangs);
        assert_eq!(verdict(200, JSON, " null "), Verdict::Hangs);
    }

    #[test]
    fn other_answers_fail() {
        let failed = |status, content_type, body| {
            matches!(verdict(status, content_type, body), Verdict::Failed(_))
        };
        assert!(failed(500, JSON, "{\"Logs\":[\"lost\"]}"));
        assert!(failed(302, JSON, "{}"));
        assert!(failed(200, "text/html", "{}"));
        assert!(failed(200, JSON, "ok"));
        assert!(failed(200, JSON, "[]"));
        assert!(failed(200, JSON, "{\"Outputs\":[]}"));
        assert!(failed(200, JSON, "{\"Logs\":[1]}"));
    }

    #[test]
    fn outputs_become_messages() {
        assert_eq!(messages(&json!({"job": "a"})), ["{\"job\":\"a\"}"]);
        assert_eq!(
            messages(&json!(["one two", {"a": 1}])),
            ["one two", "{\"a\":1}"]
        );
        assert_eq!(messages(&json!("aGVsbG8=")), ["hello"]);
        assert!(messages(&Value::Null).is_empty());
    }
}
