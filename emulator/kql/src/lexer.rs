//! Text to tokens.

use kusto_emulator_values::{ScalarType, Value, real, timespan};

use crate::error::{KqlError, Result};
use crate::escapes;
use crate::literal;

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// Byte offset of its first character.
    pub(crate) start: usize,
    /// Byte offset behind its last character.
    pub(crate) end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    /// A bare name or keyword, hyphenated operator names included (`project-away`).
    Name(String),
    /// A string literal, adjacent ones not yet joined.
    Text(String),
    /// Any other literal.
    Literal(Value),
    /// Punctuation and operators.
    Punct(&'static str),
    /// End of the text.
    End,
}

/// Longest first.
const PUNCTUATION: [&str; 33] = [
    "<=", ">=", "==", "!=", "=~", "!~", "..", "=>", "<|", "(", ")", "[", "]", "{", "}", ",", ";",
    "|", ":", ".", "+", "-", "*", "/", "%", "<", ">", "=", "$", "?", "!", "~", "@",
];

/// Operator names with hyphens, which would otherwise be subtractions.
const HYPHENATED: [&str; 12] = [
    "project-away",
    "project-keep",
    "project-rename",
    "project-reorder",
    "project-smart",
    "mv-expand",
    "mv-apply",
    "make-series",
    "make-graph",
    "sample-distinct",
    "top-nested",
    "parse-where",
];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let Some(kind) = lexer.next(tokens.last())? else {
            tokens.push(Token {
                kind: TokenKind::End,
                start,
                end: start,
            });
            return Ok(tokens);
        };
        tokens.push(Token {
            kind,
            start,
            end: lexer.at,
        });
    }
}

/// Position of the first `|` that stands outside quotes, brackets and comments.
///
/// The bars of the operators' own arguments (inside parentheses) do not count.
#[must_use]
pub fn first_pipe(text: &str) -> Option<usize> {
    let mut lexer = Lexer { text, at: 0 };
    let mut depth = 0_usize;
    loop {
        lexer.skip_blank();
        let rest = lexer.rest();
        let first = rest.chars().next()?;
        match first {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '|' if depth == 0 && !text[..lexer.at].ends_with('<') => return Some(lexer.at),
            '\'' | '"' | '`' | '@' | 'h' | 'H' => {
                if matches!(lexer.string(), Ok(Some(_))) {
                    continue;
                }
                // A name that begins with h, or a lone sign: passed over as a whole.
                lexer.skip_name();
                continue;
            }
            _ if is_name_start(first) => {
                lexer.skip_name();
                continue;
            }
            _ => {}
        }
        lexer.at += first.len_utf8();
    }
}

pub(crate) fn syntax_at(text: &str, offset: usize, message: impl Into<String>) -> KqlError {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let position = before
        .rsplit('\n')
        .next()
        .map_or(0, |tail| tail.chars().count())
        + 1;
    KqlError::Syntax {
        message: message.into(),
        line,
        position,
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, message: impl Into<String>) -> KqlError {
        syntax_at(self.text, self.at, message)
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            let mut skip = rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                skip += trimmed.find('\n').unwrap_or(trimmed.len());
            }
            if skip == 0 {
                return;
            }
            self.at += skip;
        }
    }

    fn skip_name(&mut self) {
        let rest = self.rest();
        let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        self.at += length.max(first);
    }

    fn next(&mut self, before: Option<&Token>) -> Result<Option<TokenKind>> {
        let Some(first) = self.rest().chars().next() else {
            return Ok(None);
        };
        if let Some(text) = self.string()? {
            return Ok(Some(TokenKind::Text(text)));
        }
        if is_name_start(first) {
            return self.name().map(Some);
        }
        if first.is_ascii_digit() {
            return self.number(before).map(Some);
        }
        for punctuation in PUNCTUATION {
            if self.rest().starts_with(punctuation) {
                self.at += punctuation.len();
                return Ok(Some(TokenKind::Punct(punctuation)));
            }
        }
        Err(self.error(format!("Unexpected character '{first}'")))
    }

    fn name(&mut self) -> Result<TokenKind> {
        let rest = self.rest();
        for name in HYPHENATED {
            let follows = rest.strip_prefix(name);
            if follows.is_some_and(|tail| !tail.starts_with(is_name_part)) {
                self.at += name.len();
                return Ok(TokenKind::Name(name.to_owned()));
            }
        }
        let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
        let name = rest[..length].to_owned();
        let literal_type = ScalarType::parse(&name).filter(|ty| *ty != ScalarType::String);
        let start = self.at;
        self.at += length;
        if let Some(ty) = literal_type {
            let gap = self.rest().len() - self.rest().trim_start().len();
            if self.rest()[gap..].starts_with('(') {
                self.at += gap;
                let inside = self.parenthesised()?;
                let value = literal::parse(ty, &inside).ok_or_else(|| {
                    syntax_at(
                        self.text,
                        start,
                        format!("'{name}({inside})' is not a {ty} literal"),
                    )
                })?;
                return Ok(TokenKind::Literal(value));
            }
        }
        Ok(match name.as_str() {
            "true" => TokenKind::Literal(Value::Bool(true)),
            "false" => TokenKind::Literal(Value::Bool(false)),
            _ => TokenKind::Name(name),
        })
    }

    /// The text between the parenthesis here and the one that closes it.
    fn parenthesised(&mut self) -> Result<String> {
        let start = self.at + 1;
        let mut depth = 0_usize;
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.error("Missing ')'"));
            };
            if matches!(c, '\'' | '"') && self.string()?.is_some() {
                continue;
            }
            self.at += c.len_utf8();
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(self.text[start..self.at - 1].to_owned());
            }
        }
    }

    /// Numbers: `12`, `0x1f`, `1.5`, `1e3`, and timespans such as `1d`, `2.5h`, `1tick`.
    fn number(&mut self, before: Option<&Token>) -> Result<TokenKind> {
        let rest = self.rest();
        if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let length = hex
                .find(|c: char| !c.is_ascii_hexdigit())
                .unwrap_or(hex.len());
            let value = u64::from_str_radix(&hex[..length], 16)
                .map_err(|_| self.error("Not a hexadecimal number"))?;
            self.at += 2 + length;
            return Ok(TokenKind::Literal(Value::Long(value.cast_signed())));
        }
        let mut length = digits(rest);
        let mut fraction = false;
        let after_dot = matches!(
            before,
            Some(Token {
                kind: TokenKind::Punct("."),
                ..
            })
        );
        if !after_dot && rest[length..].starts_with('.') && !rest[length..].starts_with("..") {
            let more = digits(&rest[length + 1..]);
            let ends = !rest[length + 1..].starts_with(is_name_start);
            if more > 0 || ends {
                fraction = true;
                length += 1 + more;
            }
        }
        let tail = &rest[length..];
        let letters = tail.find(|c| !is_name_part(c)).unwrap_or(tail.len());
        let suffix = &tail[..letters];
        if let Some(exponent) = exponent_length(tail) {
            self.at += length + exponent;
            let text = &self.text[self.at - length - exponent..self.at];
            return real::parse(text)
                .map(|value| TokenKind::Literal(Value::Real(value)))
                .ok_or_else(|| self.error("Not a number"));
        }
        if letters > 0 {
            let text = rest[..length + letters].to_owned();
            let ticks = timespan::parse_literal(&text)
                .ok_or_else(|| self.error(format!("Unknown suffix '{suffix}' of a number")))?;
            self.at += length + letters;
            return Ok(TokenKind::Literal(Value::TimeSpan(ticks)));
        }
        let text = rest[..length].to_owned();
        self.at += length;
        if fraction {
            let value = real::parse(text.trim_end_matches('.'))
                .ok_or_else(|| self.error("Not a number"))?;
            return Ok(TokenKind::Literal(Value::Real(value)));
        }
        text.parse()
            .map(|value| TokenKind::Literal(Value::Long(value)))
            .map_err(|_| self.error("The number does not fit a long"))
    }

    /// A string literal of any form, if one begins here.
    fn string(&mut self) -> Result<Option<String>> {
        let rest = self.rest();
        let mut prefix = 0;
        let bytes = rest.as_bytes();
        if matches!(bytes.first(), Some(b'h' | b'H')) {
            prefix += 1;
        }
        let verbatim = bytes.get(prefix) == Some(&b'@');
        if verbatim {
            prefix += 1;
        }
        if let Some(body) = rest[prefix..].strip_prefix("```") {
            let Some(length) = body.find("```") else {
                return Err(self.error("The string has no end"));
            };
            let text = body[..length].to_owned();
            self.at += prefix + 6 + length;
            return Ok(Some(text));
        }
        let quote = match bytes.get(prefix) {
            Some(b'\'') => '\'',
            Some(b'"') => '"',
            _ => return Ok(None),
        };
        let body = &rest[prefix + 1..];
        let found = if verbatim {
            escapes::verbatim(body, quote)
        } else {
            escapes::escaped(body, quote)
        };
        let (text, length) =
            found.ok_or_else(|| self.error("The string has no end or a wrong escape"))?;
        self.at += prefix + 1 + length;
        Ok(Some(text))
    }
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len())
}

/// Length of `e+10` and its like.
fn exponent_length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(['e', 'E'])?;
    let signed = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let count = digits(signed);
    (count > 0 && !signed[count..].starts_with(is_name_part))
        .then(|| text.len() - signed.len() + count)
}
