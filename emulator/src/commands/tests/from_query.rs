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
