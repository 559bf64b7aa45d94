//! What commands answer when storage fails.

use crate::error::KustoError;
use crate::storage::StorageError;

/// A file that cannot be read by an ingestion or a query: the codes of `error-codes.md`, of the categories
/// DataAccessNotAuthorized, DownloadFailed and BadRequest. The code also begins the sentence, since
/// an operation's status has no other place for it.
pub(super) fn of_download(error: StorageError) -> KustoError {
    let (code, permanent) = match &error {
        StorageError::Address { .. } => ("BadRequest_InvalidBlobUri", true),
        StorageError::NotFound { .. } => ("Download_SourceNotFound", true),
        StorageError::Forbidden { .. } => ("Download_Forbidden", true),
        StorageError::Refused { status: 400, .. } => ("Download_BadRequest", true),
        StorageError::Refused { status: 412, .. } => ("Download_AccessConditionNotSatisfied", true),
        StorageError::Refused { .. } => ("Download_NotTransient", true),
        StorageError::Unavailable { .. } | StorageError::Io { .. } => {
            ("Download_UnknownError", false)
        }
    };
    KustoError {
        permanent,
        ..KustoError::bad_request(code, format!("{code}: Failed to download source. {error}"))
    }
}

/// A file that an export cannot write. Kusto documents that authorisation failures happen and which
/// role they ask for (`export-data-to-storage.md`), not their code: a refusal of the credentials is
/// answered as Kusto answers missing rights, HTTP 403, and ends an operation as `Failed` without a
/// retry.
pub(super) fn of_export(error: StorageError) -> KustoError {
    const CODE: &str = "Storage_WriteFailed";
    let message = format!("Failed to write to storage. {error}");
    match error {
        StorageError::Forbidden { .. } => KustoError {
            exception: "KustoRequestDeniedException",
            ..KustoError::forbidden(message)
        },
        StorageError::Address { .. }
        | StorageError::NotFound { .. }
        | StorageError::Refused { .. } => KustoError::bad_request(CODE, message),
        StorageError::Unavailable { .. } | StorageError::Io { .. } => KustoError {
            permanent: false,
            ..KustoError::bad_request(CODE, message)
        },
    }
}
