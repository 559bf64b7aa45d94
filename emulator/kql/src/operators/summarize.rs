//! `summarize`, `distinct`, `count`.

use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlanBuilder};
use kusto_emulator_values::{ScalarType, Value};

use crate::aggregates::{self, Picked};
use crate::ast::{Argument, Expr, Named};
use crate::bind::{Binder, Env, Scalar, Scope, literal};
use crate::error::{KqlError, Result};
use crate::functions;
use crate::relation::{Output, Relation, RelationColumn, column, free_name};

use super::naming::{self, numbered, own_name};

/// What `summarize` collects on its way: columns to make first, aggregates over them, results.
#[derive(Default)]
struct Work {
    /// Inputs of the aggregates: plan name and expression.
    inputs: Vec<(String, PlanExpr)>,
    /// Aggregates: plan name and expression.
    aggregates: Vec<(String, PlanExpr)>,
    /// Columns after the aggregation that are no result by themselves: name, type, expression.
    made: Vec<Output>,
    results: Vec<Output>,
}

impl Binder {
    pub(super) fn summarize(
        &self,
        input: Relation,
        aggregates: &[Named],
        by: &[Named],
        scope: &Scope,
    ) -> Result<Relation> {
        let keys = self.group_keys(&input, by, scope)?;
        let mut work = Work::default();
        let mut taken: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
        taken.extend(
            aggregates
                .iter()
                .flat_map(|item| item.names.iter().cloned()),
        );
        let mut pending = Vec::new();
        for item in aggregates {
            if let Expr::Call { name, arguments } = &item.expr
                && aggregates::is_pick(name)
            {
                let from = work.results.len();
                self.picked(&input, name, arguments, &keys, &mut work, scope)?;
                name_picked(&mut work.results[from..], &item.names, &mut taken);
                continue;
            }
            let rewritten = self.lifted(&input, &item.expr, &mut work, scope)?;
            let name = match item.names.first() {
                Some(name) => name.clone(),
                None => free_or_numbered(aggregate_name(&item.expr), |name| {
                    taken.iter().any(|t| t == name)
                }),
            };
            taken.push(name.clone());
            pending.push((work.results.len(), rewritten));
            // The type and the expression follow when the aggregates are columns.
            work.results.push(Output {
                name,
                ty: ScalarType::Bool,
                expr: column(""),
            });
        }
        if keys.is_empty() && work.aggregates.is_empty() {
            // Nothing to group by: what is wrong inside is the better message.
            for (_, expr) in &pending {
                self.scalar(expr, &Env::without_rows(scope))?;
            }
        }
        let grouped = self.aggregate(input, &keys, &work)?;
        for (place, expr) in pending {
            let env = Env::over(scope, &grouped, "summarize");
            let value = self.scalar(&expr, &env)?;
            work.results[place].ty = value.ty;
            work.results[place].expr = value.expr;
        }
        let mut outputs: Vec<Output> = grouped.outputs();
        outputs.truncate(keys.len());
        outputs.extend(work.results);
        grouped.project(&self.ids, outputs)
    }

    fn group_keys(&self, input: &Relation, by: &[Named], scope: &Scope) -> Result<Vec<Output>> {
        let env = Env::over(scope, input, "summarize");
        let mut keys: Vec<Output> = Vec::with_capacity(by.len());
        for item in by {
            let value = self.scalar(&item.expr, &env)?;
            let name = match item.names.first() {
                Some(name) => name.clone(),
                None => free_or_numbered(own_name(&item.expr), |name| {
                    keys.iter().any(|key| key.name == name)
                }),
            };
            refuse_dynamic("summarize", &name, value.ty)?;
            keys.push(Output {
                name,
                ty: value.ty,
                expr: value.expr,
            });
        }
        Ok(keys)
    }

    /// The expression with its aggregate calls replaced by names of columns that hold them.
    fn lifted(
        &self,
        input: &Relation,
        expr: &Expr,
        work: &mut Work,
        scope: &Scope,
    ) -> Result<Expr> {
        if let Expr::Call { name, arguments } = expr {
            let user_defined = scope.find(name).is_some();
            if !user_defined && aggregates::is_aggregate(name) {
                return self.lifted_call(input, name, arguments, work, scope);
            }
        }
        let mut lift = |expr: &Expr| self.lifted(input, expr, work, scope);
        Ok(match expr {
            Expr::Call { name, arguments } => Expr::Call {
                name: name.clone(),
                arguments: arguments
                    .iter()
                    .map(|argument| {
                        Ok(Argument {
                            name: argument.name.clone(),
                            value: lift(&argument.value)?,
                        })
                    })
                    .collect::<Result<_>>()?,
            },
            Expr::Member(base, name) => Expr::Member(Box::new(lift(base)?), name.clone()),
            Expr::Index(base, index) => Expr::Index(Box::new(lift(base)?), Box::new(lift(index)?)),
            Expr::Negate(value) => Expr::Negate(Box::new(lift(value)?)),
            Expr::Binary {
                operator,
                left,
                right,
            } => Expr::Binary {
                operator: *operator,
                left: Box::new(lift(left)?),
                right: Box::new(lift(right)?),
            },
            other @ (Expr::Literal(_)
            | Expr::Name(_)
            | Expr::Side(_)
            | Expr::Star
            | Expr::MethodCall { .. }
            | Expr::In { .. }
            | Expr::HasTerms { .. }
            | Expr::Between { .. }
            | Expr::Query(_)) => other.clone(),
        })
    }

    fn lifted_call(
        &self,
        input: &Relation,
        name: &str,
        arguments: &[Argument],
        work: &mut Work,
        scope: &Scope,
    ) -> Result<Expr> {
        if aggregates::is_pick(name) {
            return Err(KqlError::unsupported(format!(
                "{name}() inside another expression"
            )));
        }
        let env = Env::over(scope, input, "summarize");
        let args = self
            .scalars(arguments, &env)?
            .into_iter()
            .map(|value| self.as_input(value, work))
            .collect();
        let aggregate = aggregates::bind(name, args)?;
        let id = self.ids.next();
        let expr = (aggregate.finish)(column(&id), aggregate.ty);
        work.aggregates.push((id.clone(), aggregate.expr));
        work.made.push(Output {
            name: format!("${id}"),
            ty: aggregate.ty,
            expr,
        });
        Ok(Expr::Name(format!("${id}")))
    }

    /// A column of the input of the aggregation; literals stay.
    fn as_input(&self, value: Scalar, work: &mut Work) -> Scalar {
        if value.constant {
            return value;
        }
        let id = self.ids.next();
        work.inputs.push((id.clone(), value.expr));
        Scalar::new(column(&id), value.ty, false)
    }

    /// `arg_max(key, columns)`, `take_any(columns)`.
    fn picked(
        &self,
        input: &Relation,
        name: &str,
        arguments: &[Argument],
        keys: &[Output],
        work: &mut Work,
        scope: &Scope,
    ) -> Result<()> {
        let which = match name {
            "arg_max" | "argmax" => Picked::Greatest,
            "arg_min" | "argmin" => Picked::Smallest,
            _ => Picked::Any,
        };
        let wanted = self.wanted(input, name, arguments, keys, scope)?;
        if wanted.is_empty() {
            return Err(functions::wrong_count(name, 1, 64));
        }
        // The key in a form that sorts; for `take_any` the first column itself.
        let first = &wanted[0].1;
        if which != Picked::Any {
            refuse_dynamic("summarize", &wanted[0].0, first.ty)?;
        }
        let key = picking_key(which, first)?;
        let mut values = Vec::with_capacity(wanted.len() + 1);
        for value in std::iter::once(key).chain(wanted.iter().map(|(_, value)| value.clone())) {
            let id = self.ids.next();
            work.inputs.push((id.clone(), value.expr));
            values.push((column(&id), value.ty));
        }
        let id = self.ids.next();
        work.aggregates
            .push((id.clone(), aggregates::pick(which, values)));
        for (at, (label, value)) in wanted.into_iter().enumerate() {
            let mut expr = aggregates::field(column(&id), at + 1, value.ty);
            if value.ty == ScalarType::String {
                expr = functions::or_else(expr, datafusion::logical_expr::lit(""));
            }
            let made = self.ids.next();
            work.made.push(Output {
                name: format!("${made}"),
                ty: value.ty,
                expr,
            });
            work.results.push(Output {
                name: label,
                ty: value.ty,
                expr: column(&format!("${made}")),
            });
        }
        Ok(())
    }

    /// Names and values of the columns that a pick gives; `*` is all that are neither keys nor named.
    fn wanted(
        &self,
        input: &Relation,
        name: &str,
        arguments: &[Argument],
        keys: &[Output],
        scope: &Scope,
    ) -> Result<Vec<(String, Scalar)>> {
        let env = Env::over(scope, input, "summarize");
        let mut wanted: Vec<(String, Scalar)> = Vec::new();
        for argument in arguments {
            if matches!(argument.value, Expr::Star) {
                for found in &input.columns {
                    let present = wanted.iter().any(|(_, value)| value.expr == found.expr())
                        || keys.iter().any(|key| key.name == found.name);
                    if !present {
                        wanted.push((
                            picked_name(name, found.name.clone(), &wanted),
                            Scalar::new(found.expr(), found.ty, false),
                        ));
                    }
                }
                continue;
            }
            let value = self.scalar(&argument.value, &env)?;
            let prefix = aggregates::prefix(name).unwrap_or_default();
            let label = match own_name(&argument.value) {
                Some(label) => picked_name(name, label, &wanted),
                None => format!("{prefix}_"),
            };
            wanted.push((label, value));
        }
        Ok(wanted)
    }

    /// The keys, then the columns that were made of the aggregates.
    fn aggregate(&self, input: Relation, keys: &[Output], work: &Work) -> Result<Relation> {
        let mut inputs: Vec<PlanExpr> = Vec::new();
        let mut columns = Vec::new();
        let mut group = Vec::new();
        for key in keys {
            let id = self.ids.next();
            inputs.push(key.expr.clone().alias(&id));
            group.push(column(&id));
            columns.push(RelationColumn {
                name: key.name.clone(),
                ty: key.ty,
                id,
            });
        }
        inputs.extend(work.inputs.iter().map(|(id, expr)| expr.clone().alias(id)));
        let mut plan = LogicalPlanBuilder::from(input.plan);
        if !inputs.is_empty() {
            plan = plan.project(inputs)?;
        }
        let aggregates: Vec<PlanExpr> = work
            .aggregates
            .iter()
            .map(|(id, expr)| expr.clone().alias(id))
            .collect();
        let plan = if group.is_empty() && aggregates.is_empty() {
            return Err(KqlError::semantic(
                "SEM0106",
                "'summarize' needs an aggregate or a 'by' expression",
            ));
        } else {
            plan.aggregate(group, aggregates)?
        };
        let mut finished: Vec<PlanExpr> = columns.iter().map(RelationColumn::expr).collect();
        for made in &work.made {
            finished.push(made.expr.clone().alias(&made.name));
            columns.push(RelationColumn {
                name: made.name.clone(),
                ty: made.ty,
                id: made.name.clone(),
            });
        }
        let plan = plan.project(finished)?.build()?;
        Ok(Relation {
            plan,
            columns,
            hidden: None,
            serialized: false,
        })
    }

    pub(super) fn count(&self, input: Relation) -> Result<Relation> {
        let aggregate = aggregates::bind("count", Vec::new())?;
        let id = self.ids.next();
        let plan = LogicalPlanBuilder::from(input.plan)
            .aggregate(Vec::<PlanExpr>::new(), vec![aggregate.expr.alias(&id)])?
            .build()?;
        let columns = vec![RelationColumn {
            name: "Count".to_owned(),
            ty: ScalarType::Long,
            id,
        }];
        Ok(Relation {
            plan,
            columns,
            hidden: None,
            serialized: false,
        })
    }

    pub(super) fn distinct(
        &self,
        input: Relation,
        items: &[Expr],
        scope: &Scope,
    ) -> Result<Relation> {
        let mut outputs = Vec::new();
        let env = Env::over(scope, &input, "distinct");
        for item in items {
            if matches!(item, Expr::Star) {
                outputs.extend(input.outputs());
                continue;
            }
            let value = self.scalar(item, &env)?;
            let name = own_name(item).unwrap_or_else(|| {
                numbered(|name| outputs.iter().any(|output: &Output| output.name == name))
            });
            outputs.push(Output {
                name,
                ty: value.ty,
                expr: value.expr,
            });
        }
        for output in &outputs {
            refuse_dynamic("distinct", &output.name, output.ty)?;
        }
        let rows = Relation {
            hidden: None,
            ..input.project(&self.ids, outputs)?
        };
        let exprs: Vec<PlanExpr> = rows.columns.iter().map(RelationColumn::expr).collect();
        let plan = LogicalPlanBuilder::from(rows.plan)
            .project(exprs)?
            .distinct()?
            .build()?;
        Ok(Relation {
            plan,
            columns: rows.columns,
            hidden: None,
            serialized: false,
        })
    }
}

/// The value that decides which row is picked, in a form that sorts.
fn picking_key(which: Picked, value: &Scalar) -> Result<Scalar> {
    Ok(match value.ty {
        // "It will attempt to return a non-null/non-empty value" of a single column.
        ScalarType::String if which == Picked::Any => {
            let empty = functions::is_empty(value.clone())?;
            let none = literal(Value::Null(ScalarType::Guid)).expr;
            let expr = functions::when(empty.expr, none, value.expr.clone());
            Scalar::new(expr, ScalarType::Guid, false)
        }
        ScalarType::Decimal => Scalar::new(
            functions::decimal_sort_key(value.expr.clone()),
            ScalarType::String,
            false,
        ),
        ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => value.clone(),
    })
}

/// The names that the query gives to the columns of a pick, or free ones.
fn name_picked(results: &mut [Output], names: &[String], taken: &mut Vec<String>) {
    for (at, result) in results.iter_mut().enumerate() {
        result.name = match names.get(at) {
            Some(given) => given.clone(),
            None => free_name(&result.name, |name| taken.iter().any(|t| t == name)),
        };
        taken.push(result.name.clone());
    }
}

/// The name of a picked column: its own, with a prefix for the deprecated functions (`any_x`,
/// `max_x`, `max_x_y`).
fn picked_name(function: &str, label: String, before: &[(String, Scalar)]) -> String {
    match (function, before.first()) {
        ("any", _) => format!("any_{label}"),
        ("argmax", None) => format!("max_{label}"),
        ("argmin", None) => format!("min_{label}"),
        ("argmax" | "argmin", Some((first, _))) => format!("{first}_{label}"),
        _ => label,
    }
}

fn free_or_numbered(name: Option<String>, taken: impl Fn(&str) -> bool) -> String {
    match name {
        Some(name) => free_name(&name, taken),
        None => numbered(taken),
    }
}

/// `sum_x`, `count_`, `avg_x` for `round(avg(x))`; none for what names nothing.
fn aggregate_name(expr: &Expr) -> Option<String> {
    let Expr::Call { name, arguments } = expr else {
        return own_name(expr);
    };
    let first = arguments.first().map(|argument| &argument.value);
    let Some(prefix) = aggregates::prefix(name) else {
        let prefix = naming::prefix(name)?;
        return Some(format!("{prefix}{}", aggregate_name(first?)?));
    };
    let argument = first.filter(|_| name != "countif").and_then(own_name);
    Some(format!("{prefix}_{}", argument.unwrap_or_default()))
}

pub(super) fn refuse_dynamic(operator: &str, name: &str, ty: ScalarType) -> Result<()> {
    if ty != ScalarType::Dynamic {
        return Ok(());
    }
    Err(KqlError::semantic(
        "SEM0067",
        format!(
            "'{operator}' operator: group key '{name}' is of a 'dynamic' type. Please use an explicit cast"
        ),
    ))
}
