//! The copier killed at random moments of one copy, with every fault on that the embedded clusters
//! have, and started again.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde_json::json;

use crate::support::copier::Pair;
use crate::support::faults;
use crate::support::process::Running;
use crate::support::python::Python;

/// Starts after the last kill that may fail before one succeeds: faults are still on.
const LAST_STARTS: usize = 20;
const SEED_VARIABLE: &str = "KUSTO_COPY_TEST_SEED";

const TABLES: [&str; 4] = [
    ".create table Numbers (n:long, r:real)",
    ".create table Readings (n:long, at:datetime, took:timespan, who:guid, what:string, more:dynamic)",
    ".create table ['odd-name 4.2'] (['a b']:decimal, ['where']:string)",
    ".create table Empty (n:long)",
];

fn load(pair: &Pair) {
    pair.at_source(&TABLES);
    for part in 0..10 {
        let first = part * 200;
        let last = first + 199;
        let range = format!("range n from {first} to {last} step 1");
        pair.at_source(&[
            &format!(".set-or-append Numbers <| {range} | extend r = n / 3.0"),
            &format!(
                ".set-or-append Readings <| {range} \
                 | extend at = datetime(2026-01-01) + n * 1tick, took = n * 1tick, \
                 who = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), \
                 what = strcat('\"', n, '\",\\n'), more = bag_pack('n', n)"
            ),
        ]);
    }
    pair.at_source(&[
        ".set-or-append ['odd-name 4.2'] <| range n from 1 to 500 step 1 \
         | project ['a b'] = todecimal(n), ['where'] = strcat('row ', n)",
    ]);
}

/// Background merges, and cursors that come late.
fn let_it_merge(pair: &Pair) {
    pair.destination
        .settings(&json!({"merge": {"every_ms": 100}}));
    // Slower: an extent that was merged between its plan and its export is planned anew.
    pair.source
        .settings(&json!({"cursor_lag_ms": 20, "merge": {"every_ms": 2_000}}));
}

/// What the destination holds now, never more than the source.
fn arrived(pair: &Pair, source: &BTreeMap<String, u64>) -> u64 {
    let rows = pair.destination.row_counts(&pair.database);
    for (table, rows) in &rows {
        if !table.starts_with("kcopy_") {
            let there = source.get(table).copied().unwrap_or(0);
            assert!(*rows <= there, "{table} has {rows} rows instead of {there}");
        }
    }
    source.keys().filter_map(|table| rows.get(table)).sum()
}

/// The clusters finish everything within milliseconds, so a command whose sender was killed is
/// known to be over after seconds instead of an hour, and its slot is free again.
const ARGUMENTS: [&str; 8] = [
    "--block-rows",
    "25",
    "--set",
    "failures=1000",
    "--set",
    "operation_timeout=1000",
    "--set",
    "operation_visibility=300",
];
/// Most commands are operations that are looked at.
const WATCHED: [&str; 4] = ["--small-rows", "20", "--set", "sync_move_extents=1"];
/// Every command answers with its result.
const AT_ONCE: [&str; 4] = ["--small-rows", "1000", "--verify", "fingerprint"];

/// Runs the copier and kills it at a random moment after the copy came so far; now and then a
/// cluster's nodes restart shortly before. `false` if it ended by itself before that.
fn run_and_kill(
    pair: &Pair,
    arguments: &[&str],
    source: &BTreeMap<String, u64>,
    threshold: u64,
    random: &mut fastrand::Rng,
) -> bool {
    let mut copier = Running::start(pair.copier(arguments));
    let requests = || pair.source.requests_seen() + pair.destination.requests_seen();
    let mut kill_at = None;
    loop {
        if let Some(status) = copier.ended() {
            assert_eq!(status.code(), Some(0), "{}", copier.log());
            return false;
        }
        let rows = arrived(pair, source);
        let seen = requests();
        if kill_at.is_none() && rows >= threshold {
            kill_at = Some(seen + random.u64(..60));
            match random.u32(..6) {
                0 => pair.source.restart(),
                1 => pair.destination.restart(),
                _ => {}
            }
        }
        if kill_at.is_some_and(|at| seen >= at) {
            // Between two requests too: this is the random moment, nothing waits for it.
            std::thread::sleep(Duration::from_micros(random.u64(..8_000)));
            copier.kill();
            return true;
        }
    }
}

#[test]
fn fifty_kills_and_all_faults_leave_an_exact_copy() {
    let Some(struck) = copied_under_fire("fifty kills", 50, &[&ARGUMENTS[..], &WATCHED].concat())
    else {
        return;
    };
    faults::assert_all_struck(&struck);
}

#[test]
fn kills_and_all_faults_leave_an_exact_copy_whose_content_was_compared_block_by_block() {
    let arguments = [&ARGUMENTS[..], &AT_ONCE].concat();
    copied_under_fire("with fingerprints", 10, &arguments);
}

/// Copies with so many kills and every fault, and proves the copy exact and tidy. Tells how often
/// faults of each kind struck; nothing without Python.
fn copied_under_fire(what: &str, kills: u64, arguments: &[&str]) -> Option<BTreeMap<String, u64>> {
    let python = Python::find()?;
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().expect("the seed is a number"),
        Err(_) => fastrand::u64(..1_000_000_000),
    };
    // Losing the line is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{what}: {SEED_VARIABLE}={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let pair = Pair::start("Kills");
    load(&pair);
    let source = pair.source.row_counts(&pair.database);
    let total: u64 = source.values().sum();
    assert_eq!(total, 4_500);
    faults::switch_on(&pair.source, &pair.destination, seed);
    let_it_merge(&pair);

    let killed = (0..kills)
        .take_while(|kill| {
            // Spread over the copy; enough is left for the last ones, so that it cannot end before.
            let threshold = total * 7 * kill / (10 * kills);
            run_and_kill(&pair, arguments, &source, threshold, &mut random)
        })
        .count();
    assert_eq!(
        killed as u64, kills,
        "the copy ended too early; {SEED_VARIABLE}={seed}"
    );
    let ended = (0..LAST_STARTS)
        .map(|_| pair.copy(arguments))
        .find(|ended| ended.code == Some(0));
    assert!(
        ended.is_some(),
        "it never ended with 0; {SEED_VARIABLE}={seed}"
    );

    let struck = faults::struck(&[&pair.source, &pair.destination]);
    // As the seed.
    let _ = writeln!(std::io::stderr(), "{what}: {struck:?}");
    faults::switch_off(&[&pair.source, &pair.destination]);
    assert_eq!(arrived(&pair, &source), total, "{SEED_VARIABLE}={seed}");
    pair.assert_equal(&python, &[]);
    pair.assert_tidy();
    Some(struck)
}
