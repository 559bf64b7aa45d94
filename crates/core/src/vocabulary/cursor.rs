//! Database cursors: opaque, saved and handed back, never read or compared for order.

use serde::{Deserialize, Serialize};

/// A database cursor as the service printed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// A closed window of cursor time, `(after, up_to]`. Without `after` it reaches back to the
/// first row: the backfill.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The last completed end, exclusive; `None` in the first iteration.
    pub after: Option<Cursor>,
    /// The iteration's end, inclusive.
    pub up_to: Cursor,
}
