//! Exports to files, and back.

use std::path::Path;

use kusto_emulator_values::Value;
use serde_json::json;

use super::{Cluster, text};
use crate::settings::{Export, Settings};

async fn cluster(rows: i64) -> Cluster {
    let cluster = Cluster::with(Settings {
        export: Export {
            nodes: 2,
            shards: 4,
            least_size_limit: 1,
        },
        ..Settings::default()
    });
    let values: Vec<i64> = (0..rows).collect();
    cluster.table("T", &[&values]).await;
    cluster
}

fn export(folder: &Path, format: &str, properties: &str) -> String {
    format!(
        ".export compressed to {format} (h'file://{}') with (namePrefix='x'{properties}) <| T",
        folder.display()
    )
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder exists")
        .map(|entry| {
            entry
                .expect("it can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn distribution_decides_how_many_files_are_written() {
    let cluster = cluster(40).await;
    for (distribution, expected) in [("single", 1), ("per_node", 2), ("per_shard", 4)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let properties = format!(", distribution='{distribution}'");
        let rows = cluster
            .run(&export(folder.path(), "csv", &properties))
            .await;
        assert_eq!(rows.len(), expected);
        let records: i64 = rows
            .iter()
            .map(|row| {
                if let Value::Long(records) = row[1] {
                    records
                } else {
                    0
                }
            })
            .sum();
        assert_eq!(records, 40);
        let names = files(folder.path());
        assert_eq!(names.len(), expected);
        for (row, name) in rows.iter().zip(&names) {
            assert_eq!(
                text(&row[0]),
                format!("file://{}/{name}", folder.path().display())
            );
            let size = std::fs::metadata(folder.path().join(name))
                .expect("it exists")
                .len();
            assert_eq!(text(&row[2]), size.to_string());
        }
        let parts: Vec<&str> = names[0].trim_end_matches(".csv.gz").split('_').collect();
        assert_eq!((parts[0], parts[1], parts[2].len()), ("x", "1", 32));
    }
}

#[tokio::test]
async fn what_is_exported_can_be_ingested_in_every_format() {
    let cluster = cluster(10).await;
    for format in ["csv", "tsv", "json", "parquet"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let written = cluster.run(&export(folder.path(), format, "")).await;
        let paths: Vec<String> = written
            .iter()
            .map(|row| format!("'{}'", text(&row[0])))
            .collect();
        cluster.table(&format!("Back{format}"), &[]).await;
        // Named formats find columns by name; a mapping is Kusto's wish for JSON alone.
        let mapping = match format {
            "json" => {
                ", ingestionMapping='[{\"Column\":\"a\",\"Properties\":{\"Path\":\"$.a\"}},\
                 {\"Column\":\"s\",\"Properties\":{\"Path\":\"$.s\"}}]'"
            }
            _ => "",
        };
        cluster
            .run(&format!(
                ".ingest into table Back{format} ({}) with (format='{format}'{mapping})",
                paths.join(", ")
            ))
            .await;
        assert_eq!(cluster.rows(&format!("Back{format}")), 10, "{format}");
    }
}

#[tokio::test]
async fn a_size_limit_cuts_files_and_no_rows_make_none() {
    let cluster = cluster(1_000).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let limited = export(
        folder.path(),
        "csv",
        ", distribution='single', sizeLimit=2000",
    );
    assert!(cluster.run(&limited).await.len() > 1);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let none = export(folder.path(), "csv", "").replace("<| T", "<| T | where a < 0");
    assert!(cluster.run(&none).await.is_empty());
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_failed_export_leaves_files_behind() {
    let cluster = cluster(40).await;
    let rule = json!({"kind": "fail_export_half", "commands": ["ExportToStorage"]});
    let rule = serde_json::from_value(rule).expect("the rule is well formed");
    cluster.engine.faults.replace(vec![rule], None);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = cluster.refusal(&export(folder.path(), "csv", "")).await;
    assert_eq!(refused, "ServiceError");
    assert_eq!(files(folder.path()).len(), 2);
}

#[tokio::test]
async fn wrong_properties_are_refused_before_anything_is_written() {
    let cluster = cluster(1).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    for properties in [
        ", distribution='some'",
        ", sizeLimit=5000000000",
        ", sizeLimit='big'",
        ", unknown=1",
        ", includeHeaders='maybe'",
        ", encoding='latin1'",
        ", compressionType='brotli'",
    ] {
        let refused = cluster
            .refusal(&export(folder.path(), "csv", properties))
            .await;
        assert_eq!(refused, "BadRequest_InvalidProperty", "{properties}");
    }
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn an_asynchronous_export_tells_its_files_in_its_details() {
    let cluster = cluster(4).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let command = export(folder.path(), "csv", "").replace(".export", ".export async");
    let (id, state) = cluster.ended(&command).await;
    assert_eq!(state, "Completed");
    let details = cluster
        .run(&format!(".show operation {id} details | project Path"))
        .await;
    assert_eq!(details.len(), files(folder.path()).len());
}

#[tokio::test]
async fn details_are_kept_as_the_command_asks() {
    let cluster = cluster(4).await;
    cluster.table("U", &[]).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let csv = folder.path().join("1.csv");
    std::fs::write(&csv, "1,a\n").expect("the folder can be written");
    let export = export(folder.path(), "csv", ", persistDetails=false");
    let ingest = format!(
        ".ingest async into table U ('{}') with (format='csv'",
        csv.display()
    );
    for (command, is_kept) in [
        (export.replace(".export", ".export async"), false),
        (format!("{ingest})"), false),
        (format!("{ingest}, persistDetails=true)"), true),
        (
            ".move async extents all from table U to table T".to_owned(),
            true,
        ),
    ] {
        let (id, state) = cluster.ended(&command).await;
        assert_eq!(state, "Completed");
        let details = cluster
            .try_run(&format!(".show operation {id} details"))
            .await;
        assert_eq!(details.is_ok(), is_kept, "{command}");
    }
}
