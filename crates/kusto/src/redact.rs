//! Keeps secrets out of what services write back to us.

/// What stands before a secret in storage connection strings, in lower case.
const MARKS: [&str; 7] = [
    "sig=",
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

/// Blots out these secrets wherever they stand, then whatever looks like one.
pub(crate) fn redact<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    let mut text = text.to_owned();
    for secret in secrets.filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    scrub(&text)
}

#[cfg(test)]
mod tests {
    use super::{redact, scrub};

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
}
