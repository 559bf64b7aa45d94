//! Moves, replacements, drops and tags.

use super::{Cluster, text};

#[tokio::test]
async fn a_move_by_ids_gives_new_ids_and_keeps_tags() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1], &[2]]).await;
    cluster.table("B", &[]).await;
    let ids = cluster.ids("A");
    let before = cluster.extents("A")[0].segments[0].ingestion_time;
    let command = format!(
        ".move extents from table A to table B with (setNewIngestionTime=true) ({})",
        ids[0]
    );
    let rows = cluster.run(&command).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(text(&rows[0][0]), ids[0]);
    let moved = cluster.extents("B");
    assert_eq!(text(&rows[0][1]), moved[0].id.to_string());
    assert_ne!(ids[0], moved[0].id.to_string());
    assert_eq!(moved[0].tags, ["t"]);
    assert!(moved[0].segments[0].ingestion_time > before);
    assert_eq!(cluster.ids("A"), [ids[1].clone()]);
    // The ids are single-use.
    assert_eq!(cluster.refusal(&command).await, "BadRequest_ExtentNotFound");
}

#[tokio::test]
async fn a_move_is_all_or_nothing() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1]]).await;
    cluster.table("B", &[]).await;
    let command = format!(
        ".move extents from table A to table B ({}, 5b0a7f9e-1111-4a11-9111-000000000001)",
        cluster.ids("A")[0]
    );
    assert_eq!(cluster.refusal(&command).await, "BadRequest_ExtentNotFound");
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (1, 0));
}

#[tokio::test]
async fn a_move_needs_the_columns_of_its_source() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1]]).await;
    cluster.run(".create table B (a:long)").await;
    cluster.run(".create table C (a:int, s:string)").await;
    for to in ["B", "C"] {
        let command = format!(".move extents all from table A to table {to}");
        assert_eq!(cluster.refusal(&command).await, "BadRequest_SchemaMismatch");
    }
    let itself = ".move extents all from table A to table A";
    assert_eq!(cluster.refusal(itself).await, "BadRequest_SameTable");
    assert_eq!(cluster.rows("A"), 1);
}

#[tokio::test]
async fn all_extents_or_those_of_a_query_are_moved() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1], &[2]]).await;
    cluster.table("B", &[&[3]]).await;
    cluster.table("C", &[]).await;
    let query = ".move extents to table C <| .show tables (A, B) extents where tags has 't'";
    assert_eq!(cluster.run(query).await.len(), 3);
    assert_eq!(cluster.rows("C"), 3);
    let back = cluster
        .run(".move extents all from table C to table A")
        .await;
    assert_eq!(back.len(), 3);
    assert_eq!(cluster.rows("A"), 3);
}

#[tokio::test]
async fn bounds_on_creation_times_narrow_a_move() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1]]).await;
    cluster.table("B", &[]).await;
    let command = ".move extents all from table A to table B \
                   with (extentCreatedOnTo=datetime(2001-01-01))";
    assert!(cluster.run(command).await.is_empty());
    let command = format!(
        ".move extents from table A to table B with (extentCreatedOnTo=datetime(2001-01-01)) ({})",
        cluster.ids("A")[0]
    );
    assert!(cluster.run(&command).await.is_empty());
    for command in [
        ".move extents to table B with (extentCreatedOnTo=datetime(2001-01-01)) \
         <| .show table A extents",
        ".replace extents in table B with (extentCreatedOnTo=datetime(2001-01-01)) \
         <| {.show table B extents}, {.show table A extents}",
    ] {
        assert!(cluster.run(command).await.is_empty(), "{command}");
    }
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (1, 0));
    let wide = ".move extents to table B with (extentCreatedOnFrom=datetime(2001-01-01)) \
                <| .show table A extents";
    assert_eq!(cluster.run(wide).await.len(), 1);
}

#[tokio::test]
async fn a_replacement_drops_and_moves_in_one_commit() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1]]).await;
    cluster.table("B", &[&[2]]).await;
    let (from, old) = (cluster.ids("A"), cluster.ids("B"));
    let command = ".replace extents in table B <| {.show table B extents}, {.show table A extents}";
    let rows = cluster.run(command).await;
    let originals: Vec<String> = rows.iter().map(|row| text(&row[0])).collect();
    assert_eq!(originals, [old[0].clone(), from[0].clone()]);
    assert_eq!(text(&rows[0][1]), "");
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (0, 1));
    // An extent that is to be dropped from another table fails all of it.
    cluster.table("C", &[&[3]]).await;
    let wrong = ".replace extents in table C <| {.show table B extents}, {.show table B extents}";
    assert_eq!(cluster.refusal(wrong).await, "BadRequest_ExtentNotFound");
    assert_eq!((cluster.rows("B"), cluster.rows("C")), (1, 1));
}

#[tokio::test]
async fn extents_are_dropped_by_tag_until_none_is_left() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1], &[2]]).await;
    cluster.append("A", &["u"], &[3]);
    let by_tag = ".drop extents <| .show table A extents where tags has 't'";
    let would = cluster.run(&by_tag.replace("<|", "whatif <|")).await;
    assert_eq!((would.len(), cluster.rows("A")), (2, 3));
    let dropped = cluster.run(by_tag).await;
    assert_eq!(dropped.len(), 2);
    assert_eq!(text(&dropped[0][1]), "A");
    assert_eq!(cluster.rows("A"), 1);
    assert!(cluster.run(by_tag).await.is_empty());
}

#[tokio::test]
async fn extents_are_dropped_by_ids_and_by_table() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1], &[2]]).await;
    cluster.table("B", &[&[3]]).await;
    let id = cluster.ids("A")[0].clone();
    let elsewhere = format!(".drop extents ({id}) from B");
    assert_eq!(
        cluster.refusal(&elsewhere).await,
        "BadRequest_ExtentNotFound"
    );
    assert_eq!(cluster.run(&format!(".drop extents ({id})")).await.len(), 1);
    assert!(
        cluster
            .run(".drop extents older 1 days from A")
            .await
            .is_empty()
    );
    assert_eq!(cluster.run(".drop extents from all tables").await.len(), 2);
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (0, 0));
}

#[tokio::test]
async fn dropping_a_tag_makes_its_extents_again() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1], &[2]]).await;
    cluster.append("A", &["t", "u"], &[3]);
    let before = cluster.ids("A");
    let rows = cluster
        .run(".drop table A extent tags ('u', 'absent')")
        .await;
    assert_eq!(rows.len(), 1);
    assert_eq!(text(&rows[0][0]), before[2]);
    assert_eq!(text(&rows[0][2]), "t");
    assert!(
        cluster
            .extents("A")
            .iter()
            .all(|extent| extent.tags == ["t"])
    );
    assert!(!cluster.ids("A").contains(&before[2]));
    assert!(
        cluster
            .run(".drop table A extent tags ('u')")
            .await
            .is_empty()
    );
    assert_eq!(cluster.rows("A"), 3);
}

#[tokio::test]
async fn tags_are_set_added_and_dropped_by_query() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1]]).await;
    cluster
        .run(".alter-merge table A extent tags ('u') <| .show table A extents")
        .await;
    assert_eq!(cluster.extents("A")[0].tags, ["t", "u"]);
    cluster
        .run(".alter table A extent tags ('v') <| .show table A extents")
        .await;
    assert_eq!(cluster.extents("A")[0].tags, ["v"]);
    cluster
        .run(".drop table A extent tags <| .show table A extents")
        .await;
    assert!(cluster.extents("A")[0].tags.is_empty());
}

#[tokio::test]
async fn a_tag_change_of_an_extent_that_is_gone_is_answered_as_failed() {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1]]).await;
    cluster.table("B", &[&[2]]).await;
    let rows = cluster
        .run(".alter table A extent tags ('v') <| .show table B extents")
        .await;
    assert_eq!(text(&rows[0][1]), "Failed");
    assert_eq!(cluster.extents("B")[0].tags, ["t"]);
}
