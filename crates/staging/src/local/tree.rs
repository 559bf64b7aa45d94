//! Whole folders: listing and deleting.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::files::{folders_are_real, is_real_folder};
use super::io_error;
use crate::error::LakeError;
use crate::lake::{Deleted, Listed};
use crate::name::{ObjectName, Prefix};

/// The folder of a prefix; `None` when it is not there, or is a file.
fn folder(root: &Path, prefix: &Prefix) -> Result<Option<PathBuf>, LakeError> {
    if !folders_are_real(root, prefix.as_str())? {
        return Ok(None);
    }
    let path = root.join(prefix.as_str());
    Ok(is_real_folder(&path)?.then_some(path))
}

/// A result without the one failure that says that somebody else was first.
fn unless_gone<T>(path: &Path, result: io::Result<T>) -> Result<Option<T>, LakeError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path, error)),
    }
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>, LakeError> {
    let Some(found) = unless_gone(folder, fs::read_dir(folder))? else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for entry in found {
        all.extend(unless_gone(folder, entry)?);
    }
    Ok(all)
}

pub(super) fn list(root: &Path, prefix: &Prefix) -> Result<Vec<Listed>, LakeError> {
    let mut listed = Vec::new();
    let mut folders: Vec<PathBuf> = folder(root, prefix)?.into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder)? {
            let path = entry.path();
            // The metadata of a directory entry is that of a link itself.
            let Some(metadata) = unless_gone(&path, entry.metadata())? else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            match name_of(root, &path) {
                Some(name) if metadata.is_file() => listed.push(Listed {
                    name,
                    bytes: metadata.len(),
                    modified_unix_millis: millis(&metadata),
                }),
                Some(_) | None => tracing::warn!(
                    path = %path.display(),
                    "neither an object nor a staged file; left out of the listing"
                ),
            }
        }
    }
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(listed)
}

fn name_of(root: &Path, path: &Path) -> Option<ObjectName> {
    ObjectName::new(path.strip_prefix(root).ok()?.to_str()?).ok()
}

fn millis(metadata: &fs::Metadata) -> Option<i64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

/// Deletes files first and then the folders, deepest first. A folder that a late writer filled
/// again stays for the next sweep.
pub(super) fn delete(root: &Path, prefix: &Prefix) -> Result<Deleted, LakeError> {
    let mut deleted = Deleted::default();
    let mut folders: Vec<PathBuf> = folder(root, prefix)?.into_iter().collect();
    let mut emptied = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder)? {
            let path = entry.path();
            let Some(metadata) = unless_gone(&path, entry.metadata())? else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            // Removing a link leaves what it points to alone.
            let removed = unless_gone(&path, fs::remove_file(&path))?.is_some();
            if removed && metadata.is_file() {
                deleted.objects += 1;
                deleted.bytes += metadata.len();
            }
        }
        emptied.push(folder);
    }
    for folder in emptied.iter().rev() {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            other => drop(unless_gone(folder, other)?),
        }
    }
    Ok(deleted)
}
