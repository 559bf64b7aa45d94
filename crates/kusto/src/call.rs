//! Who asks, for what and how long.

use std::time::Duration;

/// One request's identity. The id goes into `x-ms-client-request-id`, so that a command whose
/// answer was lost can be found; the description into `request_description`, so that an
/// administrator can classify our requests into a workload group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `KC.<job>.<block>.<attempt>.<what>`; characters that a header cannot carry become `_`.
    pub request_id: String,
    /// `kusto-copy job=… table=… block=… attempt=…`.
    pub description: String,
    /// Give up waiting for the answer after so long, if that is sooner than the request's own
    /// timeout. A command given up on is [`KustoError::Ambiguous`](crate::KustoError::Ambiguous).
    pub patience: Option<Duration>,
}

impl Call {
    /// A call that waits as long as its kind of request may take.
    #[must_use]
    pub fn new(request_id: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            request_id: request_id.into(),
            description: description.into(),
            patience: None,
        }
    }

    /// The same call with less patience.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }
}
