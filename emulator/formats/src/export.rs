//! `.export`: from batches to finished files.

mod parquet_file;
mod text_file;

use arrow::array::RecordBatch;
use kusto_emulator_values::{Column, Schema};

use crate::ExportError;
use parquet_file::ParquetFile;
use text_file::{TextFile, TextFormat};

/// The formats that `.export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// Comma-separated, RFC 4180.
    Csv,
    /// Tab-separated, quoted as CSV is.
    Tsv,
    /// JSON lines.
    Json,
    /// Parquet.
    Parquet,
}

impl ExportFormat {
    /// The extension of a file, without dot and compression.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }
}

/// Which delimited files begin with the columns' names (`includeHeaders`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Headers {
    /// No file.
    #[default]
    None,
    /// The first file of the writer.
    FirstFile,
    /// Every file.
    All,
}

/// How a file is compressed (`compressionType`). `lz4_raw` and `brotli`, which Kusto has too, are
/// not built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip; the only one for text.
    Gzip,
    /// Snappy, within Parquet.
    Snappy,
    /// Zstandard, within Parquet.
    Zstd,
}

/// Precision of datetimes in Parquet (`parquetDatetimePrecision`); what is below it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DateTimePrecision {
    /// Kusto's default.
    #[default]
    Millisecond,
    /// The most that can be had: the last digit of a datetime is lost all the same.
    Microsecond,
}

/// Options of the files; [`ExportOptions::default`] has Kusto's defaults.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// Compression.
    pub compression: Compression,
    /// Which delimited files begin with the columns' names.
    pub headers: Headers,
    /// Whether text begins with the byte order mark (`encoding` = `UTF8BOM`).
    pub has_byte_order_mark: bool,
    /// Bytes before compression at which a file is ended and another begun. Kusto takes 100 MB to
    /// 4 GB; any number works here.
    pub size_limit: u64,
    /// Rows of a Parquet row group.
    pub row_group_rows: usize,
    /// Precision of Parquet datetimes.
    pub datetime_precision: DateTimePrecision,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            compression: Compression::None,
            headers: Headers::None,
            has_byte_order_mark: false,
            size_limit: 100_000_000,
            row_group_rows: 100_000,
            datetime_precision: DateTimePrecision::Millisecond,
        }
    }
}

/// A file that is ready to be stored.
#[derive(Debug, Clone)]
pub struct FinishedFile {
    /// Content.
    pub bytes: Vec<u8>,
    /// Rows; never zero.
    pub records: u64,
    /// Bytes before compression; for Parquet those of the values in memory.
    pub uncompressed_size: u64,
    /// Extension of the name, without a leading dot: `csv`, `csv.gz`, `parquet`, …
    pub extension: String,
}

/// Writes rows into files, ending a file when it reaches the size limit.
#[derive(Debug)]
pub struct Writer {
    format: ExportFormat,
    options: ExportOptions,
    schema: Schema,
    file: Option<File>,
    files_begun: u64,
}

#[derive(Debug)]
enum File {
    Text(Box<TextFile>),
    Parquet(Box<ParquetFile>),
}

impl Writer {
    /// A writer of rows of these columns.
    ///
    /// # Errors
    /// A compression that the format does not have.
    pub fn new(
        format: ExportFormat,
        options: ExportOptions,
        schema: &[Column],
    ) -> Result<Self, ExportError> {
        let text_codec = matches!(options.compression, Compression::None | Compression::Gzip);
        if format != ExportFormat::Parquet && !text_codec {
            return Err(ExportError::TextCompression);
        }
        Ok(Self {
            format,
            options,
            schema: schema.to_vec(),
            file: None,
            files_begun: 0,
        })
    }

    /// Writes rows, and gives the files that they completed.
    ///
    /// # Errors
    /// Rows without the columns' Arrow forms, or a writer that failed; the writer is of no use then.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<Vec<FinishedFile>, ExportError> {
        let mut finished = Vec::new();
        let mut row = 0;
        while row < batch.num_rows() {
            let mut file = match self.file.take() {
                Some(file) => file,
                None => self.begin()?,
            };
            let (next, size) = match &mut file {
                File::Text(file) => {
                    let limit = self.options.size_limit;
                    let next = file.push(&self.schema, batch, row, limit)?;
                    (next, file.uncompressed_size())
                }
                File::Parquet(file) => {
                    let next = file.push(&self.schema, batch, row)?;
                    (next, file.uncompressed_size())
                }
            };
            row = next;
            if size >= self.options.size_limit {
                finished.push(self.end(file)?);
            } else {
                self.file = Some(file);
            }
        }
        Ok(finished)
    }

    /// Ends the last file; none if every row is in a file already, or there was no row.
    ///
    /// # Errors
    /// A writer that failed.
    pub fn finish(mut self) -> Result<Option<FinishedFile>, ExportError> {
        let file = self.file.take();
        file.map(|file| self.end(file)).transpose()
    }

    fn begin(&mut self) -> Result<File, ExportError> {
        let first = self.files_begun == 0;
        self.files_begun += 1;
        let format = match self.format {
            ExportFormat::Csv => TextFormat::Delimited(b','),
            ExportFormat::Tsv => TextFormat::Delimited(b'\t'),
            ExportFormat::Json => TextFormat::JsonLines,
            ExportFormat::Parquet => {
                let file = ParquetFile::new(&self.schema, &self.options)?;
                return Ok(File::Parquet(Box::new(file)));
            }
        };
        let header = match self.options.headers {
            Headers::None => false,
            Headers::FirstFile => first,
            Headers::All => true,
        };
        let gzip = self.options.compression == Compression::Gzip;
        let bom = self.options.has_byte_order_mark;
        let file = TextFile::new(format, &self.schema, gzip, bom, header)?;
        Ok(File::Text(Box::new(file)))
    }

    fn end(&self, file: File) -> Result<FinishedFile, ExportError> {
        let extension = self.format.extension();
        match file {
            File::Text(file) => {
                let gzip = self.options.compression == Compression::Gzip;
                let suffix = if gzip { ".gz" } else { "" };
                file.finish(format!("{extension}{suffix}"))
            }
            File::Parquet(file) => file.finish(extension.to_owned()),
        }
    }
}
