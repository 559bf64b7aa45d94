//! String literals: `'…'`, `"…"`, `@'…'`, triple fences, and the `h` prefix that hides a value.

use crate::error::CommandError;
use crate::scanner::Scanner;

/// One decoded literal.
pub(crate) struct Literal {
    /// The value.
    pub(crate) value: String,
    /// Whether it carried the `h` prefix.
    pub(crate) hidden: bool,
}

/// Whether a string literal begins at the start of `text`.
pub(crate) fn begins_literal(text: &str) -> bool {
    let text = text.strip_prefix(['h', 'H']).unwrap_or(text);
    let text = text.strip_prefix('@').unwrap_or(text);
    text.starts_with(['\'', '"']) || text.starts_with("```") || text.starts_with("~~~")
}

/// Reads one literal at the scanner's place, without joining those that follow.
pub(crate) fn read_one(scanner: &mut Scanner<'_>) -> Result<Literal, CommandError> {
    scanner.skip_trivia();
    if !begins_literal(scanner.rest()) {
        return Err(scanner.error("a string literal"));
    }
    let hidden = scanner.rest().starts_with(['h', 'H']);
    if hidden {
        scanner.advance(1);
    }
    let rest = scanner.rest();
    let value = if rest.starts_with("```") || rest.starts_with("~~~") {
        read_fenced(scanner)?
    } else if rest.starts_with('@') {
        scanner.advance(1);
        read_verbatim(scanner)?
    } else {
        read_escaped(scanner)?
    };
    Ok(Literal { value, hidden })
}

/// Steps over a literal without decoding it: for texts that are passed on unread.
pub(crate) fn skip_one(scanner: &mut Scanner<'_>) -> Result<(), CommandError> {
    read_one(scanner).map(|_| ())
}

fn read_fenced(scanner: &mut Scanner<'_>) -> Result<String, CommandError> {
    let fence = &scanner.rest()[..3];
    let body = &scanner.rest()[3..];
    let Some(end) = body.find(fence) else {
        return Err(scanner.error("the end of a multi-line string literal"));
    };
    scanner.advance(3 + end + 3);
    Ok(body[..end].to_string())
}

fn read_verbatim(scanner: &mut Scanner<'_>) -> Result<String, CommandError> {
    let rest = scanner.rest();
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return Err(scanner.error("a quote after '@'"));
    };
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            value.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            value.push(quote);
            chars.next();
        } else {
            scanner.advance(at + 1);
            return Ok(value);
        }
    }
    Err(scanner.error("the end of a string literal"))
}

fn read_escaped(scanner: &mut Scanner<'_>) -> Result<String, CommandError> {
    let rest = scanner.rest();
    let mut chars = rest.char_indices();
    let Some((_, quote)) = chars.next() else {
        return Err(scanner.error("a string literal"));
    };
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                scanner.advance(at + 1);
                return Ok(value);
            }
            '\\' => match read_escape(&mut chars) {
                Some(escaped) => value.push(escaped),
                None => {
                    scanner.advance(at);
                    return Err(scanner.error("a valid escape sequence"));
                }
            },
            '\n' | '\r' => break,
            other => value.push(other),
        }
    }
    Err(scanner.error("the end of a string literal in the same line"))
}

/// The character of an escape whose backslash has been read.
fn read_escape(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let (_, c) = chars.next()?;
    let digits = match c {
        '\\' | '\'' | '"' => return Some(c),
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'a' => return Some('\u{7}'),
        'b' => return Some('\u{8}'),
        'f' => return Some('\u{c}'),
        'v' => return Some('\u{b}'),
        '0'..='7' => return read_octal(c, chars),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let mut code = 0_u32;
    for _ in 0..digits {
        let (_, digit) = chars.next()?;
        code = code.checked_mul(16)? + digit.to_digit(16)?;
    }
    // A character outside the basic plane may be written as two \u halves.
    if (0xD800..0xDC00).contains(&code) && digits == 4 {
        return read_low_surrogate(code, chars);
    }
    char::from_u32(code)
}

fn read_low_surrogate(high: u32, chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let (_, backslash) = chars.next()?;
    let (_, letter) = chars.next()?;
    if (backslash, letter) != ('\\', 'u') {
        return None;
    }
    let mut low = 0_u32;
    for _ in 0..4 {
        low = low * 16 + chars.next()?.1.to_digit(16)?;
    }
    if !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
}

fn read_octal(first: char, chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut code = first.to_digit(8)?;
    for _ in 0..2 {
        let mut ahead = chars.clone();
        match ahead.next().and_then(|(_, c)| c.to_digit(8)) {
            Some(digit) if code * 8 + digit <= 0xFF => {
                code = code * 8 + digit;
                *chars = ahead;
            }
            Some(_) | None => break,
        }
    }
    char::from_u32(code)
}

/// The text of a command with the body of every `h'…'` literal replaced by `***`, as Kusto keeps it
/// in its logs. A text with a broken literal is cut before it.
pub fn obfuscate(text: &str) -> String {
    let mut scanner = Scanner::new(text);
    let mut shown = String::with_capacity(text.len());
    while let Some(c) = scanner.rest().chars().next() {
        let previous_is_word = shown.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let literal = begins_literal(scanner.rest())
            && (!previous_is_word || matches!(c, '\'' | '"' | '@' | '`' | '~'));
        if scanner.at_comment() {
            let before = scanner.rest();
            scanner.skip_trivia();
            shown.push_str(&before[..before.len() - scanner.rest().len()]);
        } else if literal {
            let before = scanner.rest();
            match read_one(&mut scanner) {
                Ok(Literal { hidden: true, .. }) => shown.push_str("h'***'"),
                Ok(Literal { hidden: false, .. }) => {
                    shown.push_str(&before[..before.len() - scanner.rest().len()]);
                }
                Err(_) => return shown,
            }
        } else {
            shown.push(c);
            scanner.advance(c.len_utf8());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, CommandError> {
        read_one(&mut Scanner::new(text)).map(|literal| literal.value)
    }

    #[test]
    fn every_form_is_decoded() {
        let cases = [
            (r"'a\'b\\c\n\t'", "a'b\\c\n\t"),
            (r#""a'b\"""#, "a'b\""),
            (r"@'a\n''b'", r"a\n'b"),
            ("```a\n'b\\```", "a\n'b\\"),
            ("~~~x~~~", "x"),
            (r"h'secret'", "secret"),
            (r#"h@"se""cret""#, "se\"cret"),
            (r"'\u0041\U0001F600\x42\0\101'", "A😀B\0A"),
            (r"'\ud83d\ude00'", "😀"),
        ];
        for (text, value) in cases {
            assert_eq!(read(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn broken_literals_are_refused() {
        for text in ["'a", "'a\nb'", r"'\q'", "@'a", "```a``", r"'\ud83dx'", "a"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn obfuscation_hides_exactly_the_hidden_literals() {
        assert_eq!(
            obfuscate("x (h'https://a?sig=s', 'plain h\\'x\\'') // h'not'\n oh'x'"),
            "x (h'***', 'plain h\\'x\\'') // h'not'\n oh'x'"
        );
        assert_eq!(obfuscate("a h'broken"), "a ");
    }
}
