//! What names mean where.

use std::cell::Cell;
use std::sync::Arc;

use crate::ast::{Function, Pipeline};
use crate::relation::Relation;

use super::Scalar;

/// What a `let` or a parameter has named.
#[derive(Debug, Clone)]
pub(crate) enum Binding {
    Scalar(Scalar),
    /// A tabular expression, bound anew at each use.
    Query {
        query: Arc<Pipeline>,
        scope: Scope,
    },
    /// Rows given as an argument.
    Rows(Box<Relation>),
    Function {
        function: Arc<Function>,
        scope: Scope,
    },
}

#[derive(Debug)]
struct Entry {
    name: String,
    binding: Binding,
    outer: Scope,
}

/// Names, the innermost first. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope(Option<Arc<Entry>>);

impl Scope {
    pub(crate) fn with(&self, name: &str, binding: Binding) -> Self {
        Self(Some(Arc::new(Entry {
            name: name.to_owned(),
            binding,
            outer: self.clone(),
        })))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Binding> {
        let mut scope = self;
        while let Some(entry) = &scope.0 {
            if entry.name == name {
                return Some(&entry.binding);
            }
            scope = &entry.outer;
        }
        None
    }
}

/// Where a scalar expression stands.
pub(crate) struct Env<'a> {
    pub(crate) scope: &'a Scope,
    /// Rows whose columns it may use.
    pub(crate) input: Option<&'a Relation>,
    /// Rows of a join's right side, for `$right`.
    pub(crate) right: Option<&'a Relation>,
    /// Operator, for messages.
    pub(crate) operator: &'static str,
    /// Set when a window function was used: the expression must see all rows at once.
    pub(crate) windowed: Cell<bool>,
}

impl<'a> Env<'a> {
    pub(crate) fn without_rows(scope: &'a Scope) -> Self {
        Self {
            scope,
            input: None,
            right: None,
            operator: "",
            windowed: Cell::new(false),
        }
    }

    pub(crate) fn over(scope: &'a Scope, input: &'a Relation, operator: &'static str) -> Self {
        Self {
            scope,
            input: Some(input),
            right: None,
            operator,
            windowed: Cell::new(false),
        }
    }
}
