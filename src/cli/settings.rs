//! Settings as `key=value`, bounds of the copier that have no flag of their own; the log's filter.

use std::str::FromStr;

use kusto_copy_core::limits::Limits;
use kusto_copy_driver::settings::limits;
#[cfg(feature = "emulator")]
use serde_json::Value;
use tracing_subscriber::EnvFilter;

use super::exit::Failure;

/// A filter that was found to be one.
#[derive(Debug)]
pub(crate) struct Filter(EnvFilter);

impl Filter {
    /// Reads a filter such as `info,kusto_copy_driver=debug`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        EnvFilter::try_new(text)
            .map(Self)
            .map_err(|_| "a filter is written like `info,kusto_copy_driver=debug`".to_owned())
    }

    /// The filter itself.
    pub(crate) fn into_inner(self) -> EnvFilter {
        self.0
    }
}

impl Clone for Filter {
    fn clone(&self) -> Self {
        Self(EnvFilter::new(self.0.to_string()))
    }
}

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// What is set; dots lead into nested settings.
    pub(crate) key: String,
    /// Its value as written.
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok(Self {
                key: key.trim().to_owned(),
                value: value.to_owned(),
            }),
            Some(_) | None => Err("write it as key=value".to_owned()),
        }
    }
}

/// A JSON object with several settings.
#[cfg(feature = "emulator")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document(pub(crate) Value);

#[cfg(feature = "emulator")]
impl FromStr for Document {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            Ok(_) | Err(_) => Err("write a JSON object like {\"cursor_lag_ms\":200}".to_owned()),
        }
    }
}

/// Changes one bound.
///
/// # Errors
/// An unknown key, a value of the wrong kind, or one outside of what the copier can work with.
pub(crate) fn set(limits: &mut Limits, assignment: &Assignment) -> Result<(), Failure> {
    let Assignment { key, value } = assignment;
    limits::set(limits, key, value).map_err(|error| {
        Failure::usage(format!("`--set {key}={value}`: {error}")).remedy(error.remedy(key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(text: &str) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        set(&mut limits, &text.parse().map_err(Failure::usage)?)?;
        Ok(limits)
    }

    #[test]
    fn a_filter_is_read_before_anything_begins() {
        assert!(Filter::parse("kusto_copy_driver=debug").is_ok());
        assert!(Filter::parse("a=b=c").is_err());
    }

    #[test]
    fn an_assignment_changes_its_bound_or_says_why_not() {
        assert_eq!(apply("block_rows=5").map(|limits| limits.block_rows), Ok(5));
        for text in ["=1", "block_rows"] {
            assert!(apply(text).is_err(), "{text}");
        }
        let failure = apply("block_rows=0").expect_err("a block has rows");
        assert_eq!(
            failure.message,
            "`--set block_rows=0`: the value is not a whole number from 1 on"
        );
        assert_eq!(
            failure.remedy.as_deref(),
            Some("give `block_rows` a whole number from 1 on")
        );
        let failure = apply("blocks=1").expect_err("there is no such bound");
        assert_eq!(
            failure.message,
            "`--set blocks=1`: there is no such setting"
        );
    }
}
