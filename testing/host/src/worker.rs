//! Keeps one handler process running, by the rules by which the host judges its exits.

mod process;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use crate::journal::{Event, Journal};

/// How to start the handler, and when to give up on it.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) executable: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) root: PathBuf,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) initialization_timeout: Duration,
    /// After SIGTERM.
    pub(crate) shutdown_grace: Duration,
    /// Crashes further apart than this do not add up.
    pub(crate) crash_window: Duration,
}

/// Crashes in short succession at which the host stops.
const CRASHES: usize = 3;

/// The exit code that asks for a restart and is no error.
const RESTART_WANTED: i32 = 200;

/// A handler that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    pub(crate) port: u16,
}

/// What became of the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Starting,
    Ready(Running),
    /// It ended with code 0: the host does not start it again, and every invocation fails.
    Gone,
    /// The host gave up, or was asked to stop.
    Stopped(String),
}

enum Order {
    /// SIGKILL to this process, if it still runs; then a new one.
    Kill { pid: u32, done: oneshot::Sender<()> },
    /// SIGTERM, grace, SIGKILL; then a new one, if asked.
    Terminate {
        again: bool,
        done: oneshot::Sender<Option<ExitStatus>>,
    },
}

/// A handler process and its successors. Dropped, the process is killed.
#[derive(Debug)]
pub(crate) struct Worker {
    state: watch::Receiver<State>,
    orders: mpsc::Sender<Order>,
    task: AbortHandle,
}

impl Worker {
    /// Starts the process in the background.
    pub(crate) fn start(start: Start, journal: Arc<Journal>) -> Self {
        let (publish, state) = watch::channel(State::Starting);
        let (orders, inbox) = mpsc::channel(8);
        let keeper = Keeper {
            start,
            journal,
            publish,
            inbox,
            crashes: Vec::new(),
        };
        Self {
            state,
            orders,
            task: tokio::spawn(keeper.run()).abort_handle(),
        }
    }

    /// Kills the process and starts no other.
    pub(crate) fn abandon(&self) {
        self.task.abort();
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// A view that follows the state.
    pub(crate) fn follow(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Kills the process `pid` and returns when it is gone; nothing if it is gone already.
    pub(crate) async fn kill(&self, pid: u32) {
        let (done, gone) = oneshot::channel();
        if self.orders.send(Order::Kill { pid, done }).await.is_ok() {
            // An error means that the keeper ended, and the process with it.
            let _ = gone.await;
        }
    }

    /// Ends the process as a host that shuts down, and starts another if `again`.
    pub(crate) async fn terminate(&self, again: bool) -> Option<ExitStatus> {
        let (done, gone) = oneshot::channel();
        let order = Order::Terminate { again, done };
        self.orders.send(order).await.ok()?;
        gone.await.ok().flatten()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// Waits until the handler answers.
///
/// # Errors
/// Why it never will.
pub(crate) async fn until_ready(mut state: watch::Receiver<State>) -> Result<Running, String> {
    let settled = state
        .wait_for(|state| !matches!(state, State::Starting))
        .await
        .map_err(|_| "the host is gone".to_owned())?;
    match &*settled {
        State::Ready(running) => Ok(*running),
        State::Gone => Err("the handler exited with code 0, and the host starts no other".into()),
        State::Stopped(why) => Err(format!("the host has stopped: {why}")),
        State::Starting => Err("the handler is starting".into()),
    }
}

/// What follows the end of a process.
enum Next {
    Again,
    Stay(State),
}

struct Keeper {
    start: Start,
    journal: Arc<Journal>,
    publish: watch::Sender<State>,
    inbox: mpsc::Receiver<Order>,
    crashes: Vec<Instant>,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            self.publish.send_replace(State::Starting);
            let next = match process::spawn(&self.start, &self.journal) {
                Ok((child, running)) => self.keep(child, running).await,
                Err(error) => Next::Stay(State::Stopped(format!(
                    "{} cannot be started: {error}",
                    self.start.executable.display()
                ))),
            };
            let Next::Stay(state) = next else { continue };
            if let State::Stopped(reason) = &state {
                let reason = reason.clone();
                self.journal.note(Event::GaveUp { reason });
            }
            self.publish.send_replace(state);
            if !self.wait_for_restart().await {
                return;
            }
        }
    }

    /// Without a process only a restart does anything.
    async fn wait_for_restart(&mut self) -> bool {
        while let Some(order) = self.inbox.recv().await {
            // Whoever asked may have stopped waiting; the order holds.
            match order {
                Order::Kill { done, .. } => drop(done.send(())),
                Order::Terminate { again, done } => {
                    let _ = done.send(None);
                    if again {
                        self.crashes.clear();
                        return true;
                    }
                }
            }
        }
        false
    }

    /// From the start of a process to its end.
    async fn keep(&mut self, mut child: Child, running: Running) -> Next {
        let started = Instant::now();
        let limit = self.start.initialization_timeout;
        let ready = tokio::time::timeout(limit, process::until_it_answers(running.port));
        tokio::pin!(ready);
        let mut waiting = true;
        loop {
            tokio::select! {
                outcome = &mut ready, if waiting => {
                    waiting = false;
                    if outcome.is_err() {
                        self.end(&mut child, running.pid).await;
                        return Next::Stay(State::Stopped(format!(
                            "the handler did not answer within {limit:?}"
                        )));
                    }
                    let after = started.elapsed();
                    self.journal.note(Event::Ready { pid: running.pid, after });
                    self.publish.send_replace(State::Ready(running));
                }
                status = child.wait() => return self.ended(running.pid, status.ok()),
                order = self.inbox.recv() => {
                    if let Some(next) = self.obey(order, &mut child, running.pid).await {
                        return next;
                    }
                }
            }
        }
    }

    async fn obey(&mut self, order: Option<Order>, child: &mut Child, pid: u32) -> Option<Next> {
        match order {
            None => {
                self.end(child, pid).await;
                Some(Next::Stay(State::Stopped("it was dropped".to_owned())))
            }
            Some(Order::Kill { pid: meant, done }) => {
                let mine = meant == pid;
                if mine {
                    self.publish.send_replace(State::Starting);
                    self.end(child, pid).await;
                }
                let _ = done.send(());
                mine.then_some(Next::Again)
            }
            Some(Order::Terminate { again, done }) => {
                self.publish.send_replace(State::Starting);
                process::ask_to_end(pid);
                let grace = self.start.shutdown_grace;
                let status = match tokio::time::timeout(grace, child.wait()).await {
                    Ok(status) => status.ok(),
                    Err(_) => None,
                };
                match status {
                    Some(status) => self.note_end(pid, Some(status), true),
                    None => self.end(child, pid).await,
                }
                if !again {
                    let stopped = State::Stopped("it was asked to".to_owned());
                    self.publish.send_replace(stopped.clone());
                    let _ = done.send(status);
                    return Some(Next::Stay(stopped));
                }
                let _ = done.send(status);
                Some(Next::Again)
            }
        }
    }

    /// SIGKILL.
    async fn end(&self, child: &mut Child, pid: u32) {
        // An error means that it is gone already.
        let _ = child.kill().await;
        self.note_end(pid, None, true);
    }

    fn note_end(&self, pid: u32, status: Option<ExitStatus>, by_host: bool) {
        self.journal.note(Event::Ended {
            pid,
            code: status.and_then(|status| status.code()),
            by_host,
        });
    }

    /// The process ended by itself, or somebody else killed it.
    fn ended(&mut self, pid: u32, status: Option<ExitStatus>) -> Next {
        self.note_end(pid, status, false);
        match status.and_then(|status| status.code()) {
            Some(0) => return Next::Stay(State::Gone),
            Some(RESTART_WANTED) => return Next::Again,
            Some(_) | None => {}
        }
        let now = Instant::now();
        let window = self.start.crash_window;
        if self
            .crashes
            .last()
            .is_some_and(|last| now.duration_since(*last) > window)
        {
            self.crashes.clear();
        }
        self.crashes.push(now);
        if self.crashes.len() < CRASHES {
            return Next::Again;
        }
        Next::Stay(State::Stopped(format!(
            "the handler crashed {CRASHES} times in short succession"
        )))
    }
}
