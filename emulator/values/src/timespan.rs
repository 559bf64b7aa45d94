//! `timespan`: ticks of 100 ns, positive or negative.

/// Ticks of a microsecond.
pub const TICKS_PER_MICROSECOND: i64 = 10;
/// Ticks of a millisecond.
pub const TICKS_PER_MILLISECOND: i64 = 10_000;
/// Ticks of a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// Ticks of a minute.
pub const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// Ticks of an hour.
pub const TICKS_PER_HOUR: i64 = 60 * TICKS_PER_MINUTE;
/// Ticks of a day.
pub const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;

/// The text `[-][d.]hh:mm:ss[.fffffff]`: no days when there are none, no fraction when it is zero,
/// else all seven digits (.NET's "c" format).
#[must_use]
pub fn format(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let size = ticks.unsigned_abs();
    let unit = |ticks: i64| ticks.unsigned_abs();
    let days = size / unit(TICKS_PER_DAY);
    let hours = size / unit(TICKS_PER_HOUR) % 24;
    let minutes = size / unit(TICKS_PER_MINUTE) % 60;
    let seconds = size / unit(TICKS_PER_SECOND) % 60;
    let fraction = size % unit(TICKS_PER_SECOND);
    let days = if days == 0 {
        String::new()
    } else {
        format!("{days}.")
    };
    if fraction == 0 {
        format!("{sign}{days}{hours:02}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{days}{hours:02}:{minutes:02}:{seconds:02}.{fraction:07}")
    }
}

/// Reads `[-][d.]hh:mm[:ss[.f…]]` or whole days (`[-]d`); none for anything else and for values
/// beyond 64 bits of ticks. Hours go to 23 and minutes and seconds to 59.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let size = magnitude(text)?;
    let signed = if negative { -size } else { size };
    i64::try_from(signed).ok()
}

fn magnitude(text: &str) -> Option<i128> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    let Some(minutes) = parts.next() else {
        return Some(number(first, 8)? * i128::from(TICKS_PER_DAY));
    };
    let seconds = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (number(days, 8)?, hours),
        None => (0, first),
    };
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let (seconds, fraction) = match seconds.map(|text| text.split_once('.')) {
        None => (0, 0),
        Some(None) => (number(seconds?, 2)?, 0),
        Some(Some((whole, digits))) => (number(whole, 2)?, fraction(digits)?),
    };
    let fits = hours < 24 && minutes < 60 && seconds < 60;
    fits.then(|| {
        days * i128::from(TICKS_PER_DAY)
            + hours * i128::from(TICKS_PER_HOUR)
            + minutes * i128::from(TICKS_PER_MINUTE)
            + seconds * i128::from(TICKS_PER_SECOND)
            + fraction
    })
}

/// An unsigned number of one to `most` digits.
fn number(text: &str, most: usize) -> Option<i128> {
    let plain = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Ticks of a fraction of one to seven digits.
fn fraction(digits: &str) -> Option<i128> {
    let value = number(digits, 7)?;
    let scale = u32::try_from(7 - digits.len()).ok()?;
    Some(value * 10_i128.pow(scale))
}

/// Reads a timespan literal of KQL, which is a text of [`parse`] or a number with a unit: `1d`,
/// `1.5h`, `30m`, `10s`, `0.1s`, `100ms`, `10microsecond`, `1tick`, plural and long names included.
#[must_use]
pub fn parse_literal(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic());
    let Some(split) = split else {
        return parse(text);
    };
    let (amount, unit) = text.split_at(split);
    let ticks = match unit.to_ascii_lowercase().as_str() {
        "d" | "day" | "days" => TICKS_PER_DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" => TICKS_PER_HOUR,
        "m" | "min" | "minute" | "minutes" => TICKS_PER_MINUTE,
        "s" | "sec" | "second" | "seconds" => TICKS_PER_SECOND,
        "ms" | "milli" | "millis" | "millisec" | "millisecond" | "milliseconds" => {
            TICKS_PER_MILLISECOND
        }
        "micro" | "micros" | "microsec" | "microsecond" | "microseconds" => TICKS_PER_MICROSECOND,
        "tick" | "ticks" => 1,
        _ => return None,
    };
    scale(amount.trim(), ticks)
}

/// `amount × unit` without going through a double; what is left below a tick is cut.
fn scale(amount: &str, unit: i64) -> Option<i64> {
    let (negative, amount) = match amount.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, amount),
    };
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let digits = format!("{whole}{part}");
    let value = number(&digits, 24)?.checked_mul(i128::from(unit))?;
    let ticks = value / 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    i64::try_from(if negative { -ticks } else { ticks }).ok()
}

#[cfg(test)]
mod tests {
    use super::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_SECOND, format, parse, parse_literal};

    #[test]
    fn texts_and_ticks() {
        let cases = [
            ("00:00:00", 0),
            ("00:00:00.0000001", 1),
            ("-00:00:00.0000001", -1),
            ("01:00:00", TICKS_PER_HOUR),
            ("1.00:00:00", TICKS_PER_DAY),
            ("-3.04:05:06.7000000", -2_739_067_000_000),
            ("10675199.02:48:05.4775807", i64::MAX),
            ("-10675199.02:48:05.4775808", i64::MIN),
        ];
        for (text, ticks) in cases {
            assert_eq!(format(ticks), text);
            assert_eq!(parse(text), Some(ticks), "{text}");
        }
        assert_eq!(parse("1:02"), Some(TICKS_PER_HOUR + 2 * 600_000_000));
        assert_eq!(parse("0.00:00:05"), Some(5 * TICKS_PER_SECOND));
        assert_eq!(parse("00:00:00.5"), Some(TICKS_PER_SECOND / 2));
        assert_eq!(parse("2"), Some(2 * TICKS_PER_DAY));
    }

    #[test]
    fn refused_texts() {
        let refused = [
            "",
            "-",
            "1d",
            "24:00:00",
            "00:60:00",
            "00:00:60",
            "00:00:00.12345678",
            "1:2:3:4",
            "10675199.02:48:05.4775808",
            "--1",
            "1.2",
            "99999999999",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn literals() {
        let cases = [
            ("1d", Some(TICKS_PER_DAY)),
            ("1.5h", Some(TICKS_PER_HOUR * 3 / 2)),
            ("30m", Some(30 * 600_000_000)),
            ("0.1s", Some(1_000_000)),
            ("100ms", Some(1_000_000)),
            ("10microsecond", Some(100)),
            ("1tick", Some(1)),
            ("7ticks", Some(7)),
            ("-2h", Some(-2 * TICKS_PER_HOUR)),
            ("00:00:01", Some(TICKS_PER_SECOND)),
            ("1parsec", None),
            ("d", None),
        ];
        for (text, ticks) in cases {
            assert_eq!(parse_literal(text), ticks, "{text}");
        }
    }
}
