//! Jobs as an execution may leave them, for measurements of the one that goes on with them.
//!
//! They are made by the core's own events and stored by the driver's own writes: whoever reads
//! them finds what a real job would have left.

use std::sync::Arc;

use kusto_copy_core::activity::{ActivityError, ActivityEvent, ActivityState, Encoding, Layout};
use kusto_copy_core::block::Block;
use kusto_copy_core::database::{DatabaseEvent, DueMarker, TableRecord};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::plan::{MissingRows, PlanCursor, PlanProgress};
use kusto_copy_core::vocabulary::{
    ActivityId, BlockNumber, Cursor, Millis, ScalarType, Slice, TICKS_PER_MILLISECOND, TableSchema,
    Ticks, TimeRange, Window,
};
use kusto_copy_store::Store;

use crate::clock::now;
use crate::error::DriverError;
use crate::job::{DatabasePair, JobDefinition};
use crate::lease::JobLease;
use crate::persist::{JobRecord, StoredActivity, StoredDatabase, job_key, write_or_read};

/// The table that the job copies.
pub const TABLE: &str = "Events";

/// What the source says is the identity of its databases.
pub const SOURCE_ID: &str = "00000000-0000-0000-0000-000000000001";

/// Rows of a block: an operation of its own for each of its commands.
const ROWS: u64 = 1_000_000;
/// Bytes of a block.
const BYTES: u64 = 1 << 28;
/// Each block takes the rows of one minute.
const MINUTE: i64 = 60_000 * TICKS_PER_MILLISECOND;

/// Leaves a job in an empty store whose first iteration is open in every database, with one table
/// each, planned to its end into this many blocks, none of which was begun.
/// The source's databases have [`SOURCE_ID`].
///
/// # Errors
/// When the store fails or holds a job already.
pub async fn leave_planned(
    store: Arc<dyn Store>,
    definition: &JobDefinition,
    blocks: u32,
) -> Result<(), DriverError> {
    let lease = JobLease::take(&store).await?;
    let record = JobRecord {
        definition: definition.clone(),
        incarnation: "0badcafe".to_owned(),
    };
    write_or_read(store.as_ref(), &job_key()?, record, None).await?;
    for pair in &definition.databases {
        leave_database(store.as_ref(), pair, lease.epoch(), blocks).await?;
    }
    lease.give_up().await;
    Ok(())
}

async fn leave_database(
    store: &dyn Store,
    pair: &DatabasePair,
    epoch: u64,
    blocks: u32,
) -> Result<(), DriverError> {
    let (source, destination) = (pair.source.as_str(), pair.destination.as_str());
    let mut database = StoredDatabase::load(store, source, destination, epoch).await?;
    let window = Window {
        after: None,
        up_to: Cursor("1".to_owned()),
    };
    let read = DatabaseEvent::CursorRead {
        source_id: SOURCE_ID.to_owned(),
        cursor_end: window.up_to.clone(),
        read_at: now(),
    };
    database.apply(store, read).await?;
    let table = due(source, &window);
    database.mark_due(store, vec![table]).await?;
    database.apply(store, DatabaseEvent::Marked).await?;
    let state = ActivityState::begin(
        source,
        TABLE,
        destination,
        TABLE,
        1,
        window,
        None,
        epoch,
        now(),
    );
    leave_table(store, state, blocks).await
}

fn due(database: &str, window: &Window) -> (TableRecord, DueMarker) {
    let activity = ActivityId::of(database, TABLE);
    let table = TableRecord::new(activity.clone(), TABLE, String::new());
    let marker = DueMarker {
        activity,
        iteration: 1,
        source_table: TABLE.to_owned(),
        destination_table: TABLE.to_owned(),
        window: window.clone(),
        bounds: None,
        newest: None,
        table_id: None,
        problem: None,
    };
    (table, marker)
}

/// Prepares and plans a table, as many blocks in one transaction as the planner gives.
async fn leave_table(
    store: &dyn Store,
    state: ActivityState,
    blocks: u32,
) -> Result<(), DriverError> {
    let limits = Limits::default();
    let mut stored = StoredActivity::new(state);
    let unfit = |error: ActivityError| DriverError::Internal {
        what: error.to_string(),
    };
    let staging = "kcopy_0badcafe_Events_1".to_owned();
    for event in [
        ActivityEvent::LayoutRead { layout: layout() },
        ActivityEvent::StagingIntended {
            name: staging.clone(),
        },
        ActivityEvent::StagingReady {
            name: staging,
            horizon: None,
        },
    ] {
        stored.apply(event, now(), &limits).map_err(unfit)?;
        stored.flush(store).await?;
    }
    let begun = now();
    let mut planned = 0;
    while planned < blocks {
        let of_a_plan = u32::try_from(limits.blocks_per_plan).unwrap_or(u32::MAX);
        let next = planned.saturating_add(of_a_plan).min(blocks);
        let progress = planned_between(planned, next, blocks, begun);
        let event = ActivityEvent::Planned { progress };
        stored.apply(event, now(), &limits).map_err(unfit)?;
        stored.flush(store).await?;
        planned = next;
    }
    Ok(())
}

/// A log table's columns.
fn layout() -> Layout {
    let columns = ScalarType::ALL.into_iter().flat_map(|ty| {
        let name = move |n| (format!("{}_{n}", ty.name()), ty);
        [name(1), name(2)]
    });
    Layout {
        schema: TableSchema::new(columns),
        encoding: Encoding::Csv,
        retention: None,
    }
}

/// Blocks `from` to before `to`, oldest first; the last one of all is open at its end, and with
/// it every row is planned.
fn planned_between(from: u32, to: u32, all: u32, now: Millis) -> PlanProgress {
    let begin = Ticks(now.ticks().0 - i64::from(all) * MINUTE);
    let at = |number: u32| begin.saturating_add(i64::from(number) * MINUTE);
    let block = |number: u32| {
        let range = TimeRange {
            from: (number > 0).then(|| at(number)),
            to: (number + 1 < all).then(|| at(number + 1)),
        };
        let (number, made) = (BlockNumber(number), at(number));
        Block::planned(number, Slice::range(range), ROWS, BYTES, made, now)
    };
    let remaining = TimeRange {
        from: Some(at(to)),
        to: None,
    };
    PlanProgress {
        blocks: (from..to).map(block).collect(),
        cursor: PlanCursor {
            remaining: (to < all).then_some(remaining),
            missing: MissingRows::Done,
            planned_rows: u64::from(to) * ROWS,
            ..PlanCursor::backfill(None)
        },
        expired_rows: 0,
    }
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::activity::Phase;
    use kusto_copy_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn every_row_is_in_one_block_and_the_job_says_so() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let definition = JobDefinition::nowhere();
        let left = leave_planned(Arc::clone(&store), &definition, 200).await;
        left.expect("a job is left");
        let id = ActivityId::of("A", TABLE);
        let found = StoredActivity::load(store.as_ref(), &id).await;
        let state = found.expect("loads").expect("is stored").state;
        assert!(matches!(state.head.phase, Phase::Planned { .. }));
        let ranges: Vec<TimeRange> = state
            .blocks
            .values()
            .filter_map(|block| match block.slice.instants {
                kusto_copy_core::vocabulary::Instants::Range(range) => Some(range),
                kusto_copy_core::vocabulary::Instants::Missing => None,
            })
            .collect();
        assert_eq!(ranges.len(), 200);
        assert!(ranges.windows(2).all(|two| two[0].to == two[1].from));
        assert_eq!((ranges[0].from, ranges[199].to), (None, None));
        let report = crate::status(store).await.expect("a report");
        assert_eq!(report.tables[0].blocks_by_state["planned"], 200);
    }
}
