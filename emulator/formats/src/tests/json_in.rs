//! Reading JSON lines and multi-line JSON.

use kusto_emulator_values::{Column, ScalarType, Schema, Value};

use super::ingest;
use crate::{IngestFormat, IngestOptions, Mapping, read};

fn schema() -> Schema {
    vec![
        Column::new("a", ScalarType::Long),
        Column::new("b c", ScalarType::String),
        Column::new("d", ScalarType::Dynamic),
    ]
}

fn row(a: Option<i64>, b: &str, d: Option<&str>) -> Vec<Value> {
    vec![
        a.map_or(Value::Null(ScalarType::Long), Value::Long),
        Value::string(b),
        d.map_or(Value::Null(ScalarType::Dynamic), |json| {
            Value::Dynamic(json.to_owned())
        }),
    ]
}

#[test]
fn values_by_exact_name() {
    let cases = [
        (
            r#"{"a":1,"b c":"x","d":{"e": [1]}}"#,
            row(Some(1), "x", Some(r#"{"e":[1]}"#)),
        ),
        (r#"{"A":1,"b":"x"}"#, row(None, "", None)),
        (
            r#"{"a":"7","b c":7.50,"d":"s"}"#,
            row(Some(7), "7.50", Some("\"s\"")),
        ),
        (
            r#"{"a":1.5,"b c":{"x": 1},"d":1e2}"#,
            row(None, "{\"x\":1}", Some("1e2")),
        ),
        (r#"{"a":null,"b c":null,"d":null}"#, row(None, "", None)),
        (
            r#"{"a":9223372036854775807,"b c":true,"d":9007199254740993}"#,
            row(Some(i64::MAX), "true", Some("9007199254740993")),
        ),
        (
            r#"{"a":1,"a":2,"b c":"\ud83d\ude00\u0000"}"#,
            row(Some(2), "😀\0", None),
        ),
        ("{\"b c\":\"\\ud83d\"}", row(None, "\u{fffd}", None)),
    ];
    for format in [IngestFormat::Json, IngestFormat::MultiJson] {
        for (text, expected) in &cases {
            let options = IngestOptions::new(format);
            let rows = ingest(text.as_bytes(), &schema(), &options).expect(text);
            assert_eq!(rows, std::slice::from_ref(expected), "{text}");
        }
    }
}

#[test]
fn malformed_lines_are_dropped_silently() {
    let text = "{\"a\":1}\n{\"a\":2\n\nnonsense\n[{\"a\":3}]\n{\"a\":4} tail\n{\"a\":5}";
    let options = IngestOptions::new(IngestFormat::Json);
    let ingested = read(text.into(), "f", &schema(), &options).expect("readable");
    assert_eq!((ingested.records, ingested.errors), (2, 4));
    let none = ingest(b"nonsense\n", &schema(), &options).expect_err("no record");
    assert_eq!(none.code(), "BadRequest_NoRecordsOrWrongFormat");
}

#[test]
fn multi_line_json_fails_whole() {
    let options = IngestOptions::new(IngestFormat::MultiJson);
    let good: [&[u8]; 3] = [
        b"{\n\"a\":1}\n{\"a\":2}",
        b"[{\"a\":1},\n{\"a\":2}]",
        b"{\"a\":1}[{\"a\":2}]",
    ];
    for text in good {
        let rows = ingest(text, &schema(), &options).expect("readable");
        assert_eq!(rows, [row(Some(1), "", None), row(Some(2), "", None)]);
    }
    for text in ["{\"a\":1}{", "[1]", "7", "[{\"a\":1}"] {
        let error = ingest(text.as_bytes(), &schema(), &options).expect_err(text);
        assert_eq!(error.code(), "BadRequest_InvalidBlob", "{text}");
    }
}

#[test]
fn mappings_by_path() {
    let mapping = r#"[
        {"Column":"a","Properties":{"Path":"$.x['y z'][1]"}},
        {"Column":"b c","Properties":{"Path":"$.x.w"}},
        {"Column":"d","Properties":{"Path":"$"}}
    ]"#;
    let mut options = IngestOptions::new(IngestFormat::Json);
    options.mapping = Some(Mapping::parse(mapping).expect("a mapping"));
    let text = r#"{"x":{"y z":[0, 5],"w":"v"}}"#;
    let rows = ingest(text.as_bytes(), &schema(), &options).expect("readable");
    assert_eq!(
        rows,
        [row(Some(5), "v", Some(r#"{"x":{"y z":[0,5],"w":"v"}}"#))]
    );
    let rows = ingest(b"{\"x\":3}", &schema(), &options).expect("readable");
    assert_eq!(rows, [row(None, "", Some("{\"x\":3}"))]);
}
