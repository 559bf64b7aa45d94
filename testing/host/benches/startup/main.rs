//! How fast the packaged handler is there, how large it is, how much memory it takes: idle, and at
//! its peak on a job of 100,000 blocks.
//!
//! Measures `dist/handler`, which `cargo xtask package` makes, or the executable that
//! `KUSTO_COPY_HANDLER` names. Prints; judges nothing, since a busy machine is slow.
//! `cargo bench -p kusto-copy-stand-in-host --bench startup`
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

mod tracked;

use std::env;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const STARTS: usize = 40;

/// A handler that does not answer by then hangs.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// Given to a handler that answers before its memory is read, so that it is idle.
const SETTLES: Duration = Duration::from_millis(300);

/// One start.
struct Start {
    /// From exec to the first answer of 200 on `/`.
    ready: Duration,
    idle: Memory,
    /// After the status page was asked for once.
    used: Memory,
}

/// In KiB.
#[derive(Clone, Copy)]
struct Memory {
    /// VmRSS: all resident pages.
    resident: u64,
    /// RssAnon: those that belong to the process alone; the rest is its file, mapped.
    own: u64,
}

/// Killed when dropped.
struct Handler(Child);

impl Drop for Handler {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> Result<()> {
    let handler = env::var_os("KUSTO_COPY_HANDLER").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/handler"),
        PathBuf::from,
    );
    if !handler.is_file() {
        println!(
            "{} is not there; run `cargo xtask package` first",
            handler.display()
        );
        return Ok(());
    }
    println!("{}", handler.display());
    println!(
        "size                  {}",
        mib(fs::metadata(&handler)?.len())
    );
    let starts: Vec<Start> = (0..STARTS)
        .map(|_| start(&handler))
        .collect::<Result<_>>()?;
    let mut ready: Vec<f64> = starts
        .iter()
        .map(|start| start.ready.as_secs_f64() * 1000.0)
        .collect();
    let [min, median, max] = spread(&mut ready);
    println!(
        "exec to first 200     min {min:.1} ms, median {median:.1} ms, max {max:.1} ms of {STARTS}"
    );
    memory("memory idle", starts.iter().map(|start| start.idle));
    memory("memory after status", starts.iter().map(|start| start.used));
    tracked::measure(&handler)
}

fn memory(name: &str, of: impl Iterator<Item = Memory>) {
    let of: Vec<Memory> = of.collect();
    let mut resident: Vec<f64> = of.iter().map(|one| kib(one.resident)).collect();
    let mut own: Vec<f64> = of.iter().map(|one| kib(one.own)).collect();
    let [_, median, max] = spread(&mut resident);
    let [_, own, _] = spread(&mut own);
    println!(
        "{name:<21} median {median:.1} MiB, max {max:.1} MiB resident ({own:.1} MiB of it its own)"
    );
}

fn kib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB ({bytes} bytes)", bytes as f64 / 1024.0 / 1024.0)
}

/// Smallest, middle, largest.
fn spread(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    [
        at(0),
        at(values.len() / 2),
        at(values.len().saturating_sub(1)),
    ]
}

fn start(path: &Path) -> Result<Start> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let folder = env::temp_dir();
    let began = Instant::now();
    let child = Command::new(path)
        .env_clear()
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("FUNCTIONS_APP_ROOT_PATH", folder)
        .env("KUSTO_COPY_JOBS", jobs())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()?;
    let handler = Handler(child);
    while !matches!(get(port, "/"), Some((200, _))) {
        if began.elapsed() > HANGS_AFTER {
            return Err("the handler does not answer".into());
        }
        thread::sleep(Duration::from_micros(200));
    }
    let ready = began.elapsed();
    thread::sleep(SETTLES);
    let idle = resident(handler.0.id())?;
    get(port, "/api/status?format=json").ok_or("the status does not answer")?;
    thread::sleep(SETTLES);
    let used = resident(handler.0.id())?;
    Ok(Start { ready, idle, used })
}

/// One job, whose storage and clusters are not there.
fn jobs() -> &'static str {
    r#"[{"name":"bench","source":"http://127.0.0.1:9","destination":"http://127.0.0.2:9",
        "databases":["A"],"lake":"http://127.0.0.1:9/devstoreaccount1/staging",
        "state":"http://127.0.0.1:9/devstoreaccount1/kustocopy"}]"#
}

/// The status and the body.
fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(HANGS_AFTER)).ok()?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn resident(pid: u32) -> Result<Memory> {
    Ok(Memory {
        resident: account(pid, "VmRSS:")?,
        own: account(pid, "RssAnon:")?,
    })
}

/// A number of KiB from Linux's own account of a process.
fn account(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system does not tell")?.parse()?)
}
