//! Faults on demand: rules that say which requests go wrong, how, how often and with what chance.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Before executing: HTTP 429; an asynchronous command follows the `throttling` setting.
    Throttle,
    /// Executes, then cuts the connection instead of answering.
    LoseAnswer,
    /// Cuts the connection before executing.
    DropConnection,
    /// Before executing: waits `delay_ms`.
    Delay,
    /// An export writes about half of its files, then fails; the files stay.
    FailExportHalf,
    /// An ingestion takes one file twice and, if it can, leaves out another of the same size.
    DeliverTwice,
    /// An operation ends in state `Failed` without any effect.
    FailOperation,
    /// An operation does all of its work, and ends in state `Failed` all the same.
    FailAfterEffect,
    /// An operation ends in state `Failed` at once, and does all of its work `delay_ms` later.
    LateEffect,
    /// An ingestion leaves out the last of its files and says `HasErrors`.
    PartialIngestion,
    /// A move of extents moves none and answers `Failed` for each.
    FailMovedRows,
    /// An operation does its work and answers no rows.
    EmptyResult,
    /// A query or a command answers HTTP 200 with the failure inside.
    #[serde(rename = "error_in_200")]
    ErrorIn200,
    /// Before executing: HTTP 520, worth a retry.
    ServiceError,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only for requests of these kinds (`ExportToStorage`, `Query`, …); a trailing `*` matches a
    /// prefix; empty means all.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Only for requests whose text contains this.
    #[serde(default)]
    pub text_contains: Option<String>,
    /// Chance for each request, 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// How often at most; `None` is without end.
    #[serde(default)]
    pub count: Option<u64>,
    /// How many matching requests pass before the rule holds.
    #[serde(default)]
    pub after: u64,
    /// Length of a `delay`.
    #[serde(default)]
    pub delay_ms: u64,
}

fn always() -> f64 {
    1.0
}

#[derive(Debug)]
struct State {
    rules: Vec<Held>,
    random: fastrand::Rng,
}

#[derive(Clone, Debug, Serialize)]
struct Held {
    #[serde(flatten)]
    rule: FaultRule,
    matched: u64,
    applied: u64,
}

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<State>);

impl Faults {
    /// No faults; `seed` decides chances.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            rules: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
        }))
    }

    /// Replaces all rules; an empty list ends all faults.
    pub(crate) fn replace(&self, rules: Vec<FaultRule>, seed: Option<u64>) {
        let mut state = self.state();
        if let Some(seed) = seed {
            state.random = fastrand::Rng::with_seed(seed);
        }
        state.rules = rules
            .into_iter()
            .map(|rule| Held {
                rule,
                matched: 0,
                applied: 0,
            })
            .collect();
    }

    /// Whether this fault strikes a request of this kind and text now, and by which rule. Counts
    /// as applied.
    pub(crate) fn strike(&self, kind: FaultKind, command: &str, text: &str) -> Option<FaultRule> {
        let state = &mut *self.state();
        for held in &mut state.rules {
            if held.rule.kind != kind || !held.rule.is_about(command, text) {
                continue;
            }
            held.matched += 1;
            let is_over = held.rule.count.is_some_and(|count| held.applied >= count);
            if is_over || held.matched <= held.rule.after {
                continue;
            }
            if state.random.f64() < held.rule.probability {
                held.applied += 1;
                return Some(held.rule.clone());
            }
        }
        None
    }

    /// The rules with how often each matched and struck.
    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::to_value(&self.state().rules).unwrap_or_default()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultRule {
    fn is_about(&self, command: &str, text: &str) -> bool {
        let is_named = self.commands.is_empty()
            || self
                .commands
                .iter()
                .any(|pattern| match pattern.strip_suffix('*') {
                    Some(prefix) => command.starts_with(prefix),
                    None => command == pattern,
                });
        is_named
            && self
                .text_contains
                .as_ref()
                .is_none_or(|part| text.contains(part.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(document: serde_json::Value) -> FaultRule {
        serde_json::from_value(document).expect("the rule is well formed")
    }

    #[test]
    fn a_rule_strikes_its_commands_only_and_as_often_as_told() {
        let faults = Faults::new(1);
        faults.replace(
            vec![rule(
                serde_json::json!({"kind": "throttle", "commands": ["Ingest*"], "count": 2, "after": 1}),
            )],
            None,
        );
        let strike = |command| {
            faults
                .strike(FaultKind::Throttle, command, "text")
                .is_some()
        };
        let ingest = [(); 4].map(|()| strike("IngestIntoTable"));
        assert_eq!(ingest, [false, true, true, false]);
        assert!(!strike("ExportToStorage"));
        assert!(
            faults
                .strike(FaultKind::Delay, "IngestIntoTable", "")
                .is_none()
        );
    }

    #[test]
    fn the_same_seed_strikes_the_same_requests() {
        let struck = |seed| {
            let faults = Faults::new(0);
            faults.replace(
                vec![rule(
                    serde_json::json!({"kind": "lose_answer", "probability": 0.5}),
                )],
                Some(seed),
            );
            (0..64)
                .map(|_| faults.strike(FaultKind::LoseAnswer, "Query", "").is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
    }

    #[test]
    fn a_misspelt_rule_is_refused() {
        let refused = serde_json::from_value::<FaultRule>(
            serde_json::json!({"kind": "throttle", "propability": 1}),
        );
        assert!(refused.is_err());
    }
}
