//! `.export` to storage.

use crate::Command;
use crate::error::CommandError;
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;
use crate::secret::StorageUri;

/// The formats of exported files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// JSON lines.
    Json,
    /// Parquet.
    Parquet,
}

impl ExportFormat {
    /// The format's name, which is also its file extension.
    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Csv => "csv",
            ExportFormat::Tsv => "tsv",
            ExportFormat::Json => "json",
            ExportFormat::Parquet => "parquet",
        }
    }
}

/// `.export [async] [compressed] to F (…) [with (…)] <| query`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Whether to run as an operation.
    pub is_async: bool,
    /// Whether text files are compressed with gzip and Parquet files by their codec.
    pub compressed: bool,
    /// The files' format.
    pub format: ExportFormat,
    /// Where to write; files are spread over all of them.
    pub destinations: Vec<StorageUri>,
    /// `namePrefix`, `sizeLimit`, `distribution` and so on.
    pub properties: Properties,
    /// The query.
    pub query: String,
}

/// After `.export`.
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let mut is_async = scanner.eat_word("async");
    let compressed = scanner.eat_word("compressed");
    is_async |= scanner.eat_word("async");
    scanner.expect_word("to")?;
    let word = scanner.peek_word();
    let format = match word.to_ascii_lowercase().as_str() {
        "csv" => ExportFormat::Csv,
        "tsv" => ExportFormat::Tsv,
        "json" => ExportFormat::Json,
        "parquet" => ExportFormat::Parquet,
        "table" | "sql" | "cosmosdb" => {
            return Err(CommandError::Unsupported {
                what: format!("The command '.export to {word}'"),
            });
        }
        _ => return Err(scanner.error("'csv', 'tsv', 'json' or 'parquet'")),
    };
    scanner.advance(word.len());
    Ok(Command::Export(Export {
        is_async,
        compressed,
        format,
        destinations: scanner
            .list(Scanner::string)?
            .into_iter()
            .map(StorageUri::new)
            .collect(),
        properties: properties(scanner)?,
        query: scanner.query()?,
    }))
}
