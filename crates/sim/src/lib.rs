//! A model of two clusters in simulated time: whole replications by the core, thousands per
//! second, with everything that may go wrong, checked after every step by code of its own.
//!
//! | module | what it holds |
//! |---|---|
//! | [`clock`] | simulated time and its tasks |
//! | [`model`] | source, lake, destination, progress store, operations and faults |
//! | [`checker`] | the fifteen invariants |
//! | [`worker`] | simulated workers: killed anywhere, stale, two at once |
//! | [`schedule`] | the same operations without any delay, to compare with |
//! | [`history`] | random histories, each from one seed |

pub mod checker;
pub mod clock;
pub mod history;
pub mod model;
pub mod schedule;
pub mod worker;
