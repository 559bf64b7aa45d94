//! Storage that is busy, away or comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::azurite::{FUTURE, Storage};
use super::{client, column, ended, id_of, refusal, sorted};
use crate::support::Client;

/// A blob service that answers the given statuses in turn, the last one for good, and counts the
/// requests. It lives as long as the test's runtime.
async fn service(statuses: Vec<u16>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = counted.fetch_add(1, Ordering::SeqCst);
            let status = statuses[request.min(statuses.len() - 1)];
            // Head and body of these small requests come in one piece or two.
            let mut held = Vec::new();
            while !is_whole(&held) && stream.read_buf(&mut held).await.is_ok_and(|read| read > 0) {}
            let answer =
                format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            // A client that has gone away is its own affair.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (format!("http://{address}/account/container"), asked)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

/// Azurite with the container `one`, and a cluster with ten rows that tries a blob so often.
async fn storage_tried(attempts: u32) -> Option<(Storage, Client)> {
    let storage = Storage::start(&["one"]).await?;
    let client = client(10).await;
    let settings = json!({"storage": {"attempts": attempts, "pause_ms": 1}});
    client.admin("/settings", settings).await;
    Some((storage, client))
}

#[tokio::test]
async fn a_busy_service_is_asked_again() {
    let client = client(1).await;
    client
        .admin("/settings", json!({"storage": {"pause_ms": 1}}))
        .await;
    let (folder, asked) = service(vec![503, 500, 429, 201]).await;
    let export = |folder: &str| format!(".export to csv (h@'{folder}?sig=hush') <| T");
    let exported = client.rows(&export(&folder)).await;
    assert_eq!(exported.as_array().map(Vec::len), Some(1));
    assert_eq!(asked.load(Ordering::SeqCst), 4);

    let (folder, asked) = service(vec![503]).await;
    let (code, permanent, answer) = refusal(&client, &export(&folder)).await;
    assert_eq!((code.as_str(), permanent), ("Storage_WriteFailed", false));
    assert!(answer.contains("after 5 attempts"), "{answer}");
    assert!(!answer.contains("hush"), "{answer}");
    assert_eq!(asked.load(Ordering::SeqCst), 5);

    let (folder, asked) = service(vec![403]).await;
    let (code, permanent, _) = refusal(&client, &export(&folder)).await;
    assert_eq!((code.as_str(), permanent), ("Forbidden", true));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn storage_that_stays_away_is_a_transient_failure() {
    let Some((mut storage, client)) = storage_tried(2).await else {
        return;
    };
    storage.put("one/1.csv", "1,a\n").await;
    let blob = storage.signed_blob(&storage.uri("one/1.csv"), "r");
    let ingest = format!(".ingest async into table U (h@'{blob}')");
    // The connection that this leaves open is cut with the service.
    let id = id_of(&client.rows(&ingest).await);
    assert_eq!(ended(&client, &id).await, "Completed");
    storage.azurite.stop();
    let id = id_of(&client.rows(&ingest).await);
    assert_eq!(ended(&client, &id).await, "Failed");
    let rows = client
        .rows(&format!(
            ".show operations {id} | project ShouldRetry, Status"
        ))
        .await;
    assert_eq!(rows[0][0], true);
    let status = rows[0][1].as_str().unwrap_or_default();
    assert!(status.starts_with("Download_UnknownError"), "{status}");
    assert!(!status.contains("sig="), "{status}");
    storage.azurite.start_again().expect("Azurite starts again");
    // What was not on disk yet is gone.
    storage.create("one").await;
    storage.put("one/1.csv", "1,a\n").await;
    let id = id_of(&client.rows(&ingest).await);
    assert_eq!(ended(&client, &id).await, "Completed");
}

#[tokio::test]
async fn storage_that_restarts_is_a_late_success_or_a_transient_failure() {
    let Some((mut storage, client)) = storage_tried(16).await else {
        return;
    };
    let folder = storage.signed("one", "rwl", FUTURE);
    storage.kept("one").await;
    storage.azurite.stop();
    let started = client
        .rows(&format!(".export async to csv (h@'{folder}') <| T"))
        .await;
    storage.azurite.start_again().expect("Azurite starts again");
    let id = id_of(&started);
    match ended(&client, &id).await.as_str() {
        "Completed" => {
            let details = client
                .rows(&format!(".show operation {id} details | project Path"))
                .await;
            assert_eq!(sorted(column(&details)), sorted(storage.blobs("one").await));
        }
        "Failed" => {
            let rows = client
                .rows(&format!(".show operations {id} | project ShouldRetry"))
                .await;
            assert_eq!(rows, json!([[true]]));
        }
        other => panic!("it ended as {other}"),
    }
}
