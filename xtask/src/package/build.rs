//! Builds the handler as one static file: the host's Linux need not have our C library.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

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
    let musl = is_installed(Target::Musl)?;
    let gnu = cfg!(target_os = "linux") && is_installed(Target::Gnu)?;
    choose(musl, has_musl_compiler(), gnu).with_context(|| {
        format!(
            "no target for a static executable is installed; run `rustup target add {}` and \
             install a C compiler for it (`apt-get install musl-tools`); on Windows use WSL",
            Target::Musl.name()
        )
    })
}

/// What of both there is; cryptography has parts in C, so that musl alone is not enough.
fn choose(musl: bool, musl_compiler: bool, gnu: bool) -> Option<Target> {
    match (musl && musl_compiler, gnu) {
        (true, _) => Some(Target::Musl),
        (false, true) => Some(Target::Gnu),
        // Whoever has it set up in a way of his own may succeed.
        (false, false) => musl.then_some(Target::Musl),
    }
}

/// Whether there is a compiler that build scripts find for musl.
fn has_musl_compiler() -> bool {
    let set = [
        "CC_x86_64_unknown_linux_musl",
        "CC_x86_64-unknown-linux-musl",
        "TARGET_CC",
    ];
    let runs = |program: &&str| Command::new(program).arg("--version").output().is_ok();
    set.iter().any(|name| std::env::var_os(name).is_some())
        || ["x86_64-linux-musl-gcc", "musl-gcc"].iter().any(runs)
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
    let [handler] = cargo::build(command, ["handler"])?;
    Ok(handler)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn musl_is_taken_where_it_can_compile_c() {
        assert_eq!(choose(true, true, true), Some(Target::Musl));
        assert_eq!(choose(true, false, true), Some(Target::Gnu));
        assert_eq!(choose(true, false, false), Some(Target::Musl));
        assert_eq!(choose(false, true, true), Some(Target::Gnu));
        assert_eq!(choose(false, true, false), None);
    }

    #[test]
    fn a_target_without_its_standard_library_is_not_installed() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!has_standard_library(folder.path()));
        assert!(!has_standard_library(&folder.path().join("missing")));
        std::fs::write(folder.path().join("libstd-1.rlib"), "").expect("a file");
        assert!(has_standard_library(folder.path()));
    }
}
