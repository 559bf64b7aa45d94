use proptest::prelude::*;

use super::*;

fn lake(text: &str) -> Location {
    Location::parse(text)
        .expect("an address of a lake")
        .location
}

fn refused(text: &str) -> String {
    Location::parse(text).expect_err("no address").to_string()
}

#[test]
fn the_public_cloud_and_the_sovereign_ones() {
    for (text, table) in [
        (
            "https://acct1.blob.core.windows.net/lake",
            "https://acct1.table.core.windows.net/kustocopy",
        ),
        (
            "https://acct1.blob.core.usgovcloudapi.net/lake",
            "https://acct1.table.core.usgovcloudapi.net/kustocopy",
        ),
        (
            "https://acct1.blob.core.chinacloudapi.cn/lake",
            "https://acct1.table.core.chinacloudapi.cn/kustocopy",
        ),
        (
            "https://acct1.z07.blob.storage.azure.net/lake",
            "https://acct1.z07.table.storage.azure.net/kustocopy",
        ),
    ] {
        let location = lake(text);
        assert_eq!(location.account(), "acct1");
        assert_eq!(location.container(), "lake");
        assert_eq!(location.folder(), None);
        assert_eq!(location.address(), text);
        assert!(!location.is_local() && location.is_encrypted());
        let default = location.default_table("kustocopy").expect("a table");
        assert_eq!(default.address(), table);
        assert_eq!(default.account(), "acct1");
        let read = TableLocation::parse(table).expect("a table");
        assert_eq!(read.location, default);
    }
}

#[test]
fn one_lake_has_one_address_and_one_scope_however_it_is_written() {
    let blob = lake("https://acct1.blob.core.windows.net/lake/a/b");
    assert!(!blob.is_hierarchical());
    for text in [
        "https://acct1.dfs.core.windows.net/lake/a/b",
        "abfss://lake@acct1.dfs.core.windows.net/a/b",
        "ABFSS://lake@acct1.dfs.core.windows.net/a/b/",
    ] {
        let other = lake(text);
        assert!(other.is_hierarchical(), "{text}");
        assert_eq!(other.address(), blob.address(), "{text}");
        assert_eq!(other.scope(), blob.scope(), "{text}");
    }
    for text in [
        " https://acct1.blob.core.windows.net/lake/a/b/ ",
        "HTTPS://ACCT1.Blob.Core.Windows.Net:443/lake/a/b",
    ] {
        assert_eq!(lake(text), blob, "{text}");
    }
}

#[test]
fn azurite_has_the_account_in_the_path() {
    let location = lake("http://127.0.0.1:10000/devstoreaccount1/lake/a");
    assert!(location.is_local() && !location.is_encrypted());
    assert_eq!(location.account(), "devstoreaccount1");
    assert_eq!(
        location.container_url().as_str(),
        "http://127.0.0.1:10000/devstoreaccount1/lake"
    );
    assert_eq!(
        location.service_url().as_str(),
        "http://127.0.0.1:10000/devstoreaccount1"
    );
    assert_eq!(location.default_table("kustocopy"), None);
    assert!(lake("https://localhost:1/acct2/lake").is_encrypted());
    assert!(lake("http://[::1]:1/acct2/lake").is_local());
    let table = TableLocation::parse("http://127.0.0.1:10002/devstoreaccount1/state");
    let table = table.expect("a table").location;
    assert_eq!(table.table(), "state");
    assert_eq!(
        table.service_url().as_str(),
        "http://127.0.0.1:10002/devstoreaccount1"
    );
}

/// What is no lake, and a part of the reason.
const NO_LAKES: &[(&str, &str)] = &[
    ("", "no well-formed address"),
    ("lake", "no well-formed address"),
    ("https://acct1.blob.core.windows.net", "names no container"),
    ("https://acct1.blob.core.windows.net/", "names no container"),
    (
        "https://acct1.blob.core.windows.net/$web",
        "only lower-case",
    ),
    ("https://acct1.blob.core.windows.net/La", "3 to 63"),
    ("https://acct1.blob.core.windows.net/a--b", "each dash"),
    ("https://acct1.blob.core.windows.net//lake", "two slashes"),
    (
        "https://acct1.blob.core.windows.net/lake/é",
        "in its folder",
    ),
    (
        "https://acct1.blob.core.windows.net/lake/.a",
        "in its folder",
    ),
    (
        "https://acct1.blob.core.windows.net/lake/a/../b",
        "`..` segment",
    ),
    (
        "https://acct1.blob.core.windows.net/lake/%2e",
        "a percent sign",
    ),
    ("https://acct1.blob.core.windows.net/la ke", "a space"),
    ("https://acct1.blob.core.windows.net:8/lake", "names a port"),
    ("http://acct1.blob.core.windows.net/lake", "not encrypted"),
    ("abfs://lake@acct1.dfs.core.windows.net/", "not encrypted"),
    (
        "abfss://acct1.dfs.core.windows.net/lake",
        "abfss://CONTAINER@",
    ),
    (
        "https://Acct_1.blob.core.windows.net/lake",
        "an account's name",
    ),
    (
        "https://acct1-secondary.blob.core.windows.net/lake",
        "an account's name",
    ),
    (
        "https://acct1.table.core.windows.net/lake",
        "not of the blob service",
    ),
    (
        "https://acct1.blob.core.windows.net.evil.org/lake",
        "no storage account",
    ),
    ("https://evil.org/acct1/lake", "no storage account"),
    (
        "https://acct1.privatelink.blob.core.windows.net/lake",
        "the account's usual host",
    ),
    (
        "https://u:p@acct1.blob.core.windows.net/lake",
        "a user name",
    ),
    ("https://acct1.blob.core.windows.net/lake#x", "a `#`"),
    (
        "https://acct1.blob.core.windows.net/lake;impersonate",
        "a semicolon",
    ),
    (
        "https://acct1.blob.core.windows.net/lake?restype=x",
        "no `sig`",
    ),
    ("http://127.0.0.1:1", "begins with the account's name"),
    (
        "ftp://127.0.0.1/devstoreaccount1/lake",
        "no storage account",
    ),
];

#[test]
fn what_is_no_lake_is_refused_in_one_sentence() {
    for (text, reason) in NO_LAKES {
        let error = refused(text);
        assert!(error.contains(reason), "{text}: {error}");
        assert!(error.contains("write https://ACCOUNT"), "{error}");
    }
    for text in [
        "https://acct1.table.core.windows.net/",
        "https://acct1.table.core.windows.net/a/b",
        "https://acct1.table.core.windows.net/1ab",
        "https://acct1.table.core.windows.net/tables",
        "https://acct1.blob.core.windows.net/state",
        "https://acct1.dfs.core.windows.net/state",
        "state.sqlite",
    ] {
        assert!(TableLocation::parse(text).is_err(), "{text}");
    }
}

#[test]
fn access_in_an_address_is_taken_and_hidden() {
    let text = "https://acct1.blob.core.windows.net/lake?sv=2024&sig=TOP%2FSECRET%3D";
    let read = Location::parse(text).expect("a lake");
    let Some(Access::Sas(sas)) = &read.access else {
        panic!("no access: {read:?}");
    };
    assert_eq!(sas.expose(), "sv=2024&sig=TOP%2FSECRET%3D");
    assert!(!format!("{read:?}").contains("SECRET"));
    for text in [
        "https://acct1.blob.core.windows.net/lake;SECRET",
        "https://acct1.blob.core.windows.net/la_ke?sig=SECRET",
        "https://acct1.blob.core.windows.net/?sig=SECRET",
        "https://acct1.blob.core.windows.net/lake#SECRET",
        "https://user:SECRET@acct1.blob.core.windows.net/lake",
        "nowhere?sig=SECRET",
    ] {
        let error = Location::parse(text).expect_err("no lake");
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
    }
}

#[test]
fn azure_addresses_are_told_from_paths() {
    for text in [
        "https://a/b",
        "HTTP://a",
        "abfss://c@a.dfs.core.windows.net",
    ] {
        assert!(is_azure(text), "{text}");
    }
    for text in ["", "lake", "/a/b", "file:///a", "C:\\lake"] {
        assert!(!is_azure(text), "{text}");
    }
}

#[test]
fn a_table_is_beside_a_lake_in_its_account_and_cloud_alone() {
    let beside = |lake_text, table| {
        let table = TableLocation::parse(table).expect("a table").location;
        lake(lake_text).is_beside(&table)
    };
    let (public, local) = (
        "https://acct1.blob.core.windows.net/lake/a",
        "http://127.0.0.1:1/acct1/lake",
    );
    assert!(beside(public, "https://acct1.table.core.windows.net/state"));
    assert!(beside(local, "http://127.0.0.1:3/acct1/state"));
    for other in [
        "https://acct2.table.core.windows.net/state",
        "https://acct1.table.core.chinacloudapi.cn/state",
        "https://acct1.z01.table.storage.azure.net/state",
    ] {
        assert!(!beside(public, other), "{other}");
        assert!(!beside(local, other), "{other}");
    }
    assert!(!beside(public, "http://127.0.0.1:3/acct1/state"));
    assert!(!beside(local, "http://127.0.0.1:3/acct2/state"));
}

#[test]
fn a_scope_reads_like_its_lake_and_is_unlike_every_other() {
    let scope = |text| lake(text).scope();
    let one = scope("https://acct1.blob.core.windows.net/lake/west/prod");
    assert!(one.starts_with("lake-west-prod-"), "{one}");
    for other in [
        "https://acct1.blob.core.windows.net/lake/west-prod",
        "https://acct1.blob.core.windows.net/lake/west/prod/x",
        "https://acct1.blob.core.windows.net/lake",
        "https://acct2.blob.core.windows.net/lake/west/prod",
    ] {
        assert_ne!(scope(other), one, "{other}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_written(
        account in "[a-z0-9]{3,24}",
        container in "[a-z0-9]{3,20}(-[a-z0-9]{1,9}){0,3}",
        folder in "([A-Za-z0-9_=~-]{1,20}/){0,3}",
        path in "[a-z0-9]{1,9}(/[a-zA-Z0-9._=~-]{0,9}[a-z]){0,3}",
    ) {
        let text = format!("https://{account}.blob.core.windows.net/{container}/{folder}");
        let location = lake(&text);
        prop_assert_eq!(location.account(), &account);
        prop_assert_eq!(location.container(), &container);
        prop_assert_eq!(location.address(), text.trim_end_matches('/'));
        prop_assert_eq!(&lake(&location.address()), &location);
        prop_assert!(location.scope().len() <= 57);
        if let Ok(name) = ObjectName::new(&path) {
            let blob = location.blob(&path);
            prop_assert_eq!(location.name_of(&blob), Some(name.clone()));
            let address = location.address_of(&path);
            prop_assert_eq!(location.name_at(&address), Some(name.clone()));
            prop_assert_eq!(location.name_at(&format!("{address}?sig=x")), Some(name.clone()));
            prop_assert_eq!(location.name_at(&format!("{address};impersonate")), Some(name));
        }
    }

    #[test]
    fn no_text_is_a_surprise_and_no_secret_comes_back(text in "\\PC{0,60}", secret in "[A-Z]{12}") {
        for text in [
            text.clone(),
            format!("https://acct1.blob.core.windows.net/{text}?sig={secret}"),
            format!("https://{text}@acct1.blob.core.windows.net/lake;{secret}"),
        ] {
            match Location::parse(&text) {
                Ok(read) => {
                    let printed = format!("{read:?}");
                    prop_assert!(!printed.contains(&secret), "{}", printed);
                    prop_assert_eq!(lake(&read.location.address()).address(), read.location.address());
                }
                Err(error) => prop_assert!(!error.to_string().contains(&secret)),
            }
        }
    }
}
