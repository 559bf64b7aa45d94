//! Short commands and store writes: done at once, told to the checker.

use super::World;
use super::destination::Extent;
use super::store::{Conflict, Entity, Key, Write};
use std::collections::BTreeMap;

impl World {
    /// Commits writes for a worker of this epoch.
    ///
    /// # Errors
    /// When a condition does not hold.
    pub fn write(&mut self, writes: &[Write], nonce: u64, epoch: u64) -> Result<u64, Conflict> {
        let before: BTreeMap<Key, Entity> = writes
            .iter()
            .filter_map(|write| {
                let key = write.key();
                self.store
                    .get(key)
                    .map(|entity| (key.clone(), entity.clone()))
            })
            .collect();
        let etag = self.store.commit(writes, nonce)?;
        self.checker
            .committed(writes, &before, epoch, &self.destination);
        Ok(etag)
    }

    /// Notes when an iteration was committed.
    pub fn iteration_is(&mut self, committed: u32, now: u64) {
        while self.committed_at.len() < committed as usize {
            self.committed_at.push((now, self.store.commits));
        }
    }

    /// Makes a staging table.
    pub fn create_staging(&mut self, name: &str) {
        self.checker.creates_staging(name);
        self.destination.tables.entry(name.to_owned()).or_default();
    }

    /// Drops a staging table if it exists.
    pub fn drop_staging(&mut self, name: &str) {
        self.checker.drops_staging(name);
        self.destination.tables.remove(name);
    }

    /// Drops the extents of a staging table that carry a tag.
    pub fn drop_staged(&mut self, staging: &str, tag: &str) {
        self.checker.drops_staged(tag);
        if let Some(table) = self.destination.tables.get_mut(staging) {
            table.retain(|_, extent: &mut Extent| !extent.tags.contains(tag));
        }
    }

    /// Drops tags from the extents of a destination table.
    pub fn drop_tags(&mut self, table: &str, tags: &[String]) {
        self.checker.drops_tags(tags);
        for extent in self.destination.tables.get_mut(table).into_iter().flatten() {
            extent.1.tags.retain(|tag| !tags.contains(tag));
        }
    }

    /// Deletes files under a recorded prefix.
    pub fn delete_files(&mut self, prefix: &str) {
        self.checker.deletes_files(prefix);
        self.lake.delete_prefix(prefix);
    }
}
