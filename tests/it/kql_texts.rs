//! Every query and command that the copier makes, read by Microsoft's own parser: it must be the
//! command that was meant, and hold the names and values that were put in, however odd they are.

mod texts;

use std::cell::RefCell;
use std::sync::OnceLock;

use kusto_copy_kusto::kql::Text;
use kusto_copy_kusto::kql::literal::escape;
use kusto_copy_kusto::kql::owners::{job_name, owner_name};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::support::kqlcheck::{Answer, KqlCheck};
use texts::{Words, all_texts};

/// What the parser reads of all texts with plain values: asked once for all tests.
static PLAIN: OnceLock<(Words, Vec<(String, Answer)>)> = OnceLock::new();

/// A value for every place, each of which says what it is.
fn plain() -> Words {
    Words::new(|place| format!("Zq{place}qZ"))
}

/// What names mean: the tables and functions that the texts speak of.
fn schema_of(words: &Words) -> Value {
    let columns = |schema: &kusto_copy_core::vocabulary::TableSchema| {
        let columns: Vec<String> = schema
            .columns
            .iter()
            .map(|column| format!("['{}']:{}", escape(&column.name), column.ty.name()))
            .collect();
        format!("({})", columns.join(","))
    };
    let mut tables = serde_json::Map::new();
    for (table, schema) in [
        (&words.table, &words.schema),
        (&words.other_table, &words.plain_types),
        (&words.staging, &words.schema),
    ] {
        tables.insert(table.clone(), json!(columns(schema)));
    }
    let marker = json!({"params": "()", "body": "{ print 1 }"});
    let functions = json!({
        (owner_name(&words.table)): marker,
        (job_name(&words.incarnation)): marker,
    });
    json!({"database": words.database, "tables": tables, "functions": functions})
}

/// The commands of a script, or the text itself: the parser does not look into a script.
fn commands(text: &Text) -> Vec<(String, Option<&'static str>)> {
    let whole = (text.expose().to_owned(), Some(text.parser_kind()));
    match text.expose().split_once("<|\n") {
        Some((head, script)) if head.starts_with(".execute database script") => {
            let inner = script
                .split("\n\n")
                .map(|command| (command.to_owned(), None));
            std::iter::once(whole).chain(inner).collect()
        }
        _ => vec![whole],
    }
}

/// What the parser reads of all texts, in order; panics with every text that it refuses.
fn read_all(check: &mut KqlCheck, words: &Words) -> Vec<(String, Answer)> {
    check.set_schema(&schema_of(words));
    let mut problems = Vec::new();
    let mut answers = Vec::new();
    for text in all_texts(words) {
        for (command, kind) in commands(&text) {
            let answer = check.ask(&command);
            let right_kind = kind.is_none_or(|kind| kind == answer.kind());
            if !answer.ok || !right_kind {
                problems.push(format!(
                    "{command}\n  -> {} {:?}",
                    answer.kind(),
                    answer.diagnostics
                ));
            }
            answers.push((command, answer));
        }
    }
    assert!(
        problems.is_empty(),
        "{} texts:\n{}",
        problems.len(),
        problems.join("\n")
    );
    answers
}

/// A value that stood in a plain text, as it must stand in the odd one.
fn translate(value: &str, words: &[(String, String)]) -> String {
    words.iter().fold(value.to_owned(), |value, (plain, odd)| {
        value.replace(plain, odd)
    })
}

/// The same inside a JSON document.
fn translate_json(value: &Value, words: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => Value::String(translate(text, words)),
        Value::Array(items) => items
            .iter()
            .map(|item| translate_json(item, words))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), translate_json(value, words)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Whether a string of the odd text is what the plain one becomes.
fn same_string(plain: &str, odd: &str, words: &[(String, String)]) -> bool {
    if let Ok(document @ (Value::Array(_) | Value::Object(_))) = serde_json::from_str(plain) {
        return serde_json::from_str::<Value>(odd)
            .is_ok_and(|found| found == translate_json(&document, words));
    }
    odd == translate(plain, words)
}

/// Compares what the parser read of plain texts with what it read of odd ones, place by place.
fn assert_read_back(
    plain: &[(String, Answer)],
    odd: &[(String, Answer)],
    words: &[(String, String)],
) {
    assert_eq!(plain.len(), odd.len());
    for ((_, plain), (text, odd)) in plain.iter().zip(odd) {
        assert_eq!(plain.kind(), odd.kind(), "{text}");
        assert_eq!(plain.names.len(), odd.names.len(), "{text}");
        for (plain, odd) in plain.names.iter().zip(&odd.names) {
            // An owner marker's name is a hash of the table's.
            let is_hash = plain.starts_with("kcopy_owner_") && odd.starts_with("kcopy_owner_");
            assert!(
                is_hash || *odd == translate(plain, words),
                "{odd:?} for {plain:?} in {text}"
            );
        }
        assert_eq!(plain.strings.len(), odd.strings.len(), "{text}");
        for (plain, odd) in plain.strings.iter().zip(&odd.strings) {
            assert!(
                same_string(plain, odd, words),
                "{odd:?} for {plain:?} in {text}"
            );
        }
    }
}

/// Checks every text with these values against every text with plain ones.
fn check_all(odd: &Words) {
    let Some(mut check) = KqlCheck::start() else {
        return;
    };
    let (plain, plain_answers) = PLAIN.get_or_init(|| {
        let plain = plain();
        let answers = read_all(&mut check, &plain);
        (plain, answers)
    });
    let odd_answers = read_all(&mut check, odd);
    let words: Vec<_> = plain
        .values
        .iter()
        .cloned()
        .zip(odd.values.iter().cloned())
        .collect();
    assert_read_back(plain_answers, &odd_answers, &words);
}

#[test]
fn every_text_is_understood_with_names_that_kusto_allows() {
    check_all(&Words::new(|place| match place % 6 {
        0 => format!("where T-1.b x{place}"),
        1 => format!("Größe und 表 {place}"),
        2 => format!("{place}{}", "n".repeat(1_000)),
        3 => format!("project {place}"),
        4 => format!("{place}"),
        _ => format!("-{place}."),
    }));
}

#[test]
fn no_value_changes_what_a_text_means() {
    const HOSTILE: [&str; 10] = [
        "']) | take 1 // ",
        "\"];.drop tables (x); ",
        "\\",
        "\\'",
        "\n.drop database x\n\n.show tables",
        "\0\u{1}\u{7f}\u{85}",
        "\u{2028}\u{202e}\u{feff}é😀",
        "<| T | count",
        "```h'x'@'y'~~~",
        "{\"a\":[1,'x']} /* */ --",
    ];
    check_all(&Words::new(|place| {
        format!("{place}{}", HOSTILE[place % HOSTILE.len()])
    }));
}

#[test]
fn random_values_are_read_back() {
    let Some(check) = KqlCheck::start() else {
        return;
    };
    let check = RefCell::new(check);
    let value = proptest::collection::vec(
        prop_oneof![
            any::<String>(),
            "[\\\\'\"\\[\\]|;<>`@~#$%&(){}\\n\\r\\t /*.-]{0,8}",
            Just("\\u0027".to_owned()),
        ],
        1..4,
    )
    .prop_map(|parts| parts.concat());
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(value.clone(), value), |(name, text)| {
        let query = kusto_copy_kusto::kql::operations::find_command(
            &text,
            kusto_copy_core::vocabulary::Ticks(638_000_000_000_000_001),
        );
        let question = format!("print ['{}'] = '{}'", escape(&name), escape(&text));
        let answer = check.borrow_mut().ask(&question);
        // A name without a character is none.
        if !name.is_empty() {
            prop_assert!(answer.ok, "{question}: {answer:?}");
            prop_assert_eq!(&answer.names, &[name]);
        }
        prop_assert_eq!(&answer.strings, std::slice::from_ref(&text));
        let answer = check.borrow_mut().ask(query.expose());
        if answer.kind() != query.parser_kind() || !answer.strings.contains(&text) {
            return Err(TestCaseError::fail(format!("{query}: {answer:?}")));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
