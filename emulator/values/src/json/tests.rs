use super::{to_json, write_rows};
use crate::{Column, Decimal, ScalarType, TableBuilder, Value};

fn cases() -> Vec<(Value, &'static str)> {
    let decimal = Decimal::parse("2.00000000000001").expect("a decimal");
    vec![
        (Value::Bool(false), "false"),
        (Value::Int(-7), "-7"),
        (Value::Long(i64::MAX), "9223372036854775807"),
        (Value::Real(0.5), "0.5"),
        (Value::Real(f64::NAN), "\"NaN\""),
        (Value::Real(f64::NEG_INFINITY), "\"-Infinity\""),
        (Value::Decimal(decimal), "\"2.00000000000001\""),
        (
            Value::DateTime(637_239_957_206_013_576),
            "\"2020-05-02T05:55:20.6013576Z\"",
        ),
        (Value::TimeSpan(-1), "\"-00:00:00.0000001\""),
        (
            Value::Guid("74be27de-1e4e-49d9-b579-fe0b331d3642".to_owned()),
            "\"74be27de-1e4e-49d9-b579-fe0b331d3642\"",
        ),
        (
            Value::string("a\"\\\n\r\t\0\u{7f}é😀"),
            "\"a\\\"\\\\\\n\\r\\t\\u0000\u{7f}é😀\"",
        ),
        (Value::string(""), "\"\""),
        (Value::Null(ScalarType::String), "\"\""),
        (Value::Null(ScalarType::Dynamic), "null"),
        (Value::Null(ScalarType::Long), "null"),
        (
            Value::Dynamic("{\"a\":[1,null]}".to_owned()),
            "{\"a\":[1,null]}",
        ),
    ]
}

#[test]
fn single_values_and_rows_agree() {
    for (value, expected) in cases() {
        let expected: serde_json::Value = serde_json::from_str(expected).expect("JSON");
        assert_eq!(to_json(&value), expected, "{value:?}");
    }
}

#[test]
fn rows_are_one_array_of_arrays() {
    let schema = cases()
        .iter()
        .enumerate()
        .map(|(index, (value, _))| Column::new(format!("c{index}"), value.ty()))
        .collect();
    let row: Vec<_> = cases().into_iter().map(|(value, _)| value).collect();
    let mut builder = TableBuilder::new(schema);
    builder.push_row(row.clone()).expect("typed");
    builder.push_row(row).expect("typed");
    let mut out = Vec::new();
    write_rows(&builder.finish().expect("whole rows"), &mut out).expect("memory");
    let one: Vec<_> = cases().into_iter().map(|(_, text)| text).collect();
    let one = one.join(",");
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!(text, format!("[[{one}],[{one}]]"));
}

#[test]
fn numbers_within_dynamics_keep_their_digits() {
    let mut builder = TableBuilder::new(vec![Column::new("d", ScalarType::Dynamic)]);
    let number = "123456789012345678901234567890.10";
    builder
        .push_row(vec![Value::from_text(number, ScalarType::Dynamic)])
        .expect("typed");
    let mut out = Vec::new();
    write_rows(&builder.finish().expect("whole rows"), &mut out).expect("memory");
    assert_eq!(out, format!("[[{number}]]").into_bytes());
}

#[test]
fn a_table_without_rows_is_an_empty_array() {
    let table = crate::Table::empty(vec![Column::new("a", ScalarType::Bool)]);
    let mut out = Vec::new();
    write_rows(&table, &mut out).expect("memory");
    assert_eq!(out, b"[]");
}
