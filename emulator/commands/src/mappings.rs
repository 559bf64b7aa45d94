//! Commands that write and drop ingestion mappings.

use crate::Command;
use crate::error::CommandError;
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

/// The formats that a mapping is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MappingKind {
    /// CSV and the other delimited formats.
    Csv,
    /// JSON lines and multi-line JSON.
    Json,
    /// Avro.
    Avro,
    /// Apache Avro.
    ApacheAvro,
    /// Parquet.
    Parquet,
    /// ORC.
    Orc,
    /// W3C extended log files.
    W3cLogFile,
    /// Azure Monitor streams.
    AzMonStream,
}

impl MappingKind {
    const ALL: [MappingKind; 8] = [
        MappingKind::Csv,
        MappingKind::Json,
        MappingKind::Avro,
        MappingKind::ApacheAvro,
        MappingKind::Parquet,
        MappingKind::Orc,
        MappingKind::W3cLogFile,
        MappingKind::AzMonStream,
    ];

    /// The kind as Kusto's `Kind` column shows it.
    pub fn name(self) -> &'static str {
        match self {
            MappingKind::Csv => "Csv",
            MappingKind::Json => "Json",
            MappingKind::Avro => "Avro",
            MappingKind::ApacheAvro => "ApacheAvro",
            MappingKind::Parquet => "Parquet",
            MappingKind::Orc => "Orc",
            MappingKind::W3cLogFile => "W3CLogFile",
            MappingKind::AzMonStream => "AzMonStream",
        }
    }

    /// The kind of this name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// What a mapping belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingEntity {
    /// A table of the context database.
    Table(String),
    /// A database.
    Database(String),
}

/// What an existing or missing mapping means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingWrite {
    /// An existing mapping is an error.
    Create,
    /// An existing mapping is replaced.
    CreateOrAlter,
    /// A missing mapping is an error.
    Alter,
    /// New entries join the existing ones.
    AlterMerge,
}

/// A change of ingestion mappings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingCommand {
    /// `.create[-or-alter]`, `.alter[-merge] … ingestion K mapping 'N' '…'`.
    Write {
        /// What an existing mapping means.
        write: MappingWrite,
        /// What it belongs to.
        entity: MappingEntity,
        /// The format.
        kind: MappingKind,
        /// The mapping.
        name: String,
        /// Its text: a JSON array.
        mapping: String,
        /// `removeOldestIfRequired` and the like.
        properties: Properties,
    },
    /// `.drop … ingestion K mapping 'N'`.
    Drop {
        /// What it belongs to.
        entity: MappingEntity,
        /// The format.
        kind: MappingKind,
        /// The mapping.
        name: String,
    },
}

impl MappingCommand {
    pub(crate) fn kind(&self) -> String {
        let (verb, entity) = match self {
            MappingCommand::Write { write, entity, .. } => {
                let verb = match write {
                    MappingWrite::Create => "Create",
                    MappingWrite::CreateOrAlter => "CreateOrAlter",
                    MappingWrite::Alter => "Alter",
                    MappingWrite::AlterMerge => "AlterMerge",
                };
                (verb, entity)
            }
            MappingCommand::Drop { entity, .. } => ("Drop", entity),
        };
        let entity = match entity {
            MappingEntity::Table(_) => "Table",
            MappingEntity::Database(_) => "Database",
        };
        format!("{verb}{entity}IngestionMapping")
    }
}

/// A mapping's format.
pub(crate) fn kind(scanner: &mut Scanner<'_>) -> Result<MappingKind, CommandError> {
    let word = scanner.peek_word();
    match MappingKind::parse(word) {
        Some(kind) => {
            scanner.advance(word.len());
            Ok(kind)
        }
        None => Err(scanner.error("the kind of a mapping")),
    }
}

/// After the entity: `ingestion K mapping 'N' '…'`.
pub(crate) fn write(
    scanner: &mut Scanner<'_>,
    write: MappingWrite,
    entity: MappingEntity,
) -> Result<Command, CommandError> {
    scanner.expect_word("ingestion")?;
    let kind = kind(scanner)?;
    scanner.expect_word("mapping")?;
    // The name is one literal and all that follow are the mapping, written over several lines.
    let name = scanner.single_string()?;
    let mapping = scanner.string()?;
    if name.is_empty() {
        return Err(CommandError::InvalidValue {
            what: "the mapping's name".to_string(),
            reason: "it is empty".to_string(),
        });
    }
    Ok(Command::Mapping(MappingCommand::Write {
        write,
        entity,
        kind,
        name,
        mapping,
        properties: properties(scanner)?,
    }))
}

/// After the entity: `ingestion K mapping 'N'`.
pub(crate) fn drop(
    scanner: &mut Scanner<'_>,
    entity: MappingEntity,
) -> Result<Command, CommandError> {
    scanner.expect_word("ingestion")?;
    let kind = kind(scanner)?;
    scanner.expect_word("mapping")?;
    let name = scanner.string()?;
    Ok(Command::Mapping(MappingCommand::Drop {
        entity,
        kind,
        name,
    }))
}
