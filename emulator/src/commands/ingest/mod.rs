//! Commands that put rows into tables.

mod checks;
mod from_query;

pub(crate) use from_query::ingest_from_query;
