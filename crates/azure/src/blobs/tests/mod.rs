//! Against Azurite, and against requests and answers that get lost.

mod contract;
mod errors;
mod fixture;
mod grants;
mod requests;
mod whole;
