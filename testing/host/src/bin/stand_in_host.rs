//! The stand-in Functions host as a program: `stand-in-host PACKAGE [OPTIONS]`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a development tool talks to whoever started it"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use kusto_copy_stand_in_host::{Firing, Host, Options, admin, identity::Identity};
use serde_json::json;
use tokio::net::TcpListener;

const HELP: &str = "\
A stand-in for the Azure Functions host, for tests and local runs only.

  stand-in-host PACKAGE [OPTIONS]

  PACKAGE             folder with host.json, the handler, a folder for each function;
                      or the repository, with --handler
  --set NAME=VALUE    an app setting; repeat it
  --settings FILE     app settings from the \"Values\" of a local.settings.json
  --handler PATH      the handler, instead of the one that host.json names
  --listen ADDRESS    of the HTTP functions (127.0.0.1:0)
  --admin ADDRESS     of the admin commands (127.0.0.1:0)
  --chaining          take *.chained.json where there is one
  --on-command        fire timers and deliver messages only when told to
  --identity[=ID]     serve tokens without signature as a managed identity (client id ID)

The first line of stdout is JSON with \"url\" and \"admin\"; every event follows as a line.
SIGINT or SIGTERM ends it and its handler.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|word| word == "-h" || word == "--help")
    {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let (options, admin) = match read(arguments.into_iter()) {
        Ok(read) => read,
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(options, admin).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn read(mut words: impl Iterator<Item = String>) -> Result<(Options, SocketAddr), String> {
    let mut package = None;
    let mut options = Options::new("");
    options.timers = Firing::BySchedule;
    options.queues = Firing::BySchedule;
    let mut admin = SocketAddr::from(([127, 0, 0, 1], 0));
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--set" => {
                let value = value()?;
                let (name, text) = value
                    .split_once('=')
                    .ok_or("--set needs NAME=VALUE".to_owned())?;
                options.settings.insert(name.to_owned(), text.to_owned());
            }
            "--settings" => options.settings.extend(settings_file(&value()?)?),
            "--handler" => options.executable = Some(value()?.into()),
            "--listen" => options.listen = address(&value()?)?,
            "--admin" => admin = address(&value()?)?,
            "--on-command" => {
                options.timers = Firing::OnCommand;
                options.queues = Firing::OnCommand;
            }
            "--chaining" => options.chaining = true,
            "--identity" => options.identity = Some(identity(None)),
            other if other.starts_with("--identity=") => {
                let id = other.trim_start_matches("--identity=");
                options.identity = Some(identity(Some(id.to_owned())));
            }
            other if other.starts_with('-') => return Err(format!("there is no option {other}")),
            _ if package.is_none() => package = Some(PathBuf::from(word)),
            other => return Err(format!("{other:?} is too much")),
        }
    }
    options.package = package.ok_or("the package's folder is missing")?;
    Ok((options, admin))
}

fn identity(client_id: Option<String>) -> Identity {
    Identity {
        client_id,
        lifetime: Duration::from_secs(3600),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no address like 127.0.0.1:7071"))
}

fn settings_file(path: &str) -> Result<BTreeMap<String, String>, String> {
    #[derive(serde::Deserialize)]
    struct File {
        #[serde(rename = "Values")]
        values: BTreeMap<String, String>,
    }
    let text = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let file: File = serde_json::from_slice(&text).map_err(|error| format!("{path}: {error}"))?;
    Ok(file.values)
}

async fn run(options: Options, admin: SocketAddr) -> Result<(), String> {
    let listener = TcpListener::bind(admin)
        .await
        .map_err(|error| format!("{admin}: {error}"))?;
    let admin = listener.local_addr().map_err(|error| error.to_string())?;
    let host = Host::start(options).await.map_err(|error| chain(&error))?;
    println!(
        "{}",
        json!({"event": "listening", "url": host.url(), "admin": format!("http://{admin}")})
    );
    let mut events = host.listen();
    for event in host.events() {
        print(&event);
    }
    let commands = tokio::spawn(admin::serve(listener, (*host).clone()));
    let printing = async {
        loop {
            match events.recv().await {
                Ok(event) => print(&event),
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => break,
            }
        }
    };
    tokio::select! {
        () = printing => {}
        () = asked_to_end() => {}
        () = host.until_asked_to_stop() => {}
    }
    commands.abort();
    host.stop().await;
    // How the handler ended came after the wait above.
    while let Ok(event) = events.try_recv() {
        print(&event);
    }
    Ok(())
}

fn print(event: &impl serde::Serialize) {
    if let Ok(line) = serde_json::to_string(event) {
        println!("{line}");
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(unix)]
async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_end() {
    // An error means that the signal cannot be waited for: then only a kill ends this program.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
