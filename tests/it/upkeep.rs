//! What people do between and during copies: tables excluded and included again, staging dropped.

use crate::support::copier::Pair;
use crate::support::process::Running;
use crate::support::python::Python;
use crate::support::until;

const TABLES: [&str; 5] = [
    ".create table Sound (n:long)",
    ".set-or-append Sound <| range n from 1 to 10 step 1",
    ".create table Long (n:long, s:string)",
    ".alter column Long.s policy encoding type='BigObject'",
    ".set-or-append Long <| range n from 1 to 5 step 1 \
     | extend s = iff(n > 3, strcat(strrep(strrep('x', 1024), 1024), 'x'), 'short')",
];

#[test]
fn an_excluded_table_holds_nothing_back_and_goes_on_exactly_when_it_is_included_again() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Upkeep");
    pair.at_source(&TABLES);
    // The destination cuts what is longer than a megabyte: the table is held.
    pair.destination
        .command("Upkeep", ".create table Long (n:long, s:string)");
    assert_eq!(pair.copy(&[]).code, Some(1));
    let without = ["--tables-exclude", "Long", "--output", "json"];
    let first = pair.copy_completely(&without).document();
    assert_eq!(first["iteration"], 1, "{first}");

    pair.at_source(&[
        ".set-or-append Sound <| range n from 11 to 20 step 1",
        ".set-or-append Long <| range n from 6 to 9 step 1 | extend s = 'later'",
    ]);
    let second = pair.copy_completely(&without).document();
    assert_eq!(second["iteration"], 2, "{second}");
    let rows = pair.destination.row_counts("Upkeep");
    assert_eq!((rows["Sound"], rows["Long"]), (20, 0), "{rows:?}");

    let wider = ".alter column Long.s policy encoding type='BigObject'";
    pair.destination.command("Upkeep", wider);
    pair.at_source(&[".set-or-append Long <| range n from 10 to 12 step 1 | extend s = 'last'"]);
    let third = pair.copy_completely(&["--output", "json"]).document();
    assert_eq!(third["iteration"], 3, "{third}");
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
}

#[cfg(unix)]
#[test]
fn a_staging_table_that_somebody_dropped_is_made_anew() {
    let Some(python) = Python::find() else {
        return;
    };
    let pair = Pair::start("Upkeep");
    pair.at_source(&TABLES[..2]);
    let mut copier = Running::start(pair.copier(&["--continuous", "--rpo", "1s"]));
    until("the rows arrive", || {
        let rows = pair.destination.row_counts("Upkeep");
        match rows.get("Sound") {
            Some(10) => Ok(()),
            _ => Err(format!("{rows:?}")),
        }
    });
    assert_eq!(copier.terminate().code(), Some(3), "{}", copier.log());

    let staging = |table: &String| table.starts_with("kcopy_");
    let kept: Vec<String> = pair.destination.tables("Upkeep");
    let kept: Vec<String> = kept.into_iter().filter(staging).collect();
    assert!(
        !kept.is_empty(),
        "a continuous copy keeps its staging table"
    );
    for table in kept {
        let drop = format!(".drop table ['{table}']");
        pair.destination.command("Upkeep", &drop);
    }
    pair.at_source(&[".set-or-append Sound <| range n from 11 to 400 step 1"]);
    // The first start ends the iteration that was open when the copy was stopped.
    pair.copy_completely(&[]);
    pair.copy_completely(&[]);
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
}

/// With more tables than one query proves, tables whose extents stay the same are not asked about
/// in every iteration, and what changes is copied all the same.
#[test]
fn the_proof_of_many_idle_tables_waits_and_a_change_is_seen() {
    let pair = Pair::start("Upkeep");
    for number in 1..=105 {
        let table = format!("T{number:03}");
        pair.at_source(&[&format!(".set-or-append {table} <| print n = {number}")]);
        pair.at_source(&[&format!(".alter table {table} policy ingestiontime true")]);
    }
    let copy = |delay: &str| {
        let delay = format!("cursor_delay={delay}");
        let ended = pair.copy_completely(&["--output", "json", "--set", &delay]);
        let document = ended.document();
        let queries = document["cost"]["kusto_queries"].as_u64();
        (queries.expect("what the copy cost"), document)
    };
    copy("0");
    let (proving, _) = copy("0");
    let (waiting, document) = copy("0");
    assert!(waiting < proving, "{waiting} and {proving} queries");
    assert_eq!(document["iteration"], 3, "{document}");
    let (unsettled, _) = copy("3600000");
    assert_eq!(unsettled, proving, "cursors may come later than commits");

    pair.at_source(&[".set-or-append T042 <| range n from 1 to 9 step 1"]);
    copy("0");
    assert_eq!(pair.destination.row_counts("Upkeep")["T042"], 10);
}
