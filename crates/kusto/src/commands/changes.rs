//! Which tables changed. Only a cursor query proves that a table did not; metadata may postpone
//! that proof.

use kusto_copy_core::vocabulary::{Ticks, Window};

use crate::database::Database;
use crate::kql;
use crate::rows::row_struct;
use crate::{Call, KustoError};

row_struct! {
    /// A table's extents in one line (D2): it differs after a change, and after a merge too.
    pub struct TableSignature {
        /// The table's name.
        pub table: String = "TableName",
        /// Extents.
        pub extents: u64 = "Extents",
        /// Rows by metadata.
        pub rows: u64 = "Rows",
        /// Deleted rows by metadata.
        pub deleted: Option<u64> = "Deleted",
        /// The newest extent's creation.
        pub newest: Option<Ticks> = "MaxCreatedOn",
        /// A sum over hashes of the extent ids.
        pub signature: i64 = "Signature",
    }
}

row_struct! {
    /// Rows of a window and the bounds of their ingestion times (D3, E1).
    pub struct WindowBounds {
        /// Rows, those without ingestion time included where the predicate takes them.
        pub rows: u64 = "Rows",
        /// The first ingestion time; `None` without rows.
        pub first: Option<Ticks> = "MinIt",
        /// The last ingestion time, inclusive.
        pub last: Option<Ticks> = "MaxIt",
    }
}

row_struct! {
    struct LegRow {
        leg: u64 = "Leg",
        rows: u64 = "Rows",
        first: Option<Ticks> = "MinIt",
        last: Option<Ticks> = "MaxIt",
    }
}

/// Tables asked about in one union at most.
pub const LEGS: usize = 100;

impl Database {
    /// The signature of every table that has extents (D2). Leave it out above 5 million extents.
    ///
    /// # Errors
    /// As any read.
    pub async fn table_signatures(&self, call: &Call) -> Result<Vec<TableSignature>, KustoError> {
        self.rows(call, &kql::changes::signatures(self.name()))
            .await
    }

    /// Rows and bounds of many tables' windows (D3), in the order asked, 100 tables a query. A
    /// query that fails because of one table is repeated table by table, so each has its own
    /// answer.
    ///
    /// # Errors
    /// Faults of the cluster as a whole (busy, unreachable, denied …); a single table's fault is
    /// in its place of the answer.
    pub async fn windows(
        &self,
        call: &Call,
        probes: &[(&str, &Window)],
    ) -> Result<Vec<Result<WindowBounds, KustoError>>, KustoError> {
        let mut answers = Vec::with_capacity(probes.len());
        for chunk in probes.chunks(LEGS) {
            match self.window_chunk(call, chunk).await {
                Ok(bounds) => answers.extend(bounds.into_iter().map(Ok)),
                Err(KustoError::Permanent { .. } | KustoError::NotFound { .. })
                    if chunk.len() > 1 =>
                {
                    for leg in chunk.chunks(1) {
                        answers.push(self.window_leg(call, leg).await?);
                    }
                }
                Err(error @ (KustoError::Permanent { .. } | KustoError::NotFound { .. })) => {
                    answers.push(Err(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    async fn window_leg(
        &self,
        call: &Call,
        leg: &[(&str, &Window)],
    ) -> Result<Result<WindowBounds, KustoError>, KustoError> {
        match self.window_chunk(call, leg).await {
            Ok(mut bounds) => Ok(Ok(bounds.remove(0))),
            Err(error @ (KustoError::Permanent { .. } | KustoError::NotFound { .. })) => {
                Ok(Err(error))
            }
            Err(error) => Err(error),
        }
    }

    /// One query; as many answers as probes.
    async fn window_chunk(
        &self,
        call: &Call,
        probes: &[(&str, &Window)],
    ) -> Result<Vec<WindowBounds>, KustoError> {
        let text = kql::changes::windows(probes);
        let rows: Vec<LegRow> = self.rows(call, &text).await?;
        let answers: Option<Vec<WindowBounds>> = (0_u64..)
            .zip(probes)
            .map(|(leg, _)| {
                let row = rows.iter().find(|row| row.leg == leg)?;
                Some(WindowBounds {
                    rows: row.rows,
                    first: row.first,
                    last: row.last,
                })
            })
            .collect();
        answers
            .filter(|_| rows.len() == probes.len())
            .ok_or_else(|| {
                self.protocol(
                    call,
                    &text,
                    "the answer lacks a table, or has one twice".to_owned(),
                )
            })
    }
}
