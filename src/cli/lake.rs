//! The lake that the command line names, and the state file in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kusto_copy_driver::DriverError;
use kusto_copy_staging::LocalLake;
use kusto_copy_store::SqliteStore;

use super::exit::Failure;

/// The state file's name in a lake.
const STATE_FILE: &str = "kusto-copy.sqlite";

/// A job's two places.
pub(crate) struct JobHome {
    /// Where data is staged.
    pub(crate) lake: Arc<LocalLake>,
    /// Where progress rests.
    pub(crate) store: Arc<SqliteStore>,
}

/// Opens the lake and the state in it, or the state in another file, creating what is missing.
///
/// # Errors
/// A lake that cannot be written, a state file that is damaged, foreign or newer.
pub(crate) async fn open(location: &str, state: Option<&Path>) -> Result<JobHome, Failure> {
    let lake = LocalLake::open(location).await?;
    let path = state_path(lake.root(), state);
    let store = SqliteStore::open(&path).await?;
    Ok(JobHome {
        lake: Arc::new(lake),
        store: Arc::new(store),
    })
}

/// Opens the state of an existing job and creates nothing.
///
/// # Errors
/// As [`open`], and when there is no state.
pub(crate) async fn open_existing(
    location: &str,
    state: Option<&Path>,
) -> Result<Arc<SqliteStore>, Failure> {
    let path = match state {
        Some(path) => path.to_owned(),
        None => state_path(&folder(location)?, None),
    };
    if !path.exists() {
        return Err(DriverError::NotARun.into());
    }
    Ok(Arc::new(SqliteStore::open(&path).await?))
}

/// Closes the state file, so that it is one file again without its log. Nothing is lost without.
pub(crate) async fn close(store: Arc<SqliteStore>) {
    // A run that was left behind may hold it still.
    if let Some(store) = Arc::into_inner(store) {
        store.close().await;
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
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_addresses_name_folders() {
        assert_eq!(folder("/a b"), Ok(PathBuf::from("/a b")));
        #[cfg(unix)]
        assert_eq!(folder("file:///a%20b"), Ok(PathBuf::from("/a b")));
        assert!(folder("https://a/b").is_err());
    }

    #[tokio::test]
    async fn looking_for_a_job_creates_nothing() {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let lake = dir.path().join("lake");
        let location = lake.to_str().expect("the folder's name is text");
        let failure = open_existing(location, None)
            .await
            .err()
            .expect("there is no job");
        assert_eq!(failure.message, "no job is stored in this lake");
        assert!(!lake.exists());

        drop(open(location, None).await.expect("a lake can be made"));
        assert!(open_existing(location, None).await.is_ok());
    }
}
