//! The one HTTP client below azure_core: rustls with ring, certificates of the platform.
//!
//! Unlike azure_core's own, its errors never hold the address of a request, whose query may be
//! a signature; and it goes past proxies to this machine and to where it gets its identity.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, Transport, Url};
use futures::TryStreamExt;

use crate::access::is_loopback;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest silence within an answer. Storage answers or gives up within 30 seconds.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection that nobody used for this long is not used again: the service may be closing it
/// just as a request is written, and whether a commit was done would have to be looked up.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// The same for this machine: Azurite closes after 5 seconds.
const LOCAL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Makes a transport. Its clones share their connections; nothing is read or sent before the
/// first request.
///
/// Certificates are checked by the platform, on Linux against its store or that of
/// `SSL_CERT_FILE`.
#[must_use]
pub fn transport() -> Transport {
    Transport::new(Arc::new(Http::default()))
}

/// A transport that also trusts the authority in this PEM file.
#[cfg(test)]
pub(crate) fn transport_trusting(authority: &std::path::Path) -> Transport {
    let pem = std::fs::read(authority).expect("the authority's certificate");
    let certificate = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    Transport::new(Arc::new(Http {
        authority: Some(certificate),
        ..Http::default()
    }))
}

/// Reading the platform's certificates takes tens of milliseconds, so it waits for a request.
#[derive(Default)]
struct Http {
    remote: OnceLock<reqwest::Client>,
    local: OnceLock<reqwest::Client>,
    authority: Option<reqwest::Certificate>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    fn client(&self, local: bool) -> azure_core::Result<&reqwest::Client> {
        let place = if local { &self.local } else { &self.remote };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        // Fails only when a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .referer(false);
        if local {
            builder = builder.no_proxy().pool_idle_timeout(LOCAL_IDLE_TIMEOUT);
        }
        if let Some(authority) = &self.authority {
            builder = builder.tls_certs_merge([authority.clone()]);
        }
        let client = builder.build().map_err(|error| {
            Error::with_error(ErrorKind::Other, error, "no HTTP client can be made")
        })?;
        // Two that begin at once make two; one of them is kept.
        Ok(place.get_or_init(|| client))
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let client = self.client(is_near(request.url()))?;
        let method = reqwest::Method::from_bytes(request.method().as_ref().as_bytes())
            .map_err(|error| Error::with_error(ErrorKind::Other, error, "an unknown method"))?;
        let mut building = client.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            building = building.header(name.as_str(), value.as_str());
        }
        let building = match request.body().clone() {
            Body::Bytes(bytes) => building.body(bytes),
            Body::SeekableStream(stream) => building.body(reqwest::Body::wrap_stream(stream)),
        };
        let prepared = building
            .build()
            .map_err(|error| failure(ErrorKind::Other, "a request cannot be made", error))?;
        let response = client.execute(prepared).await.map_err(|error| {
            // Only before it is connected is it certain that nothing was sent.
            if error.is_connect() {
                failure(
                    ErrorKind::Connection,
                    "the service cannot be reached",
                    error,
                )
            } else {
                failure(ErrorKind::Io, "the connection was lost", error)
            }
        })?;
        let status = response.status().as_u16().into();
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            // Storage answers in ASCII; anything else is of no use to us.
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let body = response
            .bytes_stream()
            .map_err(|error| failure(ErrorKind::Io, "the answer was cut off", error));
        Ok(AsyncRawResponse::new(status, headers, Box::pin(body)))
    }
}

/// Whether an address is reached without a proxy: this machine, and the link's own addresses,
/// where Azure gives identities to machines and apps (169.254.169.254).
fn is_near(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    is_loopback(address) || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_link_local())
}

fn failure(kind: ErrorKind, what: &'static str, error: reqwest::Error) -> Error {
    Error::with_error(kind, error.without_url(), what)
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::*;

    fn chain(error: &dyn std::error::Error) -> String {
        let mut text = format!("{error}: {error:?}");
        let mut next = error.source();
        while let Some(source) = next {
            text.push_str(&format!(" | {source}: {source:?}"));
            next = source.source();
        }
        text
    }

    #[test]
    fn proxies_stay_out_of_what_is_near() {
        for (address, near) in [
            ("http://169.254.169.254/metadata/identity", true),
            ("http://127.0.0.1:41741/msi/token", true),
            ("https://account.blob.core.windows.net/", false),
            ("https://10.0.0.4/", false),
        ] {
            assert_eq!(is_near(&address.parse().expect("an address")), near);
        }
    }

    const ADDRESS: &str = "KUSTO_COPY_TEST_ADDRESS";

    /// A process of its own is needed, since the certificates are read from the environment.
    #[test]
    fn certificates_of_a_private_authority_are_trusted_by_ssl_cert_file() {
        let Some(azurite) = crate::testing::azurite(true) else {
            return;
        };
        let own = std::env::current_exe().expect("this program");
        let run = |trusted: Option<std::path::PathBuf>| {
            let mut child = std::process::Command::new(&own);
            child.args(["--exact", "transport::tests::asks_by_its_environment"]);
            child.env_remove("SSL_CERT_FILE");
            child.envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
            child.env(ADDRESS, azurite.table_endpoint(kusto_copy_azurite::ACCOUNT));
            child.output().expect("a child")
        };
        let trusting = run(Some(kusto_copy_azurite::authority()));
        let text = String::from_utf8_lossy(&trusting.stdout);
        assert!(trusting.status.success(), "{text}");
        assert!(text.contains("1 passed"), "{text}");
        assert!(!run(None).status.success());
    }

    /// The other process of the test above; without its address there is nothing to ask.
    #[tokio::test]
    async fn asks_by_its_environment() {
        let Ok(address) = std::env::var(ADDRESS) else {
            return;
        };
        let request = Request::new(address.parse().expect("an address"), Method::Get);
        let answer = Http::default().execute_request(&request).await;
        // It lets nobody in without a token, but it has answered.
        assert!(u16::from(answer.expect("an answer").status()) >= 400);
    }

    #[tokio::test]
    async fn a_signature_never_reaches_an_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let address = format!("http://127.0.0.1:{port}/table?sig=very-secret");
        let request = Request::new(address.parse().expect("an address"), Method::Get);
        let error = Http::default()
            .execute_request(&request)
            .await
            .expect_err("nobody listens");
        assert_eq!(*error.kind(), ErrorKind::Connection);
        let text = chain(&error);
        assert!(!text.contains("very-secret"), "{text}");
        assert!(text.contains("cannot be reached"), "{text}");
    }

    #[tokio::test]
    async fn a_lost_answer_is_not_a_lost_connection_attempt() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.readable().await.expect("a request");
            drop(stream);
        });
        let address = format!("http://127.0.0.1:{port}/table?sig=very-secret");
        let request = Request::new(address.parse().expect("an address"), Method::Get);
        let error = Http::default()
            .execute_request(&request)
            .await
            .expect_err("no answer");
        served.await.expect("a finished server");
        assert_eq!(*error.kind(), ErrorKind::Io);
        let text = chain(&error);
        assert!(!text.contains("very-secret"), "{text}");
    }
}
