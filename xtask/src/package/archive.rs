//! The zip that is deployed. Equal folders make equal zips: no times, names in order.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// A file in the zip.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) size: u64,
    /// Permissions, as they will be on the host.
    pub(super) mode: u32,
}

/// Zips the content of `folder` and reads back what is in it.
pub(super) fn write(folder: &Path, zip: &Path) -> Result<Vec<Entry>> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let file = File::create(zip).with_context(|| format!("cannot create {}", zip.display()))?;
    let mut writer = ZipWriter::new(file);
    for path in paths {
        let inside = path
            .strip_prefix(folder)
            .context("a path leaves its folder")?;
        let name: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        // Set by name, since a file system may not keep it.
        let executable = inside == Path::new("handler");
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(if executable { 0o755 } else { 0o644 });
        writer.start_file(name.join("/"), options)?;
        let mut file =
            File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        io::copy(&mut file, &mut writer)
            .with_context(|| format!("cannot add {} to the zip", path.display()))?;
    }
    writer.finish().context("the zip cannot be finished")?;
    entries(zip)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

fn open(zip: &Path) -> Result<ZipArchive<File>> {
    let file = File::open(zip).with_context(|| format!("cannot read {}", zip.display()))?;
    ZipArchive::new(file).with_context(|| format!("{} is no zip", zip.display()))
}

fn entries(zip: &Path) -> Result<Vec<Entry>> {
    let mut archive = open(zip)?;
    (0..archive.len())
        .map(|index| {
            let file = archive.by_index(index)?;
            Ok(Entry {
                path: file.name()?.into_owned(),
                size: file.size(),
                mode: file.unix_mode().unwrap_or_default(),
            })
        })
        .collect()
}

/// Unpacks a zip with its permissions.
pub(super) fn unpack(zip: &Path, folder: &Path) -> Result<()> {
    open(zip)?
        .extract(folder)
        .with_context(|| format!("cannot unpack {}", zip.display()))
}

/// Fails unless the host would find everything: `host.json` and an executable handler at the
/// root, and functions one folder below.
pub(super) fn check(entries: &[Entry]) -> Result<()> {
    let find = |path: &str| entries.iter().find(|entry| entry.path == path);
    if find("host.json").is_none() {
        bail!("host.json is not at the root of the zip");
    }
    let handler = find("handler").context("the handler is not at the root of the zip")?;
    if handler.mode & 0o111 != 0o111 {
        bail!("the handler is not executable in the zip");
    }
    let is_function = |entry: &&Entry| {
        let parts: Vec<&str> = entry.path.split('/').collect();
        matches!(parts.as_slice(), [_, "function.json"])
    };
    if !entries.iter().any(|entry| is_function(&entry)) {
        bail!("no function is one folder below the root of the zip");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_back_with_its_permissions_and_always_the_same() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("app");
        fs::create_dir_all(folder.join("advance")).expect("a folder");
        for (path, text) in [
            ("host.json", "{}"),
            ("handler", "ELF"),
            ("advance/function.json", "{}"),
        ] {
            fs::write(folder.join(path), text).expect("a file");
        }
        let zip = place.path().join("app.zip");
        let entries = write(&folder, &zip).expect("a zip");
        check(&entries).expect("everything is there");
        let listed: Vec<(&str, u32)> = entries
            .iter()
            .map(|entry| (entry.path.as_str(), entry.mode & 0o777))
            .collect();
        assert_eq!(
            listed,
            [
                ("advance/function.json", 0o644),
                ("handler", 0o755),
                ("host.json", 0o644),
            ]
        );
        let first = fs::read(&zip).expect("a zip");
        fs::write(folder.join("handler"), "ELF").expect("the same, later");
        write(&folder, &zip).expect("a zip");
        assert_eq!(fs::read(&zip).expect("a zip"), first);

        let unpacked = place.path().join("unpacked");
        unpack(&zip, &unpacked).expect("it unpacks");
        let text = fs::read_to_string(unpacked.join("handler")).expect("the handler");
        assert_eq!(text, "ELF");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(unpacked.join("handler")).expect("it is there");
            assert_eq!(mode.permissions().mode() & 0o111, 0o111);
        }
    }

    #[test]
    fn what_the_host_would_not_find_is_an_error() {
        let entry = |path: &str, mode| Entry {
            path: path.to_owned(),
            size: 1,
            mode,
        };
        let host = || entry("host.json", 0o644);
        let handler = || entry("handler", 0o755);
        let function = || entry("advance/function.json", 0o644);
        check(&[host(), handler(), function()]).expect("everything is there");
        for wrong in [
            vec![handler(), function()],
            vec![host(), function()],
            vec![host(), entry("handler", 0o644), function()],
            vec![host(), handler()],
            vec![host(), handler(), entry("a/b/function.json", 0o644)],
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
