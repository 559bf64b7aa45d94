//! Commits, moves, merges and retention of the model.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use kusto_emulator_values::{Column, ScalarType, arrow_schema};
use serde_json::json;
use uuid::Uuid;

use super::{CommitSettings, Database, DatabaseHandle, NewExtent, Table};
use crate::clock::TICKS_PER_DAY;
use crate::error::KustoError;
use crate::settings::Merge;

const LAG: i64 = 1_000;

fn at(now: i64) -> CommitSettings {
    CommitSettings {
        now,
        cursor_lag: LAG,
    }
}

fn columns() -> Vec<Column> {
    vec![Column::new("a", ScalarType::Long)]
}

/// A database of tables S and T, created at time 0.
fn database() -> DatabaseHandle {
    let database = DatabaseHandle::new(Database::new("D", 0));
    database
        .commit(at(1), |transaction| {
            transaction.put_table(Table::new("S", &columns()));
            transaction.put_table(Table::new("T", &columns()));
            Ok::<_, KustoError>(())
        })
        .expect("tables can be put");
    database
}

fn extent(values: &[i64], tag: &str) -> NewExtent {
    let batch = RecordBatch::try_new(
        arrow_schema(&columns()),
        vec![Arc::new(Int64Array::from(values.to_vec()))],
    )
    .expect("one long column");
    NewExtent {
        batches: vec![batch],
        tags: vec![tag.to_owned()],
        created_on: None,
    }
}

fn append(database: &DatabaseHandle, now: i64, table: &str, values: &[i64], tag: &str) -> Uuid {
    database
        .commit(at(now), |transaction| {
            transaction.append(table, vec![extent(values, tag)])
        })
        .expect("the rows fit")[0]
}

fn cursors(database: &DatabaseHandle, now: i64, table: &str) -> Vec<Option<i64>> {
    let snapshot = database.snapshot(now);
    snapshot.tables[table]
        .extents
        .iter()
        .flat_map(|extent| &extent.segments)
        .map(|segment| {
            segment
                .cursor
                .as_ref()
                .and_then(|slot| slot.as_of(snapshot.cursor))
        })
        .collect()
}

#[test]
fn rows_are_visible_at_once_and_get_their_cursor_after_the_lag() {
    let database = database();
    append(&database, 100, "S", &[1, 2], "x");
    assert_eq!(database.snapshot(100).tables["S"].rows(), 2);
    assert_eq!(cursors(&database, 100 + LAG - 1, "S"), [None]);
    assert_eq!(cursors(&database, 100 + LAG, "S"), [Some(100 + LAG)]);
}

#[test]
fn ingestion_times_are_unique_even_within_one_tick() {
    let database = database();
    append(&database, 100, "S", &[1], "x");
    append(&database, 100, "S", &[2], "y");
    let times: Vec<_> = database.snapshot(100).tables["S"]
        .extents
        .iter()
        .map(|extent| extent.segments[0].ingestion_time)
        .collect();
    assert_eq!(times, [Some(100), Some(101)]);
}

#[test]
fn a_failed_transaction_leaves_no_trace() {
    let database = database();
    append(&database, 100, "S", &[1], "x");
    let version = database.read(|held| held.version);
    let refused = database.commit(at(200), |transaction| {
        transaction.append("S", vec![extent(&[2], "y")])?;
        transaction.append("missing", vec![extent(&[3], "z")])
    });
    assert!(refused.is_err());
    assert_eq!(database.snapshot(200).tables["S"].rows(), 1);
    assert_eq!(database.read(|held| held.version), version);
    assert_eq!(database.read(|held| held.commits.len()), 1);
}

#[test]
fn a_move_gives_new_ids_and_keeps_tags_and_creation_times() {
    let database = database();
    let id = append(&database, 100, "S", &[1, 2], "x");
    let moved = database
        .commit(at(500), |transaction| {
            transaction.move_extents("S", "T", &[id], true)
        })
        .expect("the extent is there");
    assert_eq!(moved[0].original, id);
    assert_ne!(moved[0].result, id);
    let snapshot = database.snapshot(500);
    assert_eq!(snapshot.tables["S"].rows(), 0);
    let extent = &snapshot.tables["T"].extents[0];
    assert_eq!(extent.tags, ["x"]);
    assert_eq!((extent.min_created_on, extent.max_created_on), (100, 100));
    assert_eq!(extent.segments[0].ingestion_time, Some(500));
    assert_eq!(cursors(&database, 500 + LAG, "T"), [Some(500 + LAG)]);
}

#[test]
fn a_move_without_new_time_keeps_the_old_cursor() {
    let database = database();
    let id = append(&database, 100, "S", &[1], "x");
    let old = cursors(&database, 100 + LAG, "S");
    database
        .commit(at(5_000), |transaction| {
            transaction.move_extents("S", "T", &[id], false)
        })
        .expect("the extent is there");
    assert_eq!(cursors(&database, 5_000 + LAG, "T"), old);
}

#[test]
fn a_move_is_all_or_nothing() {
    let database = database();
    let id = append(&database, 100, "S", &[1], "x");
    let refused = database.commit(at(200), |transaction| {
        transaction.move_extents("S", "T", &[id, Uuid::new_v4()], true)
    });
    assert!(refused.is_err());
    assert_eq!(database.snapshot(200).tables["S"].rows(), 1);
}

#[test]
fn a_move_into_another_type_is_refused() {
    let database = database();
    let id = append(&database, 100, "S", &[1], "x");
    let refused = database.commit(at(200), |transaction| {
        transaction.put_table(Table::new("U", &[Column::new("a", ScalarType::Int)]));
        transaction.move_extents("S", "U", &[id], true)
    });
    assert!(refused.is_err());
    assert!(!database.snapshot(200).tables.contains_key("U"));
}

#[test]
fn rows_without_the_policy_have_neither_time_nor_cursor() {
    let database = database();
    database
        .commit(at(50), |transaction| {
            let table = transaction.table_mut("S")?;
            table
                .policies
                .insert("ingestiontime".to_owned(), json!({"IsEnabled": false}));
            Ok::<_, KustoError>(())
        })
        .expect("the table is there");
    append(&database, 100, "S", &[1], "x");
    let snapshot = database.snapshot(100 + LAG);
    let segment = &snapshot.tables["S"].extents[0].segments[0];
    assert_eq!(segment.ingestion_time, None);
    assert!(segment.cursor.is_none());
}

#[test]
fn a_merge_joins_tags_and_times_and_keeps_the_rows_stamps() {
    let database = database();
    append(&database, 100, "S", &[1], "x");
    append(&database, 200, "S", &[2], "y");
    let before = cursors(&database, 200 + LAG, "S");
    let version = database.read(|held| held.version);
    let made = database
        .commit(at(5_000), |transaction| {
            transaction.merge_all(&Merge::default())
        })
        .expect("merges do not fail");
    assert_eq!(made, 1);
    let snapshot = database.snapshot(5_000);
    let [extent] = &snapshot.tables["S"].extents[..] else {
        panic!("one extent is left");
    };
    assert_eq!(extent.tags, ["x", "y"]);
    assert_eq!((extent.min_created_on, extent.max_created_on), (100, 200));
    assert_eq!(cursors(&database, 5_000, "S"), before);
    assert_eq!(database.read(|held| held.version), version + 1);
}

#[test]
fn a_frozen_table_is_not_merged() {
    let database = database();
    append(&database, 100, "S", &[1], "x");
    append(&database, 200, "S", &[2], "y");
    let made = database
        .commit(at(300), |transaction| {
            let table = transaction.table_mut("S")?;
            table
                .policies
                .insert("merge".to_owned(), json!({"AllowMerge": false}));
            transaction.merge_all(&Merge::default())
        })
        .expect("merges do not fail");
    assert_eq!(made, 0);
    assert_eq!(database.snapshot(300).tables["S"].extents.len(), 2);
}

#[test]
fn an_extent_goes_when_its_newest_creation_time_is_too_old() {
    let database = database();
    append(&database, 100, "S", &[1], "x");
    append(&database, 3 * TICKS_PER_DAY, "S", &[2], "y");
    database
        .commit(at(4 * TICKS_PER_DAY), |transaction| {
            transaction.table_mut("S")?.policies.insert(
                "retention".to_owned(),
                json!({"SoftDeletePeriod": "2.00:00:00"}),
            );
            transaction.drop_expired()
        })
        .expect("retention does not fail");
    let snapshot = database.snapshot(4 * TICKS_PER_DAY);
    assert_eq!(snapshot.tables["S"].extents[0].tags, ["y"]);
    assert_eq!(snapshot.tables["S"].extents.len(), 1);
}

fn merge(database: &DatabaseHandle, settings: &Merge) -> usize {
    let merged = database.commit(at(9_000), |transaction| transaction.merge_all(settings));
    merged.expect("merges do not fail")
}

#[test]
fn extents_with_other_drop_by_tags_are_not_merged() {
    let database = database();
    let tagged = |now: i64, tags: &[&str]| {
        let mut new = extent(&[now], "");
        new.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let appended = database.commit(at(now), |transaction| transaction.append("S", vec![new]));
        appended.expect("the rows fit");
    };
    tagged(100, &["drop-by:blue", "drop-by:red", "green"]);
    tagged(200, &["drop-by:red", "yellow"]);
    tagged(300, &["purple", "drop-by:red", "drop-by:blue"]);
    assert_eq!(merge(&database, &Merge::default()), 1);
    let snapshot = database.snapshot(9_000);
    let mut rows: Vec<(usize, usize)> = snapshot.tables["S"]
        .extents
        .iter()
        .map(|extent| (extent.rows, extent.tags.len()))
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [(1, 2), (2, 4)]);
}

#[test]
fn a_merge_keeps_to_its_limits() {
    let limits = |max_extents, max_rows| Merge {
        max_extents,
        max_rows,
        ..Merge::default()
    };
    for (settings, long_tags, left) in [
        (limits(2, 100), false, 2),
        (limits(100, 2), false, 2),
        (limits(100, 100), false, 1),
        (limits(100, 100), true, 2),
    ] {
        let database = database();
        for now in [100, 200, 300] {
            let letter = if long_tags {
                "x".repeat(400_000)
            } else {
                String::new()
            };
            append(&database, now, "S", &[now], &format!("{now}{letter}"));
        }
        merge(&database, &settings);
        let extents = database.snapshot(9_000).tables["S"].extents.len();
        assert_eq!(extents, left, "{settings:?} {long_tags}");
    }
}

/// The state of table S a day after an extent tagged `a:1`, `b` was made at time 100.
fn a_day_later(policy: &str, value: serde_json::Value) -> Option<Vec<String>> {
    let database = database();
    database
        .commit(at(100), |transaction| {
            let mut new = extent(&[1], "a:1");
            new.tags.push("b".to_owned());
            let table = transaction.table_mut("S")?;
            table.policies.insert(policy.to_owned(), value);
            transaction.append("S", vec![new])
        })
        .expect("the rows fit");
    let now = 100 + TICKS_PER_DAY;
    database
        .commit(at(now), |transaction| transaction.drop_expired())
        .expect("retention does not fail");
    let snapshot = database.snapshot(now);
    let table = snapshot.tables.get("S")?;
    Some(table.extents[0].tags.clone())
}

#[test]
fn tags_go_with_the_policy_of_their_prefix_and_age() {
    let policy = |period: &str| json!([{"TagPrefix": "a:", "RetentionPeriod": period}]);
    let tags = |period| a_day_later("extent_tags_retention", policy(period));
    assert_eq!(tags("23:59:59"), Some(vec!["b".to_owned()]));
    let both = vec!["a:1".to_owned(), "b".to_owned()];
    assert_eq!(tags("1.00:00:00"), Some(both));
}

#[test]
fn a_table_goes_on_its_expiry_date_if_it_is_empty_or_may_hold_rows() {
    let tick = |ticks| kusto_emulator_values::datetime::format(ticks);
    let policy = |at: i64, if_not_empty: bool| {
        let value = json!({"ExpiryDate": tick(at), "DeleteIfNotEmpty": if_not_empty});
        a_day_later("auto_delete", value).is_some()
    };
    let now = 100 + TICKS_PER_DAY;
    assert!(!policy(now, true));
    assert!(policy(now + 1, true));
    assert!(policy(now, false));
}
