//! Commands that put rows into tables.

mod checks;
mod cut;
mod files;
mod from_query;
mod options;
mod read;

pub(crate) use files::{ingest, ingest_body, ingest_inline};
pub(crate) use from_query::ingest_from_query;
