//! Sizes, numbers and odd characters.

use super::{Fixture, commit, insert, key, stored_text, text};
use crate::body::MAX_BODY_UNITS;
use crate::key::{Key, MAX_KEY_CHARS, Partition, Row};
use crate::range::RowRange;
use crate::store::list_all;
use crate::transaction::{MAX_TRANSACTION_WRITES, Transaction};

/// The largest transaction by number commits whole.
pub async fn hundred_writes_in_one_transaction(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let writes: Vec<_> = (0..MAX_TRANSACTION_WRITES)
        .map(|n| insert(&key("p", &format!("{n:03}")), &n.to_string()))
        .collect();
    commit(&*store, writes).await;
    let partition = key("p", "r").partition;
    let all = list_all(&*store, &partition, &RowRange::all())
        .await
        .expect("a listing");
    assert_eq!(all.len(), MAX_TRANSACTION_WRITES);
}

/// The largest document, of characters outside the basic plane, which no split may tear apart.
pub async fn large_document_survives(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    // One character of one unit in front puts every pair across an even boundary. The quotes of
    // the JSON text are two units more.
    let pairs = (MAX_BODY_UNITS - 3) / 2;
    let contents = format!("a{}", "\u{1F600}".repeat(pairs));
    assert!(text(&contents).units() > MAX_BODY_UNITS - 2);
    let key = key("p", "r");
    commit(&*store, vec![insert(&key, &contents)]).await;
    assert!(stored_text(&*store, &key).await.as_deref() == Some(contents.as_str()));
}

/// The largest transaction by bytes, of documents that grow when escaped.
pub async fn many_large_documents_at_once(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let contents = "é".repeat(60_000);
    let mut writes = Vec::new();
    let mut fitting = Vec::new();
    while Transaction::new(writes.clone()).is_ok() || writes.is_empty() {
        fitting.clone_from(&writes);
        writes.push(insert(&key("p", &writes.len().to_string()), &contents));
    }
    assert!(fitting.len() > 5);
    let keys: Vec<Key> = fitting.iter().map(|write| write.key().clone()).collect();
    commit(&*store, fitting).await;
    for key in keys {
        assert!(stored_text(&*store, &key).await.as_deref() == Some(contents.as_str()));
    }
}

/// Keys of characters that addresses, filters and bad clients misread.
pub async fn odd_keys_survive(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let longest = "k".repeat(MAX_KEY_CHARS);
    let odd = [
        "%",
        "%25",
        "%2F",
        "a/b",
        "a\\b",
        "#",
        "?",
        "a b",
        "a+b",
        "'",
        "''",
        "\"",
        "&",
        "=",
        "!",
        "~",
        "~7e",
        "..",
        ".",
        "é",
        "日本語",
        "\u{1F600}",
        "\u{0}",
        "\u{1f}",
        "\u{7f}",
        "\u{85}",
        "\t\r\n",
        "CON",
        "a,b;c:d",
        "$batch",
        "{}",
        "()",
        longest.as_str(),
    ];
    for text in odd {
        let key = key(text, text);
        commit(&*store, vec![insert(&key, text)]).await;
        assert_eq!(stored_text(&*store, &key).await.as_deref(), Some(text));
        let all = list_all(&*store, &key.partition, &RowRange::starting_with(text))
            .await
            .expect("a listing");
        assert_eq!(all.len(), 1, "one entity in the partition of {text:?}");
        assert_eq!(all[0].key.row.parts(), [text]);
    }
    let parts = ["a!b", "%", "0001"];
    let key = Key::new(
        Partition::of(&parts).expect("a partition"),
        Row::of(&parts).expect("a row"),
    );
    commit(&*store, vec![insert(&key, "parts")]).await;
    assert_eq!(stored_text(&*store, &key).await.as_deref(), Some("parts"));
}

/// Documents of characters that JSON and XML misread.
pub async fn odd_text_survives(fixture: &dyn Fixture) {
    let store = fixture.open().await;
    let odd = [
        "",
        " ",
        "\u{0}",
        "\u{b}\u{c}\u{1f}",
        "\u{2028}\u{2029}",
        "\u{feff}x",
        "\u{fffe}",
        "\u{ffff}",
        "\r\n",
        "\\u0000",
        "\"",
        "2026-01-01T00:00:00Z",
        "\u{1F600}",
    ];
    for (n, text) in odd.into_iter().enumerate() {
        let key = key("p", &n.to_string());
        commit(&*store, vec![insert(&key, text)]).await;
        assert_eq!(stored_text(&*store, &key).await.as_deref(), Some(text));
    }
}
