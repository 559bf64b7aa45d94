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

fn entry(source: &str, query: &str, more: &str) -> String {
    format!("[{{\"Source\":\"{source}\",\"Query\":\"{query}\",\"IsTransactional\":true{more}}}]")
}

#[tokio::test]
async fn derived_rows_derive_others_and_circles_are_cut() {
    let cluster = cluster(None, true).await;
    cluster.run(".create table Second (b:long)").await;
    let second = entry("Derived", "Derived | project b = b * 10", "");
    cluster
        .run(&format!(".alter table Second policy update '{second}'"))
        .await;
    cluster.run(".ingest inline into table A <|\n5,q").await;
    assert_eq!((cluster.rows("Derived"), cluster.rows("Second")), (1, 1));
    let circle = entry("Second", "Second", "");
    cluster
        .run(&format!(
            ".alter-merge table Derived policy update '{circle}'"
        ))
        .await;
    cluster.run(".ingest inline into table A <|\n5,q").await;
    assert_eq!(cluster.rows("A"), 2);
    assert_eq!((cluster.rows("Derived"), cluster.rows("Second")), (2, 2));
}

#[tokio::test]
async fn a_wildcard_names_several_sources() {
    let cluster = cluster(None, true).await;
    cluster.run(".create table All (b:long)").await;
    for name in ["Raw1", "Raw2"] {
        cluster.table(name, &[]).await;
    }
    let policy = entry(
        "Raw*",
        "$source_table | project b = a",
        ",\"SourceIsWildCard\":true",
    );
    cluster
        .run(&format!(".alter table All policy update '{policy}'"))
        .await;
    for (source, rows) in [("Raw1", 3), ("Raw2", 3)] {
        let command = format!(".move extents all from table S to table {source}");
        cluster.run(&command).await;
        assert_eq!(cluster.rows(source), rows);
        cluster
            .run(&format!(".move extents all from table {source} to table S"))
            .await;
    }
    assert_eq!(cluster.rows("All"), 6);
    // Without the flag a star is part of a name.
    let plain = entry("Raw*", "Raw1 | project b = a", "");
    cluster
        .run(&format!(".alter table All policy update '{plain}'"))
        .await;
    cluster
        .run(".move extents all from table S to table Raw1")
        .await;
    assert_eq!(cluster.rows("All"), 6);
}

#[tokio::test]
async fn a_policy_reads_no_restricted_table_but_restricted_rows_may_arrive() {
    let cluster = cluster(None, true).await;
    let restrict =
        |table: &str, on: bool| format!(".alter table {table} policy restricted_view_access {on}");
    // What guards the rows where they were says nothing of the table that they enter.
    cluster.run(&restrict("S", true)).await;
    cluster
        .run(".move extents all from table S to table A")
        .await;
    assert_eq!(cluster.rows("Derived"), 2);
    cluster.run(&restrict("A", true)).await;
    let ingest = ".ingest inline into table A <|\n5,q";
    assert_eq!(cluster.refusal(ingest).await, "Forbidden");
    cluster.run(&restrict("A", false)).await;
    let joins = entry("A", "A | join S on a | project b = a", "");
    cluster
        .run(&format!(".alter table Derived policy update '{joins}'"))
        .await;
    assert_eq!(cluster.refusal(ingest).await, "Forbidden");
    cluster.run(&restrict("S", false)).await;
    cluster.run(ingest).await;
}

#[tokio::test]
async fn row_level_security_of_a_source_needs_an_identity() {
    let cluster = cluster(Some("A | project b = a"), true).await;
    cluster
        .run(".alter table A policy row_level_security enable 'A | where a > 5'")
        .await;
    let ingest = ".ingest inline into table A <|\n5,q";
    cluster
        .try_run(ingest)
        .await
        .expect_err("there is no identity");
    let policy = entry("A", "A | project b = a", ",\"ManagedIdentity\":\"system\"");
    cluster
        .run(&format!(".alter table Derived policy update '{policy}'"))
        .await;
    cluster.run(ingest).await;
    assert_eq!((cluster.rows("A"), cluster.rows("Derived")), (1, 1));
}

#[tokio::test]
async fn replacing_a_source_replaces_what_was_derived() {
    let cluster = cluster(None, true).await;
    let replace = |above: i64| format!(".set-or-replace A <| S | where a > {above}");
    cluster.run(&replace(0)).await;
    cluster.run(&replace(0)).await;
    assert_eq!((cluster.rows("A"), cluster.rows("Derived")), (3, 2));
    cluster.run(&replace(5)).await;
    assert_eq!((cluster.rows("A"), cluster.rows("Derived")), (0, 0));
}
