//! Texts of commands as logs may show them.

use crate::literals::{Literal, begins_literal};
use crate::scanner::Scanner;

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
            match scanner.literal() {
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

    #[test]
    fn obfuscation_hides_exactly_the_hidden_literals() {
        assert_eq!(
            obfuscate("x (h'https://a?sig=s', 'plain h\\'x\\'') // h'not'\n oh'x'"),
            "x (h'***', 'plain h\\'x\\'') // h'not'\n oh'x'"
        );
        assert_eq!(obfuscate("a h'broken"), "a ");
    }
}
