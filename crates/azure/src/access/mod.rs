//! How a request to Azure Storage is authorised: by the account's key, by a shared access
//! signature, or by a token of Entra.
//!
//! Each is a policy of azure_core's pipeline that runs on every try, so that a repeated request
//! carries a new date and a token that still holds.

mod account_sas;
mod refused;
mod shared_key;
mod signature;

use std::fmt;
use std::sync::Arc;

use azure_core::base64;
use azure_core::credentials::TokenCredential;
use azure_core::http::Url;
use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;

pub use account_sas::account_sas;
pub use kusto_copy_kusto::Secret;

use refused::Refused;
use shared_key::SharedKeyPolicy;
use signature::SignaturePolicy;

use crate::tokens::Renewable;

/// What a token must be for, whatever the service of the account.
pub const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";

/// A service of a storage account. They sign requests differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Blob Storage.
    Blob,
    /// Table Storage.
    Table,
}

/// Why requests cannot be authorised this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Not a key.
    #[error(
        "the storage account's key is not base64; copy it whole from the account's access keys"
    )]
    Key,
    /// Not a signature.
    #[error("the shared access signature has no `sig=` in it; copy it whole, from `sv=` on")]
    Signature,
    /// It would travel in the open.
    #[error("`{host}` is reached without encryption; write the address with https://")]
    Unencrypted {
        /// The host.
        host: String,
    },
}

/// What authorises requests to a storage account.
#[derive(Clone)]
pub enum Access {
    /// The account's key, which may do everything.
    SharedKey {
        /// The account's name.
        account: String,
        /// Its key, base64.
        key: Secret,
    },
    /// A shared access signature: the query of an address, without the `?`.
    Sas(Secret),
    /// Tokens of Entra.
    Token(Arc<Renewable>),
}

impl Access {
    /// Authorises with an account's key.
    ///
    /// # Errors
    /// When the key cannot be one.
    pub fn shared_key(account: &str, key: Secret) -> Result<Self, AccessError> {
        if key.expose().is_empty() || base64::decode(key.expose()).is_err() {
            return Err(AccessError::Key);
        }
        let account = account.to_owned();
        Ok(Self::SharedKey { account, key })
    }

    /// Authorises with a shared access signature; a `?` in front of it is left out.
    ///
    /// # Errors
    /// When the text cannot be one.
    pub fn sas(text: &str) -> Result<Self, AccessError> {
        let query = text.trim().trim_start_matches('?');
        let signed = query
            .split('&')
            .any(|pair| pair.strip_prefix("sig=").is_some_and(|sig| !sig.is_empty()));
        if signed {
            Ok(Self::Sas(Secret::new(query)))
        } else {
            Err(AccessError::Signature)
        }
    }

    /// Whether requests to this address may carry it. Whatever grants access stays off the open
    /// network: a key never travels, but the answers would.
    ///
    /// # Errors
    /// When the address is not encrypted and not on this machine. Tokens need encryption even there.
    pub fn check(&self, address: &Url) -> Result<(), AccessError> {
        let token = matches!(self, Self::Token(_));
        if address.scheme() == "https" || (is_loopback(address) && !token) {
            return Ok(());
        }
        let host = address.host_str().unwrap_or_default().to_owned();
        Err(AccessError::Unencrypted { host })
    }

    /// The policy that authorises each try of a request to a service.
    #[must_use]
    pub fn policy(&self, service: Service) -> Arc<dyn Policy> {
        match self {
            Self::SharedKey { account, key } => {
                Arc::new(SharedKeyPolicy::new(service, account.clone(), key.clone()))
            }
            Self::Sas(query) => Arc::new(SignaturePolicy::new(query.clone())),
            Self::Token(tokens) => {
                let credential = Arc::clone(tokens) as Arc<dyn TokenCredential>;
                let policy = BearerTokenAuthorizationPolicy::new(credential, [STORAGE_SCOPE]);
                Arc::new(policy.with_on_challenge(Arc::new(Refused::of(tokens))))
            }
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SharedKey { account, .. } => write!(f, "SharedKey({account})"),
            Self::Sas(_) => f.write_str("Sas"),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests;
