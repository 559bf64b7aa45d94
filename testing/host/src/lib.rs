//! A stand-in for the Azure Functions host: for tests and local runs only.
//!
//! It is written from facts about the real host (its contract for custom handlers, timers, queues
//! and HTTP functions), not from its code, and serves one function app with one handler. It fails
//! like the real one where the real one fails: a handler that hangs is killed, one that crashes
//! thrice in short succession stops the host, an empty answer is never noticed. What it leaves
//! out: keys of HTTP functions, scaling, the 60 seconds for which a crashed host's singleton lock
//! stays, and every trigger but timer, queue and HTTP.
//!
//! [`Host::start`] starts one in this process; the program `stand-in-host` serves the same over an
//! admin port (see [`admin`]).

pub mod admin;
mod answer;
mod exchange;
mod handle;
mod http;
pub mod identity;
mod invocation;
mod invoke;
mod journal;
mod options;
pub mod package;
mod payload;
mod queues;
pub mod schedule;
mod storage;
mod timers;
mod worker;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use handle::Handle;
pub use invocation::{Invocation, Outcome};
pub use journal::{Event, Level};
pub use options::{Firing, Options};
pub use payload::Tick;
pub use storage::{Message, Storage};

use handle::Inner;
use package::{Package, PackageError, Trigger};

/// Why a host could not be started, or could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The package is not as it should be.
    #[error("the package cannot be served")]
    Package(#[from] PackageError),
    /// An address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The handler never became ready.
    #[error("the handler is not ready: {0}")]
    NotReady(String),
    /// There is no such function, or its trigger is another.
    #[error("the package has no {trigger} function {name:?}")]
    NoFunction {
        /// The kind of trigger that was asked for.
        trigger: &'static str,
        /// The name that was asked for.
        name: String,
    },
}

/// A running host. Dropped, it and its handler are killed, as by a machine that fails;
/// [`Host::stop`] shuts it down in order.
#[derive(Debug)]
pub struct Host {
    handle: Handle,
    _tasks: JoinSet<()>,
}

impl Deref for Host {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.handle.crash();
    }
}

impl Host {
    /// Reads the package, starts the handler, waits until it answers, then serves HTTP functions
    /// and, where the options say so, fires timers and delivers queue messages.
    ///
    /// # Errors
    /// A wrong package, an address in use, a handler that does not become ready.
    pub async fn start(options: Options) -> Result<Self, HostError> {
        let mut options = options;
        let mut tasks = JoinSet::new();
        if let Some(wanted) = options.identity.clone() {
            let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
            let address = local_address(&listener)?;
            options.settings.extend(identity::settings(address));
            tasks.spawn(identity::serve(listener, wanted));
        }
        let package = Package::read(&options.package, &options.settings, options.chaining)?;
        let listener = listen(options.listen).await?;
        let address = local_address(&listener)?;
        let inner = Arc::new(Inner::new(options, package, address));
        let handle = Handle(Arc::clone(&inner));
        handle.ready(0).await.map_err(HostError::NotReady)?;
        tasks.spawn(http::serve(listener, handle.clone()));
        for function in inner.package.functions.values() {
            let (function, handle) = (function.clone(), handle.clone());
            match function.trigger {
                Trigger::Timer { .. } if inner.options.timers == Firing::BySchedule => {
                    tasks.spawn(timers::run(handle, function));
                }
                Trigger::Queue { .. } if inner.options.queues == Firing::BySchedule => {
                    tasks.spawn(queues::run(handle, function));
                }
                Trigger::Timer { .. } | Trigger::Queue { .. } | Trigger::Http { .. } => {}
            }
        }
        Ok(Self {
            handle,
            _tasks: tasks,
        })
    }

    /// Shuts down in order: SIGTERM to the handler, ten seconds of grace, SIGKILL. Returns the
    /// handler's exit code, if it ended by itself.
    pub async fn stop(self) -> Option<i32> {
        self.handle.end_handlers().await
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, HostError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| HostError::Listen { address, source })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr, HostError> {
    let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.local_addr().map_err(|source| HostError::Listen {
        address: unknown,
        source,
    })
}
