//! Reads the head of an ELF file: whether it needs anything of the system it starts on.

use anyhow::{Context, Result, bail};

const LOADS_DYNAMIC: u32 = 2;
const NAMES_INTERPRETER: u32 = 3;
const NEEDS_LIBRARY: u64 = 1;
const X86_64: u16 = 62;

/// What an executable needs when it starts.
#[derive(Debug, PartialEq, Eq)]
struct Needs {
    interpreter: Option<String>,
    libraries: usize,
}

/// Fails unless `bytes` is an executable for x86-64 that needs neither a loader nor a library.
pub(super) fn check_static(bytes: &[u8]) -> Result<()> {
    let needs = needs(bytes)?;
    if let Some(interpreter) = needs.interpreter {
        bail!("it is not static: it asks for the loader {interpreter}");
    }
    if needs.libraries > 0 {
        bail!(
            "it is not static: it asks for {} libraries",
            needs.libraries
        );
    }
    Ok(())
}

fn needs(bytes: &[u8]) -> Result<Needs> {
    // 64 bits, little end first.
    if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
        bail!("it is no ELF file of 64 bits");
    }
    let machine = u16_at(bytes, 18)?;
    if machine != X86_64 {
        bail!("it is for machine {machine}, not for x86-64");
    }
    let headers = usize_at(bytes, 32)?;
    let size = usize::from(u16_at(bytes, 54)?);
    let count = usize::from(u16_at(bytes, 56)?);
    let mut needs = Needs {
        interpreter: None,
        libraries: 0,
    };
    for index in 0..count {
        let header = headers + index * size;
        let segment = || -> Result<&[u8]> {
            let (start, length) = (usize_at(bytes, header + 8)?, usize_at(bytes, header + 32)?);
            part(bytes, start, length)
        };
        match u32_at(bytes, header)? {
            NAMES_INTERPRETER => {
                let name = String::from_utf8_lossy(segment()?);
                needs.interpreter = Some(name.trim_end_matches('\0').to_owned());
            }
            LOADS_DYNAMIC => {
                let entries = segment()?.chunks_exact(16);
                let tags = entries.filter_map(|entry| entry.first_chunk::<8>());
                needs.libraries += tags
                    .filter(|tag| u64::from_le_bytes(**tag) == NEEDS_LIBRARY)
                    .count();
            }
            _ => {}
        }
    }
    Ok(needs)
}

fn part(bytes: &[u8], start: usize, length: usize) -> Result<&[u8]> {
    start
        .checked_add(length)
        .and_then(|end| bytes.get(start..end))
        .context("the file is cut off")
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
    let found = part(bytes, at, N)?.first_chunk::<N>();
    found.copied().context("the file is cut off")
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    Ok(u16::from_le_bytes(array(bytes, at)?))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    Ok(u32::from_le_bytes(array(bytes, at)?))
}

fn usize_at(bytes: &[u8], at: usize) -> Result<usize> {
    usize::try_from(u64::from_le_bytes(array(bytes, at)?)).context("an offset is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file with these segments, each a type and its content.
    fn elf(machine: u16, segments: &[(u32, &[u8])]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        let count = u16::try_from(segments.len()).expect("few segments");
        file[56..58].copy_from_slice(&count.to_le_bytes());
        let mut content = Vec::new();
        for (kind, bytes) in segments {
            let start = 64 + 56 * segments.len() + content.len();
            let mut header = vec![0; 56];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            header[8..16].copy_from_slice(&(start as u64).to_le_bytes());
            header[32..40].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            file.extend(header);
            content.extend_from_slice(bytes);
        }
        file.extend(content);
        file
    }

    fn dynamic(tags: &[u64]) -> Vec<u8> {
        let entries = tags.iter().flat_map(|tag| [*tag, 0]);
        entries.flat_map(u64::to_le_bytes).collect()
    }

    #[test]
    fn a_static_file_needs_nothing() {
        let relocated = dynamic(&[7, 8, 0]);
        check_static(&elf(X86_64, &[(1, b"code"), (LOADS_DYNAMIC, &relocated)]))
            .expect("it needs nothing");
    }

    #[test]
    fn a_dynamic_file_is_refused() {
        let says = |file: &[u8]| {
            let error = check_static(file).expect_err("it needs something");
            format!("{error:#}")
        };
        let loader = elf(X86_64, &[(NAMES_INTERPRETER, b"/lib64/ld.so\0")]);
        assert!(says(&loader).contains("/lib64/ld.so"));
        let library = dynamic(&[NEEDS_LIBRARY, NEEDS_LIBRARY, 0]);
        assert!(says(&elf(X86_64, &[(LOADS_DYNAMIC, &library)])).contains("2 libraries"));
        assert!(says(&elf(183, &[])).contains("machine 183"));
        assert!(says(b"MZ").contains("no ELF"));
        let mut cut = loader.clone();
        cut.truncate(100);
        assert!(says(&cut).contains("cut off"));
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    #[test]
    fn this_program_is_dynamic() {
        let program = std::env::current_exe().expect("a path");
        let bytes = std::fs::read(program).expect("a file");
        let needs = needs(&bytes).expect("an ELF file");
        assert!(needs.interpreter.is_some() && needs.libraries > 0);
    }
}
