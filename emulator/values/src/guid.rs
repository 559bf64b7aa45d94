//! `guid`: lower-case hyphenated text.

/// Reads a guid in .NET's forms N (`32 hex digits`), D (hyphenated), B (`{D}`) and P (`(D)`), in
/// any case; gives the lower-case hyphenated text.
#[must_use]
pub fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = match text.as_bytes() {
        [b'{', .., b'}'] | [b'(', .., b')'] => &text[1..text.len() - 1],
        _ => text,
    };
    let bytes = inner.as_bytes();
    let bare = bytes.len() == 32 && inner.len() == text.len();
    let hyphenated = bytes.len() == 36
        && [8, 13, 18, 23]
            .into_iter()
            .all(|place| bytes[place] == b'-');
    if !bare && !hyphenated {
        return None;
    }
    let mut guid = String::with_capacity(36);
    let mut count = 0;
    for byte in bytes.iter().filter(|byte| **byte != b'-') {
        if !byte.is_ascii_hexdigit() {
            return None;
        }
        if matches!(count, 8 | 12 | 16 | 20) {
            guid.push('-');
        }
        guid.push(char::from(byte.to_ascii_lowercase()));
        count += 1;
    }
    (count == 32).then_some(guid)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn forms() {
        let guid = "74be27de-1e4e-49d9-b579-fe0b331d3642";
        let same = [
            guid,
            "74BE27DE-1E4E-49D9-B579-FE0B331D3642",
            "74be27de1e4e49d9b579fe0b331d3642",
            "{74be27de-1e4e-49d9-b579-fe0b331d3642}",
            "(74be27de-1e4e-49d9-b579-fe0b331d3642)",
            " 74be27de-1e4e-49d9-b579-fe0b331d3642 ",
        ];
        for text in same {
            assert_eq!(parse(text).as_deref(), Some(guid), "{text}");
        }
        let refused = [
            "",
            "74be27de-1e4e-49d9-b579-fe0b331d364",
            "74be27de-1e4e-49d9-b579-fe0b331d364g",
            "74be27de1e4e-49d9-b579-fe0b331d3642-",
            "{74be27de1e4e49d9b579fe0b331d3642}",
            "{74be27de-1e4e-49d9-b579-fe0b331d3642)",
            "-4be27de-1e4e-49d9-b579-fe0b331d3642",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
