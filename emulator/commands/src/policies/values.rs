//! The forms in which a policy's value can be written.

use kusto_emulator_values::timespan;

use super::PolicyKind;
use crate::error::CommandError;
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

/// A policy's value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyValue {
    /// JSON text, checked to be JSON.
    Json(String),
    /// `true`/`false` (ingestion time, restricted view), `enable`/`disable` (streaming ingestion).
    Switch(bool),
    /// `hot = 30d`: ticks of data kept hot.
    Hot(i64),
    /// `softdelete = 10d recoverability = enabled`; at least one of both.
    Retention {
        /// Ticks that data is kept.
        soft_delete: Option<i64>,
        /// Whether dropped data can be recovered.
        recoverability: Option<bool>,
    },
    /// `enable|disable 'query'`.
    RowLevelSecurity {
        /// Whether readers see the query instead of the table.
        is_enabled: bool,
        /// The query.
        query: String,
    },
    /// `(column asc, …)`: a column and whether it ascends.
    RowOrder(Vec<(String, bool)>),
    /// `type = '…'`: a named encoding profile; none resets the column.
    EncodingType(Option<String>),
}

/// Reads the value of a policy, and properties that stand before its last part.
pub(super) fn parse(
    scanner: &mut Scanner<'_>,
    policy: PolicyKind,
    merge: bool,
) -> Result<(PolicyValue, Properties), CommandError> {
    let mut inner = Properties::default();
    let value = match policy {
        PolicyKind::IngestionTime | PolicyKind::RestrictedViewAccess => {
            PolicyValue::Switch(scanner.boolean()?)
        }
        PolicyKind::StreamingIngestion if scanner.eat_word("enable") => PolicyValue::Switch(true),
        PolicyKind::StreamingIngestion if scanner.eat_word("disable") => PolicyValue::Switch(false),
        PolicyKind::Caching if !scanner.sees_string() => hot(scanner)?,
        PolicyKind::Retention if merge && !scanner.sees_string() => retention(scanner)?,
        PolicyKind::RowLevelSecurity => {
            let is_enabled = scanner.eat_word("enable");
            if !is_enabled {
                scanner.expect_word("disable")?;
            }
            inner = properties(scanner)?;
            let query = scanner.string()?;
            PolicyValue::RowLevelSecurity { is_enabled, query }
        }
        PolicyKind::RowOrder => PolicyValue::RowOrder(scanner.list(ordered_column)?),
        PolicyKind::Encoding if scanner.eat_word("type") => {
            scanner.expect("=")?;
            PolicyValue::EncodingType(Some(scanner.string()?))
        }
        PolicyKind::Encoding if !scanner.sees_string() => PolicyValue::EncodingType(None),
        PolicyKind::AutoDelete
        | PolicyKind::Caching
        | PolicyKind::Encoding
        | PolicyKind::ExtentTagsRetention
        | PolicyKind::IngestionBatching
        | PolicyKind::ManagedIdentity
        | PolicyKind::Merge
        | PolicyKind::Partitioning
        | PolicyKind::Retention
        | PolicyKind::Sharding
        | PolicyKind::StreamingIngestion
        | PolicyKind::Update => json(scanner, policy)?,
    };
    Ok((value, inner))
}

fn json(scanner: &mut Scanner<'_>, policy: PolicyKind) -> Result<PolicyValue, CommandError> {
    let text = scanner.string()?;
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(_) => Ok(PolicyValue::Json(text)),
        Err(error) => Err(CommandError::InvalidValue {
            what: format!("the policy '{}'", policy.name()),
            reason: format!("it is not JSON ({error})"),
        }),
    }
}

/// `hot = T`, or `hotdata = T hotindex = T` (the data's period counts).
fn hot(scanner: &mut Scanner<'_>) -> Result<PolicyValue, CommandError> {
    if scanner.eat_word("hotdata") {
        scanner.expect("=")?;
        let data = timespan_literal(scanner)?;
        scanner.expect_word("hotindex")?;
        scanner.expect("=")?;
        timespan_literal(scanner)?;
        return Ok(PolicyValue::Hot(data));
    }
    scanner.expect_word("hot")?;
    scanner.expect("=")?;
    let value = timespan_literal(scanner)?;
    if scanner.sees(",") || scanner.sees_word("hot_window") {
        return Err(CommandError::Unsupported {
            what: "A hot window in the caching policy".to_string(),
        });
    }
    Ok(PolicyValue::Hot(value))
}

fn retention(scanner: &mut Scanner<'_>) -> Result<PolicyValue, CommandError> {
    let mut soft_delete = None;
    let mut recoverability = None;
    if scanner.eat_word("softdelete") {
        scanner.expect("=")?;
        soft_delete = Some(timespan_literal(scanner)?);
    }
    if scanner.eat_word("recoverability") {
        scanner.expect("=")?;
        recoverability = Some(scanner.eat_word("enabled"));
        if recoverability == Some(false) {
            scanner.expect_word("disabled")?;
        }
    }
    if soft_delete.is_none() && recoverability.is_none() {
        return Err(scanner.error("'softdelete' or 'recoverability'"));
    }
    Ok(PolicyValue::Retention {
        soft_delete,
        recoverability,
    })
}

fn ordered_column(scanner: &mut Scanner<'_>) -> Result<(String, bool), CommandError> {
    let column = scanner.name("a column name")?;
    let ascending = scanner.eat_word("asc");
    if !ascending {
        scanner.expect_word("desc")?;
    }
    Ok((column, ascending))
}

/// A timespan literal: `36500d`, `1.5h`, `10m`, `30s`, `1tick`, or `[time](d.hh:mm:ss)`. Ticks.
fn timespan_literal(scanner: &mut Scanner<'_>) -> Result<i64, CommandError> {
    if scanner.eat_word("time") || scanner.eat_word("timespan") {
        let text = scanner.balanced('(', ')')?;
        let inner = text[1..text.len() - 1].trim().trim_matches(['\'', '"']);
        return timespan::parse_literal(inner).ok_or_else(|| scanner.error("a timespan"));
    }
    scanner.skip_trivia();
    let rest = scanner.rest();
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | ':'))
        .unwrap_or(rest.len());
    let Some(value) = timespan::parse_literal(&rest[..end]) else {
        return Err(scanner.error("a timespan"));
    };
    scanner.advance(end);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKS_PER_SECOND: i64 = 10_000_000;

    #[test]
    fn timespans_are_read_as_ticks() {
        let cases = [
            ("36500d", 36_500 * 86_400 * TICKS_PER_SECOND),
            ("1.5h", 5_400 * TICKS_PER_SECOND),
            ("10m", 600 * TICKS_PER_SECOND),
            ("time(1.00:00:01)", 86_401 * TICKS_PER_SECOND),
            ("7tick", 7),
        ];
        for (text, value) in cases {
            assert_eq!(
                timespan_literal(&mut Scanner::new(text)),
                Ok(value),
                "{text}"
            );
        }
        assert!(timespan_literal(&mut Scanner::new("10x")).is_err());
        assert!(timespan_literal(&mut Scanner::new("999999999d")).is_err());
    }
}
