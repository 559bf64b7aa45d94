//! `format_datetime`, `format_timespan`.

use kusto_emulator_values::ScalarType::{DateTime, String as Text, TimeSpan};
use kusto_emulator_values::datetime::{self, Civil};
use kusto_emulator_values::timespan::TICKS_PER_DAY;

use crate::bind::Scalar;
use crate::error::{KqlError, Result};
use crate::functions::Arguments;
use crate::kernel;

/// `format_datetime(date, format)`, `format_timespan(span, format)`: of null the empty string.
pub(super) fn format(args: &Arguments, name: &str) -> Result<Scalar> {
    let span = name == "format_timespan";
    let values = args.all_typed(&[if span { TimeSpan } else { DateTime }, Text])?;
    if let Some(pattern) = args.get(1)?.literal_text() {
        check_pattern(pattern, span)?;
    } else {
        return Err(KqlError::unsupported(format!(
            "{name}() with a format that is not a literal"
        )));
    }
    let expr = kernel::call(name, Text, values, move |columns| {
        let (ticks, patterns) = (columns.long(0)?, columns.text(1)?);
        columns.strings(|row, out| {
            if let Some(ticks) = ticks.get(row) {
                write(ticks, patterns.or_empty(row), span, out);
            }
        })
    });
    Ok(args.result(expr, Text))
}

/// Letters and delimiters of formats (`format-datetime-function.md`, `format-timespan-function.md`).
/// A run of letters that is not documented (`MMM`, `dddd` of a date, `t`) is refused.
fn check_pattern(pattern: &str, span: bool) -> Result<()> {
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let length = rest.find(|c| c != letter).unwrap_or(rest.len());
        let known = match letter {
            'f' | 'F' => length <= 7,
            'd' if span => length <= 8,
            'd' | 'h' | 'H' | 'm' | 's' => length <= 2,
            'M' => !span && length <= 2,
            'y' => !span && matches!(length, 1 | 2 | 4),
            't' => !span && length == 2,
            ' ' | '/' | '-' | ':' | ',' | '.' | '_' | '[' | ']' => true,
            _ => false,
        };
        if !known {
            let part = &rest[..length];
            return Err(KqlError::semantic(
                "SEM0031",
                format!("The format '{pattern}' has '{part}', which is not supported"),
            ));
        }
        rest = &rest[length..];
    }
    Ok(())
}

fn write(ticks: i64, pattern: &str, span: bool, out: &mut String) {
    let mut rest = pattern;
    let magnitude = if span { ticks.saturating_abs() } else { ticks };
    if span && ticks < 0 {
        out.push('-');
    }
    let civil = datetime::civil(magnitude);
    while let Some(letter) = rest.chars().next() {
        let length = rest.find(|c| c != letter).unwrap_or(rest.len());
        rest = &rest[length..];
        write_part(letter, length, &civil, magnitude, span, out);
    }
}

fn write_part(
    letter: char,
    length: usize,
    civil: &Civil,
    ticks: i64,
    span: bool,
    out: &mut String,
) {
    let twelve = if civil.hour % 12 == 0 {
        12
    } else {
        civil.hour % 12
    };
    let value = match letter {
        'y' if length <= 2 => civil.year % 100,
        'y' => civil.year,
        'M' => civil.month,
        'd' if span => ticks / TICKS_PER_DAY,
        'd' => civil.day,
        'h' if span => civil.hour,
        'h' => twelve,
        'H' => civil.hour,
        'm' => civil.minute,
        's' => civil.second,
        'f' | 'F' => {
            let digits = format!("{:07}", civil.tick);
            let digits = &digits[..length.min(7)];
            out.push_str(if letter == 'F' {
                digits.trim_end_matches('0')
            } else {
                digits
            });
            return;
        }
        't' => {
            out.push_str(if civil.hour < 12 { "AM" } else { "PM" });
            return;
        }
        delimiter => {
            out.extend(std::iter::repeat_n(delimiter, length));
            return;
        }
    };
    out.push_str(&format!("{value:0length$}"));
}
