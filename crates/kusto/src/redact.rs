//! Keeps secrets out of what services write back to us.

/// What stands before a secret in storage connection strings, in lower case.
const MARKS: [&str; 9] = [
    "sig=",
    // The same inside an address that was quoted into another one.
    "sig%3d",
    // How every token of the identity service begins.
    "bearer ey",
    "sharedkey=",
    "accountkey=",
    "token=",
    "awscredentials=",
    "password=",
    "appkey=",
];

/// Blots out what follows a mark, up to a delimiter.
pub(crate) fn scrub(text: &str) -> String {
    // Lower case of ASCII alone: positions stay those of `text`.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    loop {
        let rest = lower.get(at..).unwrap_or_default();
        let next = MARKS
            .iter()
            .filter_map(|mark| rest.find(mark).map(|found| at + found + mark.len()))
            .min();
        let Some(start) = next else { break };
        let value = text.get(start..).unwrap_or_default();
        let length = value.find(is_delimiter).unwrap_or(value.len());
        out.push_str(text.get(at..start).unwrap_or_default());
        out.push_str("***");
        at = start + length;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || matches!(c, '&' | ';' | '\'' | '"' | ')' | ']' | '<' | '>')
}

/// A service's words in a result, without what looks like a secret, and not too long.
pub(crate) fn for_people(words: Option<String>) -> String {
    words.map_or_else(String::new, |words| shortened(scrub(&words)))
}

/// Blots out these secrets wherever they stand, then whatever looks like one.
pub(crate) fn redact<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let mut text = text.to_owned();
    for secret in secrets.filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
        // A service speaks of the file that it could not write: of our folder's address with a
        // name in its middle and the same access at its end.
        if let Some(access) = access_of(secret) {
            text = text.replace(access, "***");
        }
    }
    scrub(&text)
}

/// What grants access in a storage address: the part after the first `?` or `;`, unless it only
/// says who signs in.
fn access_of(address: &str) -> Option<&str> {
    let (_, access) = address.split_once(['?', ';'])?;
    let names_an_identity =
        access.starts_with("impersonate") || access.starts_with("managed_identity=");
    (!access.is_empty() && !names_an_identity).then_some(access)
}

/// Characters of a service's text that are kept: it goes into errors, logs and the stored state.
const LONGEST: usize = 2_000;

/// The beginning of a text without secrets. Only what was redacted may be cut: half a secret is
/// not recognised any more.
pub(crate) fn shortened(redacted: String) -> String {
    match redacted.char_indices().nth(LONGEST) {
        None => redacted,
        Some((end, _)) => {
            let mut short = redacted;
            short.truncate(end);
            short.push('…');
            short
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, redact, scrub, shortened};

    #[test]
    fn signatures_and_keys_are_blotted_out() {
        assert_eq!(
            scrub("cannot read https://a/b?sv=1&sig=abc%2F&se=2 'x'"),
            "cannot read https://a/b?sv=1&sig=***&se=2 'x'"
        );
        assert_eq!(
            scrub("SharedKey=kk==;x and Sig=é"),
            "SharedKey=***;x and Sig=***"
        );
        assert_eq!(scrub("nothing here"), "nothing here");
    }

    #[test]
    fn known_secrets_are_blotted_out_whole() {
        assert_eq!(
            redact(
                "bad path https://a/b;key9 !",
                ["https://a/b;key9"].into_iter()
            ),
            "bad path *** !"
        );
    }

    #[test]
    fn a_folders_access_is_blotted_out_of_its_files_addresses() {
        let shown = |text: &str, secret: &str| redact(text, [secret].into_iter());
        assert_eq!(
            shown(
                "cannot write https://a/b/x_1.csv.gz;k3y/+== now",
                "https://a/b;k3y/+=="
            ),
            "cannot write https://a/b/x_1.csv.gz;*** now"
        );
        assert_eq!(
            shown(
                "at https://a/b/x?sv=1&sig=s, https%3A%2F%2Fa%3Fsig%3Dabc",
                "https://a/b?sv=1&sig=s"
            ),
            "at https://a/b/x?***, https%3A%2F%2Fa%3Fsig%3D***"
        );
        let identity = "impersonate is not allowed for https://a/b/x";
        assert_eq!(shown(identity, "https://a/b;impersonate"), identity);
        assert_eq!(
            shown("refused Bearer eyJ0eXAi.x-y", ""),
            "refused Bearer ey***"
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("é".repeat(LONGEST)), "é".repeat(LONGEST));
        let cut = shortened("é".repeat(LONGEST + 1));
        assert_eq!(cut.chars().count(), LONGEST + 1);
        assert!(cut.ends_with("é…"));
    }
}
