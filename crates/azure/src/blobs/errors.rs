//! The service's errors, told apart by what to do next.

use std::fmt;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::StatusCode;
use kusto_copy_staging::LakeError;

use crate::access::Access;
use crate::causes::in_words;
use crate::location::Location;
use crate::patience;
use crate::tokens::{NoToken, may_pass};

/// What we were about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Read,
    Write,
    List,
    Delete,
    CreateContainer,
    /// Asking for a key to sign with.
    Delegate,
    /// Signing with a key that we have.
    Sign,
}

impl Doing {
    fn words(self) -> &'static str {
        match self {
            Self::Read => "reading blobs of",
            Self::Write => "writing blobs to",
            Self::List => "listing blobs of",
            Self::Delete => "deleting blobs of",
            Self::CreateContainer => "creating the container of",
            Self::Delegate => "delegating access for clusters to",
            Self::Sign => "signing for clusters at",
        }
    }

    /// The role of Entra that allows it.
    fn role(self) -> &'static str {
        match self {
            Self::Delegate | Self::Sign => {
                "Storage Blob Delegator on the storage account, besides Storage Blob Data \
                 Contributor"
            }
            Self::Read | Self::Write | Self::List | Self::Delete | Self::CreateContainer => {
                "Storage Blob Data Contributor"
            }
        }
    }
}

/// The service's code of an error.
pub(super) fn code(error: &azure_core::Error) -> Option<&str> {
    if let ErrorKind::HttpResponse { error_code, .. } = error.kind() {
        return error_code.as_deref();
    }
    None
}

/// The HTTP status of an error, when there was an answer.
pub(super) fn status(error: &azure_core::Error) -> Option<StatusCode> {
    error.http_status()
}

/// What was seen, in words that hold no address with a query and no body of an answer, which may
/// repeat a signature.
#[derive(Debug)]
struct Seen(String);

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Seen {}

fn seen(error: &azure_core::Error) -> Box<Seen> {
    if let Some(status) = status(error) {
        let code = code(error).unwrap_or("no code");
        return Box::new(Seen(format!("HTTP {}: {code}", u16::from(status))));
    }
    let words = match error.kind() {
        ErrorKind::Credential => NoToken::because(error).to_string(),
        ErrorKind::HttpResponse { .. }
        | ErrorKind::Connection
        | ErrorKind::Io
        | ErrorKind::DataConversion
        | ErrorKind::Other => in_words(error),
    };
    Box::new(Seen(words))
}

pub(super) fn lake_error(
    location: &Location,
    access: &Access,
    doing: Doing,
    error: &azure_core::Error,
) -> LakeError {
    let address = location.address();
    let source = seen(error);
    let failed = |reason: &str, source| LakeError::Failed {
        what: address.clone(),
        reason: reason.to_owned(),
        source: Some(source),
    };
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } => match u16::from(*status) {
            401 | 403 => LakeError::Denied {
                what: format!(
                    "{} {address} ({})",
                    doing.words(),
                    missing(access, doing, code(error))
                ),
                source: Some(source),
            },
            404 if code(error) == Some("ContainerNotFound") => failed(
                "its container does not exist; create it, then start again",
                source,
            ),
            408 | 429 | 500..=599 => unavailable(error, source),
            // A container that was deleted keeps its name for half a minute or longer.
            409 if code(error) == Some("ContainerBeingDeleted") => unavailable(error, source),
            _ => failed(
                "the storage account did not do what it was asked; look at it, then start again",
                source,
            ),
        },
        ErrorKind::Connection | ErrorKind::Io => unavailable(error, source),
        ErrorKind::Credential if may_pass(error) => unavailable(error, source),
        ErrorKind::Credential => failed(
            "no token for Azure Storage can be had; sign in with `az login`, or give the app a \
             managed identity",
            source,
        ),
        ErrorKind::DataConversion | ErrorKind::Other => failed(
            "the storage account's answer was not understood; start again",
            source,
        ),
    }
}

fn unavailable(error: &azure_core::Error, source: Box<Seen>) -> LakeError {
    LakeError::Unavailable {
        retry_after: retry_after(error),
        source: Some(source),
    }
}

fn retry_after(error: &azure_core::Error) -> Option<Duration> {
    let ErrorKind::HttpResponse {
        raw_response: Some(response),
        ..
    } = error.kind()
    else {
        return None;
    };
    patience::asked(response.headers())
}

/// What would allow it.
fn missing(access: &Access, doing: Doing, code: Option<&str>) -> String {
    match (code, access) {
        (Some("KeyBasedAuthenticationNotPermitted"), _) => {
            "the account takes no keys; use an identity of Entra".to_owned()
        }
        (Some("AuthorizationFailure" | "AuthorizationSourceIPMismatch"), Access::Token(_)) => {
            format!(
                "either the account's network rules shut this machine out, or its identity lacks \
                 the role {}",
                doing.role()
            )
        }
        (Some("AuthorizationSourceIPMismatch"), _) => {
            "the account's network rules shut this machine out".to_owned()
        }
        (Some("AuthenticationFailed" | "InvalidAuthenticationInfo"), Access::SharedKey { .. }) => {
            "the account's key is wrong, or this machine's clock is".to_owned()
        }
        (Some("AuthenticationFailed"), Access::Sas(_)) => {
            "the shared access signature is wrong or has expired".to_owned()
        }
        (_, Access::SharedKey { .. }) => {
            "the account's key is wrong, or its network rules shut this machine out".to_owned()
        }
        (_, Access::Sas(_)) => {
            "the shared access signature lacks a right: it needs racwdl, and an end in the future"
                .to_owned()
        }
        (_, Access::Token(_)) => format!("its identity needs the role {}", doing.role()),
    }
}
