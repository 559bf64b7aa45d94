use super::{ColumnBuilder, TableBuilder};
use crate::{Column, Decimal, ScalarType, Value, ValuesError};

/// A value of every type and its text.
fn samples() -> Vec<(Value, &'static str)> {
    let decimal = Decimal::parse("-1.5").expect("a decimal");
    vec![
        (Value::Bool(true), "true"),
        (Value::Int(i32::MIN), "-2147483648"),
        (Value::Long(i64::MIN), "-9223372036854775808"),
        (Value::Real(f64::MAX), "1.7976931348623157E+308"),
        (Value::Decimal(decimal), "-1.5"),
        (Value::DateTime(1), "0001-01-01T00:00:00.0000001Z"),
        (Value::TimeSpan(-1), "-00:00:00.0000001"),
        (
            Value::Guid("74be27de-1e4e-49d9-b579-fe0b331d3642".to_owned()),
            "74be27de-1e4e-49d9-b579-fe0b331d3642",
        ),
        (Value::string("a\0\n\"😀"), "a\0\n\"😀"),
        (Value::Dynamic("{\"a\":[1]}".to_owned()), "{\"a\":[1]}"),
    ]
}

#[test]
fn every_type_goes_in_and_comes_out() {
    let samples = samples();
    let schema: Vec<_> = samples
        .iter()
        .map(|(value, _)| Column::new(format!("c_{}", value.ty()), value.ty()))
        .collect();
    assert_eq!(schema.len(), ScalarType::ALL.len());
    let row: Vec<_> = samples.iter().map(|(value, _)| value.clone()).collect();
    let nulls: Vec<_> = schema.iter().map(|column| Value::Null(column.ty)).collect();
    let mut builder = TableBuilder::new(schema);
    builder.push_row(row.clone()).expect("typed");
    builder.push_row(nulls).expect("nulls");
    let table = builder.finish().expect("whole rows");
    assert_eq!(table.num_rows(), 2);
    let rows = table.rows().expect("Arrow forms");
    assert_eq!(rows[0], row);
    for (value, column) in rows[1].iter().zip(&table.schema) {
        if column.ty == ScalarType::String {
            assert_eq!(*value, Value::string(""));
        } else {
            assert_eq!(*value, Value::Null(column.ty));
        }
    }
}

#[test]
fn texts_are_read_as_values() {
    for (value, text) in samples() {
        assert_eq!(value.to_text(), text);
        assert_eq!(Value::from_text(text, value.ty()), value, "{text}");
        let mut column = ColumnBuilder::new(value.ty());
        column.push_text(text);
        column.push_text("");
        let array = column.finish();
        let read = |row| Value::from_array(array.as_ref(), row, value.ty()).expect("its form");
        assert_eq!(read(0), value, "{text}");
        assert_eq!(read(1), Value::from_text("", value.ty()));
    }
}

#[test]
fn what_does_not_fit_is_null() {
    let cases = [
        (ScalarType::Bool, "yes"),
        (ScalarType::Int, "2147483648"),
        (ScalarType::Int, "1.0"),
        (ScalarType::Long, "9223372036854775808"),
        (ScalarType::Real, "1e999"),
        (ScalarType::Decimal, "abc"),
        (ScalarType::DateTime, "2020-02-30"),
        (ScalarType::TimeSpan, "25:00:00"),
        (ScalarType::Guid, "zz"),
        (ScalarType::Dynamic, "null"),
    ];
    for (ty, text) in cases {
        assert_eq!(Value::from_text(text, ty), Value::Null(ty), "{text}");
        assert!(Value::from_text(text, ty).is_null());
    }
    assert!(!Value::Null(ScalarType::String).is_null());
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let mut builder = TableBuilder::new(vec![Column::new("a", ScalarType::Long)]);
    builder.push_row(vec![Value::Int(7)]).expect("widened");
    let length = builder.push_row(vec![]).expect_err("no values");
    assert!(matches!(
        length,
        ValuesError::RowLength {
            expected: 1,
            found: 0
        }
    ));
    let ty = builder
        .push_row(vec![Value::TimeSpan(1)])
        .expect_err("another type of the same Arrow form");
    assert!(matches!(
        ty,
        ValuesError::ValueType {
            found: ScalarType::TimeSpan,
            ..
        }
    ));
}
