//! Names of what a job makes in the lake and at the destination. All carry the job's random
//! incarnation and none is used twice.
//!
//! | folder of the lake | what it holds | who deletes it |
//! |---|---|---|
//! | `files` | exported files and manifests, needed until their block is moved | the job; a rule of the account, once they are months old |
//! | `idle` | what is known of idle tables | the job, with the next iteration |
//! | `ledger` | what was copied, for audits | nobody |
//!
//! The kind comes before the job, since rules of a storage account know prefixes alone: one that
//! deletes forgotten files must not reach the ledger.

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

/// The staged files of the job, and its manifests.
fn files_folder(incarnation: &str) -> Result<Prefix, NameError> {
    Prefix::new(&format!("files/j{incarnation}"))
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
    files_folder(incarnation)?.folder(&format!("{activity}/i{iteration:06}"))
}

/// What an iteration of a database knows of its idle tables.
pub(crate) fn idleness_folder(
    incarnation: &str,
    database: &str,
    iteration: u32,
) -> Result<Prefix, NameError> {
    let database = ActivityId::of(database, "");
    Prefix::new(&format!("idle/j{incarnation}/{database}/i{iteration:06}"))
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
    Prefix::new(&format!(
        "ledger/j{incarnation}/{}/i{:06}",
        head.id, head.iteration
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule of the storage account that deletes what lies under `files/j` must find the files of
    /// every job and nothing else.
    #[test]
    fn files_lie_apart_from_what_is_kept() {
        let activity = ActivityId::of("A", "T");
        let files = files_of_iteration("0123abcd", &activity, 7).expect("a folder");
        let expected = format!("files/j0123abcd/{activity}/i000007");
        assert_eq!(files.as_str(), expected);
        let idle = idleness_folder("0123abcd", "A", 7).expect("a folder");
        assert!(idle.as_str().starts_with("idle/j0123abcd/"), "{idle}");
    }
}
