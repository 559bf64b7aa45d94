//! Executes one action against the clusters and the lake. All effects of the program are below
//! this folder; each is sent only after its intent was stored.
//!
//! An effect knows nothing of the state beside what it was given, and changes nothing: it
//! returns events, which the engine applies if they still fit.

mod export;
mod identity;
mod ingest;
mod looks;
mod moves;
mod names;
mod plan;
mod prepare;
mod reconcile;
mod staged;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tidy;
mod together;

pub(crate) use export::needs_value_check;
pub(crate) use looks::Looks;
pub(crate) use names::{files_of_iteration, idleness_folder, iteration_folder, tag_prefix};

use std::sync::Arc;

use kusto_copy_core::activity::{Activity, ActivityEvent};
use kusto_copy_core::block::{Block, BlockEvent, Failure};
use kusto_copy_core::decide::{Action, LostValues, Subject};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::plan::PlanError;
use kusto_copy_core::vocabulary::{BlockNumber, Millis};
use kusto_copy_kusto::{Call, Database, Fate, KustoError};
use kusto_copy_staging::{Lake, LakeError};

use crate::catalog::{Catalog, LateCatalog};

/// What every effect works with.
pub(crate) struct Workplace {
    /// The source database.
    pub(crate) source: Database,
    /// The destination database.
    pub(crate) destination: Database,
    /// The lake.
    pub(crate) lake: Arc<dyn Lake>,
    /// Schemas and policies of both databases, read after the iteration's end.
    pub(crate) catalog: Arc<LateCatalog>,
    /// What several effects ask together.
    pub(crate) looks: Arc<Looks>,
    /// The job's name for markers and descriptions.
    pub(crate) job: String,
    /// The job's incarnation.
    pub(crate) incarnation: String,
    /// Limits.
    pub(crate) limits: Limits,
    /// Rows ingested before this are left out of a backfill.
    pub(crate) horizon: Option<kusto_copy_core::vocabulary::Ticks>,
    /// Whether destination tables with rows or of another job may be taken over.
    pub(crate) adopt_destination: bool,
    /// Whether tables may be copied though reads of them may be incomplete.
    pub(crate) force_incomplete_reads: bool,
}

impl Workplace {
    /// The catalog, read now if nobody needed it before.
    pub(crate) async fn catalog(&self, call: &Call) -> Result<&Catalog, KustoError> {
        self.catalog
            .get(&self.source, &self.destination, call)
            .await
    }

    /// The same place with other schemas and policies, or to read them anew.
    pub(crate) fn with_catalog(&self, catalog: LateCatalog) -> Self {
        Self {
            source: self.source.clone(),
            destination: self.destination.clone(),
            lake: Arc::clone(&self.lake),
            catalog: Arc::new(catalog),
            looks: Arc::clone(&self.looks),
            job: self.job.clone(),
            incarnation: self.incarnation.clone(),
            limits: self.limits.clone(),
            horizon: self.horizon,
            adopt_destination: self.adopt_destination,
            force_incomplete_reads: self.force_incomplete_reads,
        }
    }
}

/// One action with the state that it was decided on.
pub(crate) struct Task {
    /// What to do.
    pub(crate) action: Action,
    /// The activity's head.
    pub(crate) head: Activity,
    /// The blocks that the action is about, intents applied.
    pub(crate) blocks: Vec<Block>,
    /// When it was decided.
    pub(crate) now: Millis,
    /// The TableId that the table's window belongs to, where it is known.
    pub(crate) table_id: Option<String>,
}

/// What came of an action.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Events to apply.
    pub(crate) events: Vec<ActivityEvent>,
    /// Values of a block that do not survive the copy.
    pub(crate) values: Option<(BlockNumber, LostValues)>,
    /// Moving blocks of which extents are still staged.
    pub(crate) still_staged: Vec<BlockNumber>,
    /// Something passing went wrong: not again for so many milliseconds.
    pub(crate) pause: Option<u64>,
    /// The failure stays and holds the table: not again before somebody released it.
    pub(crate) refused: bool,
    /// What went wrong, for the log.
    pub(crate) trouble: Option<String>,
}

impl Outcome {
    /// One event.
    pub(crate) fn event(event: ActivityEvent) -> Self {
        Self {
            events: vec![event],
            ..Self::default()
        }
    }

    /// A failure that stays: the table is held.
    fn refused(reason: String) -> Self {
        Self {
            events: vec![ActivityEvent::Held {
                reason: reason.clone(),
            }],
            refused: true,
            trouble: Some(reason),
            ..Self::default()
        }
    }

    /// One event of a block.
    pub(crate) fn block(number: BlockNumber, event: BlockEvent) -> Self {
        Self::event(ActivityEvent::Block { number, event })
    }
}

/// Why an effect that is not sent once could not be completed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EffectError {
    /// A cluster failed.
    #[error(transparent)]
    Kusto(#[from] KustoError),
    /// A cluster did not run a script to its end, which can be run again.
    #[error(transparent)]
    Script(KustoError),
    /// The lake failed.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A name that the lake refuses: a defect.
    #[error(transparent)]
    Name(#[from] kusto_copy_staging::NameError),
    /// The source's answers contradict each other.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The table cannot be copied as things are.
    #[error("{0}")]
    Table(String),
}

/// What may help against an error.
enum Remedy {
    /// Time.
    Time,
    /// Time perhaps: it is told, and counted unless it passes by itself.
    Perhaps {
        /// Whether it passes by itself.
        passes: bool,
    },
    /// A person.
    Person,
}

impl EffectError {
    fn helps(&self) -> Remedy {
        match self {
            Self::Kusto(error) | Self::Script(error) if error.is_passing() => Remedy::Time,
            // An identity service that is away for a minute must not hold every table.
            Self::Kusto(KustoError::NoToken { .. }) => Remedy::Perhaps { passes: false },
            Self::Lake(error) => Remedy::Perhaps {
                passes: error.is_unavailable(),
            },
            Self::Plan(_) | Self::Script(_) => Remedy::Perhaps { passes: false },
            Self::Kusto(_) | Self::Name(_) | Self::Table(_) => Remedy::Person,
        }
    }

    /// What a person reads, with the remedy.
    fn words(&self) -> String {
        match self {
            Self::Kusto(error) | Self::Script(error) => format!("{error}; {}", error.remedy()),
            Self::Plan(error @ PlanError::TooDense { .. }) => error.to_string(),
            Self::Plan(error) => format!("{error}; retry the table, and report this if it stays"),
            Self::Lake(_) | Self::Name(_) | Self::Table(_) => self.to_string(),
        }
    }
}

/// The event of a failed try that is worth another one.
fn troubled(block: Option<BlockNumber>, what: String, passes: bool) -> ActivityEvent {
    ActivityEvent::Troubled {
        block,
        what,
        passes,
    }
}

/// Executes a task. Whatever happens is in the outcome: a passing failure pauses its subject, a
/// lasting one holds the table.
pub(crate) async fn execute(place: Arc<Workplace>, task: Task) -> Outcome {
    let result = match &task.action {
        Action::Prepare => prepare::prepare(&place, &task).await,
        Action::Plan => plan::plan(&place, &task).await,
        Action::Replan { blocks } => plan::replan(&place, &task, blocks).await,
        Action::Reconcile => reconcile::reconcile(&place, &task).await,
        Action::Export { .. } => export::export(&place, &task).await,
        Action::ReadExport { operation, .. } => export::read(&place, &task, operation).await,
        Action::CheckValues { .. } => export::check_values(&place, &task).await,
        Action::Recount { .. } => export::recount(&place, &task).await,
        Action::Ingest { .. } => ingest::ingest(&place, &task).await,
        Action::ReadIngest { operation, .. } => ingest::read(&place, &task, operation).await,
        Action::DropStaged { tag, .. } => ingest::drop_staged(&place, &task, tag).await,
        Action::Move { .. } => moves::send(&place, &task).await,
        Action::ReadMove { operation, .. } => moves::read(&place, &task, operation).await,
        Action::LookMove { .. } => moves::look(&place, &task).await,
        Action::Fold { .. } => tidy::fold(&place, &task).await,
        Action::DropStaging { name } => tidy::drop_staging(&place, &task, name).await,
    };
    result.unwrap_or_else(|error| failed(&place, &task, &error))
}

fn failed(place: &Workplace, task: &Task, error: &EffectError) -> Outcome {
    let words = error.words();
    let events = match error.helps() {
        Remedy::Person => return Outcome::refused(words),
        Remedy::Time => Vec::new(),
        Remedy::Perhaps { passes } => vec![troubled(task.subject_block(), words.clone(), passes)],
    };
    Outcome {
        events,
        pause: Some(place.limits.retry_pause),
        trouble: Some(words),
        ..Outcome::default()
    }
}

impl Task {
    /// The one block that the action is about.
    pub(crate) fn block(&self) -> Result<&Block, EffectError> {
        self.blocks
            .first()
            .ok_or_else(|| EffectError::Table("a block is missing from its task".to_owned()))
    }

    /// The block, when the action is one block's.
    fn subject_block(&self) -> Option<BlockNumber> {
        match self.action.subject(&self.head.id) {
            Subject::Block(_, number) | Subject::Values(_, number) => Some(number),
            Subject::Table(_) | Subject::Move(_) => None,
        }
    }

    /// Tries of the block that failed so far and count.
    fn tries_of(&self, number: BlockNumber) -> u32 {
        let troubles = self.head.troubles.iter();
        troubles
            .filter(|trouble| trouble.block == Some(number))
            .map(|trouble| trouble.tries)
            .sum()
    }

    /// The call that a request of this task is.
    pub(crate) fn call(&self, place: &Workplace, what: &str) -> Call {
        let (number, attempt) = self
            .blocks
            .first()
            .map_or((0, 0), |block| (block.number.0, block.attempts));
        let head = &self.head;
        Call::new(
            format!(
                "KC.{}.{}.i{}.b{number:06}.a{attempt:03}.{what}",
                place.incarnation, head.id, head.iteration
            ),
            format!(
                "kusto-copy job={} table={} block={number} attempt={attempt}",
                place.incarnation, head.source_table
            ),
        )
    }
}

/// What follows for an attempt from a failed send of a command that is sent once.
fn unsent_or_lost(
    number: BlockNumber,
    attempt: u32,
    error: &KustoError,
    task: &Task,
    limits: &Limits,
) -> Outcome {
    // Nothing was asked of the cluster: the block stays where it is, and the try is counted.
    if let KustoError::NoToken { .. } = error {
        let tries = task.tries_of(number);
        let pause = limits.retry_pause << tries.min(6);
        let not_started = BlockEvent::NotStarted {
            attempt,
            until: task.now.plus(pause),
        };
        let words = format!("{error}; {}", error.remedy());
        let mut outcome = Outcome::block(number, not_started);
        outcome.events.push(troubled(Some(number), words, false));
        outcome.trouble = Some(error.to_string());
        return outcome;
    }
    let event = after_failed_send(attempt, error, task.now, limits);
    let mut outcome = Outcome::block(number, event);
    outcome.trouble = Some(error.to_string());
    outcome
}

fn after_failed_send(attempt: u32, error: &KustoError, now: Millis, limits: &Limits) -> BlockEvent {
    // Not executed either, but waiting does not help: it counts as a failure, until it is held.
    if let KustoError::Denied { .. } = error {
        let failure = Failure::Refused {
            message: error.details().message.clone(),
        };
        return BlockEvent::Failed { attempt, failure };
    }
    match error.fate() {
        Fate::NotExecuted => {
            let asked = if let KustoError::Throttled {
                retry_after: Some(wait),
                ..
            } = error
            {
                u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
            } else {
                0
            };
            BlockEvent::NotStarted {
                attempt,
                until: now.plus(limits.throttle_pause.max(asked)),
            }
        }
        Fate::Unknown => BlockEvent::Failed {
            attempt,
            failure: Failure::LostAnswer,
        },
        Fate::Failed => {
            let message = error.details().message.clone();
            let failure = if says_timeout(&message) {
                Failure::TimedOut
            } else {
                Failure::Refused { message }
            };
            BlockEvent::Failed { attempt, failure }
        }
    }
}

/// What follows for an attempt whose command could not even be prepared: nothing was sent.
fn unprepared(
    number: BlockNumber,
    attempt: u32,
    error: &EffectError,
    task: &Task,
    limits: &Limits,
) -> Outcome {
    let words = error.words();
    let not_started = BlockEvent::NotStarted {
        attempt,
        until: task.now.plus(limits.retry_pause),
    };
    let refused = |message: String| BlockEvent::Failed {
        attempt,
        failure: Failure::Refused { message },
    };
    let (event, told) = match error.helps() {
        Remedy::Time => (not_started, None),
        Remedy::Perhaps { passes: true } => {
            let told = troubled(Some(number), words.clone(), true);
            (not_started, Some(told))
        }
        Remedy::Perhaps { passes: false } | Remedy::Person => (refused(words.clone()), None),
    };
    let mut outcome = Outcome::block(number, event);
    outcome.events.extend(told);
    outcome.trouble = Some(words);
    outcome
}

/// Whether Kusto's words tell of a time limit: a smaller block may pass.
pub(crate) fn says_timeout(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    words.contains("timed out") || words.contains("timeout")
}
