//! Signatures for a cluster, made with the account's key: for development, where there is no
//! Entra to delegate one.
//!
//! Fields and their order: "Create a service SAS" of the Storage Services REST API.

use azure_core::credentials;
use azure_core::hmac::hmac_sha256;
use azure_core::http::Url;
use azure_core::time::{Duration, OffsetDateTime, to_rfc3339};

use super::grants::{Area, Grant};
use crate::access::Secret;

/// Version of the signature's fields.
const VERSION: &str = "2020-12-06";

/// A grant as the query of an address.
pub(super) fn sign(grant: &Grant<'_>, key: &Secret) -> azure_core::Result<String> {
    let rights = grant.rights.letters();
    let start = seconds(grant.window.start);
    let expiry = seconds(grant.window.expiry);
    let whole = format!("/blob/{}/{}", grant.account, grant.container);
    let (resource, kind, depth) = match &grant.area {
        Area::Container => (whole, "c", None),
        Area::Folder(folder) => {
            let depth = folder.split('/').count().to_string();
            (format!("{whole}/{folder}"), "d", Some(depth))
        }
        Area::Blob(blob) => (format!("{whole}/{blob}"), "b", None),
    };
    let protocol = if grant.encrypted { "https" } else { "" };
    let text = [
        rights, &start, &expiry, &resource, // identifier and addresses:
        "", "", protocol, VERSION,
        kind, // snapshot, encryption scope, five headers of the answer:
        "", "", "", "", "", "", "",
    ]
    .join("\n");
    let signature = hmac_sha256(&text, &credentials::Secret::new(key.expose().to_owned()))?;
    let mut parameters = vec![
        ("sv", VERSION),
        ("sr", kind),
        ("st", &start),
        ("se", &expiry),
        ("sp", rights),
    ];
    if let Some(depth) = &depth {
        parameters.push(("sdd", depth));
    }
    if grant.encrypted {
        parameters.push(("spr", protocol));
    }
    parameters.push(("sig", &signature));
    // Only its encoding of queries is wanted; the address is never asked.
    let mut url = Url::parse("https://localhost")?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url.query().unwrap_or_default().to_owned())
}

/// Whole seconds: a signature takes no fractions.
fn seconds(time: OffsetDateTime) -> String {
    to_rfc3339(&(time - Duration::nanoseconds(i64::from(time.nanosecond()))))
}
