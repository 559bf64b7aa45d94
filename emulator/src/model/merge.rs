//! Background merges: several extents become one with a new id, the union of their tags and the span
//! of their creation times; rows keep ingestion time and cursor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::extent::distinct;
use super::{Extent, Table, Transaction};
use crate::error::KustoError;
use crate::settings::Merge;

impl Transaction<'_> {
    /// One round of merges over every table whose policy allows them; returns the extents made.
    ///
    /// # Errors
    /// None in practice: the candidates are read under the same lock.
    pub(crate) fn merge_all(&mut self, settings: &Merge) -> Result<usize, KustoError> {
        let mut made = 0;
        for (name, groups) in self.merge_candidates(settings) {
            for group in groups {
                let parts = self.take(&name, &group)?;
                self.insert(&name, vec![Arc::new(merged(&parts))])?;
                made += 1;
            }
        }
        Ok(made)
    }

    fn merge_candidates(&self, settings: &Merge) -> Vec<(String, Vec<Vec<Uuid>>)> {
        let database = self.database();
        database
            .tables
            .values()
            .filter(|table| database.allows_merge(table))
            .map(|table| (table.name.clone(), groups(table, settings)))
            .filter(|(_, groups)| !groups.is_empty())
            .collect()
    }
}

/// Tags that begin so decide which extents may become one: only those with the same set of them.
const DROP_BY: &str = "drop-by:";
/// Characters that the tags of one extent may have together.
const TAG_CHARACTERS: usize = 1_000_000;

/// Extents that are to become one.
#[derive(Default)]
struct Group<'a> {
    ids: Vec<Uuid>,
    rows: usize,
    tags: BTreeSet<&'a str>,
}

impl<'a> Group<'a> {
    fn has_room_for(&self, extent: &'a Extent, settings: &Merge) -> bool {
        let new = extent.tags.iter().map(String::as_str);
        let tags: BTreeSet<&str> = self.tags.iter().copied().chain(new).collect();
        let characters: usize = tags.iter().map(|tag| tag.chars().count()).sum();
        self.ids.len() < settings.max_extents.max(2)
            && self.rows + extent.rows <= settings.max_rows
            && characters <= TAG_CHARACTERS
    }

    fn add(&mut self, extent: &'a Extent) {
        self.ids.push(extent.id);
        self.rows += extent.rows;
        self.tags.extend(extent.tags.iter().map(String::as_str));
    }
}

/// Neighbours in creation order, joined while they stay within the limits.
fn groups(table: &Table, settings: &Merge) -> Vec<Vec<Uuid>> {
    let mut ordered: Vec<&Arc<Extent>> = table.extents.iter().collect();
    ordered.sort_by_key(|extent| (extent.max_created_on, extent.min_created_on));
    let mut full: Vec<Vec<Uuid>> = Vec::new();
    let mut open: BTreeMap<BTreeSet<&str>, Group<'_>> = BTreeMap::new();
    for extent in ordered {
        let tags = extent.tags.iter().map(String::as_str);
        let group = open
            .entry(tags.filter(|tag| tag.starts_with(DROP_BY)).collect())
            .or_default();
        if !group.has_room_for(extent, settings) {
            full.push(std::mem::take(group).ids);
        }
        group.add(extent);
    }
    full.extend(open.into_values().map(|group| group.ids));
    full.retain(|group| group.len() > 1);
    full
}

fn merged(parts: &[Arc<Extent>]) -> Extent {
    let tags = parts.iter().flat_map(|part| part.tags.iter().cloned());
    Extent {
        id: Uuid::new_v4(),
        tags: distinct(tags),
        min_created_on: parts
            .iter()
            .map(|part| part.min_created_on)
            .min()
            .unwrap_or(0),
        max_created_on: parts
            .iter()
            .map(|part| part.max_created_on)
            .max()
            .unwrap_or(0),
        segments: parts
            .iter()
            .flat_map(|part| part.segments.iter().map(Arc::clone))
            .collect(),
        rows: parts.iter().map(|part| part.rows).sum(),
        original_size: parts.iter().map(|part| part.original_size).sum(),
    }
}
