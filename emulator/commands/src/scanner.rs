//! A cursor over the text of a command: words, names, literals, lists.

use crate::error::CommandError;
use crate::literals::{self, Literal};

/// A place in a command's text. Every reader skips blanks and comments first.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Goes back (or on) to where this was the unread rest.
    pub(crate) fn advance_to(&mut self, rest: &'a str) {
        self.at = self.text.len() - rest.len();
    }

    /// Whether a comment begins exactly here.
    pub(crate) fn at_comment(&self) -> bool {
        self.rest().starts_with("//")
    }

    /// Steps over blanks and `//` comments.
    pub(crate) fn skip_trivia(&mut self) {
        loop {
            let trimmed = self.rest().trim_start();
            self.at = self.text.len() - trimmed.len();
            if !self.at_comment() {
                return;
            }
            let line = self.rest().find('\n').unwrap_or(self.rest().len());
            self.advance(line);
        }
    }

    pub(crate) fn at_end(&mut self) -> bool {
        self.skip_trivia();
        self.rest().is_empty()
    }

    /// A syntax error at this place.
    pub(crate) fn error(&self, expected: impl Into<String>) -> CommandError {
        let before = &self.text[..self.at];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        CommandError::Syntax {
            line: before.matches('\n').count() + 1,
            position: before[line_start..].chars().count(),
            expected: expected.into(),
        }
    }

    /// The run of letters, digits, `_` and `-` that begins here; may be empty. Nothing is consumed.
    pub(crate) fn peek_word(&mut self) -> &'a str {
        self.skip_trivia();
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let rest = self.rest();
        &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
    }

    /// Whether the next word is this keyword, in any case.
    pub(crate) fn sees_word(&mut self, word: &str) -> bool {
        self.peek_word().eq_ignore_ascii_case(word)
    }

    /// Consumes the keyword if it is next.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.sees_word(word);
        if found {
            self.advance(word.len());
        }
        found
    }

    /// Consumes the keywords if all of them are next, in this order; otherwise nothing.
    pub(crate) fn eat_words(&mut self, words: &[&str]) -> bool {
        let start = self.at;
        let found = words.iter().all(|word| self.eat_word(word));
        if !found {
            self.at = start;
        }
        found
    }

    pub(crate) fn expect_word(&mut self, word: &str) -> Result<(), CommandError> {
        if self.eat_word(word) {
            Ok(())
        } else {
            Err(self.error(format!("'{word}'")))
        }
    }

    pub(crate) fn sees(&mut self, symbol: &str) -> bool {
        self.skip_trivia();
        self.rest().starts_with(symbol)
    }

    pub(crate) fn eat(&mut self, symbol: &str) -> bool {
        let found = self.sees(symbol);
        if found {
            self.advance(symbol.len());
        }
        found
    }

    pub(crate) fn expect(&mut self, symbol: &str) -> Result<(), CommandError> {
        if self.eat(symbol) {
            Ok(())
        } else {
            Err(self.error(format!("'{symbol}'")))
        }
    }

    /// An entity's name: bare, or any string literal in brackets.
    pub(crate) fn name(&mut self, what: &str) -> Result<String, CommandError> {
        if self.eat("[") {
            let name = self.string()?;
            self.expect("]")?;
            return Ok(name);
        }
        self.skip_trivia();
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_numeric()) {
            return Err(self.error(what));
        }
        self.advance(end);
        Ok(rest[..end].to_string())
    }

    /// `( item, … )` with at least one item.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, CommandError>,
    ) -> Result<Vec<T>, CommandError> {
        self.expect("(")?;
        let mut items = vec![item(self)?];
        while self.eat(",") {
            items.push(item(self)?);
        }
        self.expect(")")?;
        Ok(items)
    }

    pub(crate) fn names(&mut self, what: &str) -> Result<Vec<String>, CommandError> {
        self.list(|scanner| scanner.name(what))
    }

    pub(crate) fn sees_string(&mut self) -> bool {
        self.skip_trivia();
        literals::begins_literal(self.rest())
    }

    /// A string: adjacent literals are one value.
    pub(crate) fn string(&mut self) -> Result<String, CommandError> {
        let mut value = self.single_string()?;
        while self.sees_string() {
            value.push_str(&self.single_string()?);
        }
        Ok(value)
    }

    /// Exactly one literal, for places where another string follows.
    pub(crate) fn single_string(&mut self) -> Result<String, CommandError> {
        self.literal().map(|literal| literal.value)
    }

    /// Exactly one literal, and how it was written.
    pub(crate) fn literal(&mut self) -> Result<Literal, CommandError> {
        self.skip_trivia();
        match literals::read(self.rest()) {
            Ok(literal) => {
                self.advance(literal.length);
                Ok(literal)
            }
            Err(broken) => {
                self.advance(broken.at);
                Err(self.error(broken.expected))
            }
        }
    }

    /// A guid, bare, quoted or as `guid(…)`; lower case.
    pub(crate) fn guid(&mut self) -> Result<String, CommandError> {
        let at = self.at;
        let text = if self.sees_string() {
            self.string()?
        } else if self.eat_word("guid") {
            self.expect("(")?;
            let word = self.peek_word();
            self.advance(word.len());
            self.expect(")")?;
            word.to_string()
        } else {
            let word = self.peek_word();
            self.advance(word.len());
            word.to_string()
        };
        if is_guid(&text) {
            Ok(text.to_ascii_lowercase())
        } else {
            self.at = at;
            self.skip_trivia();
            Err(self.error("a guid"))
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Result<bool, CommandError> {
        if self.eat_word("true") {
            Ok(true)
        } else if self.eat_word("false") {
            Ok(false)
        } else {
            Err(self.error("'true' or 'false'"))
        }
    }

    /// The text from an opening bracket to its partner, both included, unread.
    pub(crate) fn balanced(&mut self, open: char, close: char) -> Result<&'a str, CommandError> {
        self.skip_trivia();
        let start = self.at;
        if !self.rest().starts_with(open) {
            return Err(self.error(format!("'{open}'")));
        }
        let mut depth = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            if self.at_comment() {
                self.skip_trivia();
            } else if literals::begins_literal(self.rest()) {
                self.literal()?;
            } else {
                depth = match c {
                    c if c == open => depth + 1,
                    c if c == close => depth - 1,
                    _ => depth,
                };
                self.advance(c.len_utf8());
                if depth == 0 {
                    return Ok(&self.text[start..self.at]);
                }
            }
        }
        Err(self.error(format!("'{close}'")))
    }

    /// What follows `<|`, which must be next.
    pub(crate) fn input(&mut self) -> Result<&'a str, CommandError> {
        self.expect("<|")?;
        let input = self.rest();
        self.at = self.text.len();
        Ok(input)
    }

    /// A query after `<|`; not empty.
    pub(crate) fn query(&mut self) -> Result<String, CommandError> {
        let query = self.input()?.trim();
        if query.is_empty() {
            Err(self.error("a query"))
        } else {
            Ok(query.to_string())
        }
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_all_their_forms() {
        let cases = [
            ("abc_1 x", "abc_1"),
            ("['a b'] x", "a b"),
            ("[ \"a\\\"b\" ]", "a\"b"),
            ("[@'a''b']", "a'b"),
            ("// c\n Größe", "Größe"),
            ("['a' 'b']", "ab"),
        ];
        for (text, name) in cases {
            assert_eq!(Scanner::new(text).name("a name").as_deref(), Ok(name));
        }
        for text in ["", "1a", "-a", "['a'", "[a]"] {
            assert!(Scanner::new(text).name("a name").is_err(), "{text}");
        }
    }

    #[test]
    fn balanced_text_ignores_brackets_in_strings_and_comments() {
        let text = "{ a '}' // }\n { b } \"}\" } rest";
        let mut scanner = Scanner::new(text);
        let body = scanner.balanced('{', '}').expect("the braces match");
        assert_eq!(body, "{ a '}' // }\n { b } \"}\" }");
        assert_eq!(scanner.rest(), " rest");
    }

    #[test]
    fn errors_say_where_they_are() {
        let mut scanner = Scanner::new("a\n  b");
        assert!(scanner.eat_word("a"));
        let error = scanner.expect_word("c").expect_err("b is not c");
        assert_eq!(
            error,
            CommandError::Syntax {
                line: 2,
                position: 2,
                expected: "'c'".to_string()
            }
        );
    }

    #[test]
    fn guids_are_lower_case_in_every_form() {
        let guid = "5B0A7F9E-1111-4a11-9111-000000000001";
        for text in [
            guid.to_string(),
            format!("'{guid}'"),
            format!("guid({guid})"),
        ] {
            assert_eq!(
                Scanner::new(&text).guid().as_deref(),
                Ok("5b0a7f9e-1111-4a11-9111-000000000001")
            );
        }
        assert!(
            Scanner::new("5b0a7f9e-1111-4a11-9111-00000000000")
                .guid()
                .is_err()
        );
    }
}
