//! Where exported data and the ledger rest: the lake.
//!
//! A lake holds two kinds of things. *Objects* are small, immutable and ours: manifests, ledger
//! entries, signatures, written once under a deterministic name. *Staged files* are written by a
//! source cluster and read by a destination cluster, under a prefix that one attempt alone uses;
//! this program hands out the addresses and deletes the files, and never reads or lists them to
//! decide anything: what an export wrote is known from the cluster's own report.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod error;
mod lake;
mod local;
mod name;
mod storage_uri;

pub use error::{BoxedSource, LakeError};
pub use lake::{Deleted, Lake, Listed, MAX_OBJECT_BYTES, Put, digest};
pub use local::LocalLake;
pub use name::{NameError, ObjectName, Prefix};
pub use storage_uri::StorageUri;
