//! Questions that several effects on a database ask at about the same time.

use super::identity::Identities;
use super::staged::StagingLooks;

/// What effects of one database ask together.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// What staging holds.
    pub(super) staging: StagingLooks,
    /// Which tables the source's are.
    pub(super) identities: Identities,
}
