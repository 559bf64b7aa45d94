use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;

use super::SqliteStore;
use super::open::{APPLICATION_ID, FILE_LAYOUT};
use crate::contract::Fixture;
use crate::error::StoreError;
use crate::{Body, Key, Layout, Partition, Row, RowRange, Store, Transaction, Write, list_all};

struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("state.sqlite")
    }
}

#[async_trait]
impl Fixture for File {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path()).await.expect("a store"))
    }
}

crate::store_contract!(File::new());

fn key(row: &str) -> Key {
    Key::new(
        Partition::encode("p").expect("a partition"),
        Row::encode(row).expect("a row"),
    )
}

fn insert(row: &str) -> Transaction {
    let body: Body = Layout::new(1, "1.2.3").write(row).expect("a body");
    let key = key(row);
    Transaction::new(vec![Write::Insert { key, body }]).expect("a transaction")
}

async fn refusal(path: &Path) -> StoreError {
    match SqliteStore::open(path).await {
        Ok(_) => panic!("{} was accepted", path.display()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn concurrent_first_opens_all_succeed() {
    let file = File::new();
    let opens: Vec<_> = (0..6)
        .map(|n| {
            let path = file.path();
            tokio::spawn(async move {
                let store = SqliteStore::open(&path).await?;
                store.commit(&insert(&n.to_string())).await
            })
        })
        .collect();
    for open in opens {
        open.await.expect("a finished task").expect("a commit");
    }
    let store = file.open().await;
    let all = list_all(&*store, &key("0").partition, &RowRange::all())
        .await
        .expect("a listing");
    assert_eq!(all.len(), 6);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let file = File::new();
    let store = SqliteStore::open(&file.path()).await.expect("a store");
    store.commit(&insert("a")).await.expect("a commit");
    let mut seen = 0;
    for entry in std::fs::read_dir(file.0.path()).expect("a listing") {
        let metadata = entry.and_then(|entry| entry.metadata()).expect("metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "the file, its log and its index");
    store.close().await;
    let left = std::fs::read_dir(file.0.path()).expect("a listing").count();
    assert_eq!(left, 1, "a closed store leaves one file");
}

#[tokio::test]
async fn foreign_and_damaged_files_are_refused_and_kept() {
    let file = File::new();
    let foreign = file.0.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign)
        .and_then(|connection| connection.execute_batch("CREATE TABLE theirs (x);"))
        .expect("a foreign file");
    let text = file.0.path().join("text.sqlite");
    std::fs::write(
        &text,
        "not a database, but long enough to be read as one".repeat(100),
    )
    .expect("a text file");
    for path in [foreign, text] {
        let before = std::fs::read(&path).expect("contents");
        let error = refusal(&path).await;
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        let after = std::fs::read(&path).expect("contents");
        assert!(before == after, "{} was changed", path.display());
    }
}

#[tokio::test]
async fn damage_inside_a_file_is_found_at_opening() {
    let file = File::new();
    let store = SqliteStore::open(&file.path()).await.expect("a store");
    for n in 0..200 {
        store
            .commit(&insert(&format!("{n}-{}", "x".repeat(200))))
            .await
            .expect("a commit");
    }
    store.close().await;
    let mut bytes = std::fs::read(file.path()).expect("contents");
    let length = bytes.len();
    bytes[4096 * 4..length - 4096].fill(0x5A);
    std::fs::write(file.path(), &bytes).expect("a damaged file");
    let error = refusal(&file.path()).await;
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("restore it"), "{error}");
}

#[tokio::test]
async fn newer_file_is_refused_with_the_version_needed() {
    let file = File::new();
    SqliteStore::open(&file.path())
        .await
        .expect("a store")
        .close()
        .await;
    let connection = rusqlite::Connection::open(file.path()).expect("the file");
    let layout = FILE_LAYOUT + 1;
    connection
        .pragma_update(None, "user_version", layout)
        .and_then(|()| connection.execute("UPDATE about SET value = '9.8.7'", []))
        .expect("a newer file");
    let application: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .expect("the mark");
    assert_eq!(application, APPLICATION_ID);
    drop(connection);
    let before = std::fs::read(file.path()).expect("contents");
    let error = refusal(&file.path()).await;
    assert!(
        matches!(&error, StoreError::Newer { found, program, .. }
            if *found == layout.unsigned_abs() && program == "9.8.7"),
        "{error:?}"
    );
    assert!(before == std::fs::read(file.path()).expect("contents"));
}

#[tokio::test]
async fn missing_folder_and_folder_as_file_are_told() {
    let file = File::new();
    let error = refusal(&file.0.path().join("none").join("state.sqlite")).await;
    assert!(
        error.to_string().contains("folder does not exist"),
        "{error}"
    );
    let error = refusal(file.0.path()).await;
    assert!(
        matches!(error, StoreError::Denied { .. } | StoreError::Failed { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_locked_file_is_unavailable_and_nothing_is_written() {
    let file = File::new();
    let store = file.open().await;
    let other = rusqlite::Connection::open(file.path()).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let error = store.commit(&insert("a")).await.expect_err("a busy store");
    assert!(error.is_unavailable(), "{error:?}");
    // Readers are not held up by a writer.
    assert_eq!(store.get(&key("a")).await.expect("a read").entity, None);
    other.execute_batch("ROLLBACK").expect("the lock's end");
    store.commit(&insert("a")).await.expect("a commit");
}

const CHILD_FILE: &str = "KUSTO_COPY_STORE_TEST_FILE";

/// Not a test of its own: the process that [`committed_writes_survive_a_kill`] kills.
#[tokio::test]
async fn child_that_commits_until_killed() {
    let Some(path) = std::env::var_os(CHILD_FILE) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&path)).await.expect("a store");
    for n in 0_u64.. {
        store
            .commit(&insert(&format!("{n:08}")))
            .await
            .expect("a commit");
        // What is told here was committed, so the parent may count on it.
        std::fs::write(Path::new(&path).with_extension("told"), n.to_string()).expect("a note");
    }
}

#[tokio::test]
async fn committed_writes_survive_a_kill() {
    let file = File::new();
    let note = file.path().with_extension("told");
    let mut least = 0;
    for _ in 0..3 {
        let _ = std::fs::remove_file(file.path());
        let _ = std::fs::remove_file(file.path().with_extension("sqlite-wal"));
        let _ = std::fs::remove_file(file.path().with_extension("sqlite-shm"));
        let _ = std::fs::remove_file(&note);
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "sqlite::tests::child_that_commits_until_killed"])
            .env(CHILD_FILE, file.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("a child");
        let told = || -> Option<u64> { std::fs::read_to_string(&note).ok()?.parse().ok() };
        least += 7;
        while told().is_none_or(|told| told < least) {
            assert!(
                child.try_wait().expect("its state").is_none(),
                "the child ended"
            );
            std::thread::yield_now();
        }
        child.kill().expect("a kill");
        child.wait().expect("its end");
        let told = told().unwrap_or(least);
        let store = file.open().await;
        let all = list_all(&*store, &key("0").partition, &RowRange::all())
            .await
            .expect("a listing");
        let rows: Vec<String> = all
            .iter()
            .flat_map(|entity| entity.key.row.parts())
            .collect();
        let expected: Vec<String> = (0..rows.len()).map(|n| format!("{n:08}")).collect();
        assert_eq!(rows, expected);
        assert!(
            rows.len() as u64 > told,
            "{told} was told, {} are there",
            rows.len()
        );
    }
}
