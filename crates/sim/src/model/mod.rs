//! Two clusters, a lake and a progress store in simulated time. Every row has a hidden id.

pub mod clusters;
pub mod destination;
pub mod faults;
pub mod lake;
pub mod nature;
pub mod operations;
pub mod short;
pub mod source;
pub mod store;

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;

use kusto_copy_core::activity::SlotKind;
use kusto_copy_core::vocabulary::{ActivityId, ExtentId, OperationId};

use crate::checker::Checker;
use crate::clock::{Clock, Owner, TaskId};
use destination::{Copied, Destination};
use faults::Faults;
use lake::Lake;
use operations::Operation;
use source::Source;
use store::Store;

/// Service times, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// One way of a request or an answer.
    pub way: u64,
    /// A query's or short command's own time.
    pub query: u64,
    /// A commit or read of the store.
    pub store: u64,
    /// An export: fixed part and part by row.
    pub export: (u64, u64),
    /// An ingestion: fixed part and part by row.
    pub ingest: (u64, u64),
    /// A move.
    pub shift: u64,
    /// Part of a time, in percent, by which it varies at random.
    pub jitter: u64,
}

/// A span of a cluster's work, for schedules.
#[derive(Debug, Clone)]
pub struct Span {
    /// What was done.
    pub name: &'static str,
    /// For which activity; none for the database as a whole.
    pub activity: Option<ActivityId>,
    /// For which blocks.
    pub blocks: Vec<u32>,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
}

/// What the whole run is about to do.
#[derive(Debug, Clone, Default)]
pub struct Goal {
    /// Iterations to commit; known once no more rows arrive.
    pub iterations: Option<u32>,
    /// Whether staging tables stay from one iteration to the next.
    pub keep_staging: bool,
    /// Whether the job is complete and tidy.
    pub done: bool,
    /// Why the job as a whole cannot go on.
    pub stuck: Option<String>,
}

/// Everything outside the workers.
pub struct World {
    /// The source.
    pub source: Source,
    /// The lake.
    pub lake: Lake,
    /// The destination.
    pub destination: Destination,
    /// Both clusters' operations.
    pub operations: BTreeMap<OperationId, Operation>,
    /// Rows of running exports, as they were at the start.
    pub snapshots: BTreeMap<OperationId, Vec<Copied>>,
    /// The progress store.
    pub store: Store,
    /// The independent checker.
    pub checker: Checker,
    /// What goes wrong.
    pub faults: Faults,
    /// Service times.
    pub times: Times,
    /// Slots of the clusters by kind: exports, ingestions.
    pub capacity: (u32, u32),
    /// Rows of an exported file at most.
    pub file_rows: usize,
    /// Extents of an ingested file at least.
    pub extents_of_file: usize,
    /// The run's goal.
    pub goal: Goal,
    /// When iterations were committed, and with how many transactions until then.
    pub committed_at: Vec<(u64, u64)>,
    /// Spans of work, when they are recorded.
    pub spans: Option<Vec<Span>>,
    /// Moments at which named tests stop workers, and what was seen there.
    pub script: Script,
    /// Randomness.
    pub rng: fastrand::Rng,
    ids: u64,
}

/// A hook of a named test: told of everything that happens, it may change the world and stop workers.
pub type Hook = Box<dyn FnMut(&Happening, &Sim)>;

/// Hooks of named tests.
#[derive(Default)]
pub struct Script {
    /// Called at each happening.
    pub hook: Option<Hook>,
    /// How long the next command is delayed on its way, by its name.
    pub delay: BTreeMap<&'static str, u64>,
    /// Commands that are on their way: notify these tasks to let them arrive.
    pub late: Vec<TaskId>,
    /// Operations of these names fail: how many more.
    pub fail: BTreeMap<&'static str, u32>,
}

/// Something that happened, for hooks.
#[derive(Debug, Clone)]
pub struct Happening {
    /// What: `before:export`, `after:move`, `commit`, `ask:bins` and so on.
    pub what: String,
    /// Which worker did it.
    pub owner: Owner,
    /// How often it happened before.
    pub count: u32,
}

impl World {
    /// A world without tables.
    #[must_use]
    pub fn new(seed: u64, times: Times) -> Self {
        Self {
            source: Source {
                id: "source-1".to_owned(),
                cursor: 1_000,
                result_limit: 400,
                ..Source::default()
            },
            lake: Lake::default(),
            destination: Destination::default(),
            operations: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            store: Store::default(),
            checker: Checker::default(),
            faults: Faults::default(),
            times,
            capacity: (4, 4),
            file_rows: 4,
            extents_of_file: 1,
            goal: Goal::default(),
            committed_at: Vec::new(),
            spans: None,
            script: Script::default(),
            rng: fastrand::Rng::with_seed(seed),
            ids: 0,
        }
    }

    /// Whether something of this probability happens.
    pub fn roll(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.f64() < probability
    }

    /// A number never used before.
    pub fn fresh(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn guid(&mut self, kind: u32) -> String {
        format!("{kind:08x}-0000-4000-8000-{:012x}", self.fresh())
    }

    /// A new extent's id.
    ///
    /// # Panics
    /// Never: the text is a guid.
    pub fn new_extent(&mut self) -> ExtentId {
        let text = self.guid(0xe);
        ExtentId::parse(&text).unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// A new operation's id.
    ///
    /// # Panics
    /// Never: the text is a guid.
    pub fn new_operation(&mut self) -> OperationId {
        let text = self.guid(0xf);
        OperationId::parse(&text).unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// A time varied by the jitter.
    pub fn vary(&mut self, milliseconds: u64) -> u64 {
        let most = milliseconds * self.times.jitter / 100;
        milliseconds + if most > 0 { self.rng.u64(0..=most) } else { 0 }
    }

    /// Slots of a kind.
    #[must_use]
    pub const fn slots(&self, kind: SlotKind) -> u32 {
        match kind {
            SlotKind::Export => self.capacity.0,
            SlotKind::Ingest => self.capacity.1,
        }
    }

    /// Operations of a kind that run now.
    #[must_use]
    pub fn running(&self, kind: SlotKind) -> u32 {
        let running = self.operations.values().filter(|operation| {
            matches!(operation.progress, operations::Progress::Running)
                && operation.command.slot() == Some(kind)
        });
        u32::try_from(running.count()).unwrap_or(u32::MAX)
    }

    /// Records a span of work.
    pub fn span(&mut self, span: Span) {
        if let Some(spans) = &mut self.spans {
            spans.push(span);
        }
    }
}

/// The world and its clock, as tasks hold them.
#[derive(Clone)]
pub struct Sim {
    /// Time.
    pub clock: Clock,
    world: Rc<RefCell<World>>,
    counts: Rc<RefCell<BTreeMap<String, u32>>>,
}

impl Sim {
    /// A world with a clock.
    #[must_use]
    pub fn new(clock: Clock, world: World) -> Self {
        Self {
            clock,
            world: Rc::new(RefCell::new(world)),
            counts: Rc::default(),
        }
    }

    /// The world, to change it. Never held over a wait.
    pub fn world(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }

    /// The world, to look at it.
    pub fn look(&self) -> Ref<'_, World> {
        self.world.borrow()
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Starts a task.
    pub fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + 'static) -> TaskId {
        self.clock.spawn(owner, task)
    }

    /// Tells the hook of a named test what happens; a hook may kill, freeze or delay.
    pub fn happens(&self, what: &str, owner: Owner) {
        let hook = self.world.borrow_mut().script.hook.take();
        let Some(mut hook) = hook else { return };
        let count = {
            let mut counts = self.counts.borrow_mut();
            let count = counts.entry(what.to_owned()).or_default();
            *count += 1;
            *count
        };
        hook(
            &Happening {
                what: what.to_owned(),
                owner,
                count,
            },
            self,
        );
        let script = &mut self.world.borrow_mut().script;
        if script.hook.is_none() {
            script.hook = Some(hook);
        }
    }
}
