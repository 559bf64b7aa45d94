//! String literals: `'…'`, `"…"`, `@'…'`, triple fences, and the `h` prefix that hides a value.

/// One decoded literal.
pub(crate) struct Literal {
    /// The value.
    pub(crate) value: String,
    /// Whether it carried the `h` prefix.
    pub(crate) hidden: bool,
    /// Bytes that it takes in the text.
    pub(crate) length: usize,
}

/// Why a text does not begin with a whole literal.
pub(crate) struct Broken {
    /// Where, in bytes.
    pub(crate) at: usize,
    /// What would have been right there.
    pub(crate) expected: &'static str,
}

/// Whether a string literal begins at the start of `text`.
pub(crate) fn begins_literal(text: &str) -> bool {
    let text = text.strip_prefix(['h', 'H']).unwrap_or(text);
    let text = text.strip_prefix('@').unwrap_or(text);
    text.starts_with(['\'', '"']) || text.starts_with("```") || text.starts_with("~~~")
}

/// Reads the literal that `text` begins with, without joining those that follow.
pub(crate) fn read(text: &str) -> Result<Literal, Broken> {
    if !begins_literal(text) {
        return Err(Broken {
            at: 0,
            expected: "a string literal",
        });
    }
    let hidden = text.starts_with(['h', 'H']);
    let prefix = usize::from(hidden) + usize::from(text[usize::from(hidden)..].starts_with('@'));
    let rest = &text[prefix..];
    let read = if rest.starts_with("```") || rest.starts_with("~~~") {
        read_fenced(rest)
    } else if prefix > usize::from(hidden) {
        read_verbatim(rest)
    } else {
        read_escaped(rest)
    };
    match read {
        Ok((value, length)) => Ok(Literal {
            value,
            hidden,
            length: prefix + length,
        }),
        Err(broken) => Err(Broken {
            at: prefix + broken.at,
            ..broken
        }),
    }
}

fn read_fenced(text: &str) -> Result<(String, usize), Broken> {
    let (fence, body) = text.split_at(3);
    match body.find(fence) {
        Some(end) => Ok((body[..end].to_string(), 3 + end + 3)),
        None => Err(Broken {
            at: 0,
            expected: "the end of a multi-line string literal",
        }),
    }
}

fn read_verbatim(text: &str) -> Result<(String, usize), Broken> {
    let broken = |expected| Broken { at: 0, expected };
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return Err(broken("a quote after '@'"));
    };
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            value.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            value.push(quote);
            chars.next();
        } else {
            return Ok((value, at + 1));
        }
    }
    Err(broken("the end of a string literal"))
}

fn read_escaped(text: &str) -> Result<(String, usize), Broken> {
    let mut chars = text.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            c if Some(c) == quote => return Ok((value, at + 1)),
            '\\' => match read_escape(&mut chars) {
                Some(escaped) => value.push(escaped),
                None => {
                    return Err(Broken {
                        at,
                        expected: "a valid escape sequence",
                    });
                }
            },
            '\n' | '\r' => break,
            other => value.push(other),
        }
    }
    Err(Broken {
        at: 0,
        expected: "the end of a string literal in the same line",
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<(String, usize)> {
        let literal = read(text).ok()?;
        Some((literal.value, literal.length))
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
            let followed = format!("{text} 'more'");
            let expected = Some((value.to_string(), text.len()));
            assert_eq!(decoded(&followed), expected, "{text}");
        }
    }

    #[test]
    fn broken_literals_are_refused() {
        for text in ["'a", "'a\nb'", r"'\q'", "@'a", "```a``", r"'\ud83dx'", "a"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
