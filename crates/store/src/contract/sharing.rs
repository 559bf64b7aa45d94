//! Several handles on the same contents.

use std::sync::Arc;

use super::{Fixture, commit_etag, insert, key, replace, stored, stored_text, try_commit};
use crate::store::Store;

/// What one handle has committed, another sees at once, and its versions agree.
pub async fn other_handles_see_commits(fixture: &dyn Fixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    let key = key("p", "r");
    assert_eq!(stored(&*other, &key).await, None);
    let first = commit_etag(&*one, insert(&key, "1")).await;
    assert_eq!(stored_text(&*other, &key).await.as_deref(), Some("1"));
    let second = commit_etag(&*other, replace(&key, "2", &first)).await;
    let seen = stored(&*one, &key).await.expect("the entity");
    assert_eq!(seen.etag, second);
}

/// Two writers that saw the same version: exactly one of them wins each round, and the value
/// counts the winners.
pub async fn one_of_two_writers_wins(fixture: &dyn Fixture) {
    const ROUNDS: usize = 20;
    let (one, other) = (fixture.open().await, fixture.open().await);
    let key = key("p", "r");
    let mut etag = commit_etag(&*one, insert(&key, "start")).await;
    for round in 0..ROUNDS {
        let attempt = |store: &Arc<dyn Store>, name: &str| {
            let store = Arc::clone(store);
            let write = replace(&key, &format!("{name} {round}"), &etag);
            tokio::spawn(async move { try_commit(&*store, vec![write]).await })
        };
        let (first, second) = (attempt(&one, "one"), attempt(&other, "other"));
        let first = first.await.expect("a finished task");
        let second = second.await.expect("a finished task");
        let (winner, loser, name) = match (first, second) {
            (Ok(winner), Err(loser)) => (winner, loser, "one"),
            (Err(loser), Ok(winner)) => (winner, loser, "other"),
            both => panic!("not exactly one winner: {both:?}"),
        };
        assert!(loser.is_conflict(), "{loser:?}");
        let entity = stored(&*one, &key).await.expect("the entity");
        assert_eq!(super::text_of(&entity), format!("{name} {round}"));
        etag = winner.etags[0].clone().expect("a version");
        assert_eq!(entity.etag, etag);
    }
}

/// Two that insert under one name: exactly one of them wins each round, and its contents stay.
pub async fn one_of_two_inserts_wins(fixture: &dyn Fixture) {
    const ROUNDS: usize = 10;
    let (one, other) = (fixture.open().await, fixture.open().await);
    for round in 0..ROUNDS {
        let key = key("p", &format!("{round}"));
        let attempt = |store: &Arc<dyn Store>, name: &str| {
            let (store, write) = (Arc::clone(store), insert(&key, name));
            tokio::spawn(async move { try_commit(&*store, vec![write]).await })
        };
        let (first, second) = (attempt(&one, "one"), attempt(&other, "other"));
        let first = first.await.expect("a finished task");
        let second = second.await.expect("a finished task");
        let (loser, name) = match (first, second) {
            (Ok(_), Err(loser)) => (loser, "one"),
            (Err(loser), Ok(_)) => (loser, "other"),
            both => panic!("not exactly one winner: {both:?}"),
        };
        assert!(loser.is_conflict(), "{loser:?}");
        assert_eq!(stored_text(&*one, &key).await.as_deref(), Some(name));
    }
}

/// Dropping every handle without farewell loses nothing, and the versions hold.
pub async fn reopened_store_has_everything(fixture: &dyn Fixture) {
    let key = key("p", "r");
    let store = fixture.open().await;
    let first = commit_etag(&*store, insert(&key, "1")).await;
    let second = commit_etag(&*store, replace(&key, "2", &first)).await;
    drop(store);
    let store = fixture.open().await;
    let entity = stored(&*store, &key).await.expect("the entity");
    assert_eq!(entity.etag, second);
    let third = commit_etag(&*store, replace(&key, "3", &second)).await;
    assert!(third != first && third != second);
}
