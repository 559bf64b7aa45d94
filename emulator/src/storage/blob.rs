//! Blobs of Azure Storage (or of Azurite) over HTTP: Put Blob and Get Blob.
//!
//! A write has one name that nobody else uses, so a repetition after a lost answer puts the same
//! bytes in the same place.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use reqwest::{Client, Method, StatusCode};
use tokio::runtime::Handle;

use super::address::{BlobAddress, Right, is_this_machine};
use super::shared_key::{Signed, authorization};
use super::{Storage, StorageError};
use crate::settings::StorageAccess;

/// A version of the service that every feature used here has.
const VERSION: &str = "2021-12-02";
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A date as HTTP writes it.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// Connections to blob services, shared by all requests of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct BlobClient {
    /// Drives the connections; a cluster that was made outside of a runtime reaches no blobs.
    runtime: Option<Handle>,
    clients: Arc<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    this_machine: OnceLock<Client>,
    elsewhere: OnceLock<Client>,
}

impl BlobClient {
    /// A client without connections, in the current runtime.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::try_current().ok(),
            clients: Arc::default(),
        }
    }

    /// The client for an address: proxies of the environment do not know this machine.
    fn http(&self, address: &BlobAddress) -> Result<Client, reqwest::Error> {
        let is_here = is_this_machine(&address.url);
        let held = match is_here {
            true => &self.clients.this_machine,
            false => &self.clients.elsewhere,
        };
        if let Some(client) = held.get() {
            return Ok(client.clone());
        }
        // Fails only when a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT);
        let client = match is_here {
            true => builder.no_proxy().build()?,
            false => builder.build()?,
        };
        Ok(held.get_or_init(|| client).clone())
    }
}

/// Blobs by connection string.
#[derive(Clone, Debug)]
pub(super) struct BlobStorage {
    client: BlobClient,
    access: StorageAccess,
}

/// How one attempt failed.
enum Failed {
    /// Another one would fail alike.
    Finally(StorageError),
    /// Another one may work.
    Passing(String),
}

impl BlobStorage {
    /// Blobs with these settings.
    pub(super) fn new(client: BlobClient, access: StorageAccess) -> Self {
        Self { client, access }
    }

    /// One file, tried as often as the settings say.
    fn exchange(
        &self,
        method: &Method,
        address: &BlobAddress,
        body: &Bytes,
    ) -> Result<Bytes, StorageError> {
        let runtime = self.client.runtime.as_ref();
        let runtime = runtime.ok_or_else(|| StorageError::Address {
            address: address.public.clone(),
            reason: "the cluster was made outside of a runtime",
        })?;
        let attempts = self.access.attempts.max(1);
        let mut reason = String::new();
        for attempt in 0..attempts {
            if attempt > 0 {
                // This is a thread that may block; see the trait.
                std::thread::sleep(pause_before(attempt, self.access.pause_ms));
            }
            match runtime.block_on(self.attempt(method, address, body.clone())) {
                Ok(bytes) => return Ok(bytes),
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Passing(why)) => reason = why,
            }
            tracing::debug!(address = address.public, attempt, reason, "storage failed");
        }
        Err(StorageError::Unavailable {
            address: address.public.clone(),
            attempts,
            reason,
        })
    }

    async fn attempt(
        &self,
        method: &Method,
        address: &BlobAddress,
        body: Bytes,
    ) -> Result<Bytes, Failed> {
        let passing = |error| Failed::Passing(plain(error));
        let client = self.client.http(address).map_err(passing)?;
        let mut request = client
            .request(method.clone(), address.url.clone())
            .timeout(Duration::from_millis(self.access.timeout_ms));
        for (name, value) in headers(method, address, body.len())? {
            request = request.header(name, value);
        }
        if *method == Method::PUT {
            request = request.body(body);
        }
        let response = request.send().await.map_err(passing)?;
        let status = response.status();
        if status.is_success() {
            return response.bytes().await.map_err(passing);
        }
        let code = response.headers().get("x-ms-error-code");
        let code = code.and_then(|code| code.to_str().ok()).map(str::to_owned);
        Err(refusal(address, status, code))
    }
}

impl Storage for BlobStorage {
    fn write(&self, folder: &str, name: &str, bytes: Bytes) -> Result<String, StorageError> {
        let address = BlobAddress::of(folder, Some(name), &self.access)?;
        self.exchange(&Method::PUT, &address, &bytes)?;
        Ok(address.public)
    }

    fn read(&self, address: &str) -> Result<Vec<u8>, StorageError> {
        let address = BlobAddress::of(address, None, &self.access)?;
        self.exchange(&Method::GET, &address, &Bytes::new())
            .map(Vec::from)
    }
}

/// The headers of a request, its authorisation among them.
fn headers(
    method: &Method,
    address: &BlobAddress,
    length: usize,
) -> Result<Vec<(&'static str, String)>, Failed> {
    let mut headers = vec![
        ("x-ms-date", Utc::now().format(HTTP_DATE).to_string()),
        ("x-ms-version", VERSION.to_owned()),
    ];
    if *method == Method::PUT {
        headers.insert(0, ("x-ms-blob-type", "BlockBlob".to_owned()));
    }
    let authorization = match &address.right {
        Right::Address => None,
        Right::Token(token) => Some(format!("Bearer {token}")),
        Right::Key { account, key } => {
            let signed = Signed {
                verb: method.as_str(),
                url: &address.url,
                length,
                headers: &headers,
            };
            let signed = authorization(account, key, &signed);
            Some(signed.ok_or_else(|| {
                Failed::Finally(StorageError::Forbidden {
                    address: address.public.clone(),
                    reason: "the key of the account is not base64".to_owned(),
                })
            })?)
        }
    };
    headers.extend(authorization.map(|value| ("Authorization", value)));
    Ok(headers)
}

/// What an answer that is no success means.
fn refusal(address: &BlobAddress, status: StatusCode, code: Option<String>) -> Failed {
    let address = address.public.clone();
    let reason = code.unwrap_or_else(|| {
        let words = status.canonical_reason();
        words.unwrap_or("no reason was given").to_owned()
    });
    match status.as_u16() {
        401 | 403 => Failed::Finally(StorageError::Forbidden { address, reason }),
        404 => Failed::Finally(StorageError::NotFound { address }),
        408 | 429 | 500.. => Failed::Passing(format!("HTTP {}, {reason}", status.as_u16())),
        status => Failed::Finally(StorageError::Refused {
            address,
            status,
            reason,
        }),
    }
}

/// An error with its causes in one line, without the address, which may hold a signature.
fn plain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The pause before attempt `attempt` (the first is 0), twice as long each time.
fn pause_before(attempt: u32, first_ms: u64) -> Duration {
    let factor = 2_u64.saturating_pow(attempt.saturating_sub(1));
    Duration::from_millis(first_ms.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double() {
        let pauses: Vec<u128> = (1..5)
            .map(|attempt| pause_before(attempt, 250).as_millis())
            .collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000]);
        assert_eq!(pause_before(u32::MAX, 1), Duration::from_millis(u64::MAX));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let address = BlobAddress::of(
            "http://127.0.0.1:1/a/c?sig=hush",
            None,
            &StorageAccess::default(),
        )
        .expect("it is well formed");
        let is_passing = |status: u16| {
            let status = StatusCode::from_u16(status).expect("a status");
            matches!(refusal(&address, status, None), Failed::Passing(_))
        };
        assert!([408, 429, 500, 503].into_iter().all(is_passing));
        assert!(
            ![302, 400, 401, 403, 404, 409, 412]
                .into_iter()
                .any(is_passing)
        );
    }
}
