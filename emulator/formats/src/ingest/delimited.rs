//! CSV and TSV, as RFC 4180 has them: quotes around fields, doubled within, line ends within
//! quotes. Lines end with LF or CRLF. A line without any byte is no record, which costs a table of
//! one column its empty rows.

use std::borrow::Cow;

use kusto_emulator_values::Column;

use super::rows::Rows;
use super::{From, IngestOptions, Ingested, Source, Validation, sources};
use crate::IngestError;
use crate::mapping::MappingSource;

/// Largest record, in bytes.
const MAX_RECORD: usize = 64 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a delimited file.
pub(super) fn read(
    bytes: &[u8],
    delimiter: u8,
    schema: &[Column],
    options: &IngestOptions,
) -> Result<Ingested, IngestError> {
    let sources = sources(
        options,
        schema,
        |index, _| index,
        |source| match source {
            MappingSource::Ordinal(ordinal) => Some(*ordinal),
            MappingSource::Path(_) | MappingSource::Constant(_) => None,
        },
    )?;
    let mut records = Records::new(bytes, delimiter);
    let mut fields = Vec::new();
    let mut rows = Rows::new(schema, options);
    if options.ignore_first_record {
        records.next(&mut fields)?;
    }
    let mut expected = None;
    while records.next(&mut fields)? {
        let expected = *expected.get_or_insert(fields.len());
        if fields.len() != expected {
            match options.validation {
                Validation::Fail => {
                    return Err(IngestError::WrongNumberOfFields {
                        record: records.record,
                        expected,
                        found: fields.len(),
                    });
                }
                Validation::BestEffort => rows.errors += 1,
                Validation::None => {}
            }
        }
        push(&sources, &fields, &mut rows)?;
    }
    rows.finish()
}

fn push(
    sources: &[Source<usize>],
    fields: &[Cow<'_, [u8]>],
    rows: &mut Rows,
) -> Result<(), IngestError> {
    for (column, source) in sources.iter().enumerate() {
        match &source.from {
            From::Field(ordinal) => match fields.get(*ordinal) {
                // Bytes that are not UTF-8 become U+FFFD.
                Some(field) => {
                    let text = String::from_utf8_lossy(field);
                    rows.push_text(column, &text, source.transform);
                }
                None => rows.push_null(column),
            },
            From::Constant(text) => rows.push_text(column, text, source.transform),
            From::Nothing => rows.push_null(column),
        }
    }
    rows.end_row()
}

/// The records of a delimited file.
struct Records<'a> {
    rest: &'a [u8],
    delimiter: u8,
    /// Number of the last record, from 1.
    record: u64,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], delimiter: u8) -> Self {
        Self {
            rest: bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes),
            delimiter,
            record: 0,
        }
    }

    /// Reads the next record's fields; false at the end.
    fn next(&mut self, fields: &mut Vec<Cow<'a, [u8]>>) -> Result<bool, IngestError> {
        fields.clear();
        while let Some(rest) = strip_line_end(self.rest) {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return Ok(false);
        }
        self.record += 1;
        let start = self.rest.len();
        loop {
            let (field, ended) = self.field()?;
            fields.push(field);
            if start - self.rest.len() > MAX_RECORD {
                let record = self.record;
                return Err(IngestError::RecordTooLarge { record });
            }
            if ended {
                return Ok(true);
            }
        }
    }

    /// Reads a field and what ends it; true if that is the record's end.
    fn field(&mut self) -> Result<(Cow<'a, [u8]>, bool), IngestError> {
        let Some(quoted) = self.rest.strip_prefix(b"\"") else {
            let (field, ended) = self.bare();
            return Ok((Cow::Borrowed(field), ended));
        };
        self.rest = quoted;
        let mut field = Cow::Borrowed(self.until_quote()?);
        while let Some(rest) = self.rest.strip_prefix(b"\"") {
            // A doubled quote stands for one.
            self.rest = rest;
            let more = self.until_quote()?;
            let field = field.to_mut();
            field.push(b'"');
            field.extend_from_slice(more);
        }
        // Whatever stands between the closing quote and the delimiter belongs to the field.
        let (tail, ended) = self.bare();
        if !tail.is_empty() {
            field.to_mut().extend_from_slice(tail);
        }
        Ok((field, ended))
    }

    /// What stands before the next quote, which is skipped.
    fn until_quote(&mut self) -> Result<&'a [u8], IngestError> {
        let record = self.record;
        let end = self.rest.iter().position(|byte| *byte == b'"');
        let end = end.ok_or(IngestError::ClosingQuoteMissing { record })?;
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Ok(text)
    }

    /// What stands before the next delimiter or line's end, which is skipped; true if it was a
    /// line's or the file's end.
    fn bare(&mut self) -> (&'a [u8], bool) {
        let delimiter = self.delimiter;
        let end = self.rest.iter();
        let Some(end) = end
            .copied()
            .position(|byte| byte == delimiter || byte == b'\n')
        else {
            let field = self.rest.strip_suffix(b"\r").unwrap_or(self.rest);
            self.rest = &[];
            return (field, true);
        };
        let (field, ended) = (&self.rest[..end], self.rest[end] == b'\n');
        self.rest = &self.rest[end + 1..];
        let field = match field {
            [field @ .., b'\r'] if ended => field,
            whole => whole,
        };
        (field, ended)
    }
}

fn strip_line_end(bytes: &[u8]) -> Option<&[u8]> {
    bytes
        .strip_prefix(b"\n")
        .or_else(|| bytes.strip_prefix(b"\r\n"))
}
