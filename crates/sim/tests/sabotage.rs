//! The checker notices: each kind of damage, done behind the copier's back, is named by the
//! number of its invariant.

use kusto_copy_core::activity::Activity;
use kusto_copy_core::block::{Block, BlockState, ManifestFiles};
use kusto_copy_core::vocabulary::{BlockNumber, Cursor, Slice, Ticks, TimeRange};
use kusto_copy_sim::history::History;
use kusto_copy_sim::model::nature::Batch;
use kusto_copy_sim::model::operations::{Attempt, Command};
use kusto_copy_sim::model::store::{Entity, Key, Value, Write};
use kusto_copy_sim::model::{Sim, World};

/// Runs a small copy, damages it once at a happening, and returns what the checker says.
fn damaged(at: &'static str, damage: impl Fn(&mut World) + 'static) -> String {
    let mut history = History::quiet(3);
    let batch = Batch {
        rows: 30,
        apart: 1,
        days_old: 0,
        timed: true,
        streaming: false,
    };
    history.table("T", &[batch, batch]);
    history.want(1);
    let mut done = false;
    history.hook(move |happening, sim: &Sim| {
        if !done && happening.what == at {
            done = true;
            damage(&mut sim.world());
        }
    });
    history.worker(1);
    match history.run() {
        Ok(summary) => format!("nothing noticed: {summary:?}"),
        Err(violation) => violation,
    }
}

fn staged(world: &mut World, change: impl Fn(&mut kusto_copy_sim::model::destination::Extent)) {
    for (name, table) in &mut world.destination.tables {
        if name.starts_with("staging_") {
            table.values_mut().for_each(&change);
        }
    }
}

/// Writes a changed head as a worker of this epoch would.
fn rewrite(world: &mut World, epoch: u64, change: impl Fn(&mut Activity)) {
    let found = world.store.all().find_map(|(key, entity)| {
        entity
            .value
            .head()
            .map(|head| (key.clone(), head.clone(), entity.etag))
    });
    let (key, mut head, etag) = found.expect("an activity is stored");
    change(&mut head);
    let written = world.write(
        &[Write::Replace(key, Value::Head(Box::new(head)), etag)],
        0,
        epoch,
    );
    written.expect("nobody wrote in between");
}

fn noticed(number: u8, violation: &str) {
    assert!(
        violation.starts_with(&format!("({number})")),
        "wanted ({number}), got {violation}"
    );
}

#[test]
fn a_row_copied_twice() {
    let violation = damaged("before:move", |world| {
        staged(world, |extent| {
            let first = extent.rows.first().copied();
            extent.rows.extend(first);
        });
    });
    noticed(1, &violation);
}

#[test]
fn a_row_that_lost_a_column() {
    let violation = damaged("before:move", |world| {
        staged(world, |extent| {
            extent.rows.iter_mut().for_each(|row| row.columns = 1)
        });
    });
    noticed(1, &violation);
}

#[test]
fn a_row_that_vanished_from_staging() {
    let violation = damaged("before:move", |world| {
        staged(world, |extent| extent.rows.truncate(1));
    });
    noticed(7, &violation);
}

#[test]
fn a_row_that_vanished_at_the_destination() {
    let violation = damaged("before:reconcile", |world| {
        for extent in world.destination.tables.get_mut("T").into_iter().flatten() {
            extent.1.rows.clear();
        }
    });
    noticed(2, &violation);
}

#[test]
fn a_block_that_overlaps_another() {
    let violation = damaged("before:export", |world| {
        let found = world.store.all().find_map(|(_, entity)| {
            let Value::Block(block) = &entity.value else {
                return None;
            };
            Some((**block).clone())
        });
        let mut block = found.expect("a block is stored");
        block.number = BlockNumber(90);
        block.slice = Slice::range(TimeRange::ALL);
        block.state = BlockState::Planned { not_before: None };
        let (head, etag) = world
            .store
            .all()
            .find_map(|(_, entity)| entity.value.head().map(|head| (head.clone(), entity.etag)))
            .expect("an activity is stored");
        let mut head = head;
        head.counters.blocks_planned += 1;
        head.counters.rows_planned += block.planned_rows;
        let id = head.id.clone();
        let writes = [
            Write::Replace(Key::Head(id.clone()), Value::Head(Box::new(head)), etag),
            Write::Put(Key::Block(id, block.number), Value::Block(Box::new(block))),
        ];
        world.write(&writes, 0, 1).expect("nobody wrote in between");
    });
    noticed(3, &violation);
}

#[test]
fn a_window_that_moved() {
    let violation = damaged("before:export", |world| {
        rewrite(world, 1, |head| {
            if let kusto_copy_core::activity::Phase::Planning { window, .. }
            | kusto_copy_core::activity::Phase::Planned { window, .. } = &mut head.phase
            {
                window.up_to = Cursor("000000000000009999".to_owned());
            }
        });
    });
    noticed(4, &violation);
}

#[test]
fn effects_without_intent() {
    let attempt = |world: &World| {
        let id = world
            .store
            .all()
            .find_map(|(_, entity)| entity.value.head().map(|head| head.id.clone()));
        Attempt {
            activity: id.expect("an activity"),
            iteration: 1,
            block: BlockNumber(77),
            attempt: 1,
        }
    };
    let violation = damaged("before:ingest", move |world| {
        let command = Command::Ingest {
            of: attempt(world),
            staging: "s".to_owned(),
            paths: Vec::new(),
            tag: "kc-none".to_owned(),
            creation: Ticks(0),
        };
        world.checker.sent(&command, false);
    });
    noticed(5, &violation);
    let violation = damaged("before:move", move |world| {
        let extent = world.new_extent();
        let command = Command::Move {
            of: vec![attempt(world)],
            staging: "s".to_owned(),
            table: "T".to_owned(),
            extents: vec![extent],
        };
        world.checker.sent(&command, false);
    });
    noticed(5, &violation);
}

#[test]
fn a_tag_sent_twice() {
    let violation = damaged("after:ingest", |world| {
        let sent = world
            .operations
            .values()
            .find_map(|operation| match &operation.command {
                Command::Ingest { .. } => Some(operation.command.clone()),
                Command::Export { .. } | Command::Move { .. } => None,
            });
        world.checker.sent(&sent.expect("an ingestion runs"), false);
    });
    noticed(6, &violation);
}

/// The first stored block of which something is found.
fn stored<T>(world: &World, find: impl Fn(&Block) -> Option<T>) -> Option<T> {
    world.store.all().find_map(|(_, entity)| {
        let Value::Block(block) = &entity.value else {
            return None;
        };
        find(block)
    })
}

fn stored_head(world: &World) -> (Activity, u64) {
    let head = |entity: &Entity| Some((entity.value.head()?.clone(), entity.etag));
    let found = world.store.all().find_map(|(_, entity)| head(entity));
    found.expect("an activity is stored")
}

/// Runs a copy of this batch; damages it after the first commit at which that is possible.
fn damaged_at_commit(batch: Batch, damage: impl Fn(&mut World) -> bool + 'static) -> String {
    let mut history = History::quiet(3);
    history.table("T", &[batch]);
    history.want(1);
    let mut done = false;
    history.hook(move |happening, sim: &Sim| {
        if !done && happening.what == "commit" {
            done = damage(&mut sim.world());
        }
    });
    history.worker(1);
    match history.run() {
        Ok(summary) => format!("nothing noticed: {summary:?}"),
        Err(violation) => violation,
    }
}

#[test]
fn a_member_that_is_ingested_before_its_group_is_verified() {
    // One instant holds more rows than a block may: its extents make a group.
    let batch = Batch {
        rows: 20,
        apart: 0,
        days_old: 0,
        timed: true,
        streaming: false,
    };
    let violation = damaged_at_commit(batch, |world| {
        let ingesting = stored(world, |block| {
            let ingests = matches!(block.state, BlockState::Ingesting { .. });
            block
                .group
                .filter(|_| ingests)
                .map(|group| (group, block.number))
        });
        let Some((group, number)) = ingesting else {
            return false;
        };
        let other = stored(world, |block| {
            let other = block.group == Some(group) && block.number != number;
            other.then(|| block.clone())
        });
        let mut other = other.expect("a group has two members at least");
        // Another count was planned than was exported, and nobody asked again.
        other.planned_rows += 1;
        let (mut head, etag) = stored_head(world);
        head.counters.rows_planned += 1;
        let id = head.id.clone();
        let writes = [
            Write::Replace(Key::Head(id.clone()), Value::Head(Box::new(head)), etag),
            Write::Put(Key::Block(id, other.number), Value::Block(Box::new(other))),
        ];
        world.write(&writes, 0, 1).expect("nobody wrote in between");
        true
    });
    noticed(8, &violation);
}

/// An ingestion is sent, in the copier's name, of changed files.
fn ingests_other_files(change: impl Fn(&mut Vec<String>) + 'static) -> String {
    let batch = Batch {
        rows: 30,
        apart: 1,
        days_old: 0,
        timed: true,
        streaming: false,
    };
    damaged_at_commit(batch, move |world| {
        let intended = stored(world, |block| {
            let BlockState::Ingesting {
                attempt,
                manifest,
                tag,
                ..
            } = &block.state
            else {
                return None;
            };
            let ManifestFiles::Inline(files) = &manifest.files else {
                return None;
            };
            let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
            let (block, creation) = (block.number, block.creation_time);
            Some((block, *attempt, paths, tag.as_str().to_owned(), creation))
        });
        let Some((block, attempt, mut paths, tag, creation)) = intended else {
            return false;
        };
        change(&mut paths);
        let id = stored_head(world).0.id;
        let command = Command::Ingest {
            of: Attempt {
                activity: id,
                iteration: 1,
                block,
                attempt,
            },
            staging: "s".to_owned(),
            paths,
            tag,
            creation,
        };
        world.checker.sent(&command, false);
        true
    })
}

#[test]
fn ingestions_of_other_files_than_the_manifests() {
    noticed(
        9,
        &ingests_other_files(|paths| paths.push("stray".to_owned())),
    );
    noticed(
        9,
        &ingests_other_files(|paths| paths.truncate(paths.len() - 1)),
    );
    noticed(
        9,
        &ingests_other_files(|paths| paths[0] = "an/older/attempt".to_owned()),
    );
    let unchanged = ingests_other_files(|_| {});
    assert!(unchanged.starts_with("(6)"), "only sent twice: {unchanged}");
}

#[test]
fn drops_of_what_nobody_recorded() {
    noticed(10, &damaged("before:move", |world| world.drop_staging("T")));
    noticed(
        10,
        &damaged("before:move", |world| world.drop_staged("s", "kc-none")),
    );
    noticed(
        10,
        &damaged("before:move", |world| {
            world.drop_tags("T", &["mine".to_owned()])
        }),
    );
    noticed(
        10,
        &damaged("before:ingest", |world| world.delete_files("")),
    );
}

#[test]
fn counters_that_do_not_add_up() {
    let violation = damaged("before:export", |world| {
        rewrite(world, 1, |head| head.counters.rows_moved += 1);
    });
    noticed(11, &violation);
}

#[test]
fn a_write_of_an_older_epoch() {
    noticed(
        12,
        &damaged("before:export", |world| rewrite(world, 0, |_| {})),
    );
}

#[test]
fn an_extent_older_than_its_rows() {
    let violation = damaged("before:move", |world| {
        staged(world, |extent| extent.created = Ticks(0));
    });
    noticed(13, &violation);
}

#[test]
fn more_operations_than_slots() {
    noticed(
        14,
        &damaged("before:ingest", |world| world.checker.slots((5, 0), (4, 4))),
    );
}

#[test]
fn a_file_that_is_left() {
    let violation = damaged("before:move", |world| {
        world.lake.files.insert("stray".to_owned(), Vec::new());
    });
    noticed(15, &violation);
}
