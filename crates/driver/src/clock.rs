//! The machine's clock, read in one place. No row's fate rests on it.

use std::time::{SystemTime, UNIX_EPOCH};

use kusto_copy_core::vocabulary::Millis;

/// The time now.
pub(crate) fn now() -> Millis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
