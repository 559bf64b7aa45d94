//! Names of what a job makes in the lake and at the destination. All carry the job's random
//! incarnation and none is used twice.

use kusto_copy_core::activity::Activity;
use kusto_copy_core::vocabulary::{ActivityId, AttemptTag, BlockNumber};
use kusto_copy_staging::{NameError, Prefix};

/// The prefix of the tags of this job and table.
pub(crate) fn tag_prefix(incarnation: &str, activity: &ActivityId) -> String {
    AttemptTag::prefix(incarnation, activity)
}

/// The staging table of a generation.
pub(crate) fn staging_name(incarnation: &str, head: &Activity, generation: u32) -> String {
    format!("kcopy_{incarnation}_{}_g{generation}", head.id)
}

/// Everything of the job in the lake but its state.
pub(super) fn job_folder(incarnation: &str) -> Result<Prefix, NameError> {
    Prefix::new(&format!("j{incarnation}"))
}

/// The files of all attempts of an iteration of a table.
pub(crate) fn iteration_folder(incarnation: &str, head: &Activity) -> Result<Prefix, NameError> {
    files_of_iteration(incarnation, &head.id, head.iteration)
}

/// The same by the activity's id.
pub(crate) fn files_of_iteration(
    incarnation: &str,
    activity: &ActivityId,
    iteration: u32,
) -> Result<Prefix, NameError> {
    job_folder(incarnation)?.folder(&format!("files/{activity}/i{iteration:06}"))
}

/// What an iteration of a database knows of its idle tables.
pub(crate) fn idleness_folder(
    incarnation: &str,
    database: &str,
    iteration: u32,
) -> Result<Prefix, NameError> {
    let database = ActivityId::of(database, "");
    job_folder(incarnation)?.folder(&format!("idle/{database}/i{iteration:06}"))
}

/// The files of all attempts of a block.
pub(super) fn block_folder(
    incarnation: &str,
    head: &Activity,
    block: BlockNumber,
) -> Result<Prefix, NameError> {
    iteration_folder(incarnation, head)?.folder(&format!("b{:06}", block.0))
}

/// The files of one attempt.
pub(super) fn attempt_folder(
    incarnation: &str,
    head: &Activity,
    block: BlockNumber,
    attempt: u32,
) -> Result<Prefix, NameError> {
    block_folder(incarnation, head, block)?.folder(&format!("a{attempt:03}"))
}

/// The ledger's objects.
pub(super) fn ledger_folder(incarnation: &str, head: &Activity) -> Result<Prefix, NameError> {
    job_folder(incarnation)?.folder(&format!("ledger/{}/i{:06}", head.id, head.iteration))
}
