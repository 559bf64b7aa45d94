//! Each rule fails over a store that breaks it, and none over the same store unbroken.

use std::sync::Arc;

use async_trait::async_trait;

use super::Fixture;
use crate::body::Body;
use crate::entity::{Entity, Etag};
use crate::error::StoreError;
use crate::key::{Key, Partition, Row};
use crate::memory::MemoryStore;
use crate::range::RowRange;
use crate::store::{Committed, Continuation, MAX_PAGE, Page, Read, Store, list_all};
use crate::time::StoreTime;
use crate::transaction::{Transaction, Write};

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    InsertsOverwrite,
    VersionsAreIgnored,
    AnyIsAVersion,
    VersionsFollowContents,
    PartsAreWritten,
    VersionsAreReversed,
    SecondsForMilliseconds,
    LastOfHundredIsLost,
    DocumentsAreCut,
    NulIsLost,
    RowsAreLowerCase,
    PagesAreReversed,
    RangesAreIgnored,
    ListedVersionsDiffer,
    OnePageIsAll,
    PagesOverlap,
    PagesGoByNumber,
    HandlesShareNothing,
}

struct Broken {
    inner: MemoryStore,
    defect: Defect,
}

impl Broken {
    fn new(defect: Defect) -> Self {
        Self {
            inner: MemoryStore::default(),
            defect,
        }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    async fn stored(&self, key: &Key) -> Option<Entity> {
        let read = self.inner.get(key).await;
        read.expect("memory answers").entity
    }

    fn body(&self, body: Body) -> Body {
        let json = if self.is(Defect::DocumentsAreCut) && body.json().len() > 40_000 {
            "\"cut\"".to_owned()
        } else if self.is(Defect::NulIsLost) {
            body.json().replace("\\u0000", "")
        } else {
            return body;
        };
        Body::from_stored(body.layout(), body.program().to_owned(), json)
    }

    fn key(&self, key: Key) -> Key {
        if !self.is(Defect::RowsAreLowerCase) {
            return key;
        }
        let row = Row::from_encoded(&key.row.as_str().to_lowercase());
        Key::new(key.partition, row.expect("a row"))
    }

    /// The write that a store with this defect does instead.
    async fn write(&self, write: Write) -> Write {
        let key = self.key(write.key().clone());
        let stored = self.stored(&key).await;
        let current = |if_match: Etag| match &stored {
            Some(stored)
                if self.is(Defect::VersionsAreIgnored)
                    || (self.is(Defect::AnyIsAVersion) && if_match.as_str() == "*")
                    || (self.is(Defect::VersionsFollowContents)
                        && if_match == by_contents(&stored.body)) =>
            {
                stored.etag.clone()
            }
            Some(_) | None => if_match,
        };
        match write {
            Write::Insert { body, .. } => {
                let body = self.body(body);
                match &stored {
                    Some(stored) if self.is(Defect::InsertsOverwrite) => Write::Replace {
                        key,
                        body,
                        if_match: stored.etag.clone(),
                    },
                    Some(_) | None => Write::Insert { key, body },
                }
            }
            Write::Replace { body, if_match, .. } => Write::Replace {
                key,
                body: self.body(body),
                if_match: current(if_match),
            },
            Write::Delete { if_match, .. } => Write::Delete {
                key,
                if_match: current(if_match),
            },
        }
    }

    fn entity(&self, mut entity: Entity) -> Entity {
        if self.is(Defect::VersionsFollowContents) {
            entity.etag = by_contents(&entity.body);
        }
        entity
    }
}

fn by_contents(body: &Body) -> Etag {
    Etag::from_stored(format!("as {}", body.json()))
}

#[async_trait]
impl Store for Broken {
    async fn get(&self, key: &Key) -> Result<Read, StoreError> {
        let mut read = self.inner.get(&self.key(key.clone())).await?;
        read.entity = read.entity.map(|entity| self.entity(entity));
        Ok(read)
    }

    async fn list(
        &self,
        partition: &Partition,
        range: &RowRange,
        limit: usize,
        after: Option<&Continuation>,
    ) -> Result<Page, StoreError> {
        let all = RowRange::all();
        let is_ignored = self.is(Defect::RangesAreIgnored);
        let range = if is_ignored { &all } else { range };
        if self.is(Defect::PagesGoByNumber) {
            let begin = after.map_or(0, |at| at.as_str().parse().expect("a number"));
            let found = list_all(&self.inner, partition, range).await?;
            let end = begin + limit.clamp(1, MAX_PAGE);
            let more = end < found.len();
            return Ok(Page {
                entities: found.into_iter().skip(begin).take(end - begin).collect(),
                next: more.then(|| Continuation::from_stored(end.to_string())),
                store_time: self.inner.list(partition, range, 1, None).await?.store_time,
            });
        }
        let mut page = self.inner.list(partition, range, limit, after).await?;
        page.entities = page
            .entities
            .into_iter()
            .map(|one| self.entity(one))
            .collect();
        if self.is(Defect::PagesAreReversed) {
            page.entities.reverse();
        }
        if self.is(Defect::OnePageIsAll) {
            page.next = None;
        }
        if self.is(Defect::PagesOverlap) {
            let before = page.entities.len().checked_sub(2);
            let last = before.map(|at| page.entities[at].key.row.as_str().to_owned());
            page.next = page.next.and(last.map(Continuation::from_stored));
        }
        if self.is(Defect::ListedVersionsDiffer) {
            for entity in &mut page.entities {
                entity.etag = Etag::from_stored("listed".to_owned());
            }
        }
        if self.is(Defect::SecondsForMilliseconds) {
            let seconds = page.store_time.unix_millis() / 1_000;
            page.store_time = StoreTime::from_unix_millis(seconds);
        }
        Ok(page)
    }

    async fn commit(&self, transaction: &Transaction) -> Result<Committed, StoreError> {
        let mut writes = Vec::new();
        for write in transaction.writes() {
            writes.push(self.write(write.clone()).await);
        }
        if self.is(Defect::PartsAreWritten) {
            let mut etags = Vec::new();
            let mut store_time = StoreTime::from_unix_millis(0);
            for write in writes {
                let part = self.inner.commit(&Transaction::new(vec![write])?).await?;
                store_time = part.store_time;
                etags.extend(part.etags);
            }
            return Ok(Committed { etags, store_time });
        }
        if self.is(Defect::LastOfHundredIsLost) && writes.len() == 100 {
            writes.pop();
        }
        let mut committed = self.inner.commit(&Transaction::new(writes)?).await?;
        if self.is(Defect::VersionsAreReversed) {
            committed.etags.reverse();
        }
        if self.is(Defect::LastOfHundredIsLost) && committed.etags.len() == 99 {
            committed.etags.push(committed.etags[0].clone());
        }
        if self.is(Defect::VersionsFollowContents) {
            let bodies = transaction.writes().iter().map(Write::body);
            committed.etags = bodies.map(|body| body.map(by_contents)).collect();
        }
        Ok(committed)
    }
}

#[async_trait]
impl Fixture for Broken {
    async fn open(&self) -> Arc<dyn Store> {
        let inner = if self.is(Defect::HandlesShareNothing) {
            MemoryStore::default()
        } else {
            self.inner.clone()
        };
        let defect = self.defect;
        Arc::new(Self { inner, defect })
    }
}

mod without_a_defect {
    use super::{Broken, Defect};
    crate::store_contract!(Broken::new(Defect::None));
}

macro_rules! each_fails {
    ($($rule:ident: $defect:ident,)+) => {
        $(
            #[tokio::test]
            #[should_panic]
            async fn $rule() {
                super::$rule(&Broken::new(Defect::$defect)).await;
            }
        )+
    };
}

each_fails! {
    insert_only_once: InsertsOverwrite,
    replace_needs_the_version: VersionsAreIgnored,
    delete_needs_the_version: VersionsAreIgnored,
    delete_and_insert_again_is_a_new_version: VersionsFollowContents,
    foreign_version_matches_nothing: AnyIsAVersion,
    transaction_gives_versions_in_order: VersionsAreReversed,
    failed_transaction_writes_nothing: PartsAreWritten,
    answers_carry_the_clock: SecondsForMilliseconds,
    hundred_writes_in_one_transaction: LastOfHundredIsLost,
    large_document_survives: DocumentsAreCut,
    many_large_documents_at_once: DocumentsAreCut,
    odd_keys_survive: RowsAreLowerCase,
    odd_text_survives: NulIsLost,
    listing_is_in_order: PagesAreReversed,
    listing_keeps_to_partition_and_range: RangesAreIgnored,
    listing_gives_what_reading_gives: ListedVersionsDiffer,
    more_rows_than_a_page_are_listed: OnePageIsAll,
    continuation_gives_each_row_once: PagesOverlap,
    writes_between_pages_repeat_nothing: PagesGoByNumber,
    one_of_two_inserts_wins: InsertsOverwrite,
    one_of_two_writers_wins: VersionsAreIgnored,
    other_handles_see_commits: HandlesShareNothing,
    reopened_store_has_everything: HandlesShareNothing,
}
