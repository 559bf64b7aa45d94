//! Settings as `key=value`: bounds of the copier that have no flag of their own.

use std::str::FromStr;

use kusto_copy_core::limits::{Limits, PlanOrder, Verify};
#[cfg(feature = "emulator")]
use serde_json::Value;

use super::exit::Failure;

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// What is set; dots lead into nested settings.
    pub(crate) key: String,
    /// Its value as written.
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok(Self {
                key: key.trim().to_owned(),
                value: value.to_owned(),
            }),
            Some(_) | None => Err("write it as key=value".to_owned()),
        }
    }
}

/// A JSON object with several settings.
#[cfg(feature = "emulator")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document(pub(crate) Value);

#[cfg(feature = "emulator")]
impl FromStr for Document {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            Ok(_) | Err(_) => Err("write a JSON object like {\"cursor_lag_ms\":200}".to_owned()),
        }
    }
}

/// What `--set` knows, for its help and its refusal.
pub(crate) const KEYS: [&str; 22] = [
    "active_blocks",
    "bins",
    "block_bytes",
    "block_rows",
    "blocks_per_plan",
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
    "retry_pause",
    "slice_rows",
    "small_rows",
    "sync_move_extents",
    "throttle_pause",
    "unit_blocks",
    "verify",
];

/// Changes one bound.
///
/// # Errors
/// An unknown key, a value of the wrong kind, or one outside of what the copier can work with.
pub(crate) fn set(limits: &mut Limits, assignment: &Assignment) -> Result<(), Failure> {
    let Assignment { key, value } = assignment;
    match key.as_str() {
        "active_blocks" => limits.active_blocks = at_least(assignment, 1)?,
        "bins" => limits.bins = at_least(assignment, 1)?,
        "block_bytes" => limits.block_bytes = at_least(assignment, 1)?,
        "block_rows" => limits.block_rows = at_least(assignment, 1)?,
        "blocks_per_plan" => limits.blocks_per_plan = between(assignment, 1, 98)?,
        "extents_per_slice" => limits.extents_per_slice = at_least(assignment, 1)?,
        "failures" => limits.failures = at_least(assignment, 1)?,
        "group_members" => limits.group_members = between(assignment, 1, 98)?,
        "move_extents" => limits.move_extents = at_least(assignment, 1)?,
        "operation_timeout" => limits.operation_timeout = at_least(assignment, 1)?,
        "operation_visibility" => limits.operation_visibility = at_least(assignment, 0)?,
        "plan_order" => limits.plan_order = word::<PlanOrder>(assignment)?,
        "poll.max" => limits.poll.max = at_least(assignment, 1)?,
        "poll.min" => limits.poll.min = at_least(assignment, 1)?,
        "poll.share" => limits.poll.share = share(assignment)?,
        "retry_pause" => limits.retry_pause = at_least(assignment, 0)?,
        "slice_rows" => limits.slice_rows = at_least(assignment, 1)?,
        "small_rows" => limits.small_rows = at_least(assignment, 0)?,
        "sync_move_extents" => limits.sync_move_extents = at_least(assignment, 0)?,
        "throttle_pause" => limits.throttle_pause = at_least(assignment, 0)?,
        "unit_blocks" => limits.unit_blocks = power_of_two(assignment)?,
        "verify" => limits.verify = word::<Verify>(assignment)?,
        _ => {
            return Err(
                Failure::usage(format!("`--set {key}={value}`: there is no such setting"))
                    .remedy(format!("use one of {}", KEYS.join(", "))),
            );
        }
    }
    Ok(())
}

fn wrong(assignment: &Assignment, expected: &str) -> Failure {
    let Assignment { key, value } = assignment;
    Failure::usage(format!(
        "`--set {key}={value}`: the value is not {expected}"
    ))
    .remedy(format!("give `{key}` {expected}"))
}

fn number<T: FromStr>(assignment: &Assignment) -> Option<T> {
    assignment.value.trim().replace('_', "").parse().ok()
}

fn at_least<T: FromStr + PartialOrd + std::fmt::Display>(
    assignment: &Assignment,
    least: T,
) -> Result<T, Failure> {
    match number::<T>(assignment) {
        Some(value) if value >= least => Ok(value),
        Some(_) | None => Err(wrong(
            assignment,
            &format!("a whole number from {least} on"),
        )),
    }
}

fn between(assignment: &Assignment, least: usize, most: usize) -> Result<usize, Failure> {
    match number(assignment) {
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(_) | None => Err(wrong(
            assignment,
            &format!("a whole number from {least} to {most}"),
        )),
    }
}

fn power_of_two(assignment: &Assignment) -> Result<u32, Failure> {
    match number::<u32>(assignment) {
        Some(value) if value.is_power_of_two() && value < 99 => Ok(value),
        Some(_) | None => Err(wrong(assignment, "a power of two below 99")),
    }
}

fn share(assignment: &Assignment) -> Result<f64, Failure> {
    match number::<f64>(assignment) {
        Some(value) if (0.0..=1.0).contains(&value) => Ok(value),
        Some(_) | None => Err(wrong(assignment, "a number from 0 to 1")),
    }
}

fn word<T: serde::de::DeserializeOwned>(assignment: &Assignment) -> Result<T, Failure> {
    serde_json::from_value(assignment.value.trim().into())
        .map_err(|error| wrong(assignment, "one of its words").because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        set(&mut limits, &text.parse().map_err(Failure::usage)?)?;
        Ok(limits)
    }

    #[test]
    fn every_listed_key_is_known() {
        for key in KEYS {
            let value = match key {
                "plan_order" => "newest_first",
                "verify" => "counts",
                "poll.share" => "0.5",
                _ => "8",
            };
            let assignment = format!("{key}={value}");
            assert_ne!(apply(&assignment), Ok(Limits::default()), "{assignment}");
        }
    }

    #[test]
    fn wrong_keys_and_values_are_refused() {
        for text in [
            "blocks=1",
            "=1",
            "block_rows",
            "block_rows=0",
            "block_rows=many",
            "unit_blocks=128",
            "unit_blocks=3",
            "poll.share=2",
            "poll.share=NaN",
            "verify=all",
            "blocks_per_plan=99",
        ] {
            assert!(apply(text).is_err(), "{text}");
        }
        assert_eq!(
            apply("block_rows=1_000").map(|limits| limits.block_rows),
            Ok(1_000)
        );
    }
}
