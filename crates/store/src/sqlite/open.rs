//! Opening the file: created private, recognised before anything in it is changed.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::error::StoreError;

/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause and number of tries of a change that does not wait by itself.
const RETRY_PAUSE: Duration = Duration::from_millis(25);
const RETRIES: u32 = 200;

/// Marks the file as ours: "KUCO" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x4B55_434F;

/// Version of the tables in the file; entities have versions of their own.
pub(super) const FILE_LAYOUT: i32 = 1;

const TABLES: &str = "
    CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE sequence (value INTEGER NOT NULL) STRICT;
    INSERT INTO sequence (value) VALUES (0);
    CREATE TABLE entity (
        partition TEXT NOT NULL,
        row TEXT NOT NULL,
        etag INTEGER NOT NULL,
        layout INTEGER NOT NULL,
        program TEXT NOT NULL,
        json TEXT NOT NULL,
        PRIMARY KEY (partition, row)
    ) STRICT;
";

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let location = path.display().to_string();
    create_private(path).map_err(|source| file_error(&location, source))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepare(path, flags, &location)
}

fn prepare(path: &Path, flags: OpenFlags, location: &str) -> Result<Connection, StoreError> {
    let failed = |source| sqlite_error(location, source);
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    {
        // One view of the file: another process may be making its tables at this moment.
        let view = connection.unchecked_transaction().map_err(failed)?;
        recognise(&view, location)?;
    }
    use_write_ahead(&connection).map_err(failed)?;
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")
        .map_err(failed)?;
    create_tables(&mut connection, location)?;
    check_whole(&connection, location)?;
    Ok(connection)
}

/// Creates an empty file that its owner alone may read, before SQLite would create one that
/// others may. An existing file stays as it is.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

enum FileKind {
    Empty,
    Ours,
}

/// Reads only: a file of something else, or of a newer program, must stay untouched.
fn recognise(connection: &Connection, location: &str) -> Result<FileKind, StoreError> {
    let failed = |source| sqlite_error(location, source);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let application = pragma("application_id").map_err(failed)?;
    let layout = pragma("user_version").map_err(failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(failed)?;
    if application == APPLICATION_ID {
        if layout <= FILE_LAYOUT {
            return Ok(FileKind::Ours);
        }
        let program = connection.query_row(
            "SELECT value FROM about WHERE name = 'program'",
            [],
            |row| row.get::<_, String>(0),
        );
        return Err(StoreError::Newer {
            what: location.to_owned(),
            found: layout.unsigned_abs(),
            known: FILE_LAYOUT.unsigned_abs(),
            program: program.unwrap_or_else(|_| "of a later date".to_owned()),
        });
    }
    if application == 0 && layout == 0 && tables == 0 {
        return Ok(FileKind::Empty);
    }
    Err(StoreError::Corrupt {
        what: location.to_owned(),
        source: None,
    })
}

/// Changes the journal's mode, which fails at once while another process does the same.
fn use_write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Err(error) if !is_busy(&error) || tries >= RETRIES => return Err(error),
            // A file system without shared memory keeps the old mode, which is as safe.
            Ok(_) if tries >= RETRIES => return Ok(()),
            Ok(_) | Err(_) => {
                tries += 1;
                thread::sleep(RETRY_PAUSE);
            }
        }
    }
}

/// Makes the tables of an empty file, once even when several processes try.
fn create_tables(connection: &mut Connection, location: &str) -> Result<(), StoreError> {
    let failed = |source| sqlite_error(location, source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    match recognise(&transaction, location)? {
        FileKind::Ours => return Ok(()),
        FileKind::Empty => {}
    }
    transaction.execute_batch(TABLES).map_err(failed)?;
    transaction
        .execute(
            "INSERT INTO about (name, value) VALUES ('program', ?1)",
            [env!("CARGO_PKG_VERSION")],
        )
        .map_err(failed)?;
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .map_err(failed)?;
    transaction
        .pragma_update(None, "user_version", FILE_LAYOUT)
        .map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Reads the whole file once, so that damage shows before work begins and not in its middle.
fn check_whole(connection: &Connection, location: &str) -> Result<(), StoreError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| sqlite_error(location, source))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::Corrupt {
            what: location.to_owned(),
            source: Some(verdict.into()),
        })
    }
}

fn file_error(location: &str, source: io::Error) -> StoreError {
    if source.kind() == io::ErrorKind::PermissionDenied {
        return StoreError::Denied {
            location: location.to_owned(),
            source: Some(Box::new(source)),
        };
    }
    let reason = if source.kind() == io::ErrorKind::NotFound {
        "its folder does not exist; create it, then start again"
    } else {
        "the file cannot be created; choose another lake, or repair this one"
    };
    StoreError::Failed {
        location: location.to_owned(),
        reason: reason.to_owned(),
        source: Some(Box::new(source)),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code == Some(ErrorCode::DatabaseBusy) || code == Some(ErrorCode::DatabaseLocked)
}

/// Tells SQLite's errors apart by what to do next. For statements after which nothing is written.
pub(super) fn sqlite_error(location: &str, error: rusqlite::Error) -> StoreError {
    let code = error.sqlite_error_code();
    let is = |one| code == Some(one);
    let busy = is_busy(&error);
    let location = location.to_owned();
    let source = Some(error.into());
    if busy {
        return StoreError::Unavailable {
            retry_after: None,
            source,
        };
    }
    if is(ErrorCode::NotADatabase) || is(ErrorCode::DatabaseCorrupt) {
        return StoreError::Corrupt {
            what: location,
            source,
        };
    }
    if is(ErrorCode::ReadOnly) || is(ErrorCode::PermissionDenied) || is(ErrorCode::CannotOpen) {
        return StoreError::Denied { location, source };
    }
    let reason = if is(ErrorCode::DiskFull) {
        "the disk is full; free some space, then start again"
    } else {
        "the file cannot be read or written; look at the disk, then start again"
    };
    StoreError::Failed {
        location,
        reason: reason.to_owned(),
        source,
    }
}
