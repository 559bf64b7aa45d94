//! Kusto's words as types: what every other part of the project speaks in.

mod cursor;
mod hex;
mod ids;
mod predicate;
mod schema;
mod time;

pub use cursor::{Cursor, Window};
pub use hex::hex;
pub use ids::{ActivityId, AttemptTag, BlockNumber, ExtentId, GuidError, OperationId};
pub use predicate::{ContentPart, Instants, Predicate, Slice, TimeRange};
pub use schema::{Column, ScalarType, TableSchema};
pub use time::{Millis, TICKS_PER_DAY, TICKS_PER_MILLISECOND, Ticks};
