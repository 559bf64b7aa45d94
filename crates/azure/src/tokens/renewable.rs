//! A credential that can begin anew.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};

use super::IdentityError;

/// Makes a credential. Each one that it makes begins without any cached token.
pub type MakeCredential = dyn Fn() -> Result<Arc<dyn TokenCredential>, IdentityError> + Send + Sync;

/// A credential for when a service refuses its token. Those of azure_identity keep a token until
/// shortly before its end by this machine's clock, and would give the refused one again; this one
/// is then made anew.
pub struct Renewable {
    make: Box<MakeCredential>,
    current: Mutex<Option<Arc<dyn TokenCredential>>>,
}

impl fmt::Debug for Renewable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewable")
    }
}

impl Renewable {
    /// What this makes, made when the first token is needed.
    #[must_use]
    pub fn new(make: Box<MakeCredential>) -> Self {
        Self {
            make,
            current: Mutex::default(),
        }
    }

    /// Forgets every token: the next one is asked for.
    pub fn begin_anew(&self) {
        *self.lock() = None;
    }

    /// No code panics while it holds the lock but what makes credentials, which leaves nothing.
    fn lock(&self) -> MutexGuard<'_, Option<Arc<dyn TokenCredential>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Result<Arc<dyn TokenCredential>, IdentityError> {
        let mut current = self.lock();
        match &*current {
            Some(credential) => Ok(Arc::clone(credential)),
            None => Ok(Arc::clone(current.insert((self.make)()?))),
        }
    }
}

#[async_trait]
impl TokenCredential for Renewable {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let unusable =
            |error| Error::with_error(ErrorKind::Credential, error, "there is no identity to show");
        let credential = self.current().map_err(unusable)?;
        credential.get_token(scopes, options).await
    }
}

/// Whether a failure to get a token may pass by itself: whoever gives tokens was away or busy.
pub(crate) fn may_pass(error: &Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(cause) = next {
        let passes = match cause.downcast_ref::<Error>().map(Error::kind) {
            Some(ErrorKind::Connection | ErrorKind::Io) => true,
            Some(ErrorKind::HttpResponse { status, .. }) => {
                matches!(u16::from(*status), 408 | 429 | 500..=599)
            }
            Some(ErrorKind::Credential | ErrorKind::DataConversion | ErrorKind::Other) | None => {
                false
            }
        };
        if passes {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use azure_core::http::StatusCode;

    use super::*;

    fn wrapped(kind: ErrorKind) -> Error {
        let cause = Error::with_message(kind, "cause");
        let failed = Error::with_error(ErrorKind::Credential, cause, "no token");
        failed.with_context("the request was not sent")
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        let answered = |status| ErrorKind::HttpResponse {
            status: StatusCode::from(status),
            error_code: None,
            raw_response: None,
        };
        for kind in [
            ErrorKind::Connection,
            ErrorKind::Io,
            answered(429),
            answered(503),
        ] {
            assert!(may_pass(&wrapped(kind.clone())), "{kind:?}");
        }
        for kind in [
            ErrorKind::Credential,
            ErrorKind::Other,
            answered(400),
            answered(401),
        ] {
            assert!(!may_pass(&wrapped(kind.clone())), "{kind:?}");
        }
    }
}
