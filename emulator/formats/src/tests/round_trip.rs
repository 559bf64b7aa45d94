//! What Kusto promises to carry is carried exactly.

use kusto_emulator_values::{Column, Decimal, ScalarType, TableBuilder, Value, datetime};
use proptest::prelude::*;

use super::{column_of, export, same, there_and_back};
use crate::{Compression, ExportFormat, ExportOptions, Headers, IngestFormat, IngestOptions, read};

/// The extremes of a type.
fn extremes(ty: ScalarType) -> Vec<Value> {
    let decimal = |text: &str| Value::Decimal(Decimal::parse(text).expect("a decimal"));
    let text = |text: &str| Value::string(text);
    let dynamic = |text: &str| Value::Dynamic(text.to_owned());
    let mut values = match ty {
        ScalarType::Bool => vec![Value::Bool(true), Value::Bool(false)],
        ScalarType::Int => vec![Value::Int(i32::MIN), Value::Int(i32::MAX), Value::Int(0)],
        ScalarType::Long => vec![Value::Long(i64::MIN), Value::Long(i64::MAX)],
        ScalarType::Real => [
            f64::MIN,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            0.1,
            -0.0,
            1e15,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ]
        .map(Value::Real)
        .to_vec(),
        ScalarType::Decimal => vec![
            decimal("9999999999999999999999999999999999"),
            decimal("-0.0000000000000000000000000000000001"),
            decimal("1234567890123456.789012345678901234"),
            decimal("1E+6144"),
            decimal("1E-6143"),
            decimal("0"),
        ],
        ScalarType::DateTime => vec![
            Value::DateTime(datetime::MIN),
            Value::DateTime(datetime::MAX),
            Value::DateTime(637_239_957_206_013_576),
        ],
        ScalarType::TimeSpan => [i64::MIN, i64::MAX, -1, 0, 1].map(Value::TimeSpan).to_vec(),
        ScalarType::Guid => vec![Value::Guid(
            "74be27de-1e4e-49d9-b579-fe0b331d3642".to_owned(),
        )],
        ScalarType::String => vec![
            text("plain"),
            text(" blanks at both ends "),
            text("\"quoted\", with 'commas'"),
            text("line\nends\r\nand\rreturns\ttabs"),
            text("NUL\0 and \u{1} and \u{7f}"),
            text("emoji 😀 and e\u{301}"),
            text("\u{feff}mark"),
            text("null"),
            text("\\N \\\" \\"),
            text(&"é".repeat(1 << 19)),
        ],
        ScalarType::Dynamic => vec![
            dynamic("{\"a\":[1,{\"b\":null}],\"c d\":\"x,\\\"y\\\"\\n\"}"),
            dynamic("123456789012345678901234567890.5"),
            dynamic("9007199254740993"),
            dynamic("\"a string\""),
            dynamic("\"\""),
            dynamic("[]"),
            dynamic("{}"),
            dynamic("true"),
        ],
    };
    if ty != ScalarType::String {
        values.push(Value::Null(ty));
    }
    values
}

/// A second column keeps rows from being empty lines.
fn beside_a_constant(ty: ScalarType, values: &[Value]) -> kusto_emulator_values::Table {
    let schema = vec![
        Column::new("k", ScalarType::Int),
        Column::new("odd \"name\", with é", ty),
    ];
    let mut builder = TableBuilder::new(schema);
    for value in values {
        builder
            .push_row(vec![Value::Int(0), value.clone()])
            .expect("typed");
    }
    builder.finish().expect("whole rows")
}

fn options(compression: Compression) -> ExportOptions {
    ExportOptions {
        compression,
        ..ExportOptions::default()
    }
}

#[test]
fn text_formats_carry_every_type() {
    for format in [ExportFormat::Csv, ExportFormat::Tsv, ExportFormat::Json] {
        for compression in [Compression::None, Compression::Gzip] {
            for ty in ScalarType::ALL {
                let values = extremes(ty);
                let table = beside_a_constant(ty, &values);
                let back = there_and_back(&table, format, options(compression));
                assert_eq!(back.len(), values.len(), "{format:?} {ty}");
                for (row, value) in back.iter().zip(&values) {
                    assert!(
                        same(&row[1], value),
                        "{format:?} {ty}: {value:?} came back {row:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn parquet_carries_the_types_it_is_documented_for() {
    let exact = [
        ScalarType::Bool,
        ScalarType::Int,
        ScalarType::Long,
        ScalarType::Real,
        ScalarType::String,
        ScalarType::Dynamic,
    ];
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Zstd,
    ];
    for ty in exact {
        let values = extremes(ty);
        let table = column_of(ty, values.clone());
        for codec in codecs {
            let back = there_and_back(&table, ExportFormat::Parquet, options(codec));
            assert_eq!(back.len(), values.len());
            for (row, value) in back.iter().zip(&values) {
                assert!(same(&row[0], value), "{ty}: {value:?} came back {row:?}");
            }
        }
    }
}

#[test]
fn files_end_at_the_size_limit_and_hold_every_row_once() {
    let values: Vec<_> = (0..5_000).map(Value::Long).collect();
    let table = column_of(ScalarType::Long, values.clone());
    for format in [ExportFormat::Csv, ExportFormat::Json, ExportFormat::Parquet] {
        let limited = ExportOptions {
            size_limit: 10_000,
            ..options(Compression::None)
        };
        let files = export(&table, format, limited);
        assert!(files.len() > 1, "{format:?}");
        let records: u64 = files.iter().map(|file| file.records).sum();
        assert_eq!(records, 5_000, "{format:?}");
        assert!(files.iter().all(|file| file.records > 0));
        let (last, full) = files.split_last().expect("files");
        assert!(full.iter().all(|file| file.uncompressed_size >= 10_000));
        assert!(last.uncompressed_size > 0);
    }
}

#[test]
fn no_rows_make_no_file() {
    let table = column_of(ScalarType::Long, vec![]);
    let headed = ExportOptions {
        headers: Headers::All,
        ..ExportOptions::default()
    };
    assert!(export(&table, ExportFormat::Csv, headed).is_empty());
}

#[test]
fn headers_and_byte_order_marks() {
    let table = column_of(ScalarType::Long, (0..3).map(Value::Long).collect());
    let cases = [
        (Headers::None, ["0\r\n", "1\r\n"]),
        (Headers::FirstFile, ["c\r\n0\r\n", "1\r\n"]),
        (Headers::All, ["c\r\n0\r\n", "c\r\n1\r\n"]),
    ];
    for (headers, expected) in cases {
        let options = ExportOptions {
            headers,
            size_limit: 1,
            ..ExportOptions::default()
        };
        let files = export(&table, ExportFormat::Csv, options);
        assert_eq!(files.len(), 3);
        for (file, text) in files.iter().zip(expected) {
            assert_eq!(String::from_utf8_lossy(&file.bytes), text, "{headers:?}");
        }
    }
    let marked = ExportOptions {
        has_byte_order_mark: true,
        headers: Headers::All,
        ..ExportOptions::default()
    };
    let file = export(&table, ExportFormat::Csv, marked).remove(0);
    assert_eq!(file.bytes, b"\xef\xbb\xbfc\r\n0\r\n1\r\n2\r\n");
    let mut options = IngestOptions::new(IngestFormat::Csv);
    options.ignore_first_record = true;
    let ingested = read(file.bytes, "f.csv", &table.schema, &options).expect("readable");
    assert_eq!(ingested.records, 3);
}

#[test]
fn names_tell_format_and_compression() {
    let table = column_of(ScalarType::Long, vec![Value::Long(1)]);
    let cases = [
        (ExportFormat::Csv, Compression::None, "csv"),
        (ExportFormat::Csv, Compression::Gzip, "csv.gz"),
        (ExportFormat::Json, Compression::Gzip, "json.gz"),
        (ExportFormat::Parquet, Compression::Snappy, "parquet"),
    ];
    for (format, compression, extension) in cases {
        let file = export(&table, format, options(compression)).remove(0);
        assert_eq!(file.extension, extension);
    }
    let refused = crate::Writer::new(
        ExportFormat::Csv,
        options(Compression::Snappy),
        &table.schema,
    );
    assert!(refused.is_err());
}

proptest! {
    #[test]
    fn any_text_survives_text_formats(texts in prop::collection::vec(any::<String>(), 1..8)) {
        let values: Vec<_> = texts.into_iter().map(Value::String).collect();
        let table = beside_a_constant(ScalarType::String, &values);
        for format in [ExportFormat::Csv, ExportFormat::Tsv, ExportFormat::Json] {
            let back = there_and_back(&table, format, ExportOptions::default());
            let back: Vec<_> = back.into_iter().map(|mut row| row.remove(1)).collect();
            prop_assert_eq!(&back, &values);
        }
    }

    #[test]
    fn any_number_survives_csv(
        long in any::<i64>(),
        real in any::<f64>(),
        ticks in datetime::MIN..=datetime::MAX,
        span in any::<i64>(),
        digits in any::<i64>(),
        scale in -40_i64..40,
    ) {
        let decimal = Decimal::from_unscaled(i128::from(digits), scale).expect("in range");
        let values = [
            Value::Long(long),
            Value::Real(real),
            Value::DateTime(ticks),
            Value::TimeSpan(span),
            Value::Decimal(decimal),
        ];
        for value in values {
            let table = column_of(value.ty(), vec![value.clone()]);
            let back = there_and_back(&table, ExportFormat::Csv, ExportOptions::default());
            prop_assert!(same(&back[0][0], &value), "{:?} came back {:?}", value, back);
        }
    }
}
