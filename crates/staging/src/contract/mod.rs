//! What every backend must do, as tests that run against any of them.
//!
//! A backend's test module calls [`crate::lake_contract!`] with an expression that makes a fresh
//! [`Fixture`]; each rule becomes a test of its own. The functions panic when a rule is broken.

mod objects;
mod staged;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;

use crate::lake::Lake;
use crate::name::{ObjectName, Prefix};
use crate::storage_uri::StorageUri;

pub use objects::{
    absent_things_are_no_errors, large_object_survives, listing_is_in_order_and_complete,
    one_of_two_writers_wins, put_never_replaces, too_large_object_is_refused,
};
pub use staged::{
    delete_is_repeatable, delete_keeps_to_its_prefix, export_targets_differ_by_prefix,
    foreign_files_are_not_ours, reported_files_are_found, staged_and_own_things_share_a_prefix,
    two_may_delete_at_once,
};

/// A place where a lake rests, empty at first, and a cluster's access to it.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Opens the same lake once more, as another process would.
    async fn open(&self) -> Arc<dyn Lake>;

    /// Does what an exporting cluster does: writes a file of this name below a target, and
    /// returns its path as the cluster reports it, without access.
    async fn export(&self, target: &StorageUri, file: &str, contents: &[u8]) -> String;

    /// Does what an ingesting cluster does: reads a file by its address.
    async fn ingest(&self, uri: &StorageUri) -> Vec<u8>;

    /// Addresses of files that lie outside of the lake, or try to.
    async fn foreign(&self) -> Vec<String>;
}

/// One test for each rule of the contract, over the fixture that the expression makes.
#[macro_export]
macro_rules! lake_contract {
    ($fixture:expr) => {
        $crate::lake_contract!(@each $fixture;
            put_never_replaces,
            one_of_two_writers_wins,
            absent_things_are_no_errors,
            large_object_survives,
            too_large_object_is_refused,
            listing_is_in_order_and_complete,
            export_targets_differ_by_prefix,
            reported_files_are_found,
            foreign_files_are_not_ours,
            delete_keeps_to_its_prefix,
            delete_is_repeatable,
            two_may_delete_at_once,
            staged_and_own_things_share_a_prefix,
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

fn name(text: &str) -> ObjectName {
    ObjectName::new(text).expect("a name")
}

fn prefix(text: &str) -> Prefix {
    Prefix::new(text).expect("a prefix")
}

async fn names(lake: &dyn Lake, under: &str) -> Vec<String> {
    let listed = lake.list(&prefix(under)).await.expect("a listing");
    listed.into_iter().map(|one| one.name.into()).collect()
}
