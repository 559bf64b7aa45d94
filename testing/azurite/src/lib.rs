//! Starts Azurite, Microsoft's own stand-in for Azure Storage, for tests and for local runs.
//!
//! It is the real storage service of every test that needs one: blobs, queues and tables on free
//! ports of this machine, ended with the value that started it. It comes from npm, pinned in
//! `tests/node`, and runs on the Node that is pinned beside it.

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The account that Azurite has unless told otherwise.
pub const ACCOUNT: &str = "devstoreaccount1";

/// The key of [`ACCOUNT`]: published by Microsoft, the same everywhere, no secret.
pub const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Past this Azurite hangs; far beyond what a start needs, so no verdict depends on it.
const HANGS_AFTER: Duration = Duration::from_secs(120);

/// Tries to start on free ports, which others may take first.
const TRIES: u32 = 3;

/// Why Azurite could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AzuriteError {
    /// It is not installed.
    #[error("Azurite is not installed; run `cargo xtask tools`")]
    NotInstalled,
    /// A folder, a file or a process could not be used.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It ended, or never listened.
    #[error("Azurite did not start: {log}")]
    Start {
        /// The end of what it said.
        log: String,
    },
}

fn io(what: &'static str) -> impl FnOnce(io::Error) -> AzuriteError {
    move |source| AzuriteError::Io { what, source }
}

/// How Azurite shall run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where it keeps its data; `None` is a folder that goes away with the value. Either survives
    /// [`Azurite::stop`] and [`Azurite::start_again`]; [`Azurite::kill`] may lose the newest
    /// seconds.
    pub folder: Option<PathBuf>,
    /// Serve HTTPS with the test certificate and take bearer tokens, whose audience, times and
    /// issuer are checked and whose signature is not (`--oauth basic`).
    pub oauth: bool,
    /// Further accounts with their keys (base64), beside [`ACCOUNT`].
    pub accounts: Vec<(String, String)>,
    /// Listen on these ports (blob, queue, table) instead of free ones.
    pub ports: Option<[u16; 3]>,
    /// Spare it from a terminal's Ctrl-C, for who ends it in order after others.
    pub spared_from_ctrl_c: bool,
}

/// A running Azurite. Dropped, it is killed.
#[derive(Debug)]
pub struct Azurite {
    child: Option<Child>,
    options: Options,
    ports: [u16; 3],
    node_tools: PathBuf,
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

/// The folder with `node_modules`: what `cargo xtask test` names, else `.tools/node` beside it.
#[must_use]
pub fn node_tools() -> PathBuf {
    std::env::var_os("KUSTO_COPY_NODE_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/node"),
        PathBuf::from,
    )
}

/// Whether Azurite and its Node are installed.
#[must_use]
pub fn is_installed() -> bool {
    script(&node_tools()).exists()
}

/// The authority that signed the test certificate, for clients to trust (`SSL_CERT_FILE`).
#[must_use]
pub fn authority() -> PathBuf {
    certificates().join("authority.pem")
}

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("certificates")
}

fn script(tools: &Path) -> PathBuf {
    tools.join("node_modules/azurite/dist/src/azurite.js")
}

impl Azurite {
    /// Starts it and waits until all three services listen.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(options: Options) -> Result<Self, AzuriteError> {
        let node_tools = node_tools();
        if !script(&node_tools).exists() {
            return Err(AzuriteError::NotInstalled);
        }
        let temporary = match options.folder {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(io("no temporary folder can be made"))?),
        };
        let folder = match (&options.folder, &temporary) {
            (Some(folder), _) => folder.clone(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => std::env::temp_dir(),
        };
        fs::create_dir_all(&folder).map_err(io("Azurite's folder cannot be made"))?;
        let mut azurite = Self {
            child: None,
            options,
            ports: [0; 3],
            node_tools,
            folder,
            _temporary: temporary,
        };
        for tries in 1.. {
            azurite.ports = match azurite.options.ports {
                Some(ports) => ports,
                None => free_ports().map_err(io("no free ports"))?,
            };
            match azurite.start_again() {
                // Somebody else may have taken a port that was free a moment ago.
                Err(AzuriteError::Start { .. })
                    if azurite.options.ports.is_none() && tries < TRIES => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        Ok(azurite)
    }

    /// Starts it after [`Azurite::stop`], on the same ports with the same data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<(), AzuriteError> {
        let log = self.folder.join("console.log");
        let output = File::create(&log).map_err(io("Azurite's log cannot be made"))?;
        let errors = output
            .try_clone()
            .map_err(io("Azurite's log cannot be shared"))?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        #[cfg(unix)]
        if self.options.spared_from_ctrl_c {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let child = command.spawn().map_err(io("Node cannot be started"))?;
        self.child = Some(child);
        self.wait_until_it_listens(&log)
    }

    fn command(&self) -> Command {
        let node = self.node_tools.join("node_modules/node/bin/node");
        let mut command = if node.exists() {
            Command::new(node)
        } else {
            Command::new("node")
        };
        command
            .arg(script(&self.node_tools))
            .args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"])
            .arg("--location")
            .arg(&self.folder);
        for (service, port) in ["blob", "queue", "table"].iter().zip(self.ports) {
            command.arg(format!("--{service}Host")).arg("127.0.0.1");
            command
                .arg(format!("--{service}Port"))
                .arg(port.to_string());
        }
        if self.options.oauth {
            command.args(["--oauth", "basic", "--cert"]);
            command.arg(certificates().join("server.pem")).arg("--key");
            command.arg(certificates().join("server.key"));
        }
        if !self.options.accounts.is_empty() {
            let own = (ACCOUNT.to_owned(), KEY.to_owned());
            let accounts: Vec<String> = std::iter::once(&own)
                .chain(&self.options.accounts)
                .map(|(account, key)| format!("{account}:{key}"))
                .collect();
            command.env("AZURITE_ACCOUNTS", accounts.join(";"));
        }
        command
    }

    fn wait_until_it_listens(&mut self, log: &Path) -> Result<(), AzuriteError> {
        let started = Instant::now();
        loop {
            let connects = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
            let listens = self.ports.iter().all(connects);
            // Looked at after the ports: who listens there may be somebody else.
            let ended = match &mut self.child {
                Some(child) => child
                    .try_wait()
                    .map_err(io("Azurite cannot be watched"))?
                    .is_some(),
                None => true,
            };
            if listens && !ended {
                return Ok(());
            }
            if ended || started.elapsed() > HANGS_AFTER {
                self.kill();
                let log = fs::read_to_string(log).unwrap_or_default();
                return Err(AzuriteError::Start { log });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it so that it writes down what it has acknowledged, and waits for that: the service
    /// is away, and durable, as the real one is.
    pub fn stop(&mut self) {
        if let Some(child) = &mut self.child {
            ask_to_end(child);
            let started = Instant::now();
            while matches!(child.try_wait(), Ok(None)) && started.elapsed() < HANGS_AFTER {
                thread::sleep(Duration::from_millis(5));
            }
        }
        self.kill();
    }

    /// Ends it at once. It writes its tables and lists of blobs down every five seconds, so what
    /// it acknowledged since then is lost, which never happens with the real service.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already; either way nothing of it is left after the wait.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Address of the blob service for an account, without a slash at its end.
    #[must_use]
    pub fn blob_endpoint(&self, account: &str) -> String {
        self.endpoint(0, account)
    }

    /// Address of the queue service for an account, without a slash at its end.
    #[must_use]
    pub fn queue_endpoint(&self, account: &str) -> String {
        self.endpoint(1, account)
    }

    /// Address of the table service for an account, without a slash at its end.
    #[must_use]
    pub fn table_endpoint(&self, account: &str) -> String {
        self.endpoint(2, account)
    }

    fn endpoint(&self, service: usize, account: &str) -> String {
        let scheme = if self.options.oauth { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/{account}", self.ports[service])
    }

    /// Where its data is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(unix)]
fn ask_to_end(child: &Child) {
    let id = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(id) = id {
        // It may be gone already.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
}

#[cfg(not(unix))]
fn ask_to_end(child: &mut Child) {
    let _ = child.kill();
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three ports that were free a moment ago: held together, so that they differ.
fn free_ports() -> io::Result<[u16; 3]> {
    let held = [
        TcpListener::bind(("127.0.0.1", 0))?,
        TcpListener::bind(("127.0.0.1", 0))?,
        TcpListener::bind(("127.0.0.1", 0))?,
    ];
    let [a, b, c] = &held;
    Ok([
        a.local_addr()?.port(),
        b.local_addr()?.port(),
        c.local_addr()?.port(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_stops_and_starts_again_on_its_ports() {
        if !is_installed() {
            assert!(
                std::env::var_os("KUSTO_COPY_TOOLS_REQUIRED").is_none(),
                "Azurite is not installed"
            );
            return;
        }
        for oauth in [false, true] {
            let mut azurite = Azurite::start(Options {
                oauth,
                ..Options::default()
            })
            .expect("Azurite starts");
            let before = azurite.table_endpoint(ACCOUNT);
            let port = azurite.ports[2];
            azurite.stop();
            assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
            azurite.start_again().expect("Azurite starts again");
            assert_eq!(azurite.table_endpoint(ACCOUNT), before);
            assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        }
    }
}
