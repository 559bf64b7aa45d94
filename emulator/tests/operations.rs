//! Operations, capacity, cursors, merges, access and storage, as a client sees them.

mod storage;
mod support;

use kusto_emulator::{Capacity, ServiceTime, ServiceTimes, Settings, Throttling};
use serde_json::{Value, json};
use support::Client;

/// Looks at an operation until it has ended; the number of looks is bounded.
async fn ended(client: &Client, id: &str) -> String {
    for _ in 0..100_000 {
        let rows = client
            .rows(&format!(".show operations {id} | project State"))
            .await;
        let state = rows[0][0].as_str().unwrap_or_default().to_owned();
        if !["Scheduled", "InProgress"].contains(&state.as_str()) {
            return state;
        }
    }
    panic!("the operation does not end");
}

fn id_of(rows: &Value) -> String {
    rows[0][0].as_str().expect("an operation id").to_owned()
}

async fn primary(client: &Client, text: &str) -> Value {
    let (status, frames) = client.query(text, json!({})).await;
    assert_eq!(status, 200, "{text}: {frames}");
    frames[2]["Rows"].clone()
}

fn without_slots() -> Settings {
    Settings {
        capacity: Capacity {
            ingestions: 0,
            ..Capacity::default()
        },
        throttle_wait_ms: 0,
        ..Settings::default()
    }
}

#[tokio::test]
async fn an_operation_tells_its_state_and_its_details() {
    let client = Client::start().await;
    let started = client
        .rows(".set-or-append async T with (persistDetails=true) <| range a from 1 to 5 step 1")
        .await;
    let id = id_of(&started);
    assert_eq!(ended(&client, &id).await, "Completed");
    let details = client
        .rows(&format!(".show operation {id} details | project RowCount"))
        .await;
    assert_eq!(details, json!([[5]]));
    let states = client
        .rows(&format!(
            ".show operations | where OperationId == guid({id}) | order by LastUpdatedOn asc | project State"
        ))
        .await;
    assert_eq!(states.as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn without_a_slot_commands_are_throttled() {
    let client = Client::with(without_slots()).await;
    let (status, answer) = client
        .mgmt(".set-or-append T <| print a = 1")
        .await
        .expect("an answer");
    assert_eq!(status, 429);
    assert_eq!(answer["error"]["@permanent"], false);
    let started = client.rows(".set-or-append async T <| print a = 1").await;
    assert_eq!(ended(&client, &id_of(&started)).await, "Throttled");
    client
        .admin("/settings", json!({"capacity": {"ingestions": 1}}))
        .await;
    client.rows(".set-or-append T <| print a = 1").await;
    assert_eq!(primary(&client, "T | count").await, json!([[1]]));
}

#[tokio::test]
async fn asynchronous_commands_can_be_refused_instead() {
    let client = Client::with(Settings {
        throttling: Throttling::Refusal,
        ..without_slots()
    })
    .await;
    let answer = client.mgmt(".set-or-append async T <| print a = 1").await;
    assert_eq!(answer.map(|(status, _)| status), Some(429));
}

#[tokio::test]
async fn a_restart_abandons_operations_and_keeps_data() {
    let client = Client::start().await;
    client.rows(".set-or-append T <| print a = 1").await;
    let slow = json!({"service_times": {"ingest": {"base_ms": 3_600_000}}});
    client.admin("/settings", slow).await;
    let started = client.rows(".append async T <| print a = 2").await;
    let restarted = client.admin("/restart", json!({})).await;
    assert_eq!(restarted["abandoned"], 1);
    assert_eq!(ended(&client, &id_of(&started)).await, "Abandoned");
    assert_eq!(primary(&client, "T").await, json!([[1]]));
}

#[tokio::test]
async fn a_cancelled_ingestion_from_a_query_brings_no_rows() {
    let client = Client::with(Settings {
        service_times: ServiceTimes {
            ingest: ServiceTime {
                base_ms: 3_600_000,
                per_row_ns: 0,
            },
            ..ServiceTimes::default()
        },
        ..Settings::default()
    })
    .await;
    let started = client.rows(".set-or-append async T <| print a = 2").await;
    let id = id_of(&started);
    let cancelled = client.rows(&format!(".cancel operation {id}")).await;
    assert_eq!(cancelled[0][3], "Canceled successfully");
    assert_eq!(ended(&client, &id).await, "Canceled");
    assert_eq!(client.rows(".show tables").await, json!([]));
}

#[tokio::test]
async fn an_operation_is_forgotten_by_id_and_kept_in_the_log() {
    let client = Client::start().await;
    client
        .admin("/settings", json!({"operations": {"by_id_for_ms": 0}}))
        .await;
    let started = client.rows(".set-or-append async T <| print a = 1").await;
    let id = id_of(&started);
    assert_eq!(
        client.rows(&format!(".show operations {id}")).await,
        json!([])
    );
    let (status, _) = client
        .mgmt(&format!(".show operation {id} details"))
        .await
        .expect("an answer");
    assert_eq!(status, 400);
    let log = client
        .rows(&format!(
            ".show operations | where OperationId == guid({id}) | summarize by OperationId"
        ))
        .await;
    assert_eq!(log, json!([[id]]));
}

#[tokio::test]
async fn a_cursor_lags_its_commit() {
    let client = Client::start().await;
    client
        .admin("/settings", json!({"cursor_lag_ms": 3_600_000}))
        .await;
    client.rows(".set-or-append T <| print a = 1").await;
    let counted = "T | where cursor_after('') | count";
    assert_eq!(primary(&client, "T | count").await, json!([[1]]));
    assert_eq!(primary(&client, counted).await, json!([[0]]));
    let other = Client::start().await;
    other.rows(".set-or-append T <| print a = 1").await;
    assert_eq!(primary(&other, counted).await, json!([[1]]));
}

/// The record of commits and the cursor functions are two ways to the same rows.
#[tokio::test]
async fn the_record_of_commits_tells_which_rows_a_cursor_holds() {
    let client = Client::start().await;
    for (from, to) in [(1, 3), (4, 4), (5, 9)] {
        client
            .rows(&format!(
                ".set-or-append T <| range a from {from} to {to} step 1"
            ))
            .await;
    }
    client.rows(".set-or-append U <| print a = 1").await;
    client.admin("/merge", json!({})).await;
    let (_, all) = client.look("/commits?database=d&table=T").await;
    let commits = all["commits"].as_array().expect("commits");
    let rows: Vec<_> = commits.iter().map(|commit| &commit["rows"]).collect();
    assert_eq!(rows, [3, 1, 5]);
    for commit in commits {
        let cursor = commit["cursor"].as_str().expect("a cursor");
        let (_, held) = client
            .look(&format!(
                "/commits?database=D&table=T&at_or_before={cursor}"
            ))
            .await;
        let counted = format!("T | where cursor_before_or_at('{cursor}') | count");
        assert_eq!(
            primary(&client, &counted).await,
            json!([[held["rows"].clone()]])
        );
        let time = commit["ingestion_time"].as_str().expect("a time");
        let of_commit = format!("T | where ingestion_time() == datetime({time}) | count");
        assert_eq!(
            primary(&client, &of_commit).await,
            json!([[commit["rows"].clone()]])
        );
    }
    let (_, everything) = client.look("/commits?database=D").await;
    assert_eq!(everything["rows"], 10);
    let newest = primary(&client, "print cursor_current()").await;
    assert_eq!(newest, json!([[everything["newest"].clone()]]));
    let (status, _) = client.look("/commits?database=nowhere").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_merge_changes_extents_and_no_rows() {
    let client = Client::start().await;
    for value in [1, 2, 3] {
        client
            .rows(&format!(".set-or-append T <| print a = {value}"))
            .await;
    }
    let seen = "T | summarize count(), sum(a), dcount(ingestion_time())";
    let before = primary(&client, seen).await;
    let merged = client.admin("/merge", json!({})).await;
    assert_eq!(merged, json!({"merged": 1}));
    let extents = client
        .rows(".show table T extents | summarize count(), sum(RowCount)")
        .await;
    assert_eq!(extents, json!([[1, 3]]));
    assert_eq!(primary(&client, seen).await, before);
}

#[tokio::test]
async fn a_follower_refuses_writes() {
    let client = Client::start().await;
    client
        .admin(
            "/database",
            json!({"name": "D", "access": "ReadOnlyFollowing"}),
        )
        .await;
    let answer = client.mgmt(".create table T (a:long)").await;
    assert_eq!(answer.map(|(status, _)| status), Some(403));
    let mode = client
        .rows(".show database identity | project DatabaseAccessMode")
        .await;
    assert_eq!(mode, json!([["ReadOnlyFollowing"]]));
}

#[tokio::test]
async fn a_restricted_table_answers_unrestricted_viewers_only() {
    let client = Client::start().await;
    client.rows(".set-or-append T <| print a = 1").await;
    client
        .rows(".alter table T policy restricted_view_access true")
        .await;
    assert_eq!(primary(&client, "T | count").await, json!([[1]]));
    client
        .admin("/settings", json!({"unrestricted_viewer": false}))
        .await;
    let (status, _) = client.query("T | count", json!({})).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_table_with_row_level_security_is_refused() {
    let client = Client::start().await;
    client.rows(".set-or-append T <| print a = 1").await;
    client
        .rows(".alter table T policy row_level_security enable 'T | where a > 1'")
        .await;
    let options = json!({"request_block_row_level_security": true});
    let (status, answer) = client.query("T | count", options).await;
    assert_eq!(status, 400);
    assert_eq!(answer["error"]["@permanent"], true);
    let message = answer["error"]["@message"].as_str().unwrap_or_default();
    assert!(
        message.contains("request_block_row_level_security"),
        "{message}"
    );
    let (status, _) = client.query("T | count", json!({})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn cursor_functions_need_the_policy() {
    let client = Client::start().await;
    client.rows(".set-or-append T <| print a = 1").await;
    client
        .rows(".alter table T policy ingestiontime false")
        .await;
    let (status, answer) = client
        .query("T | where cursor_after('') | count", json!({}))
        .await;
    assert_eq!(status, 400);
    let message = answer["error"]["@message"].as_str().unwrap_or_default();
    assert!(message.contains("IngestionTime policy"), "{message}");
    assert_eq!(primary(&client, "T | count").await, json!([[1]]));
}
