//! Ingestion: from one file to batches in the columns of a table.

mod delimited;
mod json;
mod parquet;
mod rows;
mod unpack;

use arrow::array::RecordBatch;
use kusto_emulator_values::Column;
use serde_json::Value;

use crate::IngestError;
use crate::mapping::{ColumnMapping, Mapping, MappingSource, Transform};

/// Largest value of a string or dynamic column where no encoding policy says otherwise, in bytes.
pub const DEFAULT_MAX_VALUE_SIZE: usize = 1 << 20;

/// The formats that are read. Kusto knows more; those are refused by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IngestFormat {
    /// Comma-separated.
    Csv,
    /// Tab-separated, quoted as CSV is.
    Tsv,
    /// One JSON object a line; lines that are none are dropped silently.
    Json,
    /// JSON objects anywhere, or arrays of them; anything else fails the file.
    MultiJson,
    /// Parquet.
    Parquet,
}

impl IngestFormat {
    /// Reads a format's name, in any case.
    ///
    /// # Errors
    /// A format that is not read here.
    pub fn parse(name: &str) -> Result<Self, IngestError> {
        let formats = [
            Self::Csv,
            Self::Tsv,
            Self::Json,
            Self::MultiJson,
            Self::Parquet,
        ];
        formats
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| IngestError::FormatNotSupported {
                what: format!("'{name}'"),
            })
    }

    /// The name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::MultiJson => "multijson",
            Self::Parquet => "parquet",
        }
    }
}

/// What happens to a delimited record that has another number of fields than the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Validation {
    /// The file fails: `ValidationOptions` 1 with `ValidationImplications` 0.
    Fail,
    /// The record is taken as it is (missing fields are null, surplus ones ignored) and counted:
    /// `ValidationOptions` 1 with `ValidationImplications` 1, which is Kusto's default policy.
    #[default]
    BestEffort,
    /// The record is taken as it is, uncounted: `ValidationOptions` 0.
    None,
}

impl Validation {
    /// Reads a `validationPolicy`: `{"ValidationOptions":1,"ValidationImplications":0}`, numbers or
    /// names.
    ///
    /// # Errors
    /// A text that is no policy, or one that is not known here.
    pub fn parse(text: &str) -> Result<Self, IngestError> {
        let wrong = |reason: &str| IngestError::InvalidPolicy {
            reason: reason.to_owned(),
        };
        let policy: Value = serde_json::from_str(text).map_err(|_| wrong("it is not JSON"))?;
        let policy = policy.as_object().ok_or_else(|| wrong("it is no object"))?;
        let get = |name: &str| match policy.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "0".to_owned(),
        };
        let constant = match get("ValidationOptions").as_str() {
            "0" | "DoNotValidate" => false,
            "1" | "ValidateCsvInputConstantColumns" => true,
            _ => return Err(wrong("its ValidationOptions are not supported")),
        };
        let fails = match get("ValidationImplications").as_str() {
            "0" | "Fail" => true,
            "1" | "BestEffort" | "Ignore" => false,
            _ => return Err(wrong("its ValidationImplications are not known")),
        };
        Ok(match (constant, fails) {
            (false, _) => Self::None,
            (true, true) => Self::Fail,
            (true, false) => Self::BestEffort,
        })
    }
}

/// How a file is read.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Format.
    pub format: IngestFormat,
    /// Mapping; without one, delimited fields go by position and named formats by exact name.
    pub mapping: Option<Mapping>,
    /// Whether the first record of a delimited file is a header. Other formats ignore it.
    pub ignore_first_record: bool,
    /// What happens to irregular delimited records.
    pub validation: Validation,
    /// Largest value of each column in bytes (`MaxValueSize` of its encoding policy); columns
    /// beyond the list have [`DEFAULT_MAX_VALUE_SIZE`].
    pub max_value_sizes: Vec<usize>,
}

impl IngestOptions {
    /// A format with Kusto's defaults.
    #[must_use]
    pub fn new(format: IngestFormat) -> Self {
        Self {
            format,
            mapping: None,
            ignore_first_record: false,
            validation: Validation::default(),
            max_value_sizes: Vec::new(),
        }
    }

    fn max_value_size(&self, column: usize) -> usize {
        let size = self.max_value_sizes.get(column).copied();
        size.unwrap_or(DEFAULT_MAX_VALUE_SIZE)
    }
}

/// What a file gave.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// Rows, in the Arrow forms of the table's columns.
    pub batches: Vec<RecordBatch>,
    /// Number of rows.
    pub records: u64,
    /// Records that were dropped (malformed JSON lines) or, under best effort, irregular. Kusto
    /// does not report them.
    pub errors: u64,
}

/// Reads a file into the columns of a table.
///
/// `name` is the file's name, of which only `.gz` matters; gzip is recognised by its first bytes
/// too. Values that do not fit become null or are cut, silently: see `DAMAGE.md`.
///
/// # Errors
/// A file that cannot be ingested, with Kusto's code. Nothing of it is to be kept then.
pub fn read(
    bytes: Vec<u8>,
    name: &str,
    schema: &[Column],
    options: &IngestOptions,
) -> Result<Ingested, IngestError> {
    if bytes.is_empty() {
        return Err(IngestError::EmptyBlob);
    }
    let bytes = unpack::unpack(bytes, name)?;
    if bytes.is_empty() {
        return Err(IngestError::EmptyBlob);
    }
    let ingested = match options.format {
        IngestFormat::Csv => delimited::read(&bytes, b',', schema, options),
        IngestFormat::Tsv => delimited::read(&bytes, b'\t', schema, options),
        IngestFormat::Json => json::read_lines(&bytes, schema, options),
        IngestFormat::MultiJson => json::read_stream(&bytes, schema, options),
        IngestFormat::Parquet => parquet::read(bytes, schema, options),
    }?;
    if ingested.records == 0 {
        let format = options.format.name();
        return Err(IngestError::NoRecords { format });
    }
    Ok(ingested)
}

/// The mapping of each of the table's columns, in their order; none for columns that are not
/// mapped.
fn mapping_by_column<'a>(
    mapping: &'a Mapping,
    schema: &[Column],
) -> Result<Vec<Option<&'a ColumnMapping>>, IngestError> {
    let mut by_column = vec![None; schema.len()];
    for column in &mapping.0 {
        let place = schema.iter().position(|other| other.name == column.column);
        let place = place.ok_or_else(|| IngestError::InconsistentMapping {
            column: column.column.clone(),
        })?;
        by_column[place] = Some(column);
    }
    Ok(by_column)
}

/// A column's value source of a format, with the transformation of its values.
#[derive(Debug)]
struct Source<T> {
    from: From<T>,
    transform: Option<Transform>,
}

#[derive(Debug)]
enum From<T> {
    Field(T),
    Constant(String),
    Nothing,
}

/// The source of each of the table's columns. `identity` is used without a mapping; `field` takes
/// of a mapping's sources what the format understands.
fn sources<T>(
    options: &IngestOptions,
    schema: &[Column],
    identity: impl Fn(usize, &Column) -> T,
    field: impl Fn(&MappingSource) -> Option<T>,
) -> Result<Vec<Source<T>>, IngestError> {
    let Some(mapping) = &options.mapping else {
        let columns = schema.iter().enumerate();
        let plain = columns.map(|(index, column)| Source {
            from: From::Field(identity(index, column)),
            transform: None,
        });
        return Ok(plain.collect());
    };
    let mapped = mapping_by_column(mapping, schema)?;
    let mapped = mapped.into_iter().map(|column| {
        let Some(column) = column else {
            let from = From::Nothing;
            return Ok(Source {
                from,
                transform: None,
            });
        };
        let from = match &column.source {
            MappingSource::Constant(text) => From::Constant(text.clone()),
            other @ (MappingSource::Ordinal(_) | MappingSource::Path(_)) => {
                From::Field(field(other).ok_or_else(|| {
                    IngestError::invalid_mapping(format!(
                        "the source of column '{}' does not suit the format '{}'",
                        column.column,
                        options.format.name()
                    ))
                })?)
            }
        };
        Ok(Source {
            from,
            transform: column.transform,
        })
    });
    mapped.collect()
}
