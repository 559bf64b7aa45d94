//! Where tokens come from.

use async_trait::async_trait;

use crate::secret::Secret;
use crate::uri::ClusterUri;

/// A token could not be obtained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no token: {reason}")]
pub struct CredentialError {
    /// Why, for people, without secrets.
    pub reason: String,
}

/// Gives bearer tokens for clusters.
#[async_trait]
pub trait Credentials: Send + Sync + std::fmt::Debug {
    /// A token for this cluster; `None` sends no `Authorization`. `fresh` asks for a new one,
    /// since the cluster has just refused the last.
    ///
    /// # Errors
    /// When none can be obtained.
    async fn token(
        &self,
        cluster: &ClusterUri,
        fresh: bool,
    ) -> Result<Option<Secret>, CredentialError>;

    /// Whether it never gives one.
    fn is_anonymous(&self) -> bool {
        false
    }
}

/// No token: for embedded clusters on this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

#[async_trait]
impl Credentials for NoCredentials {
    async fn token(&self, _: &ClusterUri, _: bool) -> Result<Option<Secret>, CredentialError> {
        Ok(None)
    }

    fn is_anonymous(&self) -> bool {
        true
    }
}

/// One token that somebody else obtained, for example
/// `az account get-access-token --resource <cluster>`. It expires and is not renewed.
#[derive(Debug, Clone)]
pub struct StaticToken(Secret);

impl StaticToken {
    /// The environment variable that the command line reads it from.
    pub const VARIABLE: &'static str = "KUSTO_COPY_TOKEN";

    /// Uses this token for every cluster.
    #[must_use]
    pub fn new(token: Secret) -> Self {
        Self(token)
    }
}

#[async_trait]
impl Credentials for StaticToken {
    async fn token(&self, _: &ClusterUri, _: bool) -> Result<Option<Secret>, CredentialError> {
        Ok(Some(self.0.clone()))
    }
}
