//! Functions of regular expressions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use regex::Regex;

use crate::bind::Scalar;
use crate::error::{KqlError, Result};
use crate::functions::Arguments;
use crate::kernel;

use super::{LONG, TEXT};

/// Patterns that were read, so that a pattern is read once and not for each row.
#[derive(Default)]
pub(in crate::functions) struct Patterns(Mutex<HashMap<String, Option<Arc<Regex>>>>);

impl Patterns {
    pub(in crate::functions) fn get(&self, pattern: &str) -> Option<Arc<Regex>> {
        let mut known = self.0.lock().ok()?;
        if let Some(found) = known.get(pattern) {
            return found.clone();
        }
        let read = Regex::new(pattern).ok().map(Arc::new);
        known.insert(pattern.to_owned(), read.clone());
        read
    }
}

/// A literal pattern that is no regular expression is refused at once.
pub(in crate::functions) fn check_pattern(value: &Scalar) -> Result<()> {
    match value.literal_text().map(Regex::new) {
        Some(Err(_)) => Err(KqlError::semantic(
            "SEM0029",
            "The regular expression is not valid",
        )),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// `replace_regex(source, regex, rewrite)`, or `replace(regex, rewrite, source)`: groups are `\1`.
pub(super) fn replace_regex(args: &Arguments, name: &str) -> Result<Scalar> {
    let mut values = args.all_typed(&[TEXT, TEXT, TEXT])?;
    if name == "replace" {
        values.rotate_right(1);
    }
    check_pattern(args.get(if name == "replace" { 0 } else { 1 })?)?;
    let patterns = Patterns::default();
    let expr = kernel::call("replace_regex", TEXT, values, move |columns| {
        let (texts, from, to) = (columns.text(0)?, columns.text(1)?, columns.text(2)?);
        columns.strings(|row, out| {
            let text = texts.or_empty(row);
            match patterns.get(from.or_empty(row)) {
                Some(pattern) => {
                    out.push_str(&pattern.replace_all(text, rewrite(to.or_empty(row)).as_str()))
                }
                None => out.push_str(text),
            }
        })
    });
    Ok(args.result(expr, TEXT))
}

/// `\1` as `${1}`; a dollar stands for itself.
fn rewrite(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str(&format!("${{{digit}}}"));
                chars.next();
            }
            ('\\', Some('\\')) => {
                out.push('\\');
                chars.next();
            }
            ('$', _) => out.push_str("$$"),
            _ => out.push(c),
        }
    }
    out
}

/// `extract(regex, group, source [, typeof(…)])`
pub(super) fn extract(args: &Arguments) -> Result<Scalar> {
    if args.len() == 4 {
        return Err(KqlError::unsupported("extract() with a type"));
    }
    let values = args.all_typed(&[TEXT, LONG, TEXT])?;
    check_pattern(args.get(0)?)?;
    let patterns = Patterns::default();
    let expr = kernel::call("extract", TEXT, values, move |columns| {
        let (pattern, group, texts) = (columns.text(0)?, columns.long(1)?, columns.text(2)?);
        columns.strings(|row, out| {
            let group = group.get(row).and_then(|group| usize::try_from(group).ok());
            let found = patterns.get(pattern.or_empty(row)).and_then(|pattern| {
                pattern
                    .captures(texts.or_empty(row))?
                    .get(group?)
                    .map(|found| found.as_str())
            });
            out.push_str(found.unwrap_or_default());
        })
    });
    Ok(args.result(expr, TEXT))
}

/// `trim(regex, source)`: what fits the regex at the ends goes.
pub(super) fn trim(args: &Arguments, name: &str) -> Result<Scalar> {
    let values = args.all_typed(&[TEXT, TEXT])?;
    check_pattern(args.get(0)?)?;
    let (start, end) = (name != "trim_end", name != "trim_start");
    let patterns = Patterns::default();
    let expr = kernel::call(name, TEXT, values, move |columns| {
        let (pattern, texts) = (columns.text(0)?, columns.text(1)?);
        columns.strings(|row, out| {
            let mut text = texts.or_empty(row);
            let pattern = pattern.or_empty(row);
            if start
                && let Some(found) = patterns
                    .get(&format!("^(?:{pattern})"))
                    .and_then(|p| p.find(text))
            {
                text = &text[found.end()..];
            }
            if end
                && let Some(found) = patterns
                    .get(&format!("(?:{pattern})$"))
                    .and_then(|p| p.find(text))
            {
                text = &text[..found.start()];
            }
            out.push_str(text);
        })
    });
    Ok(args.result(expr, TEXT))
}
