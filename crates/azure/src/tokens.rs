//! Tokens of Entra: who this program is, and what it shows to clusters.
//!
//! Nothing here is asked for a token before somebody needs one.

mod absent;
mod identity;
mod renewable;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential};
use azure_core::time::{Duration, OffsetDateTime};
use kusto_copy_kusto::credentials::CredentialError;
use kusto_copy_kusto::{ClusterUri, Credentials, Secret};

pub use absent::NoToken;
pub use identity::{Identity, IdentityError};
pub(crate) use renewable::may_pass;
pub use renewable::{MakeCredential, Renewable};

/// A token is renewed this long before its end: longer than any request takes to reach the
/// cluster, and what azure_identity does too.
const RENEW_BEFORE: Duration = Duration::minutes(5);

/// Tokens for clusters, each for the cluster's own address, kept until shortly before they expire.
///
/// Clusters on this machine without encryption are embedded ones and get none.
pub struct AzureTokens {
    credential: Renewable,
    clock: fn() -> OffsetDateTime,
    known: Mutex<HashMap<String, Arc<Kept>>>,
}

/// The token of one cluster. Held while it is fetched, so that many requests at the start ask for
/// it once; those to other clusters do not wait for it.
type Kept = tokio::sync::Mutex<Option<AccessToken>>;

impl fmt::Debug for AzureTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AzureTokens")
    }
}

impl AzureTokens {
    /// Tokens of what this makes. It is called again when a cluster refuses a token, since
    /// credentials keep theirs and would give the same one.
    #[must_use]
    pub fn new(make: Box<MakeCredential>) -> Self {
        Self::with_clock(make, OffsetDateTime::now_utc)
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(make: Box<MakeCredential>, clock: fn() -> OffsetDateTime) -> Self {
        Self {
            credential: Renewable::new(make),
            clock,
            known: Mutex::default(),
        }
    }

    fn kept(&self, scope: &str) -> Arc<Kept> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(scope.to_owned()).or_default())
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, CredentialError> {
        let token = self.credential.get_token(&[scope], None).await;
        token.map_err(|error| CredentialError {
            reason: NoToken::because(&error).to_string(),
        })
    }
}

/// What a token for a cluster is for: the cluster's address without port and path. One with an
/// ending that no public or sovereign cloud has would get none, so the same rule serves Fabric.
fn scope(cluster: &ClusterUri) -> String {
    let authority = cluster.authority();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => &authority,
    };
    format!("https://{host}/.default")
}

#[async_trait]
impl Credentials for AzureTokens {
    async fn token(
        &self,
        cluster: &ClusterUri,
        fresh: bool,
    ) -> Result<Option<Secret>, CredentialError> {
        if !cluster.is_https() && cluster.is_loopback() {
            return Ok(None);
        }
        let scope = scope(cluster);
        let place = self.kept(&scope);
        let mut place = place.lock().await;
        if fresh {
            *place = None;
            self.credential.begin_anew();
        }
        let now = (self.clock)();
        let kept = place.clone().filter(|token| token.expires_on > now);
        let token = match kept {
            Some(token) if token.expires_on - now > RENEW_BEFORE => token,
            kept => match (self.fetch(&scope).await, kept) {
                (Ok(token), _) => place.insert(token).clone(),
                // It holds for minutes yet, and the next request tries again.
                (Err(error), Some(token)) => {
                    tracing::warn!(%error, "a token could not be renewed");
                    token
                }
                (Err(error), None) => return Err(error),
            },
        };
        Ok(Some(Secret::new(token.token.secret())))
    }
}

#[cfg(test)]
mod tests;
