//! Atoms: rows that no cut in time can part at the resolution asked for.

use super::{BinRow, PlanError};
use crate::vocabulary::{ExtentId, Ticks, TimeRange};

/// Rows of one extent within an atom or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// The extent; `None` in the streaming buffer.
    pub(super) extent: Option<ExtentId>,
    /// How many rows.
    pub(super) rows: u64,
    /// The newest ingestion time among them, or the best that is known.
    pub(super) newest: Ticks,
}

/// Bin rows whose closed intervals overlap, directly or through others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    /// The oldest ingestion time.
    pub(super) min: Ticks,
    /// The newest ingestion time.
    pub(super) max: Ticks,
    /// The rows by extent, no extent twice.
    pub(super) shares: Vec<Share>,
}

impl Atom {
    /// Its ticks, at least one. An atom lies within one bin, so a finer bin narrows it.
    pub(super) const fn width(&self) -> i64 {
        self.max.0.saturating_sub(self.min.0).saturating_add(1)
    }

    /// Its rows.
    pub(super) fn rows(&self) -> u64 {
        self.shares.iter().map(|share| share.rows).sum()
    }

    /// The range that holds exactly it.
    pub(super) const fn range(&self) -> TimeRange {
        TimeRange {
            from: Some(self.min),
            to: Some(Ticks(self.max.0.saturating_add(1))),
        }
    }

    fn add(&mut self, row: BinRow) {
        self.max = self.max.max(row.max);
        self.shares.push(Share {
            extent: row.extent,
            rows: row.rows,
            newest: row.max,
        });
    }

    fn unite_shares(&mut self) {
        self.shares.sort_by(|a, b| a.extent.cmp(&b.extent));
        self.shares.dedup_by(|later, kept| {
            let same = later.extent == kept.extent;
            if same {
                kept.rows = kept.rows.saturating_add(later.rows);
                kept.newest = kept.newest.max(later.newest);
            }
            same
        });
    }
}

/// Joins an answer's rows to atoms, oldest first.
///
/// # Errors
/// When a row lies outside the range asked for or ends before it begins.
pub(super) fn atoms(range: TimeRange, mut rows: Vec<BinRow>) -> Result<Vec<Atom>, PlanError> {
    rows.retain(|row| row.rows > 0);
    let fits =
        |row: &BinRow| row.min <= row.max && range.contains(row.min) && range.contains(row.max);
    if !rows.iter().all(fits) {
        return Err(PlanError::Contradiction {
            question: "bins",
            what: "rows lie outside the range",
        });
    }
    rows.sort_by_key(|row| row.min);
    let mut atoms: Vec<Atom> = Vec::new();
    for row in rows {
        match atoms.last_mut() {
            Some(last) if row.min <= last.max => last.add(row),
            _ => {
                let mut atom = Atom {
                    min: row.min,
                    max: row.max,
                    shares: Vec::new(),
                };
                atom.add(row);
                atoms.push(atom);
            }
        }
    }
    atoms.iter_mut().for_each(Atom::unite_shares);
    Ok(atoms)
}

#[cfg(test)]
mod tests {
    use super::atoms;
    use crate::plan::BinRow;
    use crate::vocabulary::{Ticks, TimeRange};

    fn row(min: i64, max: i64, rows: u64) -> BinRow {
        BinRow {
            extent: None,
            rows,
            min: Ticks(min),
            max: Ticks(max),
        }
    }

    #[test]
    fn intervals_that_touch_are_one_atom_and_neighbours_are_two() {
        let rows = vec![row(8, 9, 1), row(1, 4, 2), row(4, 7, 3), row(20, 20, 0)];
        let found = atoms(TimeRange::ALL, rows).expect("consistent rows");
        let spans: Vec<_> = found.iter().map(|a| (a.min.0, a.max.0, a.rows())).collect();
        assert_eq!(spans, [(1, 7, 5), (8, 9, 1)]);
        assert_eq!(found[0].shares.len(), 1, "one extent is one share");
    }

    #[test]
    fn rows_outside_the_question_are_refused() {
        let asked = TimeRange {
            from: Some(Ticks(5)),
            to: Some(Ticks(9)),
        };
        assert!(atoms(asked, vec![row(4, 6, 1)]).is_err());
        assert!(atoms(asked, vec![row(8, 9, 1)]).is_err());
        assert!(atoms(asked, vec![row(5, 8, 1)]).is_ok());
    }
}
