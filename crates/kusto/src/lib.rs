//! The Kusto client of kusto-copy: REST, the one writer of KQL, typed rows, errors.
//!
//! | module | what it holds |
//! |---|---|
//! | [`uri`] | a cluster's address as users give it |
//! | [`credentials`] | where tokens come from |
//! | [`client`] | a cluster: connections, headers, options, repetition |
//! | [`database`] | a database of a cluster: what the typed commands hang on |
//! | [`commands`] | every question and command of the copier |
//! | [`kql`] | their texts, and the quoting that keeps data from being read as commands |
//! | [`rows`] | rows by column name into structs |
//! | [`error`] | what went wrong, told apart by what may be done next |

pub mod call;
pub mod client;
pub mod commands;
pub mod credentials;
pub mod database;
pub mod error;
pub mod kql;
mod options;
mod redact;
pub mod retry;
pub mod rows;
pub mod schema_text;
mod secret;
mod traffic;
pub mod uri;
mod wire;

pub use call::Call;
pub use client::{Cluster, ConnectError, Settings};
pub use credentials::{Credentials, NoCredentials, StaticToken};
pub use database::Database;
pub use error::{Details, Fate, KustoError};
pub use retry::RetryPolicy;
pub use secret::Secret;
pub use traffic::Traffic;
pub use uri::{ClusterUri, UriError};
