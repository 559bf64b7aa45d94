//! The query language of the embedded cluster, run by DataFusion.
//!
//! A text becomes tokens ([`lexer`]), a syntax tree ([`ast`], [`parser`]), then, with names and
//! types resolved ([`bind`]), a DataFusion plan over Arrow columns. Kusto's types live in the
//! binder only; a datetime is a long of ticks at run time. Scalar functions are our own loops
//! ([`kernel`], [`functions`]), because Kusto's nulls, strings, reals and decimals are not SQL's.
//!
//! What is not known is refused with Kusto's error code or as unsupported, never guessed.

mod aggregates;
mod ast;
mod bind;
mod catalog;
mod context;
mod error;
mod escapes;
mod execute;
mod functions;
mod json;
mod kernel;
mod lexer;
mod literal;
mod operators;
mod parser;
mod relation;
mod run;

pub use catalog::{
    CURSOR, Catalog, EXTENT_ID, EXTENT_TAGS, HIDDEN, INGESTION_TIME, StoredFunction, TableSource,
};
pub use context::{DEFAULT_TRUNCATION_MAX_RECORDS, QueryContext, QueryOutput};
pub use error::KqlError;
pub use lexer::first_pipe;
pub use run::{run, run_over};

#[cfg(test)]
mod tests;
