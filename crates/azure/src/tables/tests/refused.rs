//! Tokens that the service refuses, and tokens that cannot be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::time::{self, OffsetDateTime};
use kusto_copy_store::{Store, StoreError};

use super::script::{Turn, date, insert, key, scripted_with, transaction, written};
use crate::Access;
use crate::tokens::Renewable;

/// Gives its own number as a token, the same one again and again as azure_identity does.
#[derive(Debug)]
struct Numbered(usize);

#[async_trait]
impl TokenCredential for Numbered {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let expires = OffsetDateTime::now_utc() + time::Duration::hours(1);
        Ok(AccessToken::new(self.0.to_string(), expires))
    }
}

/// Tokens of credentials that are numbered as they are made.
fn numbered() -> Access {
    let made = AtomicUsize::new(0);
    let make = move || {
        let number = made.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Numbered(number)) as Arc<dyn TokenCredential>)
    };
    Access::Token(Arc::new(Renewable::new(Box::new(make))))
}

fn token_refused() -> Turn {
    let challenge = "Bearer authorization_uri=https://login.microsoftonline.com/t/oauth2/authorize \
                     resource_id=https://storage.azure.com";
    Turn::Answer {
        status: 401,
        headers: vec![date(), ("www-authenticate", challenge.to_owned())],
        body: String::new(),
    }
}

/// A token that the service refuses is replaced by one of a new credential, once a request; what
/// was refused was not done, so a commit is sent again.
#[tokio::test]
async fn a_refused_token_is_replaced_by_one_of_a_new_credential() {
    let turns = [written(), token_refused(), written(), written()];
    let (script, store) = scripted_with(&turns, &numbered());
    for row in ["a", "b", "c"] {
        let one = transaction(vec![insert(row)]);
        store.commit(&one).await.expect("a commit");
    }
    let shown = script.shown();
    assert_eq!(shown, ["Bearer 0", "Bearer 0", "Bearer 1", "Bearer 1"]);

    let turns = [token_refused(), token_refused()];
    let (script, store) = scripted_with(&turns, &numbered());
    let error = store.commit(&transaction(vec![insert("r")])).await;
    let error = error.expect_err("no right");
    assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
    assert_eq!(script.lines().len(), 2);
}

/// Whoever gives tokens, away for the moment.
#[derive(Debug)]
struct Away(Arc<AtomicUsize>);

#[async_trait]
impl TokenCredential for Away {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let cause = Error::with_message(ErrorKind::Connection, "refused");
        Err(Error::with_error(ErrorKind::Credential, cause, "no token"))
    }
}

/// It is an outage like the service's own, for the driver to wait out: azure_identity has asked
/// several times already.
#[tokio::test]
async fn tokens_that_cannot_be_had_for_the_moment_are_an_outage() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let make = move || Ok(Arc::new(Away(Arc::clone(&count))) as Arc<dyn TokenCredential>);
    let access = Access::Token(Arc::new(Renewable::new(Box::new(make))));
    let (script, store) = scripted_with(&[], &access);
    let error = store.commit(&transaction(vec![insert("r")])).await;
    let error = error.expect_err("no token");
    assert!(error.is_unavailable(), "{error:?}");
    let error = store.get(&key("r")).await.expect_err("no token");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(script.lines().is_empty(), "nothing was sent");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "once for each");
}
