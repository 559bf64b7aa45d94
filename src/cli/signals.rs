//! Ctrl-C and SIGTERM: the first asks to stop, the second ends at once.

use tokio::sync::watch;

use super::exit::{Exit, Failure};
use super::output;

/// A value that becomes true when the user or the system asks to stop. A second Ctrl-C or
/// SIGTERM ends the program at once, after these last words: whatever it was doing, the stored
/// state can be resumed.
///
/// # Errors
/// When the system does not let signals be received.
pub(crate) fn stop(last_words: &'static str) -> Result<watch::Receiver<bool>, Failure> {
    let mut signals = Signals::new().map_err(|error| {
        Failure::new("signals cannot be received")
            .because(&error)
            .remedy("start it outside of the sandbox that forbids them")
    })?;
    let (send, stop) = watch::channel(false);
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("asked to stop");
        // Nobody listens any more only when the program is about to end anyway.
        let _ = send.send(true);
        signals.next().await;
        output::last_words(last_words);
        std::process::exit(Exit::Stopped.number().into());
    });
    Ok(stop)
}

/// Waits until the value is true.
pub(crate) async fn asked(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it every chance to be asked.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // An error means that Ctrl-C cannot be received: then nothing ever asks to stop.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
