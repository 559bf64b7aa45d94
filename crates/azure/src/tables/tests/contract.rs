//! The store's contract, for every way to be let in; and what goes beyond it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kusto_copy_azurite::{ACCOUNT, Azurite, Options};
use kusto_copy_kusto::RetryPolicy;
use kusto_copy_store::contract::Fixture;
use kusto_copy_store::faulty::{Call, Fault, Faulty};
use kusto_copy_store::lease::{Acquisition, Renewal, acquire, release, renew};
use kusto_copy_store::{
    Key, Layout, MAX_KEY_CHARS, Partition, Row, RowRange, Store, StoreError, Transaction, Write,
    list_all,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::azurite::{Entrance, Place};
use crate::tables::{AzureTableStore, Table};

struct InAzurite(Place);

#[async_trait]
impl Fixture for InAzurite {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.store())
    }
}

macro_rules! in_azurite {
    ($entrance:expr) => {
        match $entrance.table().await {
            Some(place) => InAzurite(place),
            None => return,
        }
    };
}

mod by_key {
    use super::*;
    kusto_copy_store::store_contract!(in_azurite!(Entrance::Key));
}

mod by_signature {
    use super::*;
    kusto_copy_store::store_contract!(in_azurite!(Entrance::Signature));
}

mod by_token {
    use super::*;
    kusto_copy_store::store_contract!(in_azurite!(Entrance::Token));
}

const LAYOUT: Layout = Layout::new(1, "0.0.0-test");

fn insert(key: Key, contents: &str) -> Write {
    let body = LAYOUT.write(contents).expect("a body");
    Write::Insert { key, body }
}

fn key(partition: &str, row: &str) -> Key {
    Key::new(
        Partition::encode(partition).expect("a partition"),
        Row::encode(row).expect("a row"),
    )
}

async fn commit(store: &dyn Store, writes: Vec<Write>) -> Result<(), StoreError> {
    let transaction = Transaction::new(writes).expect("a transaction");
    store.commit(&transaction).await.map(|_| ())
}

/// Every key that the store's encoding allows is found again, alone, by itself and in a listing,
/// from a transaction and from a plain request.
#[test]
fn any_key_survives() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let Some(place) = runtime.block_on(Entrance::Key.table()) else {
        return;
    };
    let store = place.store();
    let part = "(\\PC|.|[%'\"/\\\\#?&+=!~ ]){1,12}";
    let parts = || prop::collection::vec(part, 1..4);
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let run =
        TestRunner::new(config).run(&(parts(), parts(), parts()), |(partition, one, other)| {
            let row = |parts: &[String]| {
                let texts: Vec<&str> = parts.iter().map(String::as_str).collect();
                Row::of(&texts).expect("a row")
            };
            // A new partition for each case, whatever was found before.
            let mut names: Vec<&str> = partition.iter().map(String::as_str).collect();
            let unique = uuid::Uuid::new_v4().to_string();
            names.push(&unique);
            let partition = Partition::of(&names).expect("a partition");
            let mut rows = vec![row(&one), row(&other)];
            rows.sort_unstable();
            rows.dedup();
            let writes: Vec<Write> = rows
                .iter()
                .map(|row| insert(Key::new(partition.clone(), row.clone()), row.as_str()))
                .collect();
            runtime.block_on(async {
                commit(&store, writes).await.expect("a commit");
                let all = list_all(&store, &partition, &RowRange::all())
                    .await
                    .expect("a listing");
                let listed: Vec<&Row> = all.iter().map(|entity| &entity.key.row).collect();
                assert_eq!(listed, rows.iter().collect::<Vec<_>>());
                for entity in all {
                    let read = store.get(&entity.key).await.expect("a read").entity;
                    assert_eq!(read.as_ref(), Some(&entity));
                    let delete = Write::Delete {
                        key: entity.key.clone(),
                        if_match: entity.etag,
                    };
                    commit(&store, vec![delete]).await.expect("a delete");
                    assert_eq!(store.get(&entity.key).await.expect("a read").entity, None);
                }
            });
            Ok(())
        });
    run.expect("every key survives");
}

/// Two jobs in one table see nothing of each other, not even where one's scope begins as the
/// other's does, or where partitions are so long that their hash stands for them.
#[tokio::test]
async fn scopes_share_a_table_and_nothing_else() {
    let Some(place) = Entrance::Key.table().await else {
        return;
    };
    let scoped = |scope| AzureTableStore::new(place.table.clone(), scope).expect("a store");
    let stores = [
        scoped("lake"),
        scoped("lake-2"),
        scoped("lake!x"),
        scoped("l%2f"),
    ];
    let longest = "k".repeat(MAX_KEY_CHARS);
    let other = format!("{}x", &longest[1..]);
    let partitions = [
        Partition::of(&["x", "p"]),
        Partition::encode("p"),
        Partition::encode(&longest),
        Partition::encode(&other),
    ];
    let mut number = 0;
    for store in &stores {
        for partition in &partitions {
            let partition = partition.clone().expect("a partition");
            let key = Key::new(partition, Row::encode("r").expect("a row"));
            number += 1;
            let contents = number.to_string();
            commit(store, vec![insert(key, &contents)])
                .await
                .expect("a commit");
        }
    }
    let mut expected = 0;
    for store in &stores {
        for partition in &partitions {
            expected += 1;
            let partition = partition.clone().expect("a partition");
            let all = list_all(store, &partition, &RowRange::all())
                .await
                .expect("a listing");
            let texts: Vec<String> = all
                .iter()
                .map(|entity| LAYOUT.read(entity).expect("text"))
                .collect();
            assert_eq!(texts, [expected.to_string()]);
            assert_eq!(all[0].key.partition, partition);
        }
    }
    for refused in ["", &"s".repeat(129)] {
        assert!(AzureTableStore::new(place.table.clone(), refused).is_err());
    }
}

/// A lost answer of a lease's renewal is resolved by looking, and a stranger's lease is not taken.
#[tokio::test]
async fn leases_hold_over_it() {
    const TERM: Duration = Duration::from_secs(600);
    let Some(place) = Entrance::Token.table().await else {
        return;
    };
    let lose = Arc::new(AtomicBool::new(false));
    let losing = Arc::clone(&lose);
    let faulty = Faulty::new(
        Arc::new(place.store()),
        Box::new(move |call| match call {
            Call::Commit(_) => losing
                .swap(false, Ordering::SeqCst)
                .then_some(Fault::AnswerLost),
            Call::Get(_) | Call::List(_) => None,
        }),
    );
    let lease_key = key("job", "lease");
    lose.store(true, Ordering::SeqCst);
    let first = match acquire(&faulty, &lease_key, "a", TERM).await {
        Ok(Acquisition::Acquired(lease)) => lease,
        other => panic!("not acquired: {other:?}"),
    };
    assert!(!lose.load(Ordering::SeqCst), "no answer was lost");
    let busy = acquire(&faulty, &lease_key, "b", TERM)
        .await
        .expect("an answer");
    assert!(matches!(busy, Acquisition::Busy { .. }), "{busy:?}");
    let renewed = renew(&faulty, &first, TERM).await.expect("an answer");
    let Renewal::Renewed(renewed) = renewed else {
        panic!("lost: {renewed:?}");
    };
    release(&faulty, &renewed).await.expect("an answer");
    let second = acquire(&faulty, &lease_key, "b", TERM)
        .await
        .expect("an answer");
    assert!(matches!(second, Acquisition::Acquired(lease) if lease.epoch() == 2));
}

#[tokio::test]
async fn a_table_is_made_once_and_missed_clearly() {
    let name = format!("t{}", uuid::Uuid::new_v4().simple());
    let entrance = Entrance::Signature;
    let Some(place) = entrance.place(&name, &entrance.access()) else {
        return;
    };
    let table = &place.table;
    assert!(!table.exists().await.expect("an answer"));
    let absent = place
        .store()
        .get(&key("p", "r"))
        .await
        .expect_err("no table");
    assert!(matches!(absent, StoreError::Failed { .. }), "{absent:?}");
    let absent = commit(&place.store(), vec![insert(key("p", "r"), "x")]).await;
    let absent = absent.expect_err("no table");
    assert!(
        absent.to_string().contains("there is no such table"),
        "{absent}"
    );
    let both = tokio::join!(table.create_if_missing(), table.create_if_missing());
    both.0.expect("a table");
    both.1.expect("a table");
    assert!(table.exists().await.expect("an answer"));
    assert!(
        commit(&place.store(), vec![insert(key("p", "r"), "x")])
            .await
            .is_ok()
    );
}

/// Nothing is claimed while the service is away, and its return is enough.
#[tokio::test]
async fn an_outage_is_told_and_over_when_it_ends() {
    if !kusto_copy_azurite::is_installed() {
        return;
    }
    let mut azurite = Azurite::start(Options::default()).expect("Azurite starts");
    let service = azurite.table_endpoint(ACCOUNT).parse().expect("an address");
    let entrance = Entrance::Key;
    let table = Table::new(service, "state", &entrance.access(), entrance.transport());
    let table = table.expect("a table").with_retry(RetryPolicy {
        sends: 2,
        first_pause: Duration::from_millis(1),
        ..RetryPolicy::default()
    });
    let store = AzureTableStore::new(table.clone(), "lake").expect("a store");
    for round in ["1", "2"] {
        // Azurite writes to its disk every few seconds, so a killed one may have forgotten all.
        table.create_if_missing().await.expect("a table");
        let first = insert(key("p", round), "x");
        commit(&store, vec![first]).await.expect("a commit");
        azurite.stop();
        let away = store.get(&key("p", round)).await.expect_err("nobody there");
        assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");
        let second = insert(key("q", round), "x");
        let away = commit(&store, vec![second])
            .await
            .expect_err("nobody there");
        // No connection was left to try, so it is certain that nothing was sent.
        assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");
        azurite.start_again().expect("Azurite starts again");
    }
}

#[tokio::test]
async fn a_stranger_is_told_what_to_do() {
    let Some(place) = Entrance::Key.table().await else {
        return;
    };
    let name = place
        .table
        .address()
        .rsplit('/')
        .next()
        .expect("a name")
        .to_owned();
    let wrong =
        crate::Access::shared_key(kusto_copy_azurite::ACCOUNT, crate::Secret::new("d3Jvbmc="));
    let stranger = Entrance::Key
        .place(&name, &wrong.expect("a key"))
        .expect("a table");
    let denied = stranger
        .store()
        .get(&key("p", "r"))
        .await
        .expect_err("no right");
    assert!(matches!(denied, StoreError::Denied { .. }), "{denied:?}");
    let denied = commit(&stranger.store(), vec![insert(key("p", "r"), "x")]).await;
    let denied = denied.expect_err("no right");
    assert!(matches!(denied, StoreError::Denied { .. }), "{denied:?}");
    assert!(
        denied.to_string().contains(&place.table.address()),
        "{denied}"
    );
}
