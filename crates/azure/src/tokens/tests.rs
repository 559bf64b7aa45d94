mod app;

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use azure_core::credentials::TokenRequestOptions;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::Transport;
use futures::FutureExt;

use super::*;

const START: i64 = 1_800_000_000;

/// Tokens that name their maker and their number, for an hour each.
#[derive(Debug)]
struct Counted {
    maker: usize,
    given: AtomicUsize,
    broken: bool,
}

#[async_trait]
impl TokenCredential for Counted {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if self.broken {
            let cause = Error::with_message(ErrorKind::Credential, "nobody is signed in");
            return Err(Error::with_error(
                ErrorKind::Credential,
                cause,
                "no way worked",
            ));
        }
        let number = self.given.fetch_add(1, Ordering::SeqCst);
        let token = format!("{}#{}.{number}", scopes.join(" "), self.maker);
        Ok(AccessToken::new(token, at(START + 3_600)))
    }
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a moment")
}

/// Makers in turn, the ones named broken.
fn making(broken: &'static [usize]) -> Box<MakeCredential> {
    let made = AtomicUsize::new(0);
    Box::new(move || {
        let maker = made.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Counted {
            maker,
            given: AtomicUsize::new(0),
            broken: broken.contains(&maker),
        }))
    })
}

fn cluster(text: &str) -> ClusterUri {
    ClusterUri::parse(text).expect("a cluster").0
}

/// A secret cannot be read, so it is compared with what is expected.
async fn is(tokens: &AzureTokens, uri: &str, fresh: bool, expected: &str) -> bool {
    let token = tokens.token(&cluster(uri), fresh).await.expect("an answer");
    token == Some(Secret::new(expected))
}

const HELP: &str = "https://help.kusto.windows.net";
const HELP_SCOPE: &str = "https://help.kusto.windows.net/.default";

#[tokio::test]
async fn tokens_are_kept_for_each_cluster_and_renewed_in_time() {
    static NOW: AtomicI64 = AtomicI64::new(START);
    let tokens = AzureTokens::with_clock(making(&[]), || at(NOW.load(Ordering::SeqCst)));
    let other = "https://trd-1.z0.kusto.fabric.microsoft.com:443/";
    assert!(is(&tokens, HELP, false, &format!("{HELP_SCOPE}#0.0")).await);
    let fabric = "https://trd-1.z0.kusto.fabric.microsoft.com/.default#0.1";
    assert!(is(&tokens, other, false, fabric).await);
    assert!(is(&tokens, HELP, false, &format!("{HELP_SCOPE}#0.0")).await);
    NOW.store(START + 3_299, Ordering::SeqCst);
    assert!(is(&tokens, HELP, false, &format!("{HELP_SCOPE}#0.0")).await);
    NOW.store(START + 3_300, Ordering::SeqCst);
    assert!(is(&tokens, HELP, false, &format!("{HELP_SCOPE}#0.2")).await);
}

#[tokio::test]
async fn a_refused_token_is_replaced_by_one_of_a_new_credential() {
    let tokens = AzureTokens::with_clock(making(&[]), || at(START));
    assert!(is(&tokens, HELP, false, &format!("{HELP_SCOPE}#0.0")).await);
    assert!(is(&tokens, HELP, true, &format!("{HELP_SCOPE}#1.0")).await);
    assert!(is(&tokens, HELP, false, &format!("{HELP_SCOPE}#1.0")).await);
}

/// Gives tokens for one cluster at once, and for every other never.
#[derive(Debug)]
struct Deaf;

#[async_trait]
impl TokenCredential for Deaf {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if scopes != [HELP_SCOPE] {
            std::future::pending::<()>().await;
        }
        Ok(AccessToken::new("helped", at(START + 3_600)))
    }
}

/// Whoever gives tokens for one cluster may take its time; requests to another do not wait for it.
#[tokio::test]
async fn a_token_that_does_not_come_keeps_nobody_else_waiting() {
    let make = || Ok(Arc::new(Deaf) as Arc<dyn TokenCredential>);
    let tokens = AzureTokens::with_clock(Box::new(make), || at(START));
    let other = cluster("https://other.kusto.windows.net");
    let mut waiting = tokens.token(&other, false);
    assert!(waiting.as_mut().now_or_never().is_none());
    let helped = tokens.token(&cluster(HELP), false).now_or_never();
    assert_eq!(helped, Some(Ok(Some(Secret::new("helped")))));
    assert!(waiting.now_or_never().is_none());
}

#[tokio::test]
async fn embedded_clusters_get_no_token_and_nobody_is_asked() {
    let tokens = AzureTokens::new(Box::new(|| panic!("asked for a credential")));
    for local in [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:1",
    ] {
        let token = tokens.token(&cluster(local), false).await;
        assert_eq!(token, Ok(None));
    }
}

#[tokio::test]
async fn without_a_token_the_reason_is_told() {
    let tokens = AzureTokens::with_clock(making(&[0]), || at(START));
    let error = tokens
        .token(&cluster(HELP), false)
        .await
        .expect_err("no token");
    assert_eq!(error.reason, "no way worked: nobody is signed in");
}

#[test]
fn the_environment_says_who_we_are() {
    let choose = |set: &[(&str, &str)]| {
        Identity::choose(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    };
    let managed = |id: Option<&str>| Identity::Managed {
        client_id: id.map(str::to_owned),
    };
    let endpoint = ("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token");
    let client = ("AZURE_CLIENT_ID", "one");
    let tenant = ("AZURE_TENANT_ID", "t");
    let secret = ("AZURE_CLIENT_SECRET", "very-secret");
    let file = ("AZURE_FEDERATED_TOKEN_FILE", "/file");
    assert_eq!(choose(&[]), Identity::DeveloperTools);
    assert_eq!(
        choose(&[("AZURE_CLIENT_ID", " ")]),
        Identity::DeveloperTools
    );
    assert_eq!(choose(&[tenant, secret]), Identity::DeveloperTools);
    assert_eq!(choose(&[endpoint]), managed(None));
    assert_eq!(choose(&[client]), managed(Some("one")));
    let all = [secret, file, tenant, client, endpoint];
    assert_eq!(choose(&all), managed(Some("one")));
    assert_eq!(choose(&all[..4]), Identity::Workload);
    let principal = choose(&[client, tenant, secret]);
    assert!(
        matches!(principal, Identity::Principal { .. }),
        "{principal:?}"
    );
    assert!(!format!("{principal:?}").contains("very-secret"));
}

/// No network below them: whoever asked for a token would fail.
#[test]
fn credentials_are_made_without_asking_for_a_token() {
    let transport: Transport = crate::transport::transport();
    for identity in [
        Identity::DeveloperTools,
        Identity::Managed { client_id: None },
        Identity::Managed {
            client_id: Some("one".to_owned()),
        },
        Identity::Principal {
            tenant_id: "11111111-1111-1111-1111-111111111111".to_owned(),
            client_id: "one".to_owned(),
            secret: crate::Secret::new("s"),
        },
    ] {
        assert!(identity.credential(&transport).is_ok(), "{identity:?}");
    }
}
