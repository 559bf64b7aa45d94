//! What the service's refusals become, and that nothing in them grants access.

use std::error::Error as _;
use std::time::Duration;

use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{RawResponse, StatusCode};
use kusto_copy_azurite::ACCOUNT;
use kusto_copy_staging::{Lake, LakeError, ObjectName, Put};

use super::fixture::{InAzurite, in_azurite, prefix};
use crate::access::{Access, Secret};
use crate::blobs::errors::{Doing, lake_error};
use crate::blobs::{BlobLake, Staging};
use crate::location::Location;
use crate::testing::unsigned;

fn answered(status: u16, code: &str) -> Error {
    let mut headers = Headers::new();
    headers.insert("retry-after", "7");
    let status = StatusCode::from(status);
    let response = RawResponse::from_bytes(status, headers, "<Error>sig=SECRET</Error>");
    ErrorKind::HttpResponse {
        status,
        error_code: Some(code.to_owned()),
        raw_response: Some(Box::new(response)),
    }
    .into_error()
}

fn told(access: &Access, doing: Doing, error: &Error) -> LakeError {
    let location = Location::parse("https://acct1.blob.core.windows.net/lake/a");
    lake_error(&location.expect("a lake").location, access, doing, error)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(&format!(" {source} {source:?}"));
        next = source.source();
    }
    text
}

#[test]
fn a_refusal_names_what_is_missing() {
    let token = unsigned();
    let key = Access::shared_key("acct1", Secret::new("a2V5")).expect("a key");
    let sas = Access::sas("sp=r&sig=SECRET").expect("a signature");
    for (access, doing, code, words) in [
        (
            &token,
            Doing::Write,
            "AuthorizationPermissionMismatch",
            "the role Storage Blob Data Contributor",
        ),
        (
            &token,
            Doing::Delegate,
            "AuthorizationPermissionMismatch",
            "the role Storage Blob Delegator",
        ),
        (&token, Doing::Read, "AuthorizationFailure", "network rules"),
        (
            &key,
            Doing::Read,
            "AuthenticationFailed",
            "the account's key is wrong",
        ),
        (
            &key,
            Doing::Read,
            "KeyBasedAuthenticationNotPermitted",
            "takes no keys",
        ),
        (
            &sas,
            Doing::Delete,
            "AuthorizationPermissionMismatch",
            "it needs racwdl",
        ),
        (
            &sas,
            Doing::List,
            "AuthenticationFailed",
            "wrong or has expired",
        ),
        (
            &sas,
            Doing::List,
            "AuthorizationSourceIPMismatch",
            "network rules",
        ),
    ] {
        let error = told(access, doing, &answered(403, code));
        assert!(matches!(error, LakeError::Denied { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(words), "{text}");
        assert!(
            text.contains("https://acct1.blob.core.windows.net/lake/a"),
            "{text}"
        );
        let chain = chain(&error);
        assert!(chain.contains(code) && !chain.contains("SECRET"), "{chain}");
    }
}

#[test]
fn what_passes_by_itself_is_told_from_what_does_not() {
    let token = unsigned();
    for (status, code) in [
        (503, "ServerBusy"),
        (429, "x"),
        (500, "InternalError"),
        (409, "ContainerBeingDeleted"),
    ] {
        let error = told(&token, Doing::Read, &answered(status, code));
        let LakeError::Unavailable { retry_after, .. } = error else {
            panic!("{status}: {error:?}");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(7)));
    }
    for kind in [ErrorKind::Io, ErrorKind::Connection] {
        let error = told(&token, Doing::Read, &Error::with_message(kind, "lost"));
        assert!(error.is_unavailable(), "{error:?}");
        assert!(chain(&error).contains("lost"), "{error:?}");
    }
    let error = told(
        &token,
        Doing::Read,
        &Error::with_message(ErrorKind::Credential, "nobody"),
    );
    assert!(error.to_string().contains("az login"), "{error}");
    let away = Error::with_message(ErrorKind::Connection, "refused");
    let away = Error::with_error(ErrorKind::Credential, away, "no token");
    let error = told(&token, Doing::Read, &away);
    assert!(error.is_unavailable(), "{error:?}");
    for (status, code) in [
        (400, "InvalidInput"),
        (409, "BlobImmutableDueToPolicy"),
        (404, "AccountNotFound"),
    ] {
        let error = told(&token, Doing::Write, &answered(status, code));
        assert!(matches!(error, LakeError::Failed { .. }), "{error:?}");
        assert!(chain(&error).contains(code), "{error:?}");
    }
}

fn with(fixture: &InAzurite, access: Access) -> BlobLake {
    let home = (fixture.place(&fixture.home).0, access);
    BlobLake::new(home, Vec::new(), Staging::default(), &fixture.transport()).expect("a lake")
}

#[tokio::test]
async fn a_stranger_learns_nothing_and_what_to_do() {
    let fixture = in_azurite!(Key);
    fixture.lake().await;
    let wrong = Access::shared_key(ACCOUNT, Secret::new("d3Jvbmc=")).expect("a key");
    let sas = "sv=2020-12-06&ss=b&srt=sco&sp=rl&se=2099-01-01T00:00:00Z&sig=dG9wc2VjcmV0";
    let forged = Access::sas(sas).expect("a signature");
    for access in [wrong, forged] {
        let lake = with(&fixture, access);
        let name = ObjectName::new("j/x").expect("a name");
        for error in [
            lake.get(&name).await.expect_err("no right"),
            lake.put_if_absent(&name, b"x").await.expect_err("no right"),
            lake.delete_prefix(&prefix("j"))
                .await
                .expect_err("no right"),
            lake.prepare().await.expect_err("no right"),
        ] {
            assert!(matches!(error, LakeError::Denied { .. }), "{error:?}");
            let chain = chain(&error);
            assert!(
                !chain.contains("dG9w") && !chain.contains("d3Jvbmc"),
                "{chain}"
            );
        }
        let printed = format!("{lake:?} {lake:#?}");
        assert!(
            !printed.contains("dG9w") && !printed.contains("d3Jvbmc"),
            "{printed}"
        );
    }
}

/// A signature for the container without the right to delete, which is what clusters get.
#[tokio::test]
async fn a_signature_that_lacks_a_right_is_told_which_it_needs() {
    let fixture = in_azurite!(Key);
    let whole = fixture.single().await;
    let targets = whole.export_targets(&prefix("j")).await.expect("targets");
    let query = targets[0].expose();
    let query = query.split_once('?').expect("access").1;
    let lake = with(&fixture, Access::sas(query).expect("a signature"));
    lake.prepare().await.expect("a container that is there");
    let name = ObjectName::new("j/x").expect("a name");
    let put = lake.put_if_absent(&name, b"x").await.expect("a put");
    assert_eq!(put, Put::Created);
    assert!(lake.get(&name).await.expect("a read").is_some());
    let error = lake
        .delete_prefix(&prefix("j"))
        .await
        .expect_err("no right");
    assert!(matches!(error, LakeError::Denied { .. }), "{error:?}");
    assert!(error.to_string().contains("it needs racwdl"), "{error}");
    assert!(lake.get(&name).await.expect("a read").is_some());
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    drop(listener);
    let address = format!("http://127.0.0.1:{port}/devstoreaccount1/lake?sv=1&sig=SECRET");
    let read = Location::parse(&address).expect("a lake");
    let access = read.access.expect("access");
    let transport = crate::transport::transport();
    let home = (read.location, access);
    let lake = BlobLake::new(home, Vec::new(), Staging::default(), &transport).expect("a lake");
    let error = lake.list(&prefix("j")).await.expect_err("nobody listens");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(error.source().is_some());
    let chain = chain(&error);
    assert!(!chain.contains("SECRET"), "{chain}");
}

#[test]
fn a_token_does_not_travel_in_the_open() {
    let location = Location::parse("http://127.0.0.1:1/devstoreaccount1/lake");
    let home = (location.expect("a lake").location, unsigned());
    let transport = crate::transport::transport();
    let lake = BlobLake::new(home, Vec::new(), Staging::default(), &transport);
    let error = lake.expect_err("no encryption");
    assert!(matches!(error, LakeError::Location { .. }), "{error:?}");
    assert!(error.to_string().contains("https://"), "{error}");
}
