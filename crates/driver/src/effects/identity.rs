//! Whether the source's table is still the one that its window belongs to.

use kusto_copy_kusto::KustoError;

use super::{EffectError, Task, Workplace};

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
    let found = match place.source.tables_details_of(&call, &[table]).await {
        Ok(found) => found,
        Err(KustoError::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let Some(found) = found.iter().find(|found| found.name == table) else {
        return Err(EffectError::Table(format!(
            "source table `{table}` is gone; restore it and retry the table, or exclude it with \
             --tables-exclude"
        )));
    };
    match &found.id {
        Some(id) if id != pinned => Err(EffectError::Table(format!(
            "source table `{table}` was dropped and created again, or another table was renamed over it, while \
             it was copied; bring the former one back under its name and retry the table, or exclude it with \
             --tables-exclude and copy it in a new job"
        ))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::activity::{ActivityEvent, Phase};
    use kusto_copy_core::block::{
        Block, BlockEvent, BlockState, CountCheck, Manifest, ManifestFiles,
    };
    use kusto_copy_core::decide::Action;
    use kusto_copy_core::vocabulary::{BlockNumber, Millis, Slice, Ticks, TimeRange};

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
