//! The JSON form of values in REST answers.

use std::io::{self, Write};

use arrow::array::RecordBatch;

use crate::{Column, ScalarType, Table, TypedColumn, Value, ValuesError, datetime, real, timespan};

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
    columns: Vec<TypedColumn<'a>>,
}

impl<'a> RowWriter<'a> {
    /// A writer of the batch's rows.
    ///
    /// # Errors
    /// The batch does not have the schema's columns in their Arrow forms.
    pub fn new(schema: &[Column], batch: &'a RecordBatch) -> Result<Self, ValuesError> {
        let columns = TypedColumn::of_batch(schema, batch)?;
        Ok(Self { columns })
    }

    /// Writes one row, `[…]`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, row: usize, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"[")?;
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            write_cell(column, row, out)?;
        }
        out.write_all(b"]")
    }

    /// Writes one cell of a row.
    ///
    /// # Errors
    /// Those of the writer; a column that does not exist is `InvalidInput`.
    pub fn write_cell(&self, row: usize, column: usize, out: &mut impl Write) -> io::Result<()> {
        let column = self.columns.get(column);
        write_cell(column.ok_or(io::ErrorKind::InvalidInput)?, row, out)
    }
}

fn write_cell(column: &TypedColumn<'_>, row: usize, out: &mut impl Write) -> io::Result<()> {
    if column.is_null(row) {
        let absent: &[u8] = if matches!(column, TypedColumn::String(_)) {
            b"\"\""
        } else {
            b"null"
        };
        return out.write_all(absent);
    }
    match column {
        TypedColumn::Bool(array) => write!(out, "{}", array.value(row)),
        TypedColumn::Int(array) => write!(out, "{}", array.value(row)),
        TypedColumn::Long(array) => write!(out, "{}", array.value(row)),
        TypedColumn::DateTime(array) => {
            out.write_all(b"\"")?;
            out.write_all(&datetime::encode(array.value(row)))?;
            out.write_all(b"\"")
        }
        TypedColumn::TimeSpan(array) => write!(out, "\"{}\"", timespan::format(array.value(row))),
        TypedColumn::Real(array) => {
            let value = array.value(row);
            let text = real::format(value);
            if value.is_finite() {
                out.write_all(text.as_bytes())
            } else {
                write!(out, "\"{text}\"")
            }
        }
        TypedColumn::Decimal(array) | TypedColumn::Guid(array) => {
            write!(out, "\"{}\"", array.value(row))
        }
        TypedColumn::String(array) => write_json_string(array.value(row), out),
        TypedColumn::Dynamic(array) => out.write_all(array.value(row).as_bytes()),
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
