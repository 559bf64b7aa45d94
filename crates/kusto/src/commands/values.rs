//! Do values survive? Fingerprints of both sides, and values that no text can carry.

use std::collections::BTreeMap;

use kusto_copy_core::vocabulary::{Cursor, TableSchema, hex};
use sha2::{Digest, Sha256};

use crate::database::Database;
use crate::kql;
use crate::kql::values::{Counter, Scope};
use crate::rows::row_struct;
use crate::{Call, KustoError};

/// A column and a number of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnCount {
    /// The column's name.
    pub column: String,
    /// Rows.
    pub rows: u64,
}

/// Rows with values that would not arrive as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueCheck {
    /// Rows looked at.
    pub rows: u64,
    /// Columns with such values, and how many rows; empty is good.
    pub lost: Vec<ColumnCount>,
}

/// The content of a set of rows, whatever their order. Equal fingerprints without lost values on
/// both sides mean equal rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Rows.
    pub rows: u64,
    /// The sum of the low halves of the rows' hashes.
    pub low: u64,
    /// The sum of the high halves.
    pub high: u64,
    /// Nulls of each column that can hold one.
    pub nulls: Vec<ColumnCount>,
    /// As in [`ValueCheck::lost`].
    pub lost: Vec<ColumnCount>,
}

impl Fingerprint {
    /// The same in a few words that can be stored: equal for equal rows.
    #[must_use]
    pub fn content(&self) -> String {
        let mut nulls = Sha256::new();
        for counted in &self.nulls {
            nulls.update(counted.rows.to_le_bytes());
        }
        let nulls = hex(&nulls.finalize()[..8]);
        format!("{}-{:x}-{:x}-{nulls}", self.rows, self.low, self.high)
    }
}

row_struct! {
    /// One of 256 buckets by content (M2).
    pub struct Bucket {
        /// The bucket's number.
        pub bucket: u64 = "Bucket",
        /// Rows.
        pub rows: u64 = "Rows",
        /// The sum of the low halves of the rows' hashes.
        pub low: u64 = "S0",
        /// The sum of the high halves.
        pub high: u64 = "S1",
    }
}

row_struct! {
    struct RowsRow {
        rows: u64 = "Rows",
    }
}

impl Database {
    /// Counts values that text cannot carry, and strings above their size limit (the `X` part of
    /// G1). `limits` gives the destination's limits in bytes where they differ from 1,048,576.
    ///
    /// # Errors
    /// As any read.
    pub async fn value_check(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        scope: Scope<'_>,
        limits: &BTreeMap<String, u64>,
    ) -> Result<ValueCheck, KustoError> {
        let question = kql::values::value_check(table, schema, scope, limits);
        let table = self.run(call, &question.text).await?;
        let row = self.single(call, &question.text, &table)?;
        let read = |name: &str| self.cell::<u64>(call, &question.text, &row, name);
        let lost = positive(&question.lost, read)?;
        Ok(ValueCheck {
            rows: read("Rows")?,
            lost,
        })
    }

    /// The fingerprint of rows (G1 at the source, G2 of staged extents, M2 of a whole table).
    /// Reads every column. A restricted table needs an unrestricted viewer.
    ///
    /// # Errors
    /// As any read.
    pub async fn fingerprint(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        scope: Scope<'_>,
        limits: &BTreeMap<String, u64>,
    ) -> Result<Fingerprint, KustoError> {
        let question = kql::values::fingerprint(table, schema, scope, limits);
        let answer = self.run(call, &question.text).await?;
        let row = self.single(call, &question.text, &answer)?;
        let read = |name: &str| self.cell::<u64>(call, &question.text, &row, name);
        Ok(Fingerprint {
            rows: read("Rows")?,
            low: self
                .cell::<Option<u64>>(call, &question.text, &row, "S0")?
                .unwrap_or(0),
            high: self
                .cell::<Option<u64>>(call, &question.text, &row, "S1")?
                .unwrap_or(0),
            nulls: all(&question.nulls, read)?,
            lost: positive(&question.lost, read)?,
        })
    }

    /// Rows up to a cursor, or all (M1).
    ///
    /// # Errors
    /// As any read.
    pub async fn count_up_to(
        &self,
        call: &Call,
        table: &str,
        up_to: Option<&Cursor>,
    ) -> Result<u64, KustoError> {
        let row: RowsRow = self
            .one(call, &kql::values::count_up_to(table, up_to))
            .await?;
        Ok(row.rows)
    }

    /// 256 buckets by content up to a cursor, or of all rows (M2): a difference between two
    /// sides narrows to a bucket.
    ///
    /// # Errors
    /// As any read.
    pub async fn buckets(
        &self,
        call: &Call,
        table: &str,
        schema: &TableSchema,
        up_to: Option<&Cursor>,
    ) -> Result<Vec<Bucket>, KustoError> {
        self.rows(call, &kql::values::buckets(table, schema, up_to))
            .await
    }
}

fn all(
    counters: &[Counter],
    read: impl Fn(&str) -> Result<u64, KustoError>,
) -> Result<Vec<ColumnCount>, KustoError> {
    counters
        .iter()
        .map(|counter| {
            let rows = read(&counter.field)?;
            Ok(ColumnCount {
                column: counter.column.clone(),
                rows,
            })
        })
        .collect()
}

fn positive(
    counters: &[Counter],
    read: impl Fn(&str) -> Result<u64, KustoError>,
) -> Result<Vec<ColumnCount>, KustoError> {
    let mut counts = all(counters, read)?;
    counts.retain(|count| count.rows > 0);
    Ok(counts)
}
