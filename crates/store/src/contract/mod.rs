//! What every backend must do, as tests that run against any of them.
//!
//! A backend's test module calls [`crate::store_contract!`] with an expression that makes a fresh
//! [`Fixture`]; each rule becomes a test of its own. The functions panic when a rule is broken.

mod conditions;
mod limits;
mod listing;
mod sharing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

use crate::body::Body;
use crate::entity::{Entity, Etag};
use crate::error::{ConflictKind, StoreError};
use crate::key::{Key, Partition, Row};
use crate::layout::Layout;
use crate::store::{Committed, Store};
use crate::transaction::{Transaction, Write};

pub use conditions::{
    answers_carry_the_clock, delete_and_insert_again_is_a_new_version, delete_needs_the_version,
    failed_transaction_writes_nothing, foreign_version_matches_nothing, insert_only_once,
    replace_needs_the_version, transaction_gives_versions_in_order,
};
pub use limits::{
    hundred_writes_in_one_transaction, large_document_survives, many_large_documents_at_once,
    odd_keys_survive, odd_text_survives,
};
pub use listing::{
    continuation_gives_each_row_once, listing_gives_what_reading_gives, listing_is_in_order,
    listing_keeps_to_partition_and_range, more_rows_than_a_page_are_listed,
    writes_between_pages_repeat_nothing,
};
pub use sharing::{
    one_of_two_inserts_wins, one_of_two_writers_wins, other_handles_see_commits,
    reopened_store_has_everything,
};

/// A place where a store rests, empty at first.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Opens the same contents once more, as another process would.
    async fn open(&self) -> Arc<dyn Store>;
}

/// One test for each rule of the contract, over the fixture that the expression makes.
#[macro_export]
macro_rules! store_contract {
    ($fixture:expr) => {
        $crate::store_contract!(@each $fixture;
            insert_only_once,
            replace_needs_the_version,
            delete_needs_the_version,
            delete_and_insert_again_is_a_new_version,
            foreign_version_matches_nothing,
            transaction_gives_versions_in_order,
            failed_transaction_writes_nothing,
            answers_carry_the_clock,
            hundred_writes_in_one_transaction,
            large_document_survives,
            many_large_documents_at_once,
            odd_keys_survive,
            odd_text_survives,
            listing_is_in_order,
            listing_keeps_to_partition_and_range,
            listing_gives_what_reading_gives,
            more_rows_than_a_page_are_listed,
            continuation_gives_each_row_once,
            writes_between_pages_repeat_nothing,
            one_of_two_inserts_wins,
            one_of_two_writers_wins,
            other_handles_see_commits,
            reopened_store_has_everything,
        );
    };
    (@each $fixture:expr; $($rule:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let fixture = $fixture;
                $crate::contract::$rule(&fixture).await;
            }
        )+
    };
}

const LAYOUT: Layout = Layout::new(1, "0.0.0-contract");

fn key(partition: &str, row: &str) -> Key {
    Key::new(
        Partition::encode(partition).expect("a partition"),
        Row::encode(row).expect("a row"),
    )
}

fn text(contents: &str) -> Body {
    LAYOUT.write(contents).expect("text has a JSON form")
}

fn text_of(entity: &Entity) -> String {
    LAYOUT.read(entity).expect("an entity that holds text")
}

fn insert(key: &Key, contents: &str) -> Write {
    Write::Insert {
        key: key.clone(),
        body: text(contents),
    }
}

fn replace(key: &Key, contents: &str, if_match: &Etag) -> Write {
    Write::Replace {
        key: key.clone(),
        body: text(contents),
        if_match: if_match.clone(),
    }
}

fn delete(key: &Key, if_match: &Etag) -> Write {
    Write::Delete {
        key: key.clone(),
        if_match: if_match.clone(),
    }
}

async fn try_commit(store: &dyn Store, writes: Vec<Write>) -> Result<Committed, StoreError> {
    let transaction = Transaction::new(writes).expect("writes that can be one transaction");
    store.commit(&transaction).await
}

/// Commits and returns the first write's version.
async fn commit(store: &dyn Store, writes: Vec<Write>) -> Option<Etag> {
    let count = writes.len();
    let committed = try_commit(store, writes).await.expect("a commit");
    assert_eq!(committed.etags.len(), count);
    committed.etags.into_iter().next().flatten()
}

async fn commit_etag(store: &dyn Store, write: Write) -> Etag {
    commit(store, vec![write])
        .await
        .expect("a version of what was written")
}

async fn stored(store: &dyn Store, key: &Key) -> Option<Entity> {
    store.get(key).await.expect("a read").entity
}

async fn stored_text(store: &dyn Store, key: &Key) -> Option<String> {
    stored(store, key).await.as_ref().map(text_of)
}

fn assert_conflict(result: Result<Committed, StoreError>, at: &Key, expected: ConflictKind) {
    match result {
        Err(StoreError::Conflict { key, kind }) => {
            assert_eq!(kind, expected);
            // A backend may not know which entity it was, but must not name another.
            assert!(key.is_none_or(|key| key == *at));
        }
        other => panic!("expected a conflict at {at}, got {other:?}"),
    }
}
