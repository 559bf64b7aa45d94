//! Functions of datetimes and timespans. All times are UTC; values outside of the years 1 to 9999
//! are null.

mod format;

use kusto_emulator_values::datetime::{self, Civil};
use kusto_emulator_values::timespan::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MICROSECOND, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE,
    TICKS_PER_SECOND,
};
use kusto_emulator_values::{ScalarType, Value};

use crate::bind::{Scalar, literal};
use crate::error::{KqlError, Result};
use crate::kernel;

use super::Arguments;

pub(super) const NAMES: &[&str] = &[
    "format_datetime",
    "format_timespan",
    "startofday",
    "startofweek",
    "startofmonth",
    "startofyear",
    "endofday",
    "endofweek",
    "endofmonth",
    "endofyear",
    "datetime_add",
    "datetime_diff",
    "datetime_part",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "getmonth",
    "monthofyear",
    "getyear",
    "hourofday",
    "make_datetime",
    "make_timespan",
    "unixtime_seconds_todatetime",
    "unixtime_milliseconds_todatetime",
    "unixtime_microseconds_todatetime",
    "unixtime_nanoseconds_todatetime",
    "week_of_year",
];

use ScalarType::{DateTime, Int, Long, Real, TimeSpan};

pub(super) fn bind(name: &str, args: &mut Arguments) -> Option<Result<Scalar>> {
    Some(match name {
        "format_datetime" | "format_timespan" => format::format(args, name),
        "startofday" | "startofweek" | "startofmonth" | "startofyear" | "endofday"
        | "endofweek" | "endofmonth" | "endofyear" => period(args, name),
        "datetime_add" => add(args),
        "datetime_diff" => difference(args),
        "datetime_part" => part(args),
        "dayofmonth" => number(args, |civil, _| civil.day),
        "dayofyear" => number(args, |_, ticks| {
            ticks / TICKS_PER_DAY - year_start(ticks) / TICKS_PER_DAY + 1
        }),
        "getmonth" | "monthofyear" => number(args, |civil, _| civil.month),
        "getyear" => number(args, |civil, _| civil.year),
        "hourofday" => number(args, |civil, _| civil.hour),
        "week_of_year" => number(args, |_, ticks| iso_week(ticks)),
        "dayofweek" => day_of_week(args),
        "make_datetime" => make_datetime(args),
        "make_timespan" => make_timespan(args),
        "unixtime_seconds_todatetime" => unix_time(args, TICKS_PER_SECOND, 1),
        "unixtime_milliseconds_todatetime" => unix_time(args, TICKS_PER_MILLISECOND, 1),
        "unixtime_microseconds_todatetime" => unix_time(args, TICKS_PER_MICROSECOND, 1),
        "unixtime_nanoseconds_todatetime" => unix_time(args, 1, 100),
        _ => return None,
    })
}

/// The tick at which a month begins, months counted from year 1.
fn month_start(months: i64) -> Option<i64> {
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    datetime::from_civil(&Civil {
        year,
        month,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        tick: 0,
    })
}

fn months_of(ticks: i64) -> i64 {
    let civil = datetime::civil(ticks);
    civil.year * 12 + civil.month - 1
}

fn year_start(ticks: i64) -> i64 {
    month_start(datetime::civil(ticks).year * 12).unwrap_or(0)
}

/// Days since Sunday. Tick 0 is a Monday.
fn weekday(ticks: i64) -> i64 {
    (ticks.div_euclid(TICKS_PER_DAY) + 1).rem_euclid(7)
}

/// `startofday(date [, offset])` and its like; `endof…` is the last tick.
fn period(args: &Arguments, name: &str) -> Result<Scalar> {
    args.count(1, 2)?;
    let offset = if args.len() == 2 {
        args.typed(1, Long)?
    } else {
        literal(Value::Long(0)).expr
    };
    let (end, unit) = match name.strip_prefix("startof") {
        Some(unit) => (false, unit),
        None => (true, name.trim_start_matches("endof")),
    };
    let unit = unit.to_owned();
    let expr = kernel::call(
        name,
        DateTime,
        vec![args.typed(0, DateTime)?, offset],
        move |columns| {
            let (dates, offsets) = (columns.long(0)?, columns.long(1)?);
            columns.longs(|row| {
                let (ticks, offset) = (
                    dates.get(row)?,
                    offsets.get(row)?.checked_add(i64::from(end))?,
                );
                let days = ticks.div_euclid(TICKS_PER_DAY);
                let start = match unit.as_str() {
                    "day" => days.checked_add(offset)?.checked_mul(TICKS_PER_DAY)?,
                    "week" => (days - weekday(ticks))
                        .checked_add(offset.checked_mul(7)?)?
                        .checked_mul(TICKS_PER_DAY)?,
                    "month" => month_start_or_end(months_of(ticks).checked_add(offset)?)?,
                    _ => month_start_or_end(
                        datetime::civil(ticks)
                            .year
                            .checked_add(offset)?
                            .checked_mul(12)?,
                    )?,
                };
                Some(if end { start - 1 } else { start }).filter(|ticks| datetime::in_range(*ticks))
            })
        },
    );
    Ok(args.result(expr, DateTime))
}

/// As [`month_start`]; the month behind the last one begins behind the last tick.
fn month_start_or_end(months: i64) -> Option<i64> {
    if months == 10_000 * 12 {
        Some(datetime::MAX + 1)
    } else {
        month_start(months)
    }
}

/// A period's name as a literal: `'day'`, `'month'`, …
fn period_name(args: &Arguments) -> Result<String> {
    let name = args.get(0)?.literal_text().map(str::to_ascii_lowercase);
    name.ok_or_else(|| {
        KqlError::semantic(
            "SEM0019",
            format!("{}(): the period must be a literal", args.name),
        )
    })
}

/// Ticks of a period of fixed length.
fn fixed(period: &str) -> Option<i64> {
    Some(match period {
        "week" => 7 * TICKS_PER_DAY,
        "day" => TICKS_PER_DAY,
        "hour" => TICKS_PER_HOUR,
        "minute" => TICKS_PER_MINUTE,
        "second" => TICKS_PER_SECOND,
        "millisecond" => TICKS_PER_MILLISECOND,
        "microsecond" => TICKS_PER_MICROSECOND,
        _ => return None,
    })
}

fn months(period: &str) -> Option<i64> {
    match period {
        "year" => Some(12),
        "quarter" => Some(3),
        "month" => Some(1),
        _ => None,
    }
}

fn unknown_period(args: &Arguments, period: &str) -> KqlError {
    KqlError::unsupported(format!("{}() by '{period}'", args.name))
}

/// `datetime_add(period, amount, date)`; the day is cut to the month's last.
fn add(args: &Arguments) -> Result<Scalar> {
    args.count(3, 3)?;
    let period = period_name(args)?;
    let (unit, whole) = match (fixed(&period), months(&period)) {
        (Some(unit), _) => (unit, false),
        (None, Some(months)) => (months, true),
        (None, None) => return Err(unknown_period(args, &period)),
    };
    let values = vec![args.typed(1, Long)?, args.typed(2, DateTime)?];
    let expr = kernel::call(
        format!("datetime_add_{period}"),
        DateTime,
        values,
        move |columns| {
            let (amounts, dates) = (columns.long(0)?, columns.long(1)?);
            columns.longs(|row| {
                let (amount, ticks) = (amounts.get(row)?.checked_mul(unit)?, dates.get(row)?);
                let sum = if whole {
                    add_months(ticks, amount)?
                } else {
                    ticks.checked_add(amount)?
                };
                Some(sum).filter(|ticks| datetime::in_range(*ticks))
            })
        },
    );
    Ok(args.result(expr, DateTime))
}

fn add_months(ticks: i64, amount: i64) -> Option<i64> {
    let target = months_of(ticks).checked_add(amount)?;
    let civil = datetime::civil(ticks);
    let (year, month) = (target.div_euclid(12), target.rem_euclid(12) + 1);
    let day = civil.day.min(datetime::days_in_month(year, month));
    datetime::from_civil(&Civil {
        year,
        month,
        day,
        ..civil
    })
}

/// `datetime_diff(period, a, b)`: borders of the period between them, `a - b`.
fn difference(args: &Arguments) -> Result<Scalar> {
    args.count(3, 3)?;
    let period = period_name(args)?;
    let (fixed, months) = (fixed(&period), months(&period));
    let nanosecond = period == "nanosecond";
    if fixed.is_none() && months.is_none() && !nanosecond {
        return Err(unknown_period(args, &period));
    }
    let week = period == "week";
    let values = vec![args.typed(1, DateTime)?, args.typed(2, DateTime)?];
    let expr = kernel::call(
        format!("datetime_diff_{period}"),
        Long,
        values,
        move |columns| {
            let (left, right) = (columns.long(0)?, columns.long(1)?);
            let place = |ticks: i64| match (fixed, months) {
                // Weeks begin on Sunday.
                (Some(_), _) if week => (ticks + TICKS_PER_DAY).div_euclid(7 * TICKS_PER_DAY),
                (Some(unit), _) => ticks.div_euclid(unit),
                (None, Some(months)) => months_of(ticks).div_euclid(months),
                (None, None) => ticks,
            };
            columns.longs(|row| {
                let steps = place(left.get(row)?) - place(right.get(row)?);
                if nanosecond {
                    steps.checked_mul(100)
                } else {
                    Some(steps)
                }
            })
        },
    );
    Ok(args.result(expr, Long))
}

/// `datetime_part(part, date)`
fn part(args: &Arguments) -> Result<Scalar> {
    args.count(2, 2)?;
    let period = period_name(args)?;
    let read: fn(&Civil, i64) -> i64 = match period.as_str() {
        "year" => |civil, _| civil.year,
        "quarter" => |civil, _| (civil.month - 1) / 3 + 1,
        "month" => |civil, _| civil.month,
        "week_of_year" => |_, ticks| iso_week(ticks),
        "day" => |civil, _| civil.day,
        "dayofyear" => |_, ticks| ticks / TICKS_PER_DAY - year_start(ticks) / TICKS_PER_DAY + 1,
        "hour" => |civil, _| civil.hour,
        "minute" => |civil, _| civil.minute,
        "second" => |civil, _| civil.second,
        "millisecond" => |civil, _| civil.tick / TICKS_PER_MILLISECOND,
        "microsecond" => |civil, _| civil.tick / TICKS_PER_MICROSECOND,
        "nanosecond" => |civil, _| civil.tick * 100,
        other => return Err(unknown_period(args, other)),
    };
    let values = vec![args.typed(1, DateTime)?];
    let expr = kernel::call(
        format!("datetime_part_{period}"),
        Int,
        values,
        move |columns| {
            let dates = columns.long(0)?;
            columns.ints(|row| {
                let ticks = dates.get(row)?;
                i32::try_from(read(&datetime::civil(ticks), ticks)).ok()
            })
        },
    );
    Ok(args.result(expr, Int))
}

/// ISO 8601: weeks begin on Monday, the first has the year's first Thursday.
fn iso_week(ticks: i64) -> i64 {
    let days = ticks.div_euclid(TICKS_PER_DAY);
    let thursday = (days - days.rem_euclid(7) + 3) * TICKS_PER_DAY;
    (thursday - year_start(thursday)) / (7 * TICKS_PER_DAY) + 1
}

fn number(args: &Arguments, read: fn(&Civil, i64) -> i64) -> Result<Scalar> {
    let values = args.all_typed(&[DateTime])?;
    let expr = kernel::call(args.name.clone(), Int, values, move |columns| {
        let dates = columns.long(0)?;
        columns.ints(|row| {
            let ticks = dates.get(row)?;
            i32::try_from(read(&datetime::civil(ticks), ticks)).ok()
        })
    });
    Ok(args.result(expr, Int))
}

/// Whole days since the Sunday before, as a timespan.
fn day_of_week(args: &Arguments) -> Result<Scalar> {
    let values = args.all_typed(&[DateTime])?;
    let expr = kernel::call("dayofweek", TimeSpan, values, |columns| {
        let dates = columns.long(0)?;
        columns.longs(|row| dates.get(row).map(|ticks| weekday(ticks) * TICKS_PER_DAY))
    });
    Ok(args.result(expr, TimeSpan))
}

/// `make_datetime(year, month, day [, hour, minute [, second]])`
fn make_datetime(args: &Arguments) -> Result<Scalar> {
    args.count(3, 6)?;
    let mut values = Vec::new();
    for at in 0..args.len().min(5) {
        values.push(args.typed(at, Long)?);
    }
    values.resize(5, literal(Value::Long(0)).expr);
    values.push(if args.len() == 6 {
        args.typed(5, Real)?
    } else {
        literal(Value::Real(0.0)).expr
    });
    let expr = kernel::call("make_datetime", DateTime, values, |columns| {
        let parts = (0..5)
            .map(|at| columns.long(at))
            .collect::<datafusion::common::Result<Vec<_>>>()?;
        let seconds = columns.real(5)?;
        columns.longs(|row| {
            let at = |place: usize| parts[place].get(row);
            let second = seconds.get(row)?;
            let ticks = super::conversion::cut((second * 1e7).round())?;
            let day = Civil {
                year: at(0)?,
                month: at(1)?,
                day: at(2)?,
                hour: at(3)?,
                minute: at(4)?,
                second: 0,
                tick: 0,
            };
            let fits = (0..60 * TICKS_PER_SECOND).contains(&ticks);
            datetime::from_civil(&day)
                .filter(|_| fits)
                .map(|start| start + ticks)
        })
    });
    Ok(args.result(expr, DateTime))
}

/// `make_timespan([day,] hour, minute [, second])`
fn make_timespan(args: &Arguments) -> Result<Scalar> {
    args.count(2, 4)?;
    let day = usize::from(args.len() == 4);
    let zero = literal(Value::Long(0)).expr;
    let mut values = vec![if day == 1 { args.typed(0, Long)? } else { zero }];
    values.push(args.typed(day, Long)?);
    values.push(args.typed(day + 1, Long)?);
    let has_second = args.len() > 2;
    values.push(if has_second {
        args.typed(day + 2, Real)?
    } else {
        literal(Value::Real(0.0)).expr
    });
    let expr = kernel::call("make_timespan", TimeSpan, values, |columns| {
        let (days, hours, minutes, seconds) = (
            columns.long(0)?,
            columns.long(1)?,
            columns.long(2)?,
            columns.real(3)?,
        );
        columns.longs(|row| {
            let (hour, minute) = (hours.get(row)?, minutes.get(row)?);
            let ticks = super::conversion::cut((seconds.get(row)? * 1e7).round())?;
            let fits = (0..24).contains(&hour)
                && (0..60).contains(&minute)
                && (0..60 * TICKS_PER_SECOND).contains(&ticks);
            let days = days.get(row)?.checked_mul(TICKS_PER_DAY)?;
            fits.then(|| days + hour * TICKS_PER_HOUR + minute * TICKS_PER_MINUTE + ticks)
        })
    });
    Ok(args.result(expr, TimeSpan))
}

/// Takes a real, as documented, and a long exactly.
fn unix_time(args: &Arguments, ticks_per_unit: i64, units_per_tick: i64) -> Result<Scalar> {
    args.count(1, 1)?;
    let in_range = |ticks: i64| Some(ticks).filter(|ticks| datetime::in_range(*ticks));
    let name = args.name.clone();
    if matches!(args.ty(0)?, Int | Long) {
        let expr = kernel::call(name, DateTime, vec![args.typed(0, Long)?], move |columns| {
            let values = columns.long(0)?;
            columns.longs(|row| {
                let ticks = values
                    .get(row)?
                    .checked_mul(ticks_per_unit)?
                    .div_euclid(units_per_tick);
                in_range(ticks.checked_add(datetime::UNIX_EPOCH)?)
            })
        });
        return Ok(args.result(expr, DateTime));
    }
    let expr = kernel::call(
        format!("{name}_real"),
        DateTime,
        vec![args.typed(0, Real)?],
        move |columns| {
            let values = columns.real(0)?;
            let factor = super::conversion::as_real(ticks_per_unit)
                / super::conversion::as_real(units_per_tick);
            columns.longs(|row| {
                let ticks = super::conversion::cut((values.get(row)? * factor).round())?;
                in_range(ticks.checked_add(datetime::UNIX_EPOCH)?)
            })
        },
    );
    Ok(args.result(expr, DateTime))
}
