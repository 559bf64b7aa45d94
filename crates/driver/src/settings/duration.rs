//! Durations as people write them: `5m`, `1h30m`, `7d`, `00:05:00`, `1.12:00:00`, `PT5M`.
//!
//! A parser of our own because the seed tool's form and Kusto's timespans (`[d.]hh:mm:ss`) stand
//! beside the usual one, and no crate reads all three.

use std::time::Duration;

/// What to write instead of a text that is no duration.
const HELP: &str = "write a duration like 30s, 5m, 1h30m, 7d or 00:05:00";

/// The shortest time between two iterations' ends: shorter ones would only keep the clusters busy.
const LEAST_RPO: Duration = Duration::from_secs(1);

/// Reads the time between two iterations' ends.
///
/// # Errors
/// What to write instead.
pub fn rpo(text: &str) -> Result<Duration, String> {
    let read = parse(text)?;
    if read < LEAST_RPO {
        return Err("an iteration each second is the most; write 1s or more".to_owned());
    }
    Ok(read)
}

/// Reads a duration.
///
/// # Errors
/// What to write instead.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let read = if let Some(rest) = text.strip_prefix(['P', 'p']) {
        iso(rest)
    } else if text.contains(':') {
        timespan(text)
    } else {
        units(text, |unit| match unit {
            "ms" => Some(1),
            "s" | "sec" => Some(1_000),
            "m" | "min" => Some(60_000),
            "h" => Some(3_600_000),
            "d" => Some(86_400_000),
            "w" => Some(7 * 86_400_000),
            _ => None,
        })
    };
    read.map(Duration::from_millis)
        .ok_or_else(|| HELP.to_owned())
}

/// `1h30m`: numbers, each with its unit, in milliseconds.
fn units(text: &str, unit: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        total = total.checked_add(number.checked_mul(unit(&rest[..letters])?)?)?;
        rest = rest[letters..].trim_start();
    }
    (!text.is_empty()).then_some(total)
}

/// `[d.]hh:mm[:ss[.fff]]`.
fn timespan(text: &str) -> Option<u64> {
    let (head, rest) = text.split_once(':')?;
    let (days, hours) = head.split_once('.').unwrap_or(("0", head));
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "0"));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let below = |text: &str, limit: u64| number(text).filter(|number| *number < limit);
    let (minutes, seconds) = (below(minutes, 60)?, below(seconds, 60)?);
    let hours = if days == "0" {
        number(hours)?
    } else {
        below(hours, 24)?
    };
    let millis = number(fraction.get(..3).unwrap_or(fraction))?
        * match fraction.len() {
            1 => 100,
            2 => 10,
            _ => 1,
        };
    number(fraction)?;
    let whole = number(days)?
        .checked_mul(24)?
        .checked_add(hours)?
        .checked_mul(3_600)?
        .checked_add(minutes * 60 + seconds)?;
    whole.checked_mul(1_000)?.checked_add(millis)
}

/// ISO 8601 after its `P`: days, then after `T` hours, minutes, seconds. Months have no length.
fn iso(rest: &str) -> Option<u64> {
    let rest = rest.to_ascii_uppercase();
    let (date, time) = rest.split_once('T').unwrap_or((&rest, ""));
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let part = |text: &str, unit: &dyn Fn(&str) -> Option<u64>| match text {
        "" => Some(0),
        text => units(text, unit),
    };
    let date = part(date, &|unit| match unit {
        "W" => Some(7 * 86_400_000),
        "D" => Some(86_400_000),
        _ => None,
    })?;
    let time = part(time, &|unit| match unit {
        "H" => Some(3_600_000),
        "M" => Some(60_000),
        "S" => Some(1_000),
        _ => None,
    })?;
    date.checked_add(time)
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Option<u128> {
        parse(text).ok().map(|duration| duration.as_millis())
    }

    #[test]
    fn all_three_forms_are_read() {
        for (text, expected) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("5min", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("7d", 604_800_000),
            ("2w", 1_209_600_000),
            ("00:05:00", 300_000),
            ("00:05", 300_000),
            ("100:00:00", 360_000_000),
            ("1.12:00:00", 129_600_000),
            ("00:00:01.5", 1_500),
            ("00:00:01.0010000", 1_001),
            ("PT5M", 300_000),
            ("P7D", 604_800_000),
            ("P1DT12H", 129_600_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_how_to_write_one() {
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "5 m",
            "5y",
            "1:2:3:4",
            "00:60:00",
            "1.25:00:00",
            "::",
            "P",
            "PT",
            "P1M",
            "1h-5m",
            "99999999999999999999d",
            "00:00:01.x",
            "é5m",
            "00:00:01.ééé",
        ] {
            assert_eq!(parse(text), Err(HELP.to_owned()), "{text}");
        }
    }
}
