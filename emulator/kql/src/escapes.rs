//! The insides of string literals.

/// The text of `@'…'` and the bytes up to and with its closing quote; a doubled quote is a quote.
pub(crate) fn verbatim(body: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = 0;
    loop {
        let length = body[at..].find(quote)?;
        text.push_str(&body[at..at + length]);
        at += length + 1;
        if !body[at..].starts_with(quote) {
            return Some((text, at));
        }
        text.push(quote);
        at += 1;
    }
}

/// The text of `'…'` with its escapes read, and the bytes up to and with its closing quote.
pub(crate) fn escaped(body: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, escape) = chars.next()?;
                text.push(escape_char(escape, &mut chars)?);
            }
            '\n' | '\r' => return None,
            c if c == quote => return Some((text, at + c.len_utf8())),
            c => text.push(c),
        }
    }
    None
}

fn escape_char(escape: char, chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match escape {
        '\\' | '\'' | '"' | '/' => escape,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        'x' => code_point(chars, 2)?,
        'u' => unicode(chars)?,
        'U' => code_point(chars, 8)?,
        '0'..='7' => octal(escape, chars)?,
        _ => return None,
    })
}

fn hex(chars: &mut std::str::CharIndices<'_>, count: usize) -> Option<u32> {
    let mut code = 0;
    for _ in 0..count {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    Some(code)
}

fn code_point(chars: &mut std::str::CharIndices<'_>, count: usize) -> Option<char> {
    char::from_u32(hex(chars, count)?)
}

/// `\uXXXX`, or two of them for a surrogate pair.
fn unicode(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let high = hex(chars, 4)?;
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high);
    }
    if chars.next()?.1 != '\\' || chars.next()?.1 != 'u' {
        return None;
    }
    let low = hex(chars, 4)?
        .checked_sub(0xDC00)
        .filter(|low| *low < 0x400)?;
    char::from_u32(0x10000 + ((high - 0xD800) << 10) + low)
}

/// `\0`, `\12`, `\101`: one to three octal digits.
fn octal(first: char, chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut code = first.to_digit(8)?;
    for _ in 0..2 {
        let next = chars.as_str().chars().next();
        let Some(digit) = next.and_then(|c| c.to_digit(8)) else {
            break;
        };
        code = code * 8 + digit;
        chars.next();
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::{escaped, verbatim};

    #[test]
    fn escapes_and_verbatim() {
        assert_eq!(
            escaped(r"a\n\u0041\x42\0' rest", '\''),
            Some(("a\nAB\0".into(), 16))
        );
        assert_eq!(escaped(r"\ud83d\ude00'", '\''), Some(("😀".into(), 13)));
        assert_eq!(escaped("open", '\''), None);
        assert_eq!(escaped(r"\q'", '\''), None);
        assert_eq!(verbatim("a\\''b' c", '\''), Some(("a\\'b".into(), 6)));
    }
}
