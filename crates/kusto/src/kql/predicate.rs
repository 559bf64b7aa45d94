//! A row predicate as `where` steps. Both parts stand in every query: the cursor decides which
//! rows belong, the ingestion time only divides them.

use kusto_copy_core::vocabulary::{
    ContentPart, ExtentId, Instants, Predicate, TableSchema, TimeRange, Window,
};

use super::Writer;
use super::columns::extend_row_hash;

/// `table(…)` and the rows of the predicate. The schema matters for a part by content only.
pub(super) fn rows(w: &mut Writer, table: &str, schema: &TableSchema, predicate: &Predicate) {
    w.table(table);
    match predicate.slice.instants {
        Instants::Missing => {
            w.words("\n| where isnull(ingestion_time())");
        }
        Instants::Range(range) => {
            w.words("\n| where ");
            window(w, &predicate.window);
            w.words("\n| where ");
            instants(w, range);
        }
    }
    if let Some(ids) = &predicate.slice.extents {
        extents(w, ids);
    }
    if let Some(ContentPart { parts, index }) = predicate.slice.part {
        let hash = extend_row_hash(w, schema);
        w.words("\n| where binary_and(").name(&hash).words(", ");
        w.number(u64::from(parts.saturating_sub(1)))
            .words(") == ")
            .number(u64::from(index));
    }
}

/// The cursor's half of a predicate.
pub(super) fn window(w: &mut Writer, window: &Window) {
    if let Some(after) = &window.after {
        w.words("cursor_after(").string(&after.0).words(") and ");
    }
    w.words("cursor_before_or_at(")
        .string(&window.up_to.0)
        .words(")");
}

fn instants(w: &mut Writer, range: TimeRange) {
    match (range.from, range.to) {
        (None, None) => {
            w.words("isnotnull(ingestion_time())");
        }
        (Some(from), None) => {
            w.words("ingestion_time() >= ").datetime(from);
        }
        (None, Some(to)) => {
            w.words("ingestion_time() < ").datetime(to);
        }
        (Some(from), Some(to)) => {
            w.words("ingestion_time() >= ").datetime(from);
            w.words(" and ingestion_time() < ").datetime(to);
        }
    }
}

/// Only rows in these extents; no extent, no row.
pub(super) fn extents(w: &mut Writer, ids: &[ExtentId]) {
    if ids.is_empty() {
        w.words("\n| where false");
    } else {
        w.words("\n| where extent_id() in (");
        w.list(", ", ids, |w, id| {
            w.guid(id);
        });
        w.words(")");
    }
}
