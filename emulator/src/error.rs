//! Failures in Kusto's words: HTTP status, code, exception type and whether a retry can help.

use std::borrow::Cow;

/// A failure of a command or a query as Kusto reports it.
///
/// The shape of the answer is in `rest::errors`; statuses and codes follow
/// `api/rest/response.md` and `api/netfx/kusto-data-client-errors.md` of Kusto's documentation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct KustoError {
    /// HTTP status of the answer.
    pub(crate) status: u16,
    /// Code such as `General_BadRequest` or `BadRequest_TableNotExist`.
    pub(crate) code: Cow<'static, str>,
    /// Name of the exception, without its namespace.
    pub(crate) exception: &'static str,
    /// One sentence for the user.
    pub(crate) message: String,
    /// Whether the same request can never succeed.
    pub(crate) permanent: bool,
    /// Code of the inner error (`SEM0100`, `SYN0002`), if there is one.
    pub(crate) inner: Option<String>,
}

impl KustoError {
    /// A request that can never work: HTTP 400.
    pub(crate) fn bad_request(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status: 400,
            code: code.into(),
            exception: "KustoBadRequestException",
            message: message.into(),
            permanent: true,
            inner: None,
        }
    }

    /// A text that cannot be parsed (`SYN0002` and its like).
    pub(crate) fn syntax(code: &str, message: impl Into<String>) -> Self {
        Self {
            exception: "SyntaxException",
            inner: Some(code.to_owned()),
            ..Self::bad_request(
                "General_BadRequest",
                format!("Syntax error: {code}: {}", message.into()),
            )
        }
    }

    /// Something of Kusto's that this cluster does not know; it says so instead of guessing.
    pub(crate) fn unsupported(what: impl AsRef<str>) -> Self {
        let what = what.as_ref();
        Self::bad_request(
            "General_BadRequest",
            format!("Request is invalid: {what} is not supported by the embedded cluster."),
        )
    }

    /// A database that is not there.
    pub(crate) fn database_not_found(name: &str) -> Self {
        Self {
            exception: "DatabaseNotFoundException",
            ..Self::bad_request(
                "BadRequest_DatabaseNotExist",
                format!("Database '{name}' was not found."),
            )
        }
    }

    /// A table that is not there.
    pub(crate) fn table_not_found(database: &str, name: &str) -> Self {
        Self::entity_not_found(
            "BadRequest_TableNotExist",
            &format!("Table '{name}' was not found in database '{database}'."),
        )
    }

    /// An entity (function, mapping, extent, operation, …) that is not there.
    pub(crate) fn entity_not_found(code: &'static str, message: &str) -> Self {
        Self {
            exception: "EntityNotFoundException",
            ..Self::bad_request(code, message)
        }
    }

    /// An entity that is already there.
    pub(crate) fn already_exists(what: &str, name: &str) -> Self {
        Self {
            exception: "EntityAlreadyExistsException",
            ..Self::bad_request(
                "BadRequest_EntityAlreadyExists",
                format!("{what} '{name}' already exists."),
            )
        }
    }

    /// A caller without the right to do this: HTTP 403.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self {
            status: 403,
            code: "Forbidden".into(),
            exception: "UnauthorizedAccessException",
            message: message.into(),
            permanent: true,
            inner: None,
        }
    }

    /// A command above the capacity: HTTP 429, worth repeating.
    pub(crate) fn throttled(command: &str, capacity: u32, origin: &str) -> Self {
        Self {
            status: 429,
            code: "TooManyRequests".into(),
            exception: "ControlCommandThrottledException",
            message: throttle_text(command, capacity, origin),
            permanent: false,
            inner: None,
        }
    }

    /// A query above the capacity: HTTP 429, worth repeating.
    pub(crate) fn query_throttled(capacity: u32) -> Self {
        Self {
            exception: "KustoRequestThrottledException",
            ..Self::throttled("Query", capacity, "Queries")
        }
    }

    /// A query or command that met a limit: HTTP 400, not permanent.
    pub(crate) fn limits(message: impl Into<String>) -> Self {
        Self {
            code: "LimitsExceeded".into(),
            exception: "KustoServicePartialQueryFailureLimitsExceededException",
            permanent: false,
            ..Self::bad_request("LimitsExceeded", message)
        }
    }

    /// A payload above the limit: HTTP 413.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self {
            status: 413,
            code: "PayloadTooLarge".into(),
            exception: "KustoRequestPayloadTooLargeException",
            message: message.into(),
            permanent: true,
            inner: None,
        }
    }

    /// A failure of the cluster itself: HTTP 520, worth repeating.
    pub(crate) fn service(message: impl Into<String>) -> Self {
        Self {
            status: 520,
            code: "ServiceError".into(),
            exception: "KustoServiceException",
            message: message.into(),
            permanent: false,
            inner: None,
        }
    }

    /// A request that took longer than its server timeout: HTTP 504.
    pub(crate) fn timeout(seconds: u64) -> Self {
        Self {
            status: 504,
            code: "RequestExecutionTimeout".into(),
            exception: "KustoServiceTimeoutException",
            message: format!("Request execution timed out after {seconds} seconds."),
            permanent: false,
            inner: None,
        }
    }
}

/// Kusto's sentence about a throttled command, in answers and in operations.
pub(crate) fn throttle_text(command: &str, capacity: u32, origin: &str) -> String {
    format!(
        "The control command was aborted due to throttling. Retrying after some backoff might succeed. \
         CommandType: '{command}', Capacity: {capacity}, Origin: 'CapacityPolicy/{origin}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_is_worth_a_retry_and_a_missing_table_is_not() {
        let throttled = KustoError::throttled("DataExportToFile", 3, "DataExport");
        assert_eq!((throttled.status, throttled.permanent), (429, false));
        assert!(throttled.message.contains("Capacity: 3"));
        let missing = KustoError::table_not_found("D", "T");
        assert_eq!((missing.status, missing.permanent), (400, true));
        assert_eq!(missing.code, "BadRequest_TableNotExist");
    }
}
