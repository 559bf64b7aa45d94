//! Bad input gets one clear message that says what to do, the right exit code and no stack trace,
//! and loses nothing.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::support::copier::{Ended, Pair, files};
use crate::support::process::{EmulatorProcess, kusto_copy};
use crate::support::python::Python;
use crate::support::temp_dir;

/// One sentence and what to do, both about these things; no trace of the program's insides.
fn assert_clear(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended}");
    let errors = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .count();
    assert_eq!(errors, 1, "one message is wanted\n{ended}");
    let message = ended
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("error: "));
    let told = message.map(|message| ended.stderr.matches(message).count());
    assert_eq!(told, Some(1), "the log says it too\n{ended}");
    for inside in ["panicked", "backtrace", "RUST_", ".rs:"] {
        assert!(!ended.stderr.contains(inside), "{inside}\n{ended}");
    }
    for part in parts {
        assert!(ended.stderr.contains(part), "{part:?} is missing\n{ended}");
    }
    // The command line's own errors end with its usage; all others say what to do.
    if code == 1 {
        assert!(ended.stderr.contains("what to do: "), "{ended}");
    }
}

/// A copy that needs no cluster to be refused.
fn command_line(lake: &str, source: &str, extra: &[&str]) -> Ended {
    let mut command = kusto_copy();
    command.args(["-l", lake, "-s", source, "-d", "http://127.0.0.1:9"]);
    command.args(["--db", "Samples"]);
    command.args(extra);
    Ended::of(command)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the folder's name is text")
}

#[test]
fn a_wrong_command_line_is_refused_before_anything_is_made() {
    let dir = temp_dir();
    let lake = dir.path().join("lake");
    let cases: [(&[&str], &[&str]); 11] = [
        (
            &["--tables-include", "A", "--tables-exclude", "A"],
            &["'A'", "--tables-exclude"],
        ),
        (
            &["--tables-exclude", "A", "--priority", "A"],
            &["'A'", "--priority"],
        ),
        (&["--db", "samples"], &["--db"]),
        (&["--rpo", "soon"], &["--rpo"]),
        (&["--export-slots", "0"], &["--export-slots", "from 1 on"]),
        (
            &["--ingestion-slots", "-1"],
            &["--ingestion-slots", "from 1 on"],
        ),
        (&["--block-rows", "-5"], &["--block-rows", "from 1 on"]),
        (&["--continuous", "--rpo", "0s"], &["--rpo", "1s or more"]),
        (&["--backfill-horizon", "-7d"], &["--backfill-horizon"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
        (
            &["--set", "poll.min=9", "--set", "poll.max=1"],
            &["poll.max"],
        ),
    ];
    for (extra, parts) in cases {
        assert_clear(
            &command_line(text(&lake), "http://127.0.0.1:8", extra),
            2,
            parts,
        );
    }
    let same = command_line(text(&lake), "http://127.0.0.1:9", &[]);
    assert_clear(&same, 2, &["same cluster"]);
    for wrong in [
        "not an address",
        "ftp://x",
        "http://",
        "https://x.kusto.windows.net/Samples",
    ] {
        assert_clear(&command_line(text(&lake), wrong, &[]), 2, &["--source"]);
    }
    let missing = Ended::of({
        let mut command = kusto_copy();
        command.arg("-l").arg(&lake);
        command
    });
    assert_clear(&missing, 2, &["--source", "--destination", "--db"]);
    assert!(!lake.exists(), "{:?}", files(&lake));
}

#[test]
fn an_unreachable_cluster_is_told_with_its_address() {
    let dir = temp_dir();
    let lake = dir.path().join("lake");
    // A port that was free a moment ago; nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let absent = format!("http://127.0.0.1:{port}");
    let present = EmulatorProcess::start(&["Samples"], &[]);
    for (source, destination) in [(&absent, &present.uri), (&present.uri, &absent)] {
        let mut command = kusto_copy();
        command.arg("-l").arg(&lake);
        command.args(["-s", source, "-d", destination, "--db", "Samples"]);
        let ended = Ended::of(command);
        let address = format!("127.0.0.1:{port}");
        assert_clear(&ended, 1, &["cannot be reached", &address, "address"]);
    }
}

#[test]
fn a_missing_database_or_table_is_named() {
    let pair = Pair::start("Samples");
    pair.at_source(&[".create table T (n:long)"]);
    let ended = pair.copy(&["--db", "Absent"]);
    let at = format!(
        "source cluster {} has no database `Absent`",
        pair.source.uri
    );
    assert_clear(&ended, 1, &[&at]);
    pair.source
        .command("Samples", ".create database Absent volatile");
    let ended = pair.copy(&["--db", "Absent"]);
    assert_clear(&ended, 1, &["destination cluster", "no database `Absent`"]);
    for near in ["Tt", "t"] {
        let ended = pair.copy(&["--tables-include", "T", near]);
        assert_clear(&ended, 1, &[&format!("`{near}`"), "Samples", "case"]);
        let ended = pair.copy(&["--priority", "T", near]);
        assert_clear(&ended, 1, &[&format!("`{near}`"), "Samples", "case"]);
    }
    assert!(pair.destination.tables("Samples").is_empty());

    // Nothing that was refused stands in the way of what is right.
    pair.copy_completely(&["--tables-include", "T"]);
    // A table that is excluded and does not exist is only told of; nor does a copy end when an
    // included one is dropped later.
    let late = ["--priority", "Later", "--tables-exclude", "Tt"];
    let ended = pair.copy_completely(&[&late[..], &["--output", "json"]].concat());
    assert_eq!(ended.document()["iteration"], 2, "{ended}");
    pair.at_source(&[".create table U (n:long)", ".drop table T"]);
    let ended = pair.copy_completely(&["--tables-include", "T", "U", "--output", "json"]);
    let document = ended.document();
    let notes = document["tables"][0]["notes"].to_string();
    assert!(
        notes.contains("no such table since iteration 3"),
        "{document}"
    );
    // With nothing left to copy it is refused: that is no idle iteration.
    pair.at_source(&[".drop table U"]);
    assert_clear(&pair.copy(&[]), 1, &["`T`, `U`", "Samples"]);
}

/// Answers every request as a cluster that knows nobody.
fn denying(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    let body = r#"{"error":{"code":"Forbidden","message":"Caller is not authorized.",
        "@type":"Kusto.DataNode.Exceptions.KustoUnauthorizedException",
        "@message":"Principal 'aadapp=1' is not authorized to read database 'Samples'.",
        "@permanent":true}}"#;
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 65_536];
            // One read holds these small requests; a client that is gone needs no answer.
            let _ = stream.read(&mut request);
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn missing_permission_names_the_role_that_is_wanted() {
    let dir = temp_dir();
    let lake = dir.path().join("lake");
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let ended = command_line(text(&lake), &denying(status), &[]);
        let parts = ["denied access", "aadapp=1", "Database User at the source"];
        assert_clear(&ended, 1, &parts);
    }
}

/// Two addresses of one cluster look like two clusters.
#[test]
fn a_database_is_never_copied_into_itself() {
    let pair = Pair::start("Samples");
    pair.at_source(&[".set-or-append T <| range n from 1 to 10 step 1"]);
    let mut command = kusto_copy();
    command
        .arg("-l")
        .arg(&pair.lake)
        .args(["-s", &pair.source.uri]);
    let again = pair.source.uri.replace("127.0.0.1", "localhost");
    command.args(["-d", &again, "--db", "Samples", "--adopt-destination"]);
    let ended = Ended::of(command);
    assert_clear(&ended, 1, &["same database `Samples`", "localhost"]);
    assert_eq!(pair.source.row_counts("Samples")["T"], 10);
}

#[test]
fn a_lake_that_cannot_be_written_is_told() {
    let pair = Pair::start("Samples");
    pair.at_source(&[".create table T (n:long)"]);
    let file = pair.dir().join("a file");
    fs::write(&file, "").expect("a file can be written");
    for lake in [file.clone(), file.join("lake")] {
        let mut command = kusto_copy();
        command.arg("-l").arg(&lake);
        command.args(["-s", &pair.source.uri, "-d", &pair.destination.uri]);
        command.args(["--db", "Samples"]);
        assert_clear(&Ended::of(command), 1, &["a file"]);
    }
    assert_eq!(fs::read(&file).expect("the file is still there"), b"");
    assert!(pair.destination.tables("Samples").is_empty());
}

/// A finished copy of one small table, for what comes after it.
fn finished(database: &str) -> Pair {
    let pair = Pair::start(database);
    pair.at_source(&[
        ".create table T (n:long)",
        ".set-or-append T <| range n from 1 to 100 step 1",
    ]);
    pair.copy_completely(&[]);
    pair
}

fn state_file(pair: &Pair) -> PathBuf {
    pair.lake.join("kusto-copy.sqlite")
}

/// Lets SQLite itself bring what is in the write-ahead log into the file, and remove the log.
fn settle(python: &Python, file: &Path) {
    let script = "import sqlite3, sys\n\
                  c = sqlite3.connect(sys.argv[1])\n\
                  c.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()\n\
                  c.close()";
    python.expect_success(&["-c", script, text(file)]);
}

/// What is done to a state file.
type Spoil<'a> = &'a dyn Fn(&Path);

fn overwrite(file: &Path, offset: u64, bytes: &[u8]) {
    let mut file = fs::File::options()
        .write(true)
        .open(file)
        .expect("the state file exists");
    file.seek(SeekFrom::Start(offset))
        .expect("it is long enough");
    file.write_all(bytes).expect("it can be written");
}

fn status(pair: &Pair) -> Ended {
    let mut command: Command = kusto_copy();
    command.args(["status", "-l"]).arg(&pair.lake);
    Ended::of(command)
}

#[test]
fn a_damaged_or_newer_state_is_refused_and_left_as_it_is() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = finished("Samples");
    settle(&python, &state_file(&pair));
    let sound = fs::read(state_file(&pair)).expect("the state file can be read");
    // Where SQLite keeps a file's `user_version`, big-endian.
    let newer = |file: &Path| overwrite(file, 60, &10_000_u32.to_be_bytes());
    let damaged = |file: &Path| overwrite(file, 0, b"this is no database at all");
    let cut = |file: &Path| fs::write(file, &sound[..sound.len() / 2]).expect("a shorter file");
    let cases: [(Spoil<'_>, &str); 3] =
        [(&newer, "10000"), (&damaged, "damaged"), (&cut, "damaged")];
    for (spoil, part) in cases {
        spoil(&state_file(&pair));
        let spoiled = fs::read(state_file(&pair)).expect("the state file can be read");
        for ended in [pair.copy(&[]), status(&pair)] {
            assert_clear(&ended, 1, &[part, "kusto-copy.sqlite"]);
        }
        let after = fs::read(state_file(&pair)).expect("the state file can be read");
        assert!(after == spoiled, "the file was changed ({part})");
        fs::write(state_file(&pair), &sound).expect("the state can be restored");
        settle(&python, &state_file(&pair));
    }
    pair.at_source(&[".set-or-append T <| range n from 101 to 120 step 1"]);
    pair.copy_completely(&[]);
    assert_eq!(pair.destination.row_counts("Samples")["T"], 120);
}

#[test]
fn a_lake_of_another_job_is_refused() {
    let pair = finished("Samples");
    pair.source
        .command("Samples", ".create database Other volatile");
    pair.destination
        .command("Samples", ".create database Other volatile");
    let mut command = kusto_copy();
    command.arg("-l").arg(&pair.lake);
    command.args(["-s", &pair.source.uri, "-d", &pair.destination.uri]);
    command.args(["--db", "Other"]);
    let ended = Ended::of(command);
    assert_clear(&ended, 1, &["another job", "Samples", "lake"]);
    // The job whose lake it is goes on, however its database is spelt: their names have no case.
    pair.copy_completely(&[]);
    pair.at_source(&[".set-or-append T <| print n = 101"]);
    let mut command = kusto_copy();
    command.arg("-l").arg(&pair.lake);
    command.args(["-s", &pair.source.uri, "-d", &pair.destination.uri]);
    command.args(["--db", "SAMPLES", "--output", "json"]);
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(ended.document()["tables"][0]["rows"], 101, "{ended}");
    assert_eq!(ended.document()["tables"].as_array().map(Vec::len), Some(1));
}

/// What was stored is gone, and what was copied is still there: a new job must not double it.
#[test]
fn a_lake_without_its_state_doubles_nothing() {
    let pair = finished("Samples");
    fs::write(state_file(&pair), "").expect("an empty file");
    for log in ["kusto-copy.sqlite-wal", "kusto-copy.sqlite-shm"] {
        // There is none when the last process closed the file in peace.
        let _ = fs::remove_file(pair.lake.join(log));
    }
    assert_clear(&status(&pair), 1, &["no job is stored"]);
    let ended = pair.copy(&[]);
    assert_clear(&ended, 1, &["`T`", "another job", "--adopt-destination"]);
    assert_eq!(pair.destination.row_counts("Samples")["T"], 100);
}

#[test]
fn several_held_tables_are_told_together() {
    let pair = Pair::start("Samples");
    for table in ["A", "B", "C"] {
        pair.at_source(&[&format!(".set-or-append {table} <| print n = 1")]);
    }
    for table in ["A", "C"] {
        let fill = format!(".set-or-append {table} <| print n = 2");
        pair.destination.command("Samples", &fill);
    }
    let ended = pair.copy(&[]);
    let parts = ["2 tables are held", "'A'", "'C'", "--adopt-destination"];
    assert_clear(&ended, 1, &parts);
    assert!(ended.stdout.contains("Failed: "), "{ended}");
    assert_eq!(pair.destination.row_counts("Samples")["B"], 1);
}

#[test]
fn a_destination_table_that_does_not_fit_is_refused_before_any_data_moves() {
    let pair = Pair::start("Samples");
    pair.at_source(&[
        ".create table A (n:long)",
        ".set-or-append A <| range n from 1 to 10 step 1",
        ".create table B (n:long, at:datetime)",
        ".set-or-append B <| print n = 1, at = datetime(2026-01-01)",
    ]);
    pair.destination
        .command("Samples", ".create table B (n:long, at:string)");
    let ended = pair.copy(&[]);
    assert_clear(&ended, 1, &["`B`", "`at`", "datetime", "string"]);
    assert_eq!(pair.destination.tables("Samples"), ["B"]);
    assert!(pair.destination.extents("Samples").is_empty());
}

#[test]
fn a_destination_table_that_holds_rows_is_refused_without_the_flag() {
    let pair = Pair::start("Samples");
    pair.at_source(&[
        ".create table T (n:long)",
        ".set-or-append T <| range n from 1 to 10 step 1",
    ]);
    for command in [
        ".create table T (n:long)",
        ".set-or-append T <| print n = 1000",
    ] {
        pair.destination.command("Samples", command);
    }
    let ended = pair.copy(&[]);
    assert_clear(&ended, 1, &["T", "rows", "--adopt-destination"]);
    assert_eq!(pair.destination.row_counts("Samples")["T"], 1);
    pair.copy_completely(&["--adopt-destination"]);
    assert_eq!(pair.destination.row_counts("Samples")["T"], 11);
}
