//! What the tests of this crate share: Azurite, and a token that it takes.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use azure_core::base64;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::{Duration, OffsetDateTime};
use kusto_copy_azurite::{Azurite, Options};

use crate::access::Access;
use crate::tokens::Renewable;

/// A second account, beside Azurite's own.
pub(crate) const SECOND: &str = "secondaccount";

/// Its key.
pub(crate) const SECOND_KEY: &str = "c2Vjb25kIHNlY29uZCBzZWNvbmQgc2Vjb25kIHNlY29uZA==";

static RUNNING: Mutex<[Weak<Azurite>; 2]> = Mutex::new([Weak::new(), Weak::new()]);

/// The Azurite that the tests of this process share, with two accounts: by HTTP, or by HTTPS with
/// tokens. It ends with the last test that holds it. None where it is not installed and need not
/// be.
pub(crate) fn azurite(oauth: bool) -> Option<Arc<Azurite>> {
    if !kusto_copy_azurite::is_installed() {
        assert!(
            std::env::var_os("KUSTO_COPY_TOOLS_REQUIRED").is_none(),
            "Azurite is not installed; run `cargo xtask tools`"
        );
        return None;
    }
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let place = &mut running[usize::from(oauth)];
    if let Some(azurite) = place.upgrade() {
        return Some(azurite);
    }
    let azurite = Azurite::start(Options {
        oauth,
        accounts: vec![(SECOND.to_owned(), SECOND_KEY.to_owned())],
        ..Options::default()
    });
    let azurite = Arc::new(azurite.expect("Azurite starts"));
    *place = Arc::downgrade(&azurite);
    Some(azurite)
}

/// Access by tokens that Azurite takes.
pub(crate) fn unsigned() -> Access {
    let make = || Ok(Arc::new(Unsigned) as Arc<dyn TokenCredential>);
    Access::Token(Arc::new(Renewable::new(Box::new(make))))
}

/// Tokens that say what Azurite looks at: issuer, audience, times and who has it. It checks no
/// signature.
#[derive(Debug)]
struct Unsigned;

#[async_trait]
impl TokenCredential for Unsigned {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://storage.azure.com/.default"]);
        let now = OffsetDateTime::now_utc();
        let expires = now + Duration::hours(1);
        let claims = serde_json::json!({
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
            "oid": "11059fcc-5514-4800-b5f8-49808b9cfab6",
            "tid": "ab1f708d-50f6-404c-a006-d71b2ac7a606",
            "iat": now.unix_timestamp() - 60,
            "nbf": now.unix_timestamp() - 60,
            "exp": expires.unix_timestamp(),
        });
        let part = |text: &str| base64::encode_url_safe(text).replace('=', "");
        let header = part(r#"{"alg":"RS256","typ":"JWT"}"#);
        let claims = part(&claims.to_string());
        let token = format!("{header}.{claims}.{}", part("unsigned"));
        Ok(AccessToken::new(token, expires))
    }
}
