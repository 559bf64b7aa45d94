//! The host's rules, each against a handler that is a real process: this very test program.

mod azurite;
mod handler;
mod http;
mod invocations;
mod process;
mod queues;
mod timers;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Host, Options};

/// A package whose handler is [`handler`]. The functions' names say what it does with them.
struct App {
    folder: TempDir,
}

impl App {
    fn new() -> Self {
        let app = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        app.host_json(&json!({}));
        app
    }

    /// `host.json`, with further members.
    fn host_json(&self, more: &Value) {
        let handler = std::env::current_exe().expect("this program has a path");
        let mut host = json!({
            "version": "2.0",
            "functionTimeout": "00:10:00",
            "customHandler": {"description": {
                "defaultExecutablePath": handler,
                "arguments": [
                    "tests::handler::process", "--exact", "--nocapture",
                ],
            }},
        });
        let more = more.as_object().expect("members");
        for (name, value) in more {
            host[name] = value.clone();
        }
        fs::write(self.path().join("host.json"), host.to_string()).expect("host.json");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn function(self, name: &str, bindings: &Value) -> Self {
        let folder = self.path().join(name);
        fs::create_dir_all(&folder).expect("a function's folder");
        let definition = json!({"bindings": bindings}).to_string();
        fs::write(folder.join("function.json"), definition).expect("function.json");
        self
    }

    /// A timer that fires on New Year's Eve, unless told to.
    fn timer(self, name: &str) -> Self {
        self.timer_at(name, "59 59 23 31 12 *")
    }

    fn timer_at(self, name: &str, schedule: &str) -> Self {
        let bindings = json!([
            {"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": schedule},
            {"type": "queue", "direction": "out", "name": "chain", "queueName": "work"},
        ]);
        self.function(name, &bindings)
    }

    fn queue(self, name: &str) -> Self {
        let bindings = json!([
            {"type": "queueTrigger", "direction": "in", "name": "item", "queueName": "work"},
        ]);
        self.function(name, &bindings)
    }

    fn http(self, name: &str, methods: &[&str]) -> Self {
        let bindings = json!([
            {"type": "httpTrigger", "direction": "in", "name": "req", "methods": methods},
            {"type": "http", "direction": "out", "name": "res"},
        ]);
        self.function(name, &bindings)
    }

    fn options(&self) -> Options {
        let marks = self.path().join("marks");
        fs::create_dir_all(&marks).expect("a folder for marks");
        Options::new(self.path())
            .setting("FAKE_HANDLER", "1")
            .setting("MARKS", marks.display().to_string())
    }

    async fn start(&self) -> Host {
        Host::start(self.options()).await.expect("the host starts")
    }

    /// With a functionTimeout that these tests reach.
    async fn start_impatient(&self) -> Host {
        let mut options = self.options();
        options.function_timeout = Some(Duration::from_millis(400));
        Host::start(options).await.expect("the host starts")
    }

    /// Lets the handler's function `wait` go on.
    fn release(&self) {
        fs::write(self.path().join("marks/release"), "").expect("a mark");
    }

    /// Waits until the handler has begun so many runs of functions that leave a mark.
    async fn until_begun(&self, count: usize) {
        while handler::marks(&self.path().join("marks")) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
