//! The key that the service delegates to us, to sign for clusters in our name.

use std::fmt;

use azure_core::http::RequestContent;
use azure_core::time::{Duration, OffsetDateTime};
use azure_storage_blob::BlobServiceClient;
use azure_storage_blob::models::KeyInfo;
use azure_storage_common::models::UserDelegationKey;
use tokio::sync::Mutex;

use super::grants::{CLOCK_SKEW, Terms};

/// How much longer than one signature a key lives, so that many signatures share it.
const REUSE: Duration = Duration::hours(6);

/// The service's limit for a key ("Get User Delegation Key").
const LONGEST: Duration = Duration::days(7);

/// A delegated key, asked for when it is needed and kept while a new signature fits into it.
///
/// Several processes each have their own; a key that is never used again ends by itself.
#[derive(Default)]
pub(super) struct DelegatedKey(Mutex<Option<Held>>);

impl fmt::Debug for DelegatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DelegatedKey")
    }
}

struct Held {
    key: UserDelegationKey,
    until: OffsetDateTime,
}

impl DelegatedKey {
    /// A key that outlives a signature made now. Those who come while it is fetched wait for it.
    pub(super) async fn get(
        &self,
        service: &BlobServiceClient,
        terms: &Terms,
        now: OffsetDateTime,
    ) -> azure_core::Result<UserDelegationKey> {
        let mut held = self.0.lock().await;
        if let Some(held) = held.as_ref().filter(|held| held.covers(terms, now)) {
            return Ok(held.key.clone());
        }
        // The service's clock may be behind ours, and its limit counts from its own.
        let lifetime = (terms.lifetime() + REUSE).min(LONGEST - CLOCK_SKEW - CLOCK_SKEW);
        let until = now.saturating_add(lifetime);
        let start = now.saturating_sub(CLOCK_SKEW);
        let wanted: RequestContent<KeyInfo, _> = KeyInfo {
            start: Some(start),
            expiry: Some(until),
            ..KeyInfo::default()
        }
        .try_into()?;
        let key = service
            .get_user_delegation_key(wanted, None)
            .await?
            .into_model()?;
        // What the service granted counts, should it be less.
        let until = key
            .signed_expiry
            .map_or(until, |granted| granted.min(until));
        *held = Some(Held {
            key: key.clone(),
            until,
        });
        Ok(key)
    }
}

impl Held {
    fn covers(&self, terms: &Terms, now: OffsetDateTime) -> bool {
        terms.window(now).expiry <= self.until
            && self
                .key
                .signed_start
                .is_none_or(|start| start <= terms.window(now).start)
    }
}
