//! The same replication while everything is taken away from it: time, processes, the storage, the
//! right to it. Equal every time, nothing doubled.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::stage::{Operator, Stage, up_to};
use crate::support::faults;
use crate::support::python::Python;

const SEED_VARIABLE: &str = "KUSTO_COPY_TEST_SEED";
const KILLS: usize = 50;

/// Two tables of some blocks, one of one, one empty: 3,260 rows.
fn load(stage: &Stage) {
    stage.at_source(&[
        ".create table Numbers (n:long, r:real)",
        ".create table Readings (n:long, at:datetime, took:timespan, what:string, more:dynamic)",
        ".create table ['odd-name 4.2'] (['a b']:decimal, ['where']:string)",
        ".create table Empty (n:long)",
        ".set-or-append ['odd-name 4.2'] <| range n from 1 to 60 step 1 \
         | project ['a b'] = todecimal(n), ['where'] = strcat('row ', n)",
    ]);
    for first in (0..1_600).step_by(200) {
        let range = format!("range n from {first} to {} step 1", first + 199);
        stage.at_source(&[
            &format!(".set-or-append Numbers <| {range} | extend r = n / 3.0"),
            &format!(
                ".set-or-append Readings <| {range} \
                 | extend at = datetime(2026-01-01) + n * 1tick, took = n * 1tick, \
                 what = strcat('\"', n, '\",\\n'), more = bag_pack('n', n)"
            ),
        ]);
    }
}

fn random() -> fastrand::Rng {
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(seed) => seed.parse().expect("the seed is a number"),
        Err(_) => fastrand::u64(..1_000_000_000),
    };
    // Losing the line is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{SEED_VARIABLE}={seed}");
    fastrand::Rng::with_seed(seed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execution_may_be_too_short_for_more_than_one_effect() {
    let Some(python) = Python::find() else { return };
    let Some(mut stage) = Stage::set("Short") else {
        return;
    };
    load(&stage);
    stage
        .settings
        .insert("KUSTO_COPY_BUDGET".into(), "1ms".into());
    stage
        .settings
        .insert("KUSTO_COPY_STYLE".into(), "economy".into());
    // An execution sends what it can once, so with one slot of each kind that is one effect.
    for slots in ["exportSlots", "ingestionSlots", "querySlots"] {
        stage.job[slots] = 1.into();
    }
    let host = stage.host().await;
    let executions = host.tick_until_complete(&stage, async |_, _| {}).await;
    assert!(executions > 20, "only {executions} executions");
    stage.assert_equal(&python);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_may_fire_at_once_with_every_fault() {
    let Some(python) = Python::find() else { return };
    let Some(mut stage) = Stage::set("Two") else {
        return;
    };
    load(&stage);
    stage
        .settings
        .insert("KUSTO_COPY_BUDGET".into(), "300ms".into());
    stage.job["set"]["block_rows"] = 50.into();
    stage.job["set"]["operation_timeout"] = 1_000.into();
    faults::switch_on(&stage.source, &stage.destination, random().u64(..));
    let (one, other) = (stage.host().await, stage.host().await);
    let executions = one
        .tick_until_complete(&stage, async |one, _| {
            let (a, b) = tokio::join!(other.tick("advance"), one.double_tick("advance"));
            a.expect("there is a timer");
            b.expect("there is a timer");
        })
        .await;
    let lines = [one.lines(), other.lines()].concat();
    let busy = lines
        .iter()
        .filter(|line| line.contains("\"busy\""))
        .count();
    assert!(
        busy > 0,
        "they never met in {executions} rounds:\n{}",
        lines.join("\n")
    );
    faults::switch_off(&[&stage.source, &stage.destination]);
    stage.assert_equal(&python);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_handler_may_be_killed_fifty_times_at_random_moments_with_every_fault() {
    let Some(python) = Python::find() else { return };
    let Some(mut stage) = Stage::set("Killed") else {
        return;
    };
    load(&stage);
    stage.job["set"]["block_rows"] = 25.into();
    // What was sent by a handler that was killed is over by then.
    stage.job["set"]["operation_timeout"] = 1_000.into();
    let mut random = random();
    faults::switch_on(&stage.source, &stage.destination, random.u64(..));
    let host = stage.host().await;
    let mut kills = 0;
    while kills < KILLS {
        host.kill_during_next(up_to(&mut random, 120));
        let ended = host.tick("advance").await.expect("there is a timer");
        host.until_ready().await.expect("the next handler starts");
        if ended.killed {
            kills += 1;
        } else if ended.succeeded() && stage.rows(&stage.source) == stage.rows(&stage.destination) {
            // Complete too early: something new to copy, so that all kills meet work.
            stage.at_source(&[
                ".set-or-append Numbers <| range n from 1 to 500 step 1 | extend r = 1.5",
            ]);
            host.control("start");
        }
    }
    host.control("start");
    host.tick_until_complete(&stage, async |_, _| {}).await;
    let clusters = [&stage.source, &stage.destination];
    faults::assert_all_struck(&faults::struck(&clusters));
    faults::switch_off(&clusters);
    stage.assert_equal(&python);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storage_may_stop_in_the_middle() {
    let Some(python) = Python::find() else { return };
    let Some(mut stage) = Stage::set("Storage") else {
        return;
    };
    load(&stage);
    stage.job["set"]["block_rows"] = 25.into();
    let mut random = random();
    let host = stage.host().await;
    for _ in 0..3 {
        let before = up_to(&mut random, 1_500);
        let outage = async {
            tokio::time::sleep(before).await;
            stage.azurite.stop();
            tokio::time::sleep(Duration::from_millis(300)).await;
            stage.azurite.start_again().expect("Azurite starts again");
        };
        // It may fail, or wait the outage out: either way nothing is lost.
        let (ended, ()) = tokio::join!(host.tick("advance"), outage);
        ended.expect("there is a timer");
    }
    host.tick_until_complete(&stage, async |_, _| {}).await;
    stage.assert_equal(&python);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_to_staged_files_may_expire_during_a_step() {
    let Some(python) = Python::find() else { return };
    let Some(mut stage) = Stage::set("Expiry") else {
        return;
    };
    load(&stage);
    stage.job["sasLifetime"] = "4s".into();
    // Some commands reach the storage only after their access has ended.
    let late = |commands: &[&str]| json!([{"kind": "delay", "commands": commands, "probability": 1.0, "count": 2, "delay_ms": 6_000}]);
    stage.source.faults(&late(&["ExportToStorage"]), 1);
    stage.destination.faults(&late(&["Ingest*"]), 2);
    let host = stage.host().await;
    host.tick_until_complete(&stage, async |_, _| {}).await;
    for (side, cluster) in [
        ("source", &stage.source),
        ("destination", &stage.destination),
    ] {
        assert_eq!(cluster.struck().get("delay"), Some(&2), "{side}");
    }
    stage.assert_equal(&python);
}
