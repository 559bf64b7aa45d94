//! `cargo xtask package`: the Functions app as a zip, ready to deploy.

mod archive;
mod build;
mod elf;
pub(crate) mod stage;
mod try_out;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::say::say;

/// Largest handler that is fine: a cold start fetches and unpacks it.
const LARGE: u64 = 25 << 20;

#[derive(Debug, Default, PartialEq, Eq)]
struct Args {
    chaining: bool,
    skip_try_out: bool,
}

fn read(args: &[String]) -> Result<Args> {
    let mut read = Args::default();
    for arg in args {
        match arg.as_str() {
            "--chaining" => read.chaining = true,
            "--no-try-out" => read.skip_try_out = true,
            other => {
                bail!("there is no option {other:?}; the options are --chaining and --no-try-out")
            }
        }
    }
    Ok(read)
}

/// Builds the handler, makes `dist/` and `dist.zip`, checks both, and tries the zip out.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<ExitCode> {
    let args = read(args)?;
    let target = build::target()?;
    say!("building the handler for {}", target.name());
    let handler = build::handler(root, target)?;
    let bytes = fs::read(&handler).with_context(|| format!("cannot read {}", handler.display()))?;
    elf::check_static(&bytes).context("the handler would not start on Azure")?;

    let dist = root.join("dist");
    let zip = root.join("dist.zip");
    let definitions = stage::Definitions {
        chaining: args.chaining,
    };
    stage::stage(root, &handler, &definitions, &dist)?;
    let entries = archive::write(&dist, &zip)?;
    archive::check(&entries)?;
    print(&entries, &zip)?;
    if args.skip_try_out {
        say!("not tried out, as asked");
    } else if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        try_out::run(root, &zip)?;
    } else {
        say!("not tried out: the handler runs on Linux x86-64 only");
    }
    say!("deploy dist.zip; infra/README.md says how");
    Ok(ExitCode::SUCCESS)
}

fn print(entries: &[archive::Entry], zip: &Path) -> Result<()> {
    for entry in entries {
        say!(
            "  {:o} {:>10}  {}",
            entry.mode & 0o777,
            entry.size,
            entry.path
        );
        if entry.size > LARGE {
            say!("note: {} is over {} MiB", entry.path, LARGE >> 20);
        }
    }
    let size = fs::metadata(zip)
        .with_context(|| format!("cannot read {}", zip.display()))?
        .len();
    say!("  {} with {size} bytes", zip.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        assert_eq!(read(&[]).expect("nothing is fine"), Args::default());
        let all = read(&words("--chaining --no-try-out")).expect("both exist");
        assert!(all.chaining && all.skip_try_out);
        assert!(read(&words("--chain")).is_err());
    }
}
