//! K1, K2: the commit. The moved rows get a new ingestion time, so that the destination can be a
//! source itself and its materialized views accept them.

use kusto_copy_core::vocabulary::ExtentId;

use super::{Purpose, Text, Writer};

/// K1.
#[must_use]
pub fn start(staging: &str, destination: &str, extents: &[ExtentId]) -> Text {
    let mut w = Writer::new();
    w.words(".move async extents from table ");
    body(&mut w, staging, destination, extents);
    w.finish(Purpose::Start, "start a move", "MoveExtentsFrom")
}

/// K2.
#[must_use]
pub fn now(staging: &str, destination: &str, extents: &[ExtentId]) -> Text {
    let mut w = Writer::new();
    w.words(".move extents from table ");
    body(&mut w, staging, destination, extents);
    w.finish(Purpose::Run, "move extents", "MoveExtentsFrom")
}

fn body(w: &mut Writer, staging: &str, destination: &str, extents: &[ExtentId]) {
    w.name(staging).words(" to table ").name(destination);
    w.words(" with (setNewIngestionTime=true) (")
        .list(", ", extents, |w, id| {
            w.extent(id);
        });
    w.words(")");
}
