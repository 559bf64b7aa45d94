//! Requests that carry a shared access signature in their query.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};

use super::Secret;

/// Puts a shared access signature behind the address for as long as the request is under way.
#[derive(Debug)]
pub(super) struct SignaturePolicy {
    query: Secret,
}

impl SignaturePolicy {
    pub(super) fn new(query: Secret) -> Self {
        Self { query }
    }
}

/// The query of the request, then that of the signature.
fn joined(query: Option<&str>, signature: &str) -> String {
    match query {
        None | Some("") => signature.to_owned(),
        Some(query) => format!("{query}&{signature}"),
    }
}

#[async_trait]
impl Policy for SignaturePolicy {
    async fn send(
        &self,
        ctx: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        // The next try would find it there already, and so would whoever logs the request later.
        let plain = request.url().clone();
        let query = joined(plain.query(), self.query.expose());
        request.url_mut().set_query(Some(&query));
        let result = next[0].send(ctx, request, &next[1..]).await;
        *request.url_mut() = plain;
        result
    }
}
