//! The tables as people see them, at any width.

use super::super::samples;
use super::*;

const NOW: Millis = Millis(60_000);

#[test]
fn status_is_readable_at_eighty_columns() {
    let text = status(&samples::running(), NOW, Some(80), false);
    let first: Vec<&str> = text.lines().take(3).collect();
    assert_eq!(
        first[0],
        "Job running, iteration 1, up to cursor 638000000000000002"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    for part in [
        "62 %",
        "120,000",
        "5 moved",
        "2 exporting",
        "1 ingested",
        "held",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours were asked for");
}

#[test]
fn a_piped_status_has_one_line_a_table() {
    let text = status(&samples::running(), NOW, None, false);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert!(
        lines[5].ends_with("held: column 'Area' has another type at the destination"),
        "{text}"
    );
    assert!(
        lines[2].ends_with("exporting (2) 3 s, waiting for the table's move 1 s"),
        "{text}"
    );
}

#[test]
fn a_name_of_a_thousand_characters_leaves_the_rest_in_sight() {
    let mut report = samples::complete();
    report.tables[1].table = "n".repeat(1_024);
    for text in [
        status(&report, NOW, None, false),
        outcome(&report, None, false),
    ] {
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest < Some(120), "{text}");
        assert!(text.contains("nnn…"), "{text}");
    }
}

#[test]
fn colours_come_when_asked_for() {
    assert!(status(&samples::running(), NOW, Some(80), true).contains('\u{1b}'));
}

#[test]
fn lag_counts_from_the_report_on() {
    let report = Report {
        lag_ms: Some(5_000),
        ..samples::complete()
    };
    let text = status(&report, Millis(65_000), None, false);
    assert!(
        text.starts_with(
            "Job complete, iteration 1, up to cursor 638000000000000002, 10 s behind the source\n"
        ),
        "{text}"
    );
}

#[test]
fn up_to_where_a_database_is_complete_is_told_where_it_is_not_the_headline() {
    let database = |name: &str, end: Option<&str>| DatabaseReport {
        source: name.to_owned(),
        committed_end: end.map(str::to_owned),
        committed_read_at: end.map(|_| Millis(48_000)),
        ..DatabaseReport::default()
    };
    let mut report = samples::running();
    report.databases = vec![database("Orders", Some("638000000000000001"))];
    let line = "\nDatabase Orders is complete up to cursor 638000000000000001, read 12 s ago";
    let text = status(&report, NOW, None, false);
    assert!(text.contains(line), "{text}");
    report.databases.push(database("New", None));
    let text = status(&report, NOW, None, false);
    assert!(text.contains(line), "{text}");
    assert_eq!(text.matches("is complete up to").count(), 1, "{text}");
    let end = report.cursor_end.clone();
    report.databases = vec![database("Orders", end.as_deref())];
    let text = status(&report, NOW, None, false);
    assert!(!text.contains("is complete up to"), "{text}");
}

#[test]
fn the_end_of_a_run_is_told() {
    let text = outcome(&samples::complete(), None, false);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[1].contains("192,000") && lines[1].ends_with("7.3 MB"),
        "{text}"
    );
    assert_eq!(
        lines[3],
        "Complete: iteration 1, 2 tables, 200,000 rows at the destination."
    );

    let failed = Report {
        state: JobState::Failed,
        ..samples::running()
    };
    let text = outcome(&failed, None, false);
    assert!(
        text.ends_with("\nFailed: 128,000 rows at the destination."),
        "the error is told by itself\n{text}"
    );
    let stopped = Report {
        state: JobState::Stopped,
        ..samples::running()
    };
    let text = outcome(&stopped, None, false);
    assert!(
        text.ends_with("\n  Sites: column 'Area' has another type at the destination"),
        "{text}"
    );
}

#[test]
fn a_narrow_terminal_cuts_no_state_and_no_number() {
    let report = samples::running();
    for text in [
        status(&report, NOW, Some(40), false),
        outcome(&report, Some(40), false),
    ] {
        for part in ["completed", "planning", "120,000", "held", "Device"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 40),
            "{text}"
        );
    }
    let text = status(&report, NOW, Some(40), false);
    assert!(
        text.contains("\n Device Readings: exporting (2) 3 s,\n  waiting"),
        "{text}"
    );
}

#[cfg(feature = "emulator")]
#[test]
fn a_difference_is_plain_without_colours() {
    let mut proofs = vec![Proof {
        table: "T".to_owned(),
        source_rows: 1_000,
        destination_rows: 1_000,
        fingerprints: (7, 7),
        equal: true,
    }];
    assert!(proof_table(&proofs, None, false).ends_with("0000000000000007  yes"));
    proofs[0].equal = false;
    proofs[0].fingerprints.1 = 8;
    assert!(proof_table(&proofs, None, false).ends_with("0000000000000008  NO"));
}
