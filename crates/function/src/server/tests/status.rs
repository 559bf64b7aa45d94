//! The status page and its JSON, in both of the host's forms.

use kusto_copy_driver::StepOutcome;

use super::fake::Play;
use super::*;

const JSON: [(&str, &str); 1] = [("Accept", "application/json")];

#[tokio::test]
async fn the_page_comes_with_a_policy_of_its_own_nonce() {
    let rig = Rig::new(&["a"]);
    let browser = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let mut policies = Vec::new();
    for headers in [&browser[..], &[]] {
        let response = rig
            .response(original("GET", "/api/status?code=k", headers, ""))
            .await;
        let header = |name: &str| {
            let value = response.headers().get(name).expect(name);
            value.to_str().expect("a header is text").to_owned()
        };
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        let policy = header("content-security-policy");
        let nonce = policy
            .split_once("'nonce-")
            .and_then(|(_, rest)| rest.split_once('\''))
            .map(|(nonce, _)| format!("nonce=\"{nonce}\""))
            .expect("the policy has a nonce");
        let (status, page) = text(response).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains(&nonce), "the page has another nonce");
        policies.push(policy);
    }
    assert_ne!(policies[0], policies[1], "a nonce is used once");
}

#[tokio::test]
async fn json_tells_every_job_whatever_happens_to_one() {
    let rig = Rig::new(&["fails", "new", "panics", "works"]);
    rig.fake.play("fails", Play::Fails);
    rig.fake.play("new", Play::Waits);
    rig.fake.play("panics", Play::Panics);
    for (path, headers) in [
        ("/api/status?format=json", &[][..]),
        ("/api/status", &JSON[..]),
        (
            "/API/Status?code=k&format=json",
            &[("Accept", "text/html")][..],
        ),
    ] {
        let (status, body) = rig.send(original("GET", path, headers, "")).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(
            body["at"].as_u64().is_some_and(|at| at > 1_700_000_000_000),
            "{body}"
        );
        assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(body["problems"], json!([]));
        let job = |index: usize| &body["jobs"][index];
        assert_eq!(
            *job(0),
            json!({
                "name": "fails", "report": null, "error": "the cluster refuses us",
                "remedy": "grant the database role `user`",
                "source": "https://from.westeurope.kusto.windows.net",
                "destination": "https://to.westeurope.kusto.windows.net",
            })
        );
        assert_eq!(
            (&job(1)["report"], &job(1)["error"]),
            (&Value::Null, &Value::Null)
        );
        assert!(job(2)["error"].is_string(), "{body}");
        assert_eq!(job(3)["report"]["lag_ms"], 35_000);
        assert_eq!(job(3)["report"]["tables"][0]["table"], "T");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_told() {
    let rig = Rig::new(&["a", "b"]);
    rig.fake.play("a", Play::Hangs);
    let (status, body) = rig.send(original("GET", "/api/status", &JSON, "")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["jobs"][0]["error"],
        "the progress store does not answer"
    );
    assert!(body["jobs"][1]["report"].is_object(), "{body}");
}

#[tokio::test]
async fn the_hosts_own_form_gets_the_same() {
    let rig = Rig::new(&["a"]);
    rig.fake.play("a", Play::Ends(StepOutcome::Idle, false));
    let asked = enclosed(
        "GET",
        &json!({"format": "json"}),
        &json!({"Accept": ["*/*"]}),
        "",
    );
    let (status, body) = rig.send(post("/status", &asked)).await;
    assert_eq!(status, StatusCode::OK);
    let reply = &body["Outputs"]["res"];
    assert_eq!(reply["statusCode"], 200);
    assert_eq!(reply["headers"]["content-type"], "application/json");
    let inner = reply["body"].as_str().expect("the body is text");
    let inner: Value = serde_json::from_str(inner).expect("the body is JSON");
    assert_eq!(inner["jobs"][0]["name"], "a");

    let (_, body) = rig
        .send(post(
            "/status",
            &enclosed("GET", &json!({}), &json!({}), ""),
        ))
        .await;
    let reply = &body["Outputs"]["res"];
    assert_eq!(reply["headers"]["content-type"], "text/html; charset=utf-8");
    assert!(reply["headers"]["content-security-policy"].is_string());
}

#[tokio::test]
async fn problems_are_shown_beside_what_could_be_read() {
    let rig = Rig::with(&["a"], &[(names::STYLE, "fast")]);
    let (_, body) = rig.send(original("GET", "/api/status", &JSON, "")).await;
    assert_eq!(body["problems"].as_array().map(Vec::len), Some(1), "{body}");
    assert_eq!(body["jobs"][0]["name"], "a");
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let rig = Rig::with(&["a"], &[(names::ROUTE_PREFIX, "")]);
    for (method, path, expected) in [
        ("GET", "/status?format=json", StatusCode::OK),
        ("PUT", "/status", StatusCode::METHOD_NOT_ALLOWED),
        ("GET", "/control", StatusCode::METHOD_NOT_ALLOWED),
        ("GET", "/advance", StatusCode::NOT_FOUND),
        ("GET", "/api/status", StatusCode::NOT_FOUND),
        ("GET", "/status/x", StatusCode::NOT_FOUND),
        ("GET", "/favicon.ico", StatusCode::NOT_FOUND),
    ] {
        let (status, _) = rig.send(original(method, path, &[], "")).await;
        assert_eq!(status, expected, "{method} {path}");
    }
    let rig = Rig::new(&["a"]);
    for path in ["/status", "/apistatus", "/api"] {
        let (status, _) = rig.send(original("GET", path, &[], "")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(rig.fake.steps().is_empty());
}
