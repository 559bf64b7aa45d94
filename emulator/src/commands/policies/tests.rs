//! Policies as written, stored and shown.

use kusto_emulator_commands::{Command, Show, parse};
use kusto_emulator_values::{Column, ScalarType, Value};
use serde_json::{Value as Json, json};

use super::{change_policy, max_value_sizes, show_policy};
use crate::engine::Engine;
use crate::error::KustoError;
use crate::model::{DatabaseHandle, Table};
use crate::settings::Settings;
use std::sync::Arc;

struct Cluster {
    engine: Arc<Engine>,
    database: Arc<DatabaseHandle>,
}

fn cluster() -> Cluster {
    let engine = Engine::new(Settings {
        databases: vec!["D".to_owned()],
        ..Settings::default()
    });
    let database = engine.database("D").expect("the settings name it");
    engine
        .commit(&database, |transaction| {
            for name in ["T", "U"] {
                let columns = [
                    Column::new("a", ScalarType::Long),
                    Column::new("s", ScalarType::String),
                ];
                transaction.put_table(Table::new(name, &columns));
            }
            Ok(())
        })
        .expect("tables can be put");
    Cluster { engine, database }
}

impl Cluster {
    /// Runs a command about a policy and returns entity and policy of each row.
    fn run(&self, text: &str) -> Result<Vec<(String, Json)>, KustoError> {
        let parsed = parse(text).expect("the command is well formed");
        let table = if let Command::Policy(command) = &parsed.command {
            change_policy(&self.engine, &self.database, command)?
        } else if let Command::Show(Show::Policy { entity, policy }) = &parsed.command {
            show_policy(&self.engine, &self.database, entity, *policy)?
        } else {
            panic!("not about a policy: {text}")
        };
        let rows = table.rows().expect("the result is well formed");
        Ok(rows
            .into_iter()
            .map(|row| match (&row[1], &row[2]) {
                (Value::String(entity), Value::String(policy)) => (
                    entity.clone(),
                    serde_json::from_str(policy).expect("policies are JSON"),
                ),
                _ => panic!("names and policies are strings"),
            })
            .collect())
    }

    fn policy(&self, text: &str) -> Json {
        let mut rows = self.run(text).expect("the command succeeds");
        assert_eq!(rows.len(), 1);
        rows.remove(0).1
    }
}

#[test]
fn an_unset_policy_is_null_and_ingestion_time_is_on() {
    let cluster = cluster();
    assert_eq!(cluster.policy(".show table T policy merge"), Json::Null);
    assert_eq!(
        cluster
            .run(".show table * policy ingestiontime")
            .expect("it succeeds"),
        [
            ("[D].[T]".to_owned(), json!({"IsEnabled": true})),
            ("[D].[U]".to_owned(), json!({"IsEnabled": true}))
        ]
    );
}

#[test]
fn merging_keeps_the_other_fields_and_altering_takes_the_defaults() {
    let cluster = cluster();
    let merged = cluster.policy(
        ".alter-merge table T policy merge '{\"AllowRebuild\":false,\"AllowMerge\":false}'",
    );
    assert_eq!(merged["AllowMerge"], json!(false));
    assert_eq!(merged["MaxExtentsToMerge"], json!(100));
    let altered = cluster.policy(".alter table T policy merge '{\"MaxExtentsToMerge\":7}'");
    assert_eq!(altered["AllowMerge"], json!(true));
    assert_eq!(altered["MaxExtentsToMerge"], json!(7));
    assert_eq!(cluster.policy(".delete table T policy merge"), Json::Null);
}

#[test]
fn retention_is_written_as_timespan() {
    let cluster = cluster();
    let policy = cluster.policy(".alter-merge table T policy retention softdelete = 10d");
    assert_eq!(
        policy,
        json!({"SoftDeletePeriod": "10.00:00:00", "Recoverability": "Enabled"})
    );
    let ticks = cluster
        .database
        .read(|database| database.soft_delete_period(database.table("T").expect("it exists")));
    assert_eq!(ticks, 10 * crate::clock::TICKS_PER_DAY);
}

#[test]
fn ingestion_time_goes_off_by_false_and_by_deletion() {
    let cluster = cluster();
    let stamps = || {
        cluster.database.read(|database| {
            database
                .table("T")
                .expect("it exists")
                .stamps_ingestion_time()
        })
    };
    assert!(stamps());
    cluster.policy(".alter table T policy ingestiontime false");
    assert!(!stamps());
    cluster.policy(".alter table T policy ingestiontime true");
    assert!(stamps());
    cluster.policy(".delete table T policy ingestiontime");
    assert!(!stamps());
}

#[test]
fn restricted_view_and_row_level_security_exclude_each_other() {
    let cluster = cluster();
    let restrict = ".alter table T policy restricted_view_access true";
    cluster.policy(".alter table T policy row_level_security enable 'T | where a == 1'");
    let refused = cluster.run(restrict).expect_err("the other policy is on");
    assert_eq!(refused.code, "BadRequest_PolicyConflict");
    cluster.policy(".delete table T policy row_level_security");
    assert_eq!(cluster.policy(restrict), json!(true));
    assert!(
        cluster
            .run(".alter table T policy row_level_security enable 'T'")
            .is_err()
    );
}

#[test]
fn update_policies_are_arrays_and_merging_appends() {
    let cluster = cluster();
    let entry = "[{\"IsEnabled\":true,\"Source\":\"T\",\"Query\":\"T\",\"IsTransactional\":true}]";
    cluster.policy(&format!(".alter table U policy update '{entry}'"));
    let merged = cluster.policy(&format!(".alter-merge table U policy update '{entry}'"));
    assert_eq!(merged.as_array().map(Vec::len), Some(2));
    assert!(cluster.run(".alter table U policy update '{}'").is_err());
    assert!(
        cluster
            .run(".alter table U policy update '[{\"Source\":1}]'")
            .is_err()
    );
}

#[test]
fn a_profile_raises_the_size_of_its_columns_values() {
    let cluster = cluster();
    cluster.policy(".alter column T.s policy encoding type='bigobject'");
    assert_eq!(
        cluster.policy(".show table T policy encoding"),
        json!({"s": {"EncodingPolicyType": "BigObject", "MaxValueSize": 2_097_152}})
    );
    let sizes = || {
        cluster
            .database
            .read(|database| max_value_sizes(database.table("T").expect("it exists")))
    };
    assert_eq!(sizes(), [1 << 20, 2 << 20]);
    cluster.policy(".alter column T.s policy encoding");
    assert_eq!(sizes(), [1 << 20, 1 << 20]);
    assert!(
        cluster
            .run(".alter column T.x policy encoding type='BigObject'")
            .is_err()
    );
}

#[test]
fn what_is_missing_or_malformed_is_refused_and_changes_nothing() {
    let cluster = cluster();
    for (text, code) in [
        (".show table X policy merge", "BadRequest_TableNotExist"),
        (
            ".show table ['E'].['T'] policy merge",
            "BadRequest_DatabaseNotExist",
        ),
        (
            ".alter table T policy merge '{\"AllowMerge\":1}'",
            "BadRequest_InvalidPolicy",
        ),
        (
            ".alter table T policy extent_tags_retention \
             '[{\"TagPrefix\":\"a\",\"RetentionPeriod\":\"1.00:00:00\"}]'",
            "BadRequest_InvalidPolicy",
        ),
        (
            ".alter table T policy extent_tags_retention \
             '[{\"TagPrefix\":\"a:b:\",\"RetentionPeriod\":\"1.00:00:00\"}]'",
            "BadRequest_InvalidPolicy",
        ),
        (
            ".alter table T policy auto_delete '{\"ExpiryDate\":\"2020-01-01T00:00:00Z\"}'",
            "BadRequest_InvalidPolicy",
        ),
        (
            ".alter tables (T, X) policy merge '{}'",
            "BadRequest_TableNotExist",
        ),
        (
            ".alter table T policy roworder (x asc)",
            "BadRequest_ColumnNotExist",
        ),
    ] {
        assert_eq!(
            cluster.run(text).expect_err("it is refused").code,
            code,
            "{text}"
        );
    }
    assert_eq!(cluster.policy(".show table T policy merge"), Json::Null);
}
