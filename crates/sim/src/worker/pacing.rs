//! Loops at fixed intervals, as the peer has them: what is due waits for its loop's next turn.

use kusto_copy_core::decide::Action;

/// Intervals of loops, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Pacing {
    /// Preparation and planning.
    pub plan: u64,
    /// Starting exports.
    pub export: u64,
    /// Starting ingestions.
    pub ingest: u64,
    /// Starting moves.
    pub shift: u64,
    /// Reconciling and committing.
    pub finish: u64,
    /// Looking at operations.
    pub look: u64,
}

impl Pacing {
    /// The peer's loops.
    pub const PEER: Self = Self {
        plan: 5_000,
        export: 5_000,
        ingest: 10_000,
        shift: 15_000,
        finish: 20_000,
        look: 10_000,
    };

    /// The interval of an action's loop.
    #[must_use]
    pub const fn of(&self, action: &Action) -> u64 {
        match action {
            Action::Prepare | Action::Plan | Action::Replan { .. } => self.plan,
            Action::Export { .. } | Action::CheckValues { .. } | Action::Recount { .. } => {
                self.export
            }
            Action::Ingest { .. } | Action::DropStaged { .. } => self.ingest,
            Action::Move { .. } | Action::LookMove { .. } => self.shift,
            Action::ReadExport { .. } | Action::ReadIngest { .. } | Action::ReadMove { .. } => {
                self.look
            }
            Action::Reconcile | Action::Fold { .. } | Action::DropStaging { .. } => self.finish,
        }
    }
}

/// How long until the next turn of a loop.
#[must_use]
pub const fn until_turn(now: u64, interval: u64) -> u64 {
    if interval == 0 {
        0
    } else {
        (interval - now % interval) % interval
    }
}
