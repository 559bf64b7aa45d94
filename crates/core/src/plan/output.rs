//! Blocks as they are numbered, with the expired ones marked.

use super::group::Member;
use crate::block::{Block, BlockState, Group};
use crate::vocabulary::{BlockNumber, Instants, Millis, Slice, Ticks};

/// The blocks of a round so far.
#[derive(Debug, Clone)]
pub(super) struct Output {
    next: BlockNumber,
    retention: Option<Ticks>,
    now: Millis,
    /// Rows to account for when a group is planned anew.
    expected: Option<u64>,
    /// The blocks.
    pub(super) blocks: Vec<Block>,
    /// Rows in expired blocks.
    pub(super) expired_rows: u64,
}

impl Output {
    pub(super) const fn new(next: BlockNumber, retention: Option<Ticks>, now: Millis) -> Self {
        Self {
            next,
            retention,
            now,
            expected: None,
            blocks: Vec::new(),
            expired_rows: 0,
        }
    }

    /// When the round began.
    pub(super) const fn now(&self) -> Millis {
        self.now
    }

    /// Whether the destination would drop rows created then.
    pub(super) fn expires(&self, created: Ticks) -> bool {
        self.retention.is_some_and(|oldest| created < oldest)
    }

    /// The members to come replace a group of so many rows: more expired rows than the others
    /// leave of them were expired before, and are planned already.
    pub(super) const fn expect(&mut self, rows: u64) {
        self.expected = Some(rows);
    }

    /// Adds blocks of one range, or of the rows without ingestion time.
    ///
    /// A member that names neither extents nor a part covers the instants by itself, whatever
    /// the source merges: no group. Expired members are never read, so they are outside of any
    /// group; the group's other members are verified without them.
    pub(super) fn push(&mut self, instants: Instants, members: Vec<Member>) {
        let grouped = |member: &Member| {
            (member.extents.is_some() || member.part.is_some()) && !self.expires(member.created)
        };
        let (live, others): (Vec<_>, Vec<_>) = members.into_iter().partition(grouped);
        let rows: u64 = live.iter().map(|member| member.rows).sum();
        let mut left = self.expected.map(|expected| expected.saturating_sub(rows));
        for mut member in others {
            if let (Some(left), true) = (&mut left, self.expires(member.created)) {
                member.rows = member.rows.min(*left);
                *left -= member.rows;
                if member.rows == 0 {
                    continue;
                }
            }
            self.block(instants, member, None);
        }
        let group = Group {
            first: self.next,
            members: u32::try_from(live.len()).unwrap_or(u32::MAX),
        };
        for member in live {
            self.block(instants, member, Some(group));
        }
    }

    fn block(&mut self, instants: Instants, member: Member, group: Option<Group>) {
        let expired = self.expires(member.created);
        let slice = Slice {
            instants,
            extents: member.extents,
            part: member.part,
        };
        let mut block = Block::planned(
            self.next,
            slice,
            member.rows,
            member.bytes,
            member.created,
            self.now,
        );
        block.group = group;
        if expired {
            block.state = BlockState::Expired;
            self.expired_rows = self.expired_rows.saturating_add(member.rows);
        }
        self.next = BlockNumber(self.next.0.saturating_add(1));
        self.blocks.push(block);
    }
}
