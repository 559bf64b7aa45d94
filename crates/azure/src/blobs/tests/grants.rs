//! What clusters are given, and what they cannot do with it.

use azure_core::Bytes;
use azure_core::error::ErrorKind;
use azure_core::time::{Duration, OffsetDateTime};
use azure_storage_common::models::UserDelegationKey;
use kusto_copy_staging::contract::Fixture;
use kusto_copy_staging::{Lake, ObjectName, StorageUri};

use super::fixture::{Entrance, InAzurite, in_azurite, prefix};
use crate::access::Secret;
use crate::blobs::grants::{Area, Grant, Purpose, Rights, Terms, delegate};
use crate::blobs::{BlobLake, Staging, StagingAccess, service_sas, turn};
use crate::location::Location;

const ATTEMPT: &str = "j/t/i/b/a001";

/// The service's refusal: 403, as clusters report it.
fn refused<T>(answer: azure_core::Result<T>, what: &str) {
    let error = answer.err().unwrap_or_else(|| panic!("{what} was allowed"));
    let status = error.http_status().map(u16::from);
    assert_eq!(status, Some(403), "{what}: {error}");
}

async fn target(lake: &BlobLake) -> StorageUri {
    let mut targets = lake
        .export_targets(&prefix(ATTEMPT))
        .await
        .expect("targets");
    assert_eq!(targets.len(), 1);
    targets.remove(0)
}

async fn an_export_writes_and_does_not_delete(fixture: InAzurite) {
    let lake = fixture.single().await;
    let target = target(&lake).await;
    assert!(target.expose().contains("sp=racwl"), "{target}");
    let file = fixture.export(&target, "x.csv.gz", b"rows").await;
    let blob = fixture.cluster(&target, "/x.csv.gz");
    refused(blob.delete(None).await, "deleting");

    // Nor does it open anything but its container.
    let other = format!(
        "{}-2/x.csv.gz",
        fixture.home.split("/west").next().expect("a container")
    );
    let lake = BlobLake::new(
        fixture.place(other.rsplit_once('/').expect("a place").0),
        Vec::new(),
        Staging::default(),
        &fixture.transport(),
    );
    lake.expect("a lake").prepare().await.expect("a container");
    fixture.write(&other, b"strange").await;
    let access = target
        .expose()
        .split_once('?')
        .expect("access")
        .1
        .to_owned();
    let stranger = fixture.client(format!("{other}?{access}").parse().expect("an address"));
    refused(stranger.download(None).await, "reading another container");
    let body = Bytes::from_static(b"x");
    refused(
        stranger.upload(body.into(), None).await,
        "writing to another container",
    );
    assert!(file.ends_with(&format!("{ATTEMPT}/x.csv.gz")));
}

#[tokio::test]
async fn an_export_writes_and_does_not_delete_by_key() {
    an_export_writes_and_does_not_delete(in_azurite!(Key)).await;
}

#[tokio::test]
async fn an_export_writes_and_does_not_delete_by_token() {
    an_export_writes_and_does_not_delete(in_azurite!(Token)).await;
}

async fn an_ingestion_reads_its_file_alone(fixture: InAzurite) {
    let lake = fixture.single().await;
    let target = target(&lake).await;
    let file = fixture.export(&target, "x.csv.gz", b"rows").await;
    let sibling = fixture.export(&target, "y.csv.gz", b"others").await;
    let uri = lake
        .ingest_uri(&file, &prefix(ATTEMPT))
        .await
        .expect("an address");
    assert_eq!(uri.address(), file);
    assert_eq!(fixture.ingest(&uri).await, b"rows");

    let access = uri.expose().split_once('?').expect("access").1.to_owned();
    assert!(
        access.contains("sr=b") && access.contains("sp=r&"),
        "not the least of rights"
    );
    let other = fixture.client(format!("{sibling}?{access}").parse().expect("an address"));
    refused(other.download(None).await, "reading another file");
    let own = fixture.cluster(&uri, "");
    let body = Bytes::from_static(b"x");
    refused(own.upload(body.into(), None).await, "writing");
    refused(own.delete(None).await, "deleting");
}

#[tokio::test]
async fn an_ingestion_reads_its_file_alone_by_key() {
    an_ingestion_reads_its_file_alone(in_azurite!(Key)).await;
}

#[tokio::test]
async fn an_ingestion_reads_its_file_alone_by_token() {
    an_ingestion_reads_its_file_alone(in_azurite!(Token)).await;
}

fn a_day_ago() -> OffsetDateTime {
    OffsetDateTime::now_utc() - Duration::days(1)
}

#[tokio::test]
async fn an_expired_signature_is_refused() {
    for entrance in [Entrance::Key, Entrance::Token] {
        let Some(fixture) = InAzurite::new(entrance) else {
            return;
        };
        let mut lake = fixture.single().await;
        lake.now = a_day_ago;
        let late = target(&lake).await;
        let body = Bytes::from_static(b"x");
        let blob = fixture.cluster(&late, "/x.csv.gz");
        refused(blob.upload(body.into(), None).await, "writing too late");
    }
}

#[tokio::test]
async fn a_given_signature_is_handed_on() {
    let fixture = in_azurite!(Signature);
    let lake = fixture.single().await;
    let crate::Access::Sas(own) = fixture.access(lake.home.location().account()) else {
        panic!("no signature");
    };
    let target = target(&lake).await;
    // It is made anew with a later end for each call; all before that is the same.
    let fixed = own
        .expose()
        .split("&se=")
        .next()
        .expect("its beginning")
        .to_owned();
    assert!(target.expose().contains(&fixed), "{target}");
}

fn offline(staging: StagingAccess) -> BlobLake {
    let place = |address| {
        let location = Location::parse(address).expect("a place").location;
        let access = crate::testing::unsigned();
        (location, access)
    };
    let staging = Staging {
        access: staging,
        ..Staging::default()
    };
    BlobLake::new(
        place("https://acct1.blob.core.windows.net/lake/a"),
        vec![place("https://acct2.dfs.core.windows.net/lake")],
        staging,
        &crate::transport::transport(),
    )
    .expect("a lake")
}

#[tokio::test]
async fn the_clusters_own_identities_need_no_signature() {
    for (words, suffix) in [
        ("impersonate", ";impersonate"),
        ("managed-identity=system", ";managed_identity=system"),
        (
            "managed-identity=AB1F708D-50F6-404C-A006-D71B2AC7A606",
            ";managed_identity=ab1f708d-50f6-404c-a006-d71b2ac7a606",
        ),
    ] {
        let lake = offline(words.parse().expect("a kind of access"));
        let mut targets: Vec<String> = lake
            .export_targets(&prefix(ATTEMPT))
            .await
            .expect("targets")
            .iter()
            .map(StorageUri::expose)
            .collect();
        targets.sort_unstable();
        let expected = [
            format!("https://acct1.blob.core.windows.net/lake/a/{ATTEMPT}{suffix}"),
            format!("https://acct2.blob.core.windows.net/lake/{ATTEMPT}{suffix}"),
        ];
        assert_eq!(targets, expected);
        let file = format!("https://acct2.blob.core.windows.net/lake/{ATTEMPT}/x.csv.gz");
        let uri = lake
            .ingest_uri(&file, &prefix(ATTEMPT))
            .await
            .expect("an address");
        assert_eq!(uri.expose(), format!("{file}{suffix}"));
        // What a cluster reports may carry it.
        let uri = lake
            .ingest_uri(&uri.expose(), &prefix(ATTEMPT))
            .await
            .expect("an address");
        assert_eq!(uri.address(), file);
    }
    for words in [
        "",
        "Sas",
        "managed-identity",
        "managed-identity=",
        "managed-identity=me;x",
    ] {
        assert!(words.parse::<StagingAccess>().is_err(), "{words}");
    }
    assert_eq!("sas".parse(), Ok(StagingAccess::Sas));
}

#[test]
fn places_take_turns() {
    let mut first = [0; 3];
    for attempt in 0..300 {
        first[turn(&prefix(&format!("j/t/i/b/a{attempt}")), 3)] += 1;
    }
    assert!(first.iter().all(|times| *times > 60), "{first:?}");
    assert_eq!(turn(&prefix("j"), 1), 0);
}

/// A key as the service would delegate it.
fn delegated(now: OffsetDateTime) -> UserDelegationKey {
    UserDelegationKey {
        signed_oid: Some("oid".to_owned()),
        signed_tid: Some("tid".to_owned()),
        signed_start: Some(now),
        signed_expiry: Some(now + Duration::days(1)),
        signed_service: Some("b".to_owned()),
        signed_version: Some("2025-11-05".to_owned()),
        value: Some(b"key".to_vec()),
        ..UserDelegationKey::default()
    }
}

/// Azurite knows no signatures for folders, so their form alone is shown here.
#[test]
fn a_hierarchical_namespace_opens_one_folder_alone() {
    let now = OffsetDateTime::now_utc();
    let location = Location::parse("abfss://lake@acct1.dfs.core.windows.net/west");
    let location = location.expect("a lake").location;
    let attempt = prefix(ATTEMPT);
    let grant = Grant {
        account: location.account(),
        container: location.container(),
        area: Area::of(&location, Purpose::Export(&attempt)),
        rights: Rights::Write,
        window: Terms::new(Staging::default()).window(now),
        encrypted: true,
    };
    assert_eq!(grant.area, Area::Folder(format!("west/{ATTEMPT}")));
    let by_token = delegate(&grant, &delegated(now)).expect("a signature");
    let by_key = service_sas::sign(&grant, &Secret::new("a2V5")).expect("a signature");
    for query in [by_token, by_key] {
        for part in ["sr=d", "sdd=6", "sp=racwl", "spr=https", "sig="] {
            assert!(query.contains(part), "{part} in {query}");
        }
    }
    let name = ObjectName::new("j/x").expect("a name");
    let area = Area::of(&location, Purpose::Ingest(&name));
    assert_eq!(area, Area::Blob("west/j/x".to_owned()));
}

#[test]
fn signatures_hold_from_before_now_for_their_lifetime() {
    let now = OffsetDateTime::now_utc();
    let window = Terms::new(Staging::default()).window(now);
    assert_eq!(now - window.start, Duration::minutes(15));
    assert_eq!(window.expiry - now, Duration::hours(3));
}

#[test]
fn a_key_that_lacks_a_part_signs_nothing() {
    let now = OffsetDateTime::now_utc();
    let grant = Grant {
        account: "acct1",
        container: "lake",
        area: Area::Container,
        rights: Rights::Write,
        window: Terms::new(Staging::default()).window(now),
        encrypted: true,
    };
    let key = UserDelegationKey {
        value: None,
        ..delegated(now)
    };
    let error = delegate(&grant, &key).expect_err("no key");
    assert_eq!(*error.kind(), ErrorKind::DataConversion);
}
