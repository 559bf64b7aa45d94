use std::sync::Arc;

use super::{FIRST_EXTENT, SECOND_EXTENT, Tables, check, check_errors, context, output, table_t};
use crate::{KqlError, first_pipe, run, run_over};

#[tokio::test]
async fn lets_and_functions() {
    check(&[
        ("let a = 1; let b = a + 1; print b", &["2"]),
        (
            "let f = (x:long, y:long = 10) { x + y }; print f(1), f(1, 2), f(y = 5, x = 1)",
            &["11|3|6"],
        ),
        (
            "let f = (R:(id:long), n:long) { R | where id > n | project id }; f(T, 2)",
            &["3", "4"],
        ),
        ("let R = T | where id < 3; R | count", &["2"]),
        (
            "let R = T | where id < 3; R | join kind=inner R on id | count",
            &["2"],
        ),
        (
            "let n = toscalar(T | summarize max(id)); print n + 1",
            &["5"],
        ),
        ("print Twice(21)", &["42"]),
        ("T | invoke Top(2) | project id", &["4", "3"]),
        ("Top(T) | project id", &["4"]),
        // A bare name is a stored function before a table; table() prefers the table.
        ("Shadow", &["77"]),
        ("table('Shadow') | count", &["4"]),
        ("database('Other').T | count", &["4"]),
        ("database('Other').table('T') | count", &["4"]),
        ("let name = 'T'; table(name, 'all') | count", &["4"]),
        ("T | as X | where id == 1 | union X | count", &["5"]),
        (
            "externaldata(a:string)['u1', 'u2'] with (format='csv')",
            &["u1+u2 csv"],
        ),
    ])
    .await;
    check_errors(&[
        ("Endless()", "SEM0036", "Recursive"),
        ("Nope | count", "SEM0100", "'Nope'"),
        ("T | take -1", "SEM0031", "negative"),
        ("let a = 1;", "SEM0007", "no tabular"),
        ("T | project id = 1, id = 2", "SEM0022", "id"),
    ])
    .await;
}

#[tokio::test]
async fn hidden_columns_and_cursors() {
    check(&[
        ("T | project id, ingestion_time() | take 1", &["1|0001-01-01T00:00:00.0000100Z"]),
        ("T | where cursor_after('10') and cursor_before_or_at('30') | project id", &["2", "3"]),
        ("T | where cursor_after('') | count", &["3"]),
        ("T | where cursor_after('638000000000000001') | summarize N = count() | extend C = cursor_current()", &["0|638000000000000001"]),
        (&format!("T | where extent_id() in (guid({FIRST_EXTENT})) | count"), &["2"]),
        (&format!("T | where extent_id() == guid({SECOND_EXTENT}) | project id"), &["3", "4"]),
        ("T | where extent_tags() has 'kc-1' | count", &["2"]),
        ("T | project id | where isnotnull(ingestion_time()) | count", &["4"]),
        ("print isnull(ingestion_time()), extent_id()", &["true|00000000-0000-0000-0000-000000000000"]),
    ])
    .await;
    check_errors(&[
        (
            "print x = 1 | where cursor_after('')",
            "SEM0070",
            "IngestionTime",
        ),
        ("T | where cursor_after('x')", "SEM0071", "not a cursor"),
    ])
    .await;
    let with = output("T | where cursor_after('')").await.expect("runs");
    assert_eq!(with.cursor.as_deref(), Some("638000000000000001"));
    let without = output("T | count").await.expect("runs");
    assert_eq!(without.cursor, None);
}

/// Deep plans neither overflow the stack nor slip through the limit.
#[tokio::test]
async fn long_chains() {
    let chain = |links: i64| {
        let terms: Vec<String> = (0..links).map(|n| format!("id == {n} + id")).collect();
        format!("T | where {} | count", terms.join(" or "))
    };
    check(&[(&chain(200), &["4"])]).await;
    check_errors(&[(&chain(600), "SYN0002", "in a row")]).await;
    let sum = vec!["1"; 100].join(" + ");
    check(&[(&format!("T | project x = id + {sum} | take 1"), &["101"])]).await;
}

#[tokio::test]
async fn limits_of_results() {
    check_errors(&[
        ("set truncationmaxrecords=3; T", "80DA0003", "3 records"),
        (
            "range x from 1 to 500001 step 1",
            "80DA0003",
            "500000 records",
        ),
    ])
    .await;
    check(&[(
        "set truncationmaxrecords=4; T | project id | take 1",
        &["1"],
    )])
    .await;
    let lifted = output("set notruncation; range x from 1 to 500001 step 1")
        .await
        .expect("runs");
    assert_eq!(lifted.tables[0].num_rows(), 500_001);
    let mut given = context();
    given
        .options
        .insert("truncationmaxrecords".into(), serde_json::json!(2));
    let refused = run("T", Arc::new(Tables), &given).await;
    assert!(matches!(refused, Err(KqlError::Limits { .. })));
}

#[tokio::test]
async fn query_parameters() {
    let mut given = context();
    given.parameters.insert("n".into(), "3".into());
    given.parameters.insert("s".into(), "it's".into());
    given
        .parameters
        .insert("d".into(), "datetime(2026-01-01)".into());
    let text =
        "declare query_parameters(n:long, s:string, d:datetime, e:long = 5); print n + e, s, d";
    let found = run(text, Arc::new(Tables), &given).await.expect("runs");
    let row: Vec<String> = found.tables[0].rows().expect("rows")[0]
        .iter()
        .map(|v| v.to_text())
        .collect();
    assert_eq!(row, ["8", "it's", "2026-01-01T00:00:00.0000000Z"]);
}

#[tokio::test]
async fn several_results_and_render() {
    let found = output("print 1; T | count; T | take 1 | render timechart with (title='x')")
        .await
        .expect("runs");
    assert_eq!(found.tables.len(), 3);
    assert_eq!(
        found.visualization.as_deref(),
        Some(r#"{"Visualization":"timechart"}"#)
    );
}

#[tokio::test]
async fn pipes_over_results_of_commands() {
    let piped = "summarize Extents = count(), Rows = sum(id) by Day = name | order by Day asc";
    let found = run_over(table_t(), piped, Arc::new(Tables), &context())
        .await
        .expect("runs");
    assert_eq!(found.tables[0].num_rows(), 3);
}

#[test]
fn where_a_command_ends() {
    let cases = [
        (".show tables | project a", Some(13)),
        (".show table ['a|b'] extents | count", Some(28)),
        (".show x (a | b) // | c\n| d", Some(23)),
        (".drop extents <| .show x | y", Some(25)),
        (".show tables", None),
        (".x h'a|b' | c", Some(10)),
        (".has | c", Some(5)),
    ];
    for (text, expected) in cases {
        assert_eq!(first_pipe(text), expected, "{text}");
    }
}
