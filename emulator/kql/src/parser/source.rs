//! Sources of rows: `datatable`, `range`, `print`, `union`, `externaldata`, names and calls.

use crate::ast::{Leg, Pipeline, Source, Union};
use crate::error::{KqlError, Result};
use crate::lexer::TokenKind;

use super::Parser;

impl Parser<'_> {
    /// Whether a source with a word of its own begins here, and not a name or a call.
    pub(super) fn is_worded_source(&self) -> bool {
        let TokenKind::Name(word) = self.kind() else {
            return false;
        };
        match word.as_str() {
            "datatable" | "externaldata" => self.is_ahead(1, "(") || self.is_word_ahead(1, "hint"),
            "range" => self.name_length(1).is_some(),
            "print" => !matches!(
                self.kind_ahead(1),
                TokenKind::End | TokenKind::Punct("," | ")" | "|" | "=" | ";")
            ),
            "union" => !matches!(
                self.kind_ahead(1),
                TokenKind::End | TokenKind::Punct("," | ")" | "|" | "=" | ";")
            ),
            "find" | "search" | "evaluate" | "graph" => {
                matches!(self.kind_ahead(1), TokenKind::Name(_) | TokenKind::Text(_))
            }
            _ => false,
        }
    }

    pub(super) fn source(&mut self) -> Result<Source> {
        if self.is_worded_source() {
            return self.worded_source();
        }
        if self.is("(") {
            self.advance();
            let inner = self.pipeline()?;
            self.expect(")")?;
            return Ok(Source::Parenthesised(Box::new(inner)));
        }
        self.postfix().map(Source::Expr)
    }

    fn worded_source(&mut self) -> Result<Source> {
        let word = self.name()?;
        match word.as_str() {
            "datatable" => self.data_table(),
            "externaldata" => self.external_data(),
            "range" => self.range(),
            "print" => Ok(Source::Print(self.comma_separated(Self::named)?)),
            "union" => self.union().map(Source::Union),
            other => Err(KqlError::unsupported(format!("the operator '{other}'"))),
        }
    }

    fn data_table(&mut self) -> Result<Source> {
        self.parameter_list(&[])?;
        let columns = self.row_schema()?;
        self.expect("[")?;
        let mut values = Vec::new();
        while !self.take("]") {
            if !values.is_empty() {
                self.expect(",")?;
                if self.take("]") {
                    break;
                }
            }
            values.push(self.expression()?);
        }
        Ok(Source::DataTable { columns, values })
    }

    fn range(&mut self) -> Result<Source> {
        let name = self.name()?;
        self.expect_word("from")?;
        let from = self.expression()?;
        self.expect_word("to")?;
        let to = self.expression()?;
        self.expect_word("step")?;
        let step = self.expression()?;
        Ok(Source::Range {
            name,
            from,
            to,
            step,
        })
    }

    fn external_data(&mut self) -> Result<Source> {
        let columns = self.row_schema()?;
        self.expect("[")?;
        let uris = self.comma_separated(Self::expression)?;
        self.expect("]")?;
        let mut properties = Vec::new();
        if self.take_word("with") {
            self.expect("(")?;
            while !self.take(")") {
                if !properties.is_empty() {
                    self.expect(",")?;
                }
                let name = self.name()?;
                self.expect("=")?;
                properties.push((name, self.expression()?));
            }
        }
        Ok(Source::ExternalData {
            columns,
            uris,
            properties,
        })
    }

    /// `union [kind=…] [withsource=…] legs`, behind its word.
    pub(super) fn union(&mut self) -> Result<Union> {
        let mut union = Union {
            inner: false,
            with_source: None,
            legs: Vec::new(),
        };
        for (name, value) in
            self.parameter_list(&["kind", "withsource", "with_source", "isfuzzy"])?
        {
            match (name.as_str(), value.to_text().as_str()) {
                ("kind", "outer") => {}
                ("kind", "inner") => union.inner = true,
                ("withsource" | "with_source", name) => union.with_source = Some(name.to_owned()),
                ("isfuzzy", "false") => {}
                (hint, _) if hint.starts_with("hint.") => {}
                (name, value) => {
                    return Err(KqlError::unsupported(format!("'union {name}={value}'")));
                }
            }
        }
        union.legs = self.comma_separated(Self::leg)?;
        Ok(union)
    }

    fn leg(&mut self) -> Result<Leg> {
        if let Some(pattern) = self.take_wildcard() {
            return Ok(Leg::Wildcard(pattern));
        }
        if self.is("(") {
            self.advance();
            let pipeline = self.pipeline()?;
            self.expect(")")?;
            return Ok(Leg::Pipeline(pipeline));
        }
        let source = Source::Expr(self.postfix()?);
        Ok(Leg::Pipeline(Pipeline {
            source,
            operators: Vec::new(),
        }))
    }

    /// A name with stars whose parts touch: `T*`, `*_log`, `*`.
    pub(super) fn take_wildcard(&mut self) -> Option<String> {
        let mut length = 0;
        let mut stars = 0;
        let mut pattern = String::new();
        while let Some(token) = self.tokens.get(self.at + length) {
            let touches = length == 0 || self.tokens[self.at + length - 1].end == token.start;
            match &token.kind {
                TokenKind::Name(name) if touches => pattern.push_str(name),
                TokenKind::Punct("*") if touches => {
                    stars += 1;
                    pattern.push('*');
                }
                TokenKind::Name(_)
                | TokenKind::Punct(_)
                | TokenKind::Text(_)
                | TokenKind::Literal(_)
                | TokenKind::End => break,
            }
            length += 1;
        }
        if stars == 0 {
            return None;
        }
        self.at += length;
        Some(pattern)
    }
}
