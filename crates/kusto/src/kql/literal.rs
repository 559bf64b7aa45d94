//! Literals: how a value is written so that the parser reads back exactly that value.

use kusto_copy_core::vocabulary::Ticks;

/// The inside of a `'…'` or `['…']` literal. Escaped: what ends or continues a literal, control
/// and line-breaking characters, and characters that change how a text looks.
#[must_use]
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_invisible(c) => {
                // All of these lie in the basic plane: four digits do.
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// Control characters, line and paragraph separators, byte-order marks, bidirectional controls.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{ffff}')
}

/// Reads the first `'…'` or `"…"` literal of a text back; `None` when there is none, it does not
/// end, or it has an escape that we never write.
#[must_use]
pub fn first_string(text: &str) -> Option<String> {
    let start = text.find(['\'', '"'])?;
    let mut chars = text[start..].chars();
    let quote = chars.next()?;
    let mut value = String::new();
    while let Some(c) = chars.next() {
        if c == quote {
            return Some(value);
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next()? {
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            'u' => {
                let digits: String = chars.by_ref().take(4).collect();
                value.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
            }
            plain @ ('\\' | '\'' | '"') => value.push(plain),
            _ => return None,
        }
    }
    None
}

/// `yyyy-MM-ddTHH:mm:ss.fffffffZ`, always seven digits.
#[must_use]
pub fn datetime_text(ticks: Ticks) -> String {
    const SECOND: i64 = 10_000_000;
    let ticks = ticks.0.clamp(Ticks::MIN.0, Ticks::MAX.0);
    let (days, in_day) = (
        ticks.div_euclid(86_400 * SECOND),
        ticks.rem_euclid(86_400 * SECOND),
    );
    let (year, month, day) = civil(days);
    let (second, fraction) = (in_day / SECOND, in_day % SECOND);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{fraction:07}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

/// Days since 0001-01-01 to a date of the proleptic Gregorian calendar. Years are counted from
/// March, so that the leap day is a year's last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 306; // since 0000-03-01
    let era = days.div_euclid(146_097);
    let in_era = days.rem_euclid(146_097);
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A timespan in the largest unit that divides it: `1h`, `3tick`.
#[must_use]
pub fn timespan_text(ticks: i64) -> String {
    const UNITS: [(i64, &str); 6] = [
        (864_000_000_000, "d"),
        (36_000_000_000, "h"),
        (600_000_000, "m"),
        (10_000_000, "s"),
        (10_000, "ms"),
        (10, "microsecond"),
    ];
    UNITS
        .iter()
        .find(|(unit, _)| ticks != 0 && ticks % unit == 0)
        .map_or_else(
            || format!("{ticks}tick"),
            |(unit, name)| format!("{}{name}", ticks / unit),
        )
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::vocabulary::Ticks;
    use proptest::prelude::*;

    use super::{datetime_text, escape, first_string, timespan_text};
    use crate::wire::time::parse_datetime;

    #[test]
    fn datetimes_have_seven_digits_from_the_first_year_to_the_last() {
        assert_eq!(datetime_text(Ticks::MIN), "0001-01-01T00:00:00.0000000Z");
        assert_eq!(datetime_text(Ticks::MAX), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(
            datetime_text(Ticks(621_355_968_000_000_001)),
            "1970-01-01T00:00:00.0000001Z"
        );
        assert_eq!(
            datetime_text(Ticks(637_239_957_206_013_576)),
            "2020-05-02T05:55:20.6013576Z"
        );
    }

    #[test]
    fn timespans_take_the_largest_unit() {
        for (ticks, text) in [
            (864_000_000_000, "1d"),
            (36_000_000_000, "1h"),
            (10_000_000, "1s"),
            (15, "15tick"),
            (1, "1tick"),
            (20, "2microsecond"),
        ] {
            assert_eq!(timespan_text(ticks), text);
        }
    }

    proptest! {
        #[test]
        fn strings_read_back(value in any::<String>()) {
            let literal = format!("'{}'", escape(&value));
            prop_assert_eq!(first_string(&literal), Some(value));
            prop_assert!(!literal.chars().any(char::is_control));
        }

        #[test]
        fn datetimes_read_back(ticks in Ticks::MIN.0..=Ticks::MAX.0) {
            prop_assert_eq!(parse_datetime(&datetime_text(Ticks(ticks))), Some(Ticks(ticks)));
        }
    }
}
