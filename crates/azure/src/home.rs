//! Where a job's data and progress rest in Azure, opened by the addresses that a user gives.
//!
//! Every edge opens a job's home here, so that whoever names the same lake meets in the same
//! state: its entities carry the lake's scope ([`Location::scope`]).

mod error;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::Transport;
use kusto_copy_staging::Lake;
use kusto_copy_store::Store;

use crate::access::{Access, Secret};
use crate::blobs::{BlobLake, DEFAULT_SAS_LIFETIME, Staging, StagingAccess};
use crate::location::{Addressed, Location, TableLocation, shown};
use crate::tables::{AzureTableStore, Table};
use crate::tokens::Identity;
use crate::transport::transport;

pub use error::HomeError;

/// The state table of an account unless another is named. Jobs share it.
pub const STATE_TABLE: &str = "kustocopy";

/// Azurite's own account, and the key that Microsoft publishes for it: the same everywhere, no
/// secret (<https://learn.microsoft.com/azure/storage/common/storage-use-azurite>).
const AZURITE_ACCOUNT: &str = "devstoreaccount1";
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// What a user says about a job's home. Printed, it shows no access.
#[derive(Clone)]
pub struct HomeOptions {
    /// The lake's address: see [`Location::parse`].
    pub lake: String,
    /// Further containers for staged files, of any accounts. Everything exported is spread over
    /// the lake and these.
    pub places: Vec<String>,
    /// The state table's address: see [`TableLocation::parse`]. By default [`STATE_TABLE`] of the
    /// lake's account; Azurite's must be named.
    pub state: Option<String>,
    /// How clusters reach staged files.
    pub staging_access: StagingAccess,
    /// How we reach the storage accounts. A signature behind an address goes first; one given here
    /// is of the lake's account and opens no other, as a key opens its own alone. By default
    /// Azurite's own account opens by its published key, and everything else by the identity of
    /// the environment.
    pub access: Option<Access>,
    /// How long a signature for a cluster holds.
    pub sas_lifetime: Duration,
    /// Carries the requests. Homes that share one share its connections.
    pub transport: Transport,
}

impl HomeOptions {
    /// A home at this lake with nothing else said.
    #[must_use]
    pub fn new(lake: impl Into<String>) -> Self {
        Self {
            lake: lake.into(),
            places: Vec::new(),
            state: None,
            staging_access: StagingAccess::Sas,
            access: None,
            sas_lifetime: DEFAULT_SAS_LIFETIME,
            transport: transport(),
        }
    }
}

impl std::fmt::Debug for HomeOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places: Vec<String> = self.places.iter().map(|place| shown(place)).collect();
        f.debug_struct("HomeOptions")
            .field("lake", &shown(&self.lake))
            .field("places", &places)
            .field("state", &self.state.as_deref().map(shown))
            .field("staging_access", &self.staging_access)
            .field("access", &self.access)
            .field("sas_lifetime", &self.sas_lifetime)
            .finish_non_exhaustive()
    }
}

/// The access that a developer gives instead of an identity: the key of the lake's account, or a
/// signature. The key goes first.
///
/// # Errors
/// When the lake's address is none, or what is given cannot grant access.
pub fn development_access(
    lake: &str,
    key: Option<Secret>,
    signature: Option<&Secret>,
) -> Result<Option<Access>, HomeError> {
    if let Some(key) = key {
        let account = Location::parse(lake)?.location.account().to_owned();
        return Ok(Some(Access::shared_key(&account, key)?));
    }
    let access = signature.map(|signature| Access::sas(signature.expose()));
    Ok(access.transpose()?)
}

/// A job's two places.
#[derive(Clone)]
pub struct Home {
    /// Where data is staged.
    pub lake: Arc<dyn Lake>,
    /// Where progress rests.
    pub store: Arc<dyn Store>,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Home")
    }
}

/// Opens a job's home, and makes the containers and the table that are missing. Repeated, or done
/// by two at once, it finds what is there.
///
/// # Errors
/// See [`HomeError`]. Some of it may be made then; do it again.
pub async fn open(options: HomeOptions) -> Result<Home, HomeError> {
    let read = Read::of(&options)?;
    let lake = BlobLake::new(
        read.lake,
        read.places,
        Staging {
            access: options.staging_access,
            sas_lifetime: options.sas_lifetime,
        },
        &options.transport,
    )?;
    let table = read.state.create_if_missing();
    let (lake_is_there, table_is_there) = tokio::join!(lake.prepare(), table);
    lake_is_there?;
    table_is_there.map_err(|error| HomeError::table(&read.state, error))?;
    Ok(Home {
        lake: Arc::new(lake),
        store: Arc::new(AzureTableStore::new(read.state, &read.scope)?),
    })
}

/// Opens the progress of a job that exists, and makes nothing.
///
/// # Errors
/// See [`HomeError`]; [`HomeError::NoState`] when there is no state table.
pub async fn open_existing(options: HomeOptions) -> Result<Arc<dyn Store>, HomeError> {
    let read = Read::of(&options)?;
    match read.state.exists().await {
        Ok(true) => Ok(Arc::new(AzureTableStore::new(read.state, &read.scope)?)),
        Ok(false) => Err(HomeError::NoState {
            table: read.state.address(),
        }),
        Err(error) => Err(HomeError::table(&read.state, error)),
    }
}

/// What the options come to. Nothing is sent for it.
struct Read {
    lake: (Location, Access),
    places: Vec<(Location, Access)>,
    state: Table,
    scope: String,
}

impl Read {
    fn of(options: &HomeOptions) -> Result<Self, HomeError> {
        let lake = Location::parse(&options.lake)?;
        let (state, state_access) = state(options, &lake)?;
        let scope = lake.location.scope();
        let mut doors = Doors::new(options, lake.location.account().to_owned());
        let place = |doors: &mut Doors<'_>, place: Addressed<Location>| {
            let location = place.location;
            let door = Door {
                address: location.address(),
                account: location.account(),
                is_local: location.is_local(),
            };
            let access = doors.open(&door, place.access)?;
            Ok::<_, HomeError>((location, access))
        };
        let places = options.places.iter().map(|text| Location::parse(text));
        let places: Vec<_> = places.collect::<Result<_, _>>()?;
        let places = places.into_iter().map(|one| place(&mut doors, one));
        let places = places.collect::<Result<_, _>>()?;
        let lake = place(&mut doors, lake)?;
        let door = Door {
            address: state.address(),
            account: state.account(),
            is_local: state.is_local(),
        };
        let access = doors.open(&door, state_access)?;
        let transport = options.transport.clone();
        let state = Table::new(state.service_url(), state.table(), &access, transport)?;
        Ok(Self {
            lake,
            places,
            state,
            scope,
        })
    }
}

/// The state table, and the access that its address carries. A signature behind the lake's
/// address opens the table beside it too, when it is one for tables.
fn state(
    options: &HomeOptions,
    lake: &Addressed<Location>,
) -> Result<(TableLocation, Option<Access>), HomeError> {
    if let Some(state) = &options.state {
        let state = TableLocation::parse(state)?;
        let shared = match lake.location.is_beside(&state.location) {
            true => for_tables(lake.access.as_ref()),
            false => None,
        };
        return Ok((state.location, state.access.or(shared)));
    }
    match lake.location.default_table(STATE_TABLE) {
        Some(state) => Ok((state, for_tables(lake.access.as_ref()))),
        None => Err(HomeError::StateUnknown {
            lake: lake.location.address(),
        }),
    }
}

/// A signature for an account whose services include tables (`ss=…t…`).
fn for_tables(access: Option<&Access>) -> Option<Access> {
    let Some(Access::Sas(query)) = access else {
        return None;
    };
    let services = query
        .expose()
        .split('&')
        .find_map(|pair| pair.strip_prefix("ss="));
    services
        .is_some_and(|services| services.contains('t'))
        .then(|| Access::Sas(query.clone()))
}

/// A thing that is opened by access to its account.
struct Door<'a> {
    address: String,
    account: &'a str,
    is_local: bool,
}

/// How doors are opened.
struct Doors<'a> {
    options: &'a HomeOptions,
    /// The lake's account, which a signature that stands for itself is of.
    lake_account: String,
    /// One credential for all, so that they share its tokens.
    identity: Option<Access>,
}

impl<'a> Doors<'a> {
    fn new(options: &'a HomeOptions, lake_account: String) -> Self {
        Self {
            options,
            lake_account,
            identity: None,
        }
    }

    fn open(&mut self, door: &Door<'_>, own: Option<Access>) -> Result<Access, HomeError> {
        if let Some(own) = own {
            return Ok(own);
        }
        // A key or a signature opens one account, and is shown to no other.
        let opens = match &self.options.access {
            Some(Access::SharedKey { account, .. }) => Some(account),
            Some(Access::Sas(_)) => Some(&self.lake_account),
            Some(Access::Token(_)) | None => None,
        };
        if let Some(account) = opens.filter(|account| *account != door.account) {
            return Err(HomeError::OtherAccount {
                address: door.address.clone(),
                account: account.clone(),
            });
        }
        match &self.options.access {
            Some(access) => Ok(access.clone()),
            None if door.is_local && door.account == AZURITE_ACCOUNT => {
                Ok(Access::shared_key(door.account, Secret::new(AZURITE_KEY))?)
            }
            None if door.is_local => Err(HomeError::NoAccess {
                address: door.address.clone(),
            }),
            None => self.identity(),
        }
    }

    fn identity(&mut self) -> Result<Access, HomeError> {
        if let Some(access) = &self.identity {
            return Ok(access.clone());
        }
        let identity = Identity::from_environment();
        let access = Access::Token(identity.renewable(&self.options.transport)?);
        self.identity = Some(access.clone());
        Ok(access)
    }
}
