//! One Azurite for the tests that run at one time, and the ways to be let in.

use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use azure_core::base64;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::{Transport, Url};
use azure_core::time::{Duration, OffsetDateTime};
use kusto_copy_azurite::{ACCOUNT, Azurite, KEY, Options};
use uuid::Uuid;

use crate::access::{Access, Secret, account_sas};
use crate::tables::{AzureTableStore, Table};
use crate::transport::{transport, transport_trusting};

/// How a test is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    Key,
    Signature,
    Token,
}

impl Entrance {
    pub(super) fn access(self) -> Access {
        let key = Secret::new(KEY);
        match self {
            Self::Key => Access::shared_key(ACCOUNT, key).expect("a key"),
            Self::Signature => {
                let until = OffsetDateTime::now_utc() + Duration::hours(1);
                account_sas(ACCOUNT, &key, until).expect("a signature")
            }
            Self::Token => Access::Token(Arc::new(Unsigned)),
        }
    }

    pub(super) fn transport(self) -> Transport {
        match self {
            Self::Key | Self::Signature => transport(),
            Self::Token => transport_trusting(&kusto_copy_azurite::authority()),
        }
    }

    /// A new table, or none where Azurite is not installed and need not be.
    pub(super) async fn table(self) -> Option<Place> {
        let place = self.place(&format!("t{}", Uuid::new_v4().simple()), &self.access())?;
        place.table.create_if_missing().await.expect("a new table");
        Some(place)
    }

    /// A table of this name, which may not exist, let in by this.
    pub(super) fn place(self, name: &str, access: &Access) -> Option<Place> {
        let azurite = shared(self == Self::Token)?;
        let service: Url = azurite.table_endpoint(ACCOUNT).parse().expect("an address");
        let table = Table::new(service, name, access, self.transport()).expect("a table");
        Some(Place {
            table,
            _azurite: azurite,
        })
    }
}

/// A table in an Azurite that runs as long as somebody has a place in it.
pub(super) struct Place {
    pub(super) table: Table,
    _azurite: Arc<Azurite>,
}

impl Place {
    pub(super) fn store(&self) -> AzureTableStore {
        AzureTableStore::new(self.table.clone(), "lake").expect("a store")
    }
}

/// The Azurite that other tests of this process use at the moment, or a new one.
fn shared(oauth: bool) -> Option<Arc<Azurite>> {
    static RUNNING: [Mutex<Weak<Azurite>>; 2] = [Mutex::new(Weak::new()), Mutex::new(Weak::new())];
    if !kusto_copy_azurite::is_installed() {
        assert!(
            std::env::var_os("KUSTO_COPY_TOOLS_REQUIRED").is_none(),
            "Azurite is not installed; run `cargo xtask tools`"
        );
        return None;
    }
    let mut running = RUNNING[usize::from(oauth)]
        .lock()
        .expect("no test failed to start it");
    if let Some(azurite) = running.upgrade() {
        return Some(azurite);
    }
    let options = Options {
        oauth,
        ..Options::default()
    };
    let azurite = Arc::new(Azurite::start(options).expect("Azurite starts"));
    *running = Arc::downgrade(&azurite);
    Some(azurite)
}

/// Tokens that say what Azurite looks at: issuer, audience and times. It checks no signature.
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
            "iat": now.unix_timestamp() - 60,
            "nbf": now.unix_timestamp() - 60,
            "exp": expires.unix_timestamp(),
        });
        let part = |text: &str| base64::encode_url_safe(text).replace('=', "");
        let (header, claims) = (
            part(r#"{"alg":"RS256","typ":"JWT"}"#),
            part(&claims.to_string()),
        );
        let token = format!("{header}.{claims}.{}", part("unsigned"));
        Ok(AccessToken::new(token, expires))
    }
}
