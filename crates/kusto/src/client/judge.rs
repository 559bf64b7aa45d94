//! What an answer, or the lack of one, means.

use std::time::Duration;

use crate::credentials::CredentialError;
use crate::error::{Details, Fate, KustoError};
use crate::kql::Text;
use crate::redact::{redact, shortened};
use crate::wire::BadAnswer;
use crate::wire::fault::ServiceFault;

/// A send that failed, and whether another one may help (where it is allowed at all).
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: KustoError,
    pub(super) again: bool,
    pub(super) retry_after: Option<Duration>,
    /// The token that was sent was refused, and nothing was run: a new one may help.
    pub(super) stale_token: bool,
}

impl Failure {
    fn of(error: KustoError) -> Self {
        let again = error.is_passing();
        Self {
            error,
            again,
            retry_after: None,
            stale_token: false,
        }
    }
}

/// What an error tells of its request.
pub(super) struct Context<'a> {
    pub(super) cluster: String,
    pub(super) text: &'a Text,
    pub(super) request_id: String,
    pub(super) activity_id: Option<String>,
}

impl Context<'_> {
    fn details(&self, status: Option<u16>, fault: ServiceFault) -> Box<Details> {
        Box::new(Details {
            cluster: self.cluster.clone(),
            what: self.text.what(),
            status,
            code: fault.code,
            message: shortened(redact(&fault.message, self.text.secrets())),
            activity_id: self.activity_id.clone().or(fault.activity_id),
            request_id: self.request_id.clone(),
        })
    }

    fn plain(&self, message: String) -> Box<Details> {
        self.details(
            None,
            ServiceFault {
                message,
                ..ServiceFault::default()
            },
        )
    }

    pub(super) fn no_token(&self, error: &CredentialError) -> Failure {
        Failure::of(KustoError::NoToken {
            details: self.plain(error.reason.clone()),
        })
    }

    pub(super) fn too_large(&self, limit: usize) -> Failure {
        let message = format!("the answer is larger than {limit} bytes");
        Failure::of(KustoError::Protocol {
            details: self.plain(message),
        })
    }

    /// The transport failed. Only a connection that never came about is known not to have
    /// carried the request.
    pub(super) fn transport(&self, error: &reqwest::Error) -> Failure {
        let details = self.plain(chain(error));
        if error.is_connect() || error.is_builder() {
            return Failure::of(KustoError::Unreachable { details });
        }
        let mut failure = Failure::of(KustoError::Ambiguous { details });
        // What took too long once is not asked again.
        failure.again = !error.is_timeout();
        failure
    }

    /// The cluster answered with an error's status.
    pub(super) fn refusal(
        &self,
        status: u16,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Failure {
        let fault = ServiceFault::from_body(body);
        let passing = fault.permanent == Some(false);
        let throttled = status == 429 || (status != 200 && fault.is_throttling());
        let not_found = status == 404 || (status < 500 && fault.is_not_found());
        let permanent = fault.permanent == Some(true);
        let too_much = status == 504 || fault.is_too_much();
        let details = self.details(Some(status), fault);
        let error = match status {
            _ if throttled => KustoError::Throttled {
                retry_after,
                details,
            },
            401 | 403 => KustoError::Denied { details },
            _ if not_found => KustoError::NotFound { details },
            // A gateway's words: the cluster behind it may have run the command.
            408 | 502 | 504 => KustoError::Ambiguous { details },
            400..=499 if passing => KustoError::Transient {
                fate: Fate::Failed,
                details,
            },
            400..=499 => KustoError::Permanent { details },
            500..=599 if permanent => KustoError::Permanent { details },
            500..=599 => KustoError::Transient {
                fate: Fate::Unknown,
                details,
            },
            _ => KustoError::Protocol { details },
        };
        let mut failure = Failure::of(error);
        failure.again &= !too_much;
        failure.retry_after = retry_after;
        failure.stale_token = status == 401;
        failure
    }

    /// Status 200, and yet no result.
    pub(super) fn bad_answer(&self, bad: BadAnswer) -> Failure {
        match bad {
            BadAnswer::Malformed(message) => Failure::of(KustoError::Protocol {
                details: self.plain(message),
            }),
            BadAnswer::CutShort(message) => Failure::of(KustoError::Ambiguous {
                details: self.plain(message),
            }),
            BadAnswer::Fault(fault) => {
                let not_found = fault.is_not_found();
                let permanent = fault.permanent;
                let throttled = fault.is_throttling();
                let too_much = fault.is_too_much();
                let details = self.details(Some(200), fault);
                let mut failure = Failure::of(match permanent {
                    _ if not_found => KustoError::NotFound { details },
                    _ if throttled => KustoError::Transient {
                        fate: Fate::Failed,
                        details,
                    },
                    Some(true) => KustoError::Permanent { details },
                    // It ran and failed; without a word about its permanence it may be asked again.
                    Some(false) | None => KustoError::Transient {
                        fate: Fate::Failed,
                        details,
                    },
                });
                failure.again &= !too_much;
                failure
            }
        }
    }
}

/// An error and its causes in one line, without the address.
fn chain(error: &reqwest::Error) -> String {
    let mut message = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the connection broke".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    message
}
