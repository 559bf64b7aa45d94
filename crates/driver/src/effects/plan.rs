//! Planning: queries at the source that change nothing and may be repeated.

use kusto_copy_core::activity::{ActivityEvent, Phase};
use kusto_copy_core::plan::{
    BinRow, Bounds, ExtentInfo, PlanAnswer, PlanProgress, PlanQuestion, PlanRound, PlanStep,
};
use kusto_copy_core::vocabulary::{BlockNumber, Predicate, Slice, Ticks, TimeRange};
use kusto_copy_kusto::KustoError;
use kusto_copy_kusto::commands::changes::WindowBounds;
use kusto_copy_kusto::commands::planning::{self, Bin, PartRows};

use super::identity::ensure_same_table;
use super::{EffectError, Outcome, Task, Workplace, says_timeout};

pub(super) async fn plan(place: &Workplace, task: &Task) -> Result<Outcome, EffectError> {
    let Phase::Planning { cursor, .. } = &task.head.phase else {
        return Ok(Outcome::default());
    };
    let round = PlanRound::new(
        cursor,
        task.head.next_block,
        retained_since(task),
        &place.limits,
        task.now,
    );
    let progress = ask(place, task, round).await?;
    Ok(Outcome::event(ActivityEvent::Planned { progress }))
}

pub(super) async fn replan(
    place: &Workplace,
    task: &Task,
    removed: &[BlockNumber],
) -> Result<Outcome, EffectError> {
    let blocks: Vec<_> = task.blocks.iter().collect();
    let round = PlanRound::replan(
        &blocks,
        task.head.next_block,
        retained_since(task),
        &place.limits,
        task.now,
    );
    let progress = ask(place, task, round).await?;
    Ok(Outcome::event(ActivityEvent::Replanned {
        removed: removed.to_vec(),
        progress,
    }))
}

/// Creation times before this are older than the destination keeps rows.
fn retained_since(task: &Task) -> Option<Ticks> {
    let period = task.head.phase.layout()?.retention?;
    let ticks = i64::try_from(period).ok()?.checked_mul(-10_000)?;
    Some(task.now.ticks().saturating_add(ticks))
}

async fn ask(
    place: &Workplace,
    task: &Task,
    mut round: PlanRound,
) -> Result<PlanProgress, EffectError> {
    loop {
        match round.step() {
            PlanStep::Done(progress) => {
                // After the last answer: all of them were about the table of this window, or
                // nothing is planned. What is swapped from here on shows in the counts of exports.
                if !progress.blocks.is_empty() {
                    ensure_same_table(place, task).await?;
                }
                return Ok(progress);
            }
            PlanStep::Ask(question) => {
                let answer = answer(place, task, &question).await?;
                round.answer(answer)?;
            }
        }
    }
}

pub(super) fn predicate(task: &Task, slice: Slice) -> Predicate {
    Predicate {
        window: task.head.phase.window().clone(),
        slice,
    }
}

async fn answer(
    place: &Workplace,
    task: &Task,
    question: &PlanQuestion,
) -> Result<PlanAnswer, EffectError> {
    let Some(layout) = task.head.phase.layout() else {
        return Err(EffectError::Table(
            "the table's schema is not known".to_owned(),
        ));
    };
    let (schema, table) = (&layout.schema, task.head.source_table.as_str());
    let source = &place.source;
    let call = task.call(place, "plan");
    let found = match question {
        PlanQuestion::Bounds => {
            let all = predicate(task, Slice::range(remaining(task)));
            source.bounds(&call, table, schema, &all).await.map(bounds)
        }
        PlanQuestion::Bins { range, resolution } => {
            let slice = predicate(task, Slice::range(*range));
            source
                .bins(&call, table, schema, &slice, *resolution, true)
                .await
                .map(bins)
        }
        PlanQuestion::Extents { extents } => source.extents(&call, table, extents).await.map(infos),
        PlanQuestion::ByExtent { instants } => {
            let slice = Slice {
                instants: *instants,
                extents: None,
                part: None,
            };
            let rows = source
                .rows_by_extent(&call, table, schema, &predicate(task, slice))
                .await;
            rows.map(|rows| {
                PlanAnswer::ByExtent(rows.into_iter().map(|row| (row.extent, row.rows)).collect())
            })
        }
        PlanQuestion::Parts {
            slice,
            parts: count,
        } => {
            let whole = predicate(task, slice.clone());
            source
                .rows_by_part(&call, table, schema, &whole, *count)
                .await
                .map(parts)
        }
    };
    found.or_else(|error| too_much(&error).ok_or(EffectError::Kusto(error)))
}

fn bounds(found: WindowBounds) -> PlanAnswer {
    PlanAnswer::Bounds(Bounds {
        rows: found.rows,
        min: found.first,
        max: found.last,
    })
}

fn bins(found: Vec<Bin>) -> PlanAnswer {
    let row = |bin: Bin| BinRow {
        extent: bin.extent,
        rows: bin.rows,
        min: bin.first,
        max: bin.last,
    };
    PlanAnswer::Bins(found.into_iter().map(row).collect())
}

/// An extent without a creation time is as good as unknown: the planner falls back for it.
fn infos(found: Vec<planning::ExtentInfo>) -> PlanAnswer {
    let info = |info: planning::ExtentInfo| {
        Some(ExtentInfo {
            extent: info.extent,
            max_created_on: info.newest?,
            rows: info.rows,
            bytes: info.bytes.map_or(0, |bytes| bytes.0),
        })
    };
    PlanAnswer::Extents(found.into_iter().filter_map(info).collect())
}

fn parts(found: Vec<PartRows>) -> PlanAnswer {
    let part = |row: PartRows| Some((u32::try_from(row.part).ok()?, row.rows));
    PlanAnswer::Parts(found.into_iter().filter_map(part).collect())
}

/// What the service says when a query's result or work is too large for its limits: names and
/// codes of the result's truncation, of a runaway query and of too little memory.
const TOO_MUCH: [&str; 8] = [
    "E_QUERY_RESULT_SET_TOO_LARGE",
    "80DA0003",
    "E_RUNAWAY_QUERY",
    "80DA0001",
    "E_LOW_MEMORY_CONDITION",
    "80DA0007",
    "LimitsExceeded",
    "LowMemoryCondition",
];

/// An answer that was too large or took too long is an answer to the planner: it asks for less.
fn too_much(error: &KustoError) -> Option<PlanAnswer> {
    // Refused before it ran: a smaller question would be refused as well.
    if matches!(
        error,
        KustoError::Throttled { .. } | KustoError::Denied { .. } | KustoError::NoToken { .. }
    ) {
        return None;
    }
    let details = error.details();
    let code = details.code.as_deref().unwrap_or_default();
    let says = |name: &&str| details.message.contains(name) || code.contains(name);
    if TOO_MUCH.iter().any(says) {
        return Some(PlanAnswer::TooMany);
    }
    // Told by a status of its own, by a lost answer, or inside an answer that had begun.
    let ended = matches!(
        error,
        KustoError::Ambiguous { .. } | KustoError::Transient { .. }
    );
    let took_too_long =
        details.status == Some(504) || says_timeout(&details.message) || says_timeout(code);
    (ended && took_too_long).then_some(PlanAnswer::TimedOut)
}

fn remaining(task: &Task) -> TimeRange {
    match &task.head.phase {
        Phase::Planning { cursor, .. } => cursor.remaining.unwrap_or(TimeRange::ALL),
        Phase::Starting { .. } | Phase::Planned { .. } | Phase::Completed { .. } => TimeRange::ALL,
    }
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::plan::PlanAnswer;
    use kusto_copy_kusto::{Details, Fate, KustoError};

    use super::too_much;

    fn refused(code: &str, message: &str) -> KustoError {
        let details = Details {
            code: Some(code.to_owned()),
            message: message.to_owned(),
            ..Details::default()
        };
        KustoError::Permanent {
            details: Box::new(details),
        }
    }

    #[test]
    fn only_limits_of_a_query_ask_for_a_smaller_one() {
        let truncated = "Query result set has exceeded the internal record count limit 500000 \
                         (E_QUERY_RESULT_SET_TOO_LARGE)";
        let too_many = Some(PlanAnswer::TooMany);
        assert_eq!(
            too_much(&refused("General_BadRequest", truncated)),
            too_many
        );
        assert_eq!(too_much(&refused("LimitsExceeded", "")), too_many);
        let quota = refused(
            "General_BadRequest",
            "the database has exceeded the quota of its plan",
        );
        assert_eq!(too_much(&quota), None);
        let details = Box::new(Details {
            message: "exceeded the request rate limit (80DA0003)".to_owned(),
            ..Details::default()
        });
        let retry_after = None;
        let throttled = KustoError::Throttled {
            retry_after,
            details,
        };
        assert_eq!(too_much(&throttled), None);
    }

    #[test]
    fn a_time_limit_asks_for_a_smaller_question_however_it_is_told() {
        let details = |code: &str, message: &str| {
            Box::new(Details {
                code: Some(code.to_owned()),
                message: message.to_owned(),
                ..Details::default()
            })
        };
        let gateway = KustoError::Ambiguous {
            details: details("RequestExecutionTimeout", "the request was ended"),
        };
        let inside = KustoError::Transient {
            fate: Fate::Failed,
            details: details("General", "Query execution timed out"),
        };
        let wordless = KustoError::Ambiguous {
            details: Box::new(Details {
                status: Some(504),
                ..Details::default()
            }),
        };
        for error in [gateway, inside, wordless] {
            assert_eq!(too_much(&error), Some(PlanAnswer::TimedOut), "{error}");
        }
        let broken = KustoError::Ambiguous {
            details: details("", "the connection broke"),
        };
        assert_eq!(too_much(&broken), None);
    }
}
