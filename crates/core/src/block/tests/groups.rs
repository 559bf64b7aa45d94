//! Blocks that are verified together, and what holds keep of them.

use super::*;

#[test]
fn a_group_member_is_ingested_again_from_its_verified_files() {
    let group = Some(Group {
        first: BlockNumber(3),
        members: 2,
    });
    let member = Block {
        group,
        ..block(ingesting())
    };
    let failed = BlockEvent::Failed {
        attempt: 1,
        failure: Failure::LostAnswer,
    };
    let abandoned = transition(&member, failed, NOW, &Limits::default()).expect("abandons");
    let gone = BlockEvent::NothingStaged { attempt: 1 };
    let again = transition(&abandoned, gone, NOW, &Limits::default()).expect("goes back");
    assert_eq!(again.state, exported(CountCheck::Agreed));
}

/// To plan it anew is impossible, and to try the same files again and again is in vain.
#[test]
fn a_group_member_whose_files_are_gone_is_held_with_this_reason_and_keeps_their_names() {
    let group = Some(Group {
        first: BlockNumber(3),
        members: 2,
    });
    let gone = |group| {
        let block = Block {
            group,
            ..block(ingesting())
        };
        let failure = Failure::FilesGone;
        let failed = BlockEvent::Failed {
            attempt: 1,
            failure,
        };
        let abandoned = transition(&block, failed, NOW, &Limits::default()).expect("abandons");
        let dropped = BlockEvent::NothingStaged { attempt: 1 };
        transition(&abandoned, dropped, NOW, &Limits::default()).expect("ends")
    };
    let held = gone(group);
    let reason = HeldReason::FilesGone;
    let files = Some(manifest());
    assert_eq!(held.state, BlockState::Held { reason, files });
    let released = transition(&held, BlockEvent::Released, NOW, &Limits::default());
    let released = released.expect("is released");
    assert_eq!(released.state, exported(CountCheck::Agreed));
    assert_eq!(gone(None).state.name(), "planned", "it is exported again");
}

fn held_and_released(block: &Block) -> (Block, Block) {
    let reason = HeldReason::Attempts {
        failures: 6,
        last: "x".to_owned(),
    };
    let limits = Limits::default();
    let held = transition(block, BlockEvent::Held { reason }, NOW, &limits).expect("is held");
    let released = transition(&held, BlockEvent::Released, NOW, &limits).expect("is released");
    (held, released)
}

/// Others of its group may have been moved from the same verified plan.
#[test]
fn a_verified_member_keeps_its_files_over_a_hold_and_all_tries_begin_anew() {
    let failed = Block {
        failures: 6,
        lost: 3,
        ..block(exported(CountCheck::Agreed))
    };
    let group = Some(Group {
        first: BlockNumber(3),
        members: 2,
    });
    let member = Block {
        group,
        ..failed.clone()
    };
    let files = |block: &Block| {
        let BlockState::Held { files, .. } = &block.state else {
            panic!("{:?}", block.state);
        };
        files.clone()
    };
    let (held, released) = held_and_released(&member);
    assert_eq!(files(&held), Some(manifest()));
    assert_eq!(released.state, exported(CountCheck::Agreed));
    assert_eq!((released.failures, released.lost), (0, 0));
    let (held, released) = held_and_released(&failed);
    assert_eq!(files(&held), None);
    assert_eq!((released.state.name(), released.failures), ("planned", 0));
    let doubtful = Block {
        group,
        ..block(exported(CountCheck::Differs))
    };
    let (held, released) = held_and_released(&doubtful);
    assert_eq!(files(&held), None);
    assert_eq!(released.state, BlockState::Replanning);
}
