//! Files of this machine: `file:///…` and plain absolute paths.

use std::fs;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;

use super::{Storage, StorageError, without_secrets};

/// Reads and writes this machine's files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LocalStorage;

impl Storage for LocalStorage {
    fn write(&self, folder: &str, name: &str, bytes: Bytes) -> Result<String, StorageError> {
        let directory = path_of(folder)?;
        let address = format!("{}/{name}", folder.trim_end_matches('/'));
        let failed = |source| StorageError::Io {
            address: without_secrets(&address).to_owned(),
            source,
        };
        let file = directory.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&file, &bytes).map_err(failed)?;
        Ok(address)
    }

    fn read(&self, address: &str) -> Result<Vec<u8>, StorageError> {
        fs::read(path_of(address)?).map_err(|source| {
            let address = without_secrets(address).to_owned();
            match source.kind() == io::ErrorKind::NotFound {
                true => StorageError::NotFound { address },
                false => StorageError::Io { address, source },
            }
        })
    }
}

fn path_of(address: &str) -> Result<PathBuf, StorageError> {
    let refused = |reason| StorageError::Address {
        address: without_secrets(address).to_owned(),
        reason,
    };
    if let Some(path) = address.strip_prefix("file://") {
        let path = path.strip_prefix("localhost").unwrap_or(path);
        if !path.starts_with('/') {
            return Err(refused("a file address needs an absolute path"));
        }
        return percent_decoded(path)
            .map(PathBuf::from)
            .ok_or_else(|| refused("its percent escapes are broken"));
    }
    if address.contains("://") {
        return Err(refused(
            "only https://, http://, file:// and plain paths are known",
        ));
    }
    let path = PathBuf::from(address);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(refused("a plain path must be absolute")),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_address_name_the_same_file() {
        assert_eq!(
            path_of("file:///a%20b/c.csv").expect("a file address"),
            PathBuf::from("/a b/c.csv")
        );
        assert_eq!(
            path_of("/a b/c.csv").expect("a plain path"),
            PathBuf::from("/a b/c.csv")
        );
    }

    #[test]
    fn other_addresses_are_refused_without_their_secret() {
        let refused =
            path_of("abfss://c@a/d;sharedkey=SECRET").expect_err("this scheme is not known");
        assert!(!refused.to_string().contains("SECRET"));
        assert!(path_of("relative/path").is_err());
        assert!(path_of("file:///broken%2").is_err());
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = std::env::temp_dir().join(format!("kusto-emulator-{}", uuid::Uuid::new_v4()));
        let address = format!("file://{}", folder.display());
        let written = LocalStorage
            .write(&address, "x_1.csv", Bytes::from_static(b"1,2\n"))
            .expect("the folder is made");
        assert_eq!(
            LocalStorage.read(&written).expect("the file is there"),
            b"1,2\n"
        );
        let missing = LocalStorage.read(&format!("{address}/none"));
        assert!(matches!(missing, Err(StorageError::NotFound { .. })));
        fs::remove_dir_all(folder).expect("the folder is ours");
    }
}
