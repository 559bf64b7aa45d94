//! Azurite as these tests need it: containers, signatures, and a look past the cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kusto_copy_azurite::{ACCOUNT, Azurite, KEY, Options, is_installed};
use reqwest::{Client, StatusCode};
use sha2::{Digest, Sha256};

/// A time that has passed whenever the tests run.
pub(super) const PAST: &str = "2020-01-01T00:00:00Z";
/// A time that has not.
pub(super) const FUTURE: &str = "2999-01-01T00:00:00Z";
/// The version of the service by whose rules the signatures are made.
const VERSION: &str = "2021-12-02";

/// A running Azurite and a client that looks into it by itself.
pub(super) struct Storage {
    pub(super) azurite: Azurite,
    http: Client,
}

impl Storage {
    /// Azurite with these containers; nothing, after saying so, if it is not installed.
    pub(super) async fn start(containers: &[&str]) -> Option<Self> {
        Self::with(Options::default(), containers).await
    }

    /// As [`Self::start`], with options.
    pub(super) async fn with(options: Options, containers: &[&str]) -> Option<Self> {
        if !is_installed() {
            let reason = "Azurite is not installed; run `cargo xtask tools`";
            assert!(
                std::env::var_os("KUSTO_COPY_TOOLS_REQUIRED").is_none(),
                "{reason}"
            );
            skip(reason);
            return None;
        }
        drop(rustls::crypto::ring::default_provider().install_default());
        let storage = Self {
            azurite: Azurite::start(options).expect("Azurite starts"),
            http: Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                // Only the cluster under test has to know the test authority.
                .tls_danger_accept_invalid_certs(true)
                .build()
                .expect("a client"),
        };
        for container in containers {
            storage.create(container).await;
        }
        Some(storage)
    }

    /// Makes a container, if it is not there.
    pub(super) async fn create(&self, container: &str) {
        let uri = format!("{}?restype=container&{}", self.uri(container), all());
        let answer = self.http.put(uri).send().await.expect("an answer");
        let is_there = [StatusCode::CREATED, StatusCode::CONFLICT].contains(&answer.status());
        assert!(is_there, "{container}: {}", answer.status());
    }

    /// Waits until Azurite, which writes its lists every few seconds, has this container on disk.
    pub(super) async fn kept(&self, container: &str) {
        let list = self.azurite.folder().join("__azurite_db_blob__.json");
        let name = format!("\"name\":\"{container}\"");
        for _ in 0..2_400 {
            if std::fs::read_to_string(&list).is_ok_and(|text| text.contains(&name)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("Azurite does not keep container '{container}'");
    }

    /// Address of a container, or of what is below one.
    pub(super) fn uri(&self, path: &str) -> String {
        format!("{}/{path}", self.azurite.blob_endpoint(ACCOUNT))
    }

    /// The connection string of a container with these rights until then.
    pub(super) fn signed(&self, container: &str, rights: &str, until: &str) -> String {
        format!(
            "{}?{}",
            self.uri(container),
            container_signature(container, rights, until)
        )
    }

    /// The connection string of a blob that an export told, with these rights.
    pub(super) fn signed_blob(&self, uri: &str, rights: &str) -> String {
        let below = uri
            .strip_prefix(&self.uri(""))
            .expect("a blob of this Azurite");
        let (container, _) = below.split_once('/').expect("a blob in a container");
        format!("{uri}?{}", container_signature(container, rights, FUTURE))
    }

    /// Puts a blob.
    pub(super) async fn put(&self, path: &str, text: &str) {
        let request = self.http.put(format!("{}?{}", self.uri(path), all()));
        let request = request.header("x-ms-blob-type", "BlockBlob");
        let answer = request.body(text.to_owned()).send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::CREATED);
    }

    /// The addresses of all blobs of a container.
    pub(super) async fn blobs(&self, container: &str) -> Vec<String> {
        let uri = format!(
            "{}?restype=container&comp=list&{}",
            self.uri(container),
            all()
        );
        let answer = self.http.get(uri).send().await.expect("an answer");
        let listing = answer.text().await.expect("a listing");
        let names = listing.split("<Name>").skip(1);
        names
            .filter_map(|rest| rest.split_once("</Name>"))
            .map(|(name, _)| self.uri(&format!("{container}/{name}")))
            .collect()
    }
}

/// Says on stderr that the running test was skipped and why, past the capture of the test runner.
fn skip(reason: &str) {
    use std::io::Write;
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Losing the line is no reason to fail.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {reason}");
}

/// A signature for everything in the account, for the tests' own requests.
fn all() -> String {
    let (rights, services, kinds) = ("rwdlac", "b", "sco");
    let text = format!(
        "{ACCOUNT}\n{rights}\n{services}\n{kinds}\n\n{FUTURE}\n\nhttps,http\n{VERSION}\n\n"
    );
    format!(
        "sv={VERSION}&ss={services}&srt={kinds}&sp={rights}&se={FUTURE}&spr=https,http&sig={}",
        signature(&text)
    )
}

fn container_signature(container: &str, rights: &str, until: &str) -> String {
    let resource = format!("/blob/{ACCOUNT}/{container}");
    let text =
        format!("{rights}\n\n{until}\n{resource}\n\n\nhttps,http\n{VERSION}\nc\n\n\n\n\n\n\n");
    format!(
        "sv={VERSION}&sr=c&sp={rights}&se={until}&spr=https,http&sig={}",
        signature(&text)
    )
}

/// RFC 2104 over SHA-256, for a key of at most 64 bytes, as Azurite's is.
fn signature(text: &str) -> String {
    let key = STANDARD.decode(KEY).expect("the key is base64");
    let keyed = |mask: u8, message: &[u8]| {
        let mut block = [mask; 64];
        for (byte, key) in block.iter_mut().zip(&key) {
            *byte ^= key;
        }
        let mut hash = Sha256::new();
        hash.update(block);
        hash.update(message);
        hash.finalize().to_vec()
    };
    let signature = STANDARD.encode(keyed(0x5c, &keyed(0x36, text.as_bytes())));
    let signature = signature.replace('+', "%2B").replace('/', "%2F");
    signature.replace('=', "%3D")
}
