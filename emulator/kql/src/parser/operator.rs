//! Operators behind a pipe.

use kusto_emulator_values::Value;

use crate::ast::{
    Expansion, Expr, JoinKind, MvExpand, NameOrder, NamePattern, Named, Operator, SortKey,
};
use crate::error::{KqlError, Result};
use crate::lexer::TokenKind;

use super::Parser;

impl Parser<'_> {
    pub(super) fn operator(&mut self) -> Result<Operator> {
        let start = self.at;
        let word = self.name()?;
        Ok(match word.as_str() {
            "where" | "filter" => Operator::Where(self.expression()?),
            "project" => Operator::Project(self.comma_separated(Self::named)?),
            "project-away" => Operator::ProjectAway(self.comma_separated(Self::pattern)?),
            "project-keep" => Operator::ProjectKeep(self.comma_separated(Self::pattern)?),
            "project-rename" => Operator::ProjectRename(self.comma_separated(Self::renaming)?),
            "project-reorder" => Operator::ProjectReorder(self.comma_separated(Self::reordering)?),
            "extend" => Operator::Extend(self.comma_separated(Self::named)?),
            "summarize" => self.summarize()?,
            "order" | "sort" => {
                self.parameter_list(&[])?;
                self.expect_word("by")?;
                Operator::Sort(self.comma_separated(Self::sort_key)?)
            }
            "top" => {
                let count = self.expression()?;
                self.expect_word("by")?;
                let keys = self.comma_separated(Self::sort_key)?;
                Operator::Top { count, keys }
            }
            "take" | "limit" => Operator::Take(self.expression()?),
            "sample" => Operator::Sample(self.expression()?),
            "count" => Operator::Count,
            "distinct" => {
                self.parameter_list(&[])?;
                Operator::Distinct(self.comma_separated(Self::star_or_expression)?)
            }
            "union" => Operator::Union(self.union()?),
            "join" => self.join()?,
            "lookup" => self.lookup()?,
            "mv-expand" => self.mv_expand(None)?,
            // The legacy form makes 128 rows of a row at most (`mv-expand-operator.md`).
            "mvexpand" => self.mv_expand(Some(128))?,
            "serialize" => {
                let bare = matches!(
                    self.kind(),
                    TokenKind::End | TokenKind::Punct("|" | ")" | ";" | "}")
                );
                Operator::Serialize(if bare {
                    Vec::new()
                } else {
                    self.comma_separated(Self::named)?
                })
            }
            "as" => {
                self.parameter_list(&[])?;
                Operator::As(self.name()?)
            }
            "getschema" => Operator::GetSchema,
            "invoke" => {
                let name = self.name()?;
                let arguments = self.arguments()?;
                Operator::Invoke { name, arguments }
            }
            "render" => self.render()?,
            _ if is_known_operator(&word) => {
                return Err(KqlError::unsupported(format!("the operator '{word}'")));
            }
            _ => {
                self.at = start;
                return Err(self.expected("a query operator"));
            }
        })
    }

    /// `name = expr`, `(a, b) = expr`, or an expression alone.
    pub(super) fn named(&mut self) -> Result<Named> {
        let mut names = Vec::new();
        if let Some(length) = self.name_length(0)
            && self.is_ahead(length, "=")
        {
            names.push(self.name()?);
            self.expect("=")?;
        } else if self.is("(") && self.is_name_tuple() {
            self.advance();
            names = self.comma_separated(Self::name)?;
            self.expect(")")?;
            self.expect("=")?;
        }
        let expr = self.star_or_expression()?;
        Ok(Named { names, expr })
    }

    /// Whether `(a, b) =` stands here.
    fn is_name_tuple(&self) -> bool {
        let mut ahead = 1;
        while let Some(length) = self.name_length(ahead) {
            ahead += length;
            if self.is_ahead(ahead, ")") {
                return self.is_ahead(ahead + 1, "=");
            }
            if !self.is_ahead(ahead, ",") {
                return false;
            }
            ahead += 1;
        }
        false
    }

    fn star_or_expression(&mut self) -> Result<Expr> {
        if self.take("*") {
            return Ok(Expr::Star);
        }
        self.expression()
    }

    fn pattern(&mut self) -> Result<NamePattern> {
        match self.take_wildcard() {
            Some(pattern) => Ok(NamePattern::Wildcard(pattern)),
            None => self.name().map(NamePattern::Name),
        }
    }

    fn renaming(&mut self) -> Result<(String, String)> {
        let new = self.name()?;
        self.expect("=")?;
        Ok((new, self.name()?))
    }

    fn reordering(&mut self) -> Result<(NamePattern, NameOrder)> {
        let pattern = self.pattern()?;
        if self.is_word("granny") {
            return Err(KqlError::unsupported("'project-reorder' by 'granny-asc'"));
        }
        let order = if self.take_word("asc") {
            NameOrder::Ascending
        } else if self.take_word("desc") {
            NameOrder::Descending
        } else {
            NameOrder::AsIs
        };
        Ok((pattern, order))
    }

    fn sort_key(&mut self) -> Result<SortKey> {
        let expr = self.expression()?;
        let ascending = if self.take_word("asc") {
            true
        } else {
            self.take_word("desc");
            false
        };
        // Nulls are the smallest by default: first when ascending, last when descending.
        let mut nulls_first = ascending;
        if self.take_word("nulls") {
            nulls_first = self.take_word("first");
            if !nulls_first {
                self.expect_word("last")?;
            }
        }
        Ok(SortKey {
            expr,
            ascending,
            nulls_first,
        })
    }

    fn summarize(&mut self) -> Result<Operator> {
        self.parameter_list(&[])?;
        let aggregates = if self.is_word("by") {
            Vec::new()
        } else {
            self.comma_separated(Self::named)?
        };
        let by = if self.take_word("by") {
            self.comma_separated(Self::named)?
        } else {
            Vec::new()
        };
        Ok(Operator::Summarize { aggregates, by })
    }

    fn join(&mut self) -> Result<Operator> {
        let mut kind = JoinKind::InnerUnique;
        for (name, value) in self.parameter_list(&["kind"])? {
            if name == "kind" {
                kind = join_kind(&value.to_text()).ok_or_else(|| {
                    KqlError::unsupported(format!("'join kind={}'", value.to_text()))
                })?;
            } else if !name.starts_with("hint.") {
                return Err(KqlError::unsupported(format!("'join {name}='")));
            }
        }
        let (right, on) = self.right_side()?;
        Ok(Operator::Join { kind, right, on })
    }

    fn lookup(&mut self) -> Result<Operator> {
        let mut outer = true;
        for (name, value) in self.parameter_list(&["kind"])? {
            match (name.as_str(), value.to_text().as_str()) {
                ("kind", "leftouter") => {}
                ("kind", "inner") => outer = false,
                (name, _) if name.starts_with("hint.") => {}
                (name, value) => {
                    return Err(KqlError::unsupported(format!("'lookup {name}={value}'")));
                }
            }
        }
        let (right, on) = self.right_side()?;
        Ok(Operator::Lookup { outer, right, on })
    }

    fn right_side(&mut self) -> Result<(crate::ast::Pipeline, Vec<Expr>)> {
        let source = self.source()?;
        let right = crate::ast::Pipeline {
            source,
            operators: Vec::new(),
        };
        self.expect_word("on")?;
        let on = self.comma_separated(Self::expression)?;
        Ok((right, on))
    }

    fn mv_expand(&mut self, most: Option<i64>) -> Result<Operator> {
        let mut index = None;
        let mut pairs = false;
        for (name, value) in self.parameter_list(&["kind", "bagexpansion", "with_itemindex"])? {
            match (name.as_str(), value.to_text().as_str()) {
                ("with_itemindex", column) => index = Some(column.to_owned()),
                ("bagexpansion" | "kind", "bag") => {}
                ("bagexpansion" | "kind", "array") => pairs = true,
                (name, value) => {
                    return Err(KqlError::unsupported(format!("'mv-expand {name}={value}'")));
                }
            }
        }
        let items = self.comma_separated(Self::expansion)?;
        let limit = if self.take_word("limit") {
            Some(self.expression()?)
        } else {
            most.map(|most| Expr::Literal(Value::Long(most)))
        };
        Ok(Operator::MvExpand(MvExpand {
            items,
            limit,
            index,
            pairs,
        }))
    }

    fn expansion(&mut self) -> Result<Expansion> {
        let Named { mut names, expr } = self.named()?;
        let mut ty = None;
        if self.take_word("to") {
            self.expect_word("typeof")?;
            self.expect("(")?;
            ty = Some(self.scalar_type()?);
            self.expect(")")?;
        }
        Ok(Expansion {
            name: names.pop(),
            expr,
            ty,
        })
    }

    /// The kind of chart; its properties are read over.
    fn render(&mut self) -> Result<Operator> {
        let kind = self.name()?;
        while !matches!(
            self.kind(),
            TokenKind::End | TokenKind::Punct(";" | "|" | "}")
        ) {
            self.advance();
        }
        Ok(Operator::Render(kind))
    }

    /// `name=value` of these names, and `hint.name=value`, in front of an operator's arguments.
    pub(super) fn parameter_list(&mut self, known: &[&str]) -> Result<Vec<(String, Value)>> {
        let mut parameters = Vec::new();
        loop {
            let TokenKind::Name(first) = self.kind() else {
                return Ok(parameters);
            };
            let dotted = first == "hint" && self.is_ahead(1, ".");
            let named = known.contains(&first.as_str()) && self.is_ahead(1, "=");
            if !(dotted || named) {
                return Ok(parameters);
            }
            let mut name = self.name()?;
            while self.take(".") {
                name = format!("{name}.{}", self.name()?);
            }
            self.expect("=")?;
            let value = if self.name_length(0).is_some() {
                Value::String(self.name()?)
            } else {
                self.option_value()?
            };
            parameters.push((name, value));
        }
    }
}

fn join_kind(name: &str) -> Option<JoinKind> {
    Some(match name {
        "innerunique" => JoinKind::InnerUnique,
        "inner" => JoinKind::Inner,
        "leftouter" => JoinKind::LeftOuter,
        "rightouter" => JoinKind::RightOuter,
        "fullouter" => JoinKind::FullOuter,
        "leftanti" | "anti" | "leftantisemi" => JoinKind::LeftAnti,
        "rightanti" | "rightantisemi" => JoinKind::RightAnti,
        "leftsemi" => JoinKind::LeftSemi,
        "rightsemi" => JoinKind::RightSemi,
        _ => return None,
    })
}

fn is_known_operator(word: &str) -> bool {
    const KNOWN: [&str; 22] = [
        "evaluate",
        "parse",
        "parse-where",
        "parse-kv",
        "make-series",
        "mv-apply",
        "top-nested",
        "top-hitters",
        "sample-distinct",
        "partition",
        "scan",
        "facet",
        "fork",
        "find",
        "search",
        "reduce",
        "consume",
        "make-graph",
        "graph-match",
        "project-smart",
        "assert-schema",
        "macro-expand",
    ];
    KNOWN.contains(&word)
}
