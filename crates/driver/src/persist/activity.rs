//! An activity's head and blocks, with the versions that were seen of them.

use std::collections::BTreeMap;

use kusto_copy_core::activity::{Activity, ActivityError, ActivityEvent, ActivityState, Changes};
use kusto_copy_core::block::Block;
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber, Millis};
use kusto_copy_store::{
    Etag, Key, MAX_TRANSACTION_WRITES, Row, RowRange, Store, StoreError, Transaction, Write,
    list_all,
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
    head_changed: bool,
}

impl StoredActivity {
    /// An activity that is not stored yet.
    pub(crate) fn new(state: ActivityState) -> Self {
        Self {
            state,
            head_etag: None,
            block_etags: BTreeMap::new(),
            changes: Changes::default(),
            head_changed: true,
        }
    }

    /// Reads an activity; `None` when there is none.
    pub(crate) async fn load(
        store: &dyn Store,
        id: &ActivityId,
    ) -> Result<Option<Self>, StoreError> {
        let partition = activity_partition(id)?;
        let mut head: Option<(Activity, Etag)> = None;
        let mut blocks = BTreeMap::new();
        let mut block_etags = BTreeMap::new();
        for entity in list_all(store, &partition, &RowRange::all()).await? {
            if entity.key.row == Row::of(&["head"])? {
                head = Some(decode(&entity)?);
            } else {
                let (block, etag): (Block, Etag) = decode(&entity)?;
                block_etags.insert(block.number, etag);
                blocks.insert(block.number, block);
            }
        }
        Ok(head.map(|(head, etag)| Self {
            state: ActivityState { head, blocks },
            head_etag: Some(etag),
            block_etags,
            changes: Changes::default(),
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
        self.changes.merge(changes);
        self.head_changed = true;
        Ok(())
    }

    /// Whether an event that changes up to `blocks` blocks still fits into the transaction that
    /// is being gathered.
    pub(crate) fn has_room_for(&self, blocks: usize) -> bool {
        1 + self.changes.written.len() + self.changes.deleted.len() + blocks
            <= MAX_TRANSACTION_WRITES
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
