//! Made-up reports for the tests of the views.

use std::collections::BTreeMap;

use kusto_copy_core::decide::Wait;
use kusto_copy_core::vocabulary::Millis;
use kusto_copy_driver::{DatabaseReport, JobState, Report, TableReport, WaitReport};

/// A table with nothing copied.
pub(super) fn table(name: &str, state: &str) -> TableReport {
    TableReport {
        database: "Telemetry".to_owned(),
        table: name.to_owned(),
        state: state.to_owned(),
        ..TableReport::default()
    }
}

/// A database that cannot be taken up.
pub(super) fn refused_database() -> DatabaseReport {
    DatabaseReport {
        source: "Orders".to_owned(),
        destination: "Orders".to_owned(),
        error: Some("source database `Orders` has no table; create one".to_owned()),
        ..DatabaseReport::default()
    }
}

/// Something that so many blocks wait for.
pub(super) fn wait(reason: Wait, blocks: u64, since: u64) -> WaitReport {
    WaitReport {
        reason,
        text: reason.words().to_owned(),
        blocks,
        since: Millis(since),
    }
}

/// Four tables in the middle of a copy, at 60 s.
pub(super) fn running() -> Report {
    let mut device = table("Device Readings", "planned");
    (device.rows, device.rows_moved, device.rows_planned) = (120_000, 120_000, 192_000);
    (device.percent, device.blocks, device.bytes) = (Some(62.5), 5, 7_340_032);
    device.waits = vec![
        wait(Wait::Export, 2, 57_000),
        wait(Wait::MoveTurn, 1, 59_000),
    ];
    device.blocks_by_state =
        BTreeMap::from([("exporting".to_owned(), 2), ("ingested".to_owned(), 1)]);
    let mut errors = table("errors-2026.q1", "completed");
    (errors.rows, errors.rows_moved, errors.rows_planned) = (8_000, 8_000, 8_000);
    (errors.percent, errors.blocks, errors.bytes) = (Some(100.0), 1, 400_000);
    let mut users = table("where", "planning");
    users.waits = vec![wait(Wait::Plan, 1, 60_000)];
    let mut sites = table("Sites", "held");
    sites.waits = vec![wait(Wait::Held, 1, 10_000)];
    sites.error = Some("column 'Area' has another type at the destination".to_owned());
    Report {
        state: JobState::Running,
        iteration: 1,
        cursor_end: Some("638000000000000002".to_owned()),
        lag_ms: None,
        tables: vec![device, errors, users, sites],
        at: Some(Millis(60_000)),
        ..Report::default()
    }
}

/// Two tables, all there.
pub(super) fn complete() -> Report {
    let mut report = running();
    report.state = JobState::Complete;
    report.tables.truncate(2);
    let device = &mut report.tables[0];
    "completed".clone_into(&mut device.state);
    (device.rows, device.rows_moved, device.percent) = (192_000, 192_000, Some(100.0));
    device.waits.clear();
    device.blocks_by_state.clear();
    report
}
