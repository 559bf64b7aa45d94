//! NCRONTAB, the schedule language of timer triggers, in UTC (Flex Consumption ignores time
//! zones): `second minute hour day month day-of-week`, the second optional.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};

/// When a timer fires. A day must fit both the day and the day of the week, as in NCRONTAB, where
/// cron takes either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
}

/// Numbers below 64 as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u64);

impl Set {
    fn has(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    fn len(self) -> u32 {
        self.0.count_ones()
    }
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Days looked at before a schedule counts as one that never fires; a 29 February that must be a
/// certain day of the week comes back after 40 years at most.
const HORIZON_DAYS: usize = 366 * 41;

impl Schedule {
    /// Reads a schedule of six fields, or of five, whose second is then 0.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        let [second, minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "the schedule {text:?} has not six fields (second minute hour day month weekday)"
            ));
        };
        let schedule = Self {
            seconds: set(second, 0, 59, &[])?,
            minutes: set(minute, 0, 59, &[])?,
            hours: set(hour, 0, 23, &[])?,
            days: set(day, 1, 31, &[])?,
            months: set(month, 1, 12, &MONTHS)?,
            weekdays: set(weekday, 0, 6, &WEEKDAYS)?,
        };
        Ok(schedule)
    }

    /// The first time after `after`; `None` for a date that never comes.
    #[must_use]
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let from = after.naive_utc().with_nanosecond(0)? + TimeDelta::seconds(1);
        let first = from.date();
        first
            .iter_days()
            .take(HORIZON_DAYS)
            .filter(|day| self.fits(*day))
            .find_map(|day| {
                let earliest = if day == first {
                    from.time()
                } else {
                    NaiveTime::MIN
                };
                self.time_from(earliest)
                    .map(|time| day.and_time(time).and_utc())
            })
    }

    fn fits(&self, day: NaiveDate) -> bool {
        self.months.has(day.month())
            && self.days.has(day.day())
            && self.weekdays.has(day.weekday().num_days_from_sunday())
    }

    /// The first fitting time of a day at or after `earliest`.
    fn time_from(&self, earliest: NaiveTime) -> Option<NaiveTime> {
        (earliest.hour()..24)
            .filter(|hour| self.hours.has(*hour))
            .find_map(|hour| {
                let same_hour = hour == earliest.hour();
                let first = if same_hour { earliest.minute() } else { 0 };
                (first..60)
                    .filter(|minute| self.minutes.has(*minute))
                    .find_map(|minute| {
                        let same = same_hour && minute == earliest.minute();
                        let first = if same { earliest.second() } else { 0 };
                        let second = (first..60).find(|second| self.seconds.has(*second))?;
                        NaiveTime::from_hms_opt(hour, minute, second)
                    })
            })
    }

    /// Whether it fires more than once a minute: the host remembers no such timer.
    #[must_use]
    pub fn is_more_often_than_a_minute(&self) -> bool {
        self.seconds.len() > 1
    }

    /// When to fire after a run that was due at `due` and ended at `now`: at once if another time
    /// passed meanwhile, however many did, else at the next.
    #[must_use]
    pub fn after_run(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.next(due)?;
        if next <= now { Some(now) } else { Some(next) }
    }
}

/// `*`, `*/n`, `a`, `a/n`, `a-b`, `a-b/n`, joined by commas; names where there are some.
fn set(field: &str, min: u32, max: u32, names: &[&str]) -> Result<Set, String> {
    let wrong = || format!("{field:?} is no field of a schedule from {min} to {max}");
    let number = |text: &str| -> Result<u32, String> {
        let name = text.to_lowercase();
        let named = names.iter().position(|known| *known == name);
        let value = match named.and_then(|index| u32::try_from(index).ok()) {
            Some(index) => min + index,
            None => text.parse().map_err(|_| wrong())?,
        };
        if (min..=max).contains(&value) {
            Ok(value)
        } else {
            Err(wrong())
        }
    };
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().map_err(|_| wrong())?)),
            None => (part, None),
        };
        if step == Some(0) {
            return Err(wrong());
        }
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((first, last)) => (number(first)?, number(last)?),
            None if step.is_some() => (number(range)?, max),
            None => (number(range)?, number(range)?),
        };
        if first > last {
            return Err(wrong());
        }
        for value in (first..=last).step_by(step.unwrap_or(1) as usize) {
            bits |= 1 << value;
        }
    }
    Ok(Set(bits))
}

/// A day later than `time`, for a schedule that never fires.
pub(crate) fn a_day_after(time: DateTime<Utc>) -> DateTime<Utc> {
    time.checked_add_days(Days::new(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("the test's time is right")
    }

    fn next(schedule: &str, after: &str) -> DateTime<Utc> {
        Schedule::parse(schedule)
            .expect("the test's schedule is right")
            .next(at(after))
            .expect("it fires")
    }

    #[test]
    fn the_next_time_is_strictly_later() {
        let minute = "0 * * * * *";
        assert_eq!(
            next(minute, "2026-01-01T00:00:00Z"),
            at("2026-01-01T00:01:00Z")
        );
        assert_eq!(
            next(minute, "2026-01-01T23:59:59.9Z"),
            at("2026-01-02T00:00:00Z")
        );
        assert_eq!(
            next("*/5 * * * * *", "2026-01-01T00:00:57.2Z"),
            at("2026-01-01T00:01:00Z")
        );
        assert_eq!(
            next("30 9 * * *", "2026-01-01T09:30:00Z"),
            at("2026-01-02T09:30:00Z")
        );
    }

    #[test]
    fn days_must_fit_both_fields_and_names_are_known() {
        assert_eq!(
            next("0 0 0 13 * Fri", "2026-01-01T00:00:00Z"),
            at("2026-02-13T00:00:00Z")
        );
        assert_eq!(
            next("0 0 12 29 feb *", "2026-01-01T00:00:00Z"),
            at("2028-02-29T12:00:00Z")
        );
        let never = Schedule::parse("0 0 0 31 2 *").expect("it can be read");
        assert_eq!(never.next(at("2026-01-01T00:00:00Z")), None);
    }

    #[test]
    fn ranges_steps_and_lists_are_read() {
        let list = set("1,5-7,10-20/5,55/2", 0, 59, &[]).expect("a field");
        let numbers: Vec<u32> = (0..60).filter(|number| list.has(*number)).collect();
        assert_eq!(numbers, [1, 5, 6, 7, 10, 15, 20, 55, 57, 59]);
        for wrong in ["60", "-1", "a", "5-1", "*/0", "", "1-", "/5"] {
            assert!(set(wrong, 0, 59, &[]).is_err(), "{wrong:?}");
        }
        assert!(Schedule::parse("* * * *").is_err());
        assert!(Schedule::parse("00:00:05").is_err());
    }

    #[test]
    fn an_overrun_fires_once_at_once_and_forgets_the_rest() {
        let minute = Schedule::parse("0 * * * * *").expect("a schedule");
        let due = at("2026-01-01T00:01:00Z");
        let in_time = at("2026-01-01T00:01:40Z");
        assert_eq!(
            minute.after_run(due, in_time),
            Some(at("2026-01-01T00:02:00Z"))
        );
        let late = at("2026-01-01T00:06:30Z");
        assert_eq!(minute.after_run(due, late), Some(late));
        let caught_up = at("2026-01-01T00:06:31Z");
        assert_eq!(
            minute.after_run(late, caught_up),
            Some(at("2026-01-01T00:07:00Z")),
            "five ticks were missed, one run makes up for them"
        );
    }

    #[test]
    fn only_schedules_within_a_minute_are_not_remembered() {
        let often = |text| {
            Schedule::parse(text)
                .expect("a schedule")
                .is_more_often_than_a_minute()
        };
        assert!(often("*/5 * * * * *"));
        assert!(!often("0 */5 * * * *"));
    }
}
