//! How many requests there are, and what happens when answers get lost.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request, StatusCode, Transport};
use azure_core::time::{Duration, OffsetDateTime};
use kusto_copy_staging::{Lake, LakeError, ObjectName, Put};

use super::fixture::{in_azurite, prefix};
use crate::blobs::Staging;

/// Counts what passes, and drops some answers.
struct Between {
    inner: Transport,
    keys: AtomicUsize,
    puts: AtomicUsize,
    lose: AtomicUsize,
    /// Turns every request away from here on, and asks for this much patience.
    busy: OnceLock<&'static str>,
    turned_away: AtomicUsize,
}

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

impl Between {
    fn new(inner: Transport) -> Arc<Self> {
        Arc::new(Self {
            inner,
            keys: AtomicUsize::new(0),
            puts: AtomicUsize::new(0),
            lose: AtomicUsize::new(0),
            busy: OnceLock::new(),
            turned_away: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl HttpClient for Between {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        if let Some(patience) = self.busy.get() {
            self.turned_away.fetch_add(1, Ordering::SeqCst);
            let mut headers = Headers::new();
            headers.insert("date", "Sat, 21 Nov 2026 08:00:01 GMT");
            headers.insert("retry-after", *patience);
            headers.insert("x-ms-error-code", "ServerBusy");
            let status = StatusCode::ServiceUnavailable;
            return Ok(AsyncRawResponse::from_bytes(status, headers, ""));
        }
        let answer = self
            .inner
            .send(&azure_core::http::Context::new(), &mut request.clone())
            .await?;
        if request
            .url()
            .query()
            .is_some_and(|query| query.contains("userdelegationkey"))
        {
            self.keys.fetch_add(1, Ordering::SeqCst);
        }
        if request.method() == Method::Put {
            self.puts.fetch_add(1, Ordering::SeqCst);
            let lose = self
                .lose
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                });
            if lose.is_ok() {
                return Err(Error::with_message(ErrorKind::Io, "the answer was lost"));
            }
        }
        Ok(answer)
    }
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_finds_its_own_blob() {
    let fixture = in_azurite!(Key);
    let between = Between::new(fixture.transport());
    let transport = Transport::new(Arc::clone(&between) as Arc<dyn HttpClient>);
    let lake = fixture.lake_with(Staging::default(), &transport).await;
    let name = ObjectName::new("j/ledger/1").expect("a name");
    let before = between.puts.load(Ordering::SeqCst);
    between.lose.store(2, Ordering::SeqCst);
    let put = lake.put_if_absent(&name, b"one").await.expect("a put");
    assert_eq!(put, Put::Identical);
    assert_eq!(between.puts.load(Ordering::SeqCst) - before, 3);
    let put = lake.put_if_absent(&name, b"two").await.expect("a put");
    assert_eq!(put, Put::Different);
    assert_eq!(
        lake.get(&name).await.expect("a read").as_deref(),
        Some(&b"one"[..])
    );
}

/// azure_core would sleep within the call for as long as the service says.
#[tokio::test]
async fn nobody_sleeps_for_as_long_as_a_busy_service_says() {
    let fixture = in_azurite!(Key);
    for patience in ["3600", "Sat, 21 Nov 2026 09:00:01 GMT"] {
        let between = Between::new(fixture.transport());
        let transport = Transport::new(Arc::clone(&between) as Arc<dyn HttpClient>);
        let lake = fixture.lake_with(Staging::default(), &transport).await;
        between.busy.set(patience).expect("not busy before");
        let name = ObjectName::new("j/x").expect("a name");
        let error = lake.get(&name).await.expect_err("a busy service");
        let LakeError::Unavailable { retry_after, .. } = error else {
            panic!("another error: {error:?}");
        };
        assert_eq!(retry_after.map(|asked| asked.as_secs()), Some(3_600));
        assert_eq!(between.turned_away.load(Ordering::SeqCst), 1);
    }
}

fn in_two_hours() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::hours(2)
}

fn in_seven_hours() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::hours(7)
}

#[tokio::test]
async fn one_delegated_key_signs_for_hours() {
    let fixture = in_azurite!(Token);
    let between = Between::new(fixture.transport());
    let transport = Transport::new(Arc::clone(&between) as Arc<dyn HttpClient>);
    let mut lake = fixture.lake_with(Staging::default(), &transport).await;
    let keys = || between.keys.load(Ordering::SeqCst);
    assert_eq!(keys(), 0, "nothing is asked for before it is needed");
    let (one, two) = (prefix("j/1"), prefix("j/2"));
    let both = tokio::join!(lake.export_targets(&one), lake.export_targets(&two));
    assert_eq!(both.0.expect("targets").len(), 3);
    assert_eq!(both.1.expect("targets").len(), 3);
    assert_eq!(keys(), 3, "one for each place");
    let printed = format!("{lake:?}");
    assert!(
        printed.contains("DelegatedKey") && !printed.contains("oid"),
        "{printed}"
    );
    lake.now = in_two_hours;
    lake.export_targets(&one).await.expect("targets");
    assert_eq!(keys(), 3);
    // A signature made then would outlive the key.
    lake.now = in_seven_hours;
    lake.export_targets(&one).await.expect("targets");
    assert_eq!(keys(), 6);
}
