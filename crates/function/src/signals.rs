//! SIGTERM and Ctrl-C ask to end.

use tokio::sync::watch;

/// A value that becomes true when the process is asked to end. Where signals cannot be received
/// it never does: a kill loses nothing.
pub(crate) fn stop() -> watch::Receiver<bool> {
    let (send, stop) = watch::channel(false);
    tokio::spawn(async move {
        match next().await {
            Ok(()) => {
                tracing::info!(event = "stop", "asked to end");
                // Nobody listens any more only when the process ends anyway.
                let _ = send.send(true);
            }
            Err(error) => tracing::warn!(event = "stop", %error, "signals cannot be received"),
        }
        send.closed().await;
    });
    stop
}

/// Waits until the value is true.
pub(crate) async fn asked(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it every chance to be asked.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn next() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn next() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
