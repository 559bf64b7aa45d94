//! The pure state machine of kusto-copy: it plans, decides and applies, and does nothing else.
//!
//! No clock, no randomness, no I/O and no async: time, ids and limits come in as arguments and
//! effects go out as data. The same code drives real clusters (through `kusto-copy-driver`) and
//! whole replications in simulated time (through the model tests).
//!
//! | module | what it holds |
//! |---|---|
//! | [`vocabulary`] | Kusto's words as types |
//! | [`limits`] | every bound and setting, with its default |
//! | [`block`] | a block's life: states, reports, the one list of legal transitions |
//! | [`activity`] | a table's life: phases, counters, staging, the events it accepts |
//! | [`database`] | a database's iterations: the cursor end, due tables, the commit |
//! | [`idle`] | which tables may wait for the proof that they are idle |
//! | [`plan`] | a window divided into blocks, question by question |
//! | [`decide`] | what to do next and what each block waits for |
//! | [`slots`], [`poll`] | capacity budgets; when to look at running operations |

pub mod activity;
pub mod block;
pub mod database;
pub mod decide;
pub mod idle;
pub mod limits;
pub mod plan;
pub mod poll;
pub mod slots;
pub mod vocabulary;

#[cfg(test)]
mod testing;
