//! How a host shall run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::identity::Identity;
use crate::storage::Storage;

/// When timers fire and queues are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firing {
    /// Only when told to: what tests want.
    OnCommand,
    /// By the schedule, and whenever there is a message: what a local run wants.
    BySchedule,
}

/// How a host shall run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder with `host.json` and one folder for each function; or the repository, whose
    /// functions are in `function-definitions`.
    pub package: PathBuf,
    /// Take `*.chained.json` where there is one, as the packager does when asked to.
    pub chaining: bool,
    /// The handler, instead of the one that `host.json` names.
    pub executable: Option<PathBuf>,
    /// App settings: the handler's environment, and the values of `%NAME%` in bindings.
    pub settings: BTreeMap<String, String>,
    /// Where HTTP functions are served; port 0 is a free one.
    pub listen: SocketAddr,
    /// When timers fire.
    pub timers: Firing,
    /// When queue messages are delivered.
    pub queues: Firing,
    /// Instead of `host.json`'s `functionTimeout`.
    pub function_timeout: Option<Duration>,
    /// Instead of `host.json`'s `customHandler.initializationTimeout`.
    pub initialization_timeout: Option<Duration>,
    /// Time between SIGTERM and SIGKILL; 10 seconds on Azure.
    pub shutdown_grace: Duration,
    /// Crashes of the handler further apart than this do not add up to the three that stop the
    /// host.
    pub crash_window: Duration,
    /// Queues and timer states, shared by hosts of one app and kept from one host to the next.
    pub storage: Storage,
    /// A stand-in for the managed identity endpoint; off unless asked for.
    pub identity: Option<Identity>,
}

impl Options {
    /// The package at `package`, with everything on command and no settings.
    #[must_use]
    pub fn new(package: impl Into<PathBuf>) -> Self {
        Self {
            package: package.into(),
            chaining: false,
            executable: None,
            settings: BTreeMap::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            timers: Firing::OnCommand,
            queues: Firing::OnCommand,
            function_timeout: None,
            initialization_timeout: None,
            shutdown_grace: Duration::from_secs(10),
            crash_window: Duration::from_secs(30 * 60),
            storage: Storage::default(),
            identity: None,
        }
    }

    /// Adds an app setting.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }
}
