//! `.execute database script`.

use crate::Command;
use crate::error::{CommandError, unsupported};
use crate::literals;
use crate::properties::properties;
use crate::scanner::Scanner;

/// Several commands, run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// `ThrowOnErrors`: a failed command fails the script (false by default).
    pub throw_on_errors: bool,
    /// `ContinueOnErrors`: commands after a failed one still run (false by default).
    pub continue_on_errors: bool,
    /// The commands' texts, each with its dot.
    pub commands: Vec<String>,
}

/// After `.execute`.
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if scanner.sees_word("cluster") {
        return Err(unsupported(&["execute", "cluster", "script"]));
    }
    scanner.eat_word("database");
    scanner.expect_word("script")?;
    let properties = properties(scanner)?;
    let flag = |name: &str| {
        properties
            .boolean(name)
            .map_err(|error| CommandError::InvalidValue {
                what: format!("the property '{name}'"),
                reason: error.to_string(),
            })
            .map(Option::unwrap_or_default)
    };
    let throw_on_errors = flag("ThrowOnErrors")?;
    let continue_on_errors = flag("ContinueOnErrors")?;
    let commands = split(scanner.input()?)?;
    if commands.is_empty() {
        return Err(scanner.error("at least one command"));
    }
    Ok(Command::Script(Script {
        throw_on_errors,
        continue_on_errors,
        commands,
    }))
}

/// Cuts a script where a line begins with a dot, outside strings, comments and brackets.
fn split(text: &str) -> Result<Vec<String>, CommandError> {
    let mut scanner = Scanner::new(text);
    let mut starts = Vec::new();
    let mut depth = 0_usize;
    let mut line_begins = true;
    while let Some(c) = scanner.rest().chars().next() {
        if scanner.at_comment() {
            let line = scanner.rest().find('\n').unwrap_or(scanner.rest().len());
            scanner.advance(line);
            continue;
        }
        if literals::begins_literal(scanner.rest()) {
            scanner.literal()?;
            line_begins = false;
            continue;
        }
        match c {
            '.' if line_begins && depth == 0 => starts.push(text.len() - scanner.rest().len()),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        line_begins = c == '\n' || (line_begins && c.is_whitespace());
        scanner.advance(c.len_utf8());
    }
    if !text[..starts.first().copied().unwrap_or(text.len())]
        .trim()
        .is_empty()
        && starts.is_empty()
    {
        return Err(Scanner::new(text).error("a command that begins with '.'"));
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    Ok(starts
        .iter()
        .zip(ends)
        .map(|(start, end)| text[*start..end].trim().to_string())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_at_lines_that_begin_with_a_dot() {
        let text = "\n.create table T (a:long)\n\n  .create function F() {\n .not a command\n T }\n\
                    .alter table T policy merge '{\\n.x}' // .y\n// .z\n";
        let commands = split(text).expect("the literals are closed");
        assert_eq!(commands.len(), 3, "{commands:?}");
        assert_eq!(commands[0], ".create table T (a:long)");
        assert!(commands[1].ends_with("T }"));
        assert!(commands[2].starts_with(".alter table T policy merge"));
    }

    #[test]
    fn a_text_without_a_command_is_refused() {
        assert!(split("T | count").is_err());
        assert!(split(".create table T (a:string)\n 'open").is_err());
    }
}
