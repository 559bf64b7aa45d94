//! Scalar expressions: names, literals, paths, operators.

use kusto_emulator_values::{ScalarType, Value};

use crate::ast::{Argument, BinaryOperator, Expr, Side};
use crate::error::{KqlError, Result};
use crate::functions;
use crate::relation::Relation;

use super::comparison::{compare, membership};
use super::scalar::{Scalar, literal};
use super::{Binder, Binding, Env};

impl Binder {
    /// A scalar expression with its type.
    pub(crate) fn scalar(&self, expr: &Expr, env: &Env<'_>) -> Result<Scalar> {
        match expr {
            Expr::Literal(value) => Ok(literal(value.clone())),
            Expr::Name(name) => self.scalar_name(name, env),
            Expr::Member(base, name) => self.member(base, name, env),
            Expr::Index(base, index) => self.index(base, index, env),
            Expr::Call { name, arguments } => self.call(name, arguments, env),
            Expr::Negate(value) => functions::negate(self.scalar(value, env)?),
            Expr::Binary {
                operator,
                left,
                right,
            } => self.binary(*operator, left, right, env),
            Expr::In {
                negated,
                ignore_case,
                left,
                list,
            } => {
                let value = self.membership(left, list, *ignore_case, env)?;
                Ok(negated_if(*negated, value))
            }
            Expr::HasTerms { all, left, list } => {
                let left = self.scalar(left, env)?;
                let values = self.values(list, env)?;
                functions::has_terms(left, values, *all)
            }
            Expr::Between {
                negated,
                left,
                from,
                to,
            } => {
                let value = self.between(left, from, to, env)?;
                Ok(negated_if(*negated, value))
            }
            Expr::Query(query) => {
                // A parenthesised name reads as a query when piped; here a scalar is wanted.
                let relation = self.pipeline(query, env.scope)?;
                self.single_value(relation)
            }
            Expr::Side(_) => Err(KqlError::semantic(
                "SEM0100",
                "'$left' and '$right' stand only in front of a column in a join",
            )),
            Expr::Star => Err(KqlError::semantic(
                "SEM0100",
                "'*' does not stand for a scalar here",
            )),
            Expr::MethodCall { name, .. } => Err(KqlError::unsupported(format!(
                "the call '.{name}()' as a scalar"
            ))),
        }
    }

    fn scalar_name(&self, name: &str, env: &Env<'_>) -> Result<Scalar> {
        if let Some(column) = env.input.and_then(|input| input.find(name)) {
            return Ok(Scalar::new(column.expr(), column.ty, false));
        }
        match env.scope.find(name) {
            Some(Binding::Scalar(value)) => Ok(value.clone()),
            Some(Binding::Query { .. } | Binding::Rows(_) | Binding::Function { .. }) => {
                Err(KqlError::semantic(
                    "SEM0100",
                    format!(
                        "'{name}' is a tabular expression or a function where a scalar is expected"
                    ),
                ))
            }
            None if env.operator.is_empty() => Err(KqlError::unresolved(name)),
            None => Err(KqlError::semantic(
                "SEM0100",
                format!(
                    "'{}' operator: Failed to resolve column or scalar expression named '{name}'",
                    env.operator
                ),
            )),
        }
    }

    fn member(&self, base: &Expr, name: &str, env: &Env<'_>) -> Result<Scalar> {
        let Expr::Side(side) = base else {
            let base = self.scalar(base, env)?;
            let what = format!("The value in front of '.{name}'");
            base.expect_type(ScalarType::Dynamic, &what)?;
            let name = literal(Value::String(name.to_owned()));
            return Ok(functions::member(base, name));
        };
        let rows = match side {
            Side::Left => env.input,
            Side::Right => env.right,
        };
        let column = rows.and_then(|rows: &Relation| rows.find(name));
        let column = column.ok_or_else(|| KqlError::unresolved(name))?;
        Ok(Scalar::new(column.expr(), column.ty, false))
    }

    fn index(&self, base: &Expr, index: &Expr, env: &Env<'_>) -> Result<Scalar> {
        let base = self.scalar(base, env)?;
        base.expect_type(ScalarType::Dynamic, "The value in front of '['")?;
        let index = self.scalar(index, env)?;
        match index.ty {
            ScalarType::String => Ok(functions::member(base, index)),
            ScalarType::Int | ScalarType::Long => {
                Ok(functions::element(base, index.widened(ScalarType::Long)?))
            }
            ScalarType::Dynamic => {
                let key = functions::convert(index, ScalarType::String)?;
                Ok(functions::member(base, key))
            }
            ScalarType::Bool
            | ScalarType::Real
            | ScalarType::Decimal
            | ScalarType::DateTime
            | ScalarType::TimeSpan
            | ScalarType::Guid => Err(KqlError::semantic(
                "SEM0031",
                format!("A dynamic value cannot be indexed by a {}", index.ty),
            )),
        }
    }

    fn binary(
        &self,
        operator: BinaryOperator,
        left: &Expr,
        right: &Expr,
        env: &Env<'_>,
    ) -> Result<Scalar> {
        let left = self.scalar(left, env)?;
        let right = self.scalar(right, env)?;
        match operator {
            BinaryOperator::And | BinaryOperator::Or => functions::logical(operator, left, right),
            BinaryOperator::Equal | BinaryOperator::NotEqual => compare(operator, left, right),
            BinaryOperator::Less
            | BinaryOperator::LessOrEqual
            | BinaryOperator::Greater
            | BinaryOperator::GreaterOrEqual => {
                for side in [&left, &right] {
                    refuse_unordered("'<', '<=', '>' or '>='", side)?;
                }
                compare(operator, left, right)
            }
            BinaryOperator::Add
            | BinaryOperator::Subtract
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo => functions::arithmetic(operator, left, right),
            BinaryOperator::Text {
                kind,
                ignore_case,
                negated,
            } => {
                let value = functions::text_match(kind, ignore_case, left, right)?;
                Ok(negated_if(negated, value))
            }
        }
    }

    fn between(&self, left: &Expr, from: &Expr, to: &Expr, env: &Env<'_>) -> Result<Scalar> {
        let left = self.scalar(left, env)?;
        let from = self.scalar(from, env)?;
        let mut to = self.scalar(to, env)?;
        if from.ty == ScalarType::DateTime && to.ty == ScalarType::TimeSpan {
            to = functions::arithmetic(BinaryOperator::Add, from.clone(), to)?;
        }
        refuse_unordered("'between'", &left)?;
        let low = compare(BinaryOperator::GreaterOrEqual, left.clone(), from)?;
        let high = compare(BinaryOperator::LessOrEqual, left, to)?;
        functions::logical(BinaryOperator::And, low, high)
    }

    fn membership(
        &self,
        left: &Expr,
        list: &[Expr],
        ignore_case: bool,
        env: &Env<'_>,
    ) -> Result<Scalar> {
        let left = self.scalar(left, env)?;
        let values = self.values(list, env)?;
        membership(left, values, ignore_case)
    }

    /// The values of an `in` list; a tabular expression gives those of its first column.
    fn values(&self, list: &[Expr], env: &Env<'_>) -> Result<Vec<Scalar>> {
        let mut values = Vec::with_capacity(list.len());
        for item in list {
            if self.is_tabular(item, env.scope) && !self.is_column(item, env) {
                let relation = self.tabular(item, env.scope)?;
                values.extend(self.first_column(relation)?.into_iter().map(literal));
            } else {
                values.push(self.scalar(item, env)?);
            }
        }
        Ok(values)
    }

    fn is_column(&self, expr: &Expr, env: &Env<'_>) -> bool {
        matches!(expr, Expr::Name(name) if env.input.is_some_and(|input| input.find(name).is_some()))
    }

    /// All values of the first column, run at once.
    fn first_column(&self, relation: Relation) -> Result<Vec<Value>> {
        let table = self.executor.table(&relation)?;
        let rows = table.rows()?;
        Ok(rows
            .into_iter()
            .filter_map(|row| row.into_iter().next())
            .collect())
    }

    /// First column of the first row, as `toscalar` gives it; null without rows.
    pub(crate) fn single_value(&self, relation: Relation) -> Result<Scalar> {
        let Some(ty) = relation.columns.first().map(|column| column.ty) else {
            return Err(KqlError::semantic("SEM0020", "toscalar() needs a column"));
        };
        let first = self.first_column(relation.limit(1)?)?.into_iter().next();
        Ok(literal(first.unwrap_or(Value::Null(ty))))
    }

    /// A constant, evaluated now.
    pub(crate) fn constant(&self, expr: &Expr, scope: &super::Scope, what: &str) -> Result<Value> {
        let value = self.scalar(expr, &Env::without_rows(scope))?;
        self.evaluated(&value, what)
    }

    pub(crate) fn evaluated(&self, value: &Scalar, what: &str) -> Result<Value> {
        if !value.constant {
            return Err(KqlError::semantic(
                "SEM0019",
                format!("{what} must be a constant"),
            ));
        }
        self.executor.constant(&value.expr, value.ty)
    }

    /// A constant number of rows.
    pub(crate) fn row_count(
        &self,
        expr: &Expr,
        scope: &super::Scope,
        operator: &str,
    ) -> Result<usize> {
        let what = format!("The number of rows of '{operator}'");
        let count = match self.constant(expr, scope, &what)? {
            Value::Int(value) => i64::from(value),
            Value::Long(value) => value,
            other @ (Value::Null(_)
            | Value::Bool(_)
            | Value::Real(_)
            | Value::Decimal(_)
            | Value::DateTime(_)
            | Value::TimeSpan(_)
            | Value::Guid(_)
            | Value::String(_)
            | Value::Dynamic(_)) => {
                return Err(KqlError::semantic(
                    "SEM0031",
                    format!("{what} is of type {}, not long", other.ty()),
                ));
            }
        };
        usize::try_from(count)
            .map_err(|_| KqlError::semantic("SEM0031", format!("{what} is negative")))
    }

    pub(crate) fn scalars(&self, arguments: &[Argument], env: &Env<'_>) -> Result<Vec<Scalar>> {
        arguments
            .iter()
            .map(|argument| self.scalar(&argument.value, env))
            .collect()
    }
}

/// Strings and guids have no order for operators, though they sort (`strcmp` compares strings).
fn refuse_unordered(what: &str, value: &Scalar) -> Result<()> {
    if !matches!(value.ty, ScalarType::String | ScalarType::Guid) {
        return Ok(());
    }
    Err(KqlError::semantic(
        "SEM0064",
        format!("{what} cannot be applied to a value of type {}", value.ty),
    ))
}

fn negated_if(negated: bool, value: Scalar) -> Scalar {
    if negated {
        functions::not(value)
    } else {
        value
    }
}
