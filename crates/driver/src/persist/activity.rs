//! An activity's head and blocks, with the versions that were seen of them.

use std::collections::BTreeMap;

use kusto_copy_core::activity::{Activity, ActivityError, ActivityEvent, ActivityState, Changes};
use kusto_copy_core::block::{Block, BlockEvent};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber, Millis};
use kusto_copy_store::{
    Continuation, Entity, Etag, Key, MAX_TRANSACTION_BYTES, MAX_TRANSACTION_WRITES, Partition, Row,
    RowRange, Store, StoreError, Transaction, Write,
};

use super::{activity_partition, block_row, decode, put};

/// An activity as the store last confirmed it, plus changes that are not written yet.
#[derive(Debug)]
pub(crate) struct StoredActivity {
    /// Head and blocks, changes included.
    pub(crate) state: ActivityState,
    head_etag: Option<Etag>,
    block_etags: BTreeMap<BlockNumber, Etag>,
    changes: Changes,
    /// Bytes of a request that each block to be written takes.
    weights: BTreeMap<BlockNumber, usize>,
    head_changed: bool,
}

/// Entities of one request: as many as the store gives.
pub(crate) const PAGE: usize = 1_000;
/// Room that is kept for the head: an entity has no more.
const HEAD_BYTES: usize = 1_000_000;
/// What a deletion takes.
const DELETION_BYTES: usize = 3_000;
/// What one event adds to a block at most, besides extents.
const EVENT_BYTES: usize = 16_000;
/// What a partition's name takes, twice.
const NAMES_BYTES: usize = 200;
/// What a staged extent's id takes.
const EXTENT_BYTES: usize = 48;

impl StoredActivity {
    /// An activity that is not stored yet.
    pub(crate) fn new(state: ActivityState) -> Self {
        Self {
            state,
            head_etag: None,
            block_etags: BTreeMap::new(),
            changes: Changes::default(),
            weights: BTreeMap::new(),
            head_changed: true,
        }
    }

    /// Reads an activity; `None` when there is none.
    pub(crate) async fn load(
        store: &dyn Store,
        id: &ActivityId,
    ) -> Result<Option<Self>, StoreError> {
        let mut pages = ActivityPages::of(id)?;
        let mut head: Option<(Activity, Etag)> = None;
        let mut blocks = BTreeMap::new();
        let mut block_etags = BTreeMap::new();
        // A page at a time, so that no more than one is held beside the blocks made of it.
        while let Some(page) = pages.next(store, PAGE).await? {
            for entity in &page {
                match pages.part(entity)? {
                    Part::Head(found, etag) => head = Some((*found, etag)),
                    Part::Block(block, etag) => {
                        block_etags.insert(block.number, etag);
                        blocks.insert(block.number, *block);
                    }
                }
            }
        }
        Ok(head.map(|(head, etag)| Self {
            state: ActivityState { head, blocks },
            head_etag: Some(etag),
            block_etags,
            changes: Changes::default(),
            weights: BTreeMap::new(),
            head_changed: false,
        }))
    }

    /// Applies an event in memory; [`Self::flush`] stores it.
    pub(crate) fn apply(
        &mut self,
        event: ActivityEvent,
        now: Millis,
        limits: &Limits,
    ) -> Result<(), ActivityError> {
        let changes = self.state.apply(event, now, limits)?;
        for number in &changes.written {
            let weight = self.state.blocks.get(number).map(weight);
            self.weights.insert(*number, weight.unwrap_or(0));
        }
        for number in &changes.deleted {
            self.weights.remove(number);
        }
        self.changes.merge(changes);
        self.head_changed = true;
        Ok(())
    }

    /// Whether what an event changes still fits into the transaction that is being gathered, by
    /// the number of its writes and by its bytes.
    pub(crate) fn has_room_for(&self, event: &ActivityEvent) -> bool {
        let coming = self.touched_by(event);
        let deleted = self.changes.deleted.len() + coming.deleted;
        let writes = 1 + self.changes.written.len() + coming.written + deleted;
        let pending: usize = self.weights.values().sum();
        let bytes = HEAD_BYTES + pending + coming.bytes + deleted * DELETION_BYTES;
        writes <= MAX_TRANSACTION_WRITES && bytes <= MAX_TRANSACTION_BYTES
    }

    fn touched_by(&self, event: &ActivityEvent) -> Touched {
        let new = |blocks: &[Block], deleted: usize| Touched {
            written: blocks.len(),
            deleted,
            bytes: blocks.iter().map(weight).sum(),
        };
        match event {
            ActivityEvent::Planned { progress } => new(&progress.blocks, 0),
            ActivityEvent::Replanned { removed, progress } => new(&progress.blocks, removed.len()),
            ActivityEvent::Folded { blocks } => new(&[], blocks.len()),
            ActivityEvent::Block { number, event } => self.touched_by_block(*number, event),
            ActivityEvent::Begun { .. }
            | ActivityEvent::Claimed { .. }
            | ActivityEvent::LayoutRead { .. }
            | ActivityEvent::StagingIntended { .. }
            | ActivityEvent::StagingReady { .. }
            | ActivityEvent::StagingLost { .. }
            | ActivityEvent::StagingDropped { .. }
            | ActivityEvent::StagingRetired
            | ActivityEvent::Troubled { .. }
            | ActivityEvent::ReconciledInPart { .. }
            | ActivityEvent::Reconciled { .. }
            | ActivityEvent::GhostsGone { .. }
            | ActivityEvent::Held { .. }
            | ActivityEvent::Released => Touched::default(),
        }
    }

    /// A group fails together; every other event of a block is its own.
    fn touched_by_block(&self, number: BlockNumber, event: &BlockEvent) -> Touched {
        let group = self.state.blocks.get(&number).and_then(|block| block.group);
        let together = matches!(
            event,
            BlockEvent::Failed { .. } | BlockEvent::Recounted { .. } | BlockEvent::Released
        );
        let (first, members) = group
            .filter(|_| together)
            .map_or((number.0, 1), |group| (group.first.0, group.members));
        let numbers = (first..first.saturating_add(members)).map(BlockNumber);
        let blocks = numbers.filter_map(|number| self.state.blocks.get(&number));
        let mut touched = Touched::default();
        for block in blocks {
            touched.written += 1;
            touched.bytes += weight(block) + EVENT_BYTES;
        }
        if let BlockEvent::IngestReported { report, .. } = event {
            touched.bytes += EXTENT_BYTES * report.staged.extents.len();
        }
        touched
    }

    /// Whether something is not stored yet.
    pub(crate) const fn is_dirty(&self) -> bool {
        self.head_changed
    }

    /// Stores everything that changed in one transaction with the head, whose version is the
    /// fence: a worker that lost its lease has lost the head's version too.
    ///
    /// # Errors
    /// After a conflict or a lost answer the activity must be loaded again.
    pub(crate) async fn flush(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if !self.head_changed {
            return Ok(());
        }
        let partition = activity_partition(&self.state.head.id)?;
        self.weights.clear();
        let key = |row: Row| Key::new(partition.clone(), row);
        let mut writes = vec![put(
            key(Row::of(&["head"])?),
            &self.state.head,
            self.head_etag.as_ref(),
        )?];
        let mut written = Vec::new();
        for number in &self.changes.written {
            if let Some(block) = self.state.blocks.get(number) {
                writes.push(put(
                    key(block_row(*number)?),
                    block,
                    self.block_etags.get(number),
                )?);
                written.push(*number);
            }
        }
        for number in &self.changes.deleted {
            // A block that was never stored needs no deletion.
            if let Some(etag) = self.block_etags.get(number) {
                writes.push(Write::Delete {
                    key: key(block_row(*number)?),
                    if_match: etag.clone(),
                });
            }
        }
        let committed = store.commit(&Transaction::new(writes)?).await?;
        let mut etags = committed.etags.into_iter();
        self.head_etag = etags.next().flatten();
        for (number, etag) in written.into_iter().zip(etags) {
            if let Some(etag) = etag {
                self.block_etags.insert(number, etag);
            }
        }
        for number in std::mem::take(&mut self.changes).deleted {
            self.block_etags.remove(&number);
        }
        self.head_changed = false;
        Ok(())
    }
}

/// An activity's entities, page by page: its blocks in their order, then its head.
pub(crate) struct ActivityPages {
    partition: Partition,
    head: Row,
    after: Option<Continuation>,
    ended: bool,
}

/// An entity of an activity.
pub(crate) enum Part {
    /// Its head.
    Head(Box<Activity>, Etag),
    /// A block that is not folded.
    Block(Box<Block>, Etag),
}

impl ActivityPages {
    /// From the first page on; nothing is read yet.
    pub(crate) fn of(id: &ActivityId) -> Result<Self, StoreError> {
        Ok(Self {
            partition: activity_partition(id)?,
            head: Row::of(&["head"])?,
            after: None,
            ended: false,
        })
    }

    /// Reads the next page, of at most so many entities; `None` after the last.
    pub(crate) async fn next(
        &mut self,
        store: &dyn Store,
        limit: usize,
    ) -> Result<Option<Vec<Entity>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let (all, after) = (RowRange::all(), self.after.as_ref());
        let page = store.list(&self.partition, &all, limit, after).await?;
        self.after = page.next;
        self.ended = self.after.is_none();
        Ok(Some(page.entities))
    }

    /// Whether the last page was read.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// What an entity of a page is.
    pub(crate) fn part(&self, entity: &Entity) -> Result<Part, StoreError> {
        if entity.key.row == self.head {
            let (head, etag) = decode(entity)?;
            return Ok(Part::Head(Box::new(head), etag));
        }
        let (block, etag) = decode(entity)?;
        Ok(Part::Block(Box::new(block), etag))
    }
}

/// What an event changes at most.
#[derive(Debug, Default)]
struct Touched {
    written: usize,
    deleted: usize,
    bytes: usize,
}

/// Bytes of a request that writing a block takes; one that has no JSON form is refused when it is
/// written.
fn weight(block: &Block) -> usize {
    let write = || {
        let key = Key::new(Partition::of(&["act"])?, block_row(block.number)?);
        put(key, block, None)
    };
    write().map_or(0, |write| write.wire_bytes() + NAMES_BYTES)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kusto_copy_core::activity::ActivityState;
    use kusto_copy_core::block::{BlockState, Manifest, ManifestFiles};
    use kusto_copy_core::vocabulary::{AttemptTag, Cursor, ExtentId, Slice, Ticks, Window};
    use kusto_copy_store::{MemoryStore, SystemClock};

    use super::*;

    fn extents(many: usize) -> Vec<ExtentId> {
        let id = |n| ExtentId::parse(&format!("00000000-0000-0000-0000-{n:012x}"));
        (0..many).map(|n| id(n).expect("a guid")).collect()
    }

    /// A block whose predicate names 500 extents and that was staged in 800.
    fn heavy(number: u32) -> Block {
        let slice = Slice {
            extents: Some(extents(500)),
            ..Slice::missing()
        };
        let number = BlockNumber(number);
        let mut block = Block::planned(number, slice, 1, 1, Ticks(0), Millis(0));
        block.attempts = 1;
        block.state = BlockState::Ingested {
            attempt: 1,
            manifest: Manifest {
                files: ManifestFiles::Inline(Vec::new()),
                rows: 1,
                bytes: 1,
            },
            tag: AttemptTag::new("kc-1-2-", 7),
            extents: extents(800),
            not_before: None,
        };
        block
    }

    /// As many moves as one command takes, of blocks so large that one transaction cannot hold
    /// them all.
    #[tokio::test]
    async fn heavy_blocks_go_in_several_transactions() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::new(SystemClock)));
        let window = Window {
            after: None,
            up_to: Cursor("1".to_owned()),
        };
        let mut state = ActivityState::begin("a", "T", "b", "T", 1, window, None, 1, Millis(0));
        let blocks = (0..90).map(heavy);
        state.blocks = blocks.map(|block| (block.number, block)).collect();
        let mut stored = StoredActivity::new(state);
        let limits = Limits::default();
        let mut transactions = 1;
        for number in (0..90).map(BlockNumber) {
            let event = BlockEvent::MoveIntended {
                attempt: 1,
                epoch: 1,
            };
            let event = ActivityEvent::Block { number, event };
            if !stored.has_room_for(&event) {
                stored.flush(store.as_ref()).await.expect("fits");
                transactions += 1;
            }
            stored.apply(event, Millis(1), &limits).expect("applies");
        }
        stored.flush(store.as_ref()).await.expect("fits");
        assert!(transactions > 1, "the bytes of all exceed a transaction's");
        let loaded = StoredActivity::load(store.as_ref(), &stored.state.head.id).await;
        let loaded = loaded.expect("loads").expect("is stored");
        assert_eq!(loaded.state, stored.state);
    }
}
