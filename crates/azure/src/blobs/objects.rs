//! Single blobs: our own objects, and the size of a staged file.

use std::num::NonZero;

use azure_core::Bytes;
use azure_core::http::StatusCode;
use azure_core::http::headers::{HeaderName, Headers};
use azure_storage_blob::models::{
    BlobClientDownloadOptions, BlobClientGetPropertiesResultHeaders, BlockBlobClientUploadOptions,
};
use kusto_copy_staging::{LakeError, MAX_OBJECT_BYTES, ObjectName, Put};

use super::errors::{Doing, code, status};
use super::place::Place;

/// More than any object has, so that each is written and read by one request.
///
/// Two writers that stage one blob in parts would mix or drop each other's; by a single request
/// it appears whole or not at all.
const ONE_REQUEST: usize = 64 * 1024 * 1024 + 1;

pub(super) async fn put_if_absent(
    place: &Place,
    name: &ObjectName,
    contents: &[u8],
) -> Result<Put, LakeError> {
    check_size(name, contents.len() as u64)?;
    let options = BlockBlobClientUploadOptions {
        partition_size: NonZero::new(ONE_REQUEST as u64),
        ..BlockBlobClientUploadOptions::default()
    }
    .if_not_exists();
    let body = Bytes::copy_from_slice(contents);
    let blob = place.blob(name.as_str());
    match blob.upload(body.into(), Some(options)).await {
        Ok(_) => Ok(Put::Created),
        Err(error) if is_taken(&error) => compare(place, name, contents).await,
        Err(error) => Err(place.failed(Doing::Write, &error)),
    }
}

/// The blob was there before this request arrived: perhaps by an earlier try of it.
fn is_taken(error: &azure_core::Error) -> bool {
    matches!(code(error), Some("BlobAlreadyExists" | "ConditionNotMet"))
        || status(error) == Some(StatusCode::PreconditionFailed)
}

async fn compare(place: &Place, name: &ObjectName, contents: &[u8]) -> Result<Put, LakeError> {
    match get(place, name).await {
        Ok(Some(found)) if found == contents => Ok(Put::Identical),
        Ok(Some(_)) | Err(LakeError::TooLarge { .. }) => Ok(Put::Different),
        // Deleted since: the next call tells.
        Ok(None) => Err(LakeError::Unavailable {
            retry_after: None,
            source: None,
        }),
        Err(error) => Err(error),
    }
}

pub(super) async fn get(place: &Place, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError> {
    let options = BlobClientDownloadOptions {
        partition_size: NonZero::new(ONE_REQUEST),
        ..BlobClientDownloadOptions::default()
    };
    let found = match place.blob(name.as_str()).download(Some(options)).await {
        Ok(found) => found,
        Err(error) if Place::is_absent(&error) => return Ok(None),
        Err(error) => return Err(place.failed(Doing::Read, &error)),
    };
    let size = whole_size(&found.headers).or(found.properties.content_length);
    check_size(name, size.unwrap_or_default())?;
    let body = found.body.collect().await;
    let body = body.map_err(|error| place.failed(Doing::Read, &error))?;
    Ok(Some(body.to_vec()))
}

/// The blob's size by the header of a part of it: `bytes 0-99/12345`.
fn whole_size(headers: &Headers) -> Option<u64> {
    let range = headers.get_optional_str(&HeaderName::from_static("content-range"))?;
    range.rsplit_once('/')?.1.parse().ok()
}

fn check_size(name: &ObjectName, bytes: u64) -> Result<(), LakeError> {
    if bytes <= MAX_OBJECT_BYTES {
        return Ok(());
    }
    Err(LakeError::TooLarge {
        name: name.clone(),
        bytes,
    })
}

pub(super) async fn size(place: &Place, name: &ObjectName) -> Result<Option<u64>, LakeError> {
    match place.blob(name.as_str()).get_properties(None).await {
        Ok(found) => found
            .content_length()
            .map_err(|error| place.failed(Doing::Read, &error)),
        Err(error) if Place::is_absent(&error) => Ok(None),
        Err(error) => Err(place.failed(Doing::Read, &error)),
    }
}
