//! Our own small objects.

use std::sync::Arc;

use super::{Fixture, name, names, prefix};
use crate::error::LakeError;
use crate::lake::{MAX_OBJECT_BYTES, Put};

/// The first contents stay, and the answer tells an equal repeat from a different one.
pub async fn put_never_replaces(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let name = name("job/ledger/0001.json");
    let put = |contents: &'static [u8]| lake.put_if_absent(&name, contents);
    assert_eq!(put(b"one").await.expect("a put"), Put::Created);
    assert_eq!(put(b"one").await.expect("a put"), Put::Identical);
    assert_eq!(put(b"two").await.expect("a put"), Put::Different);
    assert_eq!(put(b"").await.expect("a put"), Put::Different);
    let other = fixture.open().await;
    let stored = other.get(&name).await.expect("a read");
    assert_eq!(stored.as_deref(), Some(&b"one"[..]));
}

/// Of writers with different contents exactly one creates; those that agree with it are told so.
pub async fn one_of_two_writers_wins(fixture: &dyn Fixture) {
    let lakes = [fixture.open().await, fixture.open().await];
    for round in 0..10 {
        let name = name(&format!("job/race/{round}/object"));
        let puts: Vec<_> = (0..6_usize)
            .map(|n| {
                let (lake, name) = (Arc::clone(&lakes[n % 2]), name.clone());
                let contents = vec![b'a' + u8::try_from(n % 3).unwrap_or(0); 10_000];
                tokio::spawn(async move {
                    let put = lake.put_if_absent(&name, &contents).await.expect("a put");
                    (put, contents)
                })
            })
            .collect();
        let mut answers = Vec::new();
        for put in puts {
            answers.push(put.await.expect("a finished task"));
        }
        let stored = lakes[0]
            .get(&name)
            .await
            .expect("a read")
            .expect("the object");
        let created = answers
            .iter()
            .filter(|(put, _)| *put == Put::Created)
            .count();
        assert_eq!(created, 1);
        for (put, contents) in answers {
            assert_eq!(contents == stored, put != Put::Different);
        }
    }
}

/// What is not there reads as nothing, lists as nothing and is deleted as nothing.
pub async fn absent_things_are_no_errors(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    assert_eq!(
        lake.get(&name("no/such/object")).await.expect("a read"),
        None
    );
    assert!(names(&*lake, "no/such").await.is_empty());
    let deleted = lake
        .delete_prefix(&prefix("no/such"))
        .await
        .expect("a delete");
    assert_eq!(deleted.objects, 0);
    let put = lake
        .put_if_absent(&name("a/b/c"), b"")
        .await
        .expect("a put");
    assert_eq!(put, Put::Created);
    assert_eq!(
        lake.get(&name("a/b/c")).await.expect("a read"),
        Some(Vec::new())
    );
    // A folder is no object.
    assert_eq!(lake.get(&name("a/b")).await.expect("a read"), None);
}

/// A manifest of many thousand files, byte for byte.
pub async fn large_object_survives(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let contents: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let name = name("job/manifest.json");
    let put = lake.put_if_absent(&name, &contents).await.expect("a put");
    assert_eq!(put, Put::Created);
    let stored = lake.get(&name).await.expect("a read");
    assert!(stored == Some(contents));
}

/// Above the limit nothing is written.
pub async fn too_large_object_is_refused(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let length = usize::try_from(MAX_OBJECT_BYTES).expect("a length") + 1;
    let name = name("job/too-large");
    let refused = lake.put_if_absent(&name, &vec![0; length]).await;
    assert!(matches!(refused, Err(LakeError::TooLarge { bytes, .. }) if bytes == length as u64));
    assert_eq!(lake.get(&name).await.expect("a read"), None);
}

/// A listing has everything below its prefix once, and nothing that merely begins alike.
pub async fn listing_is_in_order_and_complete(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    for text in [
        "p/b",
        "p/a/2",
        "p/a/1",
        "p/a.x",
        "p2/a",
        "p/a/deep/er/x",
        "q",
    ] {
        let put = lake
            .put_if_absent(&name(text), b"12345")
            .await
            .expect("a put");
        assert_eq!(put, Put::Created);
    }
    assert_eq!(
        names(&*lake, "p").await,
        ["p/a.x", "p/a/1", "p/a/2", "p/a/deep/er/x", "p/b"]
    );
    assert_eq!(
        names(&*lake, "p/a").await,
        ["p/a/1", "p/a/2", "p/a/deep/er/x"]
    );
    let listed = lake.list(&prefix("p2")).await.expect("a listing");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].bytes, 5);
    assert!(
        names(&*lake, "q").await.is_empty(),
        "an object is no prefix"
    );
}
