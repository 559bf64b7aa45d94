//! Requests to jobs, in both of the host's forms.

use kusto_copy_driver::Request as Wish;

use super::fake::Play;
use super::*;

const TYPE: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

async fn ask(rig: &Rig, body: &Value) -> (StatusCode, Value) {
    let request = original("POST", "/api/control?code=k", &[TYPE], &body.to_string());
    rig.send(request).await
}

#[tokio::test]
async fn each_action_reaches_its_job() {
    let rig = Rig::new(&["a", "b"]);
    for action in ["pause", "resume", "retry", "start"] {
        let (status, body) = ask(&rig, &json!({"job": "b", "action": action})).await;
        assert_eq!(
            (status, &body["ok"]),
            (StatusCode::OK, &json!(true)),
            "{body}"
        );
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{body}"
        );
    }
    let wishes = [Wish::Pause, Wish::Resume, Wish::RetryHeld, Wish::StartNow];
    assert_eq!(
        rig.fake.requests(),
        wishes.map(|wish| ("b".to_owned(), wish))
    );
}

#[tokio::test]
async fn the_hosts_own_form_gets_the_same() {
    let rig = Rig::new(&["a"]);
    let headers = json!({"Content-Type": ["application/json"]});
    let body = json!({"job": "a", "action": "pause"}).to_string();
    let (status, body) = rig
        .send(post(
            "/control",
            &enclosed("POST", &json!({}), &headers, &body),
        ))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["Outputs"]["res"]["statusCode"], 200, "{body}");
    assert_eq!(rig.fake.requests(), [("a".to_owned(), Wish::Pause)]);
    let (status, body) = rig
        .send(post(
            "/control",
            &enclosed("POST", &json!({}), &headers, "{}"),
        ))
        .await;
    assert_eq!(status, StatusCode::OK, "the function itself did not fail");
    assert_eq!(body["Outputs"]["res"]["statusCode"], 400, "{body}");
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let rig = Rig::new(&["a", "fails", "new"]);
    rig.fake.play("fails", Play::Fails);
    rig.fake.play("new", Play::Waits);
    for (body, expected) in [
        (
            json!({"job": "c", "action": "pause"}),
            StatusCode::NOT_FOUND,
        ),
        (
            json!({"job": "a", "action": "stop"}),
            StatusCode::BAD_REQUEST,
        ),
        (json!({"job": "a"}), StatusCode::BAD_REQUEST),
        (json!({"job": ["a"], "action": 1}), StatusCode::BAD_REQUEST),
        (json!("a"), StatusCode::BAD_REQUEST),
        (
            json!({"job": "new", "action": "pause"}),
            StatusCode::CONFLICT,
        ),
        (
            json!({"job": "fails", "action": "pause"}),
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
        (
            json!({"job": "x".repeat(20_000), "action": "pause"}),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let (status, answer) = ask(&rig, &body).await;
        assert_eq!(status, expected, "{answer}");
        assert_eq!(answer["ok"], false);
        assert!(answer["message"].is_string(), "{answer}");
    }
    assert!(rig.fake.requests().is_empty());
}

#[tokio::test]
async fn a_foreign_page_cannot_ask() {
    let rig = Rig::new(&["a"]);
    let body = json!({"job": "a", "action": "pause"}).to_string();
    for headers in [
        &[][..],
        &[("Content-Type", "text/plain")][..],
        &[("Content-Type", "application/x-www-form-urlencoded")][..],
    ] {
        let (status, _) = rig
            .send(original("POST", "/api/control", headers, &body))
            .await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{headers:?}");
    }
    let (status, _) = rig
        .send(original("GET", "/api/control", &[TYPE], &body))
        .await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(rig.fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_told() {
    let rig = Rig::new(&["a"]);
    rig.fake.play("a", Play::Hangs);
    let (status, body) = ask(&rig, &json!({"job": "a", "action": "pause"})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["message"], "the progress store does not answer");
    assert!(body["remedy"].is_string(), "{body}");
}
