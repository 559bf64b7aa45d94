//! The trait that every backend keeps, and what its answers hold.

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::error::LakeError;
use crate::name::{ObjectName, Prefix};
use crate::storage_uri::StorageUri;

/// Largest object of ours, in bytes: a manifest of a hundred thousand files is below it.
pub const MAX_OBJECT_BYTES: u64 = 64 * 1024 * 1024;

/// What [`Lake::put_if_absent`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Put {
    /// No object had this name; it has these contents now.
    Created,
    /// An object of this name holds exactly these contents: an earlier answer was lost, or
    /// another worker was first with the same.
    Identical,
    /// An object of this name holds something else, and still does.
    Different,
}

/// One object or staged file of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: ObjectName,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written, in milliseconds since 1970-01-01 UTC by the lake's clock; `None`
    /// where the lake does not tell.
    pub modified_unix_millis: Option<i64>,
}

/// What [`Lake::delete_prefix`] deleted this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deleted {
    /// Objects and staged files.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A lake: our own small immutable objects, and the places where clusters stage data.
///
/// Every call may be repeated. A lost answer is resolved by calling again.
#[async_trait]
pub trait Lake: Send + Sync {
    /// Writes an object unless one of that name exists. Readers see all of it or none of it, and
    /// when this returns `Created` or `Identical` it survives the loss of the machine's power.
    ///
    /// # Errors
    /// [`LakeError::TooLarge`] above [`MAX_OBJECT_BYTES`]; otherwise as the lake fails, and then
    /// the object may or may not be there: call again.
    async fn put_if_absent(&self, name: &ObjectName, contents: &[u8]) -> Result<Put, LakeError>;

    /// Reads an object; `None` when there is none.
    ///
    /// # Errors
    /// [`LakeError::TooLarge`] above [`MAX_OBJECT_BYTES`]; otherwise as the lake fails.
    async fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError>;

    /// Everything under a prefix, in the order of names: for cleaning and for tests. Never use it
    /// to decide what an export wrote; late writers make it wrong.
    ///
    /// # Errors
    /// As the lake fails. A prefix under which nothing is lists nothing.
    async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, LakeError>;

    /// Where a cluster shall export to, one address per place that takes a share (at least one).
    /// Give each attempt a prefix of its own. Access is fresh at every call and short-lived.
    ///
    /// # Errors
    /// When access cannot be obtained.
    async fn export_targets(&self, prefix: &Prefix) -> Result<Vec<StorageUri>, LakeError>;

    /// The address for a cluster to ingest a file from that an export reported, with fresh
    /// access. `reported` is taken literally apart from an appended query, which is dropped.
    ///
    /// # Errors
    /// [`LakeError::NotOurs`] unless the file lies under `under` in this lake.
    async fn ingest_uri(&self, reported: &str, under: &Prefix) -> Result<StorageUri, LakeError>;

    /// Size in bytes of a file that an export reported; `None` when it is not there.
    ///
    /// # Errors
    /// [`LakeError::NotOurs`] unless the file lies under `under` in this lake.
    async fn staged_size(&self, reported: &str, under: &Prefix) -> Result<Option<u64>, LakeError>;

    /// Deletes everything under a prefix that was recorded as ours and dead, in every place that
    /// [`Lake::export_targets`] names. Nothing there is success. A late writer may create files
    /// again, so sweep a second time. Never leaves the lake, not even through a link.
    ///
    /// # Errors
    /// As the lake fails; some of it may be deleted then: call again.
    async fn delete_prefix(&self, prefix: &Prefix) -> Result<Deleted, LakeError>;
}

/// SHA-256 of an object's contents as 64 hex digits: what an entity records of it.
#[must_use]
pub fn digest(contents: &[u8]) -> String {
    Sha256::digest(contents)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn digest_is_the_standard_one() {
        assert_eq!(
            super::digest(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
