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
    let (status, answer) = client.mgmt(".show tables").await.expect("an answer");
    assert_eq!(status, 200);
    assert!(answer["Tables"][0]["Rows"][0]["Exceptions"].is_array());
    assert!(answer["Exceptions"].is_array());
}

#[tokio::test]
async fn commands_of_metadata_can_be_throttled() {
    let client = Client::start().await;
    let rule = json!({"kind": "throttle", "commands": ["ShowTables"], "count": 1});
    client.admin("/faults", json!({"rules": [rule]})).await;
    let (status, answer) = client.mgmt(".show tables").await.expect("an answer");
    assert_eq!(status, 429);
    assert_eq!(answer["error"]["@permanent"], false);
    assert_eq!(client.rows(".show tables").await, json!([]));
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

#[tokio::test]
async fn tables_are_altered_and_columns_keep_their_rows() {
    let client = Client::start().await;
    client
        .rows(".set-or-append T <| print a = 1, b = 'x'")
        .await;
    client.rows(".alter table T docstring 'rows'").await;
    client.rows(".rename column T.b to c").await;
    client.rows(".alter-merge table T (d:string, e:long)").await;
    let (_, frames) = client.query("T", json!({})).await;
    assert_eq!(frames[2]["Rows"], json!([[1, "x", "", null]]));
    client.rows(".drop column T.a").await;
    client.rows(".rename table T to U").await;
    let schema = client.rows(".show table U cslschema").await;
    assert_eq!(
        schema,
        json!([["U", "c:string,d:string,e:long", "D", "", "rows"]])
    );
    let refused = client.mgmt(".alter column U.c type=long").await;
    assert_eq!(refused.map(|(status, _)| status), Some(400));
}

#[tokio::test]
async fn a_table_based_on_another_copies_all_but_the_update_policy() {
    let client = Client::start().await;
    client
        .rows(".create table T (a:long) with (folder='f')")
        .await;
    client
        .rows(".alter-merge table T policy retention softdelete = 3d")
        .await;
    client
        .rows(r#".alter table T policy update '[{"IsEnabled":false,"Source":"S","Query":"S"}]'"#)
        .await;
    client.rows(".create table U based-on T").await;
    let retention = client.rows(".show table U policy retention").await;
    let policy = retention[0][2].as_str().unwrap_or_default();
    assert!(policy.contains("3.00:00:00"), "{policy}");
    let update = client
        .rows(".show table U policy update | project Policy")
        .await;
    assert_eq!(update, json!([["null"]]));
    let repeated = client.mgmt(".create table U based-on T").await;
    assert_eq!(repeated.map(|(status, _)| status), Some(400));
    client.rows(".create table U based-on T ifnotexists").await;
}

#[tokio::test]
async fn streamed_rows_are_ingested() {
    let client = Client::start().await;
    client.rows(".create table T (a:long, s:string)").await;
    let path = "/v1/rest/ingest/D/T?streamFormat=csv";
    let (status, answer) = post(client.0.uri(), path, &json!(7))
        .await
        .expect("an answer");
    assert_eq!(status, 400);
    let code = &answer["error"]["code"];
    assert_eq!(code, "BadRequest_StreamingIngestionPolicyNotEnabled");
    client
        .rows(".alter table T policy streamingingestion enable")
        .await;
    // The body is one JSON document, which is also one CSV record of one field.
    let (status, answer) = post(client.0.uri(), path, &json!(7))
        .await
        .expect("an answer");
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["Tables"][0]["Rows"][0][0], 1);
    let (_, frames) = client.query("T", json!({})).await;
    assert_eq!(frames[2]["Rows"], json!([[7, ""]]));
    let unmapped = "/v1/rest/ingest/D/T?streamFormat=json";
    let refused = post(client.0.uri(), unmapped, &json!({"a": 1})).await;
    assert_eq!(refused.map(|(status, _)| status), Some(400));
}
