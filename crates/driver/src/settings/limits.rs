//! The core's bounds as `key` and `value`.

use std::fmt::Display;
use std::str::FromStr;

use kusto_copy_core::limits::{Limits, MOVE_EXTENTS_AT_MOST, PlanOrder, Verify};
use serde::de::DeserializeOwned;

/// Every key that [`set`] knows.
pub const KEYS: [&str; 25] = [
    "active_blocks",
    "bins",
    "block_bytes",
    "block_rows",
    "blocks_per_plan",
    "cursor_delay",
    "extents_per_slice",
    "failures",
    "group_members",
    "move_extents",
    "operation_timeout",
    "operation_visibility",
    "plan_order",
    "poll.max",
    "poll.min",
    "poll.share",
    "prove_every",
    "retry_pause",
    "slice_rows",
    "small_rows",
    "sweep_after",
    "sync_move_extents",
    "throttle_pause",
    "unit_blocks",
    "verify",
];

/// Why a bound cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No bound has this key.
    #[error("there is no such setting")]
    Unknown,
    /// The value does not fit.
    #[error("the value is not {expected}")]
    Value {
        /// What fits.
        expected: String,
    },
}

impl LimitError {
    /// What the user can do, in one sentence.
    #[must_use]
    pub fn remedy(&self, key: &str) -> String {
        match self {
            Self::Unknown => format!("use one of {}", KEYS.join(", ")),
            Self::Value { expected } => format!("give `{key}` {expected}"),
        }
    }
}

/// Changes one bound.
///
/// # Errors
/// An unknown key, a value of the wrong kind, or one outside of what the copier can work with.
pub fn set(limits: &mut Limits, key: &str, value: &str) -> Result<(), LimitError> {
    match key {
        "active_blocks" => limits.active_blocks = at_least(value, 1)?,
        "bins" => limits.bins = at_least(value, 1)?,
        "block_bytes" => limits.block_bytes = at_least(value, 1)?,
        "block_rows" => limits.block_rows = at_least(value, 1)?,
        "blocks_per_plan" => limits.blocks_per_plan = between(value, 1, 98)?,
        "cursor_delay" => limits.cursor_delay = at_least(value, 0)?,
        "extents_per_slice" => limits.extents_per_slice = at_least(value, 1)?,
        "failures" => limits.failures = at_least(value, 1)?,
        "group_members" => limits.group_members = between(value, 1, 98)?,
        "move_extents" => limits.move_extents = between(value, 100, MOVE_EXTENTS_AT_MOST)?,
        "operation_timeout" => limits.operation_timeout = at_least(value, 1)?,
        "operation_visibility" => limits.operation_visibility = at_least(value, 0)?,
        "plan_order" => limits.plan_order = word::<PlanOrder>(value)?,
        "poll.max" => limits.poll.max = at_least(value, 1)?,
        "poll.min" => limits.poll.min = at_least(value, 1)?,
        "poll.share" => limits.poll.share = share(value)?,
        "prove_every" => limits.prove_every = at_least(value, 0)?,
        "retry_pause" => limits.retry_pause = at_least(value, 0)?,
        "slice_rows" => limits.slice_rows = at_least(value, 1)?,
        "small_rows" => limits.small_rows = at_least(value, 0)?,
        "sweep_after" => limits.sweep_after = at_least(value, 0)?,
        "sync_move_extents" => limits.sync_move_extents = at_least(value, 0)?,
        "throttle_pause" => limits.throttle_pause = at_least(value, 0)?,
        "unit_blocks" => limits.unit_blocks = power_of_two(value)?,
        "verify" => limits.verify = word::<Verify>(value)?,
        _ => return Err(LimitError::Unknown),
    }
    Ok(())
}

fn wrong(expected: impl Into<String>) -> LimitError {
    LimitError::Value {
        expected: expected.into(),
    }
}

fn number<T: FromStr>(value: &str) -> Option<T> {
    value.trim().replace('_', "").parse().ok()
}

fn at_least<T: FromStr + PartialOrd + Display>(value: &str, least: T) -> Result<T, LimitError> {
    match number::<T>(value) {
        Some(value) if value >= least => Ok(value),
        Some(_) | None => Err(wrong(format!("a whole number from {least} on"))),
    }
}

fn between(value: &str, least: usize, most: usize) -> Result<usize, LimitError> {
    match number(value) {
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(_) | None => Err(wrong(format!("a whole number from {least} to {most}"))),
    }
}

fn power_of_two(value: &str) -> Result<u32, LimitError> {
    match number::<u32>(value) {
        Some(value) if value.is_power_of_two() && value < 99 => Ok(value),
        Some(_) | None => Err(wrong("a power of two below 99")),
    }
}

fn share(value: &str) -> Result<f64, LimitError> {
    match number::<f64>(value) {
        Some(value) if (0.0..=1.0).contains(&value) => Ok(value),
        Some(_) | None => Err(wrong("a number from 0 to 1")),
    }
}

fn word<T: DeserializeOwned>(value: &str) -> Result<T, LimitError> {
    // serde names the words that there are.
    serde_json::from_value(value.trim().into())
        .map_err(|error| wrong(format!("one of its words: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(key: &str, value: &str) -> Result<Limits, LimitError> {
        let mut limits = Limits::default();
        set(&mut limits, key, value)?;
        Ok(limits)
    }

    #[test]
    fn every_listed_key_is_known() {
        for key in KEYS {
            let value = match key {
                "plan_order" => "newest_first",
                "verify" => "counts",
                "poll.share" => "0.5",
                "move_extents" => "200",
                _ => "8",
            };
            assert_ne!(apply(key, value), Ok(Limits::default()), "{key}={value}");
        }
    }

    #[test]
    fn wrong_keys_and_values_are_refused() {
        for (key, value) in [
            ("blocks", "1"),
            ("", "1"),
            ("block_rows", "0"),
            ("block_rows", "many"),
            ("unit_blocks", "128"),
            ("unit_blocks", "3"),
            ("poll.share", "2"),
            ("poll.share", "NaN"),
            ("verify", "all"),
            ("blocks_per_plan", "99"),
            ("move_extents", "1"),
            ("move_extents", "801"),
        ] {
            let error = apply(key, value).expect_err("it must be refused");
            assert!(!error.remedy(key).is_empty(), "{key}={value}");
        }
        assert_eq!(
            apply("block_rows", "1_000").map(|limits| limits.block_rows),
            Ok(1_000)
        );
    }
}
