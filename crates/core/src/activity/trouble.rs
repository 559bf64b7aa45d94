//! What goes wrong again and again although it might pass: counted, visible, and held in the end.

use serde::{Deserialize, Serialize};

use super::{ActivityEvent, ActivityState};
use crate::block::BlockEvent;
use crate::limits::Limits;
use crate::vocabulary::{BlockNumber, Millis};

/// Something of a table, or of one of its blocks, that fails and is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The block, if it is one block's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockNumber>,
    /// What goes wrong, with the remedy.
    pub what: String,
    /// Failed tries that count: what passes by itself does not.
    pub tries: u32,
    /// Since when.
    pub since: Millis,
}

/// Troubles of a table that are kept: those of most tries, then the newest.
const TROUBLES: usize = 8;

impl ActivityState {
    /// Counts a failed try; one too many holds the table.
    pub(super) fn troubled(
        &mut self,
        block: Option<BlockNumber>,
        what: String,
        passes: bool,
        now: Millis,
        limits: &Limits,
    ) {
        let known = self.take_trouble(block);
        let since = known.as_ref().map_or(now, |known| known.since);
        let tries = known.map_or(0, |known| known.tries) + u32::from(!passes);
        if tries >= limits.failures && self.head.held.is_none() {
            let of = block.map_or_else(String::new, |block| format!("block {}: ", block.0));
            self.head.held = Some(format!("{of}{what}"));
        }
        let troubles = &mut self.head.troubles;
        if troubles.len() == TROUBLES {
            // What was tried most stays, or the counts of many would never reach their bound.
            let least = (0..TROUBLES).min_by_key(|at| troubles[*at].tries);
            troubles.remove(least.unwrap_or(0));
        }
        troubles.push(Trouble {
            block,
            what,
            tries,
            since,
        });
    }

    fn take_trouble(&mut self, block: Option<BlockNumber>) -> Option<Trouble> {
        let troubles = &mut self.head.troubles;
        let at = troubles.iter().position(|known| known.block == block)?;
        Some(troubles.remove(at))
    }

    /// Forgets troubles that are over.
    pub(super) fn forget_troubles(&mut self, over: Over) {
        match over {
            Over::None => {}
            Over::Of(block) => {
                self.take_trouble(block);
            }
            Over::All => self.head.troubles.clear(),
        }
    }
}

/// Which troubles an event shows to be over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Over {
    None,
    Of(Option<BlockNumber>),
    All,
}

pub(super) const fn over(event: &ActivityEvent) -> Over {
    match event {
        ActivityEvent::Block { number, event } if is_progress(event) => Over::Of(Some(*number)),
        ActivityEvent::LayoutRead { .. }
        | ActivityEvent::StagingReady { .. }
        | ActivityEvent::Planned { .. }
        | ActivityEvent::Replanned { .. }
        | ActivityEvent::ReconciledInPart { .. }
        | ActivityEvent::Reconciled { .. }
        | ActivityEvent::Folded { .. }
        | ActivityEvent::StagingDropped { .. } => Over::Of(None),
        ActivityEvent::Begun { .. } | ActivityEvent::Released => Over::All,
        ActivityEvent::Block { .. }
        | ActivityEvent::Claimed { .. }
        | ActivityEvent::StagingIntended { .. }
        | ActivityEvent::StagingLost { .. }
        | ActivityEvent::StagingRetired
        | ActivityEvent::GhostsGone { .. }
        | ActivityEvent::Troubled { .. }
        | ActivityEvent::Held { .. } => Over::None,
    }
}

/// Whether the event says that a block's effect came to an end, good or bad.
const fn is_progress(event: &BlockEvent) -> bool {
    match event {
        BlockEvent::Started { .. }
        | BlockEvent::ExportReported { .. }
        | BlockEvent::Recounted { .. }
        | BlockEvent::ValuesPassed { .. }
        | BlockEvent::IngestReported { .. }
        | BlockEvent::MoveLooked { .. }
        | BlockEvent::Failed { .. }
        | BlockEvent::NothingStaged { .. }
        | BlockEvent::Held { .. }
        | BlockEvent::Released => true,
        BlockEvent::ExportIntended { .. }
        | BlockEvent::NotStarted { .. }
        | BlockEvent::IngestIntended { .. }
        | BlockEvent::MoveIntended { .. } => false,
    }
}
