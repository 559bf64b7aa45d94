//! What went wrong, told apart by what it says about a write.

use std::time::Duration;

use azure_core::error::ErrorKind;
use serde_json::Value;

use crate::tokens::NoToken;

/// What the service answered instead of doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the table service answered {status} {code}: {message}")]
pub struct ServiceError {
    /// HTTP status, of the operation within a transaction where there is one.
    pub status: u16,
    /// The service's code, such as `EntityAlreadyExists`; empty when it gave none.
    pub code: String,
    /// The service's words, with the identifier of the request.
    pub message: String,
    /// Which operation of a transaction, from 0, where the service tells it.
    pub operation: Option<usize>,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
}

/// A request to the table service failed.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Nothing was sent, since no connection was made.
    #[error("the table service cannot be reached")]
    Unreachable(#[source] azure_core::Error),
    /// Nothing was sent, since no token could be obtained.
    #[error("no token for the table service could be obtained")]
    NoToken(#[source] NoToken),
    /// Nothing was sent, since the request could not be made or signed.
    #[error("the request to the table service could not be made")]
    Unmade(#[source] azure_core::Error),
    /// It was sent, or a part of it, and no whole answer came.
    #[error("the table service's answer was lost")]
    Lost(#[source] azure_core::Error),
    /// An answer that is not what the service documents.
    #[error("the table service's answer cannot be read: {what}")]
    Unreadable {
        /// What is missing or odd.
        what: &'static str,
    },
    /// The service refused.
    #[error(transparent)]
    Answered(#[from] ServiceError),
}

impl TableError {
    /// Whether nothing was sent, and the same may be sent later: no connection was made, or whoever
    /// gives tokens was away or busy.
    pub(crate) fn is_passing_and_unsent(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::NoToken(reason) => reason.may_pass(),
            Self::Unmade(_) | Self::Lost(_) | Self::Unreadable { .. } | Self::Answered(_) => false,
        }
    }

    /// Whether a read that met this may be sent again, and how long the service asks to wait. Tokens
    /// were asked for several times already, by azure_identity.
    pub(super) fn again(&self) -> Option<Option<Duration>> {
        match self {
            Self::Unreachable(_) | Self::Lost(_) => Some(None),
            Self::NoToken(_) | Self::Unmade(_) | Self::Unreadable { .. } => None,
            Self::Answered(error) => error.is_transient().then_some(error.retry_after),
        }
    }
}

impl From<azure_core::Error> for TableError {
    /// The pipeline checks no status, so that everything but a broken connection comes from
    /// before the request was sent: from the credential or from the making of the request.
    fn from(error: azure_core::Error) -> Self {
        match error.kind() {
            ErrorKind::Connection => Self::Unreachable(error),
            ErrorKind::Io => Self::Lost(error),
            ErrorKind::Credential | ErrorKind::HttpResponse { .. } => {
                Self::NoToken(NoToken::because(&error))
            }
            ErrorKind::DataConversion | ErrorKind::Other => Self::Unmade(error),
        }
    }
}

impl ServiceError {
    /// Reads the body of an answer. Errors of an entity begin their message with the number of
    /// the operation, where they stand in a transaction.
    pub(super) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let text = String::from_utf8_lossy(body);
        let (code, message) = from_json(&text).unwrap_or_else(|| from_xml(&text));
        let operation = message
            .split_once(':')
            .and_then(|(number, _)| number.parse().ok());
        Self {
            status,
            code,
            message: message.split_whitespace().collect::<Vec<_>>().join(" "),
            operation,
            retry_after,
        }
    }

    /// Whether the same read may succeed later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504)
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

fn from_json(text: &str) -> Option<(String, String)> {
    let value: Value = serde_json::from_str(text).ok()?;
    let error = value.get("odata.error").or_else(|| value.get("error"))?;
    let message = error.get("message")?;
    let words = message.get("value").unwrap_or(message);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some((error.get("code").map(text)?, text(words)))
}

/// Errors of the front end, such as a wrong signature, come as XML whatever was asked for.
fn from_xml(text: &str) -> (String, String) {
    let between = |name: &str| {
        let lower = text.to_ascii_lowercase();
        let inner = lower
            .find(&format!("{name}>"))
            .or_else(|| lower.find(&format!("{name} ")))?;
        let start = inner + text.get(inner..)?.find('>')? + 1;
        let end = start + text.get(start..)?.find('<')?;
        text.get(start..end).map(str::to_owned)
    };
    let code = between("<code").or_else(|| between("<m:code"));
    let message = between("<message").or_else(|| between("<m:message"));
    (code.unwrap_or_default(), message.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_are_read_in_every_shape() {
        let inner = br#"{"odata.error":{"code":"EntityAlreadyExists","message":{"lang":"en-US","value":"12:The specified entity already exists.\nRequestId:1\nTime:2"}}}"#;
        let error = ServiceError::read(409, inner, None);
        assert!(error.is("EntityAlreadyExists"));
        assert_eq!(error.operation, Some(12));
        assert_eq!(
            error.message,
            "12:The specified entity already exists. RequestId:1 Time:2"
        );
        let plain = br#"{"error":{"code":"ServerBusy","message":"wait: a while"}}"#;
        let error = ServiceError::read(503, plain, Some(Duration::from_secs(3)));
        assert_eq!((error.code.as_str(), error.operation), ("ServerBusy", None));
        assert!(error.is_transient());
        let xml = br#"<?xml version="1.0"?><m:error xmlns:m="x"><m:code>AuthenticationFailed</m:code><m:message xml:lang="en-US">Server failed &amp; so on</m:message></m:error>"#;
        let error = ServiceError::read(403, xml, None);
        assert!(error.is("AuthenticationFailed"), "{error:?}");
        assert_eq!(error.message, "Server failed &amp; so on");
        let upper = b"<Error><Code>OutOfRangeInput</Code><Message>One</Message></Error>";
        let error = ServiceError::read(400, upper, None);
        assert_eq!(
            (error.code.as_str(), error.message.as_str()),
            ("OutOfRangeInput", "One")
        );
        for odd in [
            &b""[..],
            b"\xff<code>",
            b"{}",
            b"<code",
            "<é:code >".as_bytes(),
        ] {
            assert_eq!(ServiceError::read(500, odd, None).code, "");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read(text in "(<|m:|[Cc]ode|>| |[Mm]essage|é|\\PC|/){0,40}", status: u16) {
            let error = ServiceError::read(status, text.as_bytes(), None);
            prop_assert_eq!(error.status, status);
            prop_assert!(text.contains(&error.code));
        }
    }
}
