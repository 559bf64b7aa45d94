//! A lake in a local folder.
//!
//! Objects and staged files lie under the folder by their names. Our own temporary files lie in
//! `.tmp`, which no name can reach. A cluster in the same machine writes and reads the staged
//! files itself, by `file:///…` addresses.
//!
//! Nothing here follows a link below the root: a folder or file of ours that turns out to be one
//! is an error, and deleting removes a link, never what it points to. The root may be given
//! through a link. Whoever can swap folders for links while a call runs owns the lake anyway.

mod address;
mod files;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::LakeError;
use crate::lake::{Deleted, Lake, Listed, Put};
use crate::name::{ObjectName, Prefix};
use crate::storage_uri::StorageUri;

/// A lake in a local folder. Several processes may use the same one.
#[derive(Debug, Clone)]
pub struct LocalLake {
    root: Arc<Path>,
}

impl LocalLake {
    /// Opens the folder that a `file://` address or a plain path names, creating it and its
    /// parents when they are missing, and proves that it can be written. Removes the temporary
    /// files of writers that are dead.
    ///
    /// # Errors
    /// [`LakeError::Location`] for text that names no folder, [`LakeError::Denied`] or
    /// [`LakeError::Failed`] when the folder cannot be created or written.
    pub async fn open(location: &str) -> Result<Self, LakeError> {
        let path = address::folder_of(location)?;
        let root = blocking(&path, {
            let path = path.clone();
            move || files::prepare_root(&path)
        })
        .await?;
        Ok(Self { root: root.into() })
    }

    /// The folder, absolute and without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    async fn run<T, F>(&self, work: F) -> Result<T, LakeError>
    where
        T: Send + 'static,
        F: FnOnce(&Path) -> Result<T, LakeError> + Send + 'static,
    {
        let root = Arc::clone(&self.root);
        blocking(&self.root, move || work(&root)).await
    }
}

/// Runs disk work off the async threads. Dropping the future does not stop it.
async fn blocking<T, F>(what: &Path, work: F) -> Result<T, LakeError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, LakeError> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|source| LakeError::Failed {
            what: what.display().to_string(),
            reason: "the work on it was interrupted; start again".to_owned(),
            source: Some(Box::new(source)),
        })?
}

/// Tells the file system's errors apart by what to do next.
fn io_error(path: &Path, source: std::io::Error) -> LakeError {
    use std::io::ErrorKind;
    let what = path.display().to_string();
    let is = |kind| source.kind() == kind;
    if is(ErrorKind::PermissionDenied) || is(ErrorKind::ReadOnlyFilesystem) {
        return LakeError::Denied {
            what,
            source: Some(Box::new(source)),
        };
    }
    let reason = if is(ErrorKind::StorageFull) || is(ErrorKind::QuotaExceeded) {
        "the disk is full; free some space, then start again"
    } else if is(ErrorKind::NotADirectory) || is(ErrorKind::AlreadyExists) {
        "a file is where a folder should be; remove it, or choose another lake"
    } else if is(ErrorKind::Unsupported) {
        "its file system cannot create a file only when it is absent; choose another disk"
    } else {
        "the disk did not do what it was asked; look at it, then start again"
    };
    LakeError::Failed {
        what,
        reason: reason.to_owned(),
        source: Some(Box::new(source)),
    }
}

#[async_trait]
impl Lake for LocalLake {
    async fn put_if_absent(&self, name: &ObjectName, contents: &[u8]) -> Result<Put, LakeError> {
        let (name, contents) = (name.clone(), contents.to_vec());
        self.run(move |root| files::put_if_absent(root, &name, &contents))
            .await
    }

    async fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError> {
        let name = name.clone();
        self.run(move |root| files::get(root, &name)).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, LakeError> {
        let prefix = prefix.clone();
        self.run(move |root| tree::list(root, &prefix)).await
    }

    async fn export_targets(&self, prefix: &Prefix) -> Result<Vec<StorageUri>, LakeError> {
        let path: PathBuf = self.root.join(prefix.as_str());
        Ok(vec![StorageUri::plain(address::file_address(&path)?)])
    }

    async fn ingest_uri(&self, reported: &str, under: &Prefix) -> Result<StorageUri, LakeError> {
        let name = address::locate(&self.root, reported, under)?;
        let path = self.root.join(name.as_str());
        Ok(StorageUri::plain(address::file_address(&path)?))
    }

    async fn staged_size(&self, reported: &str, under: &Prefix) -> Result<Option<u64>, LakeError> {
        let name = address::locate(&self.root, reported, under)?;
        self.run(move |root| files::size(root, &name)).await
    }

    async fn delete_prefix(&self, prefix: &Prefix) -> Result<Deleted, LakeError> {
        let prefix = prefix.clone();
        self.run(move |root| tree::delete(root, &prefix)).await
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::Folder;
