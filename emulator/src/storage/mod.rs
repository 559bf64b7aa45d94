//! Where exports write and ingestions read.

mod local;

pub(crate) use local::LocalStorage;

/// Why a file could not be read or written. Names no secret: addresses are cut before `?` and `;`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// Not an address that this storage serves.
    #[error("The storage address '{address}' is not supported by the embedded cluster: {reason}")]
    Address {
        /// The address, without secrets.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No such file.
    #[error("The file '{address}' does not exist.")]
    NotFound {
        /// The address, without secrets.
        address: String,
    },
    /// The storage refused or failed.
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
    /// without secrets, as `.export` tells it. An existing file is replaced.
    ///
    /// # Errors
    /// The folder cannot be used.
    fn write(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<String, StorageError>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// It is not there or cannot be read.
    fn read(&self, address: &str) -> Result<Vec<u8>, StorageError>;
}

/// The address without what may be secret: everything from the first `?` or `;`.
pub(crate) fn without_secrets(address: &str) -> &str {
    address
        .split_once(['?', ';'])
        .map_or(address, |(public, _)| public)
}
