//! A source that looks like somebody's telemetry: all ten types, odd names, made up from a seed.

mod rows;

use kusto_copy_core::vocabulary::{ScalarType, TableSchema};

/// The database's name on both clusters.
pub(super) const DATABASE: &str = "Telemetry";

/// Rows of one ingestion at most: far below the 4 MB of a streaming ingestion.
const BATCH_ROWS: u64 = 10_000;

/// Ingestions of a table at least, so that even small ones have several ingestion times.
const BATCHES: u64 = 4;

/// A made-up table.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    columns: &'static [(&'static str, ScalarType)],
    /// Its share of all rows, in thousandths.
    share: u64,
    row: fn(&mut rows::Line, u64),
}

impl Table {
    /// Its columns.
    pub(super) fn schema(&self) -> TableSchema {
        TableSchema::new(
            self.columns
                .iter()
                .map(|(name, ty)| ((*name).to_owned(), *ty)),
        )
    }
}

use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan};

/// The tables that exist from the start.
static TABLES: [Table; 6] = [
    Table {
        name: "DeviceReadings",
        columns: &[
            ("Timestamp", DateTime),
            ("DeviceId", Guid),
            ("Site", String),
            ("Temperature", Real),
            ("Humidity", Real),
            ("Battery", Decimal),
            ("Online", Bool),
            ("Sequence", Long),
        ],
        share: 450,
        row: rows::device_reading,
    },
    Table {
        name: "Web Requests",
        columns: &[
            ("Start Time", DateTime),
            ("Duration", TimeSpan),
            ("Method", String),
            ("Url", String),
            ("Status", Int),
            ("Bytes", Long),
            ("User-Agent", String),
            ("Headers", Dynamic),
        ],
        share: 270,
        row: rows::web_request,
    },
    Table {
        name: "Orders.2026",
        columns: &[
            ("OrderId", Guid),
            ("Customer Name", String),
            ("Amount", Decimal),
            ("Placed", DateTime),
            ("Items", Dynamic),
            ("Paid", Bool),
            ("Shipped in", TimeSpan),
        ],
        share: 120,
        row: rows::order,
    },
    Table {
        name: "errors-and-warnings",
        columns: &[
            ("at", DateTime),
            ("level", String),
            ("message", String),
            ("code", Int),
            ("details", Dynamic),
        ],
        share: 80,
        row: rows::log_line,
    },
    Table {
        name: "where",
        columns: &[
            ("select", Long),
            ("from", String),
            ("by", Real),
            ("true", Bool),
            ("count", Decimal),
        ],
        share: 75,
        row: rows::keyword_row,
    },
    Table {
        name: "Sites",
        columns: &[
            ("Site", String),
            ("Latitude", Real),
            ("Longitude", Real),
            ("Staff", Int),
            ("Tags", Dynamic),
        ],
        share: 5,
        row: rows::site,
    },
];

/// A table that appears while the first iteration runs.
static LATECOMER: Table = Table {
    name: "Sign-ins",
    columns: &[
        ("When", DateTime),
        ("User", String),
        ("Session", Guid),
        ("Took", TimeSpan),
        ("Succeeded", Bool),
    ],
    share: 10,
    row: rows::sign_in,
};

/// One ingestion: consecutive rows of a table.
#[derive(Debug)]
pub(super) struct Batch {
    /// The table.
    pub(super) table: &'static Table,
    /// Whether the table has to be created before.
    pub(super) is_new_table: bool,
    first: u64,
    count: u64,
}

impl Batch {
    /// Its number of rows.
    pub(super) const fn rows(&self) -> u64 {
        self.count
    }

    /// Its rows as CSV, in the order of the table's columns.
    pub(super) fn csv(&self) -> std::string::String {
        let mut line = rows::Line::default();
        for number in self.first..self.first + self.count {
            line.begin(self.table.name, number);
            (self.table.row)(&mut line, number);
            line.end();
        }
        line.into_text()
    }
}

/// The whole made-up source.
#[derive(Debug)]
pub(super) struct Telemetry {
    rows: u64,
}

impl Telemetry {
    /// A source of so many rows, all tables together.
    pub(super) const fn new(rows: u64) -> Self {
        Self { rows }
    }

    /// The tables that exist from the start.
    #[expect(clippy::unused_self, reason = "the tables are those of this source")]
    pub(super) fn tables(&self) -> &'static [Table] {
        &TABLES
    }

    /// What is there before the copy begins, the tables' ingestions mixed.
    pub(super) fn backfill(&self) -> Vec<Batch> {
        let mut batches = Vec::new();
        for table in &TABLES {
            let rows = self.rows_of(table);
            let size = rows.div_ceil(BATCHES).clamp(1, BATCH_ROWS);
            batches.extend(cut(table, 0, rows, size));
        }
        // By their place in their own table: all begin, and end, at about the same time.
        batches.sort_by_key(|batch| batch.first * 1_000 / self.rows_of(batch.table).max(1));
        batches
    }

    /// What arrives in a round while the copy runs (counted from 1): a few more rows of every
    /// table, and in the first round a table that was not there.
    pub(super) fn arrivals(&self, round: u64) -> Vec<Batch> {
        let more = |table: &'static Table, base: u64| {
            let rows = (self.rows_of(table) / 20).max(1);
            cut(table, base + (round - 1) * rows, rows, BATCH_ROWS)
        };
        let mut batches: Vec<Batch> = TABLES
            .iter()
            .flat_map(|table| more(table, self.rows_of(table)))
            .collect();
        let mut late = cut(
            &LATECOMER,
            (round - 1) * self.rows_of(&LATECOMER),
            self.rows_of(&LATECOMER),
            BATCH_ROWS,
        );
        if let Some(first) = late.first_mut() {
            first.is_new_table = round == 1;
        }
        batches.append(&mut late);
        batches
    }

    fn rows_of(&self, table: &Table) -> u64 {
        (self.rows * table.share / 1_000).max(1)
    }
}

fn cut(table: &'static Table, first: u64, rows: u64, size: u64) -> Vec<Batch> {
    (0..rows.div_ceil(size))
        .map(|at| Batch {
            table,
            is_new_table: false,
            first: first + at * size,
            count: size.min(rows - at * size),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn all_ten_types_and_odd_names_are_there() {
        let types: BTreeSet<&str> = TABLES
            .iter()
            .flat_map(|table| table.columns.iter().map(|(_, ty)| ty.name()))
            .collect();
        assert_eq!(types.len(), ScalarType::ALL.len());
        for odd in [' ', '.', '-'] {
            assert!(
                TABLES.iter().any(|table| table.name.contains(odd)),
                "{odd:?}"
            );
        }
        assert_eq!(TABLES.iter().map(|table| table.share).sum::<u64>(), 1_000);
    }

    #[test]
    fn rows_are_counted_and_none_comes_twice() {
        let telemetry = Telemetry::new(300_000);
        let backfill = telemetry.backfill();
        assert_eq!(backfill.iter().map(Batch::rows).sum::<u64>(), 300_000);
        let mut numbers: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        let arrivals = (1..=3).flat_map(|round| telemetry.arrivals(round));
        let mut new_tables = Vec::new();
        for batch in backfill.into_iter().chain(arrivals) {
            let seen = numbers.entry(batch.table.name).or_default();
            for number in batch.first..batch.first + batch.count {
                assert!(seen.insert(number), "{} {number}", batch.table.name);
            }
            if batch.is_new_table {
                new_tables.push(batch.table.name);
            }
        }
        assert_eq!(new_tables, [LATECOMER.name]);
    }

    #[test]
    fn every_row_has_the_tables_columns_and_every_batch_fits() {
        let telemetry = Telemetry::new(50_000_000);
        let mut seen = BTreeSet::new();
        let all = telemetry
            .backfill()
            .into_iter()
            .chain(telemetry.arrivals(1));
        for batch in all.filter(|batch| seen.insert(batch.table.name)) {
            let csv = batch.csv();
            assert!(
                csv.len() < 4_000_000,
                "{}: {} bytes",
                batch.table.name,
                csv.len()
            );
            assert_eq!(
                fields(&csv),
                [batch.table.columns.len()].into(),
                "{}",
                batch.table.name
            );
        }
        assert_eq!(seen.len(), TABLES.len() + 1);
    }

    /// The numbers of fields that the records of a CSV text have.
    fn fields(csv: &str) -> BTreeSet<usize> {
        let (mut found, mut count, mut quoted) = (BTreeSet::new(), 1, false);
        for c in csv.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => count += 1,
                '\n' if !quoted => {
                    found.insert(count);
                    count = 1;
                }
                _ => {}
            }
        }
        found
    }
}
