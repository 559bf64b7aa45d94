//! The state of a job in Azure Table Storage.
//!
//! There is no maintained Table client for Rust (`docs/decisions/0006-azure-clients.md`), so this
//! is a thin one on azure_core's pipeline, with only what the store needs: read one entity, list
//! a range of a partition, change entities of a partition together. Reads are repeated, within
//! bounds; a commit is sent once.
//!
//! | module | what it holds |
//! |---|---|
//! | [`Table`] (`client`) | the requests and their answers |
//! | `batch` | entity group transactions as text |
//! | `entity` | an entity's properties and a [`kusto_copy_store::Body`] |
//! | `failure` | what went wrong, told apart by what it says about the write |
//! | [`AzureTableStore`] (`store`) | the store of the driver |

mod batch;
mod client;
mod entity;
mod failure;
mod store;
#[cfg(test)]
mod tests;

pub use client::Table;
pub use failure::{ServiceError, TableError};
pub use store::AzureTableStore;
