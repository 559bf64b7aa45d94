//! Lays an app out as the host wants it: everything that it looks for at the root.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Which of the definitions are taken.
#[derive(Debug)]
pub(crate) struct Definitions {
    /// The ones that chain executions by a queue: `*.chained.json` where there is one, and
    /// functions that have no other.
    pub(crate) chaining: bool,
}

impl Definitions {
    /// The file to take for `base`, for example `host` or `function`.
    fn pick(&self, folder: &Path, base: &str) -> Option<std::path::PathBuf> {
        let plain = folder.join(format!("{base}.json"));
        let chained = folder.join(format!("{base}.chained.json"));
        if self.chaining && chained.is_file() {
            Some(chained)
        } else {
            plain.is_file().then_some(plain)
        }
    }
}

/// Makes `dist` anew: `host.json`, the executable `handler`, one folder for each function.
pub(crate) fn stage(
    root: &Path,
    handler: &Path,
    definitions: &Definitions,
    dist: &Path,
) -> Result<()> {
    if dist.exists() {
        fs::remove_dir_all(dist).with_context(|| format!("cannot empty {}", dist.display()))?;
    }
    create(dist)?;
    let host = definitions
        .pick(root, "host")
        .context("the repository has no host.json")?;
    copy(&host, &dist.join("host.json"))?;
    let executable = dist.join("handler");
    copy(handler, &executable)?;
    make_executable(&executable)?;
    let folder = root.join("function-definitions");
    let functions =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for function in functions {
        let source = function?.path();
        let (Some(definition), Some(name)) =
            (definitions.pick(&source, "function"), source.file_name())
        else {
            continue;
        };
        let target = dist.join(name);
        create(&target)?;
        copy(&definition, &target.join("function.json"))?;
    }
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn make_executable(file: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {} executable", file.display()))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in [
            ("host.json", "plain host"),
            ("host.chained.json", "chained host"),
            ("handler-built", "ELF"),
            ("function-definitions/README.md", "text"),
            ("function-definitions/advance/function.json", "plain"),
            (
                "function-definitions/advance/function.chained.json",
                "chained",
            ),
            (
                "function-definitions/next/function.chained.json",
                "chained only",
            ),
            ("function-definitions/status/function.json", "same"),
            ("dist/old/function.json", "left from before"),
        ] {
            let path = root.path().join(path);
            create(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, text).expect("a file");
        }
        root
    }

    fn staged(chaining: bool) -> Vec<(String, String)> {
        let root = repository();
        let dist = root.path().join("dist");
        let handler = root.path().join("handler-built");
        stage(root.path(), &handler, &Definitions { chaining }, &dist).expect("it is staged");
        let mut files = Vec::new();
        for path in ["host.json", "handler", "old", "advance", "next", "status"] {
            let path = dist.join(path);
            let file = if path.is_dir() {
                path.join("function.json")
            } else {
                path.clone()
            };
            if let Ok(text) = fs::read_to_string(file) {
                let name = path.file_name().expect("a name").to_string_lossy();
                files.push((name.into_owned(), text));
            }
        }
        files
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = expected.iter();
        pairs
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn the_plain_app_has_no_chained_definitions() {
        assert_eq!(
            staged(false),
            pairs(&[
                ("host.json", "plain host"),
                ("handler", "ELF"),
                ("advance", "plain"),
                ("status", "same"),
            ])
        );
    }

    #[test]
    fn chaining_takes_its_own_definitions_and_the_plain_ones_beside() {
        assert_eq!(
            staged(true),
            pairs(&[
                ("host.json", "chained host"),
                ("handler", "ELF"),
                ("advance", "chained"),
                ("next", "chained only"),
                ("status", "same"),
            ])
        );
    }
}
