//! The part of an address before the container or table.

use std::net::IpAddr;

use url::Url;

use crate::access::Access;

/// A service of a storage account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Blob,
    Table,
}

impl Service {
    fn word(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Table => "table",
        }
    }
}

/// What follows a service's name in the hosts of the public cloud and of the sovereign ones.
const SUFFIXES: [&str; 3] = [
    "core.windows.net",
    "core.usgovcloudapi.net",
    "core.chinacloudapi.cn",
];

/// What follows it in the hosts of accounts with a DNS zone.
const ZONE_SUFFIX: &str = "storage.azure.net";

/// A service of an account, and how its addresses begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    account: String,
    /// Without a query. In Azure the account is the first label of its host; in Azurite it is its
    /// path.
    base: Url,
    local: bool,
}

/// An address, taken apart.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) host: Host,
    /// Written with the `dfs` endpoint.
    pub(crate) hierarchical: bool,
    /// Segments behind the account.
    pub(crate) path: Vec<String>,
    pub(crate) access: Option<Access>,
}

impl Host {
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    pub(crate) fn is_local(&self) -> bool {
        self.local
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Another service of the same account, where its address follows from this one.
    pub(crate) fn sibling(&self, from: Service, to: Service) -> Option<Self> {
        if self.local {
            return None;
        }
        // An account's name has no dot, so the first such label is the service's.
        let (from, to) = (format!(".{}.", from.word()), format!(".{}.", to.word()));
        let host = self.base.host_str()?.replacen(&from, &to, 1);
        let mut base = self.base.clone();
        base.set_host(Some(&host)).ok()?;
        Some(Self {
            base,
            ..self.clone()
        })
    }

    /// The address below this host with these segments, none of which needs escaping.
    pub(crate) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        let mut path = url.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            path.push_str(segment);
        }
        url.set_path(&path);
        url
    }
}

/// Takes an address apart; the error is the reason for a refusal.
pub(crate) fn split(text: &str, service: Service) -> Result<Split, String> {
    let text = text.trim();
    let address = text.split(['?', '#', ';']).next().unwrap_or_default();
    if text[address.len()..].starts_with(';') {
        return Err("access after a semicolon is not taken from an address".to_owned());
    }
    check_spelling(address)?;
    let rewritten = from_abfss(text)?;
    let url = Url::parse(rewritten.as_deref().unwrap_or(text))
        .map_err(|_| "it is no well-formed address".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name".to_owned());
    }
    if url.fragment().is_some() {
        return Err("it holds a `#`".to_owned());
    }
    let mut path = segments(&url)?;
    let (host, hierarchical) = if is_loopback(&url) {
        (local(&url, &mut path)?, false)
    } else {
        cloud(&url, service)?
    };
    Ok(Split {
        host,
        hierarchical,
        path,
        access: signature(&url)?,
    })
}

/// Refuses what the parser of addresses would quietly turn into something else.
fn check_spelling(address: &str) -> Result<(), String> {
    if address.contains(['%', '\\']) {
        return Err("it holds a percent sign or a backslash".to_owned());
    }
    if address.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return Err("it holds a space or a control character".to_owned());
    }
    if address
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
    {
        return Err("it holds a `.` or `..` segment".to_owned());
    }
    Ok(())
}

/// Scheme and host alone.
fn origin(url: &Url) -> Url {
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin
}

/// `abfss://CONTAINER@ACCOUNT.dfs…/FOLDER` in the form of the `dfs` endpoint.
fn from_abfss(text: &str) -> Result<Option<String>, String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok(None);
    };
    if scheme.eq_ignore_ascii_case("abfs") {
        return Err("abfs:// is not encrypted".to_owned());
    }
    if !scheme.eq_ignore_ascii_case("abfss") {
        return Ok(None);
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match authority.split_once('@') {
        Some((container, host)) if !host.contains('@') => {
            Ok(Some(format!("https://{host}/{container}/{path}")))
        }
        Some(_) | None => {
            Err("it is not abfss://CONTAINER@ACCOUNT.dfs.core.windows.net".to_owned())
        }
    }
}

fn segments(url: &Url) -> Result<Vec<String>, String> {
    let path = url.path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    if segments.iter().any(String::is_empty) {
        return Err("it has two slashes in a row".to_owned());
    }
    Ok(segments)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    here && matches!(url.scheme(), "http" | "https")
}

fn local(url: &Url, path: &mut Vec<String>) -> Result<Host, String> {
    if path.is_empty() {
        return Err("an address of this machine begins with the account's name".to_owned());
    }
    let account = path.remove(0);
    check_account(&account)?;
    let mut base = origin(url);
    base.set_path(&account);
    Ok(Host {
        account,
        base,
        local: true,
    })
}

fn cloud(url: &Url, wanted: Service) -> Result<(Host, bool), String> {
    let host = url.host_str().unwrap_or_default();
    let (account, rest) = host.split_once('.').unwrap_or((host, ""));
    let zoned = rest.split_once('.').filter(|(zone, _)| is_zone(zone));
    let (service, suffix) = zoned
        .map_or(rest, |(_, rest)| rest)
        .split_once('.')
        .unwrap_or_default();
    let known = match zoned {
        None => SUFFIXES.contains(&suffix),
        Some(_) => suffix == ZONE_SUFFIX,
    };
    if rest.split('.').any(|label| label == "privatelink") {
        return Err(
            "it names the private link itself; write the account's usual host, which \
                    leads there from within the network"
                .to_owned(),
        );
    }
    if !known {
        return Err("its host is no storage account of Azure".to_owned());
    }
    let hierarchical = wanted == Service::Blob && service == "dfs";
    if !hierarchical && service != wanted.word() {
        return Err(format!("its host is not of the {} service", wanted.word()));
    }
    check_account(account)?;
    if url.scheme() != "https" {
        return Err("it is not encrypted; it must begin with https".to_owned());
    }
    if url.port().is_some() {
        return Err("it names a port, and Azure's services have none of their own".to_owned());
    }
    let mut base = origin(url);
    if hierarchical {
        let host = host.replacen(".dfs.", ".blob.", 1);
        base.set_host(Some(&host))
            .map_err(|_| "its host is no storage account of Azure".to_owned())?;
    }
    let host = Host {
        account: account.to_owned(),
        base,
        local: false,
    };
    Ok((host, hierarchical))
}

/// `z` and two digits.
fn is_zone(label: &str) -> bool {
    label
        .strip_prefix('z')
        .is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn check_account(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if (3..=24).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err("an account's name has 3 to 24 lower-case letters and digits".to_owned())
}

/// The query, which must be a shared access signature.
fn signature(url: &Url) -> Result<Option<Access>, String> {
    let Some(query) = url.query().filter(|query| !query.is_empty()) else {
        return Ok(None);
    };
    Access::sas(query)
        .map(Some)
        .map_err(|_| "its query is no shared access signature (it has no `sig`)".to_owned())
}
