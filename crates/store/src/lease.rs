//! A lease: the right of one worker to advance something, held in one entity.
//!
//! The entity holds the owner's nonce, an epoch that only grows, and an expiry by the store's
//! clock. Whoever acquires takes the next epoch. The lease does not stop a stale worker from
//! acting; it is the `If-Match` of each write that does. It keeps two workers from doing the same
//! work at once, and lets the loser of a race know.
//!
//! | call | answer lost | run twice | run by a stale worker |
//! |---|---|---|---|
//! | acquire | read again: ours counts as acquired | the second finds itself owner | its `If-Match` fails |
//! | renew | read again: a later end of ours counts as renewed | expires later, no harm | owner or epoch differ: `Lost` |
//! | release | expires by itself | no harm | owner or epoch differ: nothing is written |

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::entity::{Entity, Etag};
use crate::error::StoreError;
use crate::key::Key;
use crate::layout::Layout;
use crate::store::Store;
use crate::time::StoreTime;
use crate::transaction::{Transaction, Write};

/// Longest time that a lease may run. An expiry further ahead than this was written under a wrong
/// clock and counts as expired, or it could lock everybody out for years.
pub const LONGEST_TERM: Duration = Duration::from_secs(15 * 60);

const LAYOUT: Layout = Layout::new(1, env!("CARGO_PKG_VERSION"));

/// What the entity holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    owner: String,
    epoch: u64,
    expires: StoreTime,
}

impl Record {
    fn is_free(&self, now: StoreTime) -> bool {
        now >= self.expires || self.expires > now.plus(LONGEST_TERM)
    }
}

/// A lease as it stood at the last answer of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    key: Key,
    owner: String,
    epoch: u64,
    expires: StoreTime,
}

impl Lease {
    /// The entity that holds it.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The nonce it was acquired with.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Its epoch, larger than that of every earlier holder.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When it ends unless renewed, by the store's clock.
    #[must_use]
    pub fn expires(&self) -> StoreTime {
        self.expires
    }

    /// Whether it still runs at a moment told by the store.
    #[must_use]
    pub fn runs_at(&self, now: StoreTime) -> bool {
        now < self.expires
    }

    fn of(key: &Key, record: Record) -> Self {
        Self {
            key: key.clone(),
            owner: record.owner,
            epoch: record.epoch,
            expires: record.expires,
        }
    }

    fn is_same_holding(&self, record: &Record) -> bool {
        self.owner == record.owner && self.epoch == record.epoch
    }
}

/// Answer of [`acquire`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Acquisition {
    /// The caller holds the lease.
    Acquired(Lease),
    /// Somebody else holds it.
    Busy {
        /// Their lease.
        holder: Lease,
        /// The store's clock when it said so.
        store_time: StoreTime,
    },
}

/// Answer of [`renew`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Renewal {
    /// The lease runs on, as it is stored: later than the lease that was to be renewed.
    Renewed(Lease),
    /// Somebody else acquired it: stop at once.
    Lost,
}

/// The lease as stored, and how the store named that version.
struct Seen {
    stored: Option<(Record, Etag)>,
    store_time: StoreTime,
}

async fn look(store: &dyn Store, key: &Key) -> Result<Seen, StoreError> {
    let read = store.get(key).await?;
    let with_record = |entity: Entity| -> Result<(Record, Etag), StoreError> {
        Ok((LAYOUT.read(&entity)?, entity.etag))
    };
    Ok(Seen {
        stored: read.entity.map(with_record).transpose()?,
        store_time: read.store_time,
    })
}

fn write_of(key: &Key, record: &Record, seen: Option<&Etag>) -> Result<Transaction, StoreError> {
    let body = LAYOUT.write(record)?;
    let key = key.clone();
    let write = match seen {
        None => Write::Insert { key, body },
        Some(etag) => Write::Replace {
            key,
            body,
            if_match: etag.clone(),
        },
    };
    Ok(Transaction::new(vec![write])?)
}

/// Takes the lease when it is free or already the caller's.
///
/// `owner` must be random and of this worker alone, never used again after its lease was lost.
/// `term` is cut to [`LONGEST_TERM`].
///
/// # Errors
/// As the store fails. After [`StoreError::Ambiguous`] the lease may still become the caller's;
/// acquire again with the same `owner` to see, or leave it to expire.
pub async fn acquire(
    store: &dyn Store,
    key: &Key,
    owner: &str,
    term: Duration,
) -> Result<Acquisition, StoreError> {
    let seen = look(store, key).await?;
    let now = seen.store_time;
    let (epoch, etag) = match seen.stored {
        None => (0, None),
        Some((record, _)) if !record.is_free(now) => {
            return Ok(settle(key, owner, record, now));
        }
        Some((record, etag)) => (record.epoch, Some(etag)),
    };
    let wanted = Record {
        owner: owner.to_owned(),
        epoch: epoch.saturating_add(1),
        expires: now.plus(term.min(LONGEST_TERM)),
    };
    let transaction = write_of(key, &wanted, etag.as_ref())?;
    match store.commit(&transaction).await {
        Ok(_) => Ok(Acquisition::Acquired(Lease::of(key, wanted))),
        Err(error) if error.is_conflict() || error.is_ambiguous() => {
            let seen = look(store, key).await?;
            match seen.stored {
                Some((record, _)) if !record.is_free(seen.store_time) => {
                    Ok(settle(key, owner, record, seen.store_time))
                }
                Some(_) | None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Whose a lease is that is not free.
fn settle(key: &Key, owner: &str, record: Record, store_time: StoreTime) -> Acquisition {
    let lease = Lease::of(key, record);
    if lease.owner == owner {
        Acquisition::Acquired(lease)
    } else {
        Acquisition::Busy {
            holder: lease,
            store_time,
        }
    }
}

/// Lets the lease run for `term` (cut to [`LONGEST_TERM`]) from now. An expired lease that nobody
/// else took is renewed too.
///
/// # Errors
/// As the store fails, and [`StoreError::Ambiguous`] or a conflict while no later end than the
/// caller's is stored: the lease then runs as long as before, unless another takes it.
pub async fn renew(
    store: &dyn Store,
    lease: &Lease,
    term: Duration,
) -> Result<Renewal, StoreError> {
    let seen = look(store, &lease.key).await?;
    let Some((record, etag)) = seen
        .stored
        .filter(|(record, _)| lease.is_same_holding(record))
    else {
        return Ok(Renewal::Lost);
    };
    let wanted = Record {
        expires: seen.store_time.plus(term.min(LONGEST_TERM)),
        ..record
    };
    match store
        .commit(&write_of(&lease.key, &wanted, Some(&etag))?)
        .await
    {
        Ok(_) => Ok(Renewal::Renewed(Lease::of(&lease.key, wanted))),
        // A conflict may come from an earlier renewal of ours that arrived late.
        Err(error) if error.is_conflict() || error.is_ambiguous() => {
            let seen = look(store, &lease.key).await?;
            match seen.stored {
                Some((record, _)) if !lease.is_same_holding(&record) => Ok(Renewal::Lost),
                Some((record, _)) if record.expires > lease.expires => {
                    Ok(Renewal::Renewed(Lease::of(&lease.key, record)))
                }
                // Whoever trusted it anew would trust it beyond the end that others see.
                Some(_) => Err(error),
                None => Ok(Renewal::Lost),
            }
        }
        Err(error) => Err(error),
    }
}

/// Ends the lease so that another worker need not wait; keeps the entity, since the epoch must
/// never start again. Does nothing when the lease is another's by now.
///
/// # Errors
/// As the store fails; the lease then ends by its expiry.
pub async fn release(store: &dyn Store, lease: &Lease) -> Result<(), StoreError> {
    let seen = look(store, &lease.key).await?;
    let Some((record, etag)) = seen
        .stored
        .filter(|(record, _)| lease.is_same_holding(record))
    else {
        return Ok(());
    };
    let wanted = Record {
        expires: StoreTime::from_unix_millis(0),
        ..record
    };
    match store
        .commit(&write_of(&lease.key, &wanted, Some(&etag))?)
        .await
    {
        Err(error) if !error.is_conflict() => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
