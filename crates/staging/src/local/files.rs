//! One file at a time: the root, our objects, sizes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::io_error;
use crate::error::LakeError;
use crate::lake::{MAX_OBJECT_BYTES, Put};
use crate::name::ObjectName;

/// Folder of temporary files. Names in the lake never begin with a dot.
const TEMPORARY: &str = ".tmp";

/// How often a write begins again after its temporary file or folder was removed meanwhile.
const TRIES: u32 = 10;

/// What Linux says of a file system without hard links: `EPERM`. A missing permission is `EACCES`.
const NO_HARD_LINKS: i32 = 1;

/// Distinguishes the temporary files of one process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

pub(super) fn prepare_root(path: &Path) -> Result<PathBuf, LakeError> {
    fs::create_dir_all(path).map_err(|source| io_error(path, source))?;
    let root = fs::canonicalize(path).map_err(|source| io_error(path, source))?;
    sweep(&root)?;
    // Proves that files can be created, before any work relies on it.
    let probe = Temporary::write(&root, b"")?;
    drop(probe);
    Ok(root)
}

/// A temporary file, locked for as long as its writer lives and removed when dropped. The lock
/// ends with the process, however that ends, and so tells the files of dead writers.
struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    fn write(root: &Path, contents: &[u8]) -> Result<Self, LakeError> {
        let folder = root.join(TEMPORARY);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(io_error(&folder, error));
            }
            Ok(()) | Err(_) => {}
        }
        refuse_link(&folder)?;
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}", process::id()));
            let opened = OpenOptions::new().write(true).create_new(true).open(&path);
            let mut file = match opened {
                // A dead process had the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(io_error(&path, error)),
                Ok(file) => file,
            };
            let failed = |source| io_error(&path, source);
            file.lock().map_err(failed)?;
            let written = file.write_all(contents).and_then(|()| file.sync_all());
            if let Err(error) = written {
                drop(fs::remove_file(&path));
                return Err(io_error(&path, error));
            }
            return Ok(Self { path, file });
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Removed before the lock ends. What cannot be removed is swept at the next opening.
        drop(fs::remove_file(&self.path));
        drop(self.file.unlock());
    }
}

/// Removes the temporary files whose writers are dead. A writer that has created its file and not
/// yet locked it may lose it, and begins again.
fn sweep(root: &Path) -> Result<(), LakeError> {
    let folder = root.join(TEMPORARY);
    if !is_real_folder(&folder)? {
        return Ok(());
    }
    let failed = |source| io_error(&folder, source);
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            drop(fs::remove_file(entry.path()));
        }
    }
    Ok(())
}

/// Links a finished file to its name, which fails when the name is taken: atomic, and unlike a
/// rename it never replaces.
pub(super) fn put_if_absent(
    root: &Path,
    name: &ObjectName,
    contents: &[u8],
) -> Result<Put, LakeError> {
    check_size(name, contents.len() as u64)?;
    let path = root.join(name.as_str());
    let mut tries = 0;
    loop {
        // Most repeats end here, without writing.
        if let Some(stored) = get(root, name)? {
            // The writer of it may not have got as far as this before it died.
            sync_folder(&path)?;
            return Ok(if stored == contents {
                Put::Identical
            } else {
                Put::Different
            });
        }
        create_folders(root, name)?;
        let temporary = Temporary::write(root, contents)?;
        match fs::hard_link(&temporary.path, &path) {
            Ok(()) => {
                sync_folder(&path)?;
                return Ok(Put::Created);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < TRIES => {}
            Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => {}
            Err(error) if error.raw_os_error() == Some(NO_HARD_LINKS) => {
                let unsupported = io::Error::new(ErrorKind::Unsupported, error);
                return Err(io_error(&path, unsupported));
            }
            Err(error) => return Err(io_error(&path, error)),
        }
        tries += 1;
    }
}

pub(super) fn get(root: &Path, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError> {
    let Some(bytes) = size(root, name)? else {
        return Ok(None);
    };
    check_size(name, bytes)?;
    let path = root.join(name.as_str());
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&path, error)),
        Ok(file) => file,
    };
    let mut contents = Vec::new();
    // One byte beyond the limit, so that a file that grew is noticed.
    file.take(MAX_OBJECT_BYTES + 1)
        .read_to_end(&mut contents)
        .map_err(|source| io_error(&path, source))?;
    check_size(name, contents.len() as u64)?;
    Ok(Some(contents))
}

fn check_size(name: &ObjectName, bytes: u64) -> Result<(), LakeError> {
    if bytes > MAX_OBJECT_BYTES {
        return Err(LakeError::TooLarge {
            name: name.clone(),
            bytes,
        });
    }
    Ok(())
}

/// Size of a file that no link leads to; `None` when it or a folder above it is not there.
pub(super) fn size(root: &Path, name: &ObjectName) -> Result<Option<u64>, LakeError> {
    if !folders_are_real(root, name.as_str())? {
        return Ok(None);
    }
    let path = root.join(name.as_str());
    refuse_link(&path)?;
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(&path, error)),
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        // A folder is no object: nothing has this name.
        Ok(_) => Ok(None),
    }
}

/// Whether all folders above the last segment are there, and none of them is a link.
pub(super) fn folders_are_real(root: &Path, relative: &str) -> Result<bool, LakeError> {
    let mut path = root.to_owned();
    let mut segments: Vec<&str> = relative.split('/').collect();
    segments.pop();
    for segment in segments {
        path.push(segment);
        if !is_real_folder(&path)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn is_real_folder(path: &Path) -> Result<bool, LakeError> {
    refuse_link(path)?;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error(path, error)),
        Ok(metadata) => Ok(metadata.is_dir()),
    }
}

fn refuse_link(path: &Path) -> Result<(), LakeError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(LakeError::Link {
            path: path.display().to_string(),
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Creates the folders above an object, each on the disk before the next.
fn create_folders(root: &Path, name: &ObjectName) -> Result<(), LakeError> {
    let mut path = root.to_owned();
    let mut segments: Vec<&str> = name.as_str().split('/').collect();
    segments.pop();
    for segment in segments {
        path.push(segment);
        if is_real_folder(&path)? {
            continue;
        }
        match fs::create_dir(&path) {
            Ok(()) => sync_folder(&path)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !is_real_folder(&path)? {
                    return Err(io_error(&path, error));
                }
            }
            // Somebody removed a folder above; the caller begins again.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(io_error(&path, error)),
        }
    }
    Ok(())
}

/// Puts the entry of a file or folder on the disk.
fn sync_folder(entry: &Path) -> Result<(), LakeError> {
    #[cfg(unix)]
    if let Some(folder) = entry.parent() {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(io_error(folder, error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
