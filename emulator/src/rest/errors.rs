//! Errors in the shape of Kusto's answers.

use axum::http::StatusCode;
use kusto_emulator_values::datetime;
use serde_json::{Value, json};

use crate::clock::now_ticks;
use crate::error::KustoError;
use crate::request::Request;

/// The document of an error: `{"error": {…}}` holds this, and so do in-band errors.
pub(super) fn error_document(error: &KustoError, request: &Request) -> Value {
    let mut document = json!({
        "code": error.code,
        "message": short_message(error),
        "@type": format!("Kusto.Data.Exceptions.{}", error.exception),
        "@message": error.message,
        "@context": {
            "timestamp": datetime::format(now_ticks()),
            "serviceAlias": "EMULATOR",
            "clientRequestId": request.client_request_id,
            "activityId": request.activity_id,
            "subActivityId": request.activity_id,
            "activityType": "Request",
            "parentActivityId": request.activity_id,
        },
        "@permanent": error.permanent,
    });
    if let Some(inner) = &error.inner {
        document["innererror"] = json!({
            "code": inner,
            "message": error.message,
            "@type": format!("Kusto.DataNode.Exceptions.{}", error.exception),
            "@message": error.message,
            "@permanent": error.permanent,
        });
    }
    document
}

fn short_message(error: &KustoError) -> &str {
    match (error.status, error.permanent) {
        (400, true) => "Request is invalid and cannot be executed.",
        (429, _) => "The request was throttled. Retrying after some backoff might succeed.",
        _ => &error.message,
    }
}

/// The HTTP status of an error.
pub(super) fn status(error: &KustoError) -> StatusCode {
    StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_has_kustos_shape() {
        let request = Request::for_test("D", "T");
        let error = KustoError::syntax("SYN0002", "no column named 'x'");
        let document = error_document(&error, &request);
        assert_eq!(document["code"], "General_BadRequest");
        assert_eq!(document["@permanent"], true);
        assert_eq!(document["innererror"]["code"], "SYN0002");
        assert_eq!(document["@context"]["clientRequestId"], "test;1");
    }
}
