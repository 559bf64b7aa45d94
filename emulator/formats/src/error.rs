//! What can fail when files are written and read.

use std::io;

use arrow::error::ArrowError;
use kusto_emulator_values::ValuesError;
use parquet::errors::ParquetError;

/// A file that could not be written. Never the data's fault: data that a format cannot hold are
/// damaged silently, as Kusto does.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The rows do not have the Arrow forms of the columns.
    #[error("the rows do not have the columns' forms")]
    Values(#[from] ValuesError),
    /// Arrow refused to put the converted columns together.
    #[error("the converted columns do not fit together")]
    Arrow(#[from] ArrowError),
    /// The Parquet writer failed.
    #[error("the Parquet file could not be written")]
    Parquet(#[from] ParquetError),
    /// The compressor failed.
    #[error("the file could not be compressed")]
    Compress(#[from] io::Error),
    /// Text files are compressed with gzip only.
    #[error("text files can only be compressed with gzip")]
    TextCompression,
}

impl ExportError {
    /// The error code of Kusto.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TextCompression => "BadRequest_InvalidProperty",
            Self::Values(_) | Self::Arrow(_) | Self::Parquet(_) | Self::Compress(_) => {
                "General_InternalServerError"
            }
        }
    }
}

/// A file that cannot be ingested. All are permanent: the same bytes fail the same way again.
/// Codes are those of the page of ingestion error codes.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The file, or what it unpacks to, holds no byte.
    #[error("The blob is empty.")]
    EmptyBlob,
    /// The file holds no record of the format.
    #[error("The data hold no records, or are not in the format '{format}'.")]
    NoRecords {
        /// Name of the format.
        format: &'static str,
    },
    /// The bytes are not of the format.
    #[error("The blob is invalid: {reason}.")]
    InvalidBlob {
        /// What is wrong, in half a sentence.
        reason: String,
    },
    /// The format, or a part of it, is not known here.
    #[error("The format is not supported: {what}.")]
    FormatNotSupported {
        /// The format, or its part.
        what: String,
    },
    /// A delimited record has another number of fields than the first.
    #[error("Record {record} has {found} fields, where the first has {expected}.")]
    WrongNumberOfFields {
        /// Number of the record, from 1.
        record: u64,
        /// Fields of the first record.
        expected: usize,
        /// Fields of this record.
        found: usize,
    },
    /// A quoted field of a delimited file does not end.
    #[error("Record {record} has a field whose closing quote is missing.")]
    ClosingQuoteMissing {
        /// Number of the record, from 1.
        record: u64,
    },
    /// A record is larger than 64 MB.
    #[error("Record {record} is larger than 64 MB.")]
    RecordTooLarge {
        /// Number of the record, from 1.
        record: u64,
    },
    /// The mapping cannot be read.
    #[error("The ingestion mapping is invalid: {reason}.")]
    InvalidMapping {
        /// What is wrong, in half a sentence.
        reason: String,
    },
    /// The mapping does not fit the table.
    #[error("The ingestion mapping names column '{column}', which the table does not have.")]
    InconsistentMapping {
        /// The column.
        column: String,
    },
    /// The validation policy cannot be read.
    #[error("The validation policy is malformed: {reason}.")]
    InvalidPolicy {
        /// What is wrong, in half a sentence.
        reason: String,
    },
    /// The table has columns and sizes of values that do not belong together; a defect.
    #[error("The rows could not be put together.")]
    Arrow(#[from] ArrowError),
}

impl IngestError {
    /// The error code of Kusto.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyBlob => "BadRequest_EmptyBlob",
            Self::NoRecords { .. } => "BadRequest_NoRecordsOrWrongFormat",
            Self::InvalidBlob { .. } => "BadRequest_InvalidBlob",
            Self::FormatNotSupported { .. } => "BadRequest_FormatNotSupported",
            Self::WrongNumberOfFields { .. } => "Stream_WrongNumberOfFields",
            Self::ClosingQuoteMissing { .. } => "Stream_ClosingQuoteMissing",
            Self::RecordTooLarge { .. } => "Stream_InputStreamTooLarge",
            Self::InvalidMapping { .. } => "BadRequest_InvalidMapping",
            Self::InconsistentMapping { .. } => "BadRequest_InconsistentMapping",
            Self::InvalidPolicy { .. } => "BadRequest_MalformedIngestionProperty",
            Self::Arrow(_) => "General_InternalServerError",
        }
    }

    /// Whether trying again is useless.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::Arrow(_))
    }

    pub(crate) fn invalid_blob(reason: impl Into<String>) -> Self {
        Self::InvalidBlob {
            reason: reason.into(),
        }
    }

    pub(crate) fn invalid_mapping(reason: impl Into<String>) -> Self {
        Self::InvalidMapping {
            reason: reason.into(),
        }
    }
}
