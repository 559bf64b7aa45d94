//! The cluster as a client sees it: real HTTP, Kusto's answers, faults.

mod support;

use serde_json::json;
use support::{Client, post};

#[tokio::test]
async fn a_table_is_created_and_shown() {
    let client = Client::start().await;
    client
        .rows(".create table ['a b'] (['x.y']:long, s:string)")
        .await;
    let rows = client.rows(".show database D cslschema").await;
    assert_eq!(rows, json!([["a b", "['x.y']:long,s:string", "D", "", ""]]));
    let piped = client.rows(".show tables | project TableName").await;
    assert_eq!(piped, json!([["a b"]]));
}

#[tokio::test]
async fn a_query_is_answered_in_frames() {
    let client = Client::start().await;
    let (status, frames) = client.query("print x = 1, y = 'a'", json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(frames[0]["FrameType"], "DataSetHeader");
    assert_eq!(frames[2]["TableKind"], "PrimaryResult");
    assert_eq!(frames[2]["Rows"], json!([[1, "a"]]));
    assert_eq!(frames[3]["TableKind"], "QueryCompletionInformation");
    assert_eq!(frames[4]["HasErrors"], false);
}

#[tokio::test]
async fn fragments_are_sent_when_asked_for() {
    let client = Client::start().await;
    let options = json!({
        "results_v2_fragment_primary_tables": true,
        "results_v2_newlines_between_frames": true,
    });
    let (_, frames) = client.query("print x = 1", options).await;
    let kinds: Vec<_> = frames
        .as_array()
        .expect("an array of frames")
        .iter()
        .map(|frame| frame["FrameType"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        kinds,
        [
            "DataSetHeader",
            "DataTable",
            "TableHeader",
            "TableFragment",
            "TableCompletion",
            "DataTable",
            "DataSetCompletion"
        ]
    );
}

#[tokio::test]
async fn errors_have_kustos_shape() {
    let client = Client::start().await;
    let (status, answer) = client.mgmt(".frobnicate").await.expect("an answer");
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["innererror"]["code"], "SYN0002");
    assert_eq!(answer["error"]["@permanent"], true);
    assert_eq!(answer["error"]["@context"]["clientRequestId"], "test;7");
    let (status, answer) = client.query("NoSuchTable | count", json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["code"], "General_BadRequest");
    let body = json!({"db": "nowhere", "csl": ".show tables"});
    let (status, answer) = post(client.0.uri(), "/v1/rest/mgmt", &body)
        .await
        .expect("an answer");
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["code"], "BadRequest_DatabaseNotExist");
}

#[tokio::test]
async fn readers_cannot_write() {
    let client = Client::start().await;
    let body = json!({
        "db": "D",
        "csl": ".create table T (a:long)",
        "properties": json!({"Options": {"request_readonly": true}}).to_string(),
    });
    let (status, _) = post(client.0.uri(), "/v1/rest/mgmt", &body)
        .await
        .expect("an answer");
    assert_eq!(status, 403);
    assert_eq!(client.rows(".show tables").await, json!([]));
}

#[tokio::test]
async fn a_lost_answer_is_executed_and_a_dropped_request_is_not() {
    let client = Client::start().await;
    let rule =
        |kind: &str| json!({"rules": [{"kind": kind, "commands": ["CreateTable"], "count": 1}]});
    client.admin("/faults", rule("drop_connection")).await;
    assert!(client.mgmt(".create table A (a:long)").await.is_none());
    client.admin("/faults", rule("lose_answer")).await;
    assert!(client.mgmt(".create table B (a:long)").await.is_none());
    let rows = client.rows(".show tables | project TableName").await;
    assert_eq!(rows, json!([["B"]]));
}

#[tokio::test]
async fn an_error_can_come_inside_of_http_200() {
    let client = Client::start().await;
    client
        .admin("/faults", json!({"rules": [{"kind": "error_in_200"}]}))
        .await;
    let (status, frames) = client.query("print x = 1", json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(frames[4]["HasErrors"], true);
    assert!(frames[2]["Rows"][1]["OneApiErrors"].is_array());
}

#[tokio::test]
async fn settings_are_patched_and_seen_in_the_capacity() {
    let client = Client::start().await;
    client
        .admin("/settings", json!({"capacity": {"data_export": 3}}))
        .await;
    let rows = client
        .rows(".show capacity | where Resource == 'DataExport' | project Total, Remaining")
        .await;
    assert_eq!(rows, json!([[3, 3]]));
}

#[tokio::test]
async fn a_script_tells_failures_in_its_rows() {
    let client = Client::start().await;
    let script = ".execute database script <|\n.create table A (a:long)\n.drop table B\n.create table C (a:long)";
    let rows = client.rows(script).await;
    let results: Vec<_> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row[3].clone())
        .collect();
    assert_eq!(results, ["Completed", "Failed"]);
    let thrown = client
        .mgmt(".execute database script with (ThrowOnErrors=true) <|\n.drop table B")
        .await;
    assert_eq!(thrown.map(|(status, _)| status), Some(400));
}

#[tokio::test]
async fn a_shutdown_ends_and_frees_the_port() {
    let client = Client::start().await;
    let uri = client.0.uri().to_owned();
    client.0.shutdown().await;
    assert!(post(&uri, "/v1/rest/mgmt", &json!({})).await.is_none());
}
