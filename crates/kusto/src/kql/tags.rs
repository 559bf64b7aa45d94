//! L2: our tags at the destination.

use kusto_copy_core::vocabulary::{AttemptTag, Ticks};

use super::{Text, Writer};

/// L2. Extents created outside `created` (both inclusive) are not looked at.
#[must_use]
pub fn drop_start(table: &str, tags: &[AttemptTag], created: Option<(Ticks, Ticks)>) -> Text {
    let mut w = Writer::new();
    w.words(".drop async table ");
    body(&mut w, table, tags, created);
    w.change("start a removal of tags", "DropExtentTagsFromTable")
}

/// L2, synchronous.
#[must_use]
pub fn drop_now(table: &str, tags: &[AttemptTag], created: Option<(Ticks, Ticks)>) -> Text {
    let mut w = Writer::new();
    w.words(".drop table ");
    body(&mut w, table, tags, created);
    w.change("remove tags", "DropExtentTagsFromTable")
}

fn body(w: &mut Writer, table: &str, tags: &[AttemptTag], created: Option<(Ticks, Ticks)>) {
    w.name(table)
        .words(" extent tags (")
        .list(", ", tags, |w, tag| {
            w.string(tag.as_str());
        });
    w.words(")");
    if let Some((from, to)) = created {
        w.words(" with (extentCreatedOnFrom=").datetime(from);
        w.words(", extentCreatedOnTo=").datetime(to).words(")");
    }
}
