//! Entity group transactions: one request whose body holds several, all done or none.
//!
//! The shape is that of "Performing entity group transactions" of the Table service's REST API:
//! a `multipart/mixed` body of one change set, which has one HTTP request for each operation.
//! The answer's status is 202 whether the transaction was done or not; what happened stands in
//! the answers inside.

use uuid::Uuid;

use super::entity::is_version;
use super::failure::{ServiceError, TableError};

/// One change of one entity, as an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) method: Change,
    /// Whole address, percent-encoded.
    pub(super) address: String,
    /// The version that must still be there.
    pub(super) if_match: Option<String>,
    /// The entity as JSON.
    pub(super) body: Option<String>,
}

/// What an operation does. No operation goes without its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Insert,
    Replace,
    Delete,
}

impl Change {
    fn verb(self) -> &'static str {
        match self {
            Self::Insert => "POST",
            Self::Replace => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Body of a transaction, and its content type.
pub(super) struct Written {
    pub(super) content_type: String,
    pub(super) body: String,
}

/// Writes the operations as one transaction. The identifier must occur nowhere in them: a random
/// one does not.
pub(super) fn write(operations: &[Operation], id: Uuid) -> Written {
    let (batch, set) = (format!("batch_{id}"), format!("changeset_{id}"));
    let mut body = format!("--{batch}\r\nContent-Type: multipart/mixed; boundary={set}\r\n\r\n");
    for operation in operations {
        body.push_str(&format!(
            "--{set}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
             {} {} HTTP/1.1\r\n\
             Accept: application/json;odata=minimalmetadata\r\nDataServiceVersion: 3.0;\r\n",
            operation.method.verb(),
            operation.address
        ));
        if let Some(version) = &operation.if_match {
            body.push_str(&format!("If-Match: {version}\r\n"));
        }
        if let Some(entity) = &operation.body {
            body.push_str("Prefer: return-no-content\r\nContent-Type: application/json\r\n\r\n");
            body.push_str(entity);
        } else {
            body.push_str("\r\n");
        }
        body.push_str("\r\n");
    }
    body.push_str(&format!("--{set}--\r\n--{batch}--\r\n"));
    Written {
        content_type: format!("multipart/mixed; boundary={batch}"),
        body,
    }
}

/// One answer inside.
#[derive(Debug, Default, PartialEq, Eq)]
struct Part {
    status: u16,
    etag: Option<String>,
    body: String,
}

/// The answers inside, in their order. Each begins at its status line and ends at a boundary,
/// which begins with two dashes, as no line of JSON does.
fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut inside, mut in_headers) = (false, false);
    for line in text.lines() {
        if line.starts_with("--") {
            inside = false;
        } else if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            let digits = rest.split(' ').next().unwrap_or_default();
            parts.push(Part {
                status: digits.parse().unwrap_or_default(),
                ..Part::default()
            });
            (inside, in_headers) = (true, true);
        } else if let Some(part) = parts.last_mut().filter(|_| inside) {
            if !in_headers {
                part.body.push_str(line);
            } else if line.is_empty() {
                in_headers = false;
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("etag")
            {
                part.etag = Some(value.trim().to_owned());
            }
        }
    }
    parts
}

/// The new versions, in the order of the operations; `None` for a deleted entity.
///
/// # Errors
/// [`TableError::Answered`] when an operation failed, and with it all of them.
/// [`TableError::Unreadable`] when it cannot be told what happened.
pub(super) fn read(
    operations: &[Operation],
    answer: &str,
) -> Result<Vec<Option<String>>, TableError> {
    let parts = parts(answer);
    let alone = parts.len() < operations.len();
    for (at, part) in parts.iter().enumerate() {
        if !(200..300).contains(&part.status) {
            let mut error = ServiceError::read(part.status, part.body.as_bytes(), None);
            // A failed transaction has one answer inside, whose place tells nothing.
            let known = error.operation.filter(|at| *at < operations.len());
            error.operation = known.or((!alone).then_some(at));
            return Err(error.into());
        }
    }
    if parts.len() != operations.len() {
        return Err(TableError::Unreadable {
            what: "a transaction's answer does not answer each of its operations",
        });
    }
    operations
        .iter()
        .zip(parts)
        .map(|(operation, part)| version(operation.method, part.etag))
        .collect()
}

/// The version that an operation left behind.
pub(super) fn version(change: Change, etag: Option<String>) -> Result<Option<String>, TableError> {
    match (change, etag) {
        (Change::Delete, _) => Ok(None),
        (Change::Insert | Change::Replace, Some(etag)) if is_version(&etag) => Ok(Some(etag)),
        (Change::Insert | Change::Replace, Some(_) | None) => Err(TableError::Unreadable {
            what: "a written entity has no ETag",
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn operation(method: Change) -> Operation {
        Operation {
            method,
            address: "https://a/t(PartitionKey='p',RowKey='r')".to_owned(),
            if_match: (method != Change::Insert).then(|| "W/\"1\"".to_owned()),
            body: (method != Change::Delete).then(|| "{\"RowKey\":\"r\"}".to_owned()),
        }
    }

    /// The documented shape of an answer.
    fn answer(parts: &[&str]) -> String {
        let mut text = "--batchresponse_1\r\nContent-Type: multipart/mixed; \
                        boundary=changesetresponse_2\r\n\r\n"
            .to_owned();
        for part in parts {
            text.push_str(
                "--changesetresponse_2\r\nContent-Type: application/http\r\n\
                 Content-Transfer-Encoding: binary\r\n\r\n",
            );
            text.push_str(part);
            text.push_str("\r\n\r\n");
        }
        text + "--changesetresponse_2--\r\n--batchresponse_1--\r\n"
    }

    const DONE: &str = "HTTP/1.1 204 No Content\r\nX-Content-Type-Options: nosniff\r\n\
                        DataServiceVersion: 3.0;\r\nETag: W/\"datetime'2026-01-01T00%3A00%3A00Z'\"\r\n";
    const GONE: &str = "HTTP/1.1 204 No Content\r\nCache-Control: no-cache\r\n";
    const FAILED: &str = "HTTP/1.1 409 Conflict\r\nContent-ID: 2\r\nContent-Type: application/json\
                          \r\n\r\n{\"odata.error\":{\"code\":\"EntityAlreadyExists\",\"message\":\
                          {\"lang\":\"en-US\",\"value\":\"1:The specified entity already exists.\"}}}";

    #[test]
    fn a_transaction_is_one_change_set() {
        let id = Uuid::nil();
        let written = write(&[operation(Change::Replace), operation(Change::Delete)], id);
        let zero = "00000000-0000-0000-0000-000000000000";
        let expected = format!(
            "--batch_{zero}\r\nContent-Type: multipart/mixed; boundary=changeset_{zero}\r\n\r\n\
             --changeset_{zero}\r\nContent-Type: application/http\r\n\
             Content-Transfer-Encoding: binary\r\n\r\n\
             PUT https://a/t(PartitionKey='p',RowKey='r') HTTP/1.1\r\n\
             Accept: application/json;odata=minimalmetadata\r\nDataServiceVersion: 3.0;\r\n\
             If-Match: W/\"1\"\r\nPrefer: return-no-content\r\n\
             Content-Type: application/json\r\n\r\n{{\"RowKey\":\"r\"}}\r\n\
             --changeset_{zero}\r\nContent-Type: application/http\r\n\
             Content-Transfer-Encoding: binary\r\n\r\n\
             DELETE https://a/t(PartitionKey='p',RowKey='r') HTTP/1.1\r\n\
             Accept: application/json;odata=minimalmetadata\r\nDataServiceVersion: 3.0;\r\n\
             If-Match: W/\"1\"\r\n\r\n\r\n\
             --changeset_{zero}--\r\n--batch_{zero}--\r\n"
        );
        assert_eq!(written.body, expected);
    }

    #[test]
    fn a_done_transaction_gives_the_versions_in_order() {
        let operations = [operation(Change::Insert), operation(Change::Delete)];
        let etags = read(&operations, &answer(&[DONE, GONE])).expect("the versions");
        let first = "W/\"datetime'2026-01-01T00%3A00%3A00Z'\"".to_owned();
        assert_eq!(etags, [Some(first), None]);
    }

    #[test]
    fn a_failed_operation_fails_the_transaction_and_names_itself() {
        let operations = [operation(Change::Insert), operation(Change::Insert)];
        for text in [answer(&[FAILED]), answer(&[DONE, FAILED])] {
            let error = read(&operations, &text).expect_err("a failure");
            let TableError::Answered(error) = error else {
                panic!("another error: {error:?}");
            };
            assert_eq!((error.status, error.operation), (409, Some(1)));
            assert!(error.is("EntityAlreadyExists"));
        }
        // Where it is not named, nobody guesses.
        let unnamed = answer(&["HTTP/1.1 400 Bad Request\r\n\r\n{}"]);
        let error = read(&operations, &unnamed).expect_err("a failure");
        assert!(matches!(error, TableError::Answered(error) if error.operation.is_none()));
    }

    #[test]
    fn an_answer_that_leaves_anything_open_is_no_success() {
        let operations = [operation(Change::Insert), operation(Change::Insert)];
        for text in [
            String::new(),
            answer(&[]),
            answer(&[DONE]),
            answer(&[DONE, GONE]),
            answer(&[DONE, DONE, DONE]),
            answer(&[DONE, DONE])[..180].to_owned(),
        ] {
            let error = read(&operations, &text).expect_err("no success");
            assert!(matches!(error, TableError::Unreadable { .. }), "{text}");
        }
    }

    proptest! {
        /// Whatever stands in an answer, it is read to an end; and no success is made up.
        #[test]
        fn any_answer_is_read(pieces in prop::collection::vec(prop_oneof![
            Just("HTTP/1.1 204 No Content\r\nETag: W/\"1\"\r\n\r\n".to_owned()),
            Just("HTTP/1.1 409 Conflict\r\n\r\n".to_owned()),
            Just("HTTP/1.1 ".to_owned()),
            Just("--changesetresponse_2\r\n".to_owned()),
            Just("{\"odata.error\":{\"code\":\"X\",\"message\":\"7:y\"}}\r\n".to_owned()),
            "\\PC{0,12}", ".{0,12}",
        ], 0..8)) {
            let text = pieces.concat();
            let operations = [operation(Change::Insert), operation(Change::Insert)];
            match read(&operations, &text) {
                Ok(etags) => {
                    prop_assert_eq!(etags.len(), 2);
                    let done = text.lines().filter(|line| line.starts_with("HTTP/1.1 2"));
                    prop_assert_eq!(done.count(), 2);
                }
                Err(TableError::Answered(error)) => {
                    prop_assert!(error.operation.is_none_or(|at| at < 8));
                }
                Err(error) => {
                    let unreadable = matches!(error, TableError::Unreadable { .. });
                    prop_assert!(unreadable, "{:?}", error);
                }
            }
        }
    }
}
