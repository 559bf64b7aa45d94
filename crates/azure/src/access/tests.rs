use azure_core::time::OffsetDateTime;

use super::*;

const KEY: &str = "c2VjcmV0";

fn url(text: &str) -> Url {
    text.parse().expect("an address")
}

fn with_key() -> Access {
    Access::shared_key("account", Secret::new(KEY)).expect("a key")
}

#[test]
fn what_cannot_be_a_key_or_a_signature_is_refused() {
    for key in ["", "not base64!"] {
        let refused = Access::shared_key("account", Secret::new(key)).expect_err("no key");
        assert_eq!(refused, AccessError::Key);
    }
    for text in ["", "?", "sv=2020-12-06&se=2030-01-01", "sig=", "x-sig=abc"] {
        let refused = Access::sas(text).expect_err("no signature");
        assert_eq!(refused, AccessError::Signature, "{text}");
    }
    let taken = Access::sas(" ?sv=2020-12-06&sig=a%2Bb ").expect("a signature");
    assert!(matches!(taken, Access::Sas(secret) if secret.expose() == "sv=2020-12-06&sig=a%2Bb"));
}

#[test]
fn nothing_that_grants_access_can_be_printed() {
    let sas =
        account_sas("account", &Secret::new(KEY), OffsetDateTime::now_utc()).expect("a signature");
    let Access::Sas(query) = &sas else {
        panic!("not a signature: {sas:?}");
    };
    let signature = query.expose().split("sig=").nth(1).expect("its end");
    assert!(!signature.is_empty());
    for printed in [
        format!("{sas:?}"),
        format!("{:?}", sas.policy(Service::Table)),
        format!("{:?}", with_key()),
        format!("{:?}", with_key().policy(Service::Blob)),
        format!("{query:?}"),
    ] {
        assert!(!printed.contains(signature), "{printed}");
        assert!(!printed.contains(KEY), "{printed}");
    }
}

#[test]
fn access_stays_off_the_open_network() {
    let sas = Access::sas("sig=a").expect("a signature");
    for access in [&sas, &with_key()] {
        for fine in [
            "https://account.table.core.windows.net",
            "http://127.0.0.1:10002/devstoreaccount1",
            "http://[::1]:10002/devstoreaccount1",
            "http://localhost:10002/devstoreaccount1",
            "http://account.table.localhost:10002",
        ] {
            assert_eq!(access.check(&url(fine)), Ok(()), "{fine}");
        }
        let open = access.check(&url("http://account.table.core.windows.net"));
        let host = "account.table.core.windows.net".to_owned();
        assert_eq!(open, Err(AccessError::Unencrypted { host }));
    }
}
