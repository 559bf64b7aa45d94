//! What the handler needs to know of `host.json`: how long an execution may take, and where the
//! HTTP functions are.

use std::io;
use std::path::Path;
use std::time::Duration;

use kusto_copy_driver::settings::duration;
use serde_json::Value;

/// What `host.json` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFile {
    /// `functionTimeout`, as written.
    pub function_timeout: Option<String>,
    /// `extensions.http.routePrefix`.
    pub route_prefix: Option<String>,
    /// Why the file could not be read.
    pub problem: Option<String>,
}

impl HostFile {
    /// Reads it from the app's folder. A folder without one is no problem: the handler may run
    /// without a host.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        match std::fs::read_to_string(folder.join("host.json")) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => Self {
                problem: Some(format!(
                    "host.json cannot be read: {error}; package it again"
                )),
                ..Self::default()
            },
        }
    }

    /// Reads its text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        // Editors put a byte order mark before it; the host takes that.
        let text = text.trim_start_matches('\u{feff}');
        match serde_json::from_str::<Value>(text) {
            Ok(document) => Self {
                function_timeout: string(&document, "/functionTimeout"),
                route_prefix: string(&document, "/extensions/http/routePrefix"),
                problem: None,
            },
            Err(error) => Self {
                problem: Some(format!("host.json is no JSON: {error}; correct it")),
                ..Self::default()
            },
        }
    }
}

fn string(document: &Value, pointer: &str) -> Option<String> {
    document
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// How long the host lets a function run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionTimeout {
    /// It ends the handler after this.
    After(Duration),
    /// `-1`: never.
    Unbounded,
    /// Nobody says; the plan's default holds, which the handler cannot know.
    Unknown,
}

impl FunctionTimeout {
    /// Reads `00:10:00` or `-1`.
    ///
    /// # Errors
    /// A sentence with its remedy.
    pub fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Self::Unknown);
        };
        if text == "-1" || text == "-00:00:00.0010000" {
            return Ok(Self::Unbounded);
        }
        match duration::parse(text) {
            Ok(duration) if !duration.is_zero() => Ok(Self::After(duration)),
            Ok(_) | Err(_) => Err(format!(
                "functionTimeout is `{text}`, which is no time; write it like 00:10:00"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_found() {
        let text = "\u{feff}{\"version\":\"2.0\",\"functionTimeout\":\"00:10:00\",
            \"extensions\":{\"http\":{\"routePrefix\":\"\"}},\"other\":[1]}";
        let file = HostFile::parse(text);
        assert_eq!(file.function_timeout.as_deref(), Some("00:10:00"));
        assert_eq!(file.route_prefix.as_deref(), Some(""));
        assert_eq!(file.problem, None);
        assert_eq!(HostFile::parse("[]"), HostFile::default());
        assert!(HostFile::parse("{").problem.is_some());
    }

    #[test]
    fn timeouts_are_times_unbounded_or_unknown() {
        let read = FunctionTimeout::parse;
        let ten = Duration::from_secs(600);
        assert_eq!(read(Some("00:10:00")), Ok(FunctionTimeout::After(ten)));
        assert_eq!(read(Some("-1")), Ok(FunctionTimeout::Unbounded));
        assert_eq!(read(None), Ok(FunctionTimeout::Unknown));
        for text in ["soon", "00:00:00", "10"] {
            assert!(read(Some(text)).is_err(), "{text}");
        }
    }
}
