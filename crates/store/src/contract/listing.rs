//! Listings and their pages.

use super::{Fixture, commit, commit_etag, delete, insert, key, replace, stored};
use crate::key::{Partition, Row};
use crate::layout::Layout;
use crate::range::RowRange;
use crate::store::{MAX_PAGE, Store, list_all};
use crate::transaction::{MAX_TRANSACTION_WRITES, Write};

async fn rows(store: &dyn Store, partition: &Partition, range: &RowRange) -> Vec<String> {
    let all = list_all(store, partition, range).await.expect("a listing");
    all.iter()
        .map(|entity| entity.key.row.parts().join("|"))
        .collect()
}

fn row(parts: &[&str]) -> Row {
    Row::of(parts).expect("a row")
}

/// Rows come in the order of their encoded text, byte by byte, whatever the order of writing.
pub async fn listing_is_in_order(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let names = [
        "b", "B", "a", "10", "9", "-", "_", "é", "Z", "aa", "a.b", "a-b",
    ];
    for name in names {
        commit(&*store, vec![insert(&key("p", name), name)]).await;
    }
    let partition = key("p", "r").partition;
    let all = list_all(&*store, &partition, &RowRange::all())
        .await
        .expect("a listing");
    let listed: Vec<&str> = all.iter().map(|entity| entity.key.row.as_str()).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(listed, sorted);
    assert_eq!(listed.len(), names.len());
}

/// A listing takes what lies in its partition and range, and nothing else.
pub async fn listing_keeps_to_partition_and_range(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let partition = key("p", "r").partition;
    for parts in [
        &["a"][..],
        &["a", "1"],
        &["a", "2"],
        &["a-", "1"],
        &["ab"],
        &["b", "1"],
        &["b", "2"],
    ] {
        let key = crate::key::Key::new(partition.clone(), row(parts));
        commit(&*store, vec![insert(&key, "x")]).await;
    }
    commit(&*store, vec![insert(&key("p2", "a"), "x")]).await;
    commit(&*store, vec![insert(&key("o", "a"), "x")]).await;
    let below = RowRange::below(&["a"]).expect("a range");
    assert_eq!(rows(&*store, &partition, &below).await, ["a|1", "a|2"]);
    let starting = RowRange::starting_with("a");
    assert_eq!(
        rows(&*store, &partition, &starting).await,
        ["a", "a|1", "a|2", "a-|1", "ab"]
    );
    let (from, to) = (row(&["a", "2"]), row(&["b", "2"]));
    let between = RowRange::between(Some(&from), Some(&to));
    assert_eq!(
        rows(&*store, &partition, &between).await,
        ["a|2", "a-|1", "ab", "b|1"]
    );
    let open = RowRange::between(Some(&to), None);
    assert_eq!(rows(&*store, &partition, &open).await, ["b|2"]);
    let empty = RowRange::between(Some(&to), Some(&from));
    assert!(rows(&*store, &partition, &empty).await.is_empty());
    let nowhere = key("nowhere", "r").partition;
    assert!(rows(&*store, &nowhere, &RowRange::all()).await.is_empty());
}

/// What a listing gives of an entity is what reading it gives, and its version is good for writing.
pub async fn listing_gives_what_reading_gives(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let partition = key("p", "r").partition;
    let bodies = [
        Layout::new(1, "0.1.0").write("one"),
        Layout::new(u32::MAX, "9.9.9-later+x").write(&[1, 2]),
    ];
    for (name, body) in ["a", "b"].into_iter().zip(bodies) {
        let body = body.expect("a body");
        let key = key("p", name);
        commit(&*store, vec![Write::Insert { key, body }]).await;
    }
    let all = list_all(&*store, &partition, &RowRange::all())
        .await
        .expect("a listing");
    assert_eq!(all.len(), 2);
    for entity in all {
        let read = stored(&*store, &entity.key).await;
        assert_eq!(read.as_ref(), Some(&entity));
        let layouts = [(1, "0.1.0"), (u32::MAX, "9.9.9-later+x")];
        assert!(layouts.contains(&(entity.body.layout(), entity.body.program())));
        commit_etag(&*store, replace(&entity.key, "next", &entity.etag)).await;
    }
}

/// No page is longer than a thousand, and all pages together are whole.
pub async fn more_rows_than_a_page_are_listed(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let partition = key("p", "r").partition;
    let names: Vec<String> = (0..MAX_PAGE + 5).map(|n| format!("{n:05}")).collect();
    for chunk in names.chunks(MAX_TRANSACTION_WRITES) {
        let writes = chunk.iter().map(|name| insert(&key("p", name), "x"));
        commit(&*store, writes.collect()).await;
    }
    let all = RowRange::all();
    let page = store.list(&partition, &all, usize::MAX, None);
    let page = page.await.expect("a page");
    assert!(page.entities.len() <= MAX_PAGE && page.next.is_some());
    assert_eq!(rows(&*store, &partition, &all).await, names);
}

/// Pages of any size give each row once.
pub async fn continuation_gives_each_row_once(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let writes = (0..25).map(|n| insert(&key("p", &format!("{n:02}")), "x"));
    commit(&*store, writes.collect()).await;
    let partition = key("p", "r").partition;
    let to = row(&["20"]);
    let range = RowRange::between(None, Some(&to));
    for limit in [0, 1, 3, 19, 20, 21, 1_000, usize::MAX] {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = store
                .list(&partition, &range, limit, after.as_ref())
                .await
                .expect("a page");
            assert!(page.entities.len() <= limit.max(1));
            seen.extend(page.entities.into_iter().map(|entity| entity.key.row));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let expected: Vec<Row> = (0..20).map(|n| row(&[&format!("{n:02}")])).collect();
        assert_eq!(seen, expected, "with pages of {limit}");
    }
}

/// A delete of the last row seen, or inserts before it, do not make a listing repeat or skip.
pub async fn writes_between_pages_repeat_nothing(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let partition = key("p", "r").partition;
    for name in ["b", "d", "f", "h"] {
        commit_etag(&*store, insert(&key("p", name), name)).await;
    }
    let first = store
        .list(&partition, &RowRange::all(), 2, None)
        .await
        .expect("a page");
    let next = first.next.expect("more rows");
    let last = first.entities.last().expect("a row").key.clone();
    let version = stored(&*store, &last).await.expect("the last row").etag;
    commit(
        &*store,
        vec![
            delete(&last, &version),
            insert(&key("p", "a"), "a"),
            insert(&key("p", "aa"), "aa"),
        ],
    )
    .await;
    let mut rest = Vec::new();
    let mut after = Some(next);
    while let Some(position) = after {
        let page = store
            .list(&partition, &RowRange::all(), 2, Some(&position))
            .await
            .expect("a page");
        rest.extend(page.entities.into_iter().map(|entity| entity.key.row));
        after = page.next;
    }
    let seen = first.entities.iter().map(|entity| entity.key.row.clone());
    let all: Vec<Row> = seen.chain(rest).collect();
    assert_eq!(all, [row(&["b"]), row(&["d"]), row(&["f"]), row(&["h"])]);
}
