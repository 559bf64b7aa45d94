//! The options and time limits of each kind of request.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::kql::Purpose;

/// What a cluster and job allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Whether the cluster knows `queryconsistency` (a Fabric Eventhouse does not).
    pub(crate) consistency: bool,
    /// Whether the user insists on reading tables with row-level security.
    pub(crate) row_level_security: bool,
}

/// How long the cluster may work on it.
pub(crate) const fn server_timeout(purpose: Purpose) -> Duration {
    Duration::from_secs(match purpose {
        Purpose::Query => 4 * 60,
        Purpose::Show | Purpose::Change => 10 * 60,
        Purpose::LongQuery
        | Purpose::Start
        | Purpose::Run
        | Purpose::StartExport
        | Purpose::RunExport => 60 * 60,
    })
}

/// How long the answer may take: somewhat longer than the cluster may work, except where the
/// answer comes before the work.
pub(crate) fn answer_timeout(purpose: Purpose, margin: Duration) -> Duration {
    match purpose {
        Purpose::Start | Purpose::StartExport => Duration::from_secs(10 * 60) + margin,
        Purpose::Query
        | Purpose::LongQuery
        | Purpose::Show
        | Purpose::Change
        | Purpose::Run
        | Purpose::RunExport => server_timeout(purpose) + margin,
    }
}

/// The body's `Options`.
pub(crate) fn options(purpose: Purpose, call: &Call, traits: Traits) -> Map<String, Value> {
    let mut options = Map::new();
    let mut set = |name: &str, value: Value| {
        options.insert(name.to_owned(), value);
    };
    let seconds = server_timeout(purpose).as_secs();
    let timeout = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    );
    set("servertimeout", json!(timeout));
    set("request_description", json!(call.description));
    let (reads_source, read_only) = match purpose {
        Purpose::Query | Purpose::LongQuery => (true, Some("request_readonly_hardline")),
        Purpose::StartExport | Purpose::RunExport => (true, None),
        Purpose::Show => (false, Some("request_readonly")),
        Purpose::Change | Purpose::Start | Purpose::Run => (false, None),
    };
    if let Some(option) = read_only {
        set(option, json!(true));
    }
    if reads_source {
        if traits.consistency {
            set("queryconsistency", json!("strongconsistency"));
        }
        set("query_datascope", json!("all"));
        if !traits.row_level_security {
            set("request_block_row_level_security", json!(true));
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Traits, answer_timeout, options, server_timeout};
    use crate::call::Call;
    use crate::kql::Purpose;

    const PLAIN: Traits = Traits {
        consistency: true,
        row_level_security: false,
    };

    #[test]
    fn reads_of_source_data_are_strong_whole_and_guarded() {
        let call = Call::new("KC.1", "kusto-copy job=j");
        for purpose in [
            Purpose::Query,
            Purpose::LongQuery,
            Purpose::StartExport,
            Purpose::RunExport,
        ] {
            let options = options(purpose, &call, PLAIN);
            assert_eq!(
                options["queryconsistency"], "strongconsistency",
                "{purpose:?}"
            );
            assert_eq!(options["query_datascope"], "all");
            assert_eq!(options["request_block_row_level_security"], true);
            assert_eq!(options["request_description"], "kusto-copy job=j");
        }
        assert_eq!(
            options(Purpose::Query, &call, PLAIN)["servertimeout"],
            "00:04:00"
        );
        assert_eq!(
            options(Purpose::StartExport, &call, PLAIN)["servertimeout"],
            "01:00:00"
        );
        assert!(!options(Purpose::Run, &call, PLAIN).contains_key("queryconsistency"));
        assert_eq!(
            options(Purpose::Show, &call, PLAIN)["request_readonly"],
            true
        );
        assert!(!options(Purpose::Change, &call, PLAIN).contains_key("request_readonly"));
    }

    #[test]
    fn fabric_and_forced_row_level_security_leave_options_out() {
        let traits = Traits {
            consistency: false,
            row_level_security: true,
        };
        let options = options(Purpose::Query, &Call::new("a", "b"), traits);
        assert!(!options.contains_key("queryconsistency"));
        assert!(!options.contains_key("request_block_row_level_security"));
    }

    #[test]
    fn answers_may_take_longer_than_the_work() {
        let margin = Duration::from_secs(30);
        assert_eq!(
            answer_timeout(Purpose::Run, margin),
            server_timeout(Purpose::Run) + margin
        );
        assert!(answer_timeout(Purpose::Start, margin) < server_timeout(Purpose::Start));
    }
}
