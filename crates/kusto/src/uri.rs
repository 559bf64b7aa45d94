//! A cluster's address as users give it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Why an address cannot be used. Each message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Not an address.
    #[error(
        "`{text}` is not a cluster's address; write it as https://<cluster>.<region>.kusto.windows.net"
    )]
    Malformed {
        /// What was given, without secrets.
        text: String,
    },
    /// Neither `http` nor `https`.
    #[error("`{scheme}` addresses are not supported; write the cluster's address with https://")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// A user or password in the address.
    #[error("leave user and password out of the cluster's address; sign in instead")]
    UserInfo,
    /// More than a database in the path, or a query.
    #[error(
        "a cluster's address may have one database after it and nothing else: https://<cluster>/<database>"
    )]
    Path,
    /// The ingestion endpoint.
    #[error("`{host}` is the ingestion endpoint; leave out `ingest-`")]
    Ingestion {
        /// The host.
        host: String,
    },
    /// A part of a connection string that is not supported.
    #[error(
        "`{key}` in a connection string is not supported; give the cluster's address alone and sign in"
    )]
    Keyword {
        /// The keyword.
        key: String,
    },
}

/// A cluster's query endpoint.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClusterUri {
    url: Url,
}

impl ClusterUri {
    /// Reads an address, or a connection string that holds nothing else (`Data Source=…;Initial
    /// Catalog=…`), and the database in it, if there is one.
    ///
    /// # Errors
    /// See [`UriError`].
    pub fn parse(text: &str) -> Result<(Self, Option<String>), UriError> {
        let text = text.trim();
        let head = text.split(';').next().unwrap_or_default();
        let is_connection_string =
            text.contains(';') || (head.contains('=') && !head.contains('?'));
        if is_connection_string {
            from_connection_string(text)
        } else {
            from_address(text)
        }
    }

    /// Host and port: what tells one cluster from another.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether traffic is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        }
    }

    /// Whether it is a Fabric Eventhouse, which has no choice of consistency.
    #[must_use]
    pub fn is_fabric(&self) -> bool {
        self.url
            .host_str()
            .is_some_and(|host| host.ends_with(".kusto.fabric.microsoft.com"))
    }

    /// The endpoint of a path.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }
}

impl fmt::Display for ClusterUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for ClusterUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn malformed(text: &str) -> UriError {
    UriError::Malformed {
        text: crate::redact::scrub(text),
    }
}

fn from_address(text: &str) -> Result<(ClusterUri, Option<String>), UriError> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let mut url = Url::parse(&with_scheme).map_err(|_| malformed(text))?;
    if url.scheme() != "https" && url.scheme() != "http" {
        return Err(UriError::Scheme {
            scheme: url.scheme().to_owned(),
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UriError::UserInfo);
    }
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| malformed(text))?;
    if host.starts_with("ingest-") {
        return Err(UriError::Ingestion {
            host: host.to_owned(),
        });
    }
    let mut segments = url
        .path_segments()
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty());
    let database = segments.next().map(percent_decode);
    if segments.next().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(UriError::Path);
    }
    url.set_path("");
    Ok((ClusterUri { url }, database))
}

fn percent_decode(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%')
            .then(|| segment.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn from_connection_string(text: &str) -> Result<(ClusterUri, Option<String>), UriError> {
    let mut address = None;
    let mut database = None;
    for part in text
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let Some((key, value)) = part.split_once('=') else {
            address = Some(part);
            continue;
        };
        let value = value.trim().trim_matches('"');
        let plain: String = key.chars().filter(|c| !c.is_whitespace()).collect();
        match plain.to_ascii_lowercase().as_str() {
            "datasource" | "addr" | "address" | "networkaddress" | "server" => {
                address = Some(value);
            }
            "initialcatalog" | "database" => database = Some(value.to_owned()),
            // Signing in is the default of clusters that need it.
            "fed" | "aadfederatedsecurity" | "federated" | "federatedsecurity" => {}
            _ => {
                return Err(UriError::Keyword {
                    key: key.trim().to_owned(),
                });
            }
        }
    }
    let (uri, in_path) = from_address(address.ok_or_else(|| malformed(text))?)?;
    Ok((uri, database.or(in_path)))
}

#[cfg(test)]
mod tests {
    use super::{ClusterUri, UriError};

    #[test]
    fn addresses_as_users_write_them() {
        for (text, uri, database) in [
            (
                "https://help.kusto.windows.net",
                "https://help.kusto.windows.net",
                None,
            ),
            (
                "help.kusto.windows.net/",
                "https://help.kusto.windows.net",
                None,
            ),
            (
                "http://127.0.0.1:8080/My%20Db",
                "http://127.0.0.1:8080",
                Some("My Db"),
            ),
            (
                "Data Source=https://help.kusto.windows.net:443;Initial Catalog=Samples;Fed=True",
                "https://help.kusto.windows.net",
                Some("Samples"),
            ),
            ("https://x.y.z;Database=D", "https://x.y.z", Some("D")),
        ] {
            let (parsed, found) = ClusterUri::parse(text).expect(text);
            assert_eq!(parsed.to_string(), uri);
            assert_eq!(found.as_deref(), database);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text: &str| ClusterUri::parse(text).expect_err(text);
        assert!(matches!(
            error("https://ingest-help.kusto.windows.net"),
            UriError::Ingestion { .. }
        ));
        assert!(matches!(error("ftp://x"), UriError::Scheme { .. }));
        assert!(matches!(error("https://u:p@x"), UriError::UserInfo));
        assert!(matches!(error("https://x/a/b"), UriError::Path));
        assert!(matches!(error("https://x?q=1"), UriError::Path));
        assert!(matches!(
            error("Data Source=x;AppKey=secret"),
            UriError::Keyword { .. }
        ));
        assert!(matches!(error(""), UriError::Malformed { .. }));
        assert!(
            !error("Data Source=x;AppKey=secret")
                .to_string()
                .contains("secret")
        );
    }

    #[test]
    fn places_are_told_apart() {
        let uri = |text: &str| ClusterUri::parse(text).expect(text).0;
        assert!(uri("http://localhost:1").is_loopback() && uri("http://[::1]:1").is_loopback());
        assert!(!uri("https://a.b").is_loopback() && uri("https://a.b").is_https());
        assert!(uri("https://x.z9.kusto.fabric.microsoft.com").is_fabric());
        assert_eq!(uri("http://127.0.0.1:8080").authority(), "127.0.0.1:8080");
    }
}
