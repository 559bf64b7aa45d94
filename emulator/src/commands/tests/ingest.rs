//! Ingestion from files and from text.

use std::path::Path;

use kusto_emulator_values::{Value, datetime};
use serde_json::json;

use super::{Cluster, text};
use crate::clock::{TICKS_PER_DAY, now_ticks};
use crate::settings::{Ingestion, Settings};

fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("the folder can be written");
    format!("file://{}", path.display())
}

#[tokio::test]
async fn files_become_one_extent_that_lists_them() {
    let cluster = Cluster::new();
    cluster.table("T", &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, two) = (
        file(folder.path(), "1.csv", "1,a\n2,b\n"),
        file(folder.path(), "2.csv", "3,c\n"),
    );
    let rows = cluster
        .run(&format!(
            ".ingest into table T (h'{one}', h'{two}') with (format='csv', tags='[\"x\",\"y\"]', \
             creationTime='2024-01-01T00:00:00.0000000Z', ignoreFirstRecord=false, \
             validationPolicy='{{\"ValidationOptions\":1,\"ValidationImplications\":0}}', \
             persistDetails=true)"
        ))
        .await;
    assert_eq!(rows.len(), 1);
    let extent = &cluster.extents("T")[0];
    assert_eq!(text(&rows[0][0]), extent.id.to_string());
    assert_eq!(text(&rows[0][1]), format!("{one}\r\n{two}"));
    assert_eq!(rows[0][3], Value::Bool(false));
    assert_eq!(
        (extent.rows, extent.tags.as_slice()),
        (3, &["x".to_owned(), "y".to_owned()][..])
    );
    assert_eq!(
        datetime::format(extent.max_created_on),
        "2024-01-01T00:00:00.0000000Z"
    );
}

#[tokio::test]
async fn large_files_are_cut_into_extents() {
    let cluster = Cluster::with(Settings {
        ingestion: Ingestion {
            max_rows_per_extent: 2,
            ..Ingestion::default()
        },
        ..Settings::default()
    });
    cluster.table("T", &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(folder.path(), "1.csv", "1,a\n2,b\n3,c\n");
    let rows = cluster
        .run(&format!(".ingest into table T ('{path}')"))
        .await;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| text(&row[1]) == path));
    assert_eq!(cluster.rows("T"), 3);
}

#[tokio::test]
async fn one_bad_file_spoils_the_whole_command() {
    let cluster = Cluster::new();
    cluster.table("T", &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let good = file(folder.path(), "1.csv", "1,a\n");
    let missing = format!("file://{}/no.csv", folder.path().display());
    let command = format!(".ingest into table T ('{good}', '{missing}')");
    assert_eq!(cluster.refusal(&command).await, "Download_SourceNotFound");
    let empty = file(folder.path(), "2.csv", "");
    let command = format!(".ingest into table T ('{good}', '{empty}')");
    assert_eq!(cluster.refusal(&command).await, "BadRequest_EmptyBlob");
    assert_eq!(cluster.rows("T"), 0);
    let unknown = format!(".ingest into table X ('{good}')");
    assert_eq!(cluster.refusal(&unknown).await, "BadRequest_TableNotExist");
}

#[tokio::test]
async fn mappings_place_fields_by_ordinal() {
    let cluster = Cluster::new();
    cluster.table("T", &[]).await;
    let mapping = "[{\"Column\":\"a\",\"Properties\":{\"Ordinal\":\"2\"}},\
                   {\"Column\":\"s\",\"Properties\":{\"Ordinal\":\"1\"}}]";
    cluster
        .run(&format!(
            ".create table T ingestion csv mapping 'm' '{mapping}'"
        ))
        .await;
    cluster
        .run(".ingest inline into table T with (ingestionMappingReference='m') <|\n0,x,7\n")
        .await;
    let rows = cluster
        .run(".show table T extents | project RowCount")
        .await;
    assert_eq!(rows, [[Value::Long(1)]]);
    let batch = &cluster.extents("T")[0].segments[0].batches[0];
    let first = Value::from_array(batch.column(0), 0, kusto_emulator_values::ScalarType::Long);
    assert_eq!(first.expect("the Arrow form of long"), Value::Long(7));
}

#[tokio::test]
async fn what_was_ingested_is_not_ingested_again() {
    let cluster = Cluster::new();
    cluster.table("T", &[]).await;
    let command = ".ingest inline into table T with \
                   (ingestIfNotExists='[\"k\"]', tags='[\"ingest-by:k\"]') <|\n1,a";
    cluster.run(command).await;
    let second = cluster.run(command).await;
    assert_eq!(text(&second[0][0]), uuid::Uuid::nil().to_string());
    assert_eq!(cluster.rows("T"), 1);
}

#[tokio::test]
async fn rows_older_than_retention_are_refused() {
    let cluster = Cluster::new();
    cluster.table("T", &[]).await;
    cluster
        .run(".alter-merge table T policy retention softdelete = 3d")
        .await;
    let old = datetime::format(now_ticks() - 4 * TICKS_PER_DAY);
    let command = format!(".ingest inline into table T with (creationTime='{old}') <|\n1,a");
    assert_eq!(
        cluster.refusal(&command).await,
        "BadRequest_CreationTimeEarlierThanSoftDeletePeriod"
    );
}

#[tokio::test]
async fn rows_without_the_policy_have_no_ingestion_time() {
    let cluster = Cluster::new();
    cluster.table("T", &[&[1]]).await;
    cluster
        .run(".alter table T policy ingestiontime false")
        .await;
    cluster.run(".ingest inline into table T <|\n2,b").await;
    let times: Vec<bool> = cluster
        .extents("T")
        .iter()
        .map(|extent| extent.segments[0].ingestion_time.is_some())
        .collect();
    assert_eq!(times, [true, false]);
}

#[tokio::test]
async fn long_strings_are_cut_where_the_encoding_policy_says() {
    let cluster = Cluster::new();
    cluster.table("T", &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = file(
        folder.path(),
        "1.csv",
        &format!("1,{}\n", "x".repeat(1_500_000)),
    );
    let command = format!(".ingest into table T ('{path}')");
    cluster.run(&command).await;
    cluster
        .run(".alter column T.s policy encoding type='BigObject'")
        .await;
    cluster.run(&command).await;
    let lengths: Vec<usize> = cluster
        .extents("T")
        .iter()
        .map(|extent| {
            let column = extent.segments[0].batches[0].column(1);
            let value = Value::from_array(column, 0, kusto_emulator_values::ScalarType::String);
            text(&value.expect("the Arrow form of string")).len()
        })
        .collect();
    assert_eq!(lengths, [1 << 20, 1_500_000]);
}

#[tokio::test]
async fn a_file_delivered_twice_leaves_the_row_total_right() {
    let cluster = Cluster::new();
    cluster.table("T", &[]).await;
    let rule = json!({"kind": "deliver_twice", "commands": ["IngestIntoTable"], "count": 1});
    let rule = serde_json::from_value(rule).expect("the rule is well formed");
    cluster.engine.faults.replace(vec![rule], None);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let one = file(folder.path(), "1.csv", "1,a\n");
    let two = file(folder.path(), "2.csv", "2,b\n");
    let command = format!(".ingest into table T ('{one}', '{two}')");
    let rows = cluster.run(&command).await;
    assert_eq!(text(&rows[0][1]), format!("{one}\r\n{one}"));
    assert_eq!(cluster.rows("T"), 2);
    let rows = cluster.run(&command).await;
    assert_eq!(text(&rows[0][1]), format!("{one}\r\n{two}"));
}
