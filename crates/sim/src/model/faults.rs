//! What goes wrong, and how often.

/// Probabilities (of one call or operation) and times, milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// A query or a short command is refused for a passing reason.
    pub transient: f64,
    /// A short command's answer is lost after it took effect.
    pub lost_short: f64,
    /// A start is throttled though there are slots.
    pub throttled: f64,
    /// A command never arrives, and nobody says so.
    pub never_arrives: f64,
    /// A command arrives late, after its sender gave up.
    pub late: f64,
    /// A late command's delay at most.
    pub late_by: u64,
    /// A command is delivered twice.
    pub twice: f64,
    /// The answer of a command that runs is lost.
    pub lost_answer: f64,
    /// An operation fails, leaving what it did so far.
    pub fails: f64,
    /// An operation runs into its time limit.
    pub times_out: f64,
    /// An export reports no files.
    pub no_files: f64,
    /// An ingestion loads one file twice and another, equal-sized or not, not at all.
    pub file_twice: f64,
    /// A store commit's answer is lost.
    pub ambiguous: f64,
    /// A store commit is refused for a passing reason.
    pub store_down: f64,
    /// The log forgets an operation early.
    pub forgets: f64,
}

impl Faults {
    /// A bad day.
    #[must_use]
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        let mut some = |most: f64| if rng.bool() { rng.f64() * most } else { 0.0 };
        Self {
            transient: some(0.1),
            lost_short: some(0.05),
            throttled: some(0.2),
            never_arrives: some(0.05),
            late: some(0.08),
            late_by: 20 * 60_000,
            twice: some(0.1),
            lost_answer: some(0.1),
            fails: some(0.12),
            times_out: some(0.05),
            no_files: some(0.08),
            file_twice: some(0.1),
            ambiguous: some(0.05),
            store_down: some(0.05),
            forgets: some(0.05),
        }
    }
}
