//! Who may reach a blob: signatures, keys, identities, tokens, certificates.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kusto_copy_azurite::{ACCOUNT, KEY, Options, authority};
use serde_json::json;

use super::azurite::{FUTURE, PAST, Storage};
use super::{client, column, ended, id_of, list, refusal, sorted};

#[tokio::test]
async fn an_export_without_the_right_to_write_fails_for_good_and_leaves_its_files() {
    let Some(storage) = Storage::start(&["one", "two"]).await else {
        return;
    };
    let client = client(100).await;
    let folders = [
        storage.signed("one", "rwl", FUTURE),
        storage.signed("two", "rl", FUTURE),
    ];
    let command = format!(".export to csv ({}) <| T", list(&folders));
    let (code, permanent, answer) = refusal(&client, &command).await;
    assert_eq!((code.as_str(), permanent), ("Forbidden", true));
    assert!(!answer.contains("sig="), "{answer}");
    assert_eq!(storage.blobs("one").await.len(), 1);
    assert_eq!(storage.blobs("two").await, [""; 0]);

    let expired = storage.signed("one", "rwl", PAST);
    let started = client
        .rows(&format!(".export async to csv (h@'{expired}') <| T"))
        .await;
    let id = id_of(&started);
    assert_eq!(ended(&client, &id).await, "Failed");
    let rows = client
        .rows(&format!(
            ".show operations {id} | project ShouldRetry, Status"
        ))
        .await;
    assert_eq!(rows[0][0], false);
    let status = rows[0][1].as_str().unwrap_or_default();
    let told = format!("Access to '{}/", storage.uri("one"));
    assert!(
        status.contains(&told) && status.contains("is forbidden"),
        "{status}"
    );
    assert!(!status.contains("sig="), "{status}");
    assert_eq!(storage.blobs("one").await.len(), 1);
}

#[tokio::test]
async fn an_ingestion_without_the_right_to_read_fails_for_good() {
    let Some(storage) = Storage::start(&["one"]).await else {
        return;
    };
    let client = client(1).await;
    storage.put("one/1.csv", "1,a\n").await;
    let blob = storage.uri("one/1.csv");
    let good = storage.signed_blob(&blob, "r");
    let expired = storage
        .signed("one", "r", PAST)
        .replace("/one?", "/one/1.csv?");
    let cases = [
        (storage.signed_blob(&blob, "w"), "Download_Forbidden"),
        (expired, "Download_Forbidden"),
        (good.replace("1.csv", "none.csv"), "Download_SourceNotFound"),
        (
            format!("{};{KEY}", storage.uri("none/1.csv")),
            "Download_SourceNotFound",
        ),
        (format!("{blob};c2VjcmV0"), "Download_Forbidden"),
        (format!("{blob};hush!"), "BadRequest_InvalidBlobUri"),
    ];
    for (uri, expected) in cases {
        let command = format!(".ingest into table U (h@'{good}', h@'{uri}')");
        let (code, permanent, answer) = refusal(&client, &command).await;
        assert_eq!((code.as_str(), permanent), (expected, true), "{uri}");
        for secret in ["sig=", KEY, "hush", "c2VjcmV0"] {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
    let failures = client
        .rows(".show ingestion failures | project ShouldRetry, Details")
        .await;
    assert_eq!(failures.as_array().map(Vec::len), Some(6));
    assert!(!failures.to_string().contains("sig="), "{failures}");
    let extents = client.rows(".show table U extents").await;
    assert_eq!(extents, json!([]));
}

#[tokio::test]
async fn an_export_to_a_container_that_is_not_there_fails_for_good() {
    let Some(storage) = Storage::start(&[]).await else {
        return;
    };
    let client = client(1).await;
    let command = format!(".export to csv (h@'{};{KEY}') <| T", storage.uri("none"));
    let (code, permanent, answer) = refusal(&client, &command).await;
    assert_eq!((code.as_str(), permanent), ("Storage_WriteFailed", true));
    assert!(!answer.contains(KEY), "{answer}");
}

#[tokio::test]
async fn keys_open_an_account_and_identities_only_with_rights() {
    let Some(storage) = Storage::start(&["one"]).await else {
        return;
    };
    let client = client(10).await;
    let folder = storage.uri("one");
    let export = |credentials: &str| {
        format!(
            ".export to csv (h@'{folder}{credentials}') with (distribution='single', namePrefix='x y%') <| T"
        )
    };
    client.rows(&export(&format!(";{KEY}"))).await;
    client.rows(&export(&format!(";sharedkey={KEY}"))).await;
    for identity in [";managed_identity=system", ";impersonate"] {
        let (code, permanent, answer) = refusal(&client, &export(identity)).await;
        assert_eq!((code.as_str(), permanent), ("Forbidden", true));
        assert!(answer.contains("storage.identity_keys"), "{answer}");
    }
    let keys = json!({"storage": {"identity_keys": {ACCOUNT: KEY}}});
    let settings = client.admin("/settings", keys).await;
    assert_eq!(settings["storage"]["identity_keys"][ACCOUNT], "***");
    let mut paths = Vec::new();
    for identity in [";managed_identity=system", ";impersonate"] {
        let exported = client.rows(&export(identity)).await;
        paths.extend(
            column(&exported)
                .into_iter()
                .map(|path| format!("{path}{identity}")),
        );
    }
    client
        .rows(&format!(".ingest into table U ({})", list(&paths)))
        .await;
    let extents = client
        .rows(".show table U extents | summarize sum(RowCount)")
        .await;
    assert_eq!(extents, json!([[20]]));
    assert_eq!(storage.blobs("one").await.len(), 4);
}

/// The name by which the test below starts itself again.
const HTTPS: &str = "storage::rights::https_trusts_the_authorities_of_ssl_cert_file";

#[tokio::test]
async fn https_trusts_the_authorities_of_ssl_cert_file() {
    let is_trusted = std::env::var_os("SSL_CERT_FILE").is_some_and(|file| {
        let authority = authority().canonicalize();
        authority.is_ok_and(|authority| Path::new(&file).canonicalize().ok() == Some(authority))
    });
    let options = Options {
        oauth: true,
        ..Options::default()
    };
    let Some(storage) = Storage::with(options, &["one"]).await else {
        return;
    };
    let client = client(10).await;
    client
        .admin("/settings", json!({"storage": {"attempts": 1}}))
        .await;
    let signed = storage.signed("one", "rwl", FUTURE);
    let export = |uri: &str| format!(".export to csv (h@'{uri}') <| T");
    if !is_trusted {
        let (code, permanent, answer) = refusal(&client, &export(&signed)).await;
        assert_eq!((code.as_str(), permanent), ("Storage_WriteFailed", false));
        assert!(answer.contains("certificate"), "{answer}");
        let again = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", HTTPS])
            .env("SSL_CERT_FILE", authority())
            .output()
            .expect("this test starts again");
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let mut exported = column(&client.rows(&export(&signed)).await);
    let by_token = format!("{};token={}", storage.uri("one"), token());
    exported.extend(column(&client.rows(&export(&by_token)).await));
    assert_eq!(sorted(exported), sorted(storage.blobs("one").await));
    let no_token = format!("{};token=hush", storage.uri("one"));
    let (code, _, answer) = refusal(&client, &export(&no_token)).await;
    assert_eq!(code, "Forbidden");
    assert!(!answer.contains("hush"), "{answer}");
}

/// A token as Azurite takes it: its claims are checked, its signature is not.
fn token() -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.c2ln",
        part(json!({"typ": "JWT", "alg": "HS256"})),
        part(json!({
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
            "iat": 1_577_836_800,
            "nbf": 1_577_836_800,
            "exp": 32_472_144_000_i64,
        }))
    )
}
