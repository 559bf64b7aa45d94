//! One request as the cluster works on it, whichever endpoint it came by.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::error::KustoError;

/// A query or command with what came along with it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Context database as given; may be empty.
    pub(crate) database: String,
    /// The text.
    pub(crate) text: String,
    /// Request properties (`Options`), by name as given.
    pub(crate) options: BTreeMap<String, Value>,
    /// Query parameters: each a KQL literal.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The client's id of the request; made up when it gave none.
    pub(crate) client_request_id: String,
    /// The cluster's id of the request.
    pub(crate) activity_id: Uuid,
    /// `x-ms-app`.
    pub(crate) application: String,
    /// `x-ms-user`.
    pub(crate) user: String,
    /// When it arrived, in ticks.
    pub(crate) started_on: i64,
}

/// Longest server timeout that Kusto grants.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Options that change what a request answers, and that this cluster does not know.
const REFUSED_OPTIONS: [&str; 15] = [
    "query_cursor_after_default",
    "query_cursor_before_or_at_default",
    "query_cursor_current",
    "query_cursor_disabled",
    "query_cursor_scoped_tables",
    "query_datetimescope_column",
    "query_datetimescope_from",
    "query_datetimescope_to",
    "query_force_row_level_security",
    "query_now",
    "query_results_apply_getschema",
    "query_take_max_records",
    "request_external_data_disabled",
    "request_remote_entities_disabled",
    "validatepermissions",
];

impl Request {
    /// Refuses an option without which the answer would be another one, and which is not known here.
    ///
    /// # Errors
    /// What is not supported, by name.
    pub(crate) fn refuse_unknown_options(&self) -> Result<(), KustoError> {
        let is_set = |name: &str| {
            let value = self.option(name).unwrap_or_default();
            !["", "null", "false"].contains(&value.to_ascii_lowercase().as_str())
        };
        match REFUSED_OPTIONS.into_iter().find(|name| is_set(name)) {
            None => Ok(()),
            Some(name) => Err(KustoError::unsupported(format!("The option '{name}'"))),
        }
    }

    /// The option as text, whatever its JSON type.
    pub(crate) fn option(&self, name: &str) -> Option<String> {
        self.options.get(name).map(plain_text)
    }

    /// Whether a boolean option is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.option(name)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// How long it may run: `servertimeout`, at most one hour.
    ///
    /// # Errors
    /// A value that is no timespan.
    pub(crate) fn server_timeout(&self, default: Duration) -> Result<Duration, KustoError> {
        if self.is_on("norequesttimeout") {
            return Ok(LONGEST_TIMEOUT);
        }
        let Some(text) = self.option("servertimeout") else {
            return Ok(default);
        };
        let ticks = kusto_emulator_values::timespan::parse(&text)
            .or_else(|| kusto_emulator_values::timespan::parse_literal(&text))
            .and_then(|ticks| u64::try_from(ticks).ok())
            .ok_or_else(|| {
                KustoError::bad_request(
                    "General_BadRequest",
                    format!("The value '{text}' of 'servertimeout' is not a timespan."),
                )
            })?;
        Ok(Duration::from_micros(ticks / 10).min(LONGEST_TIMEOUT))
    }

    /// This request with another text (an inner command of a script).
    #[must_use]
    pub(crate) fn with_text(&self, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..self.clone()
        }
    }
}

/// A JSON value as text: a string's content, anything else as written.
pub(crate) fn plain_text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

#[cfg(test)]
impl Request {
    /// A request for tests.
    pub(crate) fn for_test(database: &str, text: &str) -> Self {
        Self {
            database: database.to_owned(),
            text: text.to_owned(),
            options: BTreeMap::new(),
            parameters: BTreeMap::new(),
            client_request_id: "test;1".to_owned(),
            activity_id: Uuid::new_v4(),
            application: "test".to_owned(),
            user: "tester".to_owned(),
            started_on: crate::clock::now_ticks(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_that_would_change_the_answer_are_refused_when_set() {
        let with = |name: &str, value: Value| {
            let mut request = Request::for_test("D", "T");
            request.options.insert(name.to_owned(), value);
            request.refuse_unknown_options()
        };
        assert!(with("validatepermissions", json!(false)).is_ok());
        assert!(with("query_now", Value::Null).is_ok());
        assert!(with("queryconsistency", json!("strongconsistency")).is_ok());
        for (name, value) in [
            ("validatepermissions", json!(true)),
            ("query_take_max_records", json!(5)),
            ("query_cursor_current", json!("638000000000000001")),
        ] {
            let refused = with(name, value).expect_err("it is not known");
            assert!(refused.message.contains(name), "{}", refused.message);
        }
    }

    #[test]
    fn server_timeouts_are_read_in_both_forms_and_capped() {
        let mut request = Request::for_test("D", "T");
        let default = Duration::from_secs(240);
        assert_eq!(request.server_timeout(default), Ok(default));
        let cases = [("00:04:00", 240), ("50m", 3_000), ("1.00:00:00", 3_600)];
        for (text, seconds) in cases {
            request
                .options
                .insert("servertimeout".to_owned(), json!(text));
            assert_eq!(
                request.server_timeout(default),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        request
            .options
            .insert("servertimeout".to_owned(), json!("soon"));
        assert!(request.server_timeout(default).is_err());
    }
}
