//! What the clusters report of an attempt, and the verdicts on it. Only extents prove.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::vocabulary::ExtentId;

/// One file of a completed export, from its operation's details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// The path as the cluster reported it, without credentials.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Bytes, where reported.
    pub bytes: u64,
}

/// One row of an ingestion's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemLoaded {
    /// The extent that was made.
    pub extent: ExtentId,
    /// The paths that went into it, without credentials.
    pub paths: Vec<String>,
    /// Whether this row reports errors.
    pub has_errors: bool,
}

/// The staged extents of one tag, by the cluster's metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StagedExtents {
    /// Their ids.
    pub extents: Vec<ExtentId>,
    /// Their rows.
    pub rows: u64,
    /// Rows deleted in them; nothing may be.
    pub deleted: u64,
}

/// All that is known of a completed ingestion: its result, and staging looked at after that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestReport {
    /// The result's rows.
    pub items: Vec<ItemLoaded>,
    /// What staging holds under the attempt's tag.
    pub staged: StagedExtents,
}

/// Judges a completed ingestion: no errors, exactly the manifest's files, exactly their rows.
///
/// Equal rows alone are no proof: one file loaded twice may hide that an equal-sized one is
/// missing. So the loaded files must be the manifest's, each once, and the extents of the
/// result must be those under the tag.
///
/// # Errors
/// The reason why the attempt must be abandoned.
pub fn judge_ingestion(
    files: &[ExportedFile],
    report: &IngestReport,
) -> Result<Vec<ExtentId>, Failure> {
    if report.items.iter().any(|item| item.has_errors) {
        return Err(Failure::IngestErrors);
    }
    let expected: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let pairs: BTreeSet<(&str, &str)> = report
        .items
        .iter()
        .flat_map(|item| {
            item.paths
                .iter()
                .map(|path| (path.as_str(), item.extent.as_str()))
        })
        .collect();
    let reported_pairs: usize = report.items.iter().map(|item| item.paths.len()).sum();
    let loaded: BTreeSet<&str> = pairs.iter().map(|(path, _)| *path).collect();
    if loaded != expected || reported_pairs != pairs.len() {
        return Err(Failure::Files);
    }
    let rows: u64 = files.iter().map(|file| file.rows).sum();
    if report.staged.rows != rows || report.staged.deleted != 0 {
        return Err(Failure::Staged {
            expected: rows,
            staged: report.staged.rows,
        });
    }
    let made: BTreeSet<&ExtentId> = report.items.iter().map(|item| &item.extent).collect();
    let staged: BTreeSet<&ExtentId> = report.staged.extents.iter().collect();
    if made != staged {
        return Err(Failure::Files);
    }
    Ok(staged.into_iter().cloned().collect())
}

/// What was seen of a block's move, in this order: staging first, then the destination. In the
/// other order a move that finishes in between would look like a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveEvidence {
    /// Which of the block's extents are still in staging.
    pub still_staged: Vec<ExtentId>,
    /// Whether an extent of the destination carries the block's tag.
    pub tag_in_destination: bool,
    /// Whether the recorded operation, or the synchronous answer, said Completed with a result
    /// for each extent.
    pub completed: bool,
}

/// What follows from the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveVerdict {
    /// Every extent has left staging and arrived.
    Moved,
    /// Some extents are still staged: they are moved again.
    Again,
    /// Neither here nor there.
    Lost,
}

/// Judges a move. An operation's state alone proves nothing, with one exception: nothing staged,
/// no tag at the destination (somebody may have dropped it) and an operation that completed.
#[must_use]
pub fn judge_move(evidence: &MoveEvidence) -> MoveVerdict {
    if !evidence.still_staged.is_empty() {
        MoveVerdict::Again
    } else if evidence.tag_in_destination || evidence.completed {
        MoveVerdict::Moved
    } else {
        MoveVerdict::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(n: u8) -> ExtentId {
        ExtentId::parse(&format!("00000000-0000-0000-0000-0000000000{n:02}")).expect("guid")
    }

    fn file(path: &str, rows: u64) -> ExportedFile {
        ExportedFile {
            path: path.to_owned(),
            rows,
            bytes: 1,
        }
    }

    fn item(n: u8, paths: &[&str]) -> ItemLoaded {
        ItemLoaded {
            extent: extent(n),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            has_errors: false,
        }
    }

    fn staged(ids: &[u8], rows: u64) -> StagedExtents {
        StagedExtents {
            extents: ids.iter().map(|n| extent(*n)).collect(),
            rows,
            deleted: 0,
        }
    }

    #[test]
    fn a_complete_ingestion_is_accepted() {
        let files = [file("a", 2), file("b", 3)];
        let report = IngestReport {
            items: vec![item(1, &["a"]), item(2, &["a", "b"])],
            staged: staged(&[1, 2], 5),
        };
        assert_eq!(
            judge_ingestion(&files, &report),
            Ok(vec![extent(1), extent(2)])
        );
    }

    #[test]
    fn one_file_twice_and_an_equal_sized_one_not_at_all_is_seen() {
        let files = [file("a", 2), file("b", 2)];
        let report = IngestReport {
            items: vec![item(1, &["a"]), item(2, &["a"])],
            staged: staged(&[1, 2], 4),
        };
        assert_eq!(judge_ingestion(&files, &report), Err(Failure::Files));
    }

    #[test]
    fn a_file_twice_in_one_extent_and_deleted_rows_are_seen() {
        let files = [file("a", 4)];
        let mut report = IngestReport {
            items: vec![item(1, &["a", "a"])],
            staged: staged(&[1], 4),
        };
        assert_eq!(judge_ingestion(&files, &report), Err(Failure::Files));
        report.items = vec![item(1, &["a"])];
        assert_eq!(judge_ingestion(&files, &report), Ok(vec![extent(1)]));
        report.staged.deleted = 1;
        let failure = Failure::Staged {
            expected: 4,
            staged: 4,
        };
        assert_eq!(judge_ingestion(&files, &report), Err(failure));
    }

    #[test]
    fn foreign_extents_missing_rows_and_errors_are_seen() {
        let files = [file("a", 2)];
        let mut report = IngestReport {
            items: vec![item(1, &["a"])],
            staged: staged(&[1, 2], 2),
        };
        assert_eq!(judge_ingestion(&files, &report), Err(Failure::Files));
        report.staged = staged(&[1], 1);
        assert_eq!(
            judge_ingestion(&files, &report),
            Err(Failure::Staged {
                expected: 2,
                staged: 1
            })
        );
        report.items[0].has_errors = true;
        assert_eq!(judge_ingestion(&files, &report), Err(Failure::IngestErrors));
    }

    #[test]
    fn a_move_is_judged_by_extents_first() {
        let evidence = |staged: &[u8], tag, completed| MoveEvidence {
            still_staged: staged.iter().map(|n| extent(*n)).collect(),
            tag_in_destination: tag,
            completed,
        };
        assert_eq!(judge_move(&evidence(&[1], true, true)), MoveVerdict::Again);
        assert_eq!(judge_move(&evidence(&[], true, false)), MoveVerdict::Moved);
        assert_eq!(judge_move(&evidence(&[], false, true)), MoveVerdict::Moved);
        assert_eq!(judge_move(&evidence(&[], false, false)), MoveVerdict::Lost);
    }
}
