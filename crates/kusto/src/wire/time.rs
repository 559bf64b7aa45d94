//! Datetimes and timespans as answers write them.

use kusto_copy_core::vocabulary::Ticks;

const SECOND: i64 = 10_000_000;

/// Reads `yyyy-MM-ddTHH:mm:ss[.f…]Z` with up to seven digits of fraction.
pub(crate) fn parse_datetime(text: &str) -> Option<Ticks> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (date, time) = text.split_once(['T', ' '])?;
    let mut parts = date.splitn(3, '-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let in_day = clock(time)?;
    Some(Ticks(
        days_before(year, month, day) * 86_400 * SECOND + in_day,
    ))
}

/// Reads `[-][d.]hh:mm:ss[.f…]` into ticks.
pub(crate) fn parse_timespan(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let first_colon = text.find(':')?;
    let (days, time) = match text.split_once('.') {
        Some((days, time)) if days.len() < first_colon => (days.parse::<i64>().ok()?, time),
        _ => (0, text),
    };
    let ticks = days
        .checked_mul(86_400 * SECOND)?
        .checked_add(clock(time)?)?;
    ticks.checked_mul(sign)
}

/// `hh:mm:ss[.f…]` in ticks, less than a day.
fn clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.splitn(3, ':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    if hour > 23 || minute > 59 || second > 59 || fraction.is_empty() || fraction.len() > 7 {
        return None;
    }
    let padded = format!("{fraction:0<7}");
    Some(((hour * 60 + minute) * 60 + second) * SECOND + digits(&padded, 7)?)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 0001-01-01 to a date.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let past = year - 1;
    let years = past * 365 + past / 4 - past / 100 + past / 400;
    let months: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::vocabulary::Ticks;

    use super::{parse_datetime, parse_timespan};

    #[test]
    fn datetimes_of_any_precision() {
        assert_eq!(parse_datetime("0001-01-01T00:00:00Z"), Some(Ticks::MIN));
        assert_eq!(
            parse_datetime("9999-12-31T23:59:59.9999999Z"),
            Some(Ticks::MAX)
        );
        assert_eq!(
            parse_datetime("2020-05-02T05:55:20.6013576Z"),
            Some(Ticks(637_239_957_206_013_576))
        );
        assert_eq!(
            parse_datetime("2020-05-02T05:55:20.6Z"),
            Some(Ticks(637_239_957_206_000_000))
        );
        for bad in [
            "",
            "2020-13-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "2020-05-02",
            "2020-05-02T24:00:00Z",
            "2020-05-02T00:00:00.12345678Z",
        ] {
            assert_eq!(parse_datetime(bad), None, "{bad}");
        }
    }

    #[test]
    fn timespans_with_and_without_days() {
        assert_eq!(parse_timespan("00:00:00.0000001"), Some(1));
        assert_eq!(
            parse_timespan("36500.00:00:00"),
            Some(36_500 * 864_000_000_000)
        );
        assert_eq!(parse_timespan("-1.02:03:04.5"), Some(-937_845_000_000));
        assert_eq!(parse_timespan("1.5"), None);
    }
}
