//! Extremes of every type, odd names and odd shapes arrive exactly; what cannot arrive is refused
//! or stopped, and told.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::support::cluster::text;
use crate::support::copier::Pair;
use crate::support::process::EmulatorProcess;
use crate::support::python::Python;

/// Blocks of five hundred rows: dense instants must be divided by extent and by content.
const SMALL_BLOCKS: [&str; 2] = ["--block-rows", "500"];

#[test]
fn extremes_of_values_names_and_shapes_arrive_exactly() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Torture");
    // The dense table then has several extents of one instant, each larger than a block.
    pair.source
        .settings(&json!({"ingestion": {"max_rows_per_extent": 2_000}}));
    let folder = pair.dir().join("files");
    fs::create_dir(&folder).expect("a folder can be made");
    let expected = pair.dir().join("expected.json");
    let expected = expected.to_str().expect("the folder's name is text");
    let loaded = python.expect_success(&[
        "load_torture.py",
        &pair.source.uri,
        "Torture",
        folder.to_str().expect("the folder's name is text"),
        "--expect-out",
        expected,
    ]);

    pair.copy_completely(&SMALL_BLOCKS);

    let report = pair.assert_equal(&python, &["--expect-file", expected]);
    let equal = report
        .lines()
        .filter(|line| line.contains(": equal: "))
        .count();
    assert!(
        loaded.contains(&format!("{equal} tables")),
        "{loaded}\n{report}"
    );
    assert_eq!(rows_by_year(&pair.source), rows_by_year(&pair.destination));
    assert_eq!(rows_by_year(&pair.destination).len(), 4);
    pair.assert_tidy();
}

/// Rows of the table whose extents span years, by the year of their extents' creation.
fn rows_by_year(cluster: &EmulatorProcess) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    for extent in cluster.command("Torture", ".show table years extents") {
        let year = text(&extent, "MaxCreatedOn")[..4].to_owned();
        *rows.entry(year).or_default() += extent["RowCount"].as_u64().expect("a number of rows");
    }
    rows
}

/// Three values of one byte more than the destination keeps, among values that are sound.
const TOO_LONG: [&str; 5] = [
    ".create table ['too long'] (n:long, s:string, d:dynamic)",
    ".alter column ['too long'].['s'] policy encoding type='BigObject'",
    ".alter column ['too long'].['d'] policy encoding type='BigObject'",
    ".set-or-append ['too long'] <| range n from 1 to 5 step 1 \
     | extend s = iff(n > 3, strcat(strrep(strrep('x', 1024), 1024), 'x'), 'short'), d = dynamic({})",
    ".set-or-append ['too long'] <| print n = 6, s = '', \
     d = todynamic(strcat('[\"', strrep(strrep('y', 1024), 1024), '\"]'))",
];

#[test]
fn a_value_that_cannot_survive_stops_its_block_and_is_counted() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Torture");
    pair.at_source(&TOO_LONG);
    pair.at_source(&[
        ".create table sound (n:long)",
        ".set-or-append sound <| range n from 1 to 10 step 1",
    ]);
    // The destination's own table keeps values of the default size.
    pair.destination.command(
        "Torture",
        ".create table ['too long'] (n:long, s:string, d:dynamic)",
    );

    let ended = pair.copy(&["--output", "json"]);

    assert_eq!(ended.code, Some(1), "{ended}");
    let document = ended.document();
    assert_eq!(document["state"], "failed", "{ended}");
    let table = document["tables"]
        .as_array()
        .and_then(|tables| tables.iter().find(|table| table["table"] == "too long"))
        .unwrap_or_else(|| panic!("the table is not in the document\n{ended}"));
    let error = table["error"].as_str().unwrap_or_default();
    assert!(error.contains("2 values of column `s`"), "{ended}");
    assert_eq!(table["rows"], 0, "{ended}");
    assert!(ended.stderr.contains("too long"), "{ended}");
    let arrived = pair.destination.row_counts("Torture");
    assert_eq!(arrived["too long"], 0, "{arrived:?}");
    assert_eq!(arrived["sound"], 10, "the other table is not held back");

    // The destination learns to keep such values. Staging was made before that and would cut them,
    // so that another try makes another staging table.
    for column in ["s", "d"] {
        pair.destination.command(
            "Torture",
            &format!(".alter column ['too long'].['{column}'] policy encoding type='BigObject'"),
        );
    }
    pair.copy_completely(&[]);
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
}

#[test]
fn values_as_long_as_the_destination_keeps_arrive_exactly() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Torture");
    pair.at_source(&TOO_LONG);
    for command in &TOO_LONG[..3] {
        pair.destination.command("Torture", command);
    }
    pair.copy_completely(&[]);
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
}

#[test]
fn what_cannot_be_copied_is_refused_before_the_copy() {
    let pair = Pair::start("Torture");
    pair.at_source(&[
        ".create table sound (n:long)",
        ".set-or-append sound <| range n from 1 to 10 step 1",
        ".create table untimed (n:long)",
        ".alter table untimed policy ingestiontime false",
        ".create table secured (n:long)",
        ".alter table secured policy row_level_security enable 'secured'",
    ]);

    let ended = pair.copy(&[]);

    assert_eq!(ended.code, Some(1), "{ended}");
    for part in [
        "`untimed`",
        "ingestion-time policy is off",
        "`secured`",
        "row-level security",
    ] {
        assert!(ended.stderr.contains(part), "{part} is missing\n{ended}");
    }
    let made = pair.destination.tables("Torture");
    assert!(made.is_empty(), "{made:?}");

    pair.copy_completely(&["--tables-exclude", "untimed", "secured"]);
    assert_eq!(pair.destination.row_counts("Torture")["sound"], 10);
}

#[test]
fn the_embedded_cluster_refuses_the_names_that_kusto_refuses() {
    let cluster = EmulatorProcess::start(&["Names"], &[]);
    let long = "n".repeat(1_025);
    for name in [
        "", "a;b", "a/b", "a\\\\b", "a\\'b", "a\\nb", "__a", "a__", "a$b", &long,
    ] {
        cluster.refusal("Names", &format!(".create table ['{name}'] (a:int)"));
        cluster.refusal("Names", &format!(".create table T (['{name}']:int)"));
    }
    assert!(cluster.tables("Names").is_empty());
}
