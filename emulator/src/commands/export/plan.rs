//! What an export was asked for, checked before its query runs.

use kusto_emulator_commands::{Export, ExportFormat, Properties, StorageUri};
use kusto_emulator_formats::{
    Compression, DateTimePrecision, ExportFormat as FileFormat, ExportOptions, Headers,
};

use crate::error::KustoError;
use crate::settings::Export as ExportSettings;

/// Properties that `.export` knows.
const KNOWN: [&str; 12] = [
    "sizeLimit",
    "namePrefix",
    "fileExtension",
    "includeHeaders",
    "encoding",
    "compressionType",
    "distribution",
    "distributed",
    "persistDetails",
    "parquetRowGroupSize",
    "parquetDatetimePrecision",
    "useNativeParquetWriter",
];

/// Greatest `sizeLimit`, in bytes.
const MOST_SIZE_LIMIT: u64 = 4 << 30;
/// `sizeLimit` when none is given, in bytes.
const DEFAULT_SIZE_LIMIT: u64 = 100_000_000;
/// Beginning of a file's name when none is given.
const DEFAULT_PREFIX: &str = "export";
/// Rows of a Parquet row group when nothing else is given.
const DEFAULT_ROW_GROUP: usize = 100_000;

/// An export's properties.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) format: FileFormat,
    /// Options of the first writer; see [`Plan::options`].
    options: ExportOptions,
    pub(super) destinations: Vec<StorageUri>,
    pub(super) name_prefix: String,
    /// Instead of the format's own extension, without a dot.
    file_extension: Option<String>,
    /// Writers side by side.
    pub(super) writers: usize,
}

impl Plan {
    /// Reads and checks the properties.
    ///
    /// # Errors
    /// `BadRequest_InvalidProperty` with the property and what it may be.
    pub(super) fn of(command: &Export, settings: &ExportSettings) -> Result<Self, KustoError> {
        let properties = &command.properties;
        properties.allow(&KNOWN)?;
        // Which writer makes a file changes nothing here.
        properties.boolean("useNativeParquetWriter")?;
        let is_text = command.format != ExportFormat::Parquet;
        let file_extension = properties.text("fileExtension");
        let row_group = properties.number("parquetRowGroupSize")?;
        let options = ExportOptions {
            compression: compression(properties, is_text, command.compressed)?,
            headers: headers(properties)?,
            has_byte_order_mark: one_of(
                properties,
                "encoding",
                "'UTF8NoBOM' or 'UTF8BOM'",
                &[("UTF8NoBOM", false), ("UTF8BOM", true)],
            )?
            .unwrap_or(false),
            size_limit: size_limit(properties, settings)?,
            row_group_rows: row_group
                .and_then(|rows| usize::try_from(rows).ok())
                .filter(|rows| *rows > 0)
                .unwrap_or(DEFAULT_ROW_GROUP),
            datetime_precision: one_of(
                properties,
                "parquetDatetimePrecision",
                "'millisecond' or 'microsecond'",
                &[
                    ("millisecond", DateTimePrecision::Millisecond),
                    ("microsecond", DateTimePrecision::Microsecond),
                ],
            )?
            .unwrap_or_default(),
        };
        Ok(Self {
            format: match command.format {
                ExportFormat::Csv => FileFormat::Csv,
                ExportFormat::Tsv => FileFormat::Tsv,
                ExportFormat::Json => FileFormat::Json,
                ExportFormat::Parquet => FileFormat::Parquet,
            },
            options,
            destinations: command.destinations.clone(),
            name_prefix: name_prefix(properties)?,
            file_extension: file_extension.map(|text| text.trim_start_matches('.').to_owned()),
            writers: writers(properties, settings)?,
        })
    }

    /// Options of one of the writers: only the first one may have "the first file".
    pub(super) fn options(&self, is_first_writer: bool) -> ExportOptions {
        let headers = match (self.options.headers, is_first_writer) {
            (Headers::FirstFile, false) => Headers::None,
            (headers, _) => headers,
        };
        ExportOptions {
            headers,
            ..self.options.clone()
        }
    }

    /// The extension of a file whose own one is `extension`.
    pub(super) fn extension(&self, extension: &str) -> String {
        match &self.file_extension {
            None => extension.to_owned(),
            Some(wanted) if extension.ends_with(".gz") => format!("{wanted}.gz"),
            Some(wanted) => wanted.clone(),
        }
    }
}

fn headers(properties: &Properties) -> Result<Headers, KustoError> {
    let words = [
        ("none", Headers::None),
        ("firstFile", Headers::FirstFile),
        ("all", Headers::All),
    ];
    let expected = "'none', 'firstFile' or 'all'";
    Ok(one_of(properties, "includeHeaders", expected, &words)?.unwrap_or_default())
}

/// The value of a property that is one of a few words.
fn one_of<T: Copy>(
    properties: &Properties,
    name: &str,
    expected: &'static str,
    words: &[(&str, T)],
) -> Result<Option<T>, KustoError> {
    properties
        .text(name)
        .map(|text| {
            words
                .iter()
                .find(|(word, _)| word.eq_ignore_ascii_case(text))
                .map(|(_, value)| *value)
                .ok_or_else(|| invalid(name, expected))
        })
        .transpose()
}

fn invalid(name: &str, expected: &str) -> KustoError {
    KustoError::bad_request(
        "BadRequest_InvalidProperty",
        format!("The property '{name}' must be {expected}."),
    )
}

/// A prefix may hold folders, but never lead out of the destination.
fn name_prefix(properties: &Properties) -> Result<String, KustoError> {
    let prefix = properties.text("namePrefix").unwrap_or(DEFAULT_PREFIX);
    if prefix.starts_with('/') || prefix.split('/').any(|part| part == "..") {
        return Err(invalid("namePrefix", "a path below the destination"));
    }
    Ok(prefix.to_owned())
}

fn writers(properties: &Properties, settings: &ExportSettings) -> Result<usize, KustoError> {
    let words = [
        ("single", 1),
        ("per_node", settings.nodes),
        ("per_shard", settings.shards),
    ];
    let expected = "'single', 'per_node' or 'per_shard'";
    let writers = one_of(properties, "distribution", expected, &words)?;
    let is_distributed = properties.boolean("distributed")?.unwrap_or(true);
    Ok(match is_distributed {
        true => writers.unwrap_or(settings.shards).max(1),
        false => 1,
    })
}

fn size_limit(properties: &Properties, settings: &ExportSettings) -> Result<u64, KustoError> {
    let limit = properties
        .number("sizeLimit")?
        .unwrap_or(DEFAULT_SIZE_LIMIT.max(settings.least_size_limit));
    if (settings.least_size_limit..=MOST_SIZE_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    let least = settings.least_size_limit;
    Err(invalid(
        "sizeLimit",
        &format!("from {least} to {MOST_SIZE_LIMIT} bytes"),
    ))
}

/// Text is compressed with gzip only; Parquet with the codecs that this cluster has.
fn compression(
    properties: &Properties,
    is_text: bool,
    is_compressed: bool,
) -> Result<Compression, KustoError> {
    let text = [("gzip", Compression::Gzip)];
    let parquet = [
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("zstd", Compression::Zstd),
    ];
    let (words, expected): (&[_], _) = match is_text {
        true => (&text, "'gzip'"),
        false => (&parquet, "'gzip', 'snappy' or 'zstd' here"),
    };
    let codec = one_of(properties, "compressionType", expected, words)?;
    Ok(match is_compressed {
        true => codec.unwrap_or(Compression::Gzip),
        false => Compression::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kusto_emulator_commands::{Command, parse};

    fn plan(text: &str) -> Result<Plan, KustoError> {
        let parsed = parse(text).expect("the command is well formed");
        let Command::Export(command) = parsed.command else {
            panic!("it is an export");
        };
        Plan::of(&command, &ExportSettings::default())
    }

    #[test]
    fn what_is_not_given_has_kustos_defaults() {
        let plan = plan(".export to csv ('/f') <| T").expect("nothing is wrong with nothing");
        let options = plan.options(true);
        assert_eq!(
            (plan.name_prefix.as_str(), options.size_limit),
            ("export", 100_000_000)
        );
        assert_eq!(
            (options.compression, options.headers),
            (Compression::None, Headers::None)
        );
        assert_eq!(options.datetime_precision, DateTimePrecision::Millisecond);
        assert_eq!(plan.writers, ExportSettings::default().shards);
        assert_eq!(plan.extension("csv"), "csv");
    }

    #[test]
    fn given_properties_hold() {
        let plan = plan(
            ".export compressed to parquet ('/f') with (namePrefix='a/x', compressionType='snappy', \
             sizeLimit=1073741824, distribution='per_node', parquetRowGroupSize=10, \
             parquetDatetimePrecision='microsecond', fileExtension='.pq', persistDetails=true) <| T",
        )
        .expect("all of it is known");
        let options = plan.options(true);
        assert_eq!(
            (options.compression, options.size_limit),
            (Compression::Snappy, 1 << 30)
        );
        assert_eq!(options.row_group_rows, 10);
        assert_eq!(options.datetime_precision, DateTimePrecision::Microsecond);
        assert_eq!(plan.writers, ExportSettings::default().nodes);
        assert_eq!(plan.extension("parquet"), "pq");
    }

    #[test]
    fn only_the_first_writer_has_the_first_file() {
        let plan = plan(
            ".export compressed to csv ('/f') with (includeHeaders='firstFile', fileExtension='txt') <| T",
        )
        .expect("all of it is known");
        assert_eq!(plan.options(true).headers, Headers::FirstFile);
        assert_eq!(plan.options(false).headers, Headers::None);
        assert_eq!(plan.extension("csv.gz"), "txt.gz");
    }

    #[test]
    fn a_prefix_cannot_leave_the_destination() {
        for prefix in ["/etc/x", "../x", "a/../../x"] {
            let text = format!(".export to csv ('/f') with (namePrefix='{prefix}') <| T");
            assert!(plan(&text).is_err(), "{prefix}");
        }
    }

    #[test]
    fn the_size_limit_has_bounds() {
        for (limit, is_right) in [
            (99_999_999, false),
            (100_000_000, true),
            (5_000_000_000_u64, false),
        ] {
            let text = format!(".export to csv ('/f') with (sizeLimit={limit}) <| T");
            assert_eq!(plan(&text).is_ok(), is_right, "{limit}");
        }
    }
}
