//! Starting and stopping one embedded cluster.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kusto_emulator_commands::{CommandError, NameKind, validate_name};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connections::{ClientConnection, CuttableListener};
use crate::engine::Engine;
use crate::settings::Settings;
use crate::{admin, background, rest};

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("The embedded cluster cannot listen on {address}; choose another address or port 0")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A database would get a name that Kusto refuses, or one of another.
    #[error(
        "The embedded cluster cannot have a database named '{name}': {reason}; choose another name"
    )]
    Database {
        /// The name asked for, cut after 100 characters.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
}

/// A running cluster. Dropping it stops it without waiting; [`Cluster::shutdown`] waits.
#[derive(Debug)]
pub struct Cluster {
    uri: String,
    admin_uri: String,
    engine: Arc<Engine>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// How long a shutdown waits for answers under way.
const GRACE: Duration = Duration::from_secs(5);

/// Starts a cluster within the current tokio runtime.
///
/// # Errors
/// An address that cannot be listened on, a database that cannot have its name.
pub async fn start(settings: Settings) -> Result<Cluster, StartError> {
    check_names(&settings.databases)?;
    let listener = listen(settings.listen).await?;
    let admin_listener = listen(settings.admin).await?;
    let uri = uri_of(&listener, settings.listen)?;
    let admin_uri = uri_of(&admin_listener, settings.admin)?;
    let engine = Engine::new(settings);
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let service =
        rest::router(Arc::clone(&engine)).into_make_service_with_connect_info::<ClientConnection>();
    let listener = CuttableListener::new(listener, engine.connections.clone());
    let serving = axum::serve(listener, service).with_graceful_shutdown(until(stopped.clone()));
    tasks.spawn(finish(serving.into_future()));
    let administering = axum::serve(admin_listener, admin::router(Arc::clone(&engine)))
        .with_graceful_shutdown(until(stopped));
    tasks.spawn(finish(administering.into_future()));
    tasks.spawn(background::run(Arc::clone(&engine)));
    Ok(Cluster {
        uri,
        admin_uri,
        engine,
        stop,
        tasks,
    })
}

impl Cluster {
    /// Address of the REST endpoint, `http://host:port`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Address of the admin endpoint, `http://host:port`.
    pub fn admin_uri(&self) -> &str {
        &self.admin_uri
    }

    /// The document that the `emulator` process prints when it is ready.
    pub fn ready_record(&self) -> Value {
        json!({"event": "ready", "uri": self.uri, "admin_uri": self.admin_uri})
    }

    /// Stops the cluster: answers under way are finished within some seconds, operations are
    /// abandoned, all data is gone.
    pub async fn shutdown(mut self) {
        // The receivers are gone only when the servers have ended already.
        let _ = self.stop.send(true);
        self.engine
            .operations
            .abandon_all(crate::clock::now_ticks());
        let deadline = tokio::time::Instant::now() + GRACE;
        // The background never ends by itself: two servers do.
        for _ in 0..2 {
            if tokio::time::timeout_at(deadline, self.tasks.join_next())
                .await
                .is_err()
            {
                break;
            }
        }
        self.engine.connections.cut_all();
        self.tasks.shutdown().await;
    }
}

/// The rules that a `.create database` keeps.
fn check_names(databases: &[String]) -> Result<(), StartError> {
    let mut seen = BTreeSet::new();
    for name in databases {
        let refused = |name: &str, reason| StartError::Database {
            name: name.chars().take(100).collect(),
            reason,
        };
        if let Err(CommandError::InvalidName { name, reason, .. }) =
            validate_name(NameKind::Database, name)
        {
            return Err(refused(&name, reason));
        }
        if !seen.insert(name.to_lowercase()) {
            return Err(refused(
                name,
                "it is given twice, and names of databases have no case",
            ));
        }
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

fn uri_of(listener: &TcpListener, address: SocketAddr) -> Result<String, StartError> {
    listener
        .local_addr()
        .map(|bound| format!("http://{bound}"))
        .map_err(|source| StartError::Listen { address, source })
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the cluster was dropped, which stops it too.
    drop(stopped.wait_for(|stop| *stop).await);
}

async fn finish(serving: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(%error, "the embedded cluster stopped serving");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn databases_have_names_that_kusto_accepts() {
        for (databases, part) in [
            (&["a/b"][..], "'a/b': only letters"),
            (&[""], "'': it is empty"),
            (&["__a"], "reserved"),
            (&["A", "a"], "'a': it is given twice"),
        ] {
            let settings = Settings {
                databases: databases.iter().map(|name| (*name).to_owned()).collect(),
                ..Settings::default()
            };
            let error = start(settings).await.expect_err("a name is refused");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
