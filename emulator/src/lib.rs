//! An embedded Kusto-compatible cluster for tests and demonstrations.
//!
//! [`start`] serves Kusto's REST endpoints over real HTTP, with real files, real asynchronous
//! operations and Kusto's documented failure shapes and damage. All data lives in memory. What the
//! cluster does not know it refuses; `SUPPORTED.md` lists what it knows.
//!
//! The admin port, apart from the REST endpoint, reads and patches [`Settings`], switches faults on
//! and tells what really happened.

mod admin;
mod background;
mod capacity;
mod clock;
mod cluster;
mod commands;
mod connections;
mod engine;
mod error;
mod faults;
mod journal;
mod model;
mod operations;
mod query;
mod request;
mod rest;
mod settings;
mod stats;
mod storage;

pub use cluster::{Cluster, StartError, start};
pub use faults::{FaultKind, FaultRule};
pub use settings::{
    AccountKey, Capacity, Export, Ingestion, Merge, OperationLog, Retention,
    RowsWithoutIngestionTime, ServiceTime, ServiceTimes, Settings, StorageAccess, Throttling,
};
