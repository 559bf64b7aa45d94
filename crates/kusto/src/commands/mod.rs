//! Every question and command of the copier as a typed async function of [`Database`](crate::Database).
//!
//! Each file is one step of a replication. A function's doc names its text in the writer
//! ([`crate::kql`]) by the letter it has there. Three kinds of effect:
//!
//! | effect | sent | functions |
//! |---|---|---|
//! | read | again on passing faults, bounded | everything that shows or counts |
//! | idempotent | as a read | create, policies, drops, markers |
//! | once | **never** twice by this crate | `export_*`, `ingest_*`, `move_*` that start something |
//!
//! On an error of the last kind ask [`KustoError::fate`](crate::KustoError::fate).

pub mod capacity;
pub mod changes;
pub mod cursor;
pub mod export;
pub mod extents;
pub mod ingest;
pub mod moves;
pub mod operations;
pub mod owners;
pub mod planning;
pub mod policies;
pub mod preflight;
pub mod staging;
pub mod tables;
pub mod tags;
pub mod values;
