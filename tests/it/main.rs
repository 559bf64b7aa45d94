//! The tests that need more than one crate: the repository's own rules, the texts against
//! Microsoft's parser, and whole runs of the binary against embedded clusters.
//!
//! One binary, since linking is most of what an integration test costs. `cargo xtask test` sets up
//! the tools that some of them need; without those they say that they were skipped and why.

mod arrivals;
mod azure_lake;
mod bad_input;
mod demo;
mod kills;
mod kql_texts;
mod kqlcheck;
mod nycflights;
mod output;
mod serverless;
mod status_page;
mod steps;
mod stubborn;
mod support;
mod tidy;
mod torture;
mod upkeep;
mod witnesses;
