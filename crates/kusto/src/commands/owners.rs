//! Whose destination table is it? Markers at the destination that outlive the lake, as stored
//! functions: creating one if none exists is atomic.

use crate::database::Database;
use crate::kql;
pub use crate::kql::owners::{JobMarker, OwnerMarker};
use crate::rows::row_struct;
use crate::{Call, KustoError};

/// All markers in a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markers {
    /// Of tables.
    pub owners: Vec<OwnerMarker>,
    /// Of jobs.
    pub jobs: Vec<JobMarker>,
    /// Functions that are named as a marker and cannot be read as one.
    pub unreadable: Vec<String>,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// The table is this job's, now or before.
    Ours,
    /// The table is another job's.
    Theirs(OwnerMarker),
}

row_struct! {
    struct FunctionRow {
        name: String = "Name",
        body: String = "Body",
        folder: Option<String> = "Folder",
    }
}

impl Database {
    /// Claims a destination table for a job: creates the marker unless there is one, then reads
    /// back whose it is. Safe to repeat; of two jobs at once one wins.
    ///
    /// # Errors
    /// As any idempotent command; [`KustoError::Protocol`] when the marker cannot be read back.
    pub async fn claim_table(
        &self,
        call: &Call,
        marker: &OwnerMarker,
    ) -> Result<Claim, KustoError> {
        let text = kql::owners::claim(marker);
        self.run(call, &text).await?;
        let found = self.markers(call).await?.owners;
        match found.into_iter().find(|owner| owner.table == marker.table) {
            Some(owner) if owner.incarnation == marker.incarnation => Ok(Claim::Ours),
            Some(owner) => Ok(Claim::Theirs(owner)),
            None => Err(self.protocol(call, &text, "the marker was not stored".to_owned())),
        }
    }

    /// Gives a table up. Only for a marker that was read as this job's: the removal itself does
    /// not look. Safe to repeat.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn release_table(&self, call: &Call, table: &str) -> Result<(), KustoError> {
        self.run(call, &kql::owners::release(table)).await.map(drop)
    }

    /// Records the last committed iteration. The marker stays until whoever removes the job drops it
    /// with the others (`docs/operations.md`). Safe to repeat; a stale worker's late send sets an
    /// older number, so it informs and never decides.
    ///
    /// # Errors
    /// As any idempotent command.
    pub async fn record_job(&self, call: &Call, marker: &JobMarker) -> Result<(), KustoError> {
        self.run(call, &kql::owners::record_job(marker))
            .await
            .map(drop)
    }

    /// All markers in the database, of all jobs.
    ///
    /// # Errors
    /// As any read.
    pub async fn markers(&self, call: &Call) -> Result<Markers, KustoError> {
        let rows: Vec<FunctionRow> = self.rows(call, &kql::owners::list()).await?;
        let mut markers = Markers::default();
        for row in rows {
            let text = kql::owners::marker_of_body(&row.body).unwrap_or_default();
            let in_folder = row.folder.as_deref() == Some(kql::owners::FOLDER);
            if let (true, Ok(owner)) = (in_folder, serde_json::from_str::<OwnerMarker>(&text)) {
                markers.owners.push(owner);
            } else if let (true, Ok(job)) = (in_folder, serde_json::from_str::<JobMarker>(&text)) {
                markers.jobs.push(job);
            } else {
                markers.unreadable.push(row.name);
            }
        }
        Ok(markers)
    }
}
