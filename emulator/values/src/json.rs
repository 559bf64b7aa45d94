//! The JSON form of values in REST answers.

use std::io::{self, Write};

use arrow::array::{Array, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array};
use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};

use crate::{Column, ScalarType, Table, Value, ValuesError, datetime, real, timespan};

/// The JSON form of a value: numbers for int, long and real (`"NaN"`, `"Infinity"`, `"-Infinity"`
/// as strings), text for decimal, datetime, timespan and guid, inline JSON for dynamic.
///
/// Numbers within a dynamic beyond 64 bits lose digits here; [`write_rows`] keeps them.
#[must_use]
pub fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null(ScalarType::String) => Json::String(String::new()),
        Value::Null(_) => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Long(value) => Json::from(*value),
        Value::Real(value) => serde_json::Number::from_f64(*value)
            .map_or_else(|| Json::String(real::format(*value)), Json::Number),
        Value::Decimal(_)
        | Value::DateTime(_)
        | Value::TimeSpan(_)
        | Value::Guid(_)
        | Value::String(_) => Json::String(value.to_text()),
        Value::Dynamic(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
        }
    }
}

/// Writes all rows of a table as one JSON array of row arrays, `[[…],[…]]`.
///
/// # Errors
/// Those of the writer; a batch without the schema's Arrow forms is `InvalidData`.
pub fn write_rows(table: &Table, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut first = true;
    for batch in &table.batches {
        let rows = RowWriter::new(&table.schema, batch).map_err(io::Error::other)?;
        for row in 0..batch.num_rows() {
            if !first {
                out.write_all(b",")?;
            }
            first = false;
            rows.write(row, out)?;
        }
    }
    out.write_all(b"]")
}

/// Writes single rows of a batch as JSON arrays; for answers that are cut or sent in pieces.
#[derive(Debug)]
pub struct RowWriter<'a> {
    columns: Vec<Cells<'a>>,
}

#[derive(Debug)]
enum Cells<'a> {
    Bool(&'a BooleanArray),
    Int(&'a Int32Array),
    Long(&'a Int64Array),
    DateTime(&'a Int64Array),
    TimeSpan(&'a Int64Array),
    Real(&'a Float64Array),
    /// Text that JSON must quote and escape; a null is written as `""`.
    Text(&'a StringArray),
    /// Text that needs quotes but no escapes (decimal, guid).
    Plain(&'a StringArray),
    Dynamic(&'a StringArray),
}

impl<'a> RowWriter<'a> {
    /// A writer of the batch's rows.
    ///
    /// # Errors
    /// The batch does not have the schema's columns in their Arrow forms.
    pub fn new(schema: &[Column], batch: &'a RecordBatch) -> Result<Self, ValuesError> {
        if schema.len() != batch.num_columns() {
            return Err(ValuesError::RowLength {
                expected: schema.len(),
                found: batch.num_columns(),
            });
        }
        let columns = schema.iter().zip(batch.columns());
        let columns: Result<_, _> = columns
            .map(|(column, array)| {
                cells(column.ty, array.as_ref()).ok_or_else(|| ValuesError::ArrowForm {
                    expected: column.ty,
                    found: array.data_type().clone(),
                })
            })
            .collect();
        Ok(Self { columns: columns? })
    }

    /// Writes one row, `[…]`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, row: usize, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"[")?;
        for (index, cells) in self.columns.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            cells.write(row, out)?;
        }
        out.write_all(b"]")
    }

    /// Writes one cell of a row.
    ///
    /// # Errors
    /// Those of the writer; a column that does not exist is `InvalidInput`.
    pub fn write_cell(&self, row: usize, column: usize, out: &mut impl Write) -> io::Result<()> {
        let cells = self.columns.get(column);
        cells.ok_or(io::ErrorKind::InvalidInput)?.write(row, out)
    }
}

fn cells(ty: ScalarType, array: &dyn Array) -> Option<Cells<'_>> {
    Some(match ty {
        ScalarType::Bool => Cells::Bool(array.as_boolean_opt()?),
        ScalarType::Int => Cells::Int(array.as_primitive_opt::<Int32Type>()?),
        ScalarType::Long => Cells::Long(array.as_primitive_opt::<Int64Type>()?),
        ScalarType::DateTime => Cells::DateTime(array.as_primitive_opt::<Int64Type>()?),
        ScalarType::TimeSpan => Cells::TimeSpan(array.as_primitive_opt::<Int64Type>()?),
        ScalarType::Real => Cells::Real(array.as_primitive_opt::<Float64Type>()?),
        ScalarType::Decimal | ScalarType::Guid => Cells::Plain(array.as_string_opt::<i32>()?),
        ScalarType::String => Cells::Text(array.as_string_opt::<i32>()?),
        ScalarType::Dynamic => Cells::Dynamic(array.as_string_opt::<i32>()?),
    })
}

impl Cells<'_> {
    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(array) => array.is_null(row),
            Self::Int(array) => array.is_null(row),
            Self::Long(array) | Self::DateTime(array) | Self::TimeSpan(array) => array.is_null(row),
            Self::Real(array) => array.is_null(row),
            Self::Plain(array) | Self::Dynamic(array) | Self::Text(array) => array.is_null(row),
        }
    }

    fn write(&self, row: usize, out: &mut impl Write) -> io::Result<()> {
        if self.is_null(row) {
            let absent: &[u8] = if matches!(self, Self::Text(_)) {
                b"\"\""
            } else {
                b"null"
            };
            return out.write_all(absent);
        }
        match self {
            Self::Bool(array) => write!(out, "{}", array.value(row)),
            Self::Int(array) => write!(out, "{}", array.value(row)),
            Self::Long(array) => write!(out, "{}", array.value(row)),
            Self::DateTime(array) => {
                out.write_all(b"\"")?;
                out.write_all(&datetime::encode(array.value(row)))?;
                out.write_all(b"\"")
            }
            Self::TimeSpan(array) => write!(out, "\"{}\"", timespan::format(array.value(row))),
            Self::Real(array) => {
                let value = array.value(row);
                let text = real::format(value);
                if value.is_finite() {
                    out.write_all(text.as_bytes())
                } else {
                    write!(out, "\"{text}\"")
                }
            }
            Self::Plain(array) => write!(out, "\"{}\"", array.value(row)),
            Self::Text(array) => write_json_string(array.value(row), out),
            Self::Dynamic(array) => out.write_all(array.value(row).as_bytes()),
        }
    }
}

/// Writes a text as a JSON string.
///
/// # Errors
/// Those of the writer.
pub fn write_json_string(text: &str, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\"")?;
    let bytes = text.as_bytes();
    let mut done = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            continue;
        }
        out.write_all(&bytes[done..index])?;
        done = index + 1;
        match byte {
            b'"' => out.write_all(b"\\\"")?,
            b'\\' => out.write_all(b"\\\\")?,
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            b'\t' => out.write_all(b"\\t")?,
            _ => write!(out, "\\u{byte:04x}")?,
        }
    }
    out.write_all(&bytes[done..])?;
    out.write_all(b"\"")
}

#[cfg(test)]
mod tests;
