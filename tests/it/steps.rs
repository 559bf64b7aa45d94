//! A job advanced by bounded steps: each a new execution over the same state, as a timer starts
//! them. Short ones, dropped ones, overlapping ones, paused ones: the copy is exact, and what it
//! costs is told.

use std::sync::Arc;
use std::time::Duration;

use kusto_copy_driver::{
    Control, Cost, DatabasePair, DriverError, Job, JobDefinition, Report, Request, RunOptions,
    StepOutcome, StepReport, Style,
};
use kusto_copy_kusto::NoCredentials;
use kusto_copy_staging::LocalLake;
use kusto_copy_store::faulty::{Call, Faulty};
use kusto_copy_store::{ManualClock, MemoryStore, Store, StoreTime};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::support::copier::Pair;
use crate::support::python::Python;

/// Steps after which a copy that goes on hangs; far beyond what any needs.
const MOST_STEPS: usize = 3_000;

/// A job over two clusters, its state in memory and its clock in the test's hand.
struct Stepped {
    pair: Pair,
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    options: RunOptions,
}

impl Stepped {
    fn start(style: Style, budget: Duration) -> Self {
        let mut options = RunOptions {
            continuous: true,
            rpo: Duration::from_secs(3_600),
            retry_held: false,
            budget: Some(budget),
            style,
            ..RunOptions::default()
        };
        options.limits.block_rows = 300;
        options.limits.small_rows = 100;
        options.limits.retry_pause = 20;
        options.limits.throttle_pause = 20;
        // Commands whose answers were lost are looked for soon.
        options.limits.operation_visibility = 200;
        options.limits.poll.min = 5;
        options.limits.poll.max = 50;
        let clock = Arc::new(ManualClock::at(StoreTime::from_unix_millis(1)));
        let store = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn kusto_copy_store::Clock>);
        Self {
            pair: Pair::start("Db"),
            store: Arc::new(store),
            clock,
            options,
        }
    }

    /// Six commits of five hundred rows, a small table, an empty one.
    fn load(&self) {
        self.pair.at_source(&[
            ".create table Events (n:long, at:datetime)",
            ".create table Small (n:long)",
            ".create table Empty (n:long)",
            ".set-or-append Small <| range n from 1 to 5 step 1",
        ]);
        for first in (1..3_000).step_by(500) {
            let last = first + 499;
            self.pair.at_source(&[&format!(
                ".set-or-append Events <| range n from {first} to {last} step 1 \
                 | extend at = datetime(2026-01-01) + n * 1tick"
            )]);
        }
    }

    fn job(&self) -> Job {
        let databases = vec![DatabasePair {
            source: "Db".to_owned(),
            destination: "Db".to_owned(),
        }];
        Job {
            definition: JobDefinition {
                source: self.pair.source.uri.clone(),
                destination: self.pair.destination.uri.clone(),
                databases,
            },
            options: self.options.clone(),
            credentials: Arc::new(NoCredentials),
        }
    }

    /// One step over a store, which may be this job's own behind something.
    async fn step_over(&self, store: Arc<dyn Store>) -> Result<StepReport, DriverError> {
        let location = self.pair.lake.to_str().expect("a path");
        let lake = Arc::new(LocalLake::open(location).await.expect("a lake"));
        let (progress, _) = watch::channel(Report::default());
        let (_keep, stop) = watch::channel(false);
        let control = Control { progress, stop };
        kusto_copy_driver::step(self.job(), store, lake, control).await
    }

    async fn step(&self) -> StepReport {
        let ended = self.step_over(Arc::clone(&self.store)).await;
        ended.expect("the step can be taken")
    }

    async fn ask(&self, request: Request) {
        let asked = kusto_copy_driver::request(Arc::clone(&self.store), request).await;
        asked.expect("there is a job");
    }

    /// Steps until an iteration is committed and tidied; how many, and what they cost.
    async fn steps_to_the_end(&self) -> (usize, Cost) {
        let mut total = Cost::default();
        for steps in 1..MOST_STEPS {
            let ended = self.step().await;
            add(&mut total, ended.cost);
            assert_ne!(ended.outcome, StepOutcome::Held, "{:?}", ended.report);
            if ended.outcome == StepOutcome::Idle && !ended.work_due && is_far(&ended) {
                return (steps, total);
            }
            if !ended.work_due {
                // As a timer would; nothing is judged by it.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        panic!("no end after {MOST_STEPS} steps");
    }

    fn assert_copied(&self, events: u64) {
        let rows = self.pair.destination.row_counts("Db");
        assert_eq!(
            (rows["Events"], rows["Small"], rows["Empty"]),
            (events, 5, 0)
        );
        if let Some(python) = Python::find() {
            let tables = ["--tables", "Events", "Small", "Empty"];
            self.pair.assert_equal(&python, &tables);
        }
    }
}

/// Whether nothing is due within the next minutes.
fn is_far(ended: &StepReport) -> bool {
    let at = ended.report.at.expect("a moment");
    ended.next_due.is_some_and(|due| due.since(at) > 60_000)
}

fn add(total: &mut Cost, cost: Cost) {
    total.store_reads += cost.store_reads;
    total.store_commits += cost.store_commits;
    total.kusto_queries += cost.kusto_queries;
    total.kusto_commands += cost.kusto_commands;
    total.blocks_moved += cost.blocks_moved;
    total.rows_moved += cost.rows_moved;
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn tell(what: &str, steps: usize, cost: Cost) {
    let per_block = |n: u64| n as f64 / cost.blocks_moved.max(1) as f64;
    let line = format!(
        "{what}: {steps} steps, {} blocks; a block: {:.1} store reads, {:.1} commits, {:.1} Kusto \
         queries, {:.1} commands",
        cost.blocks_moved,
        per_block(cost.store_reads),
        per_block(cost.store_commits),
        per_block(cost.kusto_queries),
        per_block(cost.kusto_commands)
    );
    // A figure that nobody reads is no reason to fail.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{line}\n").as_bytes());
}

/// However small the budget, each step sends what can be sent at once.
#[tokio::test(flavor = "multi_thread")]
async fn steps_without_any_budget_copy_exactly_in_both_styles() {
    for style in [Style::Economy, Style::Throughput] {
        let job = Stepped::start(style, Duration::ZERO);
        job.load();
        let (steps, cost) = job.steps_to_the_end().await;
        tell(&format!("{style:?}, no budget"), steps, cost);
        assert_eq!(cost.rows_moved, 3_005);
        job.assert_copied(3_000);
        let report = kusto_copy_driver::status(Arc::clone(&job.store)).await;
        let report = report.expect("a job");
        assert_eq!((report.iteration, report.databases.len()), (1, 1));
        assert_eq!(report.history.last().expect("a sample").rows, 3_005);
        assert!(report.heartbeat.expect("a sign").steps >= steps as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_with_enough_budget_copies_all_and_the_next_ones_rest() {
    let job = Stepped::start(Style::Throughput, Duration::from_secs(600));
    job.load();
    let first = job.step().await;
    assert_eq!(first.outcome, StepOutcome::Worked);
    assert!(!first.work_due && is_far(&first), "{first:?}");
    tell("Throughput, one step", 1, first.cost);
    job.assert_copied(3_000);
    let idle = job.step().await;
    assert_eq!(idle.outcome, StepOutcome::Idle);
    assert_eq!(idle.cost.kusto_commands + idle.cost.kusto_queries, 0);

    // New rows wait for the objective, or for a person who does not.
    job.pair.at_source(
        &[".set-or-append Events <| range n from 3001 to 3100 step 1 \
                      | extend at = datetime(2026-01-02)"],
    );
    assert_eq!(job.step().await.outcome, StepOutcome::Idle);
    job.ask(Request::StartNow).await;
    let second = job.step().await;
    assert_eq!(
        (second.outcome, second.report.iteration),
        (StepOutcome::Worked, 2)
    );
    job.assert_copied(3_100);
    assert_eq!(
        job.step().await.outcome,
        StepOutcome::Idle,
        "it was asked once"
    );
}

/// An execution that was dropped holds its lease until it ends, and what it had sent is looked
/// for by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn executions_dropped_at_any_moment_lose_and_double_nothing() {
    let job = Stepped::start(Style::Throughput, Duration::from_secs(600));
    job.load();
    let times = json!({"service_times": {
        "export": {"base_ms": 60}, "ingest": {"base_ms": 60}, "move_extents": {"base_ms": 20}
    }});
    job.pair.source.settings(&times);
    job.pair.destination.settings(&times);
    for drops in 0..40_u64 {
        let life = Duration::from_millis(20 + drops * 37 % 230);
        let dropped = tokio::time::timeout(life, job.step()).await;
        if dropped.is_ok() {
            break;
        }
        job.clock.advance(Duration::from_secs(61));
    }
    // An attempt whose answers are lost again and again is held: a person lets it try again.
    job.ask(Request::RetryHeld).await;
    job.steps_to_the_end().await;
    job.assert_copied(3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_job_watches_what_runs_and_begins_nothing() {
    let mut job = Stepped::start(Style::Economy, Duration::from_secs(600));
    job.options.limits.small_rows = 0;
    job.load();
    let slow = json!({"service_times": {"export": {"base_ms": 300}}});
    job.pair.source.settings(&slow);
    while job.step().await.report.tables.is_empty() {}
    loop {
        let ended = job.step().await;
        let exporting = |table: &kusto_copy_driver::TableReport| {
            table.blocks_by_state.contains_key("exporting")
        };
        if ended.report.tables.iter().any(exporting) {
            break;
        }
    }
    job.ask(Request::Pause).await;
    let mut last = job.step().await;
    for _ in 0..MOST_STEPS {
        assert_eq!(last.outcome, StepOutcome::Paused);
        assert!(last.report.paused && !last.work_due);
        if last.next_due.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        last = job.step().await;
    }
    assert_eq!(last.next_due, None, "everything that ran has ended");
    let events = last
        .report
        .tables
        .iter()
        .find(|table| table.table == "Events");
    let events = events.expect("it is at work");
    assert!(
        !events.blocks_by_state.contains_key("exporting"),
        "{events:?}"
    );
    assert!(
        events.blocks_by_state.contains_key("exported"),
        "{events:?}"
    );
    assert!(
        !events.blocks_by_state.contains_key("ingesting"),
        "{events:?}"
    );
    assert!(
        events
            .waits
            .iter()
            .any(|wait| wait.text == "paused by user"),
        "{events:?}"
    );
    assert_eq!(job.pair.destination.row_counts("Db")["Events"], 0);
    job.ask(Request::Resume).await;
    job.steps_to_the_end().await;
    job.assert_copied(3_000);
}

/// A worker sleeps before it stores its first intent; another takes over when the lease has
/// ended and completes the copy. What the first one then wants to do is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_wakes_after_its_lease_ended_changes_nothing() {
    let job = Arc::new(Stepped::start(Style::Throughput, Duration::from_secs(600)));
    job.load();
    let (reached, mut is_reached) = watch::channel(false);
    let (wake, go_on) = watch::channel(false);
    // It stops at its first change of an activity, as a machine that is suspended.
    let suspend = move |call: Call<'_>| {
        if let Call::Commit(transaction) = call
            && transaction.partition().as_str().starts_with("act")
        {
            reached.send_replace(true);
            let mut go_on = go_on.clone();
            tokio::task::block_in_place(|| {
                let told = Handle::current().block_on(go_on.wait_for(|go_on| *go_on));
                drop(told);
            });
        }
        None
    };
    let suspended = Arc::new(Faulty::new(Arc::clone(&job.store), Box::new(suspend)));
    let sleeper = {
        let job = Arc::clone(&job);
        tokio::spawn(async move { job.step_over(suspended).await })
    };
    is_reached
        .wait_for(|reached| *reached)
        .await
        .expect("it begins");
    assert!(matches!(job.step().await.outcome, StepOutcome::Busy { .. }));
    job.clock.advance(Duration::from_secs(61));
    let second = job.step().await;
    assert_eq!(second.outcome, StepOutcome::Worked, "{second:?}");
    let requests = job.pair.destination.requests_seen();
    wake.send_replace(true);
    let stale = sleeper.await.expect("it ends by itself");
    assert!(matches!(stale, Err(DriverError::TakenOver)), "{stale:?}");
    assert_eq!(
        job.pair.destination.requests_seen(),
        requests,
        "it sent nothing"
    );
    job.assert_copied(3_000);
    assert_eq!(job.step().await.outcome, StepOutcome::Idle);
}

/// What is asked on the command line reaches the next execution, whoever it is.
#[test]
fn requests_are_left_from_the_command_line() {
    let pair = Pair::start("Db");
    pair.at_source(&[".set-or-append T <| range n from 1 to 9 step 1"]);
    let asked = |word: &str| {
        let mut command = crate::support::process::kusto_copy();
        command.arg(word).arg("-l").arg(&pair.lake);
        crate::support::copier::Ended::of(command)
    };
    let early = asked("pause");
    assert_eq!(early.code, Some(1), "there is no job yet: {early}");
    pair.copy_completely(&[]);
    assert_eq!(asked("pause").code, Some(0));
    assert_eq!(pair.status()["paused"], true);
    pair.at_source(&[".set-or-append T <| range n from 10 to 12 step 1"]);
    let stopped = pair.copy(&["--budget", "1s"]);
    assert_eq!(stopped.code, Some(3), "it is paused: {stopped}");
    assert_eq!(pair.destination.row_counts("Db")["T"], 9);
    for word in ["retry", "start", "resume"] {
        assert_eq!(asked(word).code, Some(0), "{word}");
    }
    assert_eq!(pair.status()["paused"], false);
    pair.copy_completely(&[]);
    assert_eq!(pair.destination.row_counts("Db")["T"], 12);
}
