//! An embedded Kusto-compatible cluster for tests and demonstrations.
