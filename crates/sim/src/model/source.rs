//! The source: a database whose rows have hidden ids, cursor values that follow the commit, and
//! extents that are merged behind the copier's back.

use std::collections::{BTreeMap, BTreeSet};

use kusto_copy_core::plan::{BinRow, Bounds, ExtentInfo, PlanAnswer, PlanQuestion};
use kusto_copy_core::vocabulary::{
    ContentPart, Cursor, ExtentId, Instants, Predicate, Slice, Ticks, TimeRange, Window,
};

/// A row's hidden id.
pub type RowId = u64;

/// A row at the source.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its hidden id.
    pub id: RowId,
    /// Its ingestion time; none when the policy was off.
    pub time: Option<Ticks>,
    /// Its cursor value; none before the cursor follows its commit, or without ingestion time.
    pub cursor: Option<u64>,
    /// Its extent; none while it is in the streaming buffer.
    pub extent: Option<ExtentId>,
    /// Its content hash.
    pub hash: u32,
    /// Columns of the table when it came.
    pub columns: usize,
    /// The creation time of the extent that it came in.
    pub created: Ticks,
}

/// A table at the source.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Its columns so far.
    pub columns: usize,
    /// Its rows that are not deleted.
    pub rows: BTreeMap<RowId, Row>,
    /// The newest creation time of each extent.
    pub extents: BTreeMap<ExtentId, Ticks>,
}

/// The source database.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// Its DatabaseId.
    pub id: String,
    /// The newest cursor value given out.
    pub cursor: u64,
    /// Its tables.
    pub tables: BTreeMap<String, Table>,
    /// Rows of a planning answer above which the query fails.
    pub result_limit: usize,
}

/// A cursor's text for a value.
#[must_use]
pub fn cursor_text(value: u64) -> Cursor {
    Cursor(format!("{value:018}"))
}

/// A cursor's value, as only the cluster can read it.
#[must_use]
pub fn cursor_value(cursor: &Cursor) -> u64 {
    cursor.0.parse().unwrap_or(0)
}

/// Whether a window holds a cursor value.
#[must_use]
pub fn in_window(window: &Window, value: Option<u64>) -> bool {
    value.is_some_and(|value| {
        window
            .after
            .as_ref()
            .is_none_or(|after| value > cursor_value(after))
            && value <= cursor_value(&window.up_to)
    })
}

/// Whether a range of ingestion times holds an instant.
#[must_use]
pub fn in_range(range: &TimeRange, time: Ticks) -> bool {
    range.from.is_none_or(|from| time >= from) && range.to.is_none_or(|to| time < to)
}

/// Whether a part by content holds a hash.
#[must_use]
pub fn in_part(part: Option<&ContentPart>, hash: u32) -> bool {
    part.is_none_or(|part| hash & (part.parts - 1) == part.index)
}

/// Whether a slice of a window selects a row as it is now.
#[must_use]
pub fn selects(predicate: &Predicate, row: &Row) -> bool {
    let instant = match (&predicate.slice.instants, row.time) {
        (Instants::Range(range), Some(time)) => {
            in_range(range, time) && in_window(&predicate.window, row.cursor)
        }
        (Instants::Missing, None) => true,
        (Instants::Range(_), None) | (Instants::Missing, Some(_)) => false,
    };
    let extents = predicate.slice.extents.as_ref();
    instant
        && extents.is_none_or(|ids| row.extent.as_ref().is_some_and(|id| ids.contains(id)))
        && in_part(predicate.slice.part.as_ref(), row.hash)
}

impl Source {
    /// The rows that a predicate selects now.
    #[must_use]
    pub fn select(&self, table: &str, predicate: &Predicate) -> Vec<&Row> {
        self.tables
            .get(table)
            .map(|table| {
                table
                    .rows
                    .values()
                    .filter(|row| selects(predicate, row))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Counts and bounds of a predicate.
    #[must_use]
    pub fn bounds(&self, table: &str, predicate: &Predicate) -> Bounds {
        let rows = self.select(table, predicate);
        Bounds {
            rows: rows.len() as u64,
            min: rows.iter().filter_map(|row| row.time).min(),
            max: rows.iter().filter_map(|row| row.time).max(),
        }
    }

    /// Answers a planning question.
    #[must_use]
    pub fn plan(&self, table: &str, window: &Window, question: &PlanQuestion) -> PlanAnswer {
        let predicate = |slice: Slice| Predicate {
            window: window.clone(),
            slice,
        };
        match question {
            PlanQuestion::Bounds => {
                PlanAnswer::Bounds(self.bounds(table, &predicate(Slice::range(TimeRange::ALL))))
            }
            PlanQuestion::Bins { range, resolution } => {
                let rows = self.select(table, &predicate(Slice::range(*range)));
                let bins = bins(&rows, *resolution);
                if bins.len() > self.result_limit {
                    PlanAnswer::TooMany
                } else {
                    PlanAnswer::Bins(bins)
                }
            }
            PlanQuestion::Extents { extents } => PlanAnswer::Extents(self.extents(table, extents)),
            PlanQuestion::ByExtent { instants } => {
                let slice = Slice {
                    instants: *instants,
                    extents: None,
                    part: None,
                };
                let mut counts: BTreeMap<Option<ExtentId>, u64> = BTreeMap::new();
                for row in self.select(table, &predicate(slice)) {
                    *counts.entry(row.extent.clone()).or_default() += 1;
                }
                PlanAnswer::ByExtent(counts.into_iter().collect())
            }
            PlanQuestion::Parts { slice, parts } => {
                let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
                for row in self.select(table, &predicate(slice.clone())) {
                    *counts.entry(row.hash & (parts - 1)).or_default() += 1;
                }
                PlanAnswer::Parts(counts.into_iter().collect())
            }
        }
    }

    fn extents(&self, table: &str, ids: &[ExtentId]) -> Vec<ExtentInfo> {
        let Some(table) = self.tables.get(table) else {
            return Vec::new();
        };
        let mut rows: BTreeMap<&ExtentId, u64> = BTreeMap::new();
        let wanted: BTreeSet<&ExtentId> = ids.iter().collect();
        for extent in table.rows.values().filter_map(|row| row.extent.as_ref()) {
            if wanted.contains(extent) {
                *rows.entry(extent).or_default() += 1;
            }
        }
        ids.iter()
            .filter_map(|id| {
                let max_created_on = *table.extents.get(id)?;
                let count = rows.get(id).copied().unwrap_or(0);
                Some(ExtentInfo {
                    extent: id.clone(),
                    max_created_on,
                    rows: count,
                    bytes: count * 100,
                })
            })
            .collect()
    }
}

fn bins(rows: &[&Row], resolution: i64) -> Vec<BinRow> {
    let mut bins: BTreeMap<(i64, Option<ExtentId>), BinRow> = BTreeMap::new();
    for row in rows {
        let Some(time) = row.time else { continue };
        let bin = bins
            .entry((time.0.div_euclid(resolution), row.extent.clone()))
            .or_insert(BinRow {
                extent: row.extent.clone(),
                rows: 0,
                min: time,
                max: time,
            });
        bin.rows += 1;
        bin.min = bin.min.min(time);
        bin.max = bin.max.max(time);
    }
    bins.into_values().collect()
}

impl Table {
    /// Joins two extents to a new one, as a merge does.
    pub fn merge(&mut self, one: &ExtentId, other: &ExtentId, new: ExtentId) {
        let (Some(first), Some(second)) = (self.extents.remove(one), self.extents.remove(other))
        else {
            return;
        };
        self.extents.insert(new.clone(), first.max(second));
        for row in self.rows.values_mut() {
            if row.extent.as_ref() == Some(one) || row.extent.as_ref() == Some(other) {
                row.extent = Some(new.clone());
            }
        }
    }

    /// Writes the streaming buffer to an extent of this creation time.
    pub fn flush(&mut self, new: &ExtentId, created: Ticks) {
        let mut any = false;
        for row in self.rows.values_mut().filter(|row| row.extent.is_none()) {
            row.extent = Some(new.clone());
            any = true;
        }
        if any {
            self.extents.insert(new.clone(), created);
        }
    }
}
