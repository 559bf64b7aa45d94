//! Rules that keep the repository readable and its layers apart, checked on its tracked files.

mod guides;
mod kql;
mod layers;
mod lengths;
mod manifests;
mod papers;
mod unfinished;

use std::fs;
use std::process::Command;

use crate::support::{root, skip};

/// A tracked file: its path from the repository's root, with `/`, and its text.
struct SourceFile {
    path: String,
    text: String,
}

/// All tracked text files; nothing, after saying so, outside of a git checkout.
///
/// Reads the working tree, so that a change is judged before it is committed. Files that are
/// tracked but deleted, and those that are not text, are left out.
fn tracked() -> Option<Vec<SourceFile>> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    let listing = match output {
        Ok(output) if output.status.success() => output.stdout,
        Ok(_) | Err(_) => {
            skip("the list of files comes from git, and this is no git checkout");
            return None;
        }
    };
    let files: Vec<SourceFile> = String::from_utf8_lossy(&listing)
        .split_terminator('\0')
        .filter_map(|path| {
            let text = fs::read_to_string(root().join(path)).ok()?;
            Some(SourceFile {
                path: path.to_owned(),
                text,
            })
        })
        .collect();
    assert!(!files.is_empty(), "git lists no file");
    Some(files)
}

/// The tracked Rust files.
fn rust_files() -> Option<Vec<SourceFile>> {
    let mut files = tracked()?;
    files.retain(|file| file.path.ends_with(".rs"));
    Some(files)
}

/// Whether a line of Rust is only a comment.
fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Fails with all findings at once.
fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
