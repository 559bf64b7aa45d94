//! The signature of Azure Storage's Shared Key authorisation (Blob service, version 2015-02-21 and
//! later; "Authorize with Shared Key" of its REST reference).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use sha2::{Digest, Sha256};

use crate::settings::AccountKey;

/// What is signed of a request that has no headers beyond these and no conditions.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    /// `GET` or `PUT`.
    pub(super) verb: &'a str,
    /// As it is sent.
    pub(super) url: &'a Url,
    /// Bytes of the body; an empty one counts as none.
    pub(super) length: usize,
    /// `x-ms-…` headers in the order of their names, which are in lower case.
    pub(super) headers: &'a [(&'static str, String)],
}

/// The value of `Authorization`; nothing if the key is no base64.
pub(super) fn authorization(
    account: &str,
    key: &AccountKey,
    signed: &Signed<'_>,
) -> Option<String> {
    let key = STANDARD.decode(key.expose()).ok()?;
    let signature = hmac_sha256(&key, text(account, signed).as_bytes());
    Some(format!(
        "SharedKey {account}:{}",
        STANDARD.encode(signature)
    ))
}

/// Whether a text can be the key of an account.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && STANDARD.decode(text).is_ok()
}

fn text(account: &str, signed: &Signed<'_>) -> String {
    let length = match signed.length {
        0 => String::new(),
        length => length.to_string(),
    };
    // Encoding, language, length, MD5, type, date, four conditions, range.
    let mut text = format!("{}\n\n\n{length}\n\n\n\n\n\n\n\n\n", signed.verb);
    for (name, value) in signed.headers {
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(&format!("/{account}{}", signed.url.path()));
    let mut query: Vec<(String, String)> = signed
        .url
        .query_pairs()
        .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
        .collect();
    query.sort();
    for (name, value) in query {
        text.push_str(&format!("\n{name}:{value}"));
    }
    text
}

/// RFC 2104 over SHA-256.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut padded = [0_u8; BLOCK];
    if key.len() > BLOCK {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let keyed = |mask: u8, message: &[u8]| -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(padded.map(|byte| byte ^ mask));
        hash.update(message);
        hash.finalize().into()
    };
    keyed(0x5c, &keyed(0x36, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_hash_agrees_with_the_test_cases_of_rfc_4231() {
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac_sha256(
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First"
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_text_names_verb_length_headers_and_resource() {
        let url = Url::parse("http://127.0.0.1:1/acc/c/a%20b?B=2&a=1").expect("an address");
        let signed = Signed {
            verb: "PUT",
            url: &url,
            length: 5,
            headers: &[
                ("x-ms-date", "d".to_owned()),
                ("x-ms-version", "v".to_owned()),
            ],
        };
        assert_eq!(
            text("acc", &signed),
            "PUT\n\n\n5\n\n\n\n\n\n\n\n\nx-ms-date:d\nx-ms-version:v\n/acc/acc/c/a%20b\na:1\nb:2"
        );
    }
}
