//! Rows on their way through a query: a DataFusion plan and the Kusto names of its columns.

use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::Column as PlanColumn;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use kusto_emulator_values::{Column, ScalarType, Schema};

use crate::error::{KqlError, Result};

/// A column: the name that users see, its type, and its name inside the plan, which is unique in
/// the whole query, so that no user's name can be misread by the planner.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RelationColumn {
    pub(crate) name: String,
    pub(crate) ty: ScalarType,
    pub(crate) id: String,
}

impl RelationColumn {
    pub(crate) fn expr(&self) -> Expr {
        column(&self.id)
    }
}

/// Plan names of the hidden columns, in the order of [`crate::catalog::HIDDEN`].
pub(crate) type HiddenIds = [String; 4];

/// Rows.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) plan: LogicalPlan,
    pub(crate) columns: Vec<RelationColumn>,
    /// Present as long as the rows are rows of a table.
    pub(crate) hidden: Option<HiddenIds>,
    /// Whether the order of the rows means something (`serialize`, `order by`, `range`).
    pub(crate) serialized: bool,
}

/// Gives names that are unique in a query.
#[derive(Debug, Default)]
pub(crate) struct Ids(AtomicUsize);

impl Ids {
    pub(crate) fn next(&self) -> String {
        format!("c{}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A column of a plan by its plan name.
pub(crate) fn column(id: &str) -> Expr {
    Expr::Column(PlanColumn::new_unqualified(id))
}

/// An output column: its name, type and expression over the input.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) ty: ScalarType,
    pub(crate) expr: Expr,
}

impl Relation {
    /// The user's columns.
    pub(crate) fn schema(&self) -> Schema {
        self.columns
            .iter()
            .map(|column| Column::new(&column.name, column.ty))
            .collect()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&RelationColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(crate) fn require(&self, operator: &str, name: &str) -> Result<&RelationColumn> {
        self.find(name).ok_or_else(|| {
            KqlError::semantic(
                "SEM0100",
                format!("'{operator}' operator: Failed to resolve column named '{name}'"),
            )
        })
    }

    /// Rows with these columns instead; hidden columns stay.
    pub(crate) fn project(self, ids: &Ids, outputs: Vec<Output>) -> Result<Self> {
        check_unique(outputs.iter().map(|output| output.name.as_str()))?;
        let mut exprs = Vec::with_capacity(outputs.len() + 4);
        let mut columns = Vec::with_capacity(outputs.len());
        for output in outputs {
            let id = match plan_column(&output.expr) {
                // A column that passes through keeps its plan name.
                Some(id) if !columns.iter().any(|c: &RelationColumn| c.id == id) => {
                    exprs.push(output.expr);
                    id
                }
                _ => {
                    let id = ids.next();
                    exprs.push(output.expr.alias(&id));
                    id
                }
            };
            columns.push(RelationColumn {
                name: output.name,
                ty: output.ty,
                id,
            });
        }
        for id in self.hidden.iter().flatten() {
            if !columns.iter().any(|column| column.id == *id) {
                exprs.push(column(id));
            }
        }
        let plan = LogicalPlanBuilder::from(self.plan)
            .project(exprs)?
            .build()?;
        Ok(Self {
            plan,
            columns,
            ..self
        })
    }

    /// The columns as outputs.
    pub(crate) fn outputs(&self) -> Vec<Output> {
        self.columns
            .iter()
            .map(|column| Output {
                name: column.name.clone(),
                ty: column.ty,
                expr: column.expr(),
            })
            .collect()
    }

    /// The same rows under new plan names, so that they can meet themselves in a join or union.
    pub(crate) fn renamed(self, ids: &Ids) -> Result<Self> {
        let mut exprs = Vec::new();
        let mut columns = self.columns;
        for found in &mut columns {
            let id = ids.next();
            exprs.push(column(&found.id).alias(&id));
            found.id = id;
        }
        let hidden = self.hidden.map(|hidden| {
            hidden.map(|old| {
                let id = ids.next();
                exprs.push(column(&old).alias(&id));
                id
            })
        });
        let plan = LogicalPlanBuilder::from(self.plan)
            .project(exprs)?
            .build()?;
        Ok(Self {
            plan,
            columns,
            hidden,
            serialized: self.serialized,
        })
    }

    pub(crate) fn filter(self, predicate: Expr) -> Result<Self> {
        let plan = LogicalPlanBuilder::from(self.plan)
            .filter(predicate)?
            .build()?;
        Ok(Self { plan, ..self })
    }

    pub(crate) fn limit(self, rows: usize) -> Result<Self> {
        let plan = LogicalPlanBuilder::from(self.plan)
            .limit(0, Some(rows))?
            .build()?;
        Ok(Self { plan, ..self })
    }
}

fn plan_column(expr: &Expr) -> Option<String> {
    if let Expr::Column(column) = expr {
        Some(column.name.clone())
    } else {
        None
    }
}

/// Kusto refuses a result with two columns of one name.
pub(crate) fn check_unique<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(KqlError::semantic(
                "SEM0022",
                format!("The column named '{name}' is specified more than once"),
            ));
        }
    }
    Ok(())
}

/// A name that is not among `taken`: itself or with the next free number behind it.
pub(crate) fn free_name(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    let mut number = 1_usize;
    loop {
        let candidate = format!("{name}{number}");
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}
