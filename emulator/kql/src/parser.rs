//! Tokens to statements.

mod expression;
mod operator;
mod source;

use std::sync::Arc;

use kusto_emulator_values::{Column, ScalarType, Value};

use crate::ast::{Function, LetValue, Parameter, ParameterType, Pipeline, Source, Statement};
use crate::error::{KqlError, Result};
use crate::lexer::{self, Token, TokenKind};

/// Deepest nesting of expressions that is read; deeper texts are refused, not overflowed.
const DEPTH: usize = 150;

/// Longest chain of one operator (`a or b or …`), which nests as deep in the plan.
const CHAIN: usize = 500;

/// Reads a whole text of statements.
pub(crate) fn statements(text: &str) -> Result<Vec<Statement>> {
    let mut parser = Parser::new(text)?;
    let statements = parser.statements_until(|kind| *kind == TokenKind::End)?;
    Ok(statements)
}

/// Reads `op | op | …`, the pipe behind a command.
pub(crate) fn operators(text: &str) -> Result<Vec<crate::ast::Operator>> {
    let mut parser = Parser::new(text)?;
    let mut operators = vec![parser.operator()?];
    while parser.take("|") {
        operators.push(parser.operator()?);
    }
    parser.take(";");
    parser.expect_end()?;
    Ok(operators)
}

/// Reads the parameters and the body of a stored function.
pub(crate) fn function(parameters: &str, body: &str) -> Result<Function> {
    let mut parser = Parser::new(parameters)?;
    let parameters = parser.parameters()?;
    parser.expect_end()?;
    let mut parser = Parser::new(body)?;
    let body = parser.body()?;
    parser.expect_end()?;
    Ok(Function { parameters, body })
}

/// Reads one literal, with its sign, as values of query parameters are written.
pub(crate) fn expression(text: &str) -> Result<crate::ast::Expr> {
    let mut parser = Parser::new(text)?;
    let value = parser.expression()?;
    parser.expect_end()?;
    Ok(value)
}

pub(crate) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        Ok(Self {
            text,
            tokens: lexer::tokens(text)?,
            at: 0,
            depth: 0,
        })
    }

    fn kind(&self) -> &TokenKind {
        self.kind_ahead(0)
    }

    fn kind_ahead(&self, ahead: usize) -> &TokenKind {
        self.tokens
            .get(self.at + ahead)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    fn offset(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.text.len(), |token| token.start)
    }

    fn error(&self, message: impl Into<String>) -> KqlError {
        lexer::syntax_at(self.text, self.offset(), message)
    }

    fn expected(&self, what: &str) -> KqlError {
        let found = match self.tokens.get(self.at) {
            Some(token) if token.kind != TokenKind::End => {
                let text = &self.text[token.start..token.end];
                let is_hidden =
                    matches!(token.kind, TokenKind::Text(_)) && text.starts_with(['h', 'H']);
                if is_hidden { "h'***'" } else { text }.to_owned()
            }
            _ => "the end of the query".to_owned(),
        };
        let found: String = found.chars().take(60).collect();
        self.error(format!("Expected {what}, found {found}"))
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn is(&self, punctuation: &str) -> bool {
        matches!(self.kind(), TokenKind::Punct(found) if *found == punctuation)
    }

    fn is_ahead(&self, ahead: usize, punctuation: &str) -> bool {
        matches!(self.kind_ahead(ahead), TokenKind::Punct(found) if *found == punctuation)
    }

    fn take(&mut self, punctuation: &str) -> bool {
        let found = self.is(punctuation);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, punctuation: &str) -> Result<()> {
        if self.take(punctuation) {
            Ok(())
        } else {
            Err(self.expected(&format!("'{punctuation}'")))
        }
    }

    fn expect_end(&self) -> Result<()> {
        match self.kind() {
            TokenKind::End => Ok(()),
            TokenKind::Name(_)
            | TokenKind::Text(_)
            | TokenKind::Literal(_)
            | TokenKind::Punct(_) => Err(self.expected("the end of the query")),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), TokenKind::Name(name) if name == word)
    }

    fn is_word_ahead(&self, ahead: usize, word: &str) -> bool {
        matches!(self.kind_ahead(ahead), TokenKind::Name(name) if name == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.take_word(word) {
            Ok(())
        } else {
            Err(self.expected(&format!("'{word}'")))
        }
    }

    /// String literals here, joined.
    fn take_text(&mut self) -> Option<String> {
        let mut joined: Option<String> = None;
        while let TokenKind::Text(text) = self.kind() {
            let text = text.clone();
            joined.get_or_insert_with(String::new).push_str(&text);
            self.advance();
        }
        joined
    }

    fn text(&mut self) -> Result<String> {
        self.take_text().ok_or_else(|| self.expected("a string"))
    }

    /// Whether a name stands here: bare or `['…']`; gives its number of tokens.
    fn name_length(&self, ahead: usize) -> Option<usize> {
        match self.kind_ahead(ahead) {
            TokenKind::Name(_) => Some(1),
            TokenKind::Punct("[") => {
                let mut length = 1;
                while matches!(self.kind_ahead(ahead + length), TokenKind::Text(_)) {
                    length += 1;
                }
                (length > 1 && self.is_ahead(ahead + length, "]")).then_some(length + 1)
            }
            TokenKind::Punct(_) | TokenKind::Text(_) | TokenKind::Literal(_) | TokenKind::End => {
                None
            }
        }
    }

    fn name(&mut self) -> Result<String> {
        if let TokenKind::Name(name) = self.kind() {
            let name = name.clone();
            self.advance();
            return Ok(name);
        }
        if self.name_length(0).is_some() {
            self.advance();
            let name = self.text()?;
            self.expect("]")?;
            return Ok(name);
        }
        Err(self.expected("a name"))
    }

    fn scalar_type(&mut self) -> Result<ScalarType> {
        let start = self.at;
        let name = self.name()?;
        ScalarType::parse(&name).ok_or_else(|| {
            self.at = start;
            self.expected("a type")
        })
    }

    fn comma_separated<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Statements separated by `;` up to a token that is left standing.
    fn statements_until(&mut self, end: impl Fn(&TokenKind) -> bool) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            while self.take(";") {}
            if end(self.kind()) {
                return Ok(statements);
            }
            statements.push(self.statement()?);
            if !end(self.kind()) && !self.is(";") {
                return Err(self.expected("';' or '|'"));
            }
        }
    }

    fn statement(&mut self) -> Result<Statement> {
        let word = match self.kind() {
            TokenKind::Name(word) => word.as_str(),
            TokenKind::Text(_) | TokenKind::Literal(_) | TokenKind::Punct(_) | TokenKind::End => "",
        };
        match word {
            "let" if self.name_length(1).is_some() => self.let_statement(),
            "set" if self.name_length(1).is_some() => self.set_statement(),
            "declare" if self.is_word_ahead(1, "query_parameters") => {
                self.advance();
                self.advance();
                self.parameters().map(Statement::Parameters)
            }
            "declare" | "alias" | "restrict" if self.name_length(1).is_some() => {
                Err(KqlError::unsupported(format!("the statement '{word}'")))
            }
            _ => Ok(Statement::Query(match self.any_expression()? {
                crate::ast::Expr::Query(query) => *query,
                // A name or call; in the body of a function, any scalar expression.
                scalar @ (crate::ast::Expr::Literal(_)
                | crate::ast::Expr::Name(_)
                | crate::ast::Expr::Side(_)
                | crate::ast::Expr::Star
                | crate::ast::Expr::Member(..)
                | crate::ast::Expr::Index(..)
                | crate::ast::Expr::Call { .. }
                | crate::ast::Expr::MethodCall { .. }
                | crate::ast::Expr::Negate(_)
                | crate::ast::Expr::Binary { .. }
                | crate::ast::Expr::In { .. }
                | crate::ast::Expr::HasTerms { .. }
                | crate::ast::Expr::Between { .. }) => Pipeline {
                    source: Source::Expr(scalar),
                    operators: Vec::new(),
                },
            })),
        }
    }

    fn let_statement(&mut self) -> Result<Statement> {
        self.advance();
        let name = self.name()?;
        self.expect("=")?;
        if self.is_word("view") && self.is_ahead(1, "(") {
            self.advance();
        }
        if self.is("(") && self.is_function() {
            let parameters = self.parameters()?;
            let body = self.body()?;
            let function = Arc::new(Function { parameters, body });
            return Ok(Statement::Let {
                name,
                value: LetValue::Function(function),
            });
        }
        let value = LetValue::Expr(self.any_expression()?);
        Ok(Statement::Let { name, value })
    }

    /// Whether the parenthesis here closes in front of a `{`.
    fn is_function(&self) -> bool {
        let mut depth = 0_usize;
        for (at, token) in self.tokens[self.at..].iter().enumerate() {
            match token.kind {
                TokenKind::Punct("(") => depth += 1,
                TokenKind::Punct(")") => depth -= 1,
                TokenKind::Name(_)
                | TokenKind::Text(_)
                | TokenKind::Literal(_)
                | TokenKind::Punct(_)
                | TokenKind::End => {}
            }
            if depth == 0 {
                return self.is_ahead(at + 1, "{");
            }
        }
        false
    }

    fn body(&mut self) -> Result<Vec<Statement>> {
        self.expect("{")?;
        let body =
            self.statements_until(|kind| matches!(kind, TokenKind::Punct("}") | TokenKind::End))?;
        self.expect("}")?;
        Ok(body)
    }

    fn set_statement(&mut self) -> Result<Statement> {
        self.advance();
        let name = self.name()?;
        let value = if self.take("=") {
            Some(self.option_value()?)
        } else {
            None
        };
        Ok(Statement::Set { name, value })
    }

    /// A literal, or a bare word as text.
    fn option_value(&mut self) -> Result<Value> {
        if let Some(text) = self.take_text() {
            return Ok(Value::String(text));
        }
        let value = match self.kind() {
            TokenKind::Literal(value) => value.clone(),
            TokenKind::Name(word) => Value::String(word.clone()),
            TokenKind::Text(_) | TokenKind::Punct(_) | TokenKind::End => {
                return Err(self.expected("a value"));
            }
        };
        self.advance();
        Ok(value)
    }

    /// `(a:long = 1, T:(x:long), U:(*))`
    fn parameters(&mut self) -> Result<Vec<Parameter>> {
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.take(")") {
            if !parameters.is_empty() {
                self.expect(",")?;
            }
            let name = self.name()?;
            self.expect(":")?;
            let ty = if self.is("(") {
                ParameterType::Tabular(self.row_schema()?)
            } else {
                ParameterType::Scalar(self.scalar_type()?)
            };
            let default = if self.take("=") {
                Some(self.expression()?)
            } else {
                None
            };
            parameters.push(Parameter { name, ty, default });
        }
        Ok(parameters)
    }

    /// `(a:long, ['b c']:string)`, `(*)`, `()`
    fn row_schema(&mut self) -> Result<Vec<Column>> {
        self.expect("(")?;
        if self.take("*") {
            self.expect(")")?;
            return Ok(Vec::new());
        }
        let mut columns: Vec<Column> = Vec::new();
        while !self.take(")") {
            if !columns.is_empty() {
                self.expect(",")?;
            }
            let name = self.name()?;
            self.expect(":")?;
            let ty = self.scalar_type()?;
            columns.push(Column::new(name, ty));
        }
        Ok(columns)
    }

    fn pipeline(&mut self) -> Result<Pipeline> {
        self.nested(|parser| {
            let source = parser.source()?;
            let operators = parser.pipes()?;
            Ok(Pipeline { source, operators })
        })
    }

    fn pipes(&mut self) -> Result<Vec<crate::ast::Operator>> {
        let mut operators = Vec::new();
        let mut links = 0;
        while self.take("|") {
            self.link(&mut links)?;
            operators.push(self.operator()?);
        }
        Ok(operators)
    }

    /// Counts the links of a chain.
    fn link(&self, links: &mut usize) -> Result<()> {
        *links += 1;
        if *links > CHAIN {
            return Err(self.error("The expression has too many operators in a row"));
        }
        Ok(())
    }

    /// Counts how deep the text nests.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH {
            return Err(self.error("The expression is nested too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}

#[cfg(test)]
mod tests;
