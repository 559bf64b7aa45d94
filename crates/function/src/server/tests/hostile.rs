//! Whatever comes in, an answer goes out, and it is never empty.

use axum::http::header;
use proptest::prelude::*;

use super::*;

fn method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "OPTIONS", "PURGE"])
}

fn path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/",
        "/advance",
        "/advance-now",
        "/status",
        "/control",
        "/api/status",
        "/api/control",
        "/api/status?format=json",
        "//status",
        "/api//control",
        "/%2e%2e/status",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "/[a-z/%?=&.]{0,20}"]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let payloads = [
        timer(),
        message(&json!({"jobs": [1, null, "a"], "hop": -1})),
        message(&json!({"job": {}, "hop": 1e300})),
        json!({"Data": {"req": {"Method": 1, "Url": [], "Headers": "x", "Query": [1], "Body": 5}}}),
        json!({"Data": {"req": {"Method": "POST", "Url": "?&=&", "Headers": {"content-type":
            ["application/json"]}, "Body": {"job": "a", "action": "pause"}}}}),
        json!({"Data": "\"\"", "Metadata": []}),
        json!({"job": "a", "action": "\u{0}"}),
    ];
    let texts: Vec<Vec<u8>> = payloads
        .iter()
        .map(|payload| payload.to_string().into_bytes())
        .chain([b"[".repeat(100_000), vec![b'9'; 100_000]])
        .collect();
    prop_oneof![
        prop::sample::select(texts),
        prop::collection::vec(any::<u8>(), 0..100),
    ]
}

proptest! {
    #[test]
    fn every_request_is_answered(
        method in method(),
        path in path(),
        body in body(),
        kind in prop::sample::select(vec!["application/json", "text/plain", "\u{7f}"]),
    ) {
        let mut request = axum::http::Request::builder().method(method).uri(&path);
        if let Ok(kind) = header::HeaderValue::from_str(kind) {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let Ok(request) = request.body(Body::from(body)) else {
            // Not even a client could send it.
            return Ok(());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let rig = Rig::new(&["a"]);
            let response = rig.response(request).await;
            let kind = response.headers()[header::CONTENT_TYPE].to_str().ok().map(str::to_owned);
            let (status, text) = text(response).await;
            prop_assert!(!status.is_server_error(), "{status} {text}");
            match kind.as_deref() {
                Some("application/json") => {
                    let body: Value = serde_json::from_str(&text).expect("it says that it is JSON");
                    prop_assert!(body.as_object().is_some_and(|body| !body.is_empty()));
                }
                other => prop_assert_eq!(other, Some("text/html; charset=utf-8")),
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let rig = Rig::new(&["a"]);
    let request = original("POST", "/advance", &[], &"x".repeat(2 << 20));
    assert_eq!(rig.send(request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(rig.fake.steps().is_empty());
}
