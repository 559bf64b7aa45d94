//! Faults that are switched on, with blobs.

use serde_json::json;

use super::azurite::{FUTURE, Storage};
use super::{client, column, list, primary, refusal};

#[tokio::test]
async fn half_an_export_leaves_blobs_behind() {
    let Some(storage) = Storage::start(&["one"]).await else {
        return;
    };
    let client = client(100).await;
    let rule = json!({"kind": "fail_export_half", "count": 1});
    client.admin("/faults", json!({"rules": [rule]})).await;
    let folder = storage.signed("one", "rwl", FUTURE);
    let command = format!(".export to csv (h@'{folder}') <| T");
    let (_, permanent, _) = refusal(&client, &command).await;
    assert!(!permanent);
    let left = storage.blobs("one").await;
    assert_eq!(left.len(), 2);
    let exported = column(&client.rows(&command).await);
    assert_eq!(exported.len(), 4);
    assert!(exported.iter().all(|path| !left.contains(path)));
    assert_eq!(storage.blobs("one").await.len(), 6);
}

#[tokio::test]
async fn a_blob_delivered_twice_hides_another() {
    let Some(storage) = Storage::start(&["one"]).await else {
        return;
    };
    let client = client(1).await;
    storage.put("one/1.csv", "1,a\n").await;
    storage.put("one/2.csv", "2,b\n").await;
    let rules = json!({"rules": [{"kind": "deliver_twice", "count": 1}]});
    client.admin("/faults", rules).await;
    let blobs = ["one/1.csv", "one/2.csv"].map(|path| storage.uri(path));
    let signed = blobs.each_ref().map(|blob| storage.signed_blob(blob, "r"));
    let command = format!(".ingest into table U ({})", list(&signed));
    let twice = client.rows(&command).await;
    assert_eq!(twice[0][1], json!(format!("{0}\r\n{0}", blobs[0])));
    let right = client.rows(&command).await;
    assert_eq!(right[0][1], json!(blobs.join("\r\n")));
    let rows = primary(&client, "U | summarize count(), sum(a)").await;
    assert_eq!(rows, json!([[4, 5]]));
}
