//! Installs the pinned npm and PyPI packages that the tests use into `.tools/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::prerequisites::{self, Prerequisites};
use crate::stamp::Stamp;

/// Where the installed packages are.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The folder that holds `node_modules`.
    pub(crate) node: PathBuf,
    /// The virtual environment's Python.
    pub(crate) python: PathBuf,
}

/// Installs what is not there yet, exactly as the lock files say.
pub(crate) fn install(root: &Path) -> Result<Tools> {
    let have = prerequisites::check()?;
    let tools = root.join(".tools");
    fs::create_dir_all(&tools).with_context(|| format!("cannot create {}", tools.display()))?;
    Ok(Tools {
        node: install_npm(root, &tools.join("node"), &have)?,
        python: install_pip(root, &tools.join("venv"), &have)?,
    })
}

fn install_npm(root: &Path, target: &Path, have: &Prerequisites) -> Result<PathBuf> {
    let source = root.join("tests/node");
    let inputs = ["package.json", "package-lock.json", ".npmrc"];
    let paths = inputs.map(|name| source.join(name));
    let stamp = Stamp::new(
        target.join(".installed"),
        &[&have.node_version],
        &paths.each_ref().map(PathBuf::as_path),
    )?;
    if stamp.is_current() {
        println!("npm packages: already installed");
        return Ok(target.to_path_buf());
    }
    fs::create_dir_all(target).with_context(|| format!("cannot create {}", target.display()))?;
    for (name, path) in inputs.iter().zip(&paths) {
        fs::copy(path, target.join(name))
            .with_context(|| format!("cannot copy {} to {}", path.display(), target.display()))?;
    }
    println!("npm packages: installing into {}", target.display());
    run(
        Command::new(have.npm)
            .args(["ci", "--no-fund", "--no-audit", "--loglevel=error"])
            .current_dir(target),
        "npm could not install the packages of tests/node/package-lock.json",
    )?;
    stamp.write()?;
    Ok(target.to_path_buf())
}

fn install_pip(root: &Path, venv: &Path, have: &Prerequisites) -> Result<PathBuf> {
    let requirements = root.join("tests/python/requirements.txt");
    let python = venv.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let stamp = Stamp::new(
        venv.join(".installed"),
        &[&have.python_version],
        &[&requirements],
    )?;
    if stamp.is_current() && python.exists() {
        println!("PyPI packages: already installed");
        return Ok(python);
    }
    println!("PyPI packages: installing into {}", venv.display());
    run(
        Command::new(have.python)
            .args(["-m", "venv", "--clear"])
            .arg(venv),
        "Python could not make a virtual environment",
    )?;
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--requirement"])
            .arg(&requirements),
        "pip could not install the packages of tests/python/requirements.txt",
    )?;
    stamp.write()?;
    Ok(python)
}

/// Runs a command whose own output tells what went wrong.
fn run(command: &mut Command, failure: &str) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{failure} ({status}); its own message is above");
    }
    Ok(())
}
