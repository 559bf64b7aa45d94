//! What becomes of answers that Azurite does not give on demand.

use std::time::Duration;

use kusto_copy_store::{
    ConflictKind, Etag, Key, Layout, MAX_KEY_CHARS, Partition, Row, RowRange, Store, StoreError,
    Write,
};

use super::script::{SERVICE, Turn, answer, date, insert, key, scripted, transaction, written};

fn empty_page() -> Turn {
    Turn::Answer {
        status: 200,
        headers: vec![date()],
        body: "{\"value\":[]}".to_owned(),
    }
}

fn delete(row: &str) -> Write {
    let if_match = Etag::from_stored("W/\"datetime'1'\"".to_owned());
    Write::Delete {
        key: key(row),
        if_match,
    }
}

/// What a commit of one write becomes, sent exactly once.
async fn committed(turn: Turn) -> StoreError {
    let (script, store) = scripted(&[turn]);
    let error = store
        .commit(&transaction(vec![insert("r")]))
        .await
        .expect_err("a failure");
    assert_eq!(script.lines().len(), 1);
    error
}

fn in_batch(inner: &str) -> Turn {
    let body = format!(
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n\
         --changesetresponse_1\r\nContent-Type: application/http\r\n\r\n{inner}\r\n\
         --changesetresponse_1--\r\n--batchresponse_1--\r\n"
    );
    Turn::Answer {
        status: 202,
        headers: vec![date()],
        body,
    }
}

#[tokio::test]
async fn a_commit_whose_fate_is_open_is_ambiguous_and_never_sent_again() {
    for turn in [
        Turn::Lost,
        answer(500, "OperationTimedOut"),
        answer(503, "ServerBusy"),
        answer(408, ""),
        answer(502, ""),
        // Written, but without the version; and written by a service without a clock.
        Turn::Answer {
            status: 204,
            headers: vec![date()],
            body: String::new(),
        },
        Turn::Answer {
            status: 204,
            headers: vec![("etag", "W/\"1\"".to_owned())],
            body: String::new(),
        },
    ] {
        let error = committed(turn.clone()).await;
        assert!(
            matches!(error, StoreError::Ambiguous { .. }),
            "{turn:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_commit_that_was_not_done_says_so() {
    let error = committed(Turn::Unreachable).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    let error = committed(answer(429, "TooManyRequests")).await;
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    for (status, code) in [
        (401, "InvalidAuthenticationInfo"),
        (403, "AuthorizationFailure"),
    ] {
        let error = committed(answer(status, code)).await;
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    }
    for (status, code) in [
        (400, "InvalidInput"),
        (404, "TableNotFound"),
        (409, "TableBeingDeleted"),
        (413, "RequestBodyTooLarge"),
    ] {
        let error = committed(answer(status, code)).await;
        assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    }
    for (status, code, expected) in [
        (409, "EntityAlreadyExists", ConflictKind::AlreadyExists),
        (412, "UpdateConditionNotSatisfied", ConflictKind::Changed),
        (404, "ResourceNotFound", ConflictKind::Missing),
    ] {
        let error = committed(answer(status, code)).await;
        let StoreError::Conflict { key: at, kind } = error else {
            panic!("no conflict: {error:?}");
        };
        assert_eq!((at, kind), (Some(key("r")), expected));
    }
}

#[tokio::test]
async fn a_transaction_that_failed_inside_is_no_success() {
    let inner = "HTTP/1.1 412 Precondition Failed\r\nContent-Type: application/json\r\n\r\n\
                 {\"odata.error\":{\"code\":\"UpdateConditionNotSatisfied\",\"message\":\
                 {\"lang\":\"en-US\",\"value\":\"1:The update condition was not satisfied.\"}}}\r\n";
    let (script, store) = scripted(&[in_batch(inner)]);
    let writes = transaction(vec![insert("a"), delete("b")]);
    let error = store.commit(&writes).await.expect_err("a failure");
    let StoreError::Conflict { key: at, kind } = error else {
        panic!("no conflict: {error:?}");
    };
    assert_eq!((at, kind), (Some(key("b")), ConflictKind::Changed));
    assert_eq!(script.lines().len(), 1);

    let inner = "HTTP/1.1 500 Internal Server Error\r\n\r\n{}\r\n";
    let (_, store) = scripted(&[in_batch(inner)]);
    let error = store.commit(&writes).await.expect_err("a failure");
    assert!(matches!(error, StoreError::Ambiguous { .. }), "{error:?}");
    // One answer inside for two operations: nobody knows.
    let inner = "HTTP/1.1 204 No Content\r\nETag: W/\"1\"\r\n";
    let (_, store) = scripted(&[in_batch(inner)]);
    let error = store.commit(&writes).await.expect_err("a failure");
    assert!(matches!(error, StoreError::Ambiguous { .. }), "{error:?}");
}

#[tokio::test]
async fn reads_are_repeated_within_bounds_and_as_the_service_asks() {
    let (script, store) = scripted(&[
        Turn::Lost,
        answer(503, "ServerBusy"),
        answer(404, "ResourceNotFound"),
    ]);
    let read = store.get(&key("r")).await.expect("the third answer");
    assert_eq!(read.entity, None);
    assert_eq!(read.store_time.unix_millis(), 1_795_248_001_000);
    assert_eq!(script.lines().len(), 3);

    let (script, store) = scripted(&[Turn::Unreachable, Turn::Lost, answer(500, ""), empty_page()]);
    let error = store.get(&key("r")).await.expect_err("three failures");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(script.lines().len(), 3);

    // The service asks for more patience than we have: its wish is handed on.
    for wish in ["60", "Sat, 21 Nov 2026 08:01:01 GMT"] {
        let asked = Turn::Answer {
            status: 503,
            headers: vec![date(), ("retry-after", wish.to_owned())],
            body: String::new(),
        };
        let (script, store) = scripted(&[asked, empty_page()]);
        let partition = key("r").partition;
        let error = store
            .list(&partition, &RowRange::all(), 5, None)
            .await
            .expect_err("a wish");
        let StoreError::Unavailable { retry_after, .. } = error else {
            panic!("another error: {error:?}");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(60)), "{wish}");
        assert_eq!(script.lines().len(), 1);
    }
}

/// What would be no condition at all, or another header, is not sent.
#[tokio::test]
async fn a_write_without_a_condition_is_not_sent() {
    for text in ["", "*", "W/\"*\"", "\"1\"\r\nIf-Match: *"] {
        let (script, store) = scripted(&[]);
        let if_match = Etag::from_stored(text.to_owned());
        let key = key("b");
        let delete = Write::Delete { key, if_match };
        for writes in [vec![delete.clone()], vec![insert("a"), delete]] {
            let error = store.commit(&transaction(writes)).await;
            let error = error.expect_err("no condition");
            assert!(error.is_conflict(), "{text:?}: {error:?}");
        }
        assert!(script.lines().is_empty(), "{text:?}");
    }
    // Nor is a version taken from an answer that could not be one.
    let (_, store) = scripted(&[Turn::Answer {
        status: 204,
        headers: vec![date(), ("etag", "*".to_owned())],
        body: String::new(),
    }]);
    let error = store.commit(&transaction(vec![insert("r")])).await;
    let error = error.expect_err("no version");
    assert!(error.is_ambiguous(), "{error:?}");
}

/// What a step costs: one request for an entity, one for a commit of any size, and no `$batch`
/// for a single write.
#[tokio::test]
async fn an_entity_and_a_commit_are_one_request_each() {
    let inner = "HTTP/1.1 204 No Content\r\nETag: W/\"2\"\r\n\r\n\
                 --changesetresponse_1\r\nContent-Type: application/http\r\n\r\n\
                 HTTP/1.1 204 No Content\r\n";
    let absent = answer(404, "ResourceNotFound");
    let (script, store) = scripted(&[written(), in_batch(inner), absent]);
    let one = transaction(vec![insert("r")]);
    store.commit(&one).await.expect("a commit");
    let two = transaction(vec![insert("a"), delete("b")]);
    store.commit(&two).await.expect("a commit");
    store.get(&key("%")).await.expect("an answer");
    let sent = script.lines();
    let plain = format!("POST {SERVICE}/state {{\"PartitionKey\":\"lake!p\"");
    assert!(sent[0].starts_with(&plain), "{sent:?}");
    let batch = format!("POST {SERVICE}/$batch --batch_");
    assert!(sent[1].starts_with(&batch), "{sent:?}");
    let get = format!("GET {SERVICE}/state(PartitionKey='lake!p',RowKey='~25')");
    assert_eq!(sent[2..], [get]);
}

/// What a transaction is said to take bounds what is sent, with the longest names and documents of
/// characters that grow.
#[tokio::test]
async fn no_request_is_larger_than_its_transaction_says() {
    let longest = |letter: &str| letter.repeat(MAX_KEY_CHARS);
    let partition = Partition::encode(&longest("p")).expect("a partition");
    let write = |n: usize, contents: &str| {
        let row = format!("{n:03}{}", "r".repeat(MAX_KEY_CHARS - 3));
        let key = Key::new(partition.clone(), Row::encode(&row).expect("a row"));
        let body = Layout::new(u32::MAX, "10.20.30-of-some-day+built").write(contents);
        let body = body.expect("a body");
        let if_match =
            Etag::from_stored("W/\"datetime'2026-11-21T08%3A00%3A01.1234567Z'\"".to_owned());
        Write::Replace {
            key,
            body,
            if_match,
        }
    };
    let large = "\u{1F600}\"\n".repeat(40_000);
    for writes in [
        (0..100).map(|n| write(n, "")).collect::<Vec<_>>(),
        (0..3).map(|n| write(n, &large)).collect(),
        vec![write(0, &large)],
    ] {
        let said: usize = writes.iter().map(Write::wire_bytes).sum();
        let (script, store) = scripted(&[Turn::Lost]);
        let error = store.commit(&transaction(writes)).await;
        assert!(error.is_err_and(|error| error.is_ambiguous()));
        let sent = script.bytes();
        assert!(sent.len() == 1 && sent[0] <= said, "{sent:?} of {said}");
    }
}

/// A page is one request, and the next begins where the service says, even after an empty one.
#[tokio::test]
async fn pages_go_on_where_the_service_says() {
    let page = Turn::Answer {
        status: 200,
        headers: vec![
            date(),
            (
                "x-ms-continuation-nextpartitionkey",
                "1!8!bGFrZQ--".to_owned(),
            ),
            ("x-ms-continuation-nextrowkey", "1!4!cg--".to_owned()),
        ],
        body: "{\"value\":[]}".to_owned(),
    };
    let (script, store) = scripted(&[page, empty_page()]);
    let (partition, range) = (key("r").partition, RowRange::starting_with("r"));
    let first = store
        .list(&partition, &range, 5, None)
        .await
        .expect("a page");
    assert!(first.entities.is_empty());
    let next = first.next.expect("more pages");
    let last = store
        .list(&partition, &range, 5, Some(&next))
        .await
        .expect("a page");
    assert_eq!(last.next, None);
    let listing = format!(
        "GET {SERVICE}/state()?$filter=PartitionKey%20eq%20%27lake!p%27\
         %20and%20RowKey%20ge%20%27r%27%20and%20RowKey%20lt%20%27s%27&$top=5"
    );
    let next = format!("{listing}&NextPartitionKey=1!8!bGFrZQ--&NextRowKey=1!4!cg--");
    assert_eq!(script.lines(), [listing, next]);
}

#[tokio::test]
async fn what_is_no_state_of_ours_is_damage() {
    let odd = Turn::Answer {
        status: 200,
        headers: vec![date()],
        body: "{\"odata.etag\":\"W/\\\"1\\\"\",\"PartitionKey\":\"lake!p\",\"RowKey\":\"r\",\"Colour\":1}".to_owned(),
    };
    let (_, store) = scripted(&[odd]);
    let error = store.get(&key("r")).await.expect_err("damage");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    let html = Turn::Answer {
        status: 200,
        headers: vec![date()],
        body: "<html>".to_owned(),
    };
    let (_, store) = scripted(&[html]);
    let error = store.get(&key("r")).await.expect_err("no table service");
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
}
