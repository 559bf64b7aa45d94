//! The JSON documents: the report itself, and the error when there is one.

use kusto_copy_driver::{JobState, Report};
use serde::Serialize;

use crate::cli::exit::Failure;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// Why the job as a whole failed; the errors of tables are in the tables.
    error: Option<String>,
    remedy: Option<&'a str>,
}

/// A report as one line of JSON.
pub(super) fn report(report: &Report) -> String {
    text(&Document {
        report,
        error: None,
        remedy: None,
    })
}

/// A run that could not go on, in the same form, with what it had done before.
pub(super) fn failed(report: &Report, failure: &Failure) -> String {
    let mut error = failure.message.clone();
    if !failure.items.is_empty() {
        error = format!("{error}: {}", failure.items.join("; "));
    }
    text(&Document {
        report: &Report {
            state: JobState::Failed,
            ..report.clone()
        },
        error: Some(error),
        remedy: failure.remedy.as_deref(),
    })
}

/// A record as one line of JSON, its members in their own order.
pub(super) fn text(record: &impl Serialize) -> String {
    // Cannot fail: keys are strings, and a number that is not finite is written as null.
    serde_json::to_string(record).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::samples;
    use super::*;

    #[test]
    fn the_document_has_the_promised_members() {
        let document: Value =
            serde_json::from_str(&report(&samples::running())).expect("it is JSON");
        assert_eq!(document["state"], "running");
        assert_eq!(document["iteration"], 1);
        assert_eq!(document["cursor_end"], "638000000000000002");
        assert_eq!(document["error"], Value::Null);
        let table = &document["tables"][3];
        assert_eq!(table["table"], "Sites");
        assert_eq!(table["state"], "held");
        assert_eq!(
            table["error"],
            "column 'Area' has another type at the destination"
        );
        let first = &document["tables"][0];
        assert_eq!(
            json!([first["rows"], first["blocks"], first["bytes"]]),
            json!([120_000, 5, 7_340_032])
        );
    }

    #[test]
    fn members_keep_their_order() {
        let text = report(&samples::complete());
        assert!(
            text.starts_with(r#"{"state":"complete","iteration":1,"cursor_end":"6"#),
            "{text}"
        );
    }

    #[test]
    fn a_failure_is_a_document_too() {
        let failure = Failure::new("it broke").remedy("mend it");
        let document: Value =
            serde_json::from_str(&failed(&samples::running(), &failure)).expect("it is JSON");
        assert_eq!(document["state"], "failed");
        assert_eq!(document["tables"][0]["rows"], 120_000, "what was copied");
        assert_eq!(document["error"], "it broke");
        assert_eq!(document["remedy"], "mend it");
        let several = failure.items(vec!["the one".to_owned(), "the other".to_owned()]);
        let document: Value =
            serde_json::from_str(&failed(&Report::default(), &several)).expect("it is JSON");
        assert_eq!(document["error"], "it broke: the one; the other");
    }
}
