//! A11, A12 and E: counting and dividing.

use kusto_copy_core::vocabulary::{ExtentId, Predicate, TableSchema};

use super::columns::extend_row_hash;
use super::predicate::rows;
use super::{Text, Writer};

/// A11.
#[must_use]
pub fn count(table: &str) -> Text {
    Writer::new()
        .table(table)
        .words("\n| count")
        .query("a table's rows")
}

/// A12.
#[must_use]
pub fn extent_days(table: &str) -> Text {
    Writer::new()
        .words(".show table ")
        .name(table)
        .words(
            " extents\n| summarize Extents = count(), Rows = sum(RowCount), \
             Deleted = sum(DeletedRowCount), Bytes = sum(OriginalSize) \
             by Day = startofday(MaxCreatedOn)\n| order by Day asc",
        )
        .show("a table's extents by day", "ShowTableExtents")
}

/// E1, and the recount of a block.
#[must_use]
pub fn bounds(table: &str, schema: &TableSchema, predicate: &Predicate) -> Text {
    let mut w = Writer::new();
    rows(&mut w, table, schema, predicate);
    w.words("\n| summarize Rows = count(), MinIt = min(ingestion_time()), ")
        .words("MaxIt = max(ingestion_time())")
        .long_query("a window's bounds")
}

/// E2.
#[must_use]
pub fn bins(
    table: &str,
    schema: &TableSchema,
    predicate: &Predicate,
    resolution: i64,
    by_extent: bool,
) -> Text {
    let mut w = Writer::new();
    w.words("set truncationmaxrecords=200000;\n");
    rows(&mut w, table, schema, predicate);
    w.words("\n| summarize Rows = count(), MinIt = min(ingestion_time()), ")
        .words("MaxIt = max(ingestion_time()) by Bin = bin(ingestion_time(), ")
        .timespan(resolution)
        .words(")");
    if by_extent {
        w.words(", ExtentId = extent_id()");
    }
    w.long_query("a slice's rows by time")
}

/// E3.
#[must_use]
pub fn extents(table: &str, ids: &[ExtentId]) -> Text {
    let mut w = Writer::new();
    w.words(".show table ")
        .name(table)
        .words(" extents (")
        .list(", ", ids, |w, id| {
            w.extent(id);
        });
    w.words(")\n| project ExtentId, MinCreatedOn, MaxCreatedOn, RowCount, DeletedRowCount, ")
        .words("OriginalSize")
        .show("extents of a table", "ShowTableExtents")
}

/// E4, E6.
#[must_use]
pub fn by_extent(table: &str, schema: &TableSchema, predicate: &Predicate) -> Text {
    let mut w = Writer::new();
    rows(&mut w, table, schema, predicate);
    w.words("\n| summarize Rows = count() by ExtentId = extent_id()")
        .long_query("a slice's rows by extent")
}

/// E5. `parts` is a power of two.
#[must_use]
pub fn by_part(table: &str, schema: &TableSchema, predicate: &Predicate, parts: u32) -> Text {
    let mut w = Writer::new();
    rows(&mut w, table, schema, predicate);
    let hash = extend_row_hash(&mut w, schema);
    w.words("\n| summarize Rows = count() by Part = binary_and(")
        .name(&hash)
        .words(", ");
    w.number(u64::from(parts.saturating_sub(1)))
        .words(")")
        .long_query("a slice's rows by content")
}
