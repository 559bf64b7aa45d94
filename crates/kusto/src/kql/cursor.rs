//! C: the cursor.

use kusto_copy_core::vocabulary::Cursor;

use super::{Text, Writer};

/// C1.
#[must_use]
pub fn end(table: &str, after: Option<&Cursor>) -> Text {
    let mut w = Writer::new();
    w.table(table);
    if let Some(after) = after {
        w.words("\n| where cursor_after(")
            .string(&after.0)
            .words(")");
    }
    w.words("\n| summarize NewRows = count()")
        .words("\n| extend Cursor = cursor_current(), ReadAt = now()")
        .query("the cursor")
}

/// C2.
#[must_use]
pub fn end_short() -> Text {
    Writer::new()
        .words("print Cursor = cursor_current(), ReadAt = now()")
        .query("the cursor")
}
