//! Every bound of the core, as data. Defaults follow `KUSTO_COMMANDS.md` §0 and DESIGN §4-§5.

use serde::{Deserialize, Serialize};

use crate::poll::PollPolicy;

/// How far a block's values are checked before it is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// Row counts only.
    Counts,
    /// Row counts, and no value may exist that its text cannot carry.
    Values,
    /// As `Values`, and the content fingerprint of the staged rows equals the source's.
    Fingerprint,
}

/// Which end of a table's window is planned first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOrder {
    /// From the oldest rows up.
    OldestFirst,
    /// From the newest rows down, so that a replica is useful early.
    NewestFirst,
}

/// Ids of extents that a block's entity can list.
pub const MOVE_EXTENTS_AT_MOST: usize = 800;

/// Limits and settings of the core.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Rows of a block at most (soft where one instant is denser).
    pub block_rows: u64,
    /// Bytes of a block at most, by the source's original size.
    pub block_bytes: u64,
    /// Blocks of the job that are planned and unfinished at most; planning waits above.
    pub active_blocks: usize,
    /// Blocks inserted by one plan transaction at most (98 fit beside the head).
    pub blocks_per_plan: usize,
    /// Members of a group at most; blocks grow beyond their size instead.
    pub group_members: usize,
    /// Extent ids in one predicate at most.
    pub extents_per_slice: usize,
    /// Time bins of one planning query.
    pub bins: i64,
    /// Rows of one planning slice to aim for.
    pub slice_rows: u64,
    /// Blocks of at most so many rows go by the synchronous commands.
    pub small_rows: u64,
    /// Failed attempts of a block before it is held.
    pub failures: u32,
    /// Extents in one `.move extents` at most, and of one block: a block moves in one command,
    /// which is all or nothing. The service documents no bound; an entity lists up to
    /// [`MOVE_EXTENTS_AT_MOST`].
    pub move_extents: usize,
    /// Up to so many extents are moved synchronously.
    pub sync_move_extents: usize,
    /// Blocks of one ledger object; a power of two below 99.
    pub unit_blocks: u32,
    /// Milliseconds after which a command of ours can no longer run: the service's limit of one
    /// hour and a margin.
    pub operation_timeout: u64,
    /// Milliseconds that an operation may stay invisible in the log after its start.
    pub operation_visibility: u64,
    /// Milliseconds after the end of a table's tidying until what late commands may have left is
    /// deleted once more.
    pub sweep_after: u64,
    /// Milliseconds after a row's commit until it has its cursor for certain.
    pub cursor_delay: u64,
    /// Milliseconds after which every table is proven idle again, whatever metadata say.
    pub prove_every: u64,
    /// Milliseconds to wait after a throttled start.
    pub throttle_pause: u64,
    /// Milliseconds between two tries of something that failed for a passing reason.
    pub retry_pause: u64,
    /// How blocks are verified.
    pub verify: Verify,
    /// Which rows of a table come first.
    pub plan_order: PlanOrder,
    /// When running operations are looked at.
    pub poll: PollPolicy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_rows: 16_000_000,
            block_bytes: 1 << 30,
            active_blocks: 1_000,
            blocks_per_plan: 90,
            group_members: 40,
            extents_per_slice: 500,
            bins: 1_000,
            slice_rows: 1_000_000_000,
            small_rows: 100_000,
            failures: 6,
            move_extents: 500,
            sync_move_extents: 100,
            unit_blocks: 64,
            operation_timeout: 65 * 60_000,
            operation_visibility: 60_000,
            cursor_delay: 6 * 60_000,
            prove_every: 60 * 60_000,
            sweep_after: 65 * 60_000,
            throttle_pause: 5_000,
            retry_pause: 2_000,
            verify: Verify::Values,
            plan_order: PlanOrder::OldestFirst,
            poll: PollPolicy::default(),
        }
    }
}
