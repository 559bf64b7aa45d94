//! Conditions of writes.

use std::time::Duration;

use super::{
    Fixture, assert_conflict, commit, commit_etag, delete, insert, key, replace, stored,
    stored_text, try_commit,
};
use crate::entity::Etag;
use crate::error::ConflictKind;
use crate::range::RowRange;

/// An insert succeeds once, and the second changes nothing.
pub async fn insert_only_once(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let key = key("p", "r");
    assert_eq!(stored(&*store, &key).await, None);
    let etag = commit_etag(&*store, insert(&key, "first")).await;
    let second = try_commit(&*store, vec![insert(&key, "second")]).await;
    assert_conflict(second, &key, ConflictKind::AlreadyExists);
    let entity = stored(&*store, &key).await.expect("the first insert");
    assert_eq!(entity.etag, etag);
    assert_eq!(super::text_of(&entity), "first");
}

/// A replace succeeds only over the version that it names.
pub async fn replace_needs_the_version(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let key = key("p", "r");
    let first = commit_etag(&*store, insert(&key, "1")).await;
    let second = commit_etag(&*store, replace(&key, "2", &first)).await;
    assert_ne!(first, second);
    let stale = try_commit(&*store, vec![replace(&key, "3", &first)]).await;
    assert_conflict(stale, &key, ConflictKind::Changed);
    assert_eq!(stored_text(&*store, &key).await.as_deref(), Some("2"));
    // The same contents are a new version too.
    let third = commit_etag(&*store, replace(&key, "2", &second)).await;
    assert_ne!(second, third);

    let absent = super::key("p", "absent");
    let missing = try_commit(&*store, vec![replace(&absent, "1", &third)]).await;
    assert_conflict(missing, &absent, ConflictKind::Missing);
    assert_eq!(stored(&*store, &absent).await, None);
}

/// A delete succeeds only over the version that it names.
pub async fn delete_needs_the_version(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let key = key("p", "r");
    let first = commit_etag(&*store, insert(&key, "1")).await;
    let second = commit_etag(&*store, replace(&key, "2", &first)).await;
    let stale = try_commit(&*store, vec![delete(&key, &first)]).await;
    assert_conflict(stale, &key, ConflictKind::Changed);
    assert_eq!(stored_text(&*store, &key).await.as_deref(), Some("2"));
    assert_eq!(commit(&*store, vec![delete(&key, &second)]).await, None);
    assert_eq!(stored(&*store, &key).await, None);
    let again = try_commit(&*store, vec![delete(&key, &second)]).await;
    assert_conflict(again, &key, ConflictKind::Missing);
}

/// A version does not return with a new entity of the same name and contents.
pub async fn delete_and_insert_again_is_a_new_version(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let key = key("p", "r");
    let first = commit_etag(&*store, insert(&key, "same")).await;
    commit(&*store, vec![delete(&key, &first)]).await;
    let second = commit_etag(&*store, insert(&key, "same")).await;
    assert_ne!(first, second);
    let stale = try_commit(&*store, vec![replace(&key, "stale", &first)]).await;
    assert_conflict(stale, &key, ConflictKind::Changed);
}

/// Text that no store gives as a version meets none: nothing that a service would take for "any".
pub async fn foreign_version_matches_nothing(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let key = key("p", "r");
    let etag = commit_etag(&*store, insert(&key, "1")).await;
    let padded = format!(" {etag}");
    let more = format!("{etag}\r\nX-Other: 1");
    for text in [
        "", " ", "*", "\"*\"", "+1", "01", "1 ", "\u{e9}", &padded, &more,
    ] {
        let foreign = Etag::from_stored(text.to_owned());
        for write in [replace(&key, "stale", &foreign), delete(&key, &foreign)] {
            let alone = try_commit(&*store, vec![write.clone()]).await;
            assert_conflict(alone, &key, ConflictKind::Changed);
            let other = insert(&super::key("p", "other"), "new");
            let together = try_commit(&*store, vec![other, write]).await;
            assert_conflict(together, &key, ConflictKind::Changed);
        }
    }
    let entity = stored(&*store, &key).await.expect("what was there");
    assert_eq!(
        (super::text_of(&entity), entity.etag),
        ("1".to_owned(), etag)
    );
    assert_eq!(stored(&*store, &super::key("p", "other")).await, None);
}

/// Inserts, replaces and deletes go together, and the versions come in the order of the writes.
pub async fn transaction_gives_versions_in_order(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let (fresh, kept, gone) = (key("p", "fresh"), key("p", "kept"), key("p", "gone"));
    let old = commit_etag(&*store, insert(&kept, "1")).await;
    let last = commit_etag(&*store, insert(&gone, "1")).await;
    let writes = vec![
        replace(&kept, "2", &old),
        insert(&fresh, "new"),
        delete(&gone, &last),
    ];
    let committed = try_commit(&*store, writes).await.expect("a commit");
    let kept_now = stored(&*store, &kept).await.expect("the replaced one");
    let fresh_now = stored(&*store, &fresh).await.expect("the new one");
    assert_eq!(super::text_of(&kept_now), "2");
    assert_eq!(super::text_of(&fresh_now), "new");
    assert_eq!(stored(&*store, &gone).await, None);
    let expected = [Some(kept_now.etag.clone()), Some(fresh_now.etag), None];
    assert_eq!(committed.etags, expected);
    // The version given is the one that counts.
    commit_etag(&*store, replace(&kept, "3", &kept_now.etag)).await;
}

/// One failed condition, whichever it is and wherever it stands, leaves everything as it was.
pub async fn failed_transaction_writes_nothing(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let (kept, changed, fresh) = (key("p", "kept"), key("p", "changed"), key("p", "fresh"));
    let absent = key("p", "absent");
    let old = commit_etag(&*store, insert(&changed, "1")).await;
    commit_etag(&*store, replace(&changed, "2", &old)).await;
    let etag = commit_etag(&*store, insert(&kept, "1")).await;
    let good = [insert(&fresh, "new"), replace(&kept, "overwritten", &etag)];
    for (bad, kind) in [
        (replace(&changed, "stale", &old), ConflictKind::Changed),
        (delete(&changed, &old), ConflictKind::Changed),
        (insert(&changed, "again"), ConflictKind::AlreadyExists),
        (replace(&absent, "late", &old), ConflictKind::Missing),
        (delete(&absent, &old), ConflictKind::Missing),
    ] {
        for position in 0..=good.len() {
            let mut writes = good.to_vec();
            writes.insert(position, bad.clone());
            let result = try_commit(&*store, writes).await;
            assert_conflict(result, bad.key(), kind);
            assert_eq!(stored(&*store, &fresh).await, None);
            assert_eq!(stored(&*store, &absent).await, None);
            let entity = stored(&*store, &kept).await.expect("what was there");
            assert_eq!(entity.etag, etag);
            assert_eq!(stored_text(&*store, &changed).await.as_deref(), Some("2"));
        }
    }
    // The same good writes alone succeed: nothing of the failures stuck.
    commit(&*store, good.to_vec()).await;
    assert_eq!(stored_text(&*store, &fresh).await.as_deref(), Some("new"));
}

/// Every answer tells the store's time, and the three kinds of answers agree about it.
pub async fn answers_carry_the_clock(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let key = key("p", "r");
    let read = store.get(&key).await.expect("a read").store_time;
    let committed = try_commit(&*store, vec![insert(&key, "1")])
        .await
        .expect("a commit")
        .store_time;
    let listed = store
        .list(&key.partition, &RowRange::all(), 10, None)
        .await
        .expect("a page")
        .store_time;
    // A day is far more than any test takes, and far less than a wrong unit would give.
    let day = Duration::from_secs(24 * 60 * 60);
    for (one, other) in [(read, committed), (committed, listed)] {
        assert!(one.since(other) < day && other.since(one) < day);
    }
}
