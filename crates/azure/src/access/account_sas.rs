//! Signatures for a whole account, made from its key.

use azure_core::credentials;
use azure_core::hmac::hmac_sha256;
use azure_core::http::Url;
use azure_core::time::{Duration, OffsetDateTime};

use super::{Access, AccessError, Secret};

/// Version of the signature's fields.
const VERSION: &str = "2020-12-06";

/// Makes a signature for the blobs and tables of an account with all rights to their data, from
/// its key ("Create an account SAS" of the Storage Services REST API). azure_storage_sas makes
/// none for accounts or tables.
///
/// For development and tests: whoever has the key needs no signature, and in production a
/// managed identity needs neither.
///
/// # Errors
/// When the key cannot be one.
pub fn account_sas(
    account: &str,
    key: &Secret,
    until: OffsetDateTime,
) -> Result<Access, AccessError> {
    let until = until - Duration::nanoseconds(i64::from(until.nanosecond()));
    let until = azure_core::time::to_rfc3339(&until);
    let (rights, services, kinds) = ("rwdlacu", "bt", "sco");
    // In this order, empty: start, addresses. The protocol may be either, for Azurite.
    let text = [
        account,
        rights,
        services,
        kinds,
        "",
        &until,
        "",
        "https,http",
        VERSION,
        "",
        "",
    ]
    .join("\n");
    let key = credentials::Secret::new(key.expose().to_owned());
    let signature = hmac_sha256(&text, &key).map_err(|_| AccessError::Key)?;
    let parameters = [
        ("sv", VERSION),
        ("ss", services),
        ("srt", kinds),
        ("sp", rights),
        ("se", &until),
        ("spr", "https,http"),
        ("sig", &signature),
    ];
    // Only its encoding of queries is wanted; the address is never asked.
    let mut url = Url::parse("https://localhost").map_err(|_| AccessError::Signature)?;
    url.query_pairs_mut().extend_pairs(parameters);
    Access::sas(url.query().unwrap_or_default())
}
