//! The way from a query's text to its result: snapshots as tables for the query engine.

mod catalog;
mod provider;
mod rows;
mod run;

pub(crate) use catalog::{Overrides, QueryCatalog, matches_wildcard};
pub(crate) use run::{run_pipeline, run_query};
