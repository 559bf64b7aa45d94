use azure_core::time::{Duration, OffsetDateTime};
use kusto_copy_azurite::{ACCOUNT, Azurite};
use kusto_copy_staging::{ObjectName, Prefix, Put};
use kusto_copy_store::{Key, Layout, Partition, Row, Transaction, Write};
use uuid::Uuid;

use super::*;
use crate::access::account_sas;
use crate::testing::{SECOND, SECOND_KEY, azurite, unsigned};
use crate::transport::transport_trusting;

const LAYOUT: Layout = Layout::new(1, "0.0.0-test");

fn new_options(azurite: &Azurite, account: &str) -> HomeOptions {
    let id = Uuid::new_v4().simple();
    HomeOptions {
        state: Some(format!("{}/t{id}", azurite.table_endpoint(account))),
        ..HomeOptions::new(format!("{}/c{id}/west", azurite.blob_endpoint(account)))
    }
}

fn key() -> Key {
    let partition = Partition::encode("p").expect("a partition");
    Key::new(partition, Row::encode("r").expect("a row"))
}

async fn remember(home: &Home, text: &str) {
    let body = LAYOUT.write(text).expect("a body");
    let insert = Write::Insert { key: key(), body };
    let transaction = Transaction::new(vec![insert]).expect("a transaction");
    home.store.commit(&transaction).await.expect("a commit");
}

async fn remembered(store: &dyn Store) -> Option<String> {
    let found = store.get(&key()).await.expect("a read").entity?;
    Some(LAYOUT.read(&found).expect("text"))
}

async fn use_it(options: HomeOptions) {
    let missing = open_existing(options.clone())
        .await
        .err()
        .expect("no job yet");
    assert!(matches!(missing, HomeError::NoState { .. }), "{missing:?}");
    let home = open(options.clone()).await.expect("a home");
    remember(&home, "one").await;
    let name = ObjectName::new("j/x").expect("a name");
    let put = home.lake.put_if_absent(&name, b"x").await.expect("a put");
    assert_eq!(put, Put::Created);
    // Another process, by another spelling of the same lake.
    let again = HomeOptions {
        lake: options.lake.replace("/west", "/west/"),
        ..options.clone()
    };
    let other = open(again).await.expect("the same home");
    assert_eq!(remembered(&*other.store).await.as_deref(), Some("one"));
    assert!(other.lake.get(&name).await.expect("a read").is_some());
    let store = open_existing(options.clone()).await.expect("its state");
    assert_eq!(remembered(&*store).await.as_deref(), Some("one"));
    // Another lake in the same table.
    let beside = HomeOptions {
        lake: options.lake.replace("/west", "/east"),
        ..options
    };
    let beside = open(beside).await.expect("another home");
    assert_eq!(remembered(&*beside.store).await, None);
}

#[tokio::test]
async fn azurite_opens_by_its_published_key() {
    let Some(azurite) = azurite(false) else {
        return;
    };
    use_it(new_options(&azurite, ACCOUNT)).await;
}

#[tokio::test]
async fn a_key_opens_its_account() {
    let Some(azurite) = azurite(false) else {
        return;
    };
    let access = Access::shared_key(SECOND, Secret::new(SECOND_KEY)).expect("a key");
    let options = HomeOptions {
        access: Some(access),
        ..new_options(&azurite, SECOND)
    };
    use_it(options.clone()).await;
    let further = HomeOptions {
        places: vec![format!("{}/more", azurite.blob_endpoint(ACCOUNT))],
        ..options
    };
    let error = open(further.clone()).await.expect_err("another account");
    assert!(matches!(error, HomeError::OtherAccount { .. }), "{error:?}");
    // A signature behind its address opens it.
    let until = OffsetDateTime::now_utc() + Duration::hours(1);
    let signed = account_sas(ACCOUNT, &Secret::new(kusto_copy_azurite::KEY), until);
    let Ok(Access::Sas(query)) = signed else {
        panic!("no signature");
    };
    let place = format!("{}?{}", further.places[0], query.expose());
    let signed = HomeOptions {
        places: vec![place],
        ..further
    };
    let home = open(signed).await.expect("a home");
    let prefix = Prefix::new("j/t").expect("a prefix");
    let targets = home.lake.export_targets(&prefix).await.expect("targets");
    assert_eq!(targets.len(), 2);
}

#[tokio::test]
async fn a_token_opens_everything() {
    let Some(azurite) = azurite(true) else {
        return;
    };
    let options = HomeOptions {
        places: vec![format!(
            "{}/m{}",
            azurite.blob_endpoint(SECOND),
            Uuid::new_v4().simple()
        )],
        access: Some(unsigned()),
        transport: transport_trusting(&kusto_copy_azurite::authority()),
        ..new_options(&azurite, ACCOUNT)
    };
    use_it(options.clone()).await;
    let home = open(options).await.expect("a home");
    let prefix = Prefix::new("j/t").expect("a prefix");
    let targets = home.lake.export_targets(&prefix).await.expect("targets");
    assert_eq!(targets.len(), 2);
}

#[tokio::test]
async fn a_signature_behind_the_lake_opens_the_table_too() {
    let Some(azurite) = azurite(false) else {
        return;
    };
    let until = OffsetDateTime::now_utc() + Duration::hours(1);
    let signed = account_sas(SECOND, &Secret::new(SECOND_KEY), until).expect("a signature");
    let Access::Sas(query) = &signed else {
        panic!("no signature");
    };
    let plain = new_options(&azurite, SECOND);
    let error = open(plain.clone()).await.expect_err("nothing opens it");
    assert!(matches!(error, HomeError::NoAccess { .. }), "{error:?}");
    let options = HomeOptions {
        lake: format!("{}?{}", plain.lake, query.expose()),
        ..plain
    };
    let printed = format!("{options:?}");
    open(options.clone()).await.expect("a home");
    assert!(!printed.contains(query.expose()), "{printed}");
    let unsigned = query.expose().replace("ss=bt", "ss=b");
    assert!(for_tables(Access::sas(&unsigned).ok().as_ref()).is_none());
}

/// Given by the environment it is of the lake's account, and no other account gets to see it.
#[tokio::test]
async fn a_signature_is_shown_to_no_other_account() {
    let sas = Access::sas("sv=1&ss=bt&sig=SECRET").expect("a signature");
    let lake = "https://acct1.blob.core.windows.net/lake";
    let options = HomeOptions {
        access: Some(sas),
        ..HomeOptions::new(lake)
    };
    assert!(Read::of(&options).is_ok());
    let elsewhere = [
        HomeOptions {
            places: vec!["https://acct2.blob.core.windows.net/more".to_owned()],
            ..options.clone()
        },
        HomeOptions {
            state: Some("https://acct2.table.core.windows.net/state".to_owned()),
            ..options.clone()
        },
    ];
    for options in elsewhere {
        let error = Read::of(&options).err().expect("another account");
        assert!(matches!(error, HomeError::OtherAccount { .. }), "{error:?}");
        assert!(error.to_string().contains("acct2"), "{error}");
    }
    // Nor does the one behind the lake's address open a namesake in another cloud.
    let signed = HomeOptions {
        lake: format!("{lake}?sv=1&ss=bt&sig=SECRET"),
        state: Some("https://acct1.table.core.chinacloudapi.cn/state".to_owned()),
        ..HomeOptions::new(lake)
    };
    let read = Location::parse(&signed.lake).expect("a lake");
    let (_, access) = state(&signed, &read).expect("a table");
    assert!(access.is_none(), "{access:?}");
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_with_what_to_do() {
    let Some(azurite) = azurite(false) else {
        return;
    };
    let options = new_options(&azurite, ACCOUNT);
    let wrong = Access::shared_key(ACCOUNT, Secret::new("d3Jvbmc=")).expect("a key");
    let stranger = HomeOptions {
        access: Some(wrong),
        ..options.clone()
    };
    let error = open(stranger.clone()).await.expect_err("no right");
    assert!(matches!(error, HomeError::Lake(_)), "{error:?}");
    let error = open_existing(stranger).await.err().expect("no right");
    assert!(
        error
            .to_string()
            .contains("; give the identity the role Storage Table"),
        "{error}"
    );
    let unnamed = HomeOptions {
        state: None,
        ..options.clone()
    };
    let error = open(unnamed).await.expect_err("no table");
    assert!(error.to_string().contains("; name its table"), "{error}");
    let away = HomeOptions {
        state: Some("http://127.0.0.1:9/devstoreaccount1/state".to_owned()),
        ..options
    };
    let error = open_existing(away).await.err().expect("nobody listens");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(error.to_string().ends_with("; try again later"), "{error}");
}

#[test]
fn a_developers_access_is_checked() {
    let lake = "https://acct1.blob.core.windows.net/lake";
    let secret = |text: &str| Secret::new(text);
    let access = development_access(lake, Some(secret("a2V5")), Some(&secret("sig=x")));
    let Ok(Some(Access::SharedKey { account, .. })) = access else {
        panic!("no key: {access:?}");
    };
    assert_eq!(account, "acct1");
    let access = development_access(lake, None, Some(&secret("?sv=1&sig=x")));
    assert!(matches!(access, Ok(Some(Access::Sas(_)))), "{access:?}");
    assert!(matches!(development_access(lake, None, None), Ok(None)));
    assert!(development_access(lake, Some(secret("no key")), None).is_err());
    assert!(development_access(lake, None, Some(&secret("sv=1"))).is_err());
    assert!(development_access("lake", Some(secret("a2V5")), None).is_err());
}
