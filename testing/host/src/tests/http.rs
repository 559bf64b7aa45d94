//! HTTP functions, the admin port and the identity endpoint, over real connections.

use std::time::Duration;

use axum::http::{HeaderMap, Method, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::App;
use crate::exchange::{Answer, Call, exchange};
use crate::identity::Identity;
use crate::{Host, admin};

async fn request(
    method: Method,
    url: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Answer {
    let uri: Uri = url.parse().expect("an address");
    let port = uri.port_u16().expect("a port");
    let path = uri.path_and_query().expect("a path").as_str();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().expect("a header"));
    }
    let call = Call {
        method,
        uri: path.parse().expect("a path"),
        headers: map,
        body: body.as_bytes().to_vec(),
        chunked: false,
    };
    exchange(port, call).await.expect("an answer")
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[tokio::test]
async fn without_forwarding_a_request_becomes_a_post_and_back() {
    let app = App::new()
        .http("page", &["get"])
        .http("echo", &["post"])
        .http("fail", &[]);
    let host = app.start().await;
    let answer = request(Method::GET, &host.function_url("page"), &[], "").await;
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (201, &b"<h1>it</h1>"[..])
    );
    assert_eq!(answer.headers["x-test"], "yes");
    let status = |answer: Answer| answer.status;
    let shouted = format!("{}/API/Page", host.url());
    let answer = request(Method::GET, &shouted, &[], "").await;
    assert_eq!(status(answer), 201, "routes have no case");
    let url = host.function_url("page");
    assert_eq!(status(request(Method::POST, &url, &[], "").await), 404);
    assert_eq!(
        status(request(Method::GET, &host.function_url("none"), &[], "").await),
        404
    );
    assert_eq!(
        status(request(Method::GET, &host.url(), &[], "").await),
        404
    );
    assert_eq!(
        status(request(Method::GET, &host.function_url("fail"), &[], "").await),
        500
    );
    assert_eq!(
        status(request(Method::POST, &host.function_url("echo"), &[], "").await),
        204
    );
}

#[tokio::test]
async fn with_forwarding_the_handler_gets_the_original() {
    let app = App::new().http("page", &["post"]);
    app.host_json(&json!({"customHandler": {
        "enableProxyingHttpRequest": true,
        "description": {
            "defaultExecutablePath": std::env::current_exe().expect("a path"),
            "arguments": ["tests::handler::process", "--exact", "--nocapture"],
        },
    }}));
    let host = app.start().await;
    let url = format!("{}?a=b%20c", host.function_url("page"));
    let answer = request(Method::POST, &url, &[], "text").await;
    assert_eq!(answer.status, 418);
    let said = json_of(&answer);
    assert_eq!(
        said,
        json!({
            "forwarded": true, "method": "POST", "uri": "/api/page?a=b%20c",
            "body": "text", "hasId": true,
        })
    );
}

#[tokio::test]
async fn the_admin_port_serves_the_commands() {
    let app = App::new().timer("ok").queue("echo");
    let host = app.start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(admin::serve(listener, (*host).clone()));
    let post = async |path: &str| {
        let answer = request(Method::POST, &format!("{url}{path}"), &[], "").await;
        (
            answer.status,
            serde_json::from_slice::<Value>(&answer.body).unwrap_or_default(),
        )
    };
    let (status, said) = post("/tick/ok?pastDue=true&chunked=true").await;
    assert_eq!((status, &said["outcome"]), (200, &json!("succeeded")));
    let (status, said) = post("/deliver/echo?forget=true").await;
    assert_eq!((status, &said["outcome"]), (200, &json!("succeeded")));
    assert_eq!(post("/tick/none").await.0, 404);
    assert_eq!(post("/tick/ok?wrong=1").await.0, 400);
    assert_eq!(post("/drop-next").await.0, 200);
    let (_, lost) = post("/double-tick/ok").await;
    let outcomes: Vec<_> = lost
        .as_array()
        .expect("two")
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&&json!("failed")) && outcomes.contains(&&json!("succeeded")));
    let pid = host.pid();
    assert_eq!(post("/kill").await.0, 200);
    let state = json_of(&request(Method::GET, &format!("{url}/state"), &[], "").await);
    assert_eq!(state["pid"].as_u64(), host.pid().map(u64::from));
    assert_ne!(host.pid(), pid);
    let messages = json_of(&request(Method::GET, &format!("{url}/messages/work"), &[], "").await);
    assert_eq!(messages.as_array().map(Vec::len), Some(2));
    assert_eq!(post("/stop").await.0, 200);
    host.until_asked_to_stop().await;
    serving.abort();
}

#[tokio::test]
async fn the_identity_endpoint_gives_tokens_to_its_identity_only() {
    let app = App::new().timer("echo");
    let mut options = app.options();
    options.identity = Some(Identity {
        client_id: Some("client".to_owned()),
        lifetime: Duration::from_secs(600),
    });
    let host = Host::start(options).await.expect("the host starts");
    let settings = &host.0.options.settings;
    let endpoint = settings["IDENTITY_ENDPOINT"].clone();
    let secret = settings["IDENTITY_HEADER"].clone();
    let ask = async |query: &str, secret: &str| {
        let headers = [("x-identity-header", secret)];
        request(Method::GET, &format!("{endpoint}?{query}"), &headers, "").await
    };
    let query = "api-version=2019-08-01&resource=https://storage.azure.com&client_id=client";
    let answer = ask(query, &secret).await;
    assert_eq!(answer.status, 200);
    let token = json_of(&answer);
    let text = token["access_token"].as_str().expect("a token");
    let claims = text.split('.').nth(1).expect("claims");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["aud"], "https://storage.azure.com");
    let seconds = |value: &Value| value.as_i64().expect("seconds");
    assert_eq!(seconds(&claims["exp"]) - seconds(&claims["nbf"]), 600);
    assert_eq!(token["expires_on"], claims["exp"].to_string());
    assert_eq!(ask(query, "wrong").await.status, 401);
    assert_eq!(
        ask("api-version=2019-08-01&client_id=client", &secret)
            .await
            .status,
        400
    );
    let another = query.replace("=client", "=another");
    assert_eq!(ask(&another, &secret).await.status, 400);
}
