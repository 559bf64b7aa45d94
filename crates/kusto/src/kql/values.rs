//! G and M: fingerprints, value checks, counts and buckets.

use std::collections::BTreeMap;

use kusto_copy_core::vocabulary::{Cursor, ExtentId, Predicate, ScalarType, TableSchema};

use super::columns::{can_be_lost, extend_row_hash, is_lost};
use super::{Text, Writer, predicate};

/// Bytes of a string or dynamic value at most, where no encoding policy raises it.
pub const DEFAULT_VALUE_SIZE: u64 = 1_048_576;

/// Which rows of a table are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// A block's rows at the source.
    Block(&'a Predicate),
    /// Exactly the staged extents that will be moved.
    Extents(&'a [ExtentId]),
    /// All rows up to a cursor.
    UpTo(&'a Cursor),
    /// All rows.
    All,
}

/// A field of the answer that counts rows of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The column.
    pub column: String,
    /// The field.
    pub field: String,
}

/// A question about values and how to read its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueQuestion {
    /// The query.
    pub text: Text,
    /// Fields that count nulls.
    pub nulls: Vec<Counter>,
    /// Fields that count values that would not arrive as they are.
    pub lost: Vec<Counter>,
}

/// The `X` part of G1: rows, and values that text cannot carry.
#[must_use]
pub fn value_check(
    table: &str,
    schema: &TableSchema,
    scope: Scope<'_>,
    limits: &BTreeMap<String, u64>,
) -> ValueQuestion {
    let mut w = Writer::new();
    scoped(&mut w, table, schema, scope);
    w.words("\n| summarize Rows = count()");
    let lost = lost_counters(&mut w, schema, limits);
    ValueQuestion {
        text: w.long_query("values that cannot survive"),
        nulls: Vec::new(),
        lost,
    }
}

/// G1, G2.
#[must_use]
pub fn fingerprint(
    table: &str,
    schema: &TableSchema,
    scope: Scope<'_>,
    limits: &BTreeMap<String, u64>,
) -> ValueQuestion {
    let mut w = Writer::new();
    scoped(&mut w, table, schema, scope);
    let hash = extend_row_hash(&mut w, schema);
    w.words("\n| summarize Rows = count(),\n    ");
    sums(&mut w, &hash);
    let mut nulls = Vec::new();
    for (at, column) in schema.columns.iter().enumerate() {
        if column.ty != ScalarType::String {
            w.words(",\n    N")
                .index(at)
                .words(" = countif(isnull(")
                .name(&column.name);
            w.words("))");
            nulls.push(Counter {
                column: column.name.clone(),
                field: format!("N{at}"),
            });
        }
    }
    let lost = lost_counters(&mut w, schema, limits);
    ValueQuestion {
        text: w.long_query("a fingerprint"),
        nulls,
        lost,
    }
}

/// M1.
#[must_use]
pub fn count_up_to(table: &str, up_to: Option<&Cursor>) -> Text {
    let mut w = Writer::new();
    w.table(table);
    until(&mut w, up_to);
    w.words("\n| summarize Rows = count()")
        .long_query("a table's rows")
}

/// M2.
#[must_use]
pub fn buckets(table: &str, schema: &TableSchema, up_to: Option<&Cursor>) -> Text {
    let mut w = Writer::new();
    w.table(table);
    until(&mut w, up_to);
    let hash = extend_row_hash(&mut w, schema);
    w.words("\n| summarize Rows = count(), ");
    sums(&mut w, &hash);
    w.words(" by Bucket = binary_and(")
        .name(&hash)
        .words(", 255)");
    w.long_query("a table's buckets")
}

fn scoped(w: &mut Writer, table: &str, schema: &TableSchema, scope: Scope<'_>) {
    match scope {
        Scope::Block(block) => predicate::rows(w, table, schema, block),
        Scope::Extents(ids) => {
            w.table(table);
            predicate::extents(w, ids);
        }
        Scope::UpTo(cursor) => {
            w.table(table);
            until(w, Some(cursor));
        }
        Scope::All => {
            w.table(table);
        }
    }
}

fn until(w: &mut Writer, up_to: Option<&Cursor>) {
    if let Some(cursor) = up_to {
        w.words("\n| where cursor_before_or_at(")
            .string(&cursor.0)
            .words(")");
    }
}

/// Two sums of 32-bit halves: no overflow below 2^31 rows, and equal pairs do not cancel.
fn sums(w: &mut Writer, hash: &str) {
    w.words("S0 = sum(binary_and(")
        .name(hash)
        .words(", 4294967295)), ");
    w.words("S1 = sum(binary_and(binary_shift_right(")
        .name(hash)
        .words(", 32), 4294967295))");
}

fn lost_counters(
    w: &mut Writer,
    schema: &TableSchema,
    limits: &BTreeMap<String, u64>,
) -> Vec<Counter> {
    let mut counters = Vec::new();
    for (at, column) in schema.columns.iter().enumerate() {
        if can_be_lost(column.ty) {
            let limit = limits
                .get(&column.name)
                .copied()
                .unwrap_or(DEFAULT_VALUE_SIZE);
            w.words(",\n    X").index(at).words(" = countif(");
            is_lost(w, column, limit);
            w.words(")");
            counters.push(Counter {
                column: column.name.clone(),
                field: format!("X{at}"),
            });
        }
    }
    counters
}
