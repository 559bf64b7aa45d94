//! J, K3, K4, L1: extents by tag. `has` compares whole tags here.

use kusto_copy_core::vocabulary::AttemptTag;

use super::{Text, Writer};

/// J1.
#[must_use]
pub fn staged(tables: &[&str]) -> Text {
    let mut w = Writer::new();
    w.words(".show tables (").list(", ", tables, |w, table| {
        w.name(table);
    });
    w.words(
        ") extents\n| summarize Extents = count(), Rows = sum(RowCount), \
         Deleted = sum(DeletedRowCount), Bytes = sum(OriginalSize), \
         MinCreatedOn = min(MinCreatedOn), MaxCreatedOn = max(MaxCreatedOn), \
         Ids = make_list(ExtentId, 100000) by TableName, Tags",
    )
    .show("what is staged", "ShowTableExtents")
}

/// J2.
#[must_use]
pub fn staged_of(table: &str, tag: &AttemptTag) -> Text {
    let mut w = Writer::new();
    tagged(&mut w, table, tag);
    w.words("\n| project ExtentId, RowCount, DeletedRowCount, OriginalSize")
        .show("what an attempt staged", "ShowTableExtents")
}

/// K3. Every tag of an extent is on a line of its own.
#[must_use]
pub fn arrived(table: &str, prefix: &str) -> Text {
    Writer::new()
        .words(".show table ")
        .name(table)
        .words(" extents where tags contains ")
        .string(prefix)
        .words("\n| mv-expand Tag = split(Tags, '\\r\\n') to typeof(string)")
        .words("\n| where Tag startswith ")
        .string(prefix)
        .words("\n| summarize Extents = count() by Tag")
        .show("which tags arrived", "ShowTableExtents")
}

/// K4.
#[must_use]
pub fn presence(table: &str, tag: &AttemptTag) -> Text {
    let mut w = Writer::new();
    tagged(&mut w, table, tag);
    w.words("\n| summarize Extents = count(), MinCreatedOn = min(MinCreatedOn), ")
        .words("MaxCreatedOn = max(MaxCreatedOn)")
        .show("whether a tag arrived", "ShowTableExtents")
}

/// L1.
#[must_use]
pub fn drop_by_tag(table: &str, tag: &AttemptTag) -> Text {
    let mut w = Writer::new();
    w.words(".drop extents <| ");
    tagged(&mut w, table, tag);
    w.change("drop what an attempt staged", "DropExtents")
}

fn tagged(w: &mut Writer, table: &str, tag: &AttemptTag) {
    w.words(".show table ")
        .name(table)
        .words(" extents where tags has ")
        .string(tag.as_str());
}
