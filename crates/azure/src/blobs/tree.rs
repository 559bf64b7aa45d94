//! Whole prefixes: listing and deleting.
//!
//! With a hierarchical namespace the service lists folders among the blobs, marked by metadata.
//! They are no files of ours: not listed, not counted, and deleted after what lies in them.

use azure_core::http::pager::PageIterator;
use azure_core::http::{Response, XmlFormat};
use azure_core::time::OffsetDateTime;
use azure_storage_blob::models::{
    BlobClientDeleteOptions, BlobClientGetPropertiesResultHeaders,
    BlobContainerClientListBlobsOptions, BlobItem, DeleteSnapshotsOptionType, ListBlobsIncludeItem,
    ListBlobsResponse,
};
use futures::{StreamExt, TryStreamExt, stream};
use kusto_copy_staging::{Deleted, LakeError, Listed, Prefix};

use super::errors::{Doing, code};
use super::place::Place;

/// Deletes under way at the same time: far below what an account takes, enough to hide the way.
const DELETES: usize = 16;

/// How the service marks a folder.
const FOLDER_MARK: &str = "hdi_isfolder";

struct Entry {
    /// Name in the container.
    blob: String,
    bytes: u64,
    modified: Option<OffsetDateTime>,
    is_folder: bool,
}

/// What lies under a prefix, page by page.
struct Pages<'a> {
    place: &'a Place,
    under: String,
    rest: PageIterator<Response<ListBlobsResponse, XmlFormat>>,
}

impl<'a> Pages<'a> {
    fn of(place: &'a Place, prefix: &Prefix) -> Result<Self, LakeError> {
        let under = format!("{}/", place.location().blob(prefix.as_str()));
        let options = BlobContainerClientListBlobsOptions {
            include: Some(vec![ListBlobsIncludeItem::Metadata]),
            prefix: Some(under.clone()),
            maxresults: Some(place.page),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let pager = place.container().list_blobs(Some(options));
        let pager = pager.map_err(|error| place.failed(Doing::List, &error))?;
        Ok(Self {
            place,
            under,
            rest: pager.into_pages(),
        })
    }

    async fn next(&mut self) -> Result<Option<Vec<Entry>>, LakeError> {
        let failed = |error| self.place.failed(Doing::List, &error);
        let Some(page) = self.rest.try_next().await.map_err(failed)? else {
            return Ok(None);
        };
        let items = page.into_model().map_err(failed)?.blob_items;
        let entries = items.into_iter().filter_map(entry);
        // The service keeps to the prefix; a mistake there must not cost a stranger's blob.
        Ok(Some(
            entries
                .filter(|entry| entry.blob.starts_with(&self.under))
                .collect(),
        ))
    }
}

fn entry(item: BlobItem) -> Option<Entry> {
    let mark = item.metadata.and_then(|metadata| metadata.values);
    let properties = item.properties?;
    Some(Entry {
        blob: item.name?,
        bytes: properties.content_length.unwrap_or_default(),
        modified: properties.last_modified,
        is_folder: mark.is_some_and(|values| values.iter().any(marks_folder)),
    })
}

fn marks_folder((name, value): (&String, &String)) -> bool {
    name.eq_ignore_ascii_case(FOLDER_MARK) && value.eq_ignore_ascii_case("true")
}

pub(super) async fn list(place: &Place, prefix: &Prefix) -> Result<Vec<Listed>, LakeError> {
    let mut listed = Vec::new();
    let mut pages = Pages::of(place, prefix)?;
    while let Some(entries) = pages.next().await? {
        for entry in entries.into_iter().filter(|entry| !entry.is_folder) {
            match place.location().name_of(&entry.blob) {
                Some(name) => listed.push(Listed {
                    name,
                    bytes: entry.bytes,
                    modified_unix_millis: entry.modified.and_then(millis),
                }),
                None => tracing::warn!(
                    blob = entry.blob,
                    "neither an object nor a staged file; left out of the listing"
                ),
            }
        }
    }
    Ok(listed)
}

fn millis(time: OffsetDateTime) -> Option<i64> {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

pub(super) async fn delete(place: &Place, prefix: &Prefix) -> Result<Deleted, LakeError> {
    let mut deleted = Deleted::default();
    let mut folders = Vec::new();
    let mut pages = Pages::of(place, prefix)?;
    while let Some(entries) = pages.next().await? {
        let (in_page, files): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().partition(|entry| entry.is_folder);
        folders.extend(in_page.into_iter().map(|entry| entry.blob));
        let delete = |file: Entry| async move {
            let was_there = delete_one(place, &file.blob).await?;
            Ok::<_, LakeError>((was_there, file.bytes))
        };
        let mut gone = stream::iter(files).map(delete).buffer_unordered(DELETES);
        while let Some((was_there, bytes)) = gone.try_next().await? {
            if was_there {
                deleted.objects += 1;
                deleted.bytes += bytes;
            }
        }
    }
    // Longest first: a folder goes when nothing is left in it.
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
    if is_folder(place, prefix).await? {
        folders.push(place.location().blob(prefix.as_str()));
    }
    for folder in folders {
        delete_one(place, &folder).await?;
    }
    Ok(deleted)
}

/// Whether the prefix itself is a folder, rather than nothing or an object of that name.
async fn is_folder(place: &Place, prefix: &Prefix) -> Result<bool, LakeError> {
    if !place.location().is_hierarchical() {
        return Ok(false);
    }
    match place.blob(prefix.as_str()).get_properties(None).await {
        Ok(found) => {
            let metadata = found
                .metadata()
                .map_err(|error| place.failed(Doing::Read, &error))?;
            Ok(metadata.iter().any(marks_folder))
        }
        Err(error) if Place::is_absent(&error) => Ok(false),
        Err(error) => Err(place.failed(Doing::Read, &error)),
    }
}

/// Deletes a blob by its name in the container; false when somebody else did, or when it is a
/// folder into which a late writer came: the next sweep finds both.
async fn delete_one(place: &Place, blob: &str) -> Result<bool, LakeError> {
    let options = BlobClientDeleteOptions {
        delete_snapshots: Some(DeleteSnapshotsOptionType::Include),
        ..BlobClientDeleteOptions::default()
    };
    match place
        .container()
        .blob_client(blob)
        .delete(Some(options))
        .await
    {
        Ok(_) => Ok(true),
        Err(error) if Place::is_absent(&error) => Ok(false),
        Err(error) if code(&error) == Some("DirectoryIsNotEmpty") => Ok(false),
        Err(error) => Err(place.failed(Doing::Delete, &error)),
    }
}
