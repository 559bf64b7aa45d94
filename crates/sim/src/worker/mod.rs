//! A simulated worker: decide, commit the intent, act, record. Every wait is a crash point.
//!
//! | file | what it does |
//! |---|---|
//! | `lease` | takes and keeps the job's lease |
//! | `database` | opens, marks and commits iterations |
//! | `table` | one table's loop: apply, decide, commit |
//! | `actions` | the effects of decisions |
//! | `watch` | looks at operations, capacities and commands that nobody waits for |

mod actions;
mod database;
mod lease;
pub mod pacing;
mod persist;
mod table;
mod watch;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use kusto_copy_core::activity::SlotKind;
use kusto_copy_core::decide::{FreeSlots, Observations};
use kusto_copy_core::limits::Limits;
use kusto_copy_core::poll::Watch;
use kusto_copy_core::slots::{Budget, Capacity, Share};
use kusto_copy_core::vocabulary::{ActivityId, Millis};

use crate::clock::{Owner, TaskId};
use crate::model::Sim;
use crate::model::clusters::Link;
use pacing::Pacing;
use table::Table;

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Manner {
    /// The core's limits.
    pub limits: Limits,
    /// Whether values are checked.
    pub check_values: bool,
    /// Whether it takes a lease that has not ended: its clock is wrong.
    pub impatient: bool,
    /// Rows older than so many milliseconds are left out.
    pub retention: Option<u64>,
    /// The pause between two iterations, milliseconds.
    pub pause: u64,
    /// Loops that run at fixed intervals instead of at once.
    pub pacing: Option<Pacing>,
    /// Looks at the destination before staging: a defect, to see that it is noticed.
    pub looks_backwards: bool,
}

struct Shared {
    observed: Observations,
    tables: BTreeMap<ActivityId, Rc<RefCell<Table>>>,
    exports: Budget,
    ingestions: Budget,
    watch: Watch,
    poller: TaskId,
    main: TaskId,
}

/// A worker.
pub struct Worker {
    link: Link,
    manner: Manner,
    epoch: Cell<u64>,
    lost: Cell<bool>,
    last_tidy: Cell<bool>,
    queries: Cell<u32>,
    shared: RefCell<Shared>,
}

/// Queries that a worker has open at once, at most.
const QUERIES: u32 = 16;

impl Worker {
    /// Starts a worker.
    pub fn start(sim: &Sim, owner: Owner, manner: Manner) {
        let share = Share {
            of_total: 1.0,
            at_most: None,
            when_unknown: 1,
        };
        let shared = Shared {
            observed: Observations::default(),
            tables: BTreeMap::new(),
            exports: Budget::new(share),
            ingestions: Budget::new(share),
            watch: Watch::default(),
            poller: 0,
            main: 0,
        };
        let worker = Rc::new(Self {
            link: Link {
                sim: sim.clone(),
                owner,
            },
            manner,
            epoch: Cell::new(0),
            lost: Cell::new(false),
            last_tidy: Cell::new(false),
            queries: Cell::new(0),
            shared: RefCell::new(shared),
        });
        let own = Rc::clone(&worker);
        let main = sim.spawn(owner, async move { own.run().await });
        worker.shared.borrow_mut().main = main;
    }

    async fn run(self: Rc<Self>) {
        if !self.acquire().await {
            return;
        }
        let sim = &self.link.sim;
        let own = Rc::clone(&self);
        sim.spawn(self.link.owner, async move { own.keep_lease().await });
        let own = Rc::clone(&self);
        let poller = sim.spawn(self.link.owner, async move { own.poll().await });
        self.shared.borrow_mut().poller = poller;
        self.read_capacity().await;
        let own = Rc::clone(&self);
        sim.spawn(self.link.owner, async move { own.look_around().await });
        self.iterate().await;
        self.leave();
    }

    /// Ends all tasks of this worker at their next look at it.
    fn leave(&self) {
        self.lost.set(true);
        let shared = self.shared.borrow();
        self.link.sim.clock.notify(shared.poller);
        self.link.sim.clock.notify(shared.main);
        for table in shared.tables.values() {
            self.link.sim.clock.notify(table.borrow().task);
        }
    }

    fn now(&self) -> Millis {
        Millis(self.link.sim.now())
    }

    fn wake_main(&self) {
        self.link.sim.clock.notify(self.shared.borrow().main);
    }

    fn wake_poller(&self) {
        self.link.sim.clock.notify(self.shared.borrow().poller);
    }

    /// Slots of a kind that all tables use.
    fn used(&self, kind: SlotKind) -> u32 {
        self.shared
            .borrow()
            .tables
            .values()
            .map(|table| table.borrow().state.slots_used(kind))
            .sum()
    }

    fn free_slots(&self) -> FreeSlots {
        let (exports, ingestions) = (self.used(SlotKind::Export), self.used(SlotKind::Ingest));
        let shared = self.shared.borrow();
        FreeSlots {
            exports: shared.exports.free(exports),
            ingestions: shared.ingestions.free(ingestions),
            queries: QUERIES.saturating_sub(self.queries.get()),
        }
    }

    fn active_blocks(&self) -> usize {
        let shared = self.shared.borrow();
        shared
            .tables
            .values()
            .map(|table| table.borrow().state.unfinished().count())
            .sum()
    }

    async fn read_capacity(&self) {
        let read = self
            .link
            .ask("capacity", None, |world| {
                [SlotKind::Export, SlotKind::Ingest].map(|kind| {
                    let total = world.slots(kind);
                    Capacity {
                        total,
                        remaining: total.saturating_sub(world.running(kind)),
                    }
                })
            })
            .await;
        let Ok([exports, ingestions]) = read else {
            return;
        };
        let used = (self.used(SlotKind::Export), self.used(SlotKind::Ingest));
        let now = self.now();
        let mut shared = self.shared.borrow_mut();
        shared.exports.observe(exports, used.0, now);
        shared.ingestions.observe(ingestions, used.1, now);
    }
}
