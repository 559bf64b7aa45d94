//! What is sent again, how often, and what never is.

use std::sync::atomic::{AtomicU32, Ordering};

use kusto_copy_core::vocabulary::OperationId;

use super::*;

/// Gives another token each time that a fresh one is asked for.
#[derive(Debug, Default)]
struct Renewing(AtomicU32);

#[async_trait::async_trait]
impl crate::Credentials for Renewing {
    async fn token(&self, _: &ClusterUri, fresh: bool) -> Result<Option<Secret>, CredentialError> {
        let number = self.0.fetch_add(u32::from(fresh), Ordering::SeqCst) + u32::from(fresh);
        Ok(Some(Secret::new(format!("t{number}"))))
    }
}

fn signed_in(stub: &Stub) -> Database {
    let (uri, _) = ClusterUri::parse(&stub.uri).expect("the stub's address");
    Cluster::connect(uri, Arc::new(Renewing::default()), settings())
        .expect("a client")
        .database("d")
}

fn tokens(stub: &Stub) -> Vec<String> {
    let header = |request: &stub::Request| request.header("authorization");
    stub.requests().iter().map(header).collect()
}

fn revoked() -> Reply {
    fault(401, "", "", true)
}

#[tokio::test]
async fn a_token_that_was_revoked_early_is_renewed_once() {
    let none = || table(&["Resource", "Total", "Consumed", "Remaining"], json!([]));
    let stub = Stub::start(vec![revoked(), none()]).await;
    let capacity = signed_in(&stub).capacity(&call()).await;
    assert!(capacity.expect("the second token").is_empty());
    assert_eq!(tokens(&stub), ["Bearer t0", "Bearer t1"]);

    let stub = Stub::start(vec![revoked(), revoked(), none()]).await;
    let error = signed_in(&stub).capacity(&call()).await;
    assert!(matches!(error, Err(KustoError::Denied { .. })), "{error:?}");
    assert_eq!(stub.requests().len(), 2);
}

/// What was not authenticated was not run: the one case in which an effect is sent again.
#[tokio::test]
async fn an_effect_that_was_not_authenticated_is_sent_with_a_fresh_token() {
    let operation = "cb5a1f0e-2222-4b22-9222-000000000001";
    let started = || table(&["OperationId"], json!([[operation]]));
    let stub = Stub::start(vec![revoked(), started()]).await;
    let id = signed_in(&stub).move_start(&call(), "a", "b", &[]).await;
    let expected = OperationId::parse(operation).expect("a guid");
    assert_eq!(id.expect("started"), expected);
    assert_eq!(tokens(&stub), ["Bearer t0", "Bearer t1"]);

    // Whatever comes after that ends it, and another refusal too.
    for (second, fate) in [
        (revoked(), Fate::NotExecuted),
        (fault(503, "", "", false), Fate::Unknown),
        (Reply::Hangup, Fate::Unknown),
    ] {
        let stub = Stub::start(vec![revoked(), second, started()]).await;
        let sent = signed_in(&stub).move_start(&call(), "a", "b", &[]).await;
        assert_eq!(sent.expect_err("refused").fate(), fate);
        assert_eq!(stub.requests().len(), 2);
    }
}

#[tokio::test]
async fn an_answer_cut_short_is_asked_for_again() {
    for cut in [
        Reply::new(200, &[], ""),
        Reply::new(200, &[], "{\"Tables\": [{\"Columns\": ["),
        Reply::HalfBody,
    ] {
        let none = table(&["Resource", "Total", "Consumed", "Remaining"], json!([]));
        let stub = Stub::start(vec![cut, none]).await;
        let capacity = database(&stub).capacity(&call()).await;
        assert!(capacity.expect("the second answer").is_empty());
        assert_eq!(stub.requests().len(), 2);
    }
}

/// Each of these may have taken an hour of the cluster's time.
#[tokio::test]
async fn what_took_too_long_or_gave_too_much_is_not_asked_again() {
    for reply in [
        fault(504, "RequestExecutionTimeout", "", false),
        Reply::new(504, &[], "<html>Gateway Time-out</html>"),
        fault(400, "LimitsExceeded", "", false),
        fault(
            500,
            "x",
            "Kusto.DataNode.Exceptions.QueryTimeoutException",
            false,
        ),
        Reply::ok(
            json!({"Tables": [], "Exceptions": [{"error": {"code": "Timeout",
            "@message": "the query timed out", "@permanent": false}}]}),
        ),
    ] {
        let shown = format!("{reply:?}");
        let (error, sends) = capacity_error(vec![reply.clone(), reply]).await;
        assert!(error.is_passing(), "{shown}: a caller may ask for less");
        assert_eq!(sends, 1, "{shown}");
    }
}

/// A storage that was busy while a command ran is no word about the command's start.
#[tokio::test]
async fn only_a_refused_start_is_known_not_to_have_run() {
    let storage = "Kusto.Common.Svc.Exceptions.StorageThrottledException";
    let (error, _) = ingest_error(vec![fault(400, "x", storage, false)]).await;
    assert_eq!(error.fate(), Fate::Failed, "{error:?}");
    for kind in [
        "Kusto.DataNode.Exceptions.ControlCommandThrottledException",
        "Kusto.DataNode.Exceptions.KustoRequestThrottledException",
        "Kusto.DataNode.Exceptions.QuotaExceededException",
    ] {
        let (error, _) = ingest_error(vec![fault(400, "x", kind, false)]).await;
        assert_eq!(error.fate(), Fate::NotExecuted, "{error:?}");
    }
}

#[tokio::test]
async fn no_secret_is_in_what_results_say() {
    let words = "cannot read https://a/b.csv.gz?sig=topsecret";
    let stub = Stub::start(vec![
        table(
            &["OriginalExtentId", "ResultExtentId", "Details"],
            json!([["cb5a1f0e-2222-4b22-9222-000000000001", "Failed", words]]),
        ),
        table(&["ResultExtentId", "Details"], json!([["Failed", words]])),
        table(
            &["CommandType", "State", "FailureReason"],
            json!([["IngestIntoTable", "Failed", words]]),
        ),
    ])
    .await;
    let database = database(&stub);
    let tag = AttemptTag::new("kc-", 1);
    let shown = format!(
        "{:?} {:?} {:?}",
        database.move_now(&call(), "a", "b", &[]).await,
        database.drop_tags_now(&call(), "a", &[tag], None).await,
        database.find_commands(&call(), "KC.1", Ticks(0)).await,
    );
    assert_eq!(shown.matches("sig=***").count(), 3, "{shown}");
    assert!(!shown.contains("topsecret"), "{shown}");
}
