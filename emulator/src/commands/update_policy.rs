//! Update policies: what is derived from rows that come new into a table, by ingestion or by move.
//!
//! The derived rows are computed before the commit, from the new rows alone, and appended in the
//! same commit as the rows themselves: a transactional policy that fails fails the whole command.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kusto_emulator_values::{Column, Table as Values};
use serde_json::Value as Json;
use uuid::Uuid;

use super::Execution;
use crate::clock::now_ticks;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::model::{DatabaseSnapshot, Extent, NewExtent, Segment, Table, Transaction};
use crate::query::{Overrides, matches_wildcard, run_query};
use crate::request::Request;

/// Rows that follow from new rows, to be appended in the same commit.
#[derive(Clone, Debug)]
pub(crate) struct Derived {
    table: String,
    extents: Vec<NewExtent>,
}

/// Appends what was derived.
///
/// # Errors
/// A table that was dropped or changed meanwhile.
pub(crate) fn append_derived(
    transaction: &mut Transaction<'_>,
    derived: Vec<Derived>,
) -> Result<(), KustoError> {
    for derived in derived {
        transaction.append(&derived.table, derived.extents)?;
    }
    Ok(())
}

/// Puts what was derived in the place of all that the derived tables hold: what `.set-or-replace`
/// of their source does to them.
///
/// # Errors
/// As for [`append_derived`].
pub(crate) fn replace_derived(
    transaction: &mut Transaction<'_>,
    derived: Vec<Derived>,
) -> Result<(), KustoError> {
    let tables: HashSet<&str> = derived.iter().map(|derived| &*derived.table).collect();
    for table in tables {
        let held = transaction.database().table(table)?;
        let ids: Vec<Uuid> = held.extents.iter().map(|extent| extent.id).collect();
        transaction.take(table, &ids)?;
    }
    append_derived(transaction, derived)
}

/// One entry of an update policy.
struct Rule {
    target: String,
    query: String,
    is_transactional: bool,
    propagates: bool,
    has_identity: bool,
}

/// What the new extents of a table give to the tables whose update policy has it as source.
///
/// # Errors
/// A transactional policy whose query fails or does not fit its table, or policies in a circle.
pub(crate) async fn derive_from_new(
    context: &Execution,
    table: &str,
    extents: &[NewExtent],
) -> Result<Vec<Derived>, KustoError> {
    let database = context.database()?;
    let now = now_ticks();
    let snapshot = database.snapshot(now);
    let Some(held) = snapshot.tables.get(table) else {
        return Err(KustoError::table_not_found(database.name(), table));
    };
    if rules_of(&snapshot, table).is_empty() {
        return Ok(Vec::new());
    }
    let source = table_of_new(held, extents, now);
    derive(context, &snapshot, source, extents.first()).await
}

/// What extents that are moved into a table give to the tables whose update policy has it as source.
///
/// # Errors
/// As for [`derive_from_new`].
pub(crate) async fn derive_from_moved(
    context: &Execution,
    snapshot: &DatabaseSnapshot,
    from: &Table,
    to: &str,
    extents: Vec<Arc<Extent>>,
) -> Result<Vec<Derived>, KustoError> {
    let Some(destination) = snapshot.tables.get(to) else {
        return Err(KustoError::table_not_found(&snapshot.name, to));
    };
    if rules_of(snapshot, to).is_empty() {
        return Ok(Vec::new());
    }
    let mut source = from.clone();
    source.merge_columns(&destination.schema())?;
    source.name = to.to_owned();
    // The query reads the rows where they arrive: what guards that table counts.
    source.policies = destination.policies.clone();
    source.extents = extents;
    derive(context, snapshot, Arc::new(source), None).await
}

fn rules_of(snapshot: &DatabaseSnapshot, source: &str) -> Vec<Rule> {
    let text = |entry: &Json, name: &str| entry.get(name).and_then(Json::as_str).map(str::to_owned);
    let flag = |entry: &Json, name: &str, default: bool| {
        entry.get(name).and_then(Json::as_bool).unwrap_or(default)
    };
    let mut rules = Vec::new();
    for table in snapshot.tables.values() {
        let entries = table.policies.get("update").and_then(Json::as_array);
        for entry in entries.into_iter().flatten() {
            let is_wildcard = flag(entry, "SourceIsWildCard", false);
            let is_about = text(entry, "Source").is_some_and(|named| match is_wildcard {
                true => matches_wildcard(&named, source),
                false => named == source,
            });
            if let Some(query) = text(entry, "Query")
                && is_about
                && flag(entry, "IsEnabled", true)
            {
                rules.push(Rule {
                    target: table.name.clone(),
                    // The name of the table that a wildcard met; names hold no quotes.
                    query: query.replace("$source_table", &format!("['{source}']")),
                    is_transactional: flag(entry, "IsTransactional", false),
                    propagates: flag(entry, "PropagateIngestionProperties", false),
                    has_identity: text(entry, "ManagedIdentity").is_some(),
                });
            }
        }
    }
    rules
}

/// The table as if it held only the new rows.
fn table_of_new(held: &Table, extents: &[NewExtent], now: i64) -> Arc<Table> {
    let columns: Arc<[_]> = held.columns.iter().map(|column| column.id).collect();
    let mut table = held.clone();
    table.extents = extents
        .iter()
        .map(|new| {
            let created_on = new.created_on.unwrap_or(now);
            Arc::new(Extent {
                id: Uuid::new_v4(),
                tags: new.tags.clone(),
                min_created_on: created_on,
                max_created_on: created_on,
                segments: vec![Arc::new(Segment {
                    columns: Arc::clone(&columns),
                    batches: new.batches.clone().into(),
                    rows: new.rows(),
                    ingestion_time: Some(now),
                    cursor: None,
                })],
                rows: new.rows(),
                original_size: 0,
            })
        })
        .collect();
    Arc::new(table)
}

/// Circles are cut: in one chain of tables each gets its rows once.
async fn derive(
    context: &Execution,
    snapshot: &DatabaseSnapshot,
    source: Arc<Table>,
    properties_of: Option<&NewExtent>,
) -> Result<Vec<Derived>, KustoError> {
    let request = Request {
        database: snapshot.name.clone(),
        options: BTreeMap::new(),
        parameters: BTreeMap::new(),
        ..context.request.clone()
    };
    let mut derived = Vec::new();
    let chain = vec![source.name.clone()];
    let mut waiting = vec![(source, chain)];
    while let Some((source, chain)) = waiting.pop() {
        for rule in rules_of(snapshot, &source.name) {
            if chain.contains(&rule.target) {
                continue;
            }
            let extent = match run_rule(&context.engine, &request, snapshot, &source, &rule).await {
                Ok(batches) => NewExtent {
                    batches,
                    tags: properties_of
                        .filter(|_| rule.propagates)
                        .map(|new| new.tags.clone())
                        .unwrap_or_default(),
                    created_on: properties_of
                        .filter(|_| rule.propagates)
                        .and_then(|new| new.created_on),
                },
                Err(refused) if rule.is_transactional => return Err(refused),
                Err(refused) => {
                    tracing::warn!(table = rule.target, "update policy failed: {refused}");
                    continue;
                }
            };
            if let Some(target) = snapshot.tables.get(&rule.target)
                && extent.rows() > 0
            {
                let extents = std::slice::from_ref(&extent);
                let chain = chain.iter().chain([&rule.target]).cloned().collect();
                waiting.push((table_of_new(target, extents, now_ticks()), chain));
            }
            derived.push(Derived {
                table: rule.target,
                extents: vec![extent],
            });
        }
    }
    Ok(derived)
}

/// The rows of one rule, in the columns of its table.
async fn run_rule(
    engine: &Arc<Engine>,
    request: &Request,
    snapshot: &DatabaseSnapshot,
    source: &Arc<Table>,
    rule: &Rule,
) -> Result<Vec<arrow::record_batch::RecordBatch>, KustoError> {
    let mut source = Arc::clone(source);
    if rule.has_identity {
        // Row-level security lets an identity pass; without one the query is refused.
        Arc::make_mut(&mut source)
            .policies
            .remove("row_level_security");
    }
    let overrides = Overrides::from([(source.name.clone(), source)]);
    let output = run_query(engine, request, &rule.query, overrides, true).await?;
    let result = output.tables.into_iter().next().ok_or_else(|| {
        KustoError::bad_request(
            "UpdatePolicy_NoResult",
            format!(
                "The update policy of table '{}' answers no table.",
                rule.target
            ),
        )
    })?;
    let Some(target) = snapshot.tables.get(&rule.target) else {
        return Err(KustoError::table_not_found(&snapshot.name, &rule.target));
    };
    check_schema(&rule.target, &target.schema(), &result)?;
    Ok(result.batches)
}

/// A policy's query must answer the table's columns: same types in the same order.
fn check_schema(table: &str, wanted: &[Column], result: &Values) -> Result<(), KustoError> {
    let types = |columns: &[Column]| columns.iter().map(|column| column.ty).collect::<Vec<_>>();
    if types(wanted) == types(&result.schema) {
        return Ok(());
    }
    Err(KustoError::bad_request(
        "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema",
        format!("The query of the update policy of table '{table}' does not match its schema."),
    ))
}
