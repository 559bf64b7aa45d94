//! Delivery at least once, and poison.

use serde_json::{Value, json};

use super::App;
use crate::{Event, Firing, Host};

#[tokio::test]
async fn an_output_is_delivered_encoded_twice_and_deleted() {
    let app = App::new().timer("ok").queue("echo");
    let host = app.start().await;
    assert_eq!(host.deliver("echo").await.expect("a queue"), None);
    host.tick("ok").await.expect("a timer");
    let invocation = host.deliver("echo").await.expect("a queue");
    let said = invocation
        .expect("a message")
        .return_value
        .expect("an echo");
    let outer = said["payload"]["Data"]["item"].as_str().expect("a text");
    let inner: String = serde_json::from_str(outer).expect("a text in the text");
    let message: Value = serde_json::from_str(&inner).expect("JSON");
    assert_eq!(message, json!({"n": 1}));
    assert!(host.messages("work").is_empty());
}

#[tokio::test]
async fn a_message_can_come_twice() {
    let app = App::new().queue("echo");
    let host = app.start().await;
    host.enqueue("work", "once");
    let count = |invocation: Option<crate::Invocation>| {
        let said = invocation.expect("a message").return_value;
        said.expect("an echo")["payload"]["Metadata"]["DequeueCount"].clone()
    };
    assert_eq!(
        count(host.deliver_and_forget("echo").await.expect("a queue")),
        "1"
    );
    assert_eq!(count(host.deliver("echo").await.expect("a queue")), "2");
    assert!(host.messages("work").is_empty());
}

#[tokio::test]
async fn a_message_that_always_fails_becomes_poison() {
    let app = App::new().queue("fail");
    app.host_json(&json!({"extensions": {"queues": {"maxDequeueCount": 2}}}));
    let host = app.start().await;
    host.enqueue("work", "bad");
    for _ in 0..2 {
        let failed = host.deliver("fail").await.expect("a queue");
        assert!(!failed.expect("a message").succeeded());
    }
    assert!(host.messages("work").is_empty());
    let poison = host.messages("work-poison");
    assert_eq!((poison.len(), poison[0].text.as_str()), (1, "bad"));
}

#[tokio::test]
async fn messages_are_delivered_by_themselves_where_asked() {
    let app = App::new().queue("echo");
    app.host_json(&json!({"extensions": {"queues": {"batchSize": 1}}}));
    let mut options = app.options();
    options.queues = Firing::BySchedule;
    let host = Host::start(options).await.expect("the host starts");
    let mut events = host.listen();
    host.enqueue("work", "a");
    host.enqueue("work", "b");
    let mut delivered = 0;
    while delivered < 2 {
        if let Event::Finished { outcome, .. } = events.recv().await.expect("the host runs") {
            assert_eq!(outcome, "succeeded");
            delivered += 1;
        }
    }
}
