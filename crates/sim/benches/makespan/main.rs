//! Makespan of the core in simulated time, and what it costs to track a million blocks.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod tracked;
mod workloads;

use kusto_copy_sim::clock::NATURE;
use kusto_copy_sim::history::History;
use kusto_copy_sim::model::{Sim, Span};
use kusto_copy_sim::schedule::{Counted, makespan};
use kusto_copy_sim::worker::pacing::Pacing;
use kusto_copy_sim::worker::{Manner, Worker};

/// Who drives the copy.
#[derive(Clone, Copy)]
enum Policy {
    /// One process that stays.
    Ours,
    /// The same with loops at fixed intervals.
    Loops(Pacing),
    /// Executions that work so many milliseconds each, longer than their timer's interval.
    Ticks(u64),
}

const POLICIES: [(&str, Policy); 3] = [
    ("ours", Policy::Ours),
    ("8 min ticks", Policy::Ticks(8 * 60_000)),
    ("5-20 s", Policy::Loops(Pacing::PEER)),
];

/// The figures of one run.
struct Run {
    took: u64,
    data: u64,
    everything: u64,
    commits: u64,
    blocks: usize,
}

/// Starts executions as a timer does. The last one handed over, so
/// the next need not wait for a lease to end.
async fn tick(sim: Sim, manner: Manner, budget: u64) {
    let mut owner = 0;
    while !sim.look().goal.done {
        owner += 1;
        let impatient = owner > 1;
        Worker::start(
            &sim,
            owner,
            Manner {
                impatient,
                ..manner.clone()
            },
        );
        sim.clock.sleep(budget).await;
        sim.clock.kill(owner);
        // A timer that was overrun fires at once.
        sim.clock.sleep(1_000).await;
    }
}

fn run(mut history: History, policy: Policy) -> Result<Run, String> {
    history.most_steps = 50_000_000;
    {
        let mut world = history.sim.world();
        world.checker.off = true;
        world.spans = Some(Vec::new());
    }
    match policy {
        Policy::Ours => history.worker(1),
        Policy::Loops(pacing) => {
            history.manner.pacing = Some(pacing);
            history.worker(1);
        }
        Policy::Ticks(budget) => {
            let (sim, manner) = (history.sim.clone(), history.manner.clone());
            history.sim.spawn(NATURE, tick(sim, manner, budget));
        }
    }
    history
        .run()
        .map_err(|error| error.lines().take(9).collect::<Vec<_>>().join("\n"))?;
    let world = history.sim.look();
    let spans = world.spans.as_deref().unwrap_or_default();
    let look = world.times.query;
    let slots = world.capacity;
    let (committed, commits) = world.committed_at.last().copied().unwrap_or_default();
    let spans: Vec<Span> = spans
        .iter()
        .filter(|span| span.to <= committed)
        .cloned()
        .collect();
    Ok(Run {
        took: committed.saturating_sub(kusto_copy_sim::history::START),
        data: makespan(&spans, slots, Counted::DataOnly, look),
        everything: makespan(&spans, slots, Counted::Everything, look),
        commits,
        blocks: spans.iter().filter(|span| span.name == "export").count(),
    })
}

fn ratio(took: u64, least: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a day at most")]
    let ratio = took as f64 / least.max(1) as f64;
    ratio
}

fn main() -> Result<(), String> {
    tracked::print();
    println!();
    println!("makespan in simulated time, from the start to the iteration's commit");
    println!("ratio A: to a zero-delay list schedule of the same exports, ingestions and moves");
    println!(
        "ratio B: to one that also has the questions without which they cannot begin or be proven"
    );
    println!();
    println!(
        "{:<34} {:<12} {:>7} {:>10} {:>10} {:>8} {:>8} {:>14}",
        "workload", "policy", "blocks", "took s", "least s", "ratio A", "ratio B", "commits/block"
    );
    for (name, workload) in workloads::ALL {
        for (policy_name, policy) in POLICIES {
            let run = run(workload(), policy)?;
            println!(
                "{name:<34} {policy_name:<12} {:>7} {:>10.1} {:>10.1} {:>8.3} {:>8.3} {:>14.1}",
                run.blocks,
                ratio(run.took, 1_000),
                ratio(run.data, 1_000),
                ratio(run.took, run.data),
                ratio(run.took, run.everything),
                ratio(run.commits, run.blocks as u64),
            );
        }
    }
    Ok(())
}
