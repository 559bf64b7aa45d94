//! Reading datetime texts: ISO 8601, RFC 822 and RFC 850, as the scalar type's page lists them.

use super::{Civil, MAX, MIN, from_civil};
use crate::timespan::{TICKS_PER_HOUR, TICKS_PER_MINUTE};

/// Reads a datetime text; none if it is no datetime between year 1 and year 9999.
///
/// Known are ISO 8601 (`2014-05-25T08:20:03.123456Z`, blank or `T`, seconds, fraction, `Z` and
/// offset optional, a date alone too), RFC 822 (`Sat, 8 Nov 14 15:05:02 GMT`) and RFC 850
/// (`Saturday, 08-Nov-14 15:05:02 GMT`). Digits beyond the seventh of a fraction are rounded.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let mut cursor = Cursor(text.as_bytes());
    let (civil, offset) = if text.as_bytes().get(4) == Some(&b'-') {
        iso(&mut cursor)?
    } else {
        rfc(&mut cursor)?
    };
    if !cursor.0.is_empty() {
        return None;
    }
    let rounded_up = civil.tick == crate::timespan::TICKS_PER_SECOND;
    let exact = Civil {
        tick: if rounded_up { 0 } else { civil.tick },
        ..civil
    };
    let carried = if rounded_up {
        crate::timespan::TICKS_PER_SECOND
    } else {
        0
    };
    let ticks = from_civil(&exact)?
        .checked_add(carried)?
        .checked_sub(offset)?;
    (MIN..=MAX).contains(&ticks).then_some(ticks)
}

/// What is left of the text.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    fn take_if(&mut self, accept: impl Fn(u8) -> bool) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        accept(*first).then(|| {
            self.0 = rest;
            *first
        })
    }

    /// The run of bytes that satisfy the test, possibly empty.
    fn run(&mut self, accept: impl Fn(&u8) -> bool) -> &'a [u8] {
        let length = self.0.iter().take_while(|byte| accept(byte)).count();
        let (run, rest) = self.0.split_at(length);
        self.0 = rest;
        run
    }

    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let length = self
            .0
            .iter()
            .take(most)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if length < least {
            return None;
        }
        let (number, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(fold(number))
    }
}

fn fold(digits: &[u8]) -> i64 {
    digits
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
}

fn iso(cursor: &mut Cursor<'_>) -> Option<(Civil, i64)> {
    let year = cursor.number(4, 4)?;
    cursor.take(b'-')?;
    let month = cursor.number(1, 2)?;
    cursor.take(b'-')?;
    let day = cursor.number(1, 2)?;
    let date = Civil {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        tick: 0,
    };
    if cursor.0.is_empty() {
        return Some((date, 0));
    }
    if cursor
        .take_if(|byte| matches!(byte, b'T' | b't' | b' '))
        .is_none()
    {
        return Some((date, offset(cursor)?));
    }
    let civil = time(cursor, date)?;
    Some((civil, offset(cursor)?))
}

/// `hh:mm[:ss[.f…]]`
fn time(cursor: &mut Cursor<'_>, date: Civil) -> Option<Civil> {
    let hour = cursor.number(1, 2)?;
    cursor.take(b':')?;
    let minute = cursor.number(2, 2)?;
    let mut civil = Civil {
        hour,
        minute,
        ..date
    };
    if cursor.take(b':').is_some() {
        civil.second = cursor.number(2, 2)?;
        if cursor.take(b'.').is_some() {
            civil.tick = fraction(cursor.run(u8::is_ascii_digit))?;
        }
    }
    Some(civil)
}

/// Ticks of a fraction of a second; may be a whole second after rounding.
fn fraction(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    let kept = &digits[..digits.len().min(7)];
    let scale = 10_i64.pow(u32::try_from(7 - kept.len()).ok()?);
    let rounds_up = digits.get(7).is_some_and(|digit| *digit >= b'5');
    Some(fold(kept) * scale + i64::from(rounds_up))
}

/// Ticks to take off for UTC: nothing, `Z`, `GMT`, `UTC`, `UT` or `±hh[:]mm`.
fn offset(cursor: &mut Cursor<'_>) -> Option<i64> {
    cursor.run(|byte| *byte == b' ');
    if cursor.0.is_empty() {
        return Some(0);
    }
    if let Some(sign) = cursor.take_if(|byte| matches!(byte, b'+' | b'-')) {
        let hours = cursor.number(2, 2)?;
        let minutes = if cursor.0.is_empty() {
            0
        } else {
            let _ = cursor.take(b':');
            cursor.number(2, 2)?
        };
        if hours > 14 || minutes > 59 {
            return None;
        }
        let ticks = hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE;
        return Some(if sign == b'-' { -ticks } else { ticks });
    }
    let zone = cursor.run(u8::is_ascii_alphabetic).to_ascii_uppercase();
    matches!(zone.as_slice(), b"Z" | b"GMT" | b"UTC" | b"UT").then_some(0)
}

/// `[Sat, ]8 Nov 14[ hh:mm[:ss]][ zone]`, and the same with dashes within the date.
fn rfc(cursor: &mut Cursor<'_>) -> Option<(Civil, i64)> {
    let weekday = cursor.run(u8::is_ascii_alphabetic);
    if !weekday.is_empty() {
        cursor.take(b',')?;
        cursor.run(|byte| *byte == b' ');
    }
    let separator = |byte: u8| matches!(byte, b' ' | b'-');
    let day = cursor.number(1, 2)?;
    cursor.take_if(separator)?;
    let month = month(cursor.run(u8::is_ascii_alphabetic))?;
    cursor.take_if(separator)?;
    let digits = cursor.run(u8::is_ascii_digit);
    let year = match digits.len() {
        4 => fold(digits),
        // The window of .NET's invariant calendar: 1950 to 2049.
        2 if fold(digits) < 50 => 2000 + fold(digits),
        2 => 1900 + fold(digits),
        _ => return None,
    };
    let date = Civil {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        tick: 0,
    };
    if cursor.0.is_empty() {
        return Some((date, 0));
    }
    cursor.take(b' ')?;
    let civil = time(cursor, date)?;
    Some((civil, offset(cursor)?))
}

fn month(name: &[u8]) -> Option<i64> {
    const MONTHS: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let name = name.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| *month == name)?;
    i64::try_from(index + 1).ok()
}
