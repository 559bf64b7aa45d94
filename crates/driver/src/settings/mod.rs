//! How people write what a job is run with, whatever edge they write it at: a command line or
//! the settings of a function app.

pub mod duration;
pub mod limits;
