//! Export and ingestion formats of the embedded cluster: bytes in, rows out, and the other way.
//!
//! Nothing here opens a file or a socket. [`Writer`] turns batches into finished files, [`read`]
//! turns one file into batches. Both keep Kusto's documented damage (see `DAMAGE.md`): what a real
//! cluster would round, cut or null on the way is rounded, cut or nulled here too, and silently.

mod error;
mod export;
mod ingest;
mod mapping;
mod path;

pub use error::{ExportError, IngestError};
pub use export::{
    Compression, DateTimePrecision, ExportFormat, ExportOptions, FinishedFile, Headers, Writer,
};
pub use ingest::{DEFAULT_MAX_VALUE_SIZE, IngestFormat, IngestOptions, Ingested, Validation, read};
pub use mapping::{ColumnMapping, Mapping, MappingSource, Transform};
pub use path::{JsonPath, Step};

#[cfg(test)]
mod tests;
