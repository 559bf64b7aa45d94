//! The lake that the command line names, and the progress of its job: a folder of this machine
//! with a state file in it, or a container in Azure with a table beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kusto_copy_azure::Secret;
use kusto_copy_azure::blobs::StagingAccess;
use kusto_copy_azure::home::{self, HomeError, HomeOptions, development_access};
use kusto_copy_azure::location::is_azure;
use kusto_copy_driver::DriverError;
use kusto_copy_driver::complaint::Complaint;
use kusto_copy_staging::{Lake, LocalLake};
use kusto_copy_store::{SqliteStore, Store};

use super::args::{ControlArgs, CopyArgs, StatusArgs};
use super::exit::Failure;

/// The state file's name in a folder.
const STATE_FILE: &str = "kusto-copy.sqlite";

/// The key of the lake's account, for development.
const KEY_VARIABLE: &str = "KUSTO_COPY_STORAGE_KEY";

/// A signature for the storage accounts, for development.
const SAS_VARIABLE: &str = "KUSTO_COPY_STORAGE_SAS";

/// A job's two places.
pub(crate) struct JobHome {
    /// Where data is staged.
    pub(crate) lake: Arc<dyn Lake>,
    /// Where progress rests.
    pub(crate) store: Arc<dyn Store>,
    /// The same, when it is a file.
    file: Option<Arc<SqliteStore>>,
}

/// Where the command line says that a job is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    lake: &'a str,
    state: Option<&'a str>,
    further: &'a [String],
    staging_access: Option<&'a StagingAccess>,
}

impl<'a> From<&'a CopyArgs> for Place<'a> {
    fn from(args: &'a CopyArgs) -> Self {
        Self {
            lake: &args.lake,
            state: args.state.as_deref(),
            further: &args.places,
            staging_access: args.staging_access.as_ref(),
        }
    }
}

impl<'a> From<&'a ControlArgs> for Place<'a> {
    fn from(args: &'a ControlArgs) -> Self {
        Self {
            lake: &args.lake,
            state: args.state.as_deref(),
            further: &[],
            staging_access: None,
        }
    }
}

impl<'a> From<&'a StatusArgs> for Place<'a> {
    fn from(args: &'a StatusArgs) -> Self {
        Self {
            lake: &args.lake,
            state: args.state.as_deref(),
            further: &[],
            staging_access: None,
        }
    }
}

/// What a place is.
enum Kind<'a> {
    /// In Azure, with what else is said about it.
    Azure(Box<HomeOptions>),
    /// A folder of this machine, and where its state file is when not in it.
    Local { state: Option<&'a Path> },
}

impl<'a> Place<'a> {
    /// # Errors
    /// What is said about an account in Azure of a folder, and the other way round.
    fn kind(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Kind<'a>, Failure> {
        let state_is_azure = self.state.map(is_azure);
        if !is_in_azure(self.lake) {
            let flag = match (self.further, self.staging_access, state_is_azure) {
                ([_, ..], _, _) => "--places",
                (_, Some(_), _) => "--staging-access",
                (_, _, Some(true)) => "--state",
                (_, _, Some(false) | None) => {
                    let state = self.state.map(Path::new);
                    return Ok(Kind::Local { state });
                }
            };
            return Err(Failure::usage(format!(
                "{flag} names storage in Azure, and the lake is a folder"
            ))
            .remedy("give a container's address with --lake, or leave the flag out"));
        }
        if state_is_azure == Some(false) {
            return Err(
                Failure::usage("--state names a file, and the lake is in Azure").remedy(
                    "give the address of a table, https://ACCOUNT.table.core.windows.net/TABLE",
                ),
            );
        }
        let key = variable(KEY_VARIABLE).map(Secret::new);
        let signature = variable(SAS_VARIABLE).map(Secret::new);
        let defaults = HomeOptions::new(self.lake);
        Ok(Kind::Azure(Box::new(HomeOptions {
            places: self.further.to_vec(),
            state: self.state.map(str::to_owned),
            staging_access: self.staging_access.cloned().unwrap_or(StagingAccess::Sas),
            access: development_access(self.lake, key, signature.as_ref())?,
            ..defaults
        })))
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Everything with a scheme but `file` goes to Azure, whose refusal says what an address is.
fn is_in_azure(lake: &str) -> bool {
    lake.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.eq_ignore_ascii_case("file"))
}

/// Opens the lake and the progress in it or elsewhere, creating what is missing.
///
/// # Errors
/// A lake that cannot be written, a state that is damaged, foreign or newer.
pub(crate) async fn open(place: Place<'_>) -> Result<JobHome, Failure> {
    match place.kind(environment)? {
        Kind::Azure(options) => {
            let home = home::open(*options).await?;
            Ok(JobHome {
                lake: home.lake,
                store: home.store,
                file: None,
            })
        }
        Kind::Local { state } => {
            let lake = LocalLake::open(place.lake).await?;
            let path = state_path(lake.root(), state);
            let file = Arc::new(SqliteStore::open(&path).await?);
            Ok(JobHome {
                lake: Arc::new(lake),
                store: file.clone(),
                file: Some(file),
            })
        }
    }
}

/// Opens the progress of an existing job and creates nothing.
///
/// # Errors
/// As [`open`], and when there is none.
pub(crate) async fn open_existing(place: Place<'_>) -> Result<Arc<dyn Store>, Failure> {
    match place.kind(environment)? {
        Kind::Azure(options) => match home::open_existing(*options).await {
            Ok(store) => Ok(store),
            Err(HomeError::NoState { .. }) => Err(DriverError::NotARun.into()),
            Err(error) => Err(error.into()),
        },
        Kind::Local { state } => {
            let path = match state {
                Some(path) => path.to_owned(),
                None => state_path(&folder(place.lake)?, None),
            };
            if !path.exists() {
                return Err(DriverError::NotARun.into());
            }
            Ok(Arc::new(SqliteStore::open(&path).await?))
        }
    }
}

/// Closes the state file, so that it is one file again without its log. Nothing is lost without.
pub(crate) async fn close(home: JobHome) {
    let JobHome { lake, store, file } = home;
    drop((lake, store));
    // A run that was left behind may hold it still.
    if let Some(store) = file.and_then(Arc::into_inner) {
        store.close().await;
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let told = Self::from(Complaint::with_remedy_inside(&error));
        match error {
            HomeError::Location(_) | HomeError::StateUnknown { .. } => Self {
                exit: Self::usage("").exit,
                ..told
            },
            HomeError::Access(_)
            | HomeError::Identity(_)
            | HomeError::OtherAccount { .. }
            | HomeError::NoAccess { .. }
            | HomeError::NoState { .. }
            | HomeError::Lake(_)
            | HomeError::Table { .. }
            | HomeError::Scope(_) => told,
        }
    }
}

fn state_path(root: &Path, state: Option<&Path>) -> PathBuf {
    state.map_or_else(|| root.join(STATE_FILE), Path::to_owned)
}

/// The folder that a `file://` address or a path names, whether it exists or not.
fn folder(location: &str) -> Result<PathBuf, Failure> {
    if !location.contains("://") {
        return Ok(PathBuf::from(location));
    }
    url::Url::parse(location)
        .ok()
        .filter(|url| url.scheme() == "file")
        .and_then(|url| url.to_file_path().ok())
        .ok_or_else(|| {
            Failure::new("the lake is no folder of this machine")
                .remedy("give a path or a file:// address")
        })
}

#[cfg(test)]
mod tests;
