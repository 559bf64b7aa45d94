//! Builds the handler as one static file: the host's Linux need not have our C library.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo;

/// Ways to a static executable for the host's Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// With musl, the C library that is made to be linked statically.
    Musl,
    /// With a static glibc, where musl is not installed. It cannot load the resolvers of glibc,
    /// so names are resolved in Rust (the handler's feature `static`).
    Gnu,
}

impl Target {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Musl => "x86_64-unknown-linux-musl",
            Self::Gnu => "x86_64-unknown-linux-gnu",
        }
    }
}

/// musl where it is installed, else glibc on a machine that has it.
pub(super) fn target() -> Result<Target> {
    if is_installed(Target::Musl)? {
        return Ok(Target::Musl);
    }
    if cfg!(target_os = "linux") && is_installed(Target::Gnu)? {
        return Ok(Target::Gnu);
    }
    bail!(
        "no target for a static executable is installed; run `rustup target add {}`, and on \
         another system than Linux install a linker for it",
        Target::Musl.name()
    );
}

/// Asks the compiler itself, so that it works without rustup, too.
fn is_installed(target: Target) -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target.name()])
        .output()
        .context("rustc cannot be started; install Rust from https://rustup.rs")?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success() && has_standard_library(Path::new(&folder)))
}

fn has_standard_library(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    names
        .map(|name| name.to_string_lossy().into_owned())
        .any(|name| name.starts_with("libstd-"))
}

pub(super) fn handler(root: &Path, target: Target) -> Result<PathBuf> {
    let mut command = cargo::cargo(root);
    command.args(["build", "--profile", "packaged", "--target", target.name()]);
    command.args(["-p", "kusto-copy-function", "--bin", "handler"]);
    command.args(["--features", "static"]);
    // With --target these flags are not for build scripts, which must stay dynamic; the general
    // variables would take their place.
    let variable = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.name().to_uppercase().replace('-', "_")
    );
    command.env_remove("RUSTFLAGS");
    command.env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env(variable, "-C target-feature=+crt-static");
    cargo::build(command, "handler")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_its_standard_library_is_not_installed() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!has_standard_library(folder.path()));
        assert!(!has_standard_library(&folder.path().join("missing")));
        std::fs::write(folder.path().join("libstd-1.rlib"), "").expect("a file");
        assert!(has_standard_library(folder.path()));
    }
}
