//! Reading delimited files.

use kusto_emulator_values::{Column, ScalarType, Schema, Value};

use super::ingest;
use crate::{IngestFormat, IngestOptions, Mapping, Validation, read};

fn strings(count: usize) -> Schema {
    (0..count)
        .map(|index| Column::new(format!("c{index}"), ScalarType::String))
        .collect()
}

fn csv() -> IngestOptions {
    IngestOptions::new(IngestFormat::Csv)
}

/// The texts of all rows.
fn texts(text: &[u8], columns: usize, options: &IngestOptions) -> Vec<Vec<String>> {
    let rows = ingest(text, &strings(columns), options).expect("readable");
    let row = |row: Vec<Value>| row.iter().map(Value::to_text).collect();
    rows.into_iter().map(row).collect()
}

#[test]
fn quoting_and_line_ends() {
    let cases: [(&[u8], &[&[&str]]); 14] = [
        (b"a,b", &[&["a", "b"]]),
        (b"a,b\n", &[&["a", "b"]]),
        (b"a,b\r\nc,d\r\n", &[&["a", "b"], &["c", "d"]]),
        (b"\n\na,b\n\r\n\nc,d\n\n", &[&["a", "b"], &["c", "d"]]),
        (
            b"\"a,\"\"b\"\"\",\"c\nd\r\ne\"\n",
            &[&["a,\"b\"", "c\nd\r\ne"]],
        ),
        (b"a\"b,c\"\"d\n", &[&["a\"b", "c\"\"d"]]),
        (b"\"a\"b,c\n", &[&["ab", "c"]]),
        (b"\"\",\"\"\n", &[&["", ""]]),
        (b",\n", &[&["", ""]]),
        (b"a,\r", &[&["a", ""]]),
        (b"a\rb,c\n", &[&["a\rb", "c"]]),
        (b" a , b \n", &[&[" a ", " b "]]),
        (b"\xef\xbb\xbfa,b\n", &[&["a", "b"]]),
        (b"a\0,\xff\n", &[&["a\0", "\u{fffd}"]]),
    ];
    for (text, expected) in cases {
        let rows = texts(text, 2, &csv());
        assert_eq!(rows, expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn positions_missing_and_surplus_fields() {
    assert_eq!(texts(b"a,b,c\n", 2, &csv()), [["a", "b"]]);
    assert_eq!(texts(b"a\n", 2, &csv()), [["a", ""]]);
    let schema = vec![
        Column::new("a", ScalarType::Long),
        Column::new("b", ScalarType::Long),
    ];
    let rows = ingest(b"1\n", &schema, &csv()).expect("readable");
    assert_eq!(rows, [[Value::Long(1), Value::Null(ScalarType::Long)]]);
}

#[test]
fn irregular_records_follow_the_policy() {
    let text = b"a,b\nc\nd,e,f\n";
    let mut strict = csv();
    strict.validation = Validation::Fail;
    let failed = ingest(text, &strings(2), &strict).expect_err("irregular");
    assert_eq!(failed.code(), "Stream_WrongNumberOfFields");
    // Without a policy they pass, and nobody is told.
    assert_eq!(texts(text, 2, &csv()).len(), 3);
    let policies = [
        (r#"{"ValidationOptions":1,"ValidationImplications":1}"#, 2),
        (r#"{"ValidationOptions":0,"ValidationImplications":0}"#, 0),
        (
            r#"{"ValidationOptions":"ValidateCsvInputConstantColumns","ValidationImplications":"BestEffort"}"#,
            2,
        ),
    ];
    for (policy, errors) in policies {
        let mut options = csv();
        options.validation = Validation::parse(policy).expect("a policy");
        assert_eq!(
            texts(text, 2, &options),
            [["a", "b"], ["c", ""], ["d", "e"]]
        );
        let ingested = read(text.to_vec(), "f", &strings(2), &options).expect("readable");
        assert_eq!(ingested.errors, errors, "{policy}");
    }
    let strict = r#"{"ValidationOptions":1,"ValidationImplications":0}"#;
    assert_eq!(
        Validation::parse(strict).expect("a policy"),
        Validation::Fail
    );
    for text in [
        "",
        "[]",
        r#"{"ValidationOptions":7}"#,
        r#"{"ValidationImplications":7}"#,
    ] {
        assert!(Validation::parse(text).is_err(), "{text}");
    }
}

#[test]
fn mappings_by_ordinal() {
    let mapping = r#"[
        {"Column":"c2","Properties":{"Ordinal":"0"}},
        {"Column":"c0","Properties":{"Ordinal":"2"}},
        {"Column":"c1","Properties":{"ConstValue":"k"}}
    ]"#;
    let mut options = csv();
    options.mapping = Some(Mapping::parse(mapping).expect("a mapping"));
    assert_eq!(texts(b"x,y,z\n", 4, &options), [["z", "k", "x", ""]]);
    assert_eq!(texts(b"x\n", 4, &options), [["", "k", "x", ""]]);
    let unknown = ingest(b"x\n", &strings(2), &options).expect_err("no column c2");
    assert_eq!(unknown.code(), "BadRequest_InconsistentMapping");
    let mut by_path = csv();
    let path = r#"[{"Column":"c0","Properties":{"Path":"$.a"}}]"#;
    by_path.mapping = Some(Mapping::parse(path).expect("a mapping"));
    let wrong = ingest(b"x\n", &strings(1), &by_path).expect_err("a path for csv");
    assert_eq!(wrong.code(), "BadRequest_InvalidMapping");
}

#[test]
fn transformed_numbers() {
    let schema = vec![Column::new("t", ScalarType::DateTime)];
    let mapping =
        r#"[{"Column":"t","Properties":{"Ordinal":0,"Transform":"DateTimeFromUnixNanoseconds"}}]"#;
    let mut options = csv();
    options.mapping = Some(Mapping::parse(mapping).expect("a mapping"));
    let rows = ingest(b"1588398920601357600\nx\n", &schema, &options).expect("readable");
    let expected = Value::DateTime(637_239_957_206_013_576);
    assert_eq!(rows, [[expected], [Value::Null(ScalarType::DateTime)]]);
}

#[test]
fn headers_are_skipped_on_request() {
    let mut options = csv();
    options.ignore_first_record = true;
    assert_eq!(texts(b"name\na,b\n", 2, &options), [["a", "b"]]);
    let header_only = ingest(b"name\n", &strings(1), &options).expect_err("no record");
    assert_eq!(header_only.code(), "BadRequest_NoRecordsOrWrongFormat");
}

#[test]
fn files_that_cannot_be_ingested() {
    let cases: [(&[u8], &str, &str); 6] = [
        (b"", "f.csv", "BadRequest_EmptyBlob"),
        (b"\r\n\n", "f.csv", "BadRequest_NoRecordsOrWrongFormat"),
        (b"a,\"b\nc,d\n", "f.csv", "Stream_ClosingQuoteMissing"),
        (b"a,b\n", "f.csv.gz", "BadRequest_InvalidBlob"),
        (b"\x1f\x8bnonsense", "f.csv", "BadRequest_InvalidBlob"),
        (b"PK\x03\x04", "f.zip", "BadRequest_FormatNotSupported"),
    ];
    for (bytes, name, code) in cases {
        let error = read(bytes.to_vec(), name, &strings(2), &csv()).expect_err(code);
        assert_eq!(error.code(), code);
        assert!(error.is_permanent());
    }
    assert!(IngestFormat::parse("avro").is_err());
    assert_eq!(
        IngestFormat::parse("CSV").expect("known"),
        IngestFormat::Csv
    );
}

#[test]
fn many_rows_come_in_several_batches() {
    let text = "1,2\n".repeat(70_000);
    let schema = strings(2);
    let ingested = read(text.into_bytes(), "f", &schema, &csv()).expect("readable");
    assert_eq!(ingested.records, 70_000);
    assert_eq!(ingested.batches.len(), 2);
}
