//! What the cluster holds: databases, tables, extents, ingestion times and cursors, all in memory.
//!
//! Every change goes through [`DatabaseHandle::commit`]: one lock, all or nothing.

mod cursor;
mod database;
mod extent;
mod merge;
mod policy;
mod retention;
mod table;
mod transaction;

#[cfg(test)]
mod tests;

pub(crate) use cursor::{CursorClock, CursorSlot};
pub(crate) use database::{
    CommitRecord, Database, DatabaseAccess, DatabaseHandle, DatabaseSnapshot, Function,
};
pub(crate) use extent::{Extent, NewExtent, Segment};
pub(crate) use policy::{Policies, defaults as policy_defaults};
pub(crate) use table::{ColumnId, Mapping, Table};
pub(crate) use transaction::{CommitSettings, MovedExtent, Transaction};
