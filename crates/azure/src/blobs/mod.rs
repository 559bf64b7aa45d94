//! A lake in Blob Storage: one container for our own objects, and any number of containers, of
//! any accounts, for staged files.
//!
//! The first place is the home: objects are written and read there alone. Every place takes a
//! share of the staged files. Each blob of ours is written once under a name that nobody uses
//! again, so a repeated request finds its own work: a put that was answered by nobody meets its
//! blob and compares, a delete finds nothing left.

mod errors;
mod grants;
mod keys;
mod objects;
mod place;
mod service_sas;
#[cfg(test)]
mod tests;
mod tree;

use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::Transport;
use azure_core::time::OffsetDateTime;
use futures::future::try_join_all;
use kusto_copy_staging::{
    Deleted, Lake, LakeError, Listed, ObjectName, Prefix, Put, StorageUri, digest,
};

use crate::access::Access;
use crate::location::{Location, shown};

pub use grants::{StagingAccess, StagingAccessError};

use grants::{Purpose, Terms};
use place::Place;

/// How long a signature for a cluster holds unless told otherwise. An asynchronous command runs
/// for an hour at most and may wait for a slot as long again.
pub const DEFAULT_SAS_LIFETIME: Duration = Duration::from_secs(3 * 3_600);

/// Below an hour a signature may end while its command still runs; the attempt fails then and is
/// made again with a new one.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(1);

/// Signatures made with a delegated key live no longer than it: seven days, less the margins.
const LONGEST_LIFETIME: Duration = Duration::from_secs(6 * 86_400);

/// How clusters reach the staged files of a [`BlobLake`].
#[derive(Debug, Clone)]
pub struct Staging {
    /// What they are given.
    pub access: StagingAccess,
    /// How long it holds, where it ends by itself: a second to six days.
    pub sas_lifetime: Duration,
}

impl Default for Staging {
    fn default() -> Self {
        Self {
            access: StagingAccess::Sas,
            sas_lifetime: DEFAULT_SAS_LIFETIME,
        }
    }
}

/// A lake in Blob Storage. Several processes may use the same one.
#[derive(Debug)]
pub struct BlobLake {
    home: Place,
    further: Vec<Place>,
    terms: Terms,
    now: fn() -> OffsetDateTime,
}

impl BlobLake {
    /// A lake at home in the first place, which stages files there and in the further ones. Asks
    /// nobody yet: [`Self::prepare`] does.
    ///
    /// # Errors
    /// [`LakeError::Location`] when places overlap, or an address cannot be reached safely with
    /// its access; [`LakeError::Failed`] for a lifetime out of bounds.
    pub fn new(
        home: (Location, Access),
        further: Vec<(Location, Access)>,
        staging: Staging,
        transport: &Transport,
    ) -> Result<Self, LakeError> {
        let lifetime = staging.sas_lifetime;
        if lifetime < SHORTEST_LIFETIME || lifetime > LONGEST_LIFETIME {
            return Err(LakeError::Failed {
                what: "the lifetime of signatures for clusters".to_owned(),
                reason: "give a second to six days".to_owned(),
                source: None,
            });
        }
        let place = |(location, access)| Place::new(location, access, transport);
        let lake = Self {
            home: place(home)?,
            further: further.into_iter().map(place).collect::<Result<_, _>>()?,
            terms: Terms::new(staging),
            now: OffsetDateTime::now_utc,
        };
        lake.refuse_overlaps()?;
        Ok(lake)
    }

    /// Looks whether every place can be listed, and creates containers that are missing.
    /// Repeated, it finds them.
    ///
    /// # Errors
    /// When a container cannot be reached or created.
    pub async fn prepare(&self) -> Result<(), LakeError> {
        try_join_all(self.places().map(Place::prepare)).await?;
        Ok(())
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.home).chain(&self.further)
    }

    /// One place in another would show and delete the other's files as its own.
    fn refuse_overlaps(&self) -> Result<(), LakeError> {
        let addresses: Vec<String> = self
            .places()
            .map(|place| place.location().address())
            .collect();
        for (at, one) in addresses.iter().enumerate() {
            for (_, other) in addresses
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
            {
                let within = other.strip_prefix(one.as_str());
                if within.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                    return Err(LakeError::Location {
                        text: other.clone(),
                        reason: format!(
                            "it lies within {one}, another place of the lake; name each place once"
                        ),
                    });
                }
            }
        }
        Ok(())
    }

    /// The place and name of a file that a cluster reported.
    fn locate(&self, reported: &str, under: &Prefix) -> Result<(&Place, ObjectName), LakeError> {
        self.places()
            .find_map(|place| {
                let name = place.location().name_at(reported)?;
                under.contains(&name).then_some((place, name))
            })
            .ok_or_else(|| LakeError::NotOurs {
                reported: shown(reported),
                under: under.clone(),
            })
    }
}

/// Where the turn begins for a prefix. A cluster fills its targets from the first on, and small
/// exports fill no more, so each attempt begins elsewhere. By a hash, since a counter would begin
/// anew with every process.
fn turn(prefix: &Prefix, places: usize) -> usize {
    let digits = digest(prefix.as_str().as_bytes());
    let hash = u32::from_str_radix(&digits[..8], 16).unwrap_or_default();
    usize::try_from(hash).unwrap_or_default() % places.max(1)
}

#[async_trait]
impl Lake for BlobLake {
    async fn put_if_absent(&self, name: &ObjectName, contents: &[u8]) -> Result<Put, LakeError> {
        objects::put_if_absent(&self.home, name, contents).await
    }

    async fn get(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, LakeError> {
        objects::get(&self.home, name).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Vec<Listed>, LakeError> {
        let lists = try_join_all(self.places().map(|place| tree::list(place, prefix))).await?;
        let mut listed: Vec<Listed> = lists.into_iter().flatten().collect();
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    async fn export_targets(&self, prefix: &Prefix) -> Result<Vec<StorageUri>, LakeError> {
        let now = (self.now)();
        let mut targets = try_join_all(self.places().map(|place| async move {
            let granted = place
                .grant(Purpose::Export(prefix), &self.terms, now)
                .await?;
            let address = place.location().address_of(prefix.as_str());
            Ok::<_, LakeError>(StorageUri::with_access(address, granted.expose()))
        }))
        .await?;
        let turn = turn(prefix, targets.len());
        targets.rotate_left(turn);
        Ok(targets)
    }

    async fn ingest_uri(&self, reported: &str, under: &Prefix) -> Result<StorageUri, LakeError> {
        let (place, name) = self.locate(reported, under)?;
        let granted = place
            .grant(Purpose::Ingest(&name), &self.terms, (self.now)())
            .await?;
        let address = place.location().address_of(name.as_str());
        Ok(StorageUri::with_access(address, granted.expose()))
    }

    async fn staged_size(&self, reported: &str, under: &Prefix) -> Result<Option<u64>, LakeError> {
        let (place, name) = self.locate(reported, under)?;
        objects::size(place, &name).await
    }

    async fn delete_prefix(&self, prefix: &Prefix) -> Result<Deleted, LakeError> {
        let all = try_join_all(self.places().map(|place| tree::delete(place, prefix))).await?;
        Ok(all.iter().fold(Deleted::default(), |sum, one| Deleted {
            objects: sum.objects + one.objects,
            bytes: sum.bytes + one.bytes,
        }))
    }
}
