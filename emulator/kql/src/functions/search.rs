//! String operators: `has`, `contains`, `startswith`, `matches regex`, …

use kusto_emulator_values::ScalarType;

use crate::ast::TextMatch;
use crate::bind::Scalar;
use crate::error::{KqlError, Result};
use crate::kernel;

use super::text::{Patterns, check_pattern};
use super::{convert, lower};

/// `left operator right`, not negated.
pub(crate) fn text_match(
    kind: TextMatch,
    ignore_case: bool,
    left: Scalar,
    right: Scalar,
) -> Result<Scalar> {
    let constant = left.constant && right.constant;
    let (mut left, mut right) = (searched(left)?, searched(right)?);
    if kind == TextMatch::Regex {
        check_pattern(&right)?;
        let patterns = Patterns::default();
        let values = vec![left.expr, right.expr];
        let expr = kernel::call("matches_regex", ScalarType::Bool, values, move |columns| {
            let (texts, pattern) = (columns.text(0)?, columns.text(1)?);
            columns.bools(|row| {
                let pattern = patterns.get(pattern.or_empty(row))?;
                Some(pattern.is_match(texts.or_empty(row)))
            })
        });
        return Ok(Scalar::new(expr, ScalarType::Bool, constant));
    }
    if ignore_case {
        left = lower(left)?;
        right = lower(right)?;
    }
    let values = vec![left.expr, right.expr];
    let expr = kernel::call(
        format!("text_{kind:?}"),
        ScalarType::Bool,
        values,
        move |columns| {
            let (texts, wanted) = (columns.text(0)?, columns.text(1)?);
            columns.bools(|row| Some(is_match(kind, texts.or_empty(row), wanted.or_empty(row))))
        },
    );
    Ok(Scalar::new(expr, ScalarType::Bool, constant))
}

/// A string, or a dynamic by its text.
fn searched(value: Scalar) -> Result<Scalar> {
    match value.ty {
        ScalarType::String => Ok(value),
        ScalarType::Dynamic => convert(value, ScalarType::String),
        other @ (ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid) => Err(KqlError::semantic(
            "SEM0025",
            format!("One of the string operator's sides is of type {other}; it must be a string"),
        )),
    }
}

fn is_match(kind: TextMatch, text: &str, wanted: &str) -> bool {
    match kind {
        TextMatch::Equal => text == wanted,
        TextMatch::Contains => text.contains(wanted),
        TextMatch::StartsWith => text.starts_with(wanted),
        TextMatch::EndsWith => text.ends_with(wanted),
        TextMatch::Has => has_term(text, wanted, true, true),
        TextMatch::HasPrefix => has_term(text, wanted, true, false),
        TextMatch::HasSuffix => has_term(text, wanted, false, true),
        TextMatch::Regex => false,
    }
}

/// Whether the text occurs with term borders in front of it and behind it; a term is a run of
/// letters and digits (`datatypes-string-operators.md`).
fn has_term(text: &str, wanted: &str, before: bool, after: bool) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let first = is_part(wanted.chars().next());
    let last = is_part(wanted.chars().next_back());
    text.char_indices().any(|(at, _)| {
        let Some(rest) = text[at..].strip_prefix(wanted) else {
            return false;
        };
        let open = !before || !first || !is_part(text[..at].chars().next_back());
        let closed = !after || !last || !is_part(rest.chars().next());
        open && closed
    })
}

/// `has_any`, `has_all`: terms, without case.
pub(crate) fn has_terms(left: Scalar, terms: Vec<Scalar>, all: bool) -> Result<Scalar> {
    let constant = left.constant && terms.iter().all(|term| term.constant);
    let mut values = vec![lower(searched(left)?)?.expr];
    for term in terms {
        if term.ty == ScalarType::Dynamic {
            return Err(KqlError::unsupported(
                "has_any and has_all over a dynamic array",
            ));
        }
        values.push(lower(searched(term)?)?.expr);
    }
    let name = if all { "has_all" } else { "has_any" };
    let expr = kernel::call(name, ScalarType::Bool, values, move |columns| {
        let texts = columns.text(0)?;
        let terms = (1..columns.len())
            .map(|at| columns.text(at))
            .collect::<datafusion::common::Result<Vec<_>>>()?;
        columns.bools(|row| {
            let text = texts.or_empty(row);
            let mut found = terms
                .iter()
                .map(|term| has_term(text, term.or_empty(row), true, true));
            Some(if all {
                found.all(|hit| hit)
            } else {
                found.any(|hit| hit)
            })
        })
    });
    Ok(Scalar::new(expr, ScalarType::Bool, constant))
}

#[cfg(test)]
mod tests {
    use super::has_term;

    #[test]
    fn terms_have_borders() {
        let cases = [
            ("kc-7f3a9c21-04e1", "7f3a9c21", true),
            ("kc-7f3a9c21-04e1", "7f3a", false),
            ("North America", "america", false),
            ("a-b", "-", true),
            ("", "x", false),
        ];
        for (text, wanted, expected) in cases {
            assert_eq!(
                has_term(text, wanted, true, true),
                expected,
                "{text} has {wanted}"
            );
        }
        assert!(has_term("abcd ef", "ab", true, false));
        assert!(has_term("abcd ef", "cd", false, true));
    }
}
