//! What the copier tells: the JSON document, `status`, plain lines, exit codes, signals.

use serde_json::{Value, json};

use crate::support::copier::{Ended, Pair};
use crate::support::process::{Running, kusto_copy};
use crate::support::until;

fn loaded() -> Pair {
    let pair = Pair::start("Samples");
    pair.at_source(&[
        ".create table Many (n:long, s:string)",
        ".set-or-append Many <| range n from 1 to 2000 step 1 | extend s = strcat('row ', n)",
        ".create table Few (n:long)",
        ".set-or-append Few <| range n from 1 to 7 step 1",
        ".create table None (n:long)",
    ]);
    pair
}

fn table<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["tables"]
        .as_array()
        .and_then(|tables| tables.iter().find(|table| table["table"] == name))
        .unwrap_or_else(|| panic!("no table {name} in {document}"))
}

#[test]
fn the_final_document_is_alone_on_stdout_and_tells_every_table() {
    let pair = loaded();
    let ended = pair.copy_completely(&["--output", "json", "--block-rows", "500", "-v"]);
    assert_eq!(ended.stdout.lines().count(), 1, "{ended}");
    let document = ended.document();
    assert_eq!(document["state"], "complete", "{ended}");
    assert_eq!(document["iteration"], 1);
    assert!(document["cursor_end"].is_string(), "{document}");
    assert_eq!(document["error"], Value::Null);
    for (name, rows, blocks) in [("Many", 2_000, 4), ("Few", 7, 1), ("None", 0, 0)] {
        let told = table(&document, name);
        assert_eq!(told["rows"], rows, "{told}");
        assert!(told["blocks"].as_u64() >= Some(blocks), "{told}");
        assert_eq!(told["state"], "completed", "{told}");
        assert_eq!(told["error"], Value::Null, "{told}");
        let bytes = told["bytes"].as_u64().expect("a number of bytes");
        assert_eq!(bytes > 0, rows > 0, "{told}");
    }
}

#[test]
fn a_failure_is_a_document_too() {
    let pair = loaded();
    let ended = pair.copy(&["--output", "json", "--tables-include", "Absent"]);
    assert_eq!(ended.code, Some(1), "{ended}");
    let document = ended.document();
    assert_eq!(document["state"], "failed");
    let error = document["error"].as_str().unwrap_or_default();
    assert!(error.contains("Absent"), "{document}");
}

/// One database of two cannot be copied: what was copied of the other one is told all the same,
/// and what is wrong is told once.
#[test]
fn a_failure_tells_what_was_done_before_it() {
    let pair = loaded();
    for cluster in [&pair.source, &pair.destination] {
        cluster.command("Samples", ".create database Bare volatile");
    }
    for (format, told) in [("json", "\"rows\":2000"), ("text", "2,000")] {
        let ended = pair.copy(&["--db", "Bare", "--output", format]);
        assert_eq!(ended.code, Some(1), "{ended}");
        assert!(ended.stdout.contains(told), "{ended}");
        assert_eq!(ended.stderr.matches("has no table").count(), 1, "{ended}");
        assert!(!ended.stderr.contains(" WARN "), "{ended}");
    }
    assert_eq!(pair.destination.row_counts("Samples")["Many"], 2_000);
}

#[test]
fn plain_lines_and_the_status_tell_every_table() {
    let pair = loaded();
    let ended = pair.copy_completely(&[]);
    let mut command = kusto_copy();
    command.args(["status", "-l"]).arg(&pair.lake);
    let status = Ended::of(command);
    assert_eq!(status.code, Some(0), "{status}");
    for said in [&ended, &status] {
        for name in ["Many", "Few", "None"] {
            assert!(said.stdout.contains(name), "{name} is missing\n{said}");
        }
        assert!(
            !said.stdout.contains('\u{1b}'),
            "no colours in a file\n{said}"
        );
        // The line above the table is a sentence, which wraps.
        let lines = said.stdout.lines().filter(|line| line.starts_with(' '));
        let widest = lines.map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}\n{said}");
    }
    let document = pair.status();
    assert_eq!(document["state"], "complete");
    assert_eq!(table(&document, "Many")["rows"], 2_000);
}

#[cfg(unix)]
#[test]
fn sigterm_hands_over_within_ten_seconds_and_the_next_start_goes_on() {
    use std::time::{Duration, Instant};

    let pair = loaded();
    // Every export is at work far longer than the copier may take to end.
    pair.source
        .settings(&json!({"service_times": {"export": {"base_ms": 90_000}}}));
    let mut copier = Running::start(pair.copier(&["--block-rows", "500", "--small-rows", "100"]));
    let at_work = until("exports are at work", || {
        let stats = pair.source.look("/stats");
        match stats["slots"]["DataExport"]["now"].as_u64() {
            Some(slots) if slots > 0 => Ok(slots),
            _ => Err(stats.to_string()),
        }
    });
    assert!(at_work > 0);
    let asked = Instant::now();
    let status = copier.terminate();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(3), "{}", copier.log());
    assert!(took < Duration::from_secs(10), "it took {took:?}");

    let document = pair.status();
    assert_eq!(document["state"], "running", "{document}");
    let many = table(&document, "Many");
    assert!(
        many["blocks_by_state"]
            .as_object()
            .is_some_and(|states| !states.is_empty()),
        "{many}"
    );

    // As if the source's nodes restarted: what was at work is given up, and the job goes on.
    pair.source
        .settings(&json!({"service_times": {"export": {"base_ms": 0}}}));
    pair.source.restart();
    let document = pair.copy_completely(&["--output", "json"]).document();
    assert_eq!(document["iteration"], 1, "the open iteration was ended");
    assert_eq!(table(&document, "Many")["rows"], 2_000);
    assert_eq!(pair.destination.row_counts("Samples")["Many"], 2_000);
    pair.assert_tidy();
}

/// The first Ctrl-C hands over, which takes as long as a command whose answer is awaited; the
/// second one does not wait for it.
#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_at_once_and_the_next_start_goes_on() {
    let pair = loaded();
    // Exports by the synchronous command, whose answer takes far longer than the hand-over may.
    pair.source
        .settings(&json!({"service_times": {"export": {"base_ms": 90_000}}}));
    let mut copier = Running::start(pair.copier(&[]));
    until("exports are at work", || {
        let stats = pair.source.look("/stats");
        match stats["slots"]["DataExport"]["now"].as_u64() {
            Some(slots) if slots > 0 => Ok(()),
            _ => Err(stats.to_string()),
        }
    });
    copier.interrupt();
    until("it says that it stops", || {
        let log = copier.log();
        if log.contains("Ctrl-C again ends at once") {
            Ok(())
        } else {
            Err(log)
        }
    });
    copier.interrupt();
    assert_eq!(copier.wait().code(), Some(3), "{}", copier.log());
    let said = copier.log();
    assert!(said.contains("Ended at once"), "{said}");

    pair.source
        .settings(&json!({"service_times": {"export": {"base_ms": 0}}}));
    pair.source.restart();
    // What the lost commands did is looked up as soon as they are known to be over.
    let soon = [
        "--set",
        "operation_timeout=1000",
        "--set",
        "operation_visibility=300",
    ];
    let document = pair
        .copy_completely(&[&soon[..], &["--output", "json"]].concat())
        .document();
    assert_eq!(document["iteration"], 1, "the open iteration was ended");
    assert_eq!(pair.destination.row_counts("Samples")["Many"], 2_000);
    pair.assert_tidy();
}

/// As behind `| head`. Nothing else than the text is lost.
#[test]
fn a_reader_that_is_gone_is_no_failure() {
    let pair = Pair::start("Samples");
    pair.at_source(&[".set-or-append T <| range n from 1 to 3 step 1"]);
    pair.copy_completely(&[]);
    let lake = pair.lake.to_str().expect("a path");
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["status", "-l", lake], 0),
        (&["status", "-l", lake, "--output", "json"], 0),
        (&["status", "-l", "no/such/lake"], 1),
        (&["--no-such-option"], 2),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let errors = writer.try_clone().expect("both ends to write to");
        let mut command = kusto_copy();
        let status = command
            .args(arguments)
            .stdout(writer)
            .stderr(errors)
            .status();
        let status = status.expect("it starts");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}
