//! Prefixes as wholes: pages, folders, strangers.

use std::collections::HashMap;

use azure_core::Bytes;
use azure_storage_blob::models::BlockBlobClientUploadOptions;
use kusto_copy_staging::{Deleted, Lake, LakeError, ObjectName, Put};

use super::fixture::{InAzurite, in_azurite, prefix};
use crate::blobs::{BlobLake, Staging};

fn name(text: &str) -> ObjectName {
    ObjectName::new(text).expect("a name")
}

async fn put(lake: &BlobLake, text: &str) {
    let put = lake.put_if_absent(&name(text), text.as_bytes()).await;
    assert_eq!(put.expect("a put"), Put::Created);
}

async fn names(lake: &BlobLake, under: &str) -> Vec<String> {
    let listed = lake.list(&prefix(under)).await.expect("a listing");
    listed.into_iter().map(|one| one.name.into()).collect()
}

#[tokio::test]
async fn listings_and_deletes_go_on_over_pages() {
    let fixture = in_azurite!(Key);
    let mut lake = fixture.single().await;
    lake.home.page = 2;
    let mut expected = Vec::new();
    for at in 0..7 {
        let text = format!("j/b/{at}");
        put(&lake, &text).await;
        expected.push(text);
    }
    assert_eq!(names(&lake, "j").await, expected);
    let listed = lake.list(&prefix("j/b")).await.expect("a listing");
    assert!(
        listed
            .iter()
            .all(|one| one.bytes == 5 && one.modified_unix_millis.is_some())
    );
    let deleted = lake.delete_prefix(&prefix("j")).await.expect("a delete");
    assert_eq!(
        deleted,
        Deleted {
            objects: 7,
            bytes: 35
        }
    );
    assert!(names(&lake, "j").await.is_empty());
}

#[tokio::test]
async fn nothing_beside_the_lakes_folder_is_listed_or_deleted() {
    let fixture = in_azurite!(Key);
    let lake = fixture.lake().await;
    let container = fixture
        .home
        .strip_suffix("/west/prod")
        .expect("a folder")
        .to_owned();
    let strangers = [
        format!("{container}/j/x"),
        format!("{container}/west/j/x"),
        format!("{container}/west/prod-2/j/x"),
        format!("{container}/west/prodj/x"),
        format!("{}/jx", fixture.home),
        format!("{}/j", fixture.home),
        format!("{}y/j/x", fixture.further[1]),
    ];
    for stranger in &strangers {
        fixture.write(stranger, b"strange").await;
    }
    put(&lake, "j/x").await;
    assert_eq!(names(&lake, "j").await, ["j/x"]);
    let deleted = lake.delete_prefix(&prefix("j")).await.expect("a delete");
    assert_eq!(
        deleted,
        Deleted {
            objects: 1,
            bytes: 3
        }
    );
    for stranger in &strangers {
        let (place, blob) = stranger.rsplit_once('/').expect("a blob");
        let there = BlobLake::new(
            fixture.place(place),
            Vec::new(),
            Staging::default(),
            &fixture.transport(),
        );
        let found = there.expect("a lake").get(&name(blob)).await;
        assert_eq!(
            found.expect("a read").as_deref(),
            Some(&b"strange"[..]),
            "{stranger}"
        );
    }
}

/// Writes what stands for a folder where the namespace is hierarchical.
async fn folder(lake: &BlobLake, path: &str) {
    let marks = HashMap::from([("hdi_isfolder".to_owned(), "true".to_owned())]);
    let options = BlockBlobClientUploadOptions {
        metadata: Some(marks),
        ..BlockBlobClientUploadOptions::default()
    };
    let blob = lake.home.blob(path);
    let made = blob.upload(Bytes::new().into(), Some(options)).await;
    made.expect("a folder");
}

#[tokio::test]
async fn folders_are_no_files_and_go_with_them() {
    let fixture = in_azurite!(Key);
    let mut lake = fixture.single().await;
    lake.home.make_hierarchical();
    for path in ["j", "j/b", "j/b/a001", "j/c"] {
        folder(&lake, path).await;
    }
    put(&lake, "j/b/a001/x").await;
    assert_eq!(names(&lake, "j").await, ["j/b/a001/x"]);
    let deleted = lake.delete_prefix(&prefix("j/b")).await.expect("a delete");
    assert_eq!(
        deleted,
        Deleted {
            objects: 1,
            bytes: 10
        }
    );
    let gone = |path: &str| lake.home.blob(path);
    for (path, is_there) in [
        ("j", true),
        ("j/c", true),
        ("j/b", false),
        ("j/b/a001", false),
    ] {
        assert_eq!(
            gone(path).exists().await.expect("an answer"),
            is_there,
            "{path}"
        );
    }
    // An object of a prefix's name is no folder.
    put(&lake, "k").await;
    let deleted = lake.delete_prefix(&prefix("k")).await.expect("a delete");
    assert_eq!(deleted, Deleted::default());
    assert!(lake.get(&name("k")).await.expect("a read").is_some());
}

#[tokio::test]
async fn a_missing_container_is_made_or_missed_clearly() {
    let fixture = in_azurite!(Signature);
    let lake = BlobLake::new(
        fixture.place(&fixture.home),
        Vec::new(),
        Staging::default(),
        &fixture.transport(),
    )
    .expect("a lake");
    for error in [
        lake.get(&name("j/x")).await.expect_err("no container"),
        lake.put_if_absent(&name("j/x"), b"x")
            .await
            .expect_err("no container"),
        lake.list(&prefix("j")).await.expect_err("no container"),
        lake.delete_prefix(&prefix("j"))
            .await
            .expect_err("no container"),
    ] {
        let text = error.to_string();
        assert!(matches!(error, LakeError::Failed { .. }), "{error:?}");
        assert!(
            text.contains("container does not exist") && text.contains(&fixture.home),
            "{text}"
        );
    }
    let both = tokio::join!(lake.prepare(), lake.prepare());
    both.0.expect("a container");
    both.1.expect("the same container");
    assert_eq!(lake.get(&name("j/x")).await.expect("a read"), None);
}

fn overlap(fixture: &InAzurite, home: &str, further: &str) -> LakeError {
    BlobLake::new(
        fixture.place(home),
        vec![fixture.place(further)],
        Staging::default(),
        &fixture.transport(),
    )
    .expect_err("an overlap")
}

#[test]
fn places_do_not_lie_in_each_other() {
    let fixture = in_azurite!(Key);
    let one = "http://127.0.0.1:1/devstoreaccount1/lake";
    for other in [one.to_owned(), format!("{one}/x"), format!("{one}/")] {
        for error in [
            overlap(&fixture, one, &other),
            overlap(&fixture, &other, one),
        ] {
            assert!(
                error.to_string().contains("name each place once"),
                "{error}"
            );
        }
    }
    let beside = BlobLake::new(
        fixture.place(one),
        vec![fixture.place(&format!("{one}2"))],
        Staging::default(),
        &fixture.transport(),
    );
    assert!(beside.is_ok());
    for seconds in [0, 7 * 86_400] {
        let staging = Staging {
            sas_lifetime: std::time::Duration::from_secs(seconds),
            ..Staging::default()
        };
        let lake = BlobLake::new(
            fixture.place(one),
            Vec::new(),
            staging,
            &fixture.transport(),
        );
        let error = lake.expect_err("no lifetime").to_string();
        assert!(error.contains("a second to six days"), "{error}");
    }
}
