//! Rows of a command's result written into tables (no query language needed).

use super::Cluster;

const ROWS: &str = "<| .show tables (S) details";

#[tokio::test]
async fn a_set_creates_and_an_append_needs_the_table() {
    let cluster = Cluster::new();
    cluster.table("S", &[&[1]]).await;
    let refused = cluster.refusal(&format!(".append T {ROWS}")).await;
    assert_eq!(refused, "BadRequest_TableNotExist");
    let made = cluster.run(&format!(".set T {ROWS}")).await;
    assert_eq!((made.len(), cluster.rows("T")), (1, 1));
    let refused = cluster.refusal(&format!(".set T {ROWS}")).await;
    assert_eq!(refused, "BadRequest_EntityAlreadyExists");
    cluster.run(&format!(".append T {ROWS}")).await;
    cluster.run(&format!(".set-or-append T {ROWS}")).await;
    assert_eq!(cluster.rows("T"), 3);
    cluster.run(&format!(".set-or-replace T {ROWS}")).await;
    assert_eq!(cluster.rows("T"), 1);
}

#[tokio::test]
async fn columns_must_fit_by_position_and_type() {
    let cluster = Cluster::new();
    cluster.table("S", &[&[1]]).await;
    let refused = cluster.refusal(&format!(".append S {ROWS}")).await;
    assert_eq!(refused, "BadRequest_SchemaMismatch");
    assert_eq!(cluster.rows("S"), 1);
}

#[tokio::test]
async fn tags_creation_time_and_the_guard_against_repetition_hold() {
    let cluster = Cluster::new();
    cluster.table("S", &[&[1]]).await;
    let command = format!(
        ".set-or-append T with (tags='[\"ingest-by:k\"]', ingestIfNotExists='[\"k\"]', \
         creationTime='2024-01-01') {ROWS}"
    );
    cluster.run(&command).await;
    cluster.run(&command).await;
    let extents = cluster.extents("T");
    assert_eq!(extents.len(), 1);
    assert_eq!(extents[0].tags, ["ingest-by:k"]);
    assert_eq!(extents[0].max_created_on, 638_396_640_000_000_000);
}

#[tokio::test]
async fn the_ingestion_time_policy_is_a_property_of_a_new_table() {
    let cluster = Cluster::new();
    cluster.table("S", &[&[1]]).await;
    let stamped = |table: &str| -> Vec<bool> {
        let extents = cluster.extents(table);
        let times = extents
            .iter()
            .map(|extent| extent.segments[0].ingestion_time);
        times.map(|time| time.is_some()).collect()
    };
    let off = "with (policy_ingestiontime=false, folder='f')";
    cluster
        .run(&format!(".set-or-append New {off} {ROWS}"))
        .await;
    let policy = cluster.run(".show table New policy ingestiontime").await;
    assert_eq!(policy[0][2].to_text(), "{\"IsEnabled\":false}");
    assert_eq!(stamped("New"), [false]);
    // A table that exists keeps its policy, and takes the folder.
    cluster.run(&format!(".set-or-append Old {ROWS}")).await;
    cluster
        .run(&format!(".set-or-append Old {off} {ROWS}"))
        .await;
    assert_eq!(stamped("Old"), [true, true]);
    let folders = cluster.run(".show tables (Old)").await;
    assert_eq!(folders[0][2].to_text(), "f");
    let ingest = ".ingest inline into table S with (policy_ingestiontime=false) <|\n2,b";
    cluster.run(ingest).await;
    assert_eq!(stamped("S"), [true, true]);
}
