//! Storage connection strings of blobs: where, and by which right
//! (`api/connection-strings/storage-connection-strings.md`, `storage-authentication-methods.md`).

use reqwest::Url;

use super::{StorageError, shared_key, without_secrets};
use crate::settings::{AccountKey, StorageAccess};

/// Whether an address is for the blob service (or, to read, for any web server).
pub(super) fn is_http(address: &str) -> bool {
    let is = |scheme: &str| {
        address
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    is("https://") || is("http://")
}

/// A blob and the right to it.
pub(super) struct BlobAddress {
    /// Without credentials, as answers and errors tell it.
    pub(super) public: String,
    /// What is requested; a shared access signature stands in its query, as it was handed over.
    pub(super) url: Url,
    /// How the request is authorised.
    pub(super) right: Right,
}

/// How a request is authorised.
pub(super) enum Right {
    /// By a signature in the address, or not at all.
    Address,
    /// By the key of an account.
    Key {
        /// The account.
        account: String,
        /// Its key.
        key: AccountKey,
    },
    /// By a token of Entra.
    Token(String),
}

impl BlobAddress {
    /// Reads a connection string. With a `name` it is the one of a folder, and the file of that
    /// name below it is meant.
    ///
    /// # Errors
    /// No address, credentials of a kind that is not known, or an identity that the cluster does
    /// not have.
    pub(super) fn of(
        address: &str,
        name: Option<&str>,
        access: &StorageAccess,
    ) -> Result<Self, StorageError> {
        let location = without_secrets(address);
        let credentials = &address[location.len()..];
        let public = match name {
            None => location.to_owned(),
            Some(name) => format!("{}/{}", location.trim_end_matches('/'), encoded(name)),
        };
        let refused = |reason| StorageError::Address {
            address: public.clone(),
            reason,
        };
        let signature = match credentials.starts_with('?') {
            true => credentials,
            false => "",
        };
        let mut url = Url::parse(&format!("{public}{signature}"))
            .map_err(|_| refused("it is not a well-formed URI"))?;
        use_blob_endpoint(&mut url);
        let account = account_of(&url).ok_or_else(|| refused("it names no storage account"))?;
        let right = match credentials.strip_prefix(';') {
            None => Right::Address,
            Some(credentials) => right_of(credentials, account, &public, access)?,
        };
        Ok(Self { public, url, right })
    }
}

fn right_of(
    credentials: &str,
    account: String,
    public: &str,
    access: &StorageAccess,
) -> Result<Right, StorageError> {
    let credentials = credentials.trim();
    let (word, value) = credentials.split_once('=').unwrap_or((credentials, ""));
    let refused = |reason| StorageError::Address {
        address: public.to_owned(),
        reason,
    };
    let of_key = |key: &str| match shared_key::is_key(key) {
        true => Ok(Right::Key {
            account: account.clone(),
            key: AccountKey::new(key),
        }),
        false => Err(refused(
            "what follows its ';' is neither a key nor a known form",
        )),
    };
    match word.to_ascii_lowercase().as_str() {
        word @ ("impersonate" | "managed_identity") => match access.identity_keys.get(&account) {
            Some(key) => Ok(Right::Key {
                account,
                key: key.clone(),
            }),
            None => Err(StorageError::Forbidden {
                address: public.to_owned(),
                reason: format!(
                    "'{word}' has no rights on account '{account}' (the embedded cluster takes \
                     them from its setting 'storage.identity_keys')"
                ),
            }),
        },
        "token" => Ok(Right::Token(value.to_owned())),
        "sharedkey" => of_key(value),
        "awscredentials" | "prompt" => Err(refused("these credentials are not known")),
        _ => of_key(credentials),
    }
}

/// Azure Data Lake Storage Gen2 keeps its files in blobs; they are reached as blobs here.
fn use_blob_endpoint(url: &mut Url) {
    let blob = url.host_str().and_then(|host| {
        let (account, rest) = host.split_once(".dfs.")?;
        Some(format!("{account}.blob.{rest}"))
    });
    if let Some(host) = blob {
        // A host with one label changed is still a host.
        let _ = url.set_host(Some(&host));
    }
}

/// The account: the first label of the host, or the first part of the path where the host is none
/// of Azure's (Azurite): a name without dots, or an IP address.
fn account_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let account = match url.domain().is_none_or(|domain| !domain.contains('.')) {
        true => url.path_segments()?.next()?,
        false => host.split('.').next()?,
    };
    (!account.is_empty()).then(|| account.to_owned())
}

/// Whether the host is this machine, which no proxy knows.
pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
        None => false,
    }
}

/// A file's name as a path: everything but letters, digits, `-._~` and `/` percent-encoded.
fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "c2VjcmV0";

    fn read(address: &str, name: Option<&str>) -> Result<BlobAddress, StorageError> {
        let access = StorageAccess {
            identity_keys: [("own".to_owned(), AccountKey::new(KEY))].into(),
            ..StorageAccess::default()
        };
        BlobAddress::of(address, name, &access)
    }

    fn account(address: &str) -> String {
        match read(address, None).map(|address| address.right) {
            Ok(Right::Key { account, key }) => {
                assert_eq!(key.expose(), KEY);
                account
            }
            Ok(Right::Address | Right::Token(_)) => panic!("no key: {address}"),
            Err(refused) => panic!("{refused}"),
        }
    }

    #[test]
    fn a_signature_stays_as_it_was_and_is_not_told() {
        let address = read(
            "https://a.blob.core.windows.net/c/f/?sv=1&sig=a%2Bb%3D",
            Some("x y/1.csv"),
        )
        .expect("it is well formed");
        assert_eq!(
            address.url.as_str(),
            "https://a.blob.core.windows.net/c/f/x%20y/1.csv?sv=1&sig=a%2Bb%3D"
        );
        assert_eq!(
            address.public,
            "https://a.blob.core.windows.net/c/f/x%20y/1.csv"
        );
        assert!(matches!(address.right, Right::Address));
    }

    #[test]
    fn the_account_is_in_the_host_or_in_the_path() {
        assert_eq!(
            account(&format!("https://a.blob.core.windows.net/c;{KEY}")),
            "a"
        );
        assert_eq!(
            account(&format!("https://a.dfs.core.windows.net/c;sharedkey={KEY}")),
            "a"
        );
        assert_eq!(account(&format!("http://127.0.0.1:1/dev/c;{KEY}")), "dev");
        assert_eq!(account(&format!("http://[::1]:1/dev/c;{KEY}")), "dev");
        assert_eq!(account(&format!("http://localhost:1/dev/c;{KEY}")), "dev");
        assert_eq!(
            account("https://own.blob.core.windows.net/c;managed_identity=system"),
            "own"
        );
        assert_eq!(
            account("https://own.blob.core.windows.net/c;impersonate"),
            "own"
        );
    }

    #[test]
    fn a_data_lake_is_reached_as_blobs() {
        let address = read("https://a.dfs.core.windows.net/c/f", None).expect("it is well formed");
        assert_eq!(address.url.as_str(), "https://a.blob.core.windows.net/c/f");
        assert_eq!(address.public, "https://a.dfs.core.windows.net/c/f");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_its_secret() {
        for address in [
            "https://a.blob.core.windows.net/c;hush!",
            "https://a.blob.core.windows.net/c;AwsCredentials=a,hush",
            "https://other.blob.core.windows.net/c;managed_identity=hush",
            "https://?hush",
            "http://127.0.0.1:1/?hush",
        ] {
            let Err(refused) = read(address, None) else {
                panic!("it was not refused: {address}");
            };
            assert!(
                !format!("{refused} {refused:?}").contains("hush"),
                "{refused}"
            );
        }
    }

    #[test]
    fn schemes_are_told_apart_without_case() {
        assert!(is_http("HTTPS://a/b") && is_http("http://a/b"));
        assert!(!is_http("file:///http://a") && !is_http("/http://a") && !is_http("é"));
    }
}
