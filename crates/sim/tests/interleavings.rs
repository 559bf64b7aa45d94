//! Known interleavings, each forced and each ending equal, exactly once, or held with the reason.

use std::cell::Cell;
use std::rc::Rc;

use kusto_copy_sim::history::{History, Summary};
use kusto_copy_sim::model::Happening;
use kusto_copy_sim::model::nature::Batch;

const HOUR: u64 = 3_600_000;

/// Rows of one extent, a tick apart.
const fn rows(rows: usize) -> Batch {
    Batch {
        rows,
        apart: 1,
        days_old: 0,
        timed: true,
        streaming: false,
    }
}

fn history(batches: &[Batch]) -> History {
    let history = History::quiet(7);
    history.table("T", batches);
    history.want(1);
    history
}

fn ends(history: &mut History) -> Summary {
    match history.run() {
        Ok(summary) => summary,
        Err(violation) => panic!("{violation}\n{}", history.standing()),
    }
}

fn ends_equal(history: &mut History) -> Summary {
    let summary = ends(history);
    assert_eq!(summary.stuck, None, "{}", history.standing());
    summary
}

fn saw(summary: &Summary, from: &'static str, to: &'static str) -> bool {
    summary.seen.contains_key(&(from, to))
}

fn is(happening: &Happening, what: &str, count: u32) -> bool {
    happening.what == what && happening.count == count
}

#[test]
fn a_stale_move_that_commits_between_the_new_workers_look_and_its_next_step() {
    let mut history = history(&[rows(9)]);
    history.sim.world().script.delay.insert("move", HOUR);
    history.sim.world().times.shift = 1;
    history.hook(|happening, sim| {
        if is(happening, "after:move", 1) {
            sim.clock.kill(1);
        }
        // The new worker has seen the extents in staging; now the old worker's move arrives.
        if happening.what == "after:staged" && happening.owner == 2 {
            for task in std::mem::take(&mut sim.world().script.late) {
                sim.clock.notify(task);
            }
        }
    });
    history.worker(1);
    history.worker_after(120_000, 2, history.manner.clone());
    let summary = ends_equal(&mut history);
    assert_eq!(summary.workers, 2);
    assert!(saw(&summary, "moving", "moved"));
}

#[test]
fn a_move_of_600_extents_is_split_and_crashes_in_between() {
    let mut history = history(&[rows(600)]);
    history.manner.limits.block_rows = 300;
    history.manner.limits.block_bytes = 1 << 20;
    history.manner.limits.slice_rows = 10_000;
    history.manner.limits.bins = 600;
    history.manner.limits.move_extents = 500;
    {
        let mut world = history.sim.world();
        world.file_rows = 300;
        world.extents_of_file = 300;
    }
    let moves = Rc::new(Cell::new(0));
    let seen = Rc::clone(&moves);
    history.hook(move |happening, sim| {
        if happening.what == "ended:move" {
            seen.set(seen.get() + 1);
            if seen.get() == 1 {
                sim.clock.kill(1);
            }
        }
    });
    history.worker(1);
    history.worker_after(180_000, 2, history.manner.clone());
    let summary = ends_equal(&mut history);
    assert_eq!((summary.workers, moves.get()), (2, 2));
}

/// A group of blocks may go into several moves, one block never: a part of it that arrived would
/// carry its tag as if all of it had.
#[test]
fn a_block_of_600_extents_is_planned_smaller_instead_of_moved_in_parts() {
    let mut history = history(&[rows(600)]);
    history.manner.limits.block_rows = 600;
    history.manner.limits.block_bytes = 1 << 20;
    history.manner.limits.slice_rows = 10_000;
    history.manner.limits.bins = 600;
    history.manner.limits.move_extents = 500;
    {
        let mut world = history.sim.world();
        world.file_rows = 600;
        world.extents_of_file = 600;
    }
    history.worker(1);
    let summary = ends_equal(&mut history);
    assert!(saw(&summary, "failure", "too many extents"), "{summary:?}");
    let moved = summary.seen.get(&("moving", "moved")).copied();
    assert!(moved >= Some(2), "in blocks that fit: {summary:?}");
}

/// A move whose answer is lost arrives between the two looks of the worker that asks for it.
fn move_between_two_looks(backwards: bool) -> History {
    let mut history = history(&[rows(9)]);
    history.manner.looks_backwards = backwards;
    history.sim.world().script.delay.insert("move", HOUR);
    history.sim.world().times.shift = 1;
    let first = if backwards {
        "after:arrived"
    } else {
        "after:staged"
    };
    history.hook(move |happening, sim| {
        if happening.what == first {
            for task in std::mem::take(&mut sim.world().script.late) {
                sim.clock.notify(task);
            }
        }
    });
    history.worker(1);
    history
}

#[test]
fn reading_staging_before_the_destination_loses_no_move() {
    let summary = ends_equal(&mut move_between_two_looks(false));
    assert!(saw(&summary, "moving", "again") && !saw(&summary, "moving", "held"));
}

#[test]
fn reading_the_destination_before_staging_would_lose_it() {
    let summary = ends(&mut move_between_two_looks(true));
    assert!(saw(&summary, "moving", "held"), "{summary:?}");
}

#[test]
fn one_file_twice_and_an_equal_sized_one_not_at_all() {
    let mut history = history(&[rows(9)]);
    {
        let mut world = history.sim.world();
        world.file_rows = 3;
        world.faults.file_twice = 1.0;
    }
    history.hook(|happening, sim| {
        if is(happening, "ended:ingest", 1) {
            sim.world().faults.file_twice = 0.0;
        }
    });
    history.worker(1);
    let summary = ends_equal(&mut history);
    assert!(saw(&summary, "failure", "files") && saw(&summary, "ingesting", "abandoning"));
}

#[test]
fn an_export_that_reports_no_files_though_rows_were_planned() {
    let mut history = history(&[rows(9)]);
    history.sim.world().faults.no_files = 1.0;
    history.hook(|happening, sim| {
        if is(happening, "ended:export", 1) {
            sim.world().faults.no_files = 0.0;
        }
    });
    history.worker(1);
    let summary = ends_equal(&mut history);
    assert!(saw(&summary, "failure", "count"));
}

#[test]
fn two_planners_that_cut_the_same_range_differently() {
    let mut history = history(&[rows(40), rows(40)]);
    history.manner.limits.block_rows = 5;
    // The first one waits for its last answer while the other takes over and stores its own cut.
    let late = Rc::new(Cell::new(0));
    let (tries, mut answered) = (Rc::clone(&late), false);
    history.hook(move |happening, sim| {
        if happening.owner != 1 {
            return;
        }
        match happening.what.as_str() {
            "after:bins" => sim.world().times.query = 4_000,
            "before:extents" => sim.world().times.query = 40,
            "after:extents" => answered = true,
            "commit" => tries.set(tries.get() + u32::from(answered)),
            _ => {}
        }
    });
    history.worker(1);
    let mut other = history.manner.clone();
    other.limits.block_rows = 9;
    other.impatient = true;
    history.worker_after(1_200, 2, other);
    let summary = ends_equal(&mut history);
    assert_eq!(summary.workers, 2);
    assert!(late.get() > 0, "the first one tried to store its cut");
}

#[test]
fn a_column_added_between_the_schema_read_and_the_next_cursor_read() {
    let mut history = history(&[rows(9)]);
    history.want(2);
    history.sim.world().goal.keep_staging = true;
    history.hook(|happening, sim| {
        if is(happening, "before:cursor", 2) {
            let now = sim.now();
            let mut world = sim.world();
            world.add_column("T");
            world.arrive("T", rows(7), now);
            world.assign_cursors();
        }
    });
    history.worker(1);
    let summary = ends_equal(&mut history);
    assert_eq!((summary.iterations, summary.rows), (2, 16));
}

#[test]
fn a_source_database_dropped_and_created_again_under_its_name() {
    let mut history = history(&[rows(9)]);
    history.want(2);
    history.hook(|happening, sim| {
        if is(happening, "before:cursor", 2) {
            let now = sim.now();
            let mut world = sim.world();
            world.recreate_source();
            world.arrive("T", rows(5), now);
            world.assign_cursors();
        }
    });
    history.worker(1);
    let summary = ends(&mut history);
    assert_eq!(summary.iterations, 1);
    let stuck = summary.stuck.unwrap_or_default();
    assert!(stuck.contains("dropped and created again"), "{stuck}");
}

#[test]
fn the_lost_answer_of_a_move_that_did_commit() {
    let mut history = history(&[rows(9)]);
    history.hook(|happening, sim| {
        let mut world = sim.world();
        match happening.what.as_str() {
            "before:move" => world.faults.lost_answer = 1.0,
            "before:staged" => world.faults.lost_answer = 0.0,
            _ => {}
        }
    });
    history.worker(1);
    let summary = ends_equal(&mut history);
    assert!(saw(&summary, "moving", "moved") && !saw(&summary, "moving", "again"));
}

#[test]
fn an_abandoned_ingestion_that_commits_after_the_drop() {
    let mut history = history(&[rows(9)]);
    history.sim.world().script.delay.insert("ingest", HOUR);
    let dropped = Cell::new(false);
    let ingestions = Rc::new(Cell::new(0));
    let count = Rc::clone(&ingestions);
    history.hook(move |happening, sim| {
        // Nothing was staged when the worker looked; now the abandoned ingestion arrives.
        if happening.what == "before:staged" && dropped.get() {
            let late = std::mem::take(&mut sim.world().script.late);
            let clock = sim.clock.clone();
            sim.spawn(0, async move {
                clock.sleep(500).await;
                for task in late {
                    clock.notify(task);
                }
            });
        }
        dropped.set(happening.what == "after:drop");
        count.set(count.get() + u32::from(happening.what == "ended:ingest"));
    });
    history.worker(1);
    let summary = ends_equal(&mut history);
    assert!(saw(&summary, "abandoning", "planned"), "{summary:?}");
    assert_eq!(ingestions.get(), 2, "the abandoned one arrived as well");
}

/// A source whose rows share one instant and lie in four extents: a group.
fn grouped() -> History {
    let history = History::quiet(7);
    let instant = kusto_copy_sim::history::START - 60_000;
    {
        let mut world = history.sim.world();
        for _ in 0..4 {
            let batch = Batch {
                rows: 8,
                apart: 0,
                days_old: 0,
                timed: true,
                streaming: false,
            };
            world.arrive("T", batch, instant);
        }
        world.assign_cursors();
    }
    history.want(1);
    history
}

#[test]
fn a_merge_at_the_source_between_planning_and_export_of_a_group() {
    let mut history = grouped();
    history.hook(|happening, sim| {
        if is(happening, "before:export", 1) {
            sim.world().merge_source("T");
        }
    });
    history.worker(1);
    let summary = ends_equal(&mut history);
    assert!(
        saw(&summary, "group", "member") && saw(&summary, "failure", "count"),
        "{summary:?}"
    );
}

#[test]
fn a_group_member_held_after_the_others_moved_goes_on_when_it_is_retried() {
    let mut history = grouped();
    history.manner.limits.failures = 1;
    history.sim.world().script.fail.insert("ingest", 1);
    history.after(3 * HOUR, |sim| sim.world().goal.stuck = None);
    history.worker(1);
    history.worker_after(3 * HOUR, 2, history.manner.clone());
    let summary = ends_equal(&mut history);
    assert!(saw(&summary, "abandoning", "held"), "{summary:?}");
}

#[test]
fn two_workers_at_once_with_one_lease_epoch_each() {
    let mut history = history(&[rows(40), rows(40)]);
    history.worker(1);
    let mut other = history.manner.clone();
    other.impatient = true;
    history.worker_after(4_000, 2, other);
    let summary = ends_equal(&mut history);
    assert_eq!(summary.workers, 2);
}

/// The worker is killed at each single thing that happens, and another goes on.
#[test]
fn a_crash_at_any_point_loses_and_doubles_nothing() {
    let undisturbed = Rc::new(Cell::new(0));
    let count = Rc::clone(&undisturbed);
    let mut first = history(&[rows(20), rows(5)]);
    first.hook(move |_, _| count.set(count.get() + 1));
    first.worker(1);
    ends_equal(&mut first);
    assert!(undisturbed.get() > 100, "{}", undisturbed.get());
    for point in 1..=undisturbed.get() {
        let mut history = history(&[rows(20), rows(5)]);
        let mut at = 0;
        history.hook(move |_, sim| {
            at += 1;
            if at == point {
                sim.clock.kill(1);
            }
        });
        history.worker(1);
        history.worker_after(HOUR / 2, 2, history.manner.clone());
        match history.run() {
            Ok(summary) => assert_eq!(summary.stuck, None, "point {point}"),
            Err(violation) => panic!("killed at {point}: {violation}\n{}", history.standing()),
        }
    }
}

#[test]
fn a_staging_table_that_somebody_dropped_is_made_anew() {
    for (at, which) in [
        ("before:ingest", 1),
        ("before:ingest", 3),
        ("ended:export", 2),
    ] {
        let mut history = history(&[rows(9), rows(30)]);
        history.hook(move |happening, sim| {
            if is(happening, at, which) {
                let tables = &mut sim.world().destination.tables;
                tables.retain(|name, _| !name.starts_with("staging_"));
            }
        });
        history.worker(1);
        let summary = ends_equal(&mut history);
        assert!(saw(&summary, "ingesting", "abandoning"), "{at} {which}");
    }
}
