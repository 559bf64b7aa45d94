//! What the stand-in host's events mean to somebody who watches.

use serde_json::Value;

/// A line for an event, if it is worth one.
pub(super) fn line(event: &Value) -> Option<String> {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    match text("event") {
        "ready" => Some(format!("the handler answers, process {}", event["pid"])),
        "ended" if event["by_host"] == false => {
            Some(format!("the handler ended by itself: {}", event["code"]))
        }
        "gave-up" => Some(format!("the host gave up: {}", text("reason"))),
        "finished" if text("outcome") != "succeeded" => {
            Some(format!("{} {}", text("function"), text("outcome")))
        }
        "line" => logged(text("level"), text("text")),
        _ => None,
    }
}

/// The handler's own lines: the ends of steps, and whatever is wrong.
fn logged(level: &str, line: &str) -> Option<String> {
    let Ok(record) = serde_json::from_str::<Value>(line) else {
        return Some(format!("{level}: {line}"));
    };
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let is_step = text("event") == "step";
    let level = text("level").to_lowercase();
    let is_bad = level == "warn" || level == "warning" || level == "error";
    let reason = match text("error") {
        "" => String::new(),
        error => format!(": {error}"),
    };
    if is_bad {
        Some(format!("{level}: {}{reason}", text("message")))
    } else {
        is_step.then(|| text("message").to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn logged_line(record: &Value) -> Option<String> {
        let text = record.to_string();
        line(&json!({"event": "line", "level": "information", "text": text}))
    }

    #[test]
    fn steps_and_troubles_are_told() {
        let step = json!({"level": "INFO", "event": "step", "message": "moved 5 rows"});
        assert_eq!(logged_line(&step), Some("moved 5 rows".to_owned()));
        let other = json!({"level": "INFO", "event": "start", "message": "serves"});
        assert_eq!(logged_line(&other), None);
        let bad = json!({"level": "ERROR", "message": "it broke", "error": "no key"});
        assert_eq!(
            logged_line(&bad),
            Some("error: it broke: no key".to_owned())
        );
        let panic = json!({"event": "line", "level": "error", "text": "thread panicked"});
        assert_eq!(line(&panic), Some("error: thread panicked".to_owned()));
    }

    #[test]
    fn failures_are_told_and_successes_are_not() {
        let end = |outcome: &str| {
            line(&json!({"event": "finished", "function": "advance", "outcome": outcome}))
        };
        assert_eq!(end("succeeded"), None);
        assert_eq!(end("failed: why"), Some("advance failed: why".to_owned()));
        assert_eq!(line(&json!({"event": "ended", "by_host": true})), None);
    }
}
