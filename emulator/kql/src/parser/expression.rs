//! Scalar expressions, by precedence.

use kusto_emulator_values::Value;

use crate::ast::{Argument, BinaryOperator, Expr, Pipeline, Side, Source, TextMatch};
use crate::error::Result;
use crate::lexer::TokenKind;

use super::Parser;

impl Parser<'_> {
    /// A scalar expression, or a tabular one: `T | where …`, `datatable(…)[…]`.
    pub(super) fn any_expression(&mut self) -> Result<Expr> {
        if self.is_worded_source() {
            return self.pipeline().map(|query| Expr::Query(Box::new(query)));
        }
        let value = self.expression()?;
        if !self.is("|") {
            return Ok(value);
        }
        let source = match value {
            Expr::Query(inner) => Source::Parenthesised(inner),
            other @ (Expr::Literal(_)
            | Expr::Name(_)
            | Expr::Side(_)
            | Expr::Star
            | Expr::Member(..)
            | Expr::Index(..)
            | Expr::Call { .. }
            | Expr::MethodCall { .. }
            | Expr::Negate(_)
            | Expr::Binary { .. }
            | Expr::In { .. }
            | Expr::HasTerms { .. }
            | Expr::Between { .. }) => Source::Expr(other),
        };
        let operators = self.pipes()?;
        Ok(Expr::Query(Box::new(Pipeline { source, operators })))
    }

    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.nested(Self::or)
    }

    fn or(&mut self) -> Result<Expr> {
        let mut left = self.and()?;
        let mut links = 0;
        while self.take_word("or") {
            self.link(&mut links)?;
            left = binary(BinaryOperator::Or, left, self.and()?);
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let mut left = self.comparison()?;
        let mut links = 0;
        while self.take_word("and") {
            self.link(&mut links)?;
            left = binary(BinaryOperator::And, left, self.comparison()?);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expr> {
        let left = self.additive()?;
        let symbol = match self.kind() {
            TokenKind::Punct(symbol) => *symbol,
            TokenKind::Name(_) | TokenKind::Text(_) | TokenKind::Literal(_) | TokenKind::End => "",
        };
        let operator = match symbol {
            "==" => BinaryOperator::Equal,
            "!=" => BinaryOperator::NotEqual,
            "<" => BinaryOperator::Less,
            "<=" => BinaryOperator::LessOrEqual,
            ">" => BinaryOperator::Greater,
            ">=" => BinaryOperator::GreaterOrEqual,
            "=~" => text(TextMatch::Equal, true, false),
            "!~" => text(TextMatch::Equal, true, true),
            _ => return self.worded_comparison(left),
        };
        self.advance();
        Ok(binary(operator, left, self.additive()?))
    }

    /// `in`, `between`, `has` and its like, with `!` in front or not.
    fn worded_comparison(&mut self, left: Expr) -> Result<Expr> {
        let negated = self.is("!") && matches!(self.kind_ahead(1), TokenKind::Name(_));
        let word = match self.kind_ahead(usize::from(negated)) {
            TokenKind::Name(word) => word.clone(),
            TokenKind::Text(_) | TokenKind::Literal(_) | TokenKind::Punct(_) | TokenKind::End => {
                return Ok(left);
            }
        };
        let skip = |parser: &mut Self| {
            for _ in 0..=usize::from(negated) {
                parser.advance();
            }
        };
        let left_box = Box::new(left);
        match word.as_str() {
            "in" => {
                skip(self);
                let ignore_case = self.take("~");
                let list = self.list()?;
                Ok(Expr::In {
                    negated,
                    ignore_case,
                    left: left_box,
                    list,
                })
            }
            "has_any" | "has_all" if !negated => {
                skip(self);
                let list = self.list()?;
                Ok(Expr::HasTerms {
                    all: word == "has_all",
                    left: left_box,
                    list,
                })
            }
            "between" => {
                skip(self);
                let (from, to) = self.bounds()?;
                Ok(Expr::Between {
                    negated,
                    left: left_box,
                    from: Box::new(from),
                    to: Box::new(to),
                })
            }
            "matches" if !negated && self.is_word_ahead(1, "regex") => {
                self.advance();
                self.advance();
                Ok(binary(
                    text(TextMatch::Regex, false, false),
                    *left_box,
                    self.additive()?,
                ))
            }
            word => {
                let Some((kind, ignore_case, inverse)) = text_operator(word) else {
                    return Ok(*left_box);
                };
                skip(self);
                Ok(binary(
                    text(kind, ignore_case, negated != inverse),
                    *left_box,
                    self.additive()?,
                ))
            }
        }
    }

    /// `(from .. to)`
    fn bounds(&mut self) -> Result<(Expr, Expr)> {
        self.expect("(")?;
        let from = self.expression()?;
        self.expect("..")?;
        let to = self.expression()?;
        self.expect(")")?;
        Ok((from, to))
    }

    /// `(a, b)`, `(T | project x)`
    fn list(&mut self) -> Result<Vec<Expr>> {
        self.expect("(")?;
        let mut list = Vec::new();
        while !self.take(")") {
            if !list.is_empty() {
                self.expect(",")?;
            }
            list.push(self.any_expression()?);
        }
        Ok(list)
    }

    fn additive(&mut self) -> Result<Expr> {
        let mut left = self.multiplicative()?;
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            let operator = if self.is("+") {
                BinaryOperator::Add
            } else if self.is("-") {
                BinaryOperator::Subtract
            } else {
                return Ok(left);
            };
            self.advance();
            left = binary(operator, left, self.multiplicative()?);
        }
    }

    fn multiplicative(&mut self) -> Result<Expr> {
        let mut left = self.unary()?;
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            let operator = if self.is("*") {
                BinaryOperator::Multiply
            } else if self.is("/") {
                BinaryOperator::Divide
            } else if self.is("%") {
                BinaryOperator::Modulo
            } else {
                return Ok(left);
            };
            self.advance();
            left = binary(operator, left, self.unary()?);
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        if self.take("+") {
            return self.nested(Self::unary);
        }
        if self.take("-") {
            let value = self.nested(Self::unary)?;
            return Ok(negate(value));
        }
        self.postfix()
    }

    /// A primary with its `.name`, `['key']`, `[0]`.
    pub(super) fn postfix(&mut self) -> Result<Expr> {
        let mut value = self.primary()?;
        let mut links = 0;
        loop {
            self.link(&mut links)?;
            if self.is(".") {
                self.advance();
                let name = self.name()?;
                value = if self.is("(") {
                    let arguments = self.arguments()?;
                    Expr::MethodCall {
                        base: Box::new(value),
                        name,
                        arguments,
                    }
                } else {
                    Expr::Member(Box::new(value), name)
                };
            } else if self.is("[") {
                self.advance();
                let index = self.expression()?;
                self.expect("]")?;
                value = Expr::Index(Box::new(value), Box::new(index));
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr> {
        if let Some(text) = self.take_text() {
            return Ok(Expr::Literal(Value::String(text)));
        }
        if let TokenKind::Literal(value) = self.kind() {
            let value = value.clone();
            self.advance();
            return Ok(Expr::Literal(value));
        }
        if self.take("(") {
            let value = self.nested(Self::any_expression)?;
            self.expect(")")?;
            return Ok(value);
        }
        if self.take("$") {
            let side = if self.take_word("left") {
                Side::Left
            } else {
                self.expect_word("right")?;
                Side::Right
            };
            return Ok(Expr::Side(side));
        }
        if self.name_length(0).is_none() {
            return Err(self.expected("an expression"));
        }
        let name = self.name()?;
        if self.is("(") {
            let arguments = self.arguments()?;
            return Ok(Expr::Call { name, arguments });
        }
        Ok(Expr::Name(name))
    }

    pub(super) fn arguments(&mut self) -> Result<Vec<Argument>> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            let mut name = None;
            if let Some(length) = self.name_length(0)
                && self.is_ahead(length, "=")
            {
                name = Some(self.name()?);
                self.expect("=")?;
            }
            let value = if self.is("*") && (self.is_ahead(1, ")") || self.is_ahead(1, ",")) {
                self.advance();
                Expr::Star
            } else {
                self.any_expression()?
            };
            arguments.push(Argument { name, value });
        }
        Ok(arguments)
    }
}

fn binary(operator: BinaryOperator, left: Expr, right: Expr) -> Expr {
    Expr::Binary {
        operator,
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn text(kind: TextMatch, ignore_case: bool, negated: bool) -> BinaryOperator {
    BinaryOperator::Text {
        kind,
        ignore_case,
        negated,
    }
}

/// The sign of a literal belongs to it.
fn negate(value: Expr) -> Expr {
    match value {
        Expr::Literal(Value::Long(value)) => Expr::Literal(Value::Long(value.wrapping_neg())),
        Expr::Literal(Value::Int(value)) => Expr::Literal(Value::Int(value.wrapping_neg())),
        Expr::Literal(Value::Real(value)) => Expr::Literal(Value::Real(-value)),
        Expr::Literal(Value::TimeSpan(value)) => {
            Expr::Literal(Value::TimeSpan(value.wrapping_neg()))
        }
        other @ (Expr::Literal(_)
        | Expr::Name(_)
        | Expr::Side(_)
        | Expr::Star
        | Expr::Member(..)
        | Expr::Index(..)
        | Expr::Call { .. }
        | Expr::MethodCall { .. }
        | Expr::Negate(_)
        | Expr::Binary { .. }
        | Expr::In { .. }
        | Expr::HasTerms { .. }
        | Expr::Between { .. }
        | Expr::Query(_)) => Expr::Negate(Box::new(other)),
    }
}

/// A string operator's word: what it looks for, whether case is ignored, whether it negates.
fn text_operator(word: &str) -> Option<(TextMatch, bool, bool)> {
    let (word, inverse) = match word.strip_prefix("not") {
        Some(rest @ ("contains" | "contains_cs" | "has" | "has_cs")) => (rest, true),
        _ => (word, false),
    };
    let (stem, ignore_case) = match word.strip_suffix("_cs") {
        Some(stem) => (stem, false),
        None => (word, true),
    };
    let kind = match stem {
        "contains" => TextMatch::Contains,
        "startswith" => TextMatch::StartsWith,
        "endswith" => TextMatch::EndsWith,
        "has" => TextMatch::Has,
        "hasprefix" => TextMatch::HasPrefix,
        "hassuffix" => TextMatch::HasSuffix,
        _ => return None,
    };
    Some((kind, ignore_case, inverse))
}
