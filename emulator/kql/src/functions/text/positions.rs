//! Places in strings, counted in code points.

use datafusion::logical_expr::Expr;
use kusto_emulator_values::Value;

use crate::bind::Scalar;
use crate::error::{KqlError, Result};
use crate::functions::{Arguments, convert};
use crate::kernel;

use super::{LONG, TEXT};

/// Byte offset of a code point, or the end.
fn offset(text: &str, position: usize) -> usize {
    text.char_indices()
        .nth(position)
        .map_or(text.len(), |(at, _)| at)
}

/// `substring(source, start [, length])`; a negative start counts from the end.
pub(super) fn substring(args: &Arguments) -> Result<Scalar> {
    args.count(2, 3)?;
    let mut values = vec![args.typed(0, TEXT)?, args.typed(1, LONG)?];
    if args.len() == 3 {
        values.push(args.typed(2, LONG)?);
    }
    let expr = kernel::call("substring", TEXT, values, |columns| {
        let (texts, starts) = (columns.text(0)?, columns.long(1)?);
        let lengths = if columns.len() > 2 {
            Some(columns.long(2)?)
        } else {
            None
        };
        columns.strings(|row, out| {
            let text = texts.or_empty(row);
            let Some(start) = starts.get(row) else { return };
            let start = match usize::try_from(start) {
                Ok(start) => start,
                Err(_) => {
                    let count = text.chars().count();
                    count
                        .saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX))
                }
            };
            let rest = &text[offset(text, start)..];
            let length = match &lengths {
                None => usize::MAX,
                Some(lengths) => lengths
                    .get(row)
                    .and_then(|length| usize::try_from(length).ok())
                    .unwrap_or(0),
            };
            out.push_str(&rest[..offset(rest, length)]);
        })
    });
    Ok(args.result(expr, TEXT))
}

/// `indexof(source, lookup [, start [, length [, occurrence]]])`: -1 if it is not there
/// (`indexof-function.md`). What is no string is searched by its text.
pub(super) fn index_of(args: &Arguments) -> Result<Scalar> {
    args.count(2, 5)?;
    // The documented results do not say which part of the text a second occurrence may stand in.
    if args.len() == 5 && args.get(3)?.literal_long() != Some(-1) {
        return Err(KqlError::unsupported(
            "indexof() with a length and an occurrence",
        ));
    }
    let text = |at| -> Result<Expr> { Ok(convert(args.get(at)?.clone(), TEXT)?.expr) };
    let mut values = vec![text(0)?, text(1)?];
    for (at, default) in [(2, 0), (3, -1), (4, 1)] {
        values.push(if at < args.len() {
            args.typed(at, LONG)?
        } else {
            crate::bind::literal(Value::Long(default)).expr
        });
    }
    let expr = kernel::call("indexof", LONG, values, |columns| {
        let (texts, wanted) = (columns.text(0)?, columns.text(1)?);
        let (starts, lengths) = (columns.long(2)?, columns.long(3)?);
        let occurrences = columns.long(4)?;
        columns.longs(|row| {
            let part = (starts.get(row)?, lengths.get(row)?);
            let (text, wanted) = (texts.or_empty(row), wanted.or_empty(row));
            place_of(text, wanted, part, occurrences.get(row)?)
        })
    });
    Ok(args.result(expr, LONG))
}

/// Code points in front of the occurrence that begins and ends within the part: its start (from the
/// end of the text if negative) and its length (-1 for all). Null for a length or an occurrence
/// that means nothing.
fn place_of(text: &str, wanted: &str, part: (i64, i64), occurrence: i64) -> Option<i64> {
    let (start, length) = part;
    let nth = usize::try_from(occurrence).ok()?;
    if length < -1 {
        return None;
    }
    let count = i64::try_from(text.chars().count()).ok()?;
    let first = if start < 0 {
        start.saturating_add(count).max(0)
    } else {
        start
    };
    let place = |at: i64| offset(text, usize::try_from(at).unwrap_or(usize::MAX));
    let from = place(first);
    let to = match length {
        -1 => text.len(),
        _ => place(first.saturating_add(length)),
    };
    let found = text[from..to]
        .char_indices()
        .map(|(at, _)| from + at)
        .chain((wanted.is_empty() && from == to).then_some(from))
        .filter(|at| text[*at..to].starts_with(wanted))
        .nth(nth.checked_sub(1)?);
    match found {
        Some(at) => i64::try_from(text[..at].chars().count()).ok(),
        None => Some(-1),
    }
}

/// `countof(text, search)`: plain search, matches may overlap.
pub(super) fn count_of(args: &Arguments) -> Result<Scalar> {
    if args.len() == 3 && args.get(2)?.literal_text() != Some("normal") {
        return Err(KqlError::unsupported("countof() with a regular expression"));
    }
    args.count(2, 3)?;
    let values = vec![args.typed(0, TEXT)?, args.typed(1, TEXT)?];
    let expr = kernel::call("countof", LONG, values, |columns| {
        let (texts, wanted) = (columns.text(0)?, columns.text(1)?);
        columns.longs(|row| {
            let (text, wanted) = (texts.or_empty(row), wanted.or_empty(row));
            if wanted.is_empty() {
                return Some(0);
            }
            let count = text
                .char_indices()
                .filter(|(at, _)| text[*at..].starts_with(wanted))
                .count();
            i64::try_from(count).ok()
        })
    });
    Ok(args.result(expr, LONG))
}
