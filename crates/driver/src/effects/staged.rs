//! What staging holds under an attempt's tag: one look for all who need one.
//!
//! An ingestion is judged by what its tag holds once its operation was seen to have ended, and
//! what an abandoned attempt left is looked for once nothing of it is sent any more. From then on
//! nothing of ours adds to the tag or takes from it, so every look that is **sent** after that is
//! as good as any other. A shared look is sent after each of those who wait for it had asked, thus
//! after each of them had seen the end of its own operation ([`Together`]). It reads the same
//! metadata of the same extents as a look of one's own (J1 for J2), of several tables and tags in
//! one command: each attempt finds its own tag there, compared whole, whatever else is staged.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use kusto_copy_core::block::StagedExtents;
use kusto_copy_core::vocabulary::AttemptTag;
use kusto_copy_kusto::commands::extents::StagedTag;
use kusto_copy_kusto::{Call, Database, KustoError};

use super::together::Together;
use super::{EffectError, Task, Workplace};

/// How long a look waits for those whose operations ended at about the same time.
const MOMENT: Duration = Duration::from_millis(50);

/// Looks at the staging tables of a database.
pub(super) type StagingLooks = Together<Wish, Result<StagedExtents, KustoError>>;

/// A staging table and the tag that is looked for.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    table: String,
    tag: AttemptTag,
}

/// How soon a look is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// At once: the block is small, and its whole copy takes moments.
    Now,
    /// With others: one look at operations shows several that ended.
    Gather,
}

/// The table in which a task's attempts are staged.
pub(super) fn staging(task: &Task) -> Result<&str, EffectError> {
    let staging = task.head.staging.as_ref();
    staging
        .map(|staging| staging.name.as_str())
        .ok_or_else(|| EffectError::Table("the table has no staging table".to_owned()))
}

/// What is staged under a tag. To be asked after the end of whatever wrote there was seen.
pub(super) async fn look(
    place: &Workplace,
    task: &Task,
    tag: &AttemptTag,
    haste: Haste,
) -> Result<StagedExtents, EffectError> {
    let wish = Wish {
        table: staging(task)?.to_owned(),
        tag: tag.clone(),
    };
    let moment = match haste {
        Haste::Now => Duration::ZERO,
        Haste::Gather => MOMENT,
    };
    let call = task.call(place, "staged");
    let answer = |wishes| all(&place.destination, &call, wishes);
    Ok(place.looks.staging.ask(wish, moment, answer).await?)
}

/// Looks for all at once. Where that cannot be done, for each by itself: one table that is gone
/// fails the question for all.
async fn all(
    database: &Database,
    call: &Call,
    wishes: Vec<Wish>,
) -> Vec<Result<StagedExtents, KustoError>> {
    let alone = |wish| alone(database, call, wish);
    if wishes.len() == 1 {
        return join_all(wishes.iter().map(alone)).await;
    }
    let tables: BTreeSet<&str> = wishes.iter().map(|wish| wish.table.as_str()).collect();
    let tables: Vec<&str> = tables.into_iter().collect();
    match database.staged(call, &tables).await {
        Ok(found) => {
            let answers = wishes.iter().map(|wish| async {
                match of(&found, wish) {
                    Some(staged) => Ok(staged),
                    None => alone(wish).await,
                }
            });
            join_all(answers).await
        }
        // Whoever asked alone would be told the same.
        Err(error) if error.is_passing() => wishes.iter().map(|_| Err(error.clone())).collect(),
        Err(_) => join_all(wishes.iter().map(alone)).await,
    }
}

async fn alone(database: &Database, call: &Call, wish: &Wish) -> Result<StagedExtents, KustoError> {
    let extents = database.staged_of(call, &wish.table, &wish.tag).await?;
    Ok(StagedExtents {
        rows: extents.iter().map(|extent| extent.rows).sum(),
        deleted: extents.iter().map(|extent| extent.deleted).sum(),
        extents: extents.into_iter().map(|extent| extent.extent).collect(),
    })
}

/// A wish's part of an answer; `None` when the answer does not name every extent that it counts.
fn of(found: &[StagedTag], wish: &Wish) -> Option<StagedExtents> {
    let mut staged = StagedExtents::default();
    let is_ours = |found: &&StagedTag| {
        let mut tags = found.tags.split(['\r', '\n']);
        found.table == wish.table && tags.any(|tag| tag == wish.tag.as_str())
    };
    for found in found.iter().filter(is_ours) {
        if u64::try_from(found.ids.len()) != Ok(found.extents) {
            return None;
        }
        staged.rows += found.rows;
        staged.deleted += found.deleted;
        staged.extents.extend_from_slice(&found.ids);
    }
    Some(staged)
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::vocabulary::{AttemptTag, ExtentId};
    use kusto_copy_kusto::commands::extents::StagedTag;

    use super::{Wish, of};

    fn id(number: u8) -> ExtentId {
        ExtentId::parse(&format!("00000000-0000-0000-0000-0000000000{number:02}")).expect("a guid")
    }

    fn found(table: &str, tags: &str, ids: &[u8], rows: u64) -> StagedTag {
        StagedTag {
            table: table.to_owned(),
            tags: tags.to_owned(),
            extents: ids.len() as u64,
            rows,
            deleted: 0,
            bytes: None,
            oldest: None,
            newest: None,
            ids: ids.iter().map(|number| id(*number)).collect(),
        }
    }

    #[test]
    fn each_attempt_finds_its_own_tag_in_its_own_table() {
        let tag = AttemptTag::new("kc-1-2-", 7);
        let other = AttemptTag::new("kc-1-2-", 8);
        let wish = Wish {
            table: "s1".to_owned(),
            tag: tag.clone(),
        };
        let longer = format!("{}0", tag.as_str());
        let both = format!("{}\r\n{}", other.as_str(), tag.as_str());
        let all = [
            found("s1", tag.as_str(), &[1, 2], 10),
            found("s2", tag.as_str(), &[3], 100),
            found("s1", other.as_str(), &[4], 1_000),
            found("s1", &longer, &[5], 10_000),
            found("s1", &both, &[6], 5),
        ];
        let staged = of(&all, &wish).expect("a whole answer");
        assert_eq!((staged.rows, staged.deleted), (15, 0));
        assert_eq!(staged.extents, [id(1), id(2), id(6)]);
        let none = of(&all[1..2], &wish).expect("a whole answer");
        assert_eq!((none.rows, none.extents.len()), (0, 0));
    }

    #[test]
    fn an_answer_that_was_cut_is_no_answer() {
        let tag = AttemptTag::new("kc-1-2-", 7);
        let mut cut = found("s1", tag.as_str(), &[1, 2], 10);
        cut.extents = 3;
        let wish = Wish {
            table: "s1".to_owned(),
            tag,
        };
        assert_eq!(of(&[cut], &wish), None);
    }
}
