//! Where exports write and ingestions read: files of this machine and blobs, told apart by scheme.

mod address;
mod blob;
mod local;
mod shared_key;

pub(crate) use blob::BlobClient;

use bytes::Bytes;

use crate::settings::StorageAccess;
use blob::BlobStorage;
use local::LocalStorage;

/// Why a file could not be read or written. Names no secret: addresses are cut before `?` and `;`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// Not an address that this storage serves.
    #[error("The storage address '{address}' is not supported by the embedded cluster: {reason}.")]
    Address {
        /// The address, without secrets.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No such file, or no such container.
    #[error("The file '{address}' does not exist.")]
    NotFound {
        /// The address, without secrets.
        address: String,
    },
    /// The credentials do not allow it: a signature that is wrong or has expired, a right that is
    /// missing, an identity that the cluster does not have.
    #[error("Access to '{address}' is forbidden: {reason}.")]
    Forbidden {
        /// The address, without secrets.
        address: String,
        /// The storage's code for it, or what is missing.
        reason: String,
    },
    /// The storage understood and refused; it would again.
    #[error("The storage refused '{address}' with HTTP {status}: {reason}.")]
    Refused {
        /// The address, without secrets.
        address: String,
        /// Status of the answer.
        status: u16,
        /// The storage's code.
        reason: String,
    },
    /// The storage was busy, failed or could not be reached, each time it was tried.
    #[error("The storage of '{address}' is not available after {attempts} attempts: {reason}.")]
    Unavailable {
        /// The address, without secrets.
        address: String,
        /// How often it was tried.
        attempts: u32,
        /// What happened last.
        reason: String,
    },
    /// The file system refused or failed.
    #[error("The file '{address}' cannot be accessed.")]
    Io {
        /// The address, without secrets.
        address: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

/// Files by address. Calls block: make them on a blocking thread.
pub(crate) trait Storage: Send + Sync {
    /// Writes a new file named `name` under a folder's address and returns the file's address,
    /// without secrets, as `.export` tells it. An existing file is replaced, so a repetition after
    /// a lost answer changes nothing.
    ///
    /// # Errors
    /// The folder cannot be used.
    fn write(&self, folder: &str, name: &str, bytes: Bytes) -> Result<String, StorageError>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// It is not there or cannot be read.
    fn read(&self, address: &str) -> Result<Vec<u8>, StorageError>;
}

/// All storage that addresses can name.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    local: LocalStorage,
    blobs: BlobStorage,
}

impl Files {
    /// Storage with these settings.
    pub(crate) fn new(client: BlobClient, access: StorageAccess) -> Self {
        Self {
            local: LocalStorage,
            blobs: BlobStorage::new(client, access),
        }
    }

    fn serving(&self, address: &str) -> &dyn Storage {
        match address::is_http(address) {
            true => &self.blobs,
            false => &self.local,
        }
    }
}

impl Storage for Files {
    fn write(&self, folder: &str, name: &str, bytes: Bytes) -> Result<String, StorageError> {
        self.serving(folder).write(folder, name, bytes)
    }

    fn read(&self, address: &str) -> Result<Vec<u8>, StorageError> {
        self.serving(address).read(address)
    }
}

/// The address without what may be secret: everything from the first `?` or `;`.
pub(crate) fn without_secrets(address: &str) -> &str {
    address
        .split_once(['?', ';'])
        .map_or(address, |(public, _)| public)
}
