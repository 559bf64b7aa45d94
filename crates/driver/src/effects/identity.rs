//! Whether the source's table is still the one that its window belongs to.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use kusto_copy_kusto::{Call, Database, KustoError};

use super::together::Together;
use super::{EffectError, Task, Workplace};

/// Questions for tables of the source: those that are asked while others are answered are
/// answered by one command. No answer is older than its question ([`Together`]).
pub(super) type Identities = Together<String, Result<Identity, KustoError>>;

/// What the source says of a table's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// There is no such table.
    Gone,
    /// Its TableId.
    Id(String),
    /// There is one, whose id is not told.
    Untold,
}

/// Refuses a table that was dropped and created again, or that another one was renamed over, since
/// it was marked: its rows under the old window are foreign ones. To be asked **after** what was
/// read of the table, so that no change in between stays unseen. A change after it that is seen
/// here as well is one all the same.
///
/// # Errors
/// [`EffectError::Table`] with the remedy, which holds the table; faults of the cluster.
pub(super) async fn ensure_same_table(place: &Workplace, task: &Task) -> Result<(), EffectError> {
    let Some(pinned) = task.table_id.as_deref().filter(|id| !id.is_empty()) else {
        return Ok(());
    };
    let table = task.head.source_table.as_str();
    let call = task.call(place, "identity");
    let answer = |tables| all(&place.source, &call, tables);
    let identities = &place.looks.identities;
    let found = identities.ask(table.to_owned(), Duration::ZERO, answer);
    match found.await? {
        Identity::Gone => Err(EffectError::Table(format!(
            "source table `{table}` is gone; restore it and retry the table, or exclude it with \
             --tables-exclude"
        ))),
        Identity::Id(id) if id != pinned => Err(EffectError::Table(format!(
            "source table `{table}` was dropped and created again, or another table was renamed over it, while \
             it was copied; bring the former one back under its name and retry the table, or exclude it with \
             --tables-exclude and copy it in a new job"
        ))),
        Identity::Id(_) | Identity::Untold => Ok(()),
    }
}

/// Asks for all at once. Where that cannot be done, for each by itself: one table that is gone
/// fails the question for all.
async fn all(
    source: &Database,
    call: &Call,
    tables: Vec<String>,
) -> Vec<Result<Identity, KustoError>> {
    let names: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
    if names.len() > 1
        && let Ok(found) = several(source, call, &names).await
    {
        let of = |table: &String| Ok(found(table));
        return tables.iter().map(of).collect();
    }
    let alone = async |table: &String| {
        let name = BTreeSet::from([table.as_str()]);
        match several(source, call, &name).await {
            Ok(found) => Ok(found(table)),
            Err(KustoError::NotFound { .. }) => Ok(Identity::Gone),
            Err(error) => Err(error),
        }
    };
    join_all(tables.iter().map(alone)).await
}

/// What the source says of some tables, by name.
async fn several(
    source: &Database,
    call: &Call,
    names: &BTreeSet<&str>,
) -> Result<impl Fn(&str) -> Identity + use<>, KustoError> {
    let names: Vec<&str> = names.iter().copied().collect();
    let found = source.tables_details_of(call, &names).await?;
    Ok(
        move |name: &str| match found.iter().find(|table| table.name == name) {
            None => Identity::Gone,
            Some(table) => table.id.clone().map_or(Identity::Untold, Identity::Id),
        },
    )
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::activity::{ActivityEvent, Phase};
    use kusto_copy_core::block::{
        Block, BlockEvent, BlockState, CountCheck, Manifest, ManifestFiles,
    };
    use kusto_copy_core::decide::Action;
    use kusto_copy_core::vocabulary::{BlockNumber, Millis, Slice, Ticks, TimeRange};

    use futures::future::join_all;
    use kusto_copy_core::plan::{Bounds, PlanCursor};

    use super::super::testing::{self, Cluster};
    use super::super::{Outcome, Task, execute};

    /// A block whose export found 5 of 10 planned rows, as a recount does.
    fn exported() -> Block {
        let slice = Slice::range(TimeRange::ALL);
        let mut block = Block::planned(BlockNumber(0), slice, 10, 1, Ticks(0), Millis(0));
        block.attempts = 1;
        block.state = BlockState::Exported {
            attempt: 1,
            manifest: Manifest {
                files: ManifestFiles::Inline(Vec::new()),
                rows: 5,
                bytes: 1,
            },
            count: CountCheck::Differs,
            not_before: None,
        };
        block
    }

    fn planning() -> Task {
        let mut task = testing::task(Action::Plan);
        let Phase::Planned { window, layout, .. } = task.head.phase else {
            panic!("{:?}", task.head.phase);
        };
        let bounds = Bounds {
            rows: 5,
            min: Some(Ticks(10)),
            max: Some(Ticks(20)),
        };
        task.head.phase = Phase::Planning {
            window,
            layout,
            cursor: PlanCursor::delta(Some(bounds)),
        };
        task
    }

    /// Were its blocks stored, the rows of the other one would be copied under this one's window.
    #[tokio::test]
    async fn no_block_is_planned_of_a_table_that_took_the_name_of_another() {
        let planned = async |rows: u64, table_id: &str| {
            let cluster = Cluster::start(rows, "now");
            let task = Task {
                table_id: Some(table_id.to_owned()),
                ..planning()
            };
            execute(testing::place(&cluster).await, task).await
        };
        let blocks = |outcome: &Outcome| match outcome.events.as_slice() {
            [ActivityEvent::Planned { progress }] => progress.blocks.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(blocks(&planned(5, "now").await), 1);
        let other = planned(5, "before").await;
        assert!(held(&other), "{other:?}");
        assert_eq!(blocks(&planned(0, "before").await), 0, "nothing to ask for");
    }

    /// Tables are planned side by side: what is asked while another is answered is asked in one.
    #[tokio::test]
    async fn identities_are_asked_together_and_one_that_is_gone_spoils_no_other() {
        let cluster = Cluster::start(5, "now");
        let place = testing::place(&cluster).await;
        let check = |name: &str| {
            let mut task = testing::task(Action::Reconcile);
            task.table_id = Some("now".to_owned());
            name.clone_into(&mut task.head.source_table);
            let place = std::sync::Arc::clone(&place);
            async move { super::ensure_same_table(&place, &task).await }
        };
        let fine = async |names: [&str; 3]| {
            let before = cluster.commands();
            let answers = join_all(names.map(check)).await;
            let fine: Vec<bool> = answers.iter().map(Result::is_ok).collect();
            (fine, cluster.commands() - before)
        };
        // The first by itself, then the others.
        let known = vec![true, false, false];
        assert_eq!(fine(["T", "Gone", "Also gone"]).await, (known, 2));
        let known = vec![false, false, true];
        assert_eq!(fine(["Gone", "Spoils", "T"]).await, (known, 4));
    }

    async fn executed(action: Action, table_id: Option<&str>) -> Outcome {
        let cluster = Cluster::start(5, "now");
        let task = Task {
            blocks: vec![exported()],
            table_id: table_id.map(str::to_owned),
            ..testing::task(action)
        };
        execute(testing::place(&cluster).await, task).await
    }

    fn held(outcome: &Outcome) -> bool {
        let event = |event: &ActivityEvent| matches!(event, ActivityEvent::Held { reason } if reason.contains("renamed over it"));
        outcome.refused && outcome.events.iter().any(event)
    }

    #[tokio::test]
    async fn a_recount_of_another_table_is_no_change_of_the_source() {
        let block = BlockNumber(0);
        let recount = || Action::Recount { block };
        let recounted = ActivityEvent::Block {
            number: block,
            event: BlockEvent::Recounted {
                attempt: 1,
                rows: 5,
            },
        };
        for id in [Some("now"), None] {
            let outcome = executed(recount(), id).await;
            assert_eq!(outcome.events, vec![recounted.clone()], "{id:?}");
        }
        let outcome = executed(recount(), Some("before")).await;
        assert!(held(&outcome), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_window_of_another_table_is_never_reconciled() {
        let same = executed(Action::Reconcile, Some("now")).await;
        // Those without ingestion time are asked for by themselves.
        let source_rows = 10;
        assert_eq!(same.events, vec![ActivityEvent::Reconciled { source_rows }]);
        let other = executed(Action::Reconcile, Some("before")).await;
        assert!(held(&other), "{other:?}");
    }

    /// An execution that has time for one part only is followed by others.
    #[tokio::test]
    async fn a_large_window_is_counted_part_by_part() {
        let cluster = Cluster::start(5, "now");
        let place = testing::place(&cluster).await;
        let mut task = testing::task(Action::Reconcile);
        task.head.counters.rows_planned = place.limits.slice_rows * 3;
        let mut asked = Vec::new();
        let counted = loop {
            let part = Task {
                head: task.head.clone(),
                ..testing::task(Action::Reconcile)
            };
            let before = cluster.queries();
            let outcome = execute(std::sync::Arc::clone(&place), part).await;
            asked.push(cluster.queries() - before);
            match outcome.events.as_slice() {
                [ActivityEvent::ReconciledInPart { so_far }] => {
                    let Phase::Planned { reconciled, .. } = &mut task.head.phase else {
                        panic!("{:?}", task.head.phase);
                    };
                    *reconciled = Some(*so_far);
                }
                [ActivityEvent::Reconciled { source_rows }] => break *source_rows,
                other => panic!("{other:?}"),
            }
        };
        // Rows without time, up to each of two cuts, and what is left.
        assert_eq!((asked, counted), (vec![1, 1, 1, 1], 20));
    }
}
