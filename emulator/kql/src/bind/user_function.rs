//! Calls of functions of the query and of the database.

use std::sync::Arc;

use crate::ast::{Argument, Expr, Function, Parameter, ParameterType, Source, Statement};
use crate::error::{KqlError, Result};
use crate::functions;
use crate::parser;
use crate::relation::{Output, Relation};

use super::scalar::Scalar;
use super::{Binder, Binding, Env, Scope};

impl Binder {
    pub(crate) fn stored_function(
        &self,
        database: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<Function>>> {
        match self.catalog.function(database, name) {
            Some(stored) => {
                parser::function(&stored.parameters, &stored.body).map(|read| Some(Arc::new(read)))
            }
            None => Ok(None),
        }
    }

    /// A call that gives a scalar.
    pub(super) fn scalar_function(
        &self,
        name: &str,
        function: &Function,
        scope: &Scope,
        arguments: &[Argument],
        env: &Env<'_>,
    ) -> Result<Scalar> {
        self.nested(name, || {
            let (scope, last) = self.enter(name, function, scope, arguments, env, None)?;
            match last {
                Source::Expr(expr) if !self.is_tabular(expr, &scope) => {
                    self.scalar(expr, &Env::without_rows(&scope))
                }
                Source::Expr(_)
                | Source::Parenthesised(_)
                | Source::DataTable { .. }
                | Source::Range { .. }
                | Source::Print(_)
                | Source::Union(_)
                | Source::ExternalData { .. } => Err(KqlError::semantic(
                    "SEM0100",
                    format!("The function '{name}' is tabular; a scalar is expected here"),
                )),
            }
        })
    }

    /// A call that gives rows; `invoked` are the rows piped into `invoke`.
    pub(crate) fn tabular_function(
        &self,
        name: &str,
        function: &Function,
        scope: &Scope,
        arguments: &[Argument],
        env: &Env<'_>,
        invoked: Option<Relation>,
    ) -> Result<Relation> {
        self.nested(name, || {
            let (scope, _) = self.enter(name, function, scope, arguments, env, invoked)?;
            match function.body.last() {
                Some(Statement::Query(query)) => self.pipeline(query, &scope),
                _ => Err(no_result(name)),
            }
        })
    }

    /// Binds the arguments and the statements in front of the last one.
    fn enter<'f>(
        &self,
        name: &str,
        function: &'f Function,
        scope: &Scope,
        arguments: &[Argument],
        env: &Env<'_>,
        invoked: Option<Relation>,
    ) -> Result<(Scope, &'f Source)> {
        let mut inner = self.arguments(name, function, scope, arguments, env, invoked)?;
        let Some((Statement::Query(last), before)) = function.body.split_last() else {
            return Err(no_result(name));
        };
        for statement in before {
            match statement {
                Statement::Let { name, value } => inner = self.bind_let(name, value, inner)?,
                Statement::Set { .. } | Statement::Parameters(_) | Statement::Query(_) => {
                    return Err(KqlError::semantic(
                        "SEM0100",
                        format!(
                            "The function '{name}' holds more than let statements and one result"
                        ),
                    ));
                }
            }
        }
        Ok((inner, &last.source))
    }

    fn arguments(
        &self,
        name: &str,
        function: &Function,
        scope: &Scope,
        arguments: &[Argument],
        env: &Env<'_>,
        invoked: Option<Relation>,
    ) -> Result<Scope> {
        let mut inner = scope.clone();
        let mut parameters = function.parameters.as_slice();
        if let Some(rows) = invoked {
            let Some((first, rest)) = parameters.split_first() else {
                return Err(functions::wrong_count(name, 1, 1));
            };
            inner = inner.with(
                &first.name,
                Binding::Rows(Box::new(self.fitted(first, rows)?)),
            );
            parameters = rest;
        }
        if arguments.len() > parameters.len() {
            let least = parameters
                .iter()
                .filter(|parameter| parameter.default.is_none())
                .count();
            return Err(functions::wrong_count(name, least, parameters.len()));
        }
        for (at, parameter) in parameters.iter().enumerate() {
            let given = arguments
                .iter()
                .find(|argument| argument.name.as_deref() == Some(parameter.name.as_str()))
                .or_else(|| arguments.get(at).filter(|argument| argument.name.is_none()));
            let binding = self.argument(name, parameter, given.map(|given| &given.value), env)?;
            inner = inner.with(&parameter.name, binding);
        }
        Ok(inner)
    }

    fn argument(
        &self,
        name: &str,
        parameter: &Parameter,
        given: Option<&Expr>,
        env: &Env<'_>,
    ) -> Result<Binding> {
        let value = given.or(parameter.default.as_ref()).ok_or_else(|| {
            KqlError::semantic(
                "SEM0219",
                format!("{name}(): the argument '{}' is missing", parameter.name),
            )
        })?;
        match &parameter.ty {
            ParameterType::Scalar(ty) => {
                Ok(Binding::Scalar(self.scalar(value, env)?.assigned_to(*ty)?))
            }
            ParameterType::Tabular(_) => {
                let rows = self.tabular(value, env.scope)?;
                Ok(Binding::Rows(Box::new(self.fitted(parameter, rows)?)))
            }
        }
    }

    /// The declared columns of a tabular argument; `(*)` leaves all.
    fn fitted(&self, parameter: &Parameter, rows: Relation) -> Result<Relation> {
        let ParameterType::Tabular(wanted) = &parameter.ty else {
            return Err(KqlError::semantic(
                "SEM0219",
                format!("The parameter '{}' is no table", parameter.name),
            ));
        };
        if wanted.is_empty() {
            return Ok(rows);
        }
        let mut outputs = Vec::with_capacity(wanted.len());
        for column in wanted {
            let found = rows
                .find(&column.name)
                .filter(|found| found.ty == column.ty)
                .ok_or_else(|| {
                    KqlError::semantic(
                        "SEM0219",
                        format!(
                            "The argument '{}' has no column '{}' of type {}",
                            parameter.name, column.name, column.ty
                        ),
                    )
                })?;
            outputs.push(Output {
                name: found.name.clone(),
                ty: found.ty,
                expr: found.expr(),
            });
        }
        rows.project(&self.ids, outputs)
    }
}

fn no_result(name: &str) -> KqlError {
    KqlError::semantic(
        "SEM0100",
        format!("The function '{name}' has no result expression"),
    )
}
