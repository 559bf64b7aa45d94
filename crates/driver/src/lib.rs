//! Runs the core against real clusters: load, observe, decide, commit intent, act, record.
