//! What becomes of a request whose token the service refuses.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::{TokenCredential, TokenRequestOptions};
use azure_core::http::headers::{AUTHORIZATION, Headers};
use azure_core::http::policies::auth::{Authorizer, OnChallenge};
use azure_core::http::{Context, Request};

use super::STORAGE_SCOPE;
use crate::tokens::Renewable;

/// Begins anew with the credential, and lets the request be sent once more with what it gives.
///
/// The service answers 401 with a challenge before it looks at anything else of a request, so
/// nothing of a refused commit was done, and sending it again is not sending it twice.
#[derive(Debug)]
pub(super) struct Refused(Arc<Renewable>);

impl Refused {
    pub(super) fn of(tokens: &Arc<Renewable>) -> Self {
        Self(Arc::clone(tokens))
    }
}

#[async_trait]
impl OnChallenge for Refused {
    async fn on_challenge(
        &self,
        _: &Context,
        request: &mut Request,
        authorizer: &dyn Authorizer,
        _: &Headers,
    ) -> azure_core::Result<()> {
        let sent = request.headers().get_optional_str(&AUTHORIZATION);
        let refused = sent.and_then(|header| header.strip_prefix("Bearer "));
        let kept = self.0.get_token(&[STORAGE_SCOPE], None).await?;
        // Of several requests that are refused at once, the first begins anew for all.
        if refused == Some(kept.token.secret()) {
            self.0.begin_anew();
        }
        let options = TokenRequestOptions::default();
        authorizer
            .authorize(request, &[STORAGE_SCOPE], options)
            .await
    }
}
