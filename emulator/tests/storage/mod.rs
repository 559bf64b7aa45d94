//! Exports to, ingestions from and queries over blobs in real Azurite.

mod azurite;
mod failures;
mod rights;
mod transient;

use kusto_emulator::{Export, Settings};
use serde_json::{Value, json};

use crate::support::Client;
use crate::{ended, id_of, primary};
use azurite::{FUTURE, Storage};

/// A cluster with a table `T (a:long, s:string)` of that many rows, and an empty one, `U`.
async fn client(rows: u32) -> Client {
    let client = Client::with(Settings {
        export: Export {
            shards: 4,
            ..Export::default()
        },
        ..Settings::default()
    })
    .await;
    client
        .rows(&format!(
            ".set-or-append T <| range a from 1 to {rows} step 1 | extend s = strcat('row ', a)"
        ))
        .await;
    client.rows(".create table U (a:long, s:string)").await;
    client
}

/// The texts of the first column.
fn column(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().expect("rows");
    rows.iter()
        .map(|row| row[0].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// `h@'…', h@'…'`
fn list(uris: &[String]) -> String {
    let quoted: Vec<String> = uris.iter().map(|uri| format!("h@'{uri}'")).collect();
    quoted.join(", ")
}

/// The answer to a command that fails: code, whether it is permanent, and all of it as text.
async fn refusal(client: &Client, text: &str) -> (String, bool, String) {
    let (status, answer) = client.mgmt(text).await.expect("an answer");
    assert_ne!(status, 200, "{text}: {answer}");
    let error = &answer["error"];
    (
        error["code"].as_str().unwrap_or_default().to_owned(),
        error["@permanent"].as_bool().expect("a flag"),
        answer.to_string(),
    )
}

#[tokio::test]
async fn what_is_exported_to_blobs_is_ingested_from_them() {
    let Some(storage) = Storage::start(&["one", "two"]).await else {
        return;
    };
    let client = client(100).await;
    let folders = [
        storage
            .signed("one", "rwl", FUTURE)
            .replace("/one?", "/one/f/?"),
        storage.signed("two", "rwl", FUTURE),
    ];
    for (format, suffix) in [("csv", ".csv.gz"), ("parquet", ".parquet")] {
        client.rows(".clear table U data").await;
        let exported = client
            .rows(&format!(
                ".export compressed to {format} ({}) with (namePrefix='{format}/x y%?#') <| T",
                list(&folders)
            ))
            .await;
        let paths = column(&exported);
        assert_eq!(paths.len(), 4, "one a shard: {exported}");
        let one = format!("{}/f/{format}/x%20y%25%3F%23_", storage.uri("one"));
        let two = format!("{}/{format}/x%20y%25%3F%23_", storage.uri("two"));
        let in_turn = [&one, &two, &one, &two];
        for (path, start) in paths.iter().zip(in_turn) {
            assert!(path.starts_with(start.as_str()), "{path}");
            assert!(path.ends_with(suffix), "{path}");
        }
        let signed: Vec<String> = paths
            .iter()
            .map(|path| storage.signed_blob(path, "rl"))
            .collect();
        let ingested = client
            .rows(&format!(
                ".ingest into table U ({}) with (format='{format}')",
                list(&signed)
            ))
            .await;
        assert_eq!(ingested[0][1], json!(paths.join("\r\n")));
        let seen =
            "union withsource=t T, U | summarize count(), sum(a), dcount(s) by t | project-away t";
        let totals = primary(&client, seen).await;
        assert_eq!(totals[0], totals[1]);
        assert_eq!(totals[0], json!([100, 5050, 100]));
    }
    assert_eq!(storage.blobs("one").await.len(), 4);
    assert_eq!(storage.blobs("two").await.len(), 4);
}

#[tokio::test]
async fn an_operation_on_blobs_tells_no_signature() {
    let Some(storage) = Storage::start(&["one"]).await else {
        return;
    };
    let client = client(10).await;
    let folder = storage.signed("one", "rwl", FUTURE);
    let started = client
        .rows(&format!(".export async to csv (h@'{folder}') <| T"))
        .await;
    let exported = id_of(&started);
    assert_eq!(ended(&client, &exported).await, "Completed");
    let details = client
        .rows(&format!(
            ".show operation {exported} details | project Path"
        ))
        .await;
    assert_eq!(sorted(column(&details)), sorted(storage.blobs("one").await));
    let blob = storage.signed_blob(&column(&details)[0], "r");
    let started = client
        .rows(&format!(
            ".ingest async into table U (h@'{blob}') with (persistDetails=true)"
        ))
        .await;
    let ingested = id_of(&started);
    assert_eq!(ended(&client, &ingested).await, "Completed");
    let signature = folder.split_once("sig=").expect("it is signed").1;
    for text in [
        ".show operations".to_owned(),
        format!(".show operation {exported} details"),
        format!(".show operation {ingested} details"),
        ".show commands".to_owned(),
        ".show queries".to_owned(),
        ".show ingestion failures".to_owned(),
    ] {
        let rows = client.rows(&text).await;
        assert!(!rows.to_string().contains(signature), "{text}: {rows}");
    }
}

#[tokio::test]
async fn external_data_are_read_from_blobs_and_from_files() {
    let Some(storage) = Storage::start(&["one"]).await else {
        return;
    };
    let client = Client::start().await;
    storage.put("one/1.csv", "1,a\n2,b\n").await;
    storage.put("one/2.data", "{\"a\":3,\"s\":\"c\"}\n").await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("3.csv");
    std::fs::write(&file, "4,d\n").expect("the folder is ours");
    let csv = storage.signed_blob(&storage.uri("one/1.csv"), "r");
    let json = storage.signed_blob(&storage.uri("one/2.data"), "r");
    let query = format!(
        "union (externaldata(a:long, s:string)[h@'{csv}', @'{}']), \
         (externaldata(a:long, s:string)[h@'{json}'] with (format='json')) \
         | order by a asc",
        file.display()
    );
    let rows = primary(&client, &query).await;
    assert_eq!(rows, json!([[1, "a"], [2, "b"], [3, "c"], [4, "d"]]));
    let writes_only = storage.signed_blob(&storage.uri("one/1.csv"), "w");
    let query = format!("externaldata(a:long)[h@'{writes_only}'] | count");
    let (status, answer) = client.query(&query, json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["code"], "Download_Forbidden");
    assert_eq!(answer["error"]["@permanent"], true);
    assert!(!answer.to_string().contains("sig="), "{answer}");
}
