//! `datetime`: .NET ticks of 100 ns since 0001-01-01T00:00:00, from year 1 to year 9999.
//!
//! There is no time zone; texts with an offset are brought to UTC.

use crate::timespan::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};

mod parse;

pub use parse::parse;

/// The smallest datetime, 0001-01-01T00:00:00.0000000Z.
pub const MIN: i64 = 0;
/// The greatest datetime, 9999-12-31T23:59:59.9999999Z.
pub const MAX: i64 = 3_155_378_975_999_999_999;
/// Ticks of 1970-01-01T00:00:00Z.
pub const UNIX_EPOCH: i64 = 621_355_968_000_000_000;

/// Days from 0001-01-01 to 0000-03-01 of the proleptic calendar, counted backwards: the
/// arithmetic below lets years begin in March so that the leap day comes last.
const MARCH_SHIFT: i64 = 306;
const DAYS_PER_ERA: i64 = 146_097;

/// A datetime taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// 100 ns ticks within the second, 0 to 9,999,999.
    pub tick: i64,
}

/// Whether the value lies between year 1 and year 9999.
#[must_use]
pub fn in_range(ticks: i64) -> bool {
    (MIN..=MAX).contains(&ticks)
}

/// Takes a datetime apart. Values out of range are held at the nearest end.
#[must_use]
pub fn civil(ticks: i64) -> Civil {
    let ticks = ticks.clamp(MIN, MAX);
    let (year, month, day) = civil_from_days(ticks / TICKS_PER_DAY);
    let rest = ticks % TICKS_PER_DAY;
    Civil {
        year,
        month,
        day,
        hour: rest / TICKS_PER_HOUR,
        minute: rest / TICKS_PER_MINUTE % 60,
        second: rest / TICKS_PER_SECOND % 60,
        tick: rest % TICKS_PER_SECOND,
    }
}

/// Puts a datetime together; none if a part is out of its range (February 30th, hour 24, …).
#[must_use]
pub fn from_civil(civil: &Civil) -> Option<i64> {
    let fits = (1..=9999).contains(&civil.year)
        && (1..=12).contains(&civil.month)
        && (1..=days_in_month(civil.year, civil.month)).contains(&civil.day)
        && (0..24).contains(&civil.hour)
        && (0..60).contains(&civil.minute)
        && (0..60).contains(&civil.second)
        && (0..TICKS_PER_SECOND).contains(&civil.tick);
    fits.then(|| {
        days_from_civil(civil.year, civil.month, civil.day) * TICKS_PER_DAY
            + civil.hour * TICKS_PER_HOUR
            + civil.minute * TICKS_PER_MINUTE
            + civil.second * TICKS_PER_SECOND
            + civil.tick
    })
}

/// Days of a month of the proleptic Gregorian calendar; 31 for months that do not exist.
#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whole days since 0001-01-01 of a date that exists.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
        - MARCH_SHIFT
}

/// Year, month and day of a number of whole days since 0001-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + MARCH_SHIFT;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The text as bytes, for writers of many values: `2020-03-04T14:05:01.3109965Z`, always seven
/// digits of fraction. Values out of range are held at the nearest end.
#[must_use]
pub fn encode(ticks: i64) -> [u8; 28] {
    let civil = civil(ticks);
    let mut text = *b"0000-00-00T00:00:00.0000000Z";
    digits(&mut text[0..4], civil.year);
    digits(&mut text[5..7], civil.month);
    digits(&mut text[8..10], civil.day);
    digits(&mut text[11..13], civil.hour);
    digits(&mut text[14..16], civil.minute);
    digits(&mut text[17..19], civil.second);
    digits(&mut text[20..27], civil.tick);
    text
}

/// Fills the slot with the value's last digits.
fn digits(slot: &mut [u8], value: i64) {
    let mut rest = value;
    for byte in slot.iter_mut().rev() {
        *byte = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
}

/// The text: `2020-03-04T14:05:01.3109965Z`, always seven digits of fraction.
#[must_use]
pub fn format(ticks: i64) -> String {
    encode(ticks).iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests;
