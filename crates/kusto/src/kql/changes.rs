//! D: which tables changed.

use kusto_copy_core::vocabulary::Window;

use super::predicate::window;
use super::{Text, Writer};

/// D2.
#[must_use]
pub fn signatures(database: &str) -> Text {
    Writer::new()
        .words(".show database ")
        .name(database)
        .words(
            " extents\n| summarize Extents = count(), Rows = sum(RowCount), \
             Deleted = sum(DeletedRowCount), MaxCreatedOn = max(MaxCreatedOn), \
             Signature = sum(binary_and(hash_xxhash64(tostring(ExtentId)), 4294967295)) \
             by TableName",
        )
        .show("the signatures of all tables", "ShowDatabaseExtents")
}

/// D3. A leg is told by its position, so that one table may be asked about twice.
#[must_use]
pub fn windows(probes: &[(&str, &Window)]) -> Text {
    let mut w = Writer::new();
    if probes.len() > 1 {
        w.words("union hint.concurrency=8\n");
    }
    let parentheses = if probes.len() > 1 {
        ("(", ")")
    } else {
        ("", "")
    };
    w.list(
        ",\n",
        probes.iter().enumerate(),
        |w, (leg, (table, range))| {
            w.words(parentheses.0).table(table).words(" | where ");
            window(w, range);
            w.words(" | summarize Rows = count(), MinIt = min(ingestion_time()), ")
                .words("MaxIt = max(ingestion_time()) | extend Leg = ")
                .index(leg)
                .words(parentheses.1);
        },
    );
    w.words("\n| project Leg, Rows, MinIt, MaxIt")
        .long_query("the windows of tables")
}
