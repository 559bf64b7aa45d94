//! Installs the pinned npm and PyPI packages that the tests use into `.tools/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::prerequisites::{self, Pip, Prerequisites};
use crate::say::say;
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
        say!("npm packages: already installed");
        return Ok(target.to_path_buf());
    }
    fs::create_dir_all(target).with_context(|| format!("cannot create {}", target.display()))?;
    stamp.clear()?;
    for (name, path) in inputs.iter().zip(&paths) {
        fs::copy(path, target.join(name))
            .with_context(|| format!("cannot copy {} to {}", path.display(), target.display()))?;
    }
    say!("npm packages: installing into {}", target.display());
    fetch(
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
        say!("PyPI packages: already installed");
        return Ok(python);
    }
    say!("PyPI packages: installing into {}", venv.display());
    let mut make = Command::new(have.python);
    make.args(["-m", "venv", "--clear"]);
    let mut pip = match have.pip {
        Pip::Inside => {
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip"]);
            pip
        }
        Pip::Outside => {
            make.arg("--without-pip");
            let mut pip = Command::new(have.python);
            pip.args(["-m", "pip", "--python"]).arg(&python);
            pip
        }
    };
    if !succeeds(make.arg(venv))? {
        bail!("Python could not make a virtual environment; its own message is above");
    }
    fetch(
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .arg("--requirement")
            .arg(&requirements),
        "pip could not install the packages of tests/python/requirements.txt",
    )?;
    stamp.write()?;
    Ok(python)
}

/// Runs a command that fetches packages and may be repeated, once more when it fails: networks do.
/// Its own output tells what went wrong.
fn fetch(command: &mut Command, failure: &str) -> Result<()> {
    if succeeds(command)? {
        return Ok(());
    }
    say!("it failed; trying once more");
    if succeeds(command)? {
        return Ok(());
    }
    bail!(
        "{failure}; its own message is above. Without a network nothing can be fetched: run \
         `cargo xtask tools` once with one; npm and pip use the proxies and mirrors that they \
         are set to"
    )
}

fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_fetches_is_tried_twice_and_then_told() {
        let place = tempfile::tempdir().expect("a folder");
        let log = place.path().join("tries");
        let fails_until = |tries: u32| {
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!(
                "echo x >> '{log}'; [ $(wc -l < '{log}') -ge {tries} ]",
                log = log.display()
            ));
            command
        };
        fetch(&mut fails_until(2), "no").expect("the second try succeeds");
        fs::remove_file(&log).expect("the tries are counted");
        let error = fetch(&mut fails_until(3), "npm could not").expect_err("two tries fail");
        assert!(error.to_string().starts_with("npm could not; "), "{error}");
        let tries = fs::read_to_string(&log).expect("the tries are counted");
        assert_eq!(tries.lines().count(), 2);
    }
}
