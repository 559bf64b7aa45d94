//! Files that clusters write and read.

use std::collections::BTreeSet;

use super::{Fixture, name, names, prefix};
use crate::error::LakeError;
use crate::lake::{Deleted, Lake, Put};

const FILE: &str = "x_1_d08afcae2f044c1092b279412dcb571b.csv.gz";

/// Exports one file into each target of a prefix and returns what the cluster reports.
async fn export_all(fixture: &dyn Fixture, lake: &dyn Lake, under: &str) -> Vec<String> {
    let targets = lake.export_targets(&prefix(under)).await.expect("targets");
    assert!(!targets.is_empty());
    let mut reported = Vec::new();
    for target in &targets {
        reported.push(fixture.export(target, FILE, under.as_bytes()).await);
    }
    reported
}

/// No two prefixes share a target, and the printed form is the address without access.
pub async fn export_targets_differ_by_prefix(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let mut seen = BTreeSet::new();
    for under in ["j/t/i/b/a001", "j/t/i/b/a002"] {
        for target in lake.export_targets(&prefix(under)).await.expect("targets") {
            assert!(target.address().ends_with(under), "{target}");
            assert!(target.expose().starts_with(target.address()));
            assert!(format!("{target} {target:?}").contains(target.address()));
            assert!(seen.insert(target.address().to_owned()));
        }
    }
}

/// What an export reports can be measured and ingested, now and by another process later.
pub async fn reported_files_are_found(fixture: &dyn Fixture) {
    let under = "j/t/i/b/a001";
    let reported = export_all(fixture, &*fixture.open().await, under).await;
    let lake = fixture.open().await;
    for path in reported {
        let size = lake
            .staged_size(&path, &prefix(under))
            .await
            .expect("a size");
        assert_eq!(size, Some(under.len() as u64));
        let uri = lake
            .ingest_uri(&path, &prefix(under))
            .await
            .expect("an address");
        assert_eq!(fixture.ingest(&uri).await, under.as_bytes());
        let absent = path.replace(FILE, "absent.csv.gz");
        let size = lake
            .staged_size(&absent, &prefix(under))
            .await
            .expect("a size");
        assert_eq!(size, None);
        // The address that we give out is itself one that a cluster may report, also with the
        // access that it was given, which is not handed on.
        for reported in [
            uri.address().to_owned(),
            format!("{}?sig=OLD", uri.address()),
        ] {
            let again = lake.ingest_uri(&reported, &prefix(under)).await;
            let again = again.expect("an address");
            assert_eq!(again.address(), uri.address());
            assert!(!again.expose().contains("OLD"));
        }
    }
}

/// A file outside of the lake, or of another attempt, is refused, whatever its spelling.
pub async fn foreign_files_are_not_ours(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let ours = prefix("j/t/i/b/a001");
    let other = export_all(fixture, &*lake, "j/t/i/b/a0010").await;
    let own = export_all(fixture, &*lake, "j/t/i/b/a001").await;
    let mut refused = fixture.foreign().await;
    refused.extend(other);
    for path in &own {
        let folder = path.strip_suffix(FILE).expect("a folder and a file");
        refused.push(format!("{folder}../a0010/{FILE}"));
        refused.push(format!("{folder}%2e%2e/a0010/{FILE}"));
        refused.push(folder.to_owned());
        refused.push(folder.trim_end_matches('/').to_owned());
        refused.push(format!("x{path}"));
    }
    refused.extend([String::new(), FILE.to_owned(), "j/t/i/b/a001/x".to_owned()]);
    for path in refused {
        let uri = lake.ingest_uri(&path, &ours).await;
        assert!(
            matches!(uri, Err(LakeError::NotOurs { .. })),
            "{path}: {uri:?}"
        );
        let size = lake.staged_size(&path, &ours).await;
        assert!(
            matches!(size, Err(LakeError::NotOurs { .. })),
            "{path}: {size:?}"
        );
    }
}

/// Deleting a prefix takes all below it, in every target, and nothing that begins alike.
pub async fn delete_keeps_to_its_prefix(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let gone = export_all(fixture, &*lake, "j/b/a001").await;
    let kept = export_all(fixture, &*lake, "j/b/a0010").await;
    let sibling = name("j/b/a001.json");
    let put = lake.put_if_absent(&sibling, b"kept").await.expect("a put");
    assert_eq!(put, Put::Created);
    let deleted = lake
        .delete_prefix(&prefix("j/b/a001"))
        .await
        .expect("a delete");
    assert_eq!(deleted.objects, gone.len() as u64);
    assert_eq!(deleted.bytes, (gone.len() * "j/b/a001".len()) as u64);
    for path in gone {
        let size = lake.staged_size(&path, &prefix("j/b/a001")).await;
        assert_eq!(size.expect("a size"), None);
    }
    for path in kept {
        let size = lake.staged_size(&path, &prefix("j/b/a0010")).await;
        assert!(size.expect("a size").is_some());
    }
    assert!(lake.get(&sibling).await.expect("a read").is_some());
    // An object's own name is no prefix.
    let deleted = lake.delete_prefix(&prefix("j/b/a001.json")).await;
    assert_eq!(deleted.expect("a delete"), Deleted::default());
    assert!(lake.get(&sibling).await.expect("a read").is_some());
}

/// Deleting again deletes what came late, and otherwise nothing.
pub async fn delete_is_repeatable(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let under = prefix("j/b/a001");
    for late in 0..2 {
        let files = export_all(fixture, &*lake, "j/b/a001").await.len() as u64;
        let deleted = lake.delete_prefix(&under).await.expect("a delete");
        assert_eq!(deleted.objects, files, "in round {late}");
        let deleted = lake.delete_prefix(&under).await.expect("a delete");
        assert_eq!(deleted, Deleted::default());
    }
}

/// Two that delete at once both succeed, and together they delete all of it.
pub async fn two_may_delete_at_once(fixture: &dyn Fixture) {
    let (one, other) = (fixture.open().await, fixture.open().await);
    let under = prefix("j/b/a001");
    for n in 0..20 {
        let name = name(&format!("j/b/a001/{n}/object"));
        let put = one.put_if_absent(&name, b"x").await.expect("a put");
        assert_eq!(put, Put::Created);
    }
    let both = tokio::join!(one.delete_prefix(&under), other.delete_prefix(&under));
    let (one_deleted, other_deleted) = (both.0.expect("a delete"), both.1.expect("a delete"));
    assert_eq!(one_deleted.objects + other_deleted.objects, 20);
    assert!(names(&*one, "j/b").await.is_empty());
}

/// Objects and staged files of a job are listed and deleted together.
pub async fn staged_and_own_things_share_a_prefix(fixture: &dyn Fixture) {
    let lake = fixture.open().await;
    let files = export_all(fixture, &*lake, "j/b/a001").await.len();
    let put = lake
        .put_if_absent(&name("j/ledger"), b"x")
        .await
        .expect("a put");
    assert_eq!(put, Put::Created);
    let staged = format!("j/b/a001/{FILE}");
    let listed = names(&*lake, "j").await;
    assert_eq!(listed.iter().filter(|name| **name == staged).count(), files);
    assert!(listed.contains(&"j/ledger".to_owned()));
    let deleted = lake.delete_prefix(&prefix("j")).await.expect("a delete");
    assert_eq!(deleted.objects, files as u64 + 1);
    assert!(names(&*lake, "j").await.is_empty());
}
