//! The management commands of the embedded cluster, from text to typed values.
//!
//! [`parse`] reads one command (text that begins with a dot) and answers a [`Parsed`]: the typed
//! [`Command`] and, where the text goes on after a pipe, the query that runs over the command's
//! result. Nothing here knows a catalog or does I/O: whether a table exists is the executor's
//! question. A command outside the grammar is refused with Kusto's syntax error, one that Kusto has
//! and this cluster has not with an error that names it.
//!
//! The grammar follows Microsoft's published command grammar; [`Command::kind`] uses its names.

mod command;
mod databases;
mod error;
mod export;
mod extents;
mod functions;
mod ingest;
mod literals;
mod mappings;
mod names;
mod obfuscate;
mod operations;
mod policies;
mod properties;
mod scanner;
mod script;
mod secret;
mod show;
mod tables;
mod tags;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use command::{Command, Parsed, is_command, parse};
pub use databases::DatabaseCommand;
pub use error::CommandError;
pub use export::{Export, ExportFormat};
pub use extents::{DropExtents, MoveExtents, MoveSource, ReplaceExtents};
pub use functions::{CreateMode, FunctionCommand, FunctionDefinition};
pub use ingest::{Ingest, IngestFromQuery, IngestInline, TableWrite};
pub use mappings::{MappingCommand, MappingEntity, MappingKind, MappingWrite};
pub use names::{NameKind, validate_name};
pub use obfuscate::obfuscate;
pub use operations::CancelOperation;
pub use policies::{PolicyCommand, PolicyEntity, PolicyKind, PolicyValue, PolicyVerb};
pub use properties::{Properties, PropertyError};
pub use script::Script;
pub use secret::StorageUri;
pub use show::{
    ExtentScope, SchemaForm, Show, ShowDatabaseFlavor, ShowExtents, TagFilter, TagOperator,
};
pub use tables::{TableCommand, TableDefinition, TableSchemaVerb};
pub use tags::{TagChange, TagCommand};
