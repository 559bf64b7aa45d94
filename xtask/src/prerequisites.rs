//! What must be on the machine before anything can be set up, and how to get it.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The oldest Node that the test scripts are written for.
const NODE_MIN: Version = Version(18, 0);
/// The oldest Python that the pinned packages accept.
const PYTHON_MIN: Version = Version(3, 10);

/// `major.minor` of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The programs to use, with what they said about themselves.
#[derive(Debug)]
pub(crate) struct Prerequisites {
    /// npm's program name; it differs on Windows.
    pub(crate) npm: &'static str,
    /// The Python 3 that makes the virtual environment.
    pub(crate) python: &'static str,
    /// For example `v20.20.2`.
    pub(crate) node_version: String,
    /// For example `Python 3.11.7`.
    pub(crate) python_version: String,
    /// Which pip fills the virtual environment.
    pub(crate) pip: Pip,
}

/// Which pip fills a virtual environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pip {
    /// The one that Python puts into it.
    Inside,
    /// Python's own. Debian splits off what would put one inside (`python3-venv`), and the package
    /// `python3-pip` alone is enough without.
    Outside,
}

/// Looks for every prerequisite and names all that are missing in one error.
pub(crate) fn check() -> Result<Prerequisites> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut missing = Vec::new();
    let node = require(&["node"], NODE_MIN, "Node", NODE_REMEDY, &mut missing);
    if node.is_some() && answer(npm).is_none() {
        missing.push(format!("npm is missing: {NODE_REMEDY}"));
    }
    let python = require(
        &["python3", "python"],
        PYTHON_MIN,
        "Python",
        PYTHON_REMEDY,
        &mut missing,
    );
    let has = |module| {
        let found = python.as_ref();
        found.is_some_and(|(program, _)| has_module(program, module))
    };
    let pip = pip(has);
    if python.is_some() {
        if !has("venv") {
            missing.push(format!(
                "Python's module `venv` is missing: {PYTHON_REMEDY}"
            ));
        }
        if pip.is_none() {
            missing.push(format!("Python's pip is missing: {PYTHON_REMEDY}"));
        }
    }
    if !missing.is_empty() {
        bail!("the tests cannot be set up\n  {}", missing.join("\n  "));
    }
    let pip = pip.context("pip was just found")?;
    let (_, node_version) = node.context("node was just found")?;
    let (python, python_version) = python.context("python was just found")?;
    Ok(Prerequisites {
        npm,
        python,
        node_version,
        python_version,
        pip,
    })
}

/// The pip to use, by the modules that Python has.
fn pip(has: impl Fn(&'static str) -> bool) -> Option<Pip> {
    if has("ensurepip") {
        Some(Pip::Inside)
    } else {
        has("pip").then_some(Pip::Outside)
    }
}

const NODE_REMEDY: &str = "install Node with npm (https://nodejs.org, \
     `apt-get install nodejs npm`, `brew install node` or `winget install OpenJS.NodeJS`)";
const PYTHON_REMEDY: &str = "install Python 3 with venv and pip (https://www.python.org, \
     `apt-get install python3 python3-venv python3-pip`, `brew install python` or \
     `winget install Python.Python.3.13`)";

/// The first of `programs` that is at least `min`; otherwise adds a line to `missing`.
fn require(
    programs: &[&'static str],
    min: Version,
    name: &str,
    remedy: &str,
    missing: &mut Vec<String>,
) -> Option<(&'static str, String)> {
    let mut too_old = None;
    for &program in programs {
        let Some(text) = answer(program) else {
            continue;
        };
        match parse(&text) {
            Some(version) if version >= min => return Some((program, text)),
            Some(_) | None => too_old = Some(text),
        }
    }
    missing.push(match too_old {
        Some(text) => format!("{name} is too old ({text}, needed {min} or newer): {remedy}"),
        None => format!("{name} is missing: {remedy}"),
    });
    None
}

/// What `program --version` prints, or nothing if it cannot be run.
fn answer(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

fn has_module(python: &str, module: &str) -> bool {
    Command::new(python)
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Reads `v20.20.2` or `Python 3.11.7`.
fn parse(text: &str) -> Option<Version> {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = digits.split(|c: char| !c.is_ascii_digit());
    Some(Version(
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_print() {
        assert_eq!(parse("v20.20.2"), Some(Version(20, 20)));
        assert_eq!(parse("Python 3.11.7"), Some(Version(3, 11)));
        assert_eq!(parse("no digits"), None);
        assert!(Version(3, 9) < Version(3, 10), "not compared as text");
    }

    #[test]
    fn a_python_without_ensurepip_fills_it_with_its_own_pip() {
        assert_eq!(pip(|_| true), Some(Pip::Inside));
        assert_eq!(pip(|module| module == "pip"), Some(Pip::Outside));
        assert_eq!(pip(|_| false), None);
    }

    #[test]
    fn a_missing_program_is_named_with_its_remedy() {
        let mut missing = Vec::new();
        let found = require(
            &["kusto-copy-no-such-program"],
            Version(1, 0),
            "Tool",
            "get it from the shelf",
            &mut missing,
        );
        assert!(found.is_none());
        assert_eq!(missing, ["Tool is missing: get it from the shelf"]);
    }
}
