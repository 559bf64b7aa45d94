//! A cluster: connections, headers, time limits and repetition.

mod exchange;
mod judge;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::call::Call;
use crate::credentials::Credentials;
use crate::error::KustoError;
use crate::kql::{Effect, Text};
use crate::options::Traits;
use crate::retry::RetryPolicy;
use crate::rows::Table;
use crate::traffic::Traffic;
use crate::uri::ClusterUri;

/// How a client behaves.
#[derive(Clone)]
pub struct Settings {
    /// Bounds of repetition.
    pub retry: RetryPolicy,
    /// Numbers in `[0, 1)` that spread repetitions.
    pub random: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// Give up connecting after so long.
    pub connect_timeout: Duration,
    /// Wait so much longer for an answer than the cluster may work on it.
    pub answer_margin: Duration,
    /// The largest answer that is taken, in bytes. Clusters cut results at 64 MB.
    pub largest_answer: usize,
    /// Read tables with row-level security all the same (the user's wish).
    pub allow_row_level_security: bool,
    /// Where requests are counted.
    pub traffic: Arc<Traffic>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            random: Arc::new(fastrand::f64),
            connect_timeout: Duration::from_secs(15),
            answer_margin: Duration::from_secs(30),
            largest_answer: 256 << 20,
            allow_row_level_security: false,
            traffic: Arc::default(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The cluster needs a token and there is none.
    #[error(
        "cluster {cluster} needs a sign-in; put a token into {} (az account get-access-token \
         --resource https://{cluster} --query accessToken -o tsv)",
        crate::credentials::StaticToken::VARIABLE
    )]
    NeedsToken {
        /// The cluster.
        cluster: String,
    },
    /// A token would travel unencrypted.
    #[error("cluster {cluster} is addressed by http://; a token is only sent over https://")]
    Unencrypted {
        /// The cluster.
        cluster: String,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

/// A cluster's query endpoint. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    uri: ClusterUri,
    credentials: Arc<dyn Credentials>,
    settings: Settings,
    traits: Traits,
    /// Keeps connections, for texts that may be sent again.
    pooled: reqwest::Client,
    /// A new connection for each request: a kept one may be closed by the peer just as the
    /// request is written, and then nobody knows whether it was run.
    single: reqwest::Client,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cluster").field(&self.inner.uri).finish()
    }
}

impl Cluster {
    /// A client of this cluster. Nothing is sent yet.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(
        uri: ClusterUri,
        credentials: Arc<dyn Credentials>,
        settings: Settings,
    ) -> Result<Self, ConnectError> {
        let anonymous = credentials.is_anonymous();
        if anonymous && uri.is_https() && !uri.is_loopback() {
            return Err(ConnectError::NeedsToken {
                cluster: uri.authority(),
            });
        }
        if !anonymous && !uri.is_https() && !uri.is_loopback() {
            return Err(ConnectError::Unencrypted {
                cluster: uri.authority(),
            });
        }
        // Fails only when a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let traits = Traits {
            consistency: !uri.is_fabric(),
            row_level_security: settings.allow_row_level_security,
        };
        let pooled = http_client(&uri, &settings)
            .build()
            .map_err(ConnectError::Http)?;
        let single = http_client(&uri, &settings)
            .pool_max_idle_per_host(0)
            .build()
            .map_err(ConnectError::Http)?;
        let inner = Inner {
            uri,
            credentials,
            settings,
            traits,
            pooled,
            single,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The cluster's address.
    #[must_use]
    pub fn uri(&self) -> &ClusterUri {
        &self.inner.uri
    }

    /// Sends a text, again where that is safe and may help. What may happen once is sent again in
    /// one case only: its token was refused, and there may be a newer one.
    pub(crate) async fn send(
        &self,
        database: &str,
        call: &Call,
        text: &Text,
    ) -> Result<Table, KustoError> {
        let mut sent = 0;
        let mut renewed = false;
        loop {
            let failure = match self.exchange(database, call, text, sent, renewed).await {
                Ok(table) => return Ok(table),
                Err(failure) => failure,
            };
            sent += 1;
            // A request that was not authenticated was not run, not even one that may be sent once.
            if failure.stale_token && !renewed {
                renewed = true;
                continue;
            }
            if text.purpose().effect() == Effect::Once {
                return Err(failure.error);
            }
            let retry_after = failure.retry_after;
            let random = (self.inner.settings.random)();
            let pause = self.inner.settings.retry.pause(sent, retry_after, random);
            match pause.filter(|_| failure.again) {
                None => return Err(failure.error),
                Some(pause) => {
                    tracing::info!(
                        error = %failure.error,
                        pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                        "asking again"
                    );
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

/// No redirect (it would replay a body), no repetition of its own, no proxy to this machine.
fn http_client(uri: &ClusterUri, settings: &Settings) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(settings.connect_timeout)
        .referer(false);
    if uri.is_loopback() {
        builder.no_proxy()
    } else {
        builder
    }
}
