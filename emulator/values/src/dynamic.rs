//! `dynamic`: any JSON value, held as compact JSON text.
//!
//! Blanks are dropped and escapes brought to one form; number texts stay exactly as they were, so
//! numbers beyond 2^53 survive. The order of a bag's keys is kept. JSON `null` at the top *is* the
//! null value, which Arrow holds as null.

/// Deepest nesting that is read; .NET's reader has such a limit too, and none deeper is useful.
const DEEPEST: usize = 512;

/// Reads a text as Kusto reads what is ingested into a dynamic column: JSON becomes that value,
/// any other text a JSON string of it, and the empty text and `null` become null.
#[must_use]
pub fn from_text(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    match normalise(text) {
        Some(json) if json == "null" => None,
        Some(json) => Some(json),
        None => Some(quote(text)),
    }
}

/// The compact form of a JSON text (`null` included); none if it is not JSON.
#[must_use]
pub fn normalise(text: &str) -> Option<String> {
    let mut reader = Reader {
        rest: text.trim_matches([' ', '\t', '\r', '\n']).as_bytes(),
        out: String::with_capacity(text.len()),
    };
    reader.document()?;
    reader.rest.is_empty().then_some(reader.out)
}

/// A text as a JSON string.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    escape(text, &mut out);
    out.push('"');
    out
}

/// If a dynamic is a JSON string, the string it holds.
#[must_use]
pub fn as_string(json: &str) -> Option<String> {
    json.starts_with('"')
        .then(|| serde_json::from_str(json).ok())
        .flatten()
}

/// The text that `tostring` and casts give of a dynamic: a string's own text, JSON of the rest.
#[must_use]
pub fn to_text(json: &str) -> String {
    as_string(json).unwrap_or_else(|| json.to_owned())
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
}

/// What is read of the text, and what was written of it.
struct Reader<'a> {
    rest: &'a [u8],
    out: String,
}

/// What may come next within a bag or an array.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Bag,
    Array,
}

impl<'a> Reader<'a> {
    fn blanks(&mut self) {
        let count = self
            .rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
            .count();
        self.rest = &self.rest[count..];
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                self.out.push(char::from(byte));
                true
            }
            _ => false,
        }
    }

    fn run(&mut self, accept: impl Fn(&u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().take_while(|byte| accept(byte)).count();
        let (run, rest) = self.rest.split_at(count);
        self.rest = rest;
        run
    }

    fn push(&mut self, ascii: &[u8]) {
        self.out.extend(ascii.iter().copied().map(char::from));
    }

    /// One value and all that it holds, without recursion.
    fn document(&mut self) -> Option<()> {
        let mut open = Vec::new();
        loop {
            self.blanks();
            let opened = self.value_or_open(&mut open)?;
            if opened {
                continue;
            }
            // A value has ended: close what ends with it, or go on to the next item.
            loop {
                let Some(inside) = open.last().copied() else {
                    return Some(());
                };
                self.blanks();
                let close = if inside == Inside::Bag { b'}' } else { b']' };
                if self.take(close) {
                    open.pop();
                    continue;
                }
                if !self.take(b',') {
                    return None;
                }
                self.key_of(inside)?;
                break;
            }
        }
    }

    /// Reads a plain value or an empty bag or array; true if a bag or array was opened instead.
    fn value_or_open(&mut self, open: &mut Vec<Inside>) -> Option<bool> {
        let (inside, close) = match self.rest.first()? {
            b'{' => (Inside::Bag, b'}'),
            b'[' => (Inside::Array, b']'),
            _ => {
                self.plain()?;
                return Some(false);
            }
        };
        self.take(self.rest[0]);
        self.blanks();
        if self.take(close) {
            return Some(false);
        }
        if open.len() >= DEEPEST {
            return None;
        }
        open.push(inside);
        self.key_of(inside)?;
        Some(true)
    }

    /// The key and colon before a bag's value; nothing within an array.
    fn key_of(&mut self, inside: Inside) -> Option<()> {
        if inside == Inside::Array {
            return Some(());
        }
        self.blanks();
        self.string()?;
        self.blanks();
        self.take(b':').then_some(())
    }

    fn plain(&mut self) -> Option<()> {
        match self.rest.first()? {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let word = self.run(u8::is_ascii_lowercase);
                if !matches!(word, b"true" | b"false" | b"null") {
                    return None;
                }
                self.push(word);
                Some(())
            }
        }
    }

    /// A number of JSON's grammar, its text kept.
    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        let whole = self.run(u8::is_ascii_digit);
        if whole.is_empty() || whole.len() > 1 && whole[0] == b'0' {
            return None;
        }
        self.push(whole);
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let digits = self.run(u8::is_ascii_digit);
        self.push(digits);
        (!digits.is_empty()).then_some(())
    }

    fn string(&mut self) -> Option<()> {
        if !self.take(b'"') {
            return None;
        }
        loop {
            let run = self.run(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f));
            self.out.push_str(std::str::from_utf8(run).ok()?);
            if self.take(b'"') {
                return Some(());
            }
            // Raw control characters are no JSON.
            let escaped = self.rest.strip_prefix(b"\\")?;
            let (kind, rest) = escaped.split_first()?;
            self.rest = rest;
            let character = match kind {
                b'"' => '"',
                b'\\' => '\\',
                b'/' => '/',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.unicode()?,
                _ => return None,
            };
            escape(character.encode_utf8(&mut [0; 4]), &mut self.out);
        }
    }

    /// The character of a `\u` escape. Half of a surrogate pair alone becomes U+FFFD, as it does
    /// when .NET writes such a string as UTF-8.
    fn unicode(&mut self) -> Option<char> {
        let high = self.hex()?;
        if !(0xD800..0xDC00).contains(&high) {
            return Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.rest;
        if let Some(rest) = self.rest.strip_prefix(b"\\u") {
            self.rest = rest;
            let low = self.hex()?;
            if (0xDC00..0xE000).contains(&low) {
                return char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            }
            self.rest = before;
        }
        Some(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        digits.iter().try_fold(0, |value, digit| {
            char::from(*digit)
                .to_digit(16)
                .map(|digit| value * 16 + digit)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{from_text, normalise, quote, to_text};

    #[test]
    fn normal_forms() {
        let cases = [
            ("{}", "{}"),
            (" { \"a\" : [ 1 , 2.50 , -0 ] } ", r#"{"a":[1,2.50,-0]}"#),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1E+5", "1E+5"),
            ("9007199254740993", "9007199254740993"),
            (r#""\u0041\/\u00e9\u0000""#, "\"A/é\\u0000\""),
            (r#""\ud83d\ude00""#, "\"😀\""),
            (r#""\ud83d!""#, "\"\u{fffd}!\""),
            (r#""\ud83d\u0041""#, "\"\u{fffd}A\""),
            ("[[],{},[{}]]", "[[],{},[{}]]"),
            (r#"{"b":1,"a":{"c":null}}"#, r#"{"b":1,"a":{"c":null}}"#),
            ("null", "null"),
            ("true", "true"),
        ];
        for (text, expected) in cases {
            assert_eq!(normalise(text).as_deref(), Some(expected), "{text}");
            assert_eq!(normalise(expected).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn not_json() {
        let refused = [
            "",
            "{",
            "[1,]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "01",
            "1.",
            "1e",
            "-",
            "nul",
            "True",
            "\"a",
            "\"\\x\"",
            "\"\n\"",
            "[1}",
            "1 2",
            "'a'",
            "{a:1}",
            "\u{feff}1",
            "\"\\u12\"",
        ];
        for text in refused {
            assert_eq!(normalise(text), None, "{text}");
        }
        assert_eq!(normalise(&"[".repeat(100_000)), None);
    }

    #[test]
    fn ingested_texts() {
        let cases = [
            ("", None),
            ("  ", None),
            ("null", None),
            (" null ", None),
            ("\"\"", Some("\"\"")),
            ("abc", Some("\"abc\"")),
            ("{\"a\": 1}", Some("{\"a\":1}")),
            ("{\"a\": 1", Some("\"{\\\"a\\\": 1\"")),
        ];
        for (text, expected) in cases {
            assert_eq!(from_text(text).as_deref(), expected, "{text}");
        }
        assert_eq!(to_text("\"a\\nb\""), "a\nb");
        assert_eq!(to_text("[1]"), "[1]");
    }

    proptest! {
        #[test]
        fn strings_survive(text in any::<String>()) {
            let json = quote(&text);
            let normal = normalise(&json);
            prop_assert_eq!(normal.as_deref(), Some(json.as_str()));
            prop_assert_eq!(to_text(&json), text);
        }

        #[test]
        fn agrees_with_serde(text in "[\\[\\]{}:,\"\\\\0-9eE+. tfnulrase-]{0,12}") {
            let known = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            prop_assert_eq!(normalise(&text).is_some(), known, "{}", text);
        }
    }
}
