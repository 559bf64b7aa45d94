//! What Kusto damages is damaged, and silently.

use kusto_emulator_values::{Decimal, ScalarType, Value, datetime};

use super::{column_of, ingest, there_and_back};
use crate::{DateTimePrecision, ExportFormat, ExportOptions, IngestFormat, IngestOptions};

/// What a value is after Parquet, with a precision of datetimes.
fn through_parquet(value: &Value, datetime_precision: DateTimePrecision) -> Value {
    let table = column_of(value.ty(), vec![value.clone()]);
    let options = ExportOptions {
        datetime_precision,
        ..ExportOptions::default()
    };
    there_and_back(&table, ExportFormat::Parquet, options)
        .remove(0)
        .remove(0)
}

#[test]
fn parquet_cuts_datetimes() {
    let milli = DateTimePrecision::Millisecond;
    let micro = DateTimePrecision::Microsecond;
    let cases = [
        (
            "2020-05-02T05:55:20.6013576Z",
            milli,
            "2020-05-02T05:55:20.6010000Z",
        ),
        (
            "2020-05-02T05:55:20.6013576Z",
            micro,
            "2020-05-02T05:55:20.6013570Z",
        ),
        (
            "0001-01-01T00:00:00.0000009Z",
            milli,
            "0001-01-01T00:00:00.0000000Z",
        ),
        (
            "1969-12-31T23:59:59.9999999Z",
            micro,
            "1969-12-31T23:59:59.9999990Z",
        ),
        (
            "9999-12-31T23:59:59.9999999Z",
            milli,
            "9999-12-31T23:59:59.9990000Z",
        ),
        (
            "9999-12-31T23:59:59.9999999Z",
            micro,
            "9999-12-31T23:59:59.9999990Z",
        ),
    ];
    for (text, precision, expected) in cases {
        let ticks = datetime::parse(text).expect("a datetime");
        let back = through_parquet(&Value::DateTime(ticks), precision);
        assert_eq!(back.to_text(), expected, "{text} {precision:?}");
    }
}

#[test]
fn parquet_loses_timespans_and_guids() {
    let lost = [
        Value::TimeSpan(1),
        Value::Guid("74be27de-1e4e-49d9-b579-fe0b331d3642".to_owned()),
    ];
    for value in lost {
        let back = through_parquet(&value, DateTimePrecision::Millisecond);
        assert_eq!(back, Value::Null(value.ty()));
    }
}

#[test]
fn parquet_rounds_decimals_and_drops_great_ones() {
    let cases = [
        ("1.5", "1.5"),
        (
            "-12345678901234567.12345678901234567",
            "-12345678901234567.12345678901234567",
        ),
        (
            "99999999999999999.99999999999999999",
            "99999999999999999.99999999999999999",
        ),
        ("0.1234567890123456789", "0.12345678901234568"),
        ("1E-20", "0"),
        ("100000000000000000", ""),
        ("-1E+6144", ""),
    ];
    for (text, expected) in cases {
        let decimal = Decimal::parse(text).expect("a decimal");
        let back = through_parquet(&Value::Decimal(decimal), DateTimePrecision::Millisecond);
        assert_eq!(back.to_text(), expected, "{text}");
    }
}

#[test]
fn long_strings_are_cut_and_long_dynamics_are_null() {
    let schema = vec![kusto_emulator_values::Column::new("c", ScalarType::String)];
    let mut options = IngestOptions::new(IngestFormat::Csv);
    options.max_value_sizes = vec![5];
    let cases = [
        ("abcde", "abcde"),
        ("abcdef", "abcde"),
        ("abcdé", "abcd"),
        ("éééé", "éé"),
    ];
    for (text, expected) in cases {
        let rows = ingest(text.as_bytes(), &schema, &options).expect("readable");
        assert_eq!(rows, [[Value::string(expected)]], "{text}");
    }
    let schema = vec![kusto_emulator_values::Column::new("c", ScalarType::Dynamic)];
    let cases = [
        ("[1234]", None),
        ("[123]", Some("[123]")),
        ("[ 1 ]", Some("[1]")),
        ("[  123  ]", Some("[123]")),
        ("abc", Some("\"abc\"")),
        ("abcdefgh", None),
    ];
    for (text, expected) in cases {
        let rows = ingest(text.as_bytes(), &schema, &options).expect("readable");
        let expected = expected.map_or(Value::Null(ScalarType::Dynamic), |json| {
            Value::Dynamic(json.to_owned())
        });
        assert_eq!(rows, [[expected]], "{text}");
    }
}

#[test]
fn one_megabyte_is_the_limit_where_nothing_else_is_said() {
    for format in [ExportFormat::Csv, ExportFormat::Json, ExportFormat::Parquet] {
        let just = "x".repeat(crate::DEFAULT_MAX_VALUE_SIZE);
        let values = vec![
            Value::string(just.as_str()),
            Value::string(format!("{just}y")),
        ];
        let table = column_of(ScalarType::String, values);
        let rows = there_and_back(&table, format, ExportOptions::default());
        assert_eq!(
            rows,
            [[Value::string(just.as_str())], [Value::string(just)]]
        );
    }
    for format in [ExportFormat::Csv, ExportFormat::Json, ExportFormat::Parquet] {
        let long = format!("\"{}\"", "x".repeat(crate::DEFAULT_MAX_VALUE_SIZE));
        let table = column_of(ScalarType::Dynamic, vec![Value::Dynamic(long)]);
        let rows = there_and_back(&table, format, ExportOptions::default());
        assert_eq!(rows, [[Value::Null(ScalarType::Dynamic)]], "{format:?}");
    }
}

#[test]
fn a_table_of_one_text_column_loses_its_empty_rows_in_csv() {
    let values = ["a", "", "b"].map(Value::string).to_vec();
    let table = column_of(ScalarType::String, values);
    let files = super::export(&table, ExportFormat::Csv, ExportOptions::default());
    assert_eq!(files[0].records, 3);
    let options = IngestOptions::new(IngestFormat::Csv);
    let rows = ingest(&files[0].bytes, &table.schema, &options).expect("readable");
    assert_eq!(rows, [[Value::string("a")], [Value::string("b")]]);
}
