//! Update policies on ingestion and on moves.

use super::Cluster;

const POLICY: &str = "[{\"IsEnabled\":true,\"Source\":\"A\",\"Query\":\"A | where a > 1 | project b = a\",\
                      \"IsTransactional\":TRANSACTIONAL,\"PropagateIngestionProperties\":true}]";

async fn cluster(query: Option<&str>, is_transactional: bool) -> Cluster {
    let cluster = Cluster::new();
    cluster.table("A", &[]).await;
    cluster.table("S", &[&[1, 2, 3]]).await;
    cluster.run(".create table Derived (b:long)").await;
    let policy = POLICY.replace("TRANSACTIONAL", &is_transactional.to_string());
    let policy = match query {
        Some(query) => policy.replace("A | where a > 1 | project b = a", query),
        None => policy,
    };
    cluster
        .run(&format!(".alter table Derived policy update '{policy}'"))
        .await;
    cluster
}

#[tokio::test]
async fn an_ingestion_derives_from_its_new_rows_only() {
    let cluster = cluster(None, true).await;
    cluster
        .run(".ingest inline into table A with (tags='[\"p\"]') <|\n5,q\n1,r")
        .await;
    assert_eq!((cluster.rows("A"), cluster.rows("Derived")), (2, 1));
    cluster.run(".ingest inline into table A <|\n6,q").await;
    assert_eq!((cluster.rows("A"), cluster.rows("Derived")), (3, 2));
    assert_eq!(cluster.extents("Derived")[0].tags, ["p"]);
}

#[tokio::test]
async fn a_move_derives_and_does_not_propagate() {
    let cluster = cluster(None, true).await;
    cluster
        .run(".move extents all from table S to table A")
        .await;
    assert_eq!((cluster.rows("A"), cluster.rows("Derived")), (3, 2));
    assert!(cluster.extents("Derived")[0].tags.is_empty());
}

#[tokio::test]
async fn a_transactional_policy_that_fails_fails_the_command() {
    let cluster = cluster(Some("A | project b = s"), true).await;
    let refused = cluster
        .refusal(".move extents all from table S to table A")
        .await;
    assert_eq!(refused, "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema");
    assert_eq!(
        (
            cluster.rows("S"),
            cluster.rows("A"),
            cluster.rows("Derived")
        ),
        (3, 0, 0)
    );
}

#[tokio::test]
async fn another_policy_that_fails_leaves_the_command_alone() {
    let cluster = cluster(Some("A | project b = s"), false).await;
    cluster.run(".ingest inline into table A <|\n5,q").await;
    assert_eq!((cluster.rows("A"), cluster.rows("Derived")), (1, 0));
}

#[tokio::test]
async fn derived_rows_derive_others_and_circles_are_refused() {
    let cluster = cluster(None, true).await;
    cluster.run(".create table Second (b:long)").await;
    let entry = |source: &str, query: &str| {
        format!("[{{\"Source\":\"{source}\",\"Query\":\"{query}\",\"IsTransactional\":true}}]")
    };
    let second = entry("Derived", "Derived | project b = b * 10");
    cluster
        .run(&format!(".alter table Second policy update '{second}'"))
        .await;
    cluster.run(".ingest inline into table A <|\n5,q").await;
    assert_eq!((cluster.rows("Derived"), cluster.rows("Second")), (1, 1));
    let circle = entry("Second", "Second");
    cluster
        .run(&format!(
            ".alter-merge table Derived policy update '{circle}'"
        ))
        .await;
    let refused = cluster.refusal(".ingest inline into table A <|\n5,q").await;
    assert_eq!(refused, "UpdatePolicy_Circle");
    assert_eq!(cluster.rows("A"), 1);
}
