//! Progress in Azure Table Storage, staging in Azure Blob Storage, tokens from Entra.
//!
//! | module | what it holds |
//! |---|---|
//! | [`access`] | how a request is authorised: account key, shared access signature, token |
//! | [`blobs`] | staged files and our own objects in Blob Storage |
//! | `causes` | an error and its causes in one line |
//! | [`home`] | opens a job's lake and state by their addresses |
//! | [`location`] | addresses of lakes and state tables |
//! | `patience` | how long a service asks to wait |
//! | [`tables`] | the state of a job in Table Storage |
//! | [`tokens`] | who we are to Entra, and tokens for clusters |
//! | [`transport`] | the one HTTP client below azure_core |

pub mod access;
pub mod blobs;
mod causes;
pub mod home;
pub mod location;
mod patience;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod tokens;
pub mod transport;

pub use access::{Access, AccessError, Secret};
