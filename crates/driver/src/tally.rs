//! What reports tell of an activity's blocks, counted one by one: whoever reads them page by page
//! holds none of them.

use std::collections::BTreeMap;

use kusto_copy_core::activity::{Activity, ActivityState};
use kusto_copy_core::block::{Block, BlockState};
use kusto_copy_core::decide::{Wait, Waits};
use kusto_copy_core::vocabulary::Millis;

/// An activity's blocks in numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    by_state: BTreeMap<&'static str, u64>,
    waits: Waits,
    first_held: Option<String>,
    held: u64,
}

impl Tally {
    /// Takes in a block that is not folded; those of an activity come in their order.
    pub(crate) fn add(&mut self, block: &Block, now: Millis) {
        *self.by_state.entry(block.state.name()).or_insert(0) += 1;
        self.waits.add(block, now);
        if let BlockState::Held { reason, .. } = &block.state {
            self.held += 1;
            let first = || format!("block {}: {reason}", block.number.0);
            self.first_held.get_or_insert_with(first);
        }
    }

    /// Whether no block was taken in.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_state.is_empty()
    }
}

/// An activity as reports see it.
#[derive(Debug, Clone)]
pub(crate) struct Counted<'a> {
    /// Its head.
    pub(crate) head: &'a Activity,
    /// Its blocks.
    tally: Tally,
}

impl<'a> Counted<'a> {
    /// An activity whose blocks were counted before.
    pub(crate) const fn new(head: &'a Activity, tally: Tally) -> Self {
        Self { head, tally }
    }

    /// Counts an activity that is in memory.
    pub(crate) fn of(state: &'a ActivityState, now: Millis) -> Self {
        let mut tally = Tally::default();
        for block in state.blocks.values() {
            tally.add(block, now);
        }
        Self::new(&state.head, tally)
    }

    /// Blocks by the names of their states.
    pub(crate) fn by_state(&self) -> BTreeMap<String, u64> {
        let states = self.tally.by_state.iter();
        states
            .map(|(state, blocks)| ((*state).to_owned(), *blocks))
            .collect()
    }

    /// What it waits for, how many blocks do, and since when.
    pub(crate) fn waits(&self) -> Vec<(Wait, usize, Millis)> {
        self.tally.waits.clone().of(self.head)
    }

    /// Why it is held, itself or blocks of it.
    pub(crate) fn error(&self) -> Option<String> {
        if let Some(held) = &self.head.held {
            return Some(held.clone());
        }
        let first = self.tally.first_held.as_ref()?;
        Some(match self.tally.held {
            0 | 1 => first.clone(),
            held => format!("{first} (and {} more blocks)", held - 1),
        })
    }
}
