//! Reads a function app as it is deployed: `host.json` and the folders beside it.

mod bindings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

pub use bindings::{Function, Output, Trigger};

/// What the host reads from `host.json`, with its documented defaults.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// How the handler is started, from the package's root.
    pub executable: PathBuf,
    /// Further arguments of the handler.
    pub arguments: Vec<String>,
    /// Longest run of a function; `None` is unbounded.
    pub function_timeout: Option<Duration>,
    /// Longest time until the handler answers for the first time.
    pub initialization_timeout: Duration,
    /// Whether functions with one HTTP trigger and one HTTP output get the original request.
    pub forwards_http: bool,
    /// First part of the path of every HTTP function, without slashes.
    pub route_prefix: String,
    /// Failed deliveries of a queue message before it becomes poison.
    pub max_dequeue_count: u32,
    /// How long a message is hidden after a failed delivery.
    pub visibility_timeout: Duration,
    /// Queue messages that one host works on at once.
    pub batch_size: usize,
}

/// A function app: its settings and its functions by name.
#[derive(Debug, Clone)]
pub struct Package {
    /// Where it is.
    pub root: PathBuf,
    /// From `host.json`.
    pub host: HostSettings,
    /// Every immediate folder with a `function.json`.
    pub functions: BTreeMap<String, Function>,
}

/// Why a package cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file or folder cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// Which.
        path: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file is no JSON.
    #[error("{path} is not JSON")]
    Json {
        /// Which.
        path: String,
        /// Where it stops being JSON.
        #[source]
        source: serde_json::Error,
    },
    /// Something is missing, or is not as the host expects it.
    #[error("{path}: {problem}")]
    Content {
        /// Which file.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

impl Package {
    /// Reads the package at `root`, which may also be the repository itself: its functions are
    /// then in `function-definitions`. With `chaining`, `*.chained.json` is taken where it exists,
    /// as the packager does. `%NAME%` in a binding is taken from `settings`, and settings
    /// like `AzureFunctionsJobHost__functionTimeout` override `host.json` as on Azure.
    ///
    /// # Errors
    /// Unreadable files, a missing setting, a binding without what it needs. The real host leaves
    /// such a function out and goes on; here it is an error, since nobody reads this host's log.
    pub fn read(
        root: &Path,
        settings: &BTreeMap<String, String>,
        chaining: bool,
    ) -> Result<Self, PackageError> {
        let path = definition(root, "host", chaining);
        let mut host = json(&path)?;
        for (name, value) in settings {
            if let Some(place) = name.strip_prefix("AzureFunctionsJobHost__") {
                overlay(&mut host, place, value);
            }
        }
        let host = host_settings(&host).map_err(content(&path))?;
        let mut functions = BTreeMap::new();
        let sources = root.join("function-definitions");
        let functions_at = if sources.is_dir() { &sources } else { root };
        for entry in fs::read_dir(functions_at).map_err(read(functions_at))? {
            let folder = entry.map_err(read(functions_at))?.path();
            let definition = definition(&folder, "function", chaining);
            if !definition.is_file() {
                continue;
            }
            let name = folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let function = Function::read(&name, &json(&definition)?, settings)
                .map_err(content(&definition))?;
            functions.insert(name, function);
        }
        Ok(Self {
            root: root.to_owned(),
            host,
            functions,
        })
    }
}

fn definition(folder: &Path, base: &str, chaining: bool) -> PathBuf {
    let chained = folder.join(format!("{base}.chained.json"));
    if chaining && chained.is_file() {
        chained
    } else {
        folder.join(format!("{base}.json"))
    }
}

fn read(path: &Path) -> impl FnOnce(io::Error) -> PackageError {
    let path = path.display().to_string();
    move |source| PackageError::Read { path, source }
}

fn content(path: &Path) -> impl FnOnce(String) -> PackageError {
    let path = path.display().to_string();
    move |problem| PackageError::Content { path, problem }
}

fn json(path: &Path) -> Result<Value, PackageError> {
    let bytes = fs::read(path).map_err(read(path))?;
    serde_json::from_slice(&bytes).map_err(|source| PackageError::Json {
        path: path.display().to_string(),
        source,
    })
}

/// Sets the member that `a__b` names; names differ in capitals only at the writer's risk.
fn overlay(host: &mut Value, place: &str, text: &str) {
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    match place.split_once("__") {
        None => {
            if let Value::Object(members) = host {
                members.insert(place.to_owned(), value);
            }
        }
        Some((first, rest)) => {
            if let Value::Object(members) = host {
                let inner = members.entry(first).or_insert_with(|| json!({}));
                overlay(inner, rest, text);
            }
        }
    }
}

fn host_settings(host: &Value) -> Result<HostSettings, String> {
    let at = |pointer: &str| host.pointer(pointer).filter(|value| !value.is_null());
    let text = |pointer: &str| at(pointer).and_then(Value::as_str);
    let flag = |pointer: &str| at(pointer).and_then(Value::as_bool).unwrap_or(false);
    if text("/version") != Some("2.0") {
        return Err("\"version\" must be \"2.0\"".to_owned());
    }
    let executable = text("/customHandler/description/defaultExecutablePath")
        .ok_or("customHandler.description.defaultExecutablePath is missing")?;
    let arguments = at("/customHandler/description/arguments")
        .and_then(Value::as_array)
        .map(|arguments| {
            let texts = arguments.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        })
        .unwrap_or_default();
    let duration = |pointer: &str, default: Duration| match text(pointer) {
        None => Ok(default),
        Some(text) => timeout(text)?.ok_or_else(|| format!("{pointer} must be bounded")),
    };
    Ok(HostSettings {
        executable: executable.into(),
        arguments,
        function_timeout: match text("/functionTimeout") {
            None => Some(Duration::from_secs(30 * 60)),
            Some(text) => timeout(text)?,
        },
        initialization_timeout: duration(
            "/customHandler/initializationTimeout",
            Duration::from_secs(30),
        )?,
        forwards_http: flag("/customHandler/enableForwardingHttpRequest")
            || flag("/customHandler/enableProxyingHttpRequest"),
        route_prefix: text("/extensions/http/routePrefix")
            .unwrap_or("api")
            .trim_matches('/')
            .to_owned(),
        max_dequeue_count: number(at("/extensions/queues/maxDequeueCount"), 5)?,
        visibility_timeout: duration("/extensions/queues/visibilityTimeout", Duration::ZERO)?,
        batch_size: number(at("/extensions/queues/batchSize"), 16)? as usize,
    })
}

fn number(value: Option<&Value>, default: u32) -> Result<u32, String> {
    match value {
        None => Ok(default),
        Some(value) => value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| format!("{value} is not a small number")),
    }
}

/// `[days.]hours:minutes:seconds[.fraction]`; `-1` is unbounded.
fn timeout(text: &str) -> Result<Option<Duration>, String> {
    if text == "-1" {
        return Ok(None);
    }
    let wrong = || format!("{text:?} is not a time like 00:10:00");
    let mut parts = text.split(':');
    let (Some(hours), Some(minutes), Some(seconds), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let whole = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    let seconds = seconds
        .parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(wrong)?;
    let minutes =
        (u64::from(whole(days)?) * 24 + u64::from(whole(hours)?)) * 60 + u64::from(whole(minutes)?);
    Ok(Some(Duration::from_secs(minutes * 60) + seconds))
}
