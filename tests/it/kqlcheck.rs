//! The harness around Microsoft's parser proves itself: right texts pass, wrong ones do not, and
//! names and strings come back as they were meant.

use std::fs;

use serde_json::{Value, json};

use crate::support::kqlcheck::{KqlCheck, assert_kql};
use crate::support::shared;

#[test]
fn the_collected_commands_pass_with_their_kinds() {
    let Some(path) = shared("kqlcheck/commands.jsonl") else {
        return;
    };
    let file = fs::read_to_string(path).expect("the file can be read");
    let mut schema = Value::Null;
    let mut texts = Vec::new();
    for line in file.lines().filter(|line| !line.trim().is_empty()) {
        let record: Value = serde_json::from_str(line).expect("a line is a JSON document");
        match record.get("schema") {
            Some(found) => schema = found.clone(),
            None => texts.push(["id", "text", "expect"].map(|key| {
                let value = record.get(key).and_then(Value::as_str);
                value
                    .unwrap_or_else(|| panic!("no {key} in {line}"))
                    .to_owned()
            })),
        }
    }
    let texts: Vec<_> = texts
        .iter()
        .map(|[id, text, kind]| (id.as_str(), text.as_str(), kind.as_str()))
        .collect();
    assert_kql(&texts, &schema);
}

#[test]
fn wrong_texts_are_refused() {
    let Some(mut check) = KqlCheck::start() else {
        return;
    };
    check.set_schema(&json!({"database": "db", "tables": {"T": "(a:long, ['b c']:string)"}}));
    for (text, kind) in [
        (".show tabels", "ShowTables"),
        (".show tables", "ShowTable"),
        ("T | count", "ShowTables"),
        ("T | where missing == 1", "Query"),
        ("Missing | count", "Query"),
        ("T | where a == ", "Query"),
        (".no such thing", "UnknownCommand"),
    ] {
        assert!(check.problem("x", text, kind).is_some(), "{text} passes");
    }
    for (text, kind) in [
        (".show tables", "ShowTables"),
        ("T | where a == 1 and ['b c'] == ''", "Query"),
    ] {
        assert_eq!(check.problem("x", text, kind), None);
    }
}

#[test]
fn names_and_strings_are_read_back() {
    let Some(mut check) = KqlCheck::start() else {
        return;
    };
    let answer =
        check.ask(r#"print ['it\'s "odd"'] = 'a\n\'b\'', x = @"\n" | where x == h'secret'"#);
    assert!(answer.ok, "{answer:?}");
    assert_eq!(answer.names, ["it's \"odd\"", "x", "x"]);
    assert_eq!(answer.strings, ["a\n'b'", r"\n", "secret"]);

    let odd = "\u{2028}\u{2029}\r\u{1F600}\u{0}é";
    let literal = odd.replace('\r', r"\r").replace('\0', r"\0");
    let answer = check.ask(&format!("print x = '{literal}'"));
    assert_eq!(answer.strings, [odd], "{answer:?}");

    let answer = check.ask(".create table ['a \"b'] (['c.d']:long) with (folder = 'f')");
    assert_eq!(answer.kind(), "CreateTable");
    assert_eq!(answer.names, ["a \"b", "c.d"]);
    assert_eq!(answer.strings, ["f"]);
}
