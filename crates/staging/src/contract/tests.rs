//! Each rule fails over a lake that breaks it, and none over the same lake unbroken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::Fixture;
use crate::error::LakeError;
use crate::lake::{Deleted, Lake, Listed, Put};
use crate::local::Folder;
use crate::name::{ObjectName, Prefix};
use crate::storage_uri::StorageUri;

/// What is wrong with a lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    EveryPutCreates,
    AbsentIsEmpty,
    ObjectsAreCut,
    NothingIsTooLarge,
    ListingsAreReversed,
    OneTargetForAll,
    SizesAreWrong,
    EveryFileIsOurs,
    DeletesTakeTheFolderAbove,
    DeletesWorkOnce,
    DeletesCountDouble,
    FilesAreNotListed,
}

struct Broken {
    folder: Folder,
    defect: Defect,
}

impl Broken {
    fn new(defect: Defect) -> Self {
        let folder = Folder::new();
        Self { folder, defect }
    }
}

struct BrokenLake {
    inner: Arc<dyn Lake>,
    defect: Defect,
    has_deleted: AtomicBool,
}

impl BrokenLake {
    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }
}

#[async_trait]
impl Lake for BrokenLake {
    async fn put_if_absent(&self, name: &ObjectName, contents: &[u8]) -> Result<Put, LakeError> {
        let cut = contents.len().min(1_000_000);
        let is_cut = self.is(Defect::ObjectsAreCut);
        let contents = if is_cut { &contents[..cut] } else { contents };
        match self.inner.put_if_absent(name, contents).await {
            Err(LakeError::TooLarge { .. }) if self.is(Defect::NothingIsTooLarge) => {
                Ok(Put::Created)
            }
            Ok(_) if self.is(Defect::EveryPutCreates) => Ok(Put::Created),
            answer => answer,
        }
    }

    async fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError> {
        let found = self.inner.get(name).await?;
        let absent = self.is(Defect::AbsentIsEmpty).then(Vec::new);
        Ok(found.or(absent))
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, LakeError> {
        let mut listed = self.inner.list(prefix).await?;
        if self.is(Defect::ListingsAreReversed) {
            listed.reverse();
        }
        if self.is(Defect::FilesAreNotListed) {
            listed.retain(|one| !one.name.as_str().ends_with(".gz"));
        }
        Ok(listed)
    }

    async fn export_targets(&self, prefix: &Prefix) -> Result<Vec<StorageUri>, LakeError> {
        let same = Prefix::new("all")?;
        let is_same = self.is(Defect::OneTargetForAll);
        self.inner
            .export_targets(if is_same { &same } else { prefix })
            .await
    }

    async fn ingest_uri(&self, reported: &str, under: &Prefix) -> Result<StorageUri, LakeError> {
        if self.is(Defect::EveryFileIsOurs) {
            return Ok(StorageUri::plain(reported.to_owned()));
        }
        self.inner.ingest_uri(reported, under).await
    }

    async fn staged_size(&self, reported: &str, under: &Prefix) -> Result<Option<u64>, LakeError> {
        let size = self.inner.staged_size(reported, under).await?;
        let more = u64::from(self.is(Defect::SizesAreWrong));
        Ok(size.map(|size| size + more))
    }

    async fn delete_prefix(&self, prefix: &Prefix) -> Result<Deleted, LakeError> {
        if self.has_deleted.swap(true, Ordering::SeqCst) && self.is(Defect::DeletesWorkOnce) {
            return Ok(Deleted::default());
        }
        let above = prefix.as_str().rsplit_once('/').map(|(above, _)| above);
        let above = above.filter(|_| self.is(Defect::DeletesTakeTheFolderAbove));
        let prefix = above.map_or_else(|| Ok(prefix.clone()), Prefix::new)?;
        let deleted = self.inner.delete_prefix(&prefix).await?;
        let times = 1 + u64::from(self.is(Defect::DeletesCountDouble));
        Ok(Deleted {
            objects: deleted.objects * times,
            ..deleted
        })
    }
}

#[async_trait]
impl Fixture for Broken {
    async fn open(&self) -> Arc<dyn Lake> {
        Arc::new(BrokenLake {
            inner: self.folder.open().await,
            defect: self.defect,
            has_deleted: AtomicBool::new(false),
        })
    }

    async fn export(&self, target: &StorageUri, file: &str, contents: &[u8]) -> String {
        self.folder.export(target, file, contents).await
    }

    async fn ingest(&self, uri: &StorageUri) -> Vec<u8> {
        self.folder.ingest(uri).await
    }

    async fn foreign(&self) -> Vec<String> {
        self.folder.foreign().await
    }
}

mod without_a_defect {
    use super::{Broken, Defect};
    crate::lake_contract!(Broken::new(Defect::None));
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
    put_never_replaces: EveryPutCreates,
    one_of_two_writers_wins: EveryPutCreates,
    absent_things_are_no_errors: AbsentIsEmpty,
    large_object_survives: ObjectsAreCut,
    too_large_object_is_refused: NothingIsTooLarge,
    listing_is_in_order_and_complete: ListingsAreReversed,
    export_targets_differ_by_prefix: OneTargetForAll,
    reported_files_are_found: SizesAreWrong,
    foreign_files_are_not_ours: EveryFileIsOurs,
    delete_keeps_to_its_prefix: DeletesTakeTheFolderAbove,
    delete_is_repeatable: DeletesWorkOnce,
    two_may_delete_at_once: DeletesCountDouble,
    staged_and_own_things_share_a_prefix: FilesAreNotListed,
}
