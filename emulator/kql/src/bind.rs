//! Names and types: syntax to plans.

mod call;
mod comparison;
mod context_function;
mod expression;
mod range;
mod scalar;
mod scope;
mod source;
mod user_function;
mod window;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kusto_emulator_values::{ScalarType, Table, Value};

use crate::ast::{Expr, LetValue, Operator, Parameter, ParameterType, Pipeline, Statement};
use crate::catalog::Catalog;
use crate::context::{DEFAULT_TRUNCATION_MAX_RECORDS, QueryContext, QueryOutput};
use crate::error::{KqlError, Result};
use crate::execute::{self, Executor};
use crate::parser;
use crate::relation::{Ids, Relation};

pub(crate) use comparison::{compare, filter_form};
pub(crate) use scalar::{Scalar, common_type, is_number, literal};
pub(crate) use scope::{Binding, Env, Scope};

/// Deepest nesting of function calls.
const CALL_DEPTH: usize = 64;

/// Binds and runs one request.
pub(crate) struct Binder {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) context: QueryContext,
    pub(crate) executor: Executor,
    pub(crate) ids: Ids,
    /// Options set by statements, over those of the request.
    set: BTreeMap<String, Value>,
    /// Rows that `as` has named.
    named: RefCell<HashMap<String, Relation>>,
    /// Whether a cursor function was used.
    cursor_used: Cell<bool>,
    visualization: RefCell<Option<String>>,
    depth: Cell<usize>,
}

impl Binder {
    pub(crate) fn new(
        catalog: Arc<dyn Catalog>,
        context: QueryContext,
        executor: Executor,
    ) -> Self {
        Self {
            catalog,
            context,
            executor,
            ids: Ids::default(),
            set: BTreeMap::new(),
            named: RefCell::default(),
            cursor_used: Cell::new(false),
            visualization: RefCell::default(),
            depth: Cell::new(0),
        }
    }

    /// Runs the statements of a text: a table for each tabular one.
    pub(crate) fn run(&mut self, statements: &[Statement]) -> Result<QueryOutput> {
        let mut scope = Scope::default();
        let mut tables = Vec::new();
        for statement in statements {
            match statement {
                Statement::Let { name, value } => scope = self.bind_let(name, value, scope)?,
                Statement::Set { name, value } => {
                    let value = value.clone().unwrap_or(Value::Bool(true));
                    self.set.insert(name.to_ascii_lowercase(), value);
                }
                Statement::Parameters(parameters) => {
                    scope = self.bind_parameters(parameters, scope)?
                }
                Statement::Query(query) => {
                    let relation = self.pipeline(query, &scope)?;
                    tables.push(self.result(relation)?);
                }
            }
        }
        if tables.is_empty() {
            return Err(KqlError::semantic(
                "SEM0007",
                "The query has no tabular expression statement",
            ));
        }
        Ok(self.output(tables))
    }

    /// Runs operators over rows that a command has given.
    pub(crate) fn run_over(
        &mut self,
        input: &Table,
        operators: &[Operator],
    ) -> Result<QueryOutput> {
        let relation = execute::from_table(&self.ids, input)?;
        let relation = self.pipe(relation, operators, &Scope::default())?;
        let table = self.result(relation)?;
        Ok(self.output(vec![table]))
    }

    fn output(&self, tables: Vec<Table>) -> QueryOutput {
        QueryOutput {
            tables,
            cursor: self
                .cursor_used
                .get()
                .then(|| self.catalog.cursor_current().to_string()),
            visualization: self.visualization.borrow().clone(),
        }
    }

    /// Runs a result to its end, within the limit of its rows.
    fn result(&self, relation: Relation) -> Result<Table> {
        let Some(limit) = self.truncation()? else {
            return self.executor.table(&relation);
        };
        let table = self
            .executor
            .table(&relation.limit(limit.saturating_add(1))?)?;
        if table.num_rows() > limit {
            return Err(KqlError::Limits {
                code: "80DA0003",
                message: format!(
                    "The results of this query exceed the set limit of {limit} records, so not all records were \
                     returned (E_QUERY_RESULT_SET_TOO_LARGE). See https://aka.ms/kustoquerylimits"
                ),
            });
        }
        Ok(table)
    }

    /// Rows that a result may have: a set limit wins over `notruncation`.
    fn truncation(&self) -> Result<Option<usize>> {
        if let Some(text) = self.option("truncationmaxrecords") {
            let limit = text.parse().map_err(|_| {
                KqlError::semantic(
                    "SEM0001",
                    "The option 'truncationmaxrecords' is not a number of records",
                )
            })?;
            return Ok(Some(limit));
        }
        let lifted = self.context.no_truncation
            || self
                .option("notruncation")
                .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Ok((!lifted).then_some(DEFAULT_TRUNCATION_MAX_RECORDS))
    }

    /// The text of an option, set by a statement or by the request.
    fn option(&self, name: &str) -> Option<String> {
        if let Some(value) = self.set.get(name) {
            return Some(value.to_text());
        }
        let value = self.context.options.get(name)?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    }

    fn bind_let(&self, name: &str, value: &LetValue, scope: Scope) -> Result<Scope> {
        let binding = match value {
            LetValue::Function(function) => Binding::Function {
                function: Arc::clone(function),
                scope: scope.clone(),
            },
            LetValue::Expr(Expr::Query(query)) => Binding::Query {
                query: Arc::new(query.as_ref().clone()),
                scope: scope.clone(),
            },
            LetValue::Expr(expr) if self.is_tabular(expr, &scope) => Binding::Query {
                query: Arc::new(Pipeline {
                    source: crate::ast::Source::Expr(expr.clone()),
                    operators: Vec::new(),
                }),
                scope: scope.clone(),
            },
            LetValue::Expr(expr) => Binding::Scalar(self.scalar(expr, &Env::without_rows(&scope))?),
        };
        Ok(scope.with(name, binding))
    }

    fn bind_parameters(&self, parameters: &[Parameter], mut scope: Scope) -> Result<Scope> {
        for parameter in parameters {
            let ParameterType::Scalar(ty) = &parameter.ty else {
                return Err(KqlError::semantic(
                    "SEM0040",
                    format!("The query parameter '{}' must be a scalar", parameter.name),
                ));
            };
            let value = match (
                self.context.parameters.get(&parameter.name),
                &parameter.default,
            ) {
                (Some(text), _) => self.parameter_value(text, *ty, &scope)?,
                (None, Some(default)) => self
                    .scalar(default, &Env::without_rows(&scope))?
                    .assigned_to(*ty)?,
                (None, None) => {
                    return Err(KqlError::semantic(
                        "SEM0041",
                        format!("The query parameter '{}' has no value", parameter.name),
                    ));
                }
            };
            scope = scope.with(&parameter.name, Binding::Scalar(value));
        }
        Ok(scope)
    }

    /// A parameter's text: a string as it is, or a literal of its type.
    fn parameter_value(&self, text: &str, ty: ScalarType, scope: &Scope) -> Result<Scalar> {
        if ty == ScalarType::String {
            let quoted = text.starts_with(['\'', '"', '@', 'h']);
            let read = parser::expression(text).ok().filter(|_| quoted);
            if let Some(Expr::Literal(value @ Value::String(_))) = read {
                return Ok(literal(value));
            }
            return Ok(literal(Value::String(text.to_owned())));
        }
        if let Some(value) = crate::literal::parse(ty, text) {
            return Ok(literal(value));
        }
        let expr = parser::expression(text)?;
        self.scalar(&expr, &Env::without_rows(scope))?
            .assigned_to(ty)
    }

    /// A tabular expression.
    pub(crate) fn pipeline(&self, query: &Pipeline, scope: &Scope) -> Result<Relation> {
        let source = self.source(&query.source, scope)?;
        self.pipe(source, &query.operators, scope)
    }

    fn pipe(&self, source: Relation, operators: &[Operator], scope: &Scope) -> Result<Relation> {
        let mut relation = source;
        for operator in operators {
            relation = self.operator(relation, operator, scope)?;
        }
        Ok(relation)
    }

    /// Counts nested calls, so that a function that calls itself ends in an error.
    fn nested<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.depth.get() >= CALL_DEPTH {
            return Err(KqlError::semantic(
                "SEM0036",
                format!("Recursive call or too deep nesting of the function '{name}'"),
            ));
        }
        self.depth.set(self.depth.get() + 1);
        let result = work();
        self.depth.set(self.depth.get() - 1);
        result
    }

    pub(crate) fn name_rows(&self, name: &str, relation: &Relation) {
        self.named
            .borrow_mut()
            .insert(name.to_owned(), relation.clone());
    }

    pub(crate) fn note_cursor(&self) {
        self.cursor_used.set(true);
    }

    pub(crate) fn note_visualization(&self, kind: &str) {
        let text = serde_json::json!({ "Visualization": kind }).to_string();
        *self.visualization.borrow_mut() = Some(text);
    }
}
