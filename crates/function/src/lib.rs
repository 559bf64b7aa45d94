//! The Azure Functions custom handler: each timer tick advances a replication by one bounded step.
//!
//! An execution is stateless: what it does rests with the jobs' stores before it returns, so two
//! at once, a kill at any instant or a lost answer cost time and nothing else. This library
//! serves the host's contract; the executable `handler` and `kusto-copy function` call it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`settings`] | the environment, as settings or problems |
//! | [`page`] | the status page |
//! | `server` | the HTTP side: the host's messages, status, control |
//! | `advance` | one execution: every job by one step |
//! | `reading` | the state of jobs, read once for all who look |
//! | `runner`, `step` | what a job can be asked; how it is done with real clusters and storage |
//! | `logging` | JSON lines on stdout |

mod advance;
mod logging;
pub mod page;
mod reading;
mod runner;
mod server;
pub mod settings;
mod signals;
mod step;

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use advance::App;
use settings::{HostFile, Settings, Variables, names};
use step::Jobs;

/// How long the process goes on once it is asked to end. The host kills after ten seconds. Steps
/// wait seven for answers and then store what they know, for which a slow storage needs a while.
const HAND_OVER: Duration = Duration::from_secs(9);

/// Why the handler cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The environment names no port.
    #[error(
        "FUNCTIONS_CUSTOMHANDLER_PORT is not set; start this through the Functions host, or set \
         the port yourself"
    )]
    NoPort,
    /// The port is none.
    #[error("FUNCTIONS_CUSTOMHANDLER_PORT is not a port; set it to a number from 1 to 65535")]
    Port,
    /// Somebody else has the port.
    #[error("port {port} cannot be taken; end the process that has it, or set another port")]
    Bind {
        /// The port.
        port: u16,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Serving failed.
    #[error("requests cannot be taken any more; start the handler again")]
    Serve(#[source] io::Error),
}

/// The environment of this process. What is no text is left out: no setting is that.
#[must_use]
pub fn environment() -> Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Serves the Functions host until the process is asked to end (SIGTERM, Ctrl-C): then no new
/// execution begins, those at work hand over, and it returns within nine seconds.
///
/// The port is bound before anything else; nothing is asked of Azure before it is needed.
/// Settings that are wrong do not keep it from serving: each execution tells the problems.
///
/// # Errors
/// When the port is not told or cannot be taken.
pub async fn serve(variables: Variables) -> Result<(), ServeError> {
    let listener = bind(&variables).await?;
    let folder = variables.get(names::APP_ROOT).map_or(".", String::as_str);
    let settings = Settings::read(&variables, &HostFile::read(Path::new(folder)));
    logging::start(&settings.log);
    announce(&variables, &settings);
    let stop = signals::stop();
    let runner = Arc::new(Jobs::new(&settings));
    let app = App::new(settings, runner, stop.clone());
    let serving = axum::serve(listener, server::router(app))
        .with_graceful_shutdown(signals::asked(stop.clone()));
    let too_late = async {
        signals::asked(stop).await;
        tokio::time::sleep(HAND_OVER).await;
    };
    tokio::select! {
        served = serving.into_future() => served.map_err(ServeError::Serve),
        () = too_late => {
            tracing::warn!(event = "stop", "a step did not hand over in time and is left behind");
            Ok(())
        }
    }
}

async fn bind(variables: &Variables) -> Result<TcpListener, ServeError> {
    let port = variables.get(names::PORT).ok_or(ServeError::NoPort)?;
    let port: u16 = match port.trim().parse() {
        Ok(port) if port > 0 => port,
        Ok(_) | Err(_) => return Err(ServeError::Port),
    };
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|source| ServeError::Bind { port, source })
}

fn announce(variables: &Variables, settings: &Settings) {
    tracing::info!(
        event = "start",
        version = env!("CARGO_PKG_VERSION"),
        jobs = settings.jobs.len(),
        problems = settings.problems.len(),
        budget_ms = u64::try_from(settings.time.budget.as_millis()).unwrap_or(u64::MAX),
        "the handler serves"
    );
    for name in settings::unknown(variables) {
        tracing::warn!(
            event = "settings",
            "there is no setting {name}; see docs/settings.md"
        );
    }
}
