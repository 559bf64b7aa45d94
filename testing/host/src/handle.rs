//! What one can ask of a running host.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::Utc;
use tokio::sync::{Notify, broadcast};

use crate::HostError;
use crate::invocation::{Faults, Invocation};
use crate::journal::{Event, Journal, locked};
use crate::options::Options;
use crate::package::{Function, Package, Trigger};
use crate::payload::Tick;
use crate::storage::Message;
use crate::worker::{Running, Start, Worker, until_ready};

/// The state of a host.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) package: Package,
    pub(crate) address: SocketAddr,
    pub(crate) journal: Arc<Journal>,
    pub(crate) faults: Mutex<Faults>,
    gone: AtomicBool,
    pub(crate) stop_asked: Notify,
    start: Start,
    workers: Mutex<Vec<Arc<Worker>>>,
}

impl Inner {
    pub(crate) fn new(options: Options, package: Package, address: SocketAddr) -> Self {
        let named = options
            .executable
            .clone()
            .unwrap_or_else(|| package.host.executable.clone());
        let in_package = package.root.join(&named);
        let start = Start {
            executable: if in_package.is_file() {
                in_package
            } else {
                named
            },
            arguments: package.host.arguments.clone(),
            root: package.root.clone(),
            settings: options.settings.clone(),
            initialization_timeout: options
                .initialization_timeout
                .unwrap_or(package.host.initialization_timeout),
            shutdown_grace: options.shutdown_grace,
            crash_window: options.crash_window,
        };
        let journal = Arc::new(Journal::new());
        let worker = Worker::start(start.clone(), Arc::clone(&journal));
        Self {
            options,
            package,
            address,
            journal,
            faults: Mutex::default(),
            gone: AtomicBool::new(false),
            stop_asked: Notify::new(),
            start,
            workers: Mutex::new(vec![Arc::new(worker)]),
        }
    }
}

/// Commands to a running host. Clones command the same one.
#[derive(Debug, Clone)]
pub struct Handle(pub(crate) Arc<Inner>);

impl Handle {
    /// Address of the HTTP functions, for example `http://127.0.0.1:7071`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Address of an HTTP function with the app's prefix, for example `…/api/status`.
    #[must_use]
    pub fn function_url(&self, route: &str) -> String {
        let prefix = &self.0.package.host.route_prefix;
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{}{slash}{prefix}/{route}", self.url())
    }

    /// The app that is served.
    #[must_use]
    pub fn package(&self) -> &Package {
        &self.0.package
    }

    /// Fires a timer under its singleton lock. While a run is going on, the next one waits for its
    /// end and all further ones collapse into it.
    ///
    /// # Errors
    /// There is no such timer.
    pub async fn tick(&self, function: &str) -> Result<Invocation, HostError> {
        self.tick_with(function, Tick::default()).await
    }

    /// Like [`Handle::tick`], with a payload out of the ordinary.
    ///
    /// # Errors
    /// There is no such timer.
    pub async fn tick_with(&self, function: &str, tick: Tick) -> Result<Invocation, HostError> {
        let function = self.timer(function)?;
        Ok(self.fire(&function, tick).await)
    }

    /// Fires a timer twice at once, past the singleton lock: two hosts that both believe to hold
    /// it. With a second handler ([`Handle::start_second`]) each gets one.
    ///
    /// # Errors
    /// There is no such timer.
    pub async fn double_tick(&self, function: &str) -> Result<[Invocation; 2], HostError> {
        let function = self.timer(function)?;
        let second = usize::from(locked(&self.0.workers).len() > 1);
        let (first, second) = tokio::join!(
            self.fire_past_lock(&function, Tick::default(), 0),
            self.fire_past_lock(&function, Tick::default(), second),
        );
        Ok([first, second])
    }

    /// Delivers the next visible message of a queue function; `None` when there is none.
    ///
    /// # Errors
    /// There is no such queue function.
    pub async fn deliver(&self, function: &str) -> Result<Option<Invocation>, HostError> {
        let function = self.queue_function(function)?;
        Ok(self.deliver_next(&function, false).await)
    }

    /// Like [`Handle::deliver`], but the message is not deleted after success, so that it will be
    /// delivered again: queues deliver at least once.
    ///
    /// # Errors
    /// There is no such queue function.
    pub async fn deliver_and_forget(
        &self,
        function: &str,
    ) -> Result<Option<Invocation>, HostError> {
        let function = self.queue_function(function)?;
        Ok(self.deliver_next(&function, true).await)
    }

    /// Adds a message to a queue, as anybody with access could.
    pub fn enqueue(&self, queue: &str, text: impl Into<String>) {
        let storage = &self.0.options.storage;
        storage.enqueue(queue, text.into(), Utc::now());
    }

    /// The messages of a queue, hidden ones included.
    #[must_use]
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        self.0.options.storage.messages(queue)
    }

    /// Kills the handler at once (SIGKILL) and starts another, as when the instance is lost; does
    /// not count as a crash. Returns when the new one answers.
    ///
    /// # Errors
    /// The new one does not become ready.
    pub async fn kill(&self) -> Result<(), HostError> {
        let worker = self.worker(0);
        let running = until_ready(worker.follow()).await;
        if let Ok(running) = running {
            worker.kill(running.pid).await;
        }
        self.ready(0).await.map(|_| ()).map_err(HostError::NotReady)
    }

    /// Shuts the handler down in order and starts another. Also after the host gave up.
    ///
    /// # Errors
    /// The new one does not become ready.
    pub async fn restart(&self) -> Result<(), HostError> {
        self.worker(0).terminate(true).await;
        self.ready(0).await.map(|_| ()).map_err(HostError::NotReady)
    }

    /// Starts a second handler process, as a second instance of the app would.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start_second(&self) -> Result<(), HostError> {
        let worker = Worker::start(self.0.start.clone(), Arc::clone(&self.0.journal));
        let index = {
            let mut workers = locked(&self.0.workers);
            workers.truncate(1);
            workers.push(Arc::new(worker));
            1
        };
        self.ready(index)
            .await
            .map(|_| ())
            .map_err(HostError::NotReady)
    }

    /// The handler's next answer is thrown away after it arrived: the invocation fails although
    /// its work was done.
    pub fn drop_next_answer(&self) {
        locked(&self.0.faults).drop_answer = true;
    }

    /// The next request's connection is cut this long after it was sent, with the handler left to
    /// run.
    pub fn cut_next_request(&self, after: Duration) {
        locked(&self.0.faults).cut_after = Some(after);
    }

    /// The handler is killed this long after the next request was sent, unless the invocation
    /// ended before.
    pub fn kill_during_next(&self, after: Duration) {
        locked(&self.0.faults).kill_after = Some(after);
    }

    /// Process id of the handler, while it answers.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        match self.worker(0).state() {
            crate::worker::State::Ready(running) => Some(running.pid),
            crate::worker::State::Starting
            | crate::worker::State::Gone
            | crate::worker::State::Stopped(_) => None,
        }
    }

    /// Waits until somebody asks on the admin port that the host be stopped.
    pub async fn until_asked_to_stop(&self) {
        self.0.stop_asked.notified().await;
    }

    /// Why the host has given up, if it has.
    #[must_use]
    pub fn gave_up(&self) -> Option<String> {
        match self.worker(0).state() {
            crate::worker::State::Stopped(reason) => Some(reason),
            crate::worker::State::Starting
            | crate::worker::State::Gone
            | crate::worker::State::Ready(_) => None,
        }
    }

    /// Waits until the handler answers, after it crashed or was killed.
    ///
    /// # Errors
    /// It never will.
    pub async fn until_ready(&self) -> Result<(), HostError> {
        self.ready(0).await.map(|_| ()).map_err(HostError::NotReady)
    }

    /// What happened so far, oldest first; at most the newest 20,000 events.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0.journal.events()
    }

    /// What the handler wrote so far, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| match event {
                Event::Line { text, .. } => Some(text),
                Event::Started { .. }
                | Event::Ready { .. }
                | Event::Ended { .. }
                | Event::GaveUp { .. }
                | Event::Invoked { .. }
                | Event::Finished { .. } => None,
            })
            .collect()
    }

    /// What happens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.0.journal.listen()
    }

    pub(crate) fn worker(&self, index: usize) -> Arc<Worker> {
        let workers = locked(&self.0.workers);
        Arc::clone(workers.get(index).unwrap_or(&workers[0]))
    }

    pub(crate) async fn ready(&self, index: usize) -> Result<Running, String> {
        until_ready(self.worker(index).follow()).await
    }

    /// The host is gone: its handlers are killed, and whatever still waits for them writes nothing
    /// to the storage any more.
    pub(crate) fn crash(&self) {
        self.0.gone.store(true, Ordering::Release);
        for worker in locked(&self.0.workers).iter() {
            worker.abandon();
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.0.gone.load(Ordering::Acquire)
    }

    pub(crate) async fn end_handlers(&self) -> Option<i32> {
        let workers: Vec<_> = locked(&self.0.workers).clone();
        let mut code = None;
        for worker in workers.iter().rev() {
            code = worker
                .terminate(false)
                .await
                .and_then(|status| status.code());
        }
        code
    }

    fn timer(&self, name: &str) -> Result<Function, HostError> {
        self.function(name, "timer", |trigger| {
            matches!(trigger, Trigger::Timer { .. })
        })
    }

    fn queue_function(&self, name: &str) -> Result<Function, HostError> {
        self.function(name, "queue", |trigger| {
            matches!(trigger, Trigger::Queue { .. })
        })
    }

    fn function(
        &self,
        name: &str,
        trigger: &'static str,
        fits: fn(&Trigger) -> bool,
    ) -> Result<Function, HostError> {
        let function = self.0.package.functions.get(name);
        function
            .filter(|function| fits(&function.trigger))
            .cloned()
            .ok_or_else(|| HostError::NoFunction {
                trigger,
                name: name.to_owned(),
            })
    }
}
