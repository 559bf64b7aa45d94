//! Progress in Azure Table Storage, staging in Azure Blob Storage, tokens from Entra.
//!
//! | module | what it holds |
//! |---|---|
//! | [`access`] | how a request is authorised: account key, shared access signature, token |
//! | [`transport`] | the one HTTP client below azure_core |

pub mod access;
pub mod location;
pub mod transport;

pub use access::{Access, AccessError, Secret};
