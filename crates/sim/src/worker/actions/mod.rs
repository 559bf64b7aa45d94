//! The effects of decisions. Each returns what happened; trouble means: try again after a pause.

mod blocks;
mod moves;
mod tables;

use std::cell::RefCell;
use std::rc::Rc;

use kusto_copy_core::activity::ActivityEvent;
use kusto_copy_core::block::{Block, BlockEvent};
use kusto_copy_core::decide::Action;
use kusto_copy_core::vocabulary::{ActivityId, BlockNumber, Predicate};

use super::Worker;
use super::table::Table;
use crate::model::clusters::Trouble;
use crate::model::operations::Attempt;

/// What an action saw.
type Happened = Result<Vec<ActivityEvent>, Trouble>;

/// A table, as actions share it with its loop.
type Handle = Rc<RefCell<Table>>;

impl Worker {
    /// Executes an action.
    pub(super) async fn act(&self, table: &Handle, id: &ActivityId, action: Action) -> Happened {
        match action {
            Action::Prepare => self.prepare(table, id).await,
            Action::Plan => self.plan(table, id).await,
            Action::Replan { blocks } => self.replan(table, id, blocks).await,
            Action::Export { block } => self.export(table, block).await,
            Action::ReadExport { block, operation } => {
                self.read_export(table, id, block, operation).await
            }
            Action::CheckValues { block } => self.check_values(table, id, block).await,
            Action::Recount { block } => self.recount(table, id, block).await,
            Action::Ingest { block } => self.ingest(table, id, block).await,
            Action::ReadIngest { block, operation } => {
                self.read_ingest(table, id, block, operation).await
            }
            Action::Move { blocks } => self.send_move(table, id, blocks).await,
            Action::ReadMove { blocks, .. } => self.look_move(table, id, blocks, true).await,
            Action::LookMove { blocks } => self.look_move(table, id, blocks, false).await,
            Action::DropStaged { block, tag } => self.drop_staged(table, id, block, tag).await,
            Action::Reconcile => self.reconcile(table, id).await,
            Action::Fold { blocks } => self.fold(table, id, blocks).await,
            Action::DropStaging { name } => self.drop_staging(id, name).await,
        }
    }
}

/// A copy of a block.
fn block_of(table: &Handle, number: BlockNumber) -> Option<Block> {
    table.borrow().state.blocks.get(&number).cloned()
}

/// The rows of a block.
fn predicate_of(table: &Handle, block: &Block) -> Predicate {
    Predicate {
        window: table.borrow().state.head.phase.window().clone(),
        slice: block.slice.clone(),
    }
}

fn staging_of(table: &Handle) -> String {
    table
        .borrow()
        .state
        .head
        .staging
        .as_ref()
        .map(|staging| staging.name.clone())
        .unwrap_or_default()
}

fn attempt_of(table: &Handle, block: BlockNumber, attempt: u32) -> Attempt {
    let head = &table.borrow().state.head;
    Attempt {
        activity: head.id.clone(),
        iteration: head.iteration,
        block,
        attempt,
    }
}

/// Where an attempt's files go.
fn prefix_of(of: &Attempt) -> String {
    format!(
        "{}/{}/{}/{}/",
        of.activity, of.iteration, of.block.0, of.attempt
    )
}

fn event(number: BlockNumber, event: BlockEvent) -> Vec<ActivityEvent> {
    vec![ActivityEvent::Block { number, event }]
}
