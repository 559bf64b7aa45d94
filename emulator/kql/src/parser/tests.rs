use crate::ast::{Expr, Operator, Source, Statement};

use super::{function, operators, statements};

fn only_query(text: &str) -> crate::ast::Pipeline {
    match statements(text).expect("parses").pop() {
        Some(Statement::Query(query)) => query,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_and_indexes_are_told_apart() {
    let query = only_query("['my table'] | where ['b ool'] == d['x y'].z[0]");
    assert_eq!(query.source, Source::Expr(Expr::Name("my table".into())));
    assert_eq!(query.operators.len(), 1);
}

#[test]
fn every_kind_of_statement() {
    let text = "set truncationmaxrecords=200000; let resolution = 1h; let f = (a:long, T:(x:long)) { T | take a };\n\
                declare query_parameters(p:string = 'x'); // comment\n T | count;";
    assert_eq!(statements(text).expect("parses").len(), 5);
}

#[test]
fn stored_functions() {
    let read = function(
        "(a:long, T:(x:long, y:string))",
        "{ let b = a + 1; T | where x > b }",
    )
    .expect("parses");
    assert_eq!((read.parameters.len(), read.body.len()), (2, 2));
}

#[test]
fn pipes_of_commands() {
    let read = operators("where TableName startswith_cs 'kcopy_' | project TableName, Folder")
        .expect("parses");
    assert!(matches!(read[0], Operator::Where(_)));
    assert_eq!(read.len(), 2);
}

#[test]
fn errors_have_a_position() {
    let cases = [
        ("T | wher x", "a query operator"),
        ("T | where", "an expression"),
        ("T | where x == 'open", "no end"),
        ("T T", "';' or '|'"),
        ("T | take 5 )", "';' or '|'"),
    ];
    for (text, part) in cases {
        let message = statements(text).expect_err(text).to_string();
        assert!(
            message.contains("SYN0002") && message.contains(part),
            "{text}: {message}"
        );
    }
}

#[test]
fn errors_do_not_tell_hidden_texts() {
    for text in [
        "T | take 5 h'hush'",
        "T | h@'hush'",
        "externaldata(a:long)[h'x' h\"hush\" 1 'a'",
        "externaldata(a:long)[h'hush",
    ] {
        let error = statements(text).expect_err(text);
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("print {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(statements(&text).is_err());
}
