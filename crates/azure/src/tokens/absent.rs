//! Why there is no token, shortly enough for a sentence.

use std::error::Error;

use super::renewable::may_pass;
use crate::causes::in_words;

/// Characters of the reason at most.
const LONGEST: usize = 300;

/// No token could be had. azure_identity explains that in a page with links, said twice; this
/// keeps what is the matter, and the log has the page from `info` up.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct NoToken {
    reason: String,
    may_pass: bool,
}

impl NoToken {
    /// Logs the error and keeps its essence. What azure_identity says names tenants, identities and
    /// commands, never a token.
    pub(crate) fn because(error: &azure_core::Error) -> Self {
        tracing::info!(error = in_words(error), "no token could be obtained");
        Self {
            reason: shortly(error),
            may_pass: may_pass(error),
        }
    }

    /// Whether it may pass by itself: whoever gives tokens was away or busy.
    pub(crate) const fn may_pass(&self) -> bool {
        self.may_pass
    }
}

/// The essence of an error and of its causes, each once.
fn shortly(error: &dyn Error) -> String {
    let mut words = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let more = essence(&cause.to_string());
        if !words.contains(&more) {
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(&more);
        }
        next = cause.source();
    }
    match words.char_indices().nth(LONGEST) {
        None => words,
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
    }
}

/// Lines that say nothing of the matter: headings of azure_identity and azure_core, links.
const NOISE: [&str; 3] = [
    "Multiple errors were encountered",
    "non-transport error occurred",
    "To troubleshoot, visit",
];

/// What is left without headings, links and the numbers for Microsoft's support.
fn essence(text: &str) -> String {
    let lines = text.lines().filter_map(|line| {
        let is_noise = NOISE.iter().any(|noise| line.starts_with(noise));
        let line = match line.split_once("Credential authentication failed.") {
            Some((name, rest)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => rest,
            Some(_) | None => line,
        };
        let line = line.split(" Trace ID:").next().unwrap_or(line).trim();
        let line = line.strip_prefix("ERROR: ").unwrap_or(line);
        (!is_noise && !line.is_empty()).then(|| line.trim_end_matches('.'))
    });
    lines.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use azure_core::error::{Error, ErrorKind};

    use super::*;

    fn failed(cause: Error, message: &'static str) -> NoToken {
        NoToken::because(&Error::with_error(ErrorKind::Credential, cause, message))
    }

    #[test]
    fn two_tools_without_a_sign_in_are_one_line() {
        let page = "Multiple errors were encountered while attempting to authenticate:\n\
                    AzureCliCredential authentication failed. az not found on PATH\n\
                    To troubleshoot, visit https://aka.ms/x#azure-cli - az not found on PATH\n\
                    AzureDeveloperCliCredential authentication failed.\n\
                    ERROR: not logged in, run `azd auth login` to login\n\
                    To troubleshoot, visit https://aka.ms/x#azd - not logged in";
        let error = Error::with_message(ErrorKind::Credential, page);
        let error = failed(
            error,
            "non-transport error occurred which will not be retried",
        );
        assert_eq!(
            error.to_string(),
            "az not found on PATH, not logged in, run `azd auth login` to login"
        );
    }

    #[test]
    fn what_entra_says_is_said_once_and_without_its_numbers() {
        let said = "AADSTS7000215: Invalid client secret. Trace ID: 1 Correlation ID: 2";
        let cause = Error::with_message(ErrorKind::Credential, said);
        let error = failed(
            cause,
            "ClientSecretCredential authentication failed. AADSTS7000215: Invalid client secret. \
             Trace ID: 1 Correlation ID: 2\nTo troubleshoot, visit https://aka.ms/x#client-secret",
        );
        assert_eq!(error.to_string(), "AADSTS7000215: Invalid client secret");
        assert!(!error.may_pass());
    }

    #[test]
    fn a_cause_that_tells_more_is_kept_and_a_long_one_is_cut() {
        let cause = Error::with_message(ErrorKind::Connection, "connection refused");
        let error = failed(
            cause,
            "ManagedIdentityCredential authentication failed. the request failed\n\
             To troubleshoot, visit https://aka.ms/x#managed-id",
        );
        assert_eq!(error.to_string(), "the request failed: connection refused");
        assert!(error.may_pass());
        let long = Error::with_message(ErrorKind::Other, "ä".repeat(1_000));
        assert_eq!(
            NoToken::because(&long).to_string().chars().count(),
            LONGEST + 1
        );
    }
}
