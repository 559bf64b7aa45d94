//! What is sent and dropped: each with an intent, and only what the intent names.

use super::{BlockRecord, Checker};
use crate::model::operations::{Attempt, Command};
use kusto_copy_core::vocabulary::{BlockNumber, Ticks};

impl Checker {
    /// A worker sends a command.
    pub fn sent(&mut self, command: &Command, stale: bool) {
        if self.off {
            return;
        }
        match command {
            Command::Export { of, prefix, .. } => {
                *self.exports.entry(of.clone()).or_default() += 1;
                let intended = self
                    .record_of(of)
                    .is_some_and(|block| block.attempt >= of.attempt);
                if !intended {
                    self.violated(5, format!("an export without intent: {of:?}"));
                }
                if self.exports.get(of).copied().unwrap_or(0) > 1 {
                    self.violated(5, format!("an export sent twice for one intent: {of:?}"));
                }
                if !prefix.ends_with(&format!("/{}/{}/{}/", of.iteration, of.block.0, of.attempt)) {
                    self.violated(9, format!("the prefix {prefix} is not the attempt's own"));
                }
            }
            Command::Ingest {
                of,
                paths,
                tag,
                creation,
                ..
            } => {
                self.sent_ingest(of, paths, tag, *creation, stale);
            }
            Command::Move { of, extents, .. } => {
                for attempt in of {
                    let moving = self.moving.values().any(|(owner, _)| owner == attempt);
                    if !moving {
                        self.violated(5, format!("a move without intent: {attempt:?}"));
                    }
                }
                for extent in extents {
                    if !self
                        .moving
                        .get(extent.as_str())
                        .is_some_and(|(owner, _)| of.contains(owner))
                    {
                        self.violated(5, format!("extent {extent} is moved without intent"));
                    }
                }
            }
        }
    }

    fn record_of(&self, of: &Attempt) -> Option<&BlockRecord> {
        self.blocks
            .get(&(of.activity.clone(), of.iteration, of.block))
    }

    fn sent_ingest(
        &mut self,
        of: &Attempt,
        paths: &[String],
        tag: &str,
        creation: Ticks,
        stale: bool,
    ) {
        let Some(record) = self.tags.get_mut(tag) else {
            self.violated(5, format!("an ingestion without intent: {tag}"));
            return;
        };
        record.sends += 1;
        let (sends, intended) = (record.sends, record.of.clone());
        if sends > 1 {
            self.violated(6, format!("tag {tag} sent {sends} times"));
        }
        if intended != *of {
            self.violated(
                5,
                format!("tag {tag} belongs to {intended:?}, not to {of:?}"),
            );
        }
        if self.reported.get(of) != Some(&paths.iter().cloned().collect()) {
            self.violated(9, format!("{of:?} ingests other files than its manifest's"));
        }
        let Some(block) = self.record_of(of).cloned() else {
            return;
        };
        if creation != block.creation {
            self.violated(13, format!("{of:?} is ingested with another creation time"));
        }
        // What a stale worker does an hour later, others may have gone beyond.
        if stale {
            return;
        }
        let Some(group) = block.group else { return };
        for number in (group.first.0..group.first.0 + group.members).map(BlockNumber) {
            let member = self
                .blocks
                .get(&(of.activity.clone(), of.iteration, number));
            let verified = member.is_some_and(|member| {
                member.state == "expired" || member.exported_rows == Some(member.planned_rows)
            });
            if !verified {
                self.violated(
                    8,
                    format!("{of:?} is ingested before member {} is verified", number.0),
                );
            }
        }
    }

    /// Slots used by commands that count, against the clusters' slots.
    pub fn slots(&mut self, used: (u32, u32), capacity: (u32, u32)) {
        if used.0 > capacity.0 || used.1 > capacity.1 {
            self.violated(14, format!("{used:?} slots used of {capacity:?}"));
        }
    }

    /// A staging table is made.
    pub fn creates_staging(&mut self, name: &str) {
        if !self.staging.contains(name) {
            self.violated(5, format!("staging table {name} without intent"));
        }
    }

    /// A staging table is dropped.
    pub fn drops_staging(&mut self, name: &str) {
        if !self.retired.contains(name) {
            self.violated(10, format!("table {name} dropped without a record"));
        }
    }

    /// Staged extents are dropped by tag.
    pub fn drops_staged(&mut self, tag: &str) {
        let recorded = self.tags.get(tag).is_some_and(|record| record.abandoned);
        if !recorded {
            self.violated(
                10,
                format!("extents of tag {tag} dropped, which was not abandoned"),
            );
        }
    }

    /// Tags are dropped at the destination.
    pub fn drops_tags(&mut self, tags: &[String]) {
        for tag in tags {
            if !self.tags.get(tag).is_some_and(|record| record.moved) {
                self.violated(
                    10,
                    format!("tag {tag} dropped, whose block is not recorded as moved"),
                );
            }
        }
    }

    /// Files under a prefix are deleted.
    pub fn deletes_files(&mut self, prefix: &str) {
        let live: Vec<String> = self
            .blocks
            .iter()
            .filter(|(key, block)| {
                let own = format!("{}/{}/{}/", key.0, key.1, key.2.0);
                let finished =
                    matches!(block.state, "moved" | "expired") || block.folded || block.replaced;
                own.starts_with(prefix) && !finished
            })
            .map(|(key, block)| format!("{} which is {}", key.2.0, block.state))
            .collect();
        for block in live {
            self.violated(
                10,
                format!("files under {prefix} deleted, of block {block}"),
            );
        }
    }
}
