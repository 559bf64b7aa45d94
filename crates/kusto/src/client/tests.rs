//! Every status and shape of error against a server that answers what a test says.

mod repetition;
mod stub;

use std::sync::Arc;
use std::time::Duration;

use kusto_copy_core::vocabulary::{AttemptTag, ExtentId, Ticks};
use serde_json::json;

use super::{Cluster, ConnectError, Settings};
use crate::commands::operations::OperationState;
use crate::credentials::{CredentialError, NoCredentials, StaticToken};
use crate::error::{Fate, KustoError};
use crate::kql::encoding::Encoding;
use crate::kql::ingest::IngestRequest;
use crate::retry::RetryPolicy;
use crate::secret::Secret;
use crate::uri::ClusterUri;
use crate::{Call, Database};
use stub::{Reply, Stub};

fn settings() -> Settings {
    Settings {
        retry: RetryPolicy {
            sends: 3,
            first_pause: Duration::ZERO,
            longest_pause: Duration::from_secs(1),
        },
        random: Arc::new(|| 0.5),
        largest_answer: 10_000,
        ..Settings::default()
    }
}

fn database(stub: &Stub) -> Database {
    let (uri, _) = ClusterUri::parse(&stub.uri).expect("the stub's address");
    Cluster::connect(uri, Arc::new(NoCredentials), settings())
        .expect("a client")
        .database("My Db")
}

fn call() -> Call {
    Call::new("KC.7f3a9c21.b000017.a003.x\n", "kusto-copy job=j block=17")
}

fn table(columns: &[&str], rows: serde_json::Value) -> Reply {
    let columns: Vec<_> = columns
        .iter()
        .map(|name| json!({"ColumnName": name}))
        .collect();
    Reply::ok(json!({"Tables": [{"TableName": "Table_0", "Columns": columns, "Rows": rows}]}))
}

fn fault(status: u16, code: &str, kind: &str, permanent: bool) -> Reply {
    let error = json!({"error": {"code": code, "@type": kind, "@message": "because",
        "@permanent": permanent}});
    Reply::new(status, &[], &error.to_string())
}

async fn capacity_error(replies: Vec<Reply>) -> (KustoError, usize) {
    let stub = Stub::start(replies).await;
    let error = database(&stub)
        .capacity(&call())
        .await
        .expect_err("an error");
    (error, stub.requests().len())
}

async fn ingest_error(replies: Vec<Reply>) -> (KustoError, usize) {
    let stub = Stub::start(replies).await;
    let tag = AttemptTag::new("kc-7f3a9c21-04e1b6d2-", 7);
    let files = [Secret::new("https://a/b.csv.gz?sig=topsecret")];
    let request = IngestRequest {
        table: "staging",
        encoding: Encoding::Csv,
        files: &files,
        tag: &tag,
        creation_time: Ticks(638_000_000_000_000_001),
    };
    let error = database(&stub)
        .ingest_start(&call(), &request)
        .await
        .expect_err("an error");
    (error, stub.requests().len())
}

#[tokio::test]
async fn a_request_says_who_asks_for_what_and_how_long() {
    let stub = Stub::start(vec![table(
        &["Resource", "Total", "Consumed", "Remaining"],
        json!([["DataExport", 8, 2, 6]]),
    )])
    .await;
    let capacity = database(&stub)
        .capacity(&call())
        .await
        .expect("the capacity");
    assert_eq!(capacity[0].remaining, 6);
    let request = &stub.requests()[0];
    assert_eq!(request.path, "/v1/rest/mgmt");
    assert_eq!(
        request.header("x-ms-client-request-id"),
        "KC.7f3a9c21.b000017.a003.x_"
    );
    assert_eq!(request.header("x-ms-app"), "kusto-copy");
    assert_eq!(request.header("accept"), "application/json");
    assert!(
        request
            .header("x-ms-client-version")
            .starts_with("kusto-copy:")
    );
    assert_eq!(request.header("authorization"), "");
    assert_eq!(request.body["db"], "My Db");
    let options = &request.body["properties"]["Options"];
    assert_eq!(options["request_description"], "kusto-copy job=j block=17");
    assert_eq!(options["servertimeout"], "00:10:00");
}

#[tokio::test]
async fn reads_are_repeated_on_passing_faults_with_ids_of_their_own() {
    let stub = Stub::start(vec![
        fault(429, "TooManyRequests", "", false),
        Reply::Hangup,
        table(&["Resource", "Total", "Consumed", "Remaining"], json!([])),
    ])
    .await;
    assert!(
        database(&stub)
            .capacity(&call())
            .await
            .expect("the third answer")
            .is_empty()
    );
    let ids: Vec<_> = stub
        .requests()
        .iter()
        .map(|r| r.header("x-ms-client-request-id"))
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[1].ends_with(".r1") && ids[2].ends_with(".r2"));
}

#[tokio::test]
async fn repetition_is_bounded_and_spares_permanent_errors() {
    let busy = || fault(520, "ServiceError", "", false);
    let (error, sends) = capacity_error(vec![busy(), busy(), busy(), busy()]).await;
    assert!(
        matches!(error, KustoError::Transient { .. }) && sends == 3,
        "{error} {sends}"
    );
    let (error, sends) = capacity_error(vec![fault(400, "General_BadRequest", "", true)]).await;
    assert!(
        matches!(error, KustoError::Permanent { .. }) && sends == 1,
        "{error} {sends}"
    );
    assert!(
        error
            .to_string()
            .contains("because (General_BadRequest, HTTP 400"),
        "{error}"
    );
}

#[tokio::test]
async fn a_wish_to_wait_long_is_passed_on() {
    let reply = Reply::new(429, &[("Retry-After", "60")], "{}");
    let (error, sends) = capacity_error(vec![reply]).await;
    let KustoError::Throttled { retry_after, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((retry_after, sends), (Some(Duration::from_secs(60)), 1));
}

#[tokio::test]
async fn each_status_has_its_meaning() {
    for (reply, expected) in [
        (fault(401, "", "", true), "Denied"),
        (fault(403, "Forbidden", "", true), "Denied"),
        (fault(404, "", "", true), "NotFound"),
        (
            fault(400, "BadRequest_DatabaseNotExist", "", true),
            "NotFound",
        ),
        (fault(400, "LimitsExceeded", "", false), "Transient"),
        (fault(413, "", "", true), "Permanent"),
        (fault(500, "Internal", "", true), "Permanent"),
        (
            fault(
                503,
                "x",
                "Kusto.DataNode.Exceptions.ControlCommandThrottledException",
                false,
            ),
            "Throttled",
        ),
        (Reply::new(504, &[], "gateway"), "Ambiguous"),
        (
            Reply::new(302, &[("Location", "http://127.0.0.1:1/")], ""),
            "Protocol",
        ),
    ] {
        let shown = format!("{reply:?}");
        let (error, _) = capacity_error(vec![reply.clone(), reply.clone(), reply]).await;
        assert!(
            format!("{error:?}").starts_with(expected),
            "{shown}: {error:?}"
        );
        assert!(!error.remedy().is_empty());
    }
}

#[tokio::test]
async fn an_effect_is_sent_once_whatever_happens() {
    for (reply, fate) in [
        (fault(429, "TooManyRequests", "", false), Fate::NotExecuted),
        (fault(403, "", "", true), Fate::NotExecuted),
        (fault(401, "", "", true), Fate::NotExecuted),
        (fault(400, "General_BadRequest", "", true), Fate::Failed),
        (fault(400, "LowMemoryCondition", "", false), Fate::Failed),
        (fault(503, "", "", false), Fate::Unknown),
        (fault(520, "", "", false), Fate::Unknown),
        (Reply::new(504, &[], ""), Fate::Unknown),
        (Reply::Hangup, Fate::Unknown),
        (Reply::HalfBody, Fate::Unknown),
        (Reply::new(200, &[], "<html>"), Fate::Unknown),
        (Reply::new(200, &[], "{\"Tables\": ["), Fate::Unknown),
        (Reply::new(200, &[], &"x".repeat(20_000)), Fate::Unknown),
        (table(&["Other"], json!([[1]])), Fate::Unknown),
    ] {
        let shown = format!("{reply:?}");
        let (error, sends) = ingest_error(vec![reply.clone(), reply]).await;
        assert_eq!(error.fate(), fate, "{shown}: {error:?}");
        assert_eq!(sends, 1, "{shown}");
    }
}

#[tokio::test]
async fn a_refused_connection_means_not_executed() {
    let stub = Stub::start(vec![]).await;
    let closed = database(&stub);
    drop(stub);
    let error = closed
        .move_now(&call(), "a", "b", &[])
        .await
        .expect_err("nobody listens");
    assert!(matches!(error, KustoError::Unreachable { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::NotExecuted);
}

#[tokio::test]
async fn effects_use_a_connection_of_their_own() {
    let operation = "cb5a1f0e-2222-4b22-9222-000000000001";
    let started = || table(&["OperationId"], json!([[operation]]));
    let none = || {
        table(
            &["OriginalExtentId", "ResultExtentId", "Details"],
            json!([]),
        )
    };
    let stub = Stub::start(vec![none(), none(), started(), started()]).await;
    let database = database(&stub);
    let id = kusto_copy_core::vocabulary::OperationId::parse(operation).expect("a guid");
    for _ in 0..2 {
        database.move_details(&call(), &id).await.expect("no rows");
    }
    for _ in 0..2 {
        assert_eq!(
            database
                .move_start(&call(), "a", "b", &[])
                .await
                .expect("an id"),
            id
        );
    }
    let connections: Vec<_> = stub
        .requests()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(connections[0], connections[1], "reads share one");
    assert!(connections[2] != connections[0] && connections[3] != connections[2]);
}

#[tokio::test]
async fn no_answer_in_time_is_ambiguous_and_not_repeated() {
    let stub = Stub::start(vec![Reply::Silence, Reply::Silence]).await;
    let call = call().within(Duration::from_millis(50));
    let error = database(&stub).capacity(&call).await.expect_err("silence");
    assert!(matches!(error, KustoError::Ambiguous { .. }), "{error:?}");
    assert_eq!(stub.requests().len(), 1);
}

#[tokio::test]
async fn errors_inside_an_answer_of_200_are_found() {
    let partial = Reply::ok(json!({"Tables": [{"Columns": [{"ColumnName": "Path"}],
        "Rows": [["x"], {"Exceptions": ["disk full"]}]}]}));
    let (error, _) = ingest_error(vec![partial]).await;
    assert_eq!(error.fate(), Fate::Failed);
    assert!(error.to_string().contains("disk full"), "{error}");

    let frames = Reply::ok(json!([
        {"FrameType": "DataSetHeader", "Version": "v2.0"},
        {"FrameType": "DataTable", "TableKind": "PrimaryResult", "TableId": 1,
         "Columns": [{"ColumnName": "Count"}], "Rows": [[5]]},
        {"FrameType": "DataSetCompletion", "HasErrors": true, "OneApiErrors": [
            {"error": {"code": "LimitsExceeded", "@permanent": true, "@message": "too much"}}]}
    ]));
    let stub = Stub::start(vec![frames]).await;
    let error = database(&stub)
        .count(&call(), "T")
        .await
        .expect_err("an error");
    assert!(matches!(error, KustoError::Permanent { .. }), "{error:?}");
    assert_eq!(stub.requests()[0].path, "/v2/rest/query");
}

#[tokio::test]
async fn secrets_in_a_message_are_not_repeated() {
    let body = json!({"error": {"@message":
        "cannot read https://a/b.csv.gz?sig=topsecret nor sig=other;", "@permanent": true}});
    let (error, _) = ingest_error(vec![Reply::new(400, &[], &body.to_string())]).await;
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("topsecret") && !shown.contains("sig=other"),
        "{shown}"
    );
}

/// An identity service that is away.
#[derive(Debug)]
struct Away;

#[async_trait::async_trait]
impl crate::Credentials for Away {
    async fn token(&self, _: &ClusterUri, _: bool) -> Result<Option<Secret>, CredentialError> {
        Err(CredentialError {
            reason: "the identity service does not answer".to_owned(),
        })
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_asked_and_no_access_is_said_to_be_denied() {
    let stub = Stub::start(Vec::new()).await;
    let (uri, _) = ClusterUri::parse(&stub.uri).expect("the stub's address");
    let cluster = Cluster::connect(uri, Arc::new(Away), settings()).expect("a client");
    let error = cluster
        .database("d")
        .capacity(&call())
        .await
        .expect_err("no token");
    assert!(matches!(error, KustoError::NoToken { .. }), "{error:?}");
    assert_eq!(error.fate(), Fate::NotExecuted);
    assert_eq!(
        error.to_string(),
        format!(
            "no token could be obtained for cluster {}: the identity service does not answer",
            cluster.uri().authority()
        )
    );
    assert!(error.remedy().contains("az login"));
    assert!(stub.requests().is_empty());
}

#[test]
fn tokens_are_needed_on_https_and_never_sent_in_the_open() {
    let connect = |uri: &str, token: bool| {
        let (uri, _) = ClusterUri::parse(uri).expect("an address");
        let credentials: Arc<dyn crate::Credentials> = if token {
            Arc::new(StaticToken::new(Secret::new("t")))
        } else {
            Arc::new(NoCredentials)
        };
        Cluster::connect(uri, credentials, settings())
    };
    let error = connect("https://x.kusto.windows.net", false).expect_err("no token");
    assert!(matches!(&error, ConnectError::NeedsToken { .. }));
    assert!(error.to_string().contains("KUSTO_COPY_TOKEN"), "{error}");
    let error = connect("http://x.example", true).expect_err("unencrypted");
    assert!(matches!(error, ConnectError::Unencrypted { .. }));
    assert!(connect("http://127.0.0.1:1", false).is_ok());
    assert!(connect("https://x.kusto.windows.net", true).is_ok());
}

#[tokio::test]
async fn the_ingestion_endpoint_is_recognised_by_its_answer() {
    let stub = Stub::start(vec![table(
        &["ProductVersion", "ServiceType"],
        json!([["1", "DataManagement"]]),
    )])
    .await;
    let error = database(&stub)
        .cluster()
        .version(&call())
        .await
        .expect_err("not an engine");
    assert!(error.to_string().contains("leave out `ingest-`"), "{error}");
}

#[tokio::test]
async fn operations_and_extents_are_read_by_name() {
    let id = "CB5A1F0E-2222-4B22-9222-000000000001";
    let stub = Stub::start(vec![
        table(
            &["Status", "OperationId", "State", "ShouldRetry", "New"],
            json!([["bad sig=x", id, "Throttled", 1, {}]]),
        ),
        table(
            &[
                "TableName",
                "Tags",
                "Extents",
                "Rows",
                "Deleted",
                "Bytes",
                "Ids",
            ],
            json!([["s", "kc-1", 1, 5, 0, 10.0, [id]]]),
        ),
    ])
    .await;
    let database = database(&stub);
    let operations = database
        .operations_log(&call(), &[], Ticks(0))
        .await
        .expect("none");
    assert!(operations.is_empty(), "no id, no question");
    let id = kusto_copy_core::vocabulary::OperationId::parse(id).expect("a guid");
    let operations = database
        .operations(&call(), &[id])
        .await
        .expect("operations");
    assert_eq!(operations[0].state, OperationState::Throttled);
    assert_eq!(operations[0].should_retry, Some(true));
    assert_eq!(operations[0].status, "bad sig=***");
    let staged = database.staged(&call(), &["s"]).await.expect("staged");
    let extent = ExtentId::parse("cb5a1f0e-2222-4b22-9222-000000000001").expect("a guid");
    assert_eq!(staged[0].ids, [extent]);
}

#[tokio::test]
async fn one_bad_table_does_not_hide_the_others() {
    let answer = |rows: serde_json::Value| {
        Reply::ok(json!([
            {"FrameType": "DataTable", "TableKind": "PrimaryResult", "TableId": 1,
             "Columns": [{"ColumnName": "Leg"}, {"ColumnName": "Rows"},
                 {"ColumnName": "MinIt"}, {"ColumnName": "MaxIt"}], "Rows": rows},
            {"FrameType": "DataSetCompletion", "HasErrors": false}
        ]))
    };
    let missing = || fault(400, "BadRequest_TableNotExist", "", true);
    let stub = Stub::start(vec![
        missing(),
        missing(),
        answer(json!([[0, 4, null, null]])),
    ])
    .await;
    let window = kusto_copy_core::vocabulary::Window {
        after: None,
        up_to: kusto_copy_core::vocabulary::Cursor("1".to_owned()),
    };
    let windows = database(&stub)
        .windows(&call(), &[("gone", &window), ("here", &window)])
        .await
        .expect("answers");
    assert!(matches!(windows[0], Err(KustoError::NotFound { .. })));
    assert_eq!(windows[1].as_ref().map(|bounds| bounds.rows).ok(), Some(4));
}
