//! `union`, `join`, `lookup`.

use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlanBuilder, lit};
use kusto_emulator_values::{ScalarType, Value};

use crate::aggregates::{self, Picked};
use crate::ast::{BinaryOperator, Expr, JoinKind, Leg, Pipeline, Source, Union};
use crate::bind::{Binder, Env, Scalar, Scope, common_type, literal};
use crate::error::{KqlError, Result};
use crate::functions;
use crate::relation::{Output, Relation, RelationColumn, column, free_name};

/// Keys of a join: pairs of one type.
struct Keys {
    left: Vec<Scalar>,
    right: Vec<Scalar>,
    /// Names of right columns that `on name` gave.
    shared: Vec<String>,
}

impl Binder {
    /// `union`, as a source or with the piped rows as its first leg.
    pub(crate) fn union(
        &self,
        input: Option<Relation>,
        union: &Union,
        scope: &Scope,
    ) -> Result<Relation> {
        let mut legs: Vec<(String, Relation)> = Vec::new();
        if let Some(input) = input {
            legs.push(("union_arg0".to_owned(), input));
        }
        for leg in &union.legs {
            match leg {
                Leg::Wildcard(pattern) => {
                    let found = self.catalog.tables_matching(None, pattern);
                    if found.is_empty() {
                        return Err(KqlError::semantic(
                            "SEM0100",
                            format!("'union' operator: no table matches '{pattern}'"),
                        ));
                    }
                    for (name, table) in found {
                        legs.push((name, self.scan_source(table)?));
                    }
                }
                Leg::Pipeline(query) => {
                    let name =
                        leg_name(query).unwrap_or_else(|| format!("union_arg{}", legs.len()));
                    legs.push((name, self.pipeline(query, scope)?));
                }
            }
        }
        let columns = union_columns(&legs, union.inner);
        self.union_of(legs, &columns, union.with_source.as_deref())
    }

    fn union_of(
        &self,
        legs: Vec<(String, Relation)>,
        columns: &[(String, String, ScalarType)],
        with_source: Option<&str>,
    ) -> Result<Relation> {
        let keeps_hidden = legs.iter().all(|(_, leg)| leg.hidden.is_some());
        let source_id = self.ids.next();
        let ids: Vec<String> = columns.iter().map(|_| self.ids.next()).collect();
        let hidden = keeps_hidden.then(|| [(); 4].map(|()| self.ids.next()));
        let mut union: Option<LogicalPlanBuilder> = None;
        for (name, leg) in legs {
            let mut exprs = Vec::new();
            if with_source.is_some() {
                exprs.push(lit(name.as_str()).alias(&source_id));
            }
            for ((_, from, ty), id) in columns.iter().zip(&ids) {
                let found = leg
                    .columns
                    .iter()
                    .find(|column| column.name == *from && column.ty == *ty);
                let expr =
                    found.map_or_else(|| literal(Value::Null(*ty)).expr, RelationColumn::expr);
                exprs.push(expr.alias(id));
            }
            if let (Some(from), Some(to)) = (&leg.hidden, &hidden) {
                exprs.extend(from.iter().zip(to).map(|(from, to)| column(from).alias(to)));
            }
            let plan = LogicalPlanBuilder::from(leg.plan).project(exprs)?;
            union = Some(match union {
                None => plan,
                Some(before) => before.union(plan.build()?)?,
            });
        }
        let Some(union) = union else {
            return Err(KqlError::semantic(
                "SEM0100",
                "'union' operator: there is no table",
            ));
        };
        let mut found = Vec::with_capacity(columns.len() + 1);
        if let Some(name) = with_source {
            found.push(RelationColumn {
                name: name.to_owned(),
                ty: ScalarType::String,
                id: source_id,
            });
        }
        let user = columns.iter().zip(ids);
        found.extend(user.map(|((name, _, ty), id)| RelationColumn {
            name: name.clone(),
            ty: *ty,
            id,
        }));
        Ok(Relation {
            plan: union.build()?,
            columns: found,
            hidden,
            serialized: false,
        })
    }

    pub(super) fn join(
        &self,
        left: Relation,
        kind: JoinKind,
        right: &Pipeline,
        on: &[Expr],
        scope: &Scope,
    ) -> Result<Relation> {
        let right = self.pipeline(right, scope)?.renamed(&self.ids)?;
        let keys = self.join_keys(&left, &right, on, scope)?;
        let (left, keys) = if kind == JoinKind::InnerUnique {
            self.first_of_each_key(left, keys)?
        } else {
            (left, keys)
        };
        let (join_type, left_side, right_side) = match kind {
            JoinKind::InnerUnique | JoinKind::Inner => (JoinType::Inner, true, true),
            JoinKind::LeftOuter => (JoinType::Left, true, true),
            JoinKind::RightOuter => (JoinType::Right, true, true),
            JoinKind::FullOuter => (JoinType::Full, true, true),
            JoinKind::LeftAnti => (JoinType::LeftAnti, true, false),
            JoinKind::RightAnti => (JoinType::RightAnti, false, true),
            JoinKind::LeftSemi => (JoinType::LeftSemi, true, false),
            JoinKind::RightSemi => (JoinType::RightSemi, false, true),
        };
        let mut outputs = if left_side {
            left.outputs()
        } else {
            Vec::new()
        };
        if right_side {
            for mut output in right.outputs() {
                output.name = free_name(&output.name, |name| {
                    outputs.iter().any(|output| output.name == name)
                });
                outputs.push(output);
            }
        }
        self.joined(left, right, &keys, join_type, outputs)
    }

    pub(super) fn lookup(
        &self,
        left: Relation,
        outer: bool,
        right: &Pipeline,
        on: &[Expr],
        scope: &Scope,
    ) -> Result<Relation> {
        let right = self.pipeline(right, scope)?.renamed(&self.ids)?;
        let keys = self.join_keys(&left, &right, on, scope)?;
        let mut outputs = left.outputs();
        for mut output in right.outputs() {
            let is_key = keys.shared.contains(&output.name)
                || keys.right.iter().any(|key| key.expr == output.expr);
            if !is_key {
                output.name = free_name(&output.name, |name| {
                    outputs.iter().any(|output| output.name == name)
                });
                outputs.push(output);
            }
        }
        let kind = if outer {
            JoinType::Left
        } else {
            JoinType::Inner
        };
        self.joined(left, right, &keys, kind, outputs)
    }

    fn joined(
        &self,
        left: Relation,
        right: Relation,
        keys: &Keys,
        kind: JoinType,
        outputs: Vec<Output>,
    ) -> Result<Relation> {
        let exprs = |side: &[Scalar]| side.iter().map(|key| key.expr.clone()).collect::<Vec<_>>();
        let plan = LogicalPlanBuilder::from(left.plan)
            .join_with_expr_keys(
                right.plan,
                kind,
                (exprs(&keys.left), exprs(&keys.right)),
                None,
            )?
            .build()?;
        let missing = matches!(kind, JoinType::Left | JoinType::Right | JoinType::Full);
        let outputs = outputs
            .into_iter()
            .map(|output| {
                // The missing side's strings are empty, not null.
                let fill = missing && output.ty == ScalarType::String;
                let expr = if fill {
                    functions::or_else(output.expr, lit(""))
                } else {
                    output.expr
                };
                Output { expr, ..output }
            })
            .collect();
        let rows = Relation {
            plan,
            columns: Vec::new(),
            hidden: None,
            serialized: false,
        };
        rows.project(&self.ids, outputs)
    }

    /// `on a`, `on $left.a == $right.b`, several of them, or joined by `and`.
    fn join_keys(
        &self,
        left: &Relation,
        right: &Relation,
        on: &[Expr],
        scope: &Scope,
    ) -> Result<Keys> {
        let mut keys = Keys {
            left: Vec::new(),
            right: Vec::new(),
            shared: Vec::new(),
        };
        for condition in on {
            self.join_key(left, right, condition, &mut keys, scope)?;
        }
        Ok(keys)
    }

    fn join_key(
        &self,
        left: &Relation,
        right: &Relation,
        on: &Expr,
        keys: &mut Keys,
        scope: &Scope,
    ) -> Result<()> {
        let (a, b) = match on {
            Expr::Binary {
                operator: BinaryOperator::And,
                left: a,
                right: b,
            } => {
                self.join_key(left, right, a, keys, scope)?;
                return self.join_key(left, right, b, keys, scope);
            }
            Expr::Name(name) => {
                keys.shared.push(name.clone());
                let a = left.require("join", name)?;
                let b = right.require("join", name)?;
                (
                    Scalar::new(a.expr(), a.ty, false),
                    Scalar::new(b.expr(), b.ty, false),
                )
            }
            Expr::Binary {
                operator: BinaryOperator::Equal,
                left: a,
                right: b,
            } => {
                let mut env = Env::over(scope, left, "join");
                env.right = Some(right);
                let (a, b) = if is_right(a) { (b, a) } else { (a, b) };
                if is_right(a) || !is_right(b) {
                    return Err(wrong_condition());
                }
                (self.scalar(a, &env)?, self.scalar(b, &env)?)
            }
            Expr::Literal(_)
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
            | Expr::Query(_) => return Err(wrong_condition()),
        };
        let ty = common_type(a.ty, b.ty)
            .filter(|ty| *ty != ScalarType::Dynamic)
            .ok_or_else(|| {
                KqlError::semantic(
                    "SEM0066",
                    format!(
                        "'join' operator: the types of the keys do not fit: {} and {}",
                        a.ty, b.ty
                    ),
                )
            })?;
        keys.left.push(a.widened(ty)?);
        keys.right.push(b.widened(ty)?);
        Ok(())
    }

    /// `innerunique`: one row of the left side for each key.
    fn first_of_each_key(&self, left: Relation, keys: Keys) -> Result<(Relation, Keys)> {
        let mut inputs: Vec<PlanExpr> = Vec::new();
        let mut group = Vec::new();
        let mut left_keys = Vec::new();
        for key in &keys.left {
            let id = self.ids.next();
            inputs.push(key.expr.clone().alias(&id));
            group.push(column(&id));
            left_keys.push(Scalar::new(column(&id), key.ty, false));
        }
        inputs.extend(left.columns.iter().map(RelationColumn::expr));
        // A constant first value: every row may be picked, the first one is.
        let mut values = vec![(lit(true), ScalarType::Bool)];
        values.extend(left.columns.iter().map(|column| (column.expr(), column.ty)));
        let row = self.ids.next();
        let plan = LogicalPlanBuilder::from(left.plan)
            .project(inputs)?
            .aggregate(
                group.clone(),
                vec![aggregates::pick(Picked::Any, values).alias(&row)],
            )?;
        let mut outputs = group;
        let mut columns = Vec::with_capacity(left.columns.len());
        for (at, found) in left.columns.iter().enumerate() {
            let id = self.ids.next();
            outputs.push(aggregates::field(column(&row), at + 1, found.ty).alias(&id));
            columns.push(RelationColumn {
                id,
                ..found.clone()
            });
        }
        let plan = plan.project(outputs)?.build()?;
        let left = Relation {
            plan,
            columns,
            hidden: None,
            serialized: false,
        };
        Ok((
            left,
            Keys {
                left: left_keys,
                ..keys
            },
        ))
    }
}

fn is_right(expr: &Expr) -> bool {
    matches!(expr, Expr::Member(base, _) if matches!(base.as_ref(), Expr::Side(crate::ast::Side::Right)))
}

fn wrong_condition() -> KqlError {
    KqlError::semantic(
        "SEM0033",
        "'join' operator: the condition must be a column of both sides or $left.a == $right.b",
    )
}

/// The table that a leg reads, as `withsource` calls it.
fn leg_name(query: &Pipeline) -> Option<String> {
    match &query.source {
        Source::Expr(Expr::Name(name)) => Some(name.clone()),
        Source::Expr(Expr::Call { name, arguments }) if name == "table" => {
            match arguments.first().map(|argument| &argument.value) {
                Some(Expr::Literal(Value::String(name))) => Some(name.clone()),
                _ => None,
            }
        }
        Source::Parenthesised(inner) => leg_name(inner),
        Source::Expr(_)
        | Source::DataTable { .. }
        | Source::Range { .. }
        | Source::Print(_)
        | Source::Union(_)
        | Source::ExternalData { .. } => None,
    }
}

/// Columns of a union: name, name in the legs, type. A name of several types becomes several
/// columns, `name_type` (`union-operator.md`).
fn union_columns(legs: &[(String, Relation)], inner: bool) -> Vec<(String, String, ScalarType)> {
    let mut found: Vec<(String, ScalarType)> = Vec::new();
    for (_, leg) in legs {
        for column in &leg.columns {
            let key = (column.name.clone(), column.ty);
            if !found.contains(&key) {
                found.push(key);
            }
        }
    }
    if inner {
        found.retain(|(name, ty)| {
            legs.iter()
                .all(|(_, leg)| leg.find(name).is_some_and(|column| column.ty == *ty))
        });
    }
    let is_several = |name: &str| found.iter().filter(|(other, _)| other == name).count() > 1;
    let mut taken: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    found
        .iter()
        .map(|(name, ty)| {
            if !is_several(name) {
                return (name.clone(), name.clone(), *ty);
            }
            // `x_long1` where there is an `x_long` already.
            let shown = free_name(&format!("{name}_{ty}"), |name| {
                taken.iter().any(|taken| taken == name)
            });
            taken.push(shown.clone());
            (shown, name.clone(), *ty)
        })
        .collect()
}
