//! Reading Parquet files: the documented table of conversions.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::Int64Type;
use kusto_emulator_values::{Column, ScalarType, Value};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::{WriterProperties, WriterVersion};

use super::rows;
use crate::{IngestError, IngestFormat, IngestOptions, Mapping, read};

/// A Parquet file of one field `f`.
fn file(array: ArrayRef, properties: WriterProperties) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([("f", array)]).expect("one column");
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a schema");
    writer.write(&batch).expect("written");
    writer.into_inner().expect("closed")
}

/// What the file's field is in a column of a type.
fn column(bytes: Vec<u8>, ty: ScalarType) -> Result<Vec<Value>, IngestError> {
    let schema = vec![Column::new("f", ty)];
    let options = IngestOptions::new(IngestFormat::Parquet);
    let ingested = read(bytes, "f.parquet", &schema, &options)?;
    let cells = rows(&schema, ingested).into_iter();
    Ok(cells.map(|mut row| row.remove(0)).collect())
}

/// Checks single values: array, type of the column, text of the value; an empty text is null.
fn check(cases: &[(ArrayRef, ScalarType, &str)]) {
    for (array, ty, expected) in cases {
        let from = array.data_type();
        let bytes = file(Arc::clone(array), WriterProperties::default());
        let values = column(bytes, *ty).expect("readable");
        let texts: Vec<_> = values.iter().map(Value::to_text).collect();
        assert_eq!(texts, [*expected], "{from} to {ty}");
        assert_eq!(values[0].is_null(), expected.is_empty(), "{from} to {ty}");
    }
}

#[test]
fn conversions_of_numbers() {
    use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan};
    let int = || Arc::new(Int32Array::from(vec![7])) as ArrayRef;
    let long = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let unsigned = || Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef;
    let real = |value: f64| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
    let flag = || Arc::new(BooleanArray::from(vec![true])) as ArrayRef;
    check(&[
        (int(), Int, "7"),
        (int(), Long, "7"),
        (long(7), Long, "7"),
        (long(7), Int, "7"),
        (long(1 << 40), Int, ""),
        (long(7), Real, "7.0"),
        (long(7), Bool, "true"),
        (long(7), Decimal, "7"),
        (long(7), String, "7"),
        (long(7), TimeSpan, ""),
        (long(7), DateTime, ""),
        (long(7), Dynamic, ""),
        (long(7), Guid, ""),
        (unsigned(), Long, ""),
        (unsigned(), Decimal, "18446744073709551615"),
        (unsigned(), Real, ""),
        (real(2.0), Long, "2"),
        (real(2.5), Long, ""),
        (real(2.5), Real, "2.5"),
        (real(0.1), Decimal, "0.1"),
        (real(2.5), String, "2.5"),
        (real(2.5), Dynamic, ""),
        (flag(), Bool, "true"),
        (flag(), Int, ""),
        (flag(), Decimal, "1"),
        (flag(), String, "true"),
    ]);
}

#[test]
fn conversions_of_texts_decimals_and_times() {
    use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String, TimeSpan};
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let fixed = |digits: i128, precision, scale| {
        let array = Decimal128Array::from(vec![digits]);
        Arc::new(
            array
                .with_precision_and_scale(precision, scale)
                .expect("fits"),
        ) as ArrayRef
    };
    let instant = || Arc::new(TimestampNanosecondArray::from(vec![1_199])) as ArrayRef;
    let day = || Arc::new(Date32Array::from(vec![1])) as ArrayRef;
    check(&[
        (text("true"), Bool, ""),
        (text("7"), Int, "7"),
        (text("x"), Long, ""),
        (text("0.5"), Real, "0.5"),
        (text("12.50"), Decimal, "12.5"),
        (text("74be27de-1e4e-49d9-b579-fe0b331d3642"), Guid, ""),
        (text("2020-05-02T05:55:20.6013576Z"), DateTime, ""),
        (text("00:00:01"), TimeSpan, ""),
        (text("{\"a\": 1}"), Dynamic, "{\"a\":1}"),
        (text("abc"), Dynamic, "\"abc\""),
        (text("abc"), String, "abc"),
        (fixed(150, 34, 2), Decimal, "1.5"),
        (fixed(150, 34, 2), Real, "1.5"),
        (fixed(200, 34, 2), Long, "2"),
        (fixed(200, 34, 2), Int, ""),
        (fixed(200, 34, 2), Bool, ""),
        (fixed(150, 34, 2), String, "1.5"),
        (fixed(200, 9, 2), Int, "2"),
        (fixed(200, 18, 2), Bool, "true"),
        (instant(), DateTime, "1970-01-01T00:00:00.0000011Z"),
        (instant(), String, "1970-01-01T00:00:00.0000011Z"),
        (instant(), Long, ""),
        (day(), DateTime, "1970-01-02T00:00:00.0000000Z"),
        (day(), TimeSpan, ""),
    ]);
}

#[test]
fn delta_encodings_are_read() {
    let texts: Vec<_> = (0..100).map(|index| format!("prefix {index}")).collect();
    let array = Arc::new(StringArray::from(texts.clone()));
    for encoding in [
        Encoding::DELTA_BYTE_ARRAY,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
    ] {
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_dictionary_enabled(false)
            .set_encoding(encoding)
            .build();
        let bytes = file(Arc::clone(&array) as ArrayRef, properties);
        let values = column(bytes, ScalarType::String).expect("readable");
        let expected: Vec<_> = texts.iter().map(Value::string).collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn fields_by_path_name_and_constant() {
    let batch = RecordBatch::try_from_iter([
        (
            "c0",
            Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef,
        ),
        ("unused", Arc::new(Int64Array::from(vec![5, 6]))),
        ("c 1", Arc::new(StringArray::from(vec![Some("x"), None]))),
    ])
    .expect("columns");
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a schema");
    writer.write(&batch).expect("written");
    let bytes = writer.into_inner().expect("closed");
    let schema = vec![
        Column::new("s", ScalarType::String),
        Column::new("a", ScalarType::Long),
        Column::new("k", ScalarType::Int),
        Column::new("none", ScalarType::Real),
        Column::new("missing", ScalarType::Real),
    ];
    let mapping = r#"[
        {"Column":"a","Properties":{"Path":"$.c0"}},
        {"Column":"s","Properties":{"Field":"c 1"}},
        {"Column":"k","Properties":{"ConstValue":"9"}},
        {"Column":"missing","Properties":{"Path":"$['nowhere']"}}
    ]"#;
    let mut options = IngestOptions::new(IngestFormat::Parquet);
    options.mapping = Some(Mapping::parse(mapping).expect("a mapping"));
    let ingested = read(bytes.clone(), "f", &schema, &options).expect("readable");
    let null = Value::Null(ScalarType::Real);
    let row = |text: &str, a: Value| {
        vec![
            Value::string(text),
            a,
            Value::Int(9),
            null.clone(),
            null.clone(),
        ]
    };
    let expected = [
        row("x", Value::Long(1)),
        row("", Value::Null(ScalarType::Long)),
    ];
    assert_eq!(rows(&schema, ingested), expected);
    // By name, nothing of the file belongs to the table: its rows are there all the same.
    let options = IngestOptions::new(IngestFormat::Parquet);
    let ingested = read(bytes, "f", &schema, &options).expect("readable");
    assert_eq!(ingested.records, 2);
}

#[test]
fn what_is_no_parquet_file() {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)])]);
    let unknown = file(Arc::new(list), WriterProperties::default());
    let cut = &file(
        Arc::new(Int64Array::from(vec![1])),
        WriterProperties::default(),
    )[..20];
    let none = file(
        Arc::new(Int64Array::from(Vec::<i64>::new())),
        WriterProperties::default(),
    );
    let cases = [
        (unknown, "BadRequest_FormatNotSupported"),
        (cut.to_vec(), "BadRequest_InvalidBlob"),
        (b"a,b\n".to_vec(), "BadRequest_InvalidBlob"),
        (none, "BadRequest_NoRecordsOrWrongFormat"),
    ];
    for (bytes, code) in cases {
        let error = column(bytes, ScalarType::Dynamic).expect_err(code);
        assert_eq!(error.code(), code);
    }
}
