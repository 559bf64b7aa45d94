//! Errors as services write them: `{"error":{…}}`, lists of these, and plain texts.

use serde_json::Value;

/// Bytes of an error's page that are looked at.
const LONGEST_PAGE: usize = 64 << 10;

/// The types of exceptions, and the code, that say that nothing was run for lack of a slot or rate.
/// A storage that was busy while a command ran has other names.
const THROTTLED: [&str; 3] = [
    "ControlCommandThrottledException",
    "RequestThrottledException",
    "QuotaExceededException",
];

/// What a service says about a failure.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ServiceFault {
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    /// The exception's type.
    pub(crate) kind: Option<String>,
    /// Whether the same request can never succeed; unknown in plain texts.
    pub(crate) permanent: Option<bool>,
    pub(crate) activity_id: Option<String>,
}

impl ServiceFault {
    /// Reads whatever shape it has: `{"error":{…}}`, `{"OneApiErrors":[…]}`,
    /// `{"Exceptions":[…]}`, a text.
    pub(crate) fn from_value(value: &Value) -> Self {
        for list in ["OneApiErrors", "Exceptions"] {
            if let Some(first) = value.get(list).and_then(|list| list.get(0)) {
                return Self::from_value(first);
            }
        }
        if let Some(text) = value.as_str() {
            return Self {
                message: text.to_owned(),
                ..Self::default()
            };
        }
        let error = value
            .get("error")
            .or_else(|| value.get("Error"))
            .unwrap_or(value);
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let context = |name: &str| Some(error.get("@context")?.get(name)?.as_str()?.to_owned());
        Self {
            code: text("code"),
            message: text("@message")
                .or_else(|| text("message"))
                .unwrap_or_else(|| "the service gave no message".to_owned()),
            kind: text("@type"),
            permanent: error.get("@permanent").and_then(Value::as_bool),
            activity_id: context("activityId"),
        }
    }

    /// Reads the body of an answer with an error's status, which need not be JSON.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) if !value.is_null() => Self::from_value(&value),
            _ => {
                // More than is shown in the end: what is cut here may be half a secret.
                let body = body.get(..LONGEST_PAGE).unwrap_or(body);
                let text = String::from_utf8_lossy(body);
                let message = match text.trim() {
                    "" => "no message".to_owned(),
                    text => text.to_owned(),
                };
                Self {
                    message,
                    ..Self::default()
                }
            }
        }
    }

    /// Whether it speaks of too many requests, or of no slot.
    pub(crate) fn is_throttling(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        let code = self.code.as_deref().unwrap_or_default();
        code == "TooManyRequests" || THROTTLED.iter().any(|name| kind.ends_with(name))
    }

    /// Whether it speaks of work that took too long or gave too much: the same again would end the
    /// same, whatever is said of its permanence.
    pub(crate) fn is_too_much(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        let code = self.code.as_deref().unwrap_or_default();
        code == "LimitsExceeded" || code.contains("Timeout") || kind.contains("Timeout")
    }

    /// Whether it speaks of a database, table or other entity that is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        let kind = self.kind.as_deref().unwrap_or_default();
        code.ends_with("NotExist")
            || code.contains("NotFound")
            || kind.contains("EntityNotFound")
            || kind.ends_with("NotFoundException")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ServiceFault;

    #[test]
    fn the_documented_shape_is_read() {
        let fault = ServiceFault::from_value(&json!({"error": {
            "code": "General_BadRequest", "message": "Request is invalid.",
            "@type": "Kusto.Data.Exceptions.KustoBadRequestException",
            "@message": "Semantic error: SEM0100: no", "@permanent": true,
            "@context": {"activityId": "a-1", "clientRequestId": "KC.1"},
            "innererror": {"code": "SEM0100"}
        }}));
        assert_eq!(fault.code.as_deref(), Some("General_BadRequest"));
        assert_eq!(fault.message, "Semantic error: SEM0100: no");
        assert_eq!(fault.permanent, Some(true));
        assert_eq!(fault.activity_id.as_deref(), Some("a-1"));
        assert!(!fault.is_throttling() && !fault.is_not_found());
    }

    #[test]
    fn lists_texts_and_rubbish_are_read() {
        let one = ServiceFault::from_value(
            &json!({"OneApiErrors": [{"error": {"code": "LimitsExceeded"}}]}),
        );
        assert_eq!(one.code.as_deref(), Some("LimitsExceeded"));
        let text = ServiceFault::from_value(&json!({"Exceptions": ["it broke"]}));
        assert_eq!(text.message, "it broke");
        assert_eq!(
            ServiceFault::from_body(b"<html>no</html>").message,
            "<html>no</html>"
        );
        assert_eq!(ServiceFault::from_body(b"").message, "no message");
    }

    #[test]
    fn throttling_and_missing_entities_are_known_by_type_or_code() {
        let fault = |code: &str, kind: &str| {
            ServiceFault::from_value(&json!({"error": {"code": code, "@type": kind}}))
        };
        assert!(
            fault(
                "x",
                "Kusto.DataNode.Exceptions.ControlCommandThrottledException"
            )
            .is_throttling()
        );
        assert!(fault("TooManyRequests", "").is_throttling());
        let storage = fault("x", "Kusto.Common.Svc.Exceptions.StorageThrottledException");
        assert!(!storage.is_throttling(), "the command ran");
        assert!(fault("BadRequest_DatabaseNotExist", "").is_not_found());
        assert!(fault("x", "Kusto.Common.Svc.Exceptions.EntityNotFoundException").is_not_found());
    }
}
