//! Delimited files and JSON lines.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use flate2::write::GzEncoder;
use kusto_emulator_values::{
    Column, RowWriter, TypedColumn, datetime, real, timespan, write_json_string,
};

use super::FinishedFile;
use crate::ExportError;

/// Bytes that are gathered before they go to the compressor.
const BUFFER: usize = 1 << 16;
/// The compressor's level: speed before size, as for files that live for minutes.
const LEVEL: u32 = 1;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text format.
#[derive(Debug, Clone, Copy)]
pub(super) enum TextFormat {
    /// Fields between delimiters, lines ended by CRLF.
    Delimited(u8),
    /// A JSON object a line.
    JsonLines,
}

/// A text file in the making.
#[derive(Debug)]
pub(super) struct TextFile {
    format: TextFormat,
    /// Of JSON: `"name":` of each column.
    keys: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    target: Target,
    passed_on: u64,
    records: u64,
}

#[derive(Debug)]
enum Target {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

impl TextFile {
    pub(super) fn new(
        format: TextFormat,
        schema: &[Column],
        gzip: bool,
        byte_order_mark: bool,
        header: bool,
    ) -> Result<Self, ExportError> {
        let mut buffer = Vec::with_capacity(BUFFER * 2);
        if byte_order_mark {
            buffer.extend_from_slice(BYTE_ORDER_MARK);
        }
        let mut keys = Vec::new();
        match format {
            TextFormat::Delimited(delimiter) if header => {
                for (index, column) in schema.iter().enumerate() {
                    if index > 0 {
                        buffer.push(delimiter);
                    }
                    write_field(column.name.as_bytes(), delimiter, &mut buffer);
                }
                buffer.extend_from_slice(b"\r\n");
            }
            TextFormat::Delimited(_) => {}
            TextFormat::JsonLines => {
                for column in schema {
                    let mut key = Vec::new();
                    write_json_string(&column.name, &mut key)?;
                    key.push(b':');
                    keys.push(key);
                }
            }
        }
        let target = if gzip {
            Target::Gzip(Box::new(GzEncoder::new(
                Vec::new(),
                flate2::Compression::new(LEVEL),
            )))
        } else {
            Target::Plain(Vec::new())
        };
        Ok(Self {
            format,
            keys,
            buffer,
            target,
            passed_on: 0,
            records: 0,
        })
    }

    pub(super) fn uncompressed_size(&self) -> u64 {
        self.passed_on + u64::try_from(self.buffer.len()).unwrap_or(0)
    }

    /// Writes rows from `row` on until the batch or the limit is reached; gives the next row.
    pub(super) fn push(
        &mut self,
        schema: &[Column],
        batch: &RecordBatch,
        row: usize,
        limit: u64,
    ) -> Result<usize, ExportError> {
        let columns = TypedColumn::of_batch(schema, batch)?;
        let cells = RowWriter::new(schema, batch)?;
        let mut row = row;
        while row < batch.num_rows() {
            match self.format {
                TextFormat::Delimited(delimiter) => {
                    write_record(&columns, row, delimiter, &mut self.buffer)?;
                }
                TextFormat::JsonLines => {
                    write_object(&self.keys, &cells, row, &mut self.buffer)?;
                }
            }
            row += 1;
            self.records += 1;
            if self.buffer.len() >= BUFFER {
                self.pass_on()?;
            }
            if self.uncompressed_size() >= limit {
                break;
            }
        }
        Ok(row)
    }

    fn pass_on(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Plain(bytes) => bytes.extend_from_slice(&self.buffer),
            Target::Gzip(encoder) => encoder.write_all(&self.buffer)?,
        }
        self.passed_on += u64::try_from(self.buffer.len()).unwrap_or(0);
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn finish(mut self, extension: String) -> Result<FinishedFile, ExportError> {
        self.pass_on()?;
        let bytes = match self.target {
            Target::Plain(bytes) => bytes,
            Target::Gzip(encoder) => encoder.finish()?,
        };
        Ok(FinishedFile {
            bytes,
            records: self.records,
            uncompressed_size: self.passed_on,
            extension,
        })
    }
}

/// One delimited record. Null is an empty field, and so is the empty string.
fn write_record(
    columns: &[TypedColumn<'_>],
    row: usize,
    delimiter: u8,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    for (index, column) in columns.iter().enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        if column.is_null(row) {
            continue;
        }
        match column {
            TypedColumn::Bool(array) => write!(out, "{}", array.value(row))?,
            TypedColumn::Int(array) => write!(out, "{}", array.value(row))?,
            TypedColumn::Long(array) => write!(out, "{}", array.value(row))?,
            TypedColumn::Real(array) => {
                out.extend_from_slice(real::format(array.value(row)).as_bytes());
            }
            TypedColumn::DateTime(array) => {
                out.extend_from_slice(&datetime::encode(array.value(row)));
            }
            TypedColumn::TimeSpan(array) => {
                out.extend_from_slice(timespan::format(array.value(row)).as_bytes());
            }
            TypedColumn::Decimal(array)
            | TypedColumn::Guid(array)
            | TypedColumn::String(array)
            | TypedColumn::Dynamic(array) => {
                write_field(array.value(row).as_bytes(), delimiter, out);
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// A field, in quotes if it holds a delimiter, a quote or a line's end (RFC 4180).
fn write_field(field: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let special = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if !field.iter().any(special) {
        out.extend_from_slice(field);
        return;
    }
    out.push(b'"');
    for byte in field {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// One line of JSON, with every column; null as `null`.
fn write_object(
    keys: &[Vec<u8>],
    cells: &RowWriter<'_>,
    row: usize,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    out.push(b'{');
    for (index, key) in keys.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key);
        cells.write_cell(row, index, out)?;
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}
