//! `project` and its forms, `extend`, `print`.

use std::collections::HashSet;

use datafusion::logical_expr::LogicalPlanBuilder;

use crate::ast::{NameOrder, NamePattern, Named};
use crate::bind::{Binder, Env, Scope};
use crate::error::{KqlError, Result};
use crate::execute;
use crate::relation::{Output, Relation, RelationColumn, check_unique, free_name};

use super::naming::{numbered, own_name};

impl Binder {
    pub(super) fn project(
        &self,
        input: Relation,
        items: &[Named],
        scope: &Scope,
    ) -> Result<Relation> {
        let (outputs, windowed) = self.outputs(&input, items, "project", scope)?;
        if windowed {
            return self.evaluate_all_rows(&input, outputs);
        }
        input.project(&self.ids, outputs)
    }

    /// New columns stand behind the old ones; a column of the same name is replaced and moves to
    /// the end (`extend-operator.md`).
    pub(super) fn extend(
        &self,
        input: Relation,
        items: &[Named],
        scope: &Scope,
    ) -> Result<Relation> {
        let (new, windowed) = self.outputs(&input, items, "extend", scope)?;
        let mut outputs = input.outputs();
        outputs.retain(|output| !new.iter().any(|new| new.name == output.name));
        outputs.extend(new);
        if windowed {
            return self.evaluate_all_rows(&input, outputs);
        }
        input.project(&self.ids, outputs)
    }

    pub(crate) fn print(&self, items: &[Named], scope: &Scope) -> Result<Relation> {
        let plan = LogicalPlanBuilder::empty(true).build()?;
        let row = Relation {
            plan,
            columns: Vec::new(),
            hidden: None,
            serialized: false,
        };
        let mut outputs = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let value = self.scalar(&item.expr, &Env::over(scope, &row, "print"))?;
            let name = item
                .names
                .first()
                .cloned()
                .unwrap_or_else(|| format!("print_{at}"));
            outputs.push(Output {
                name,
                ty: value.ty,
                expr: value.expr,
            });
        }
        row.project(&self.ids, outputs)
    }

    /// Named outputs of a list of expressions, and whether a window function is among them.
    fn outputs(
        &self,
        input: &Relation,
        items: &[Named],
        operator: &'static str,
        scope: &Scope,
    ) -> Result<(Vec<Output>, bool)> {
        let env = Env::over(scope, input, operator);
        let given: HashSet<String> = items
            .iter()
            .flat_map(|item| item.names.iter().cloned())
            .collect();
        let mut outputs: Vec<Output> = Vec::with_capacity(items.len());
        for item in items {
            let value = self.scalar(&item.expr, &env)?;
            let name = match item.names.as_slice() {
                [name] => name.clone(),
                [] => {
                    let base = own_name(&item.expr);
                    let taken = |name: &str| {
                        given.contains(name)
                            || outputs.iter().any(|output| output.name == name)
                            || (base.is_none()
                                && operator == "extend"
                                && input.find(name).is_some())
                    };
                    match &base {
                        Some(name) => free_name(name, taken),
                        None => numbered(taken),
                    }
                }
                _ => {
                    return Err(KqlError::semantic(
                        "SEM0100",
                        format!(
                            "'{operator}' operator: an expression of one column has several names"
                        ),
                    ));
                }
            };
            outputs.push(Output {
                name,
                ty: value.ty,
                expr: value.expr,
            });
        }
        Ok((outputs, env.windowed.get()))
    }

    /// Runs the input and evaluates the outputs over all its rows in one call.
    fn evaluate_all_rows(&self, input: &Relation, outputs: Vec<Output>) -> Result<Relation> {
        check_unique(outputs.iter().map(|output| output.name.as_str()))?;
        let batch = self.executor.batch(input)?;
        let mut columns = Vec::with_capacity(outputs.len());
        for output in outputs {
            let array = self.executor.evaluate(&output.expr, &batch)?;
            columns.push((
                kusto_emulator_values::Column::new(output.name, output.ty),
                array,
            ));
        }
        let hidden_from = input.columns.len();
        let count = columns.len();
        for (id, array) in input
            .hidden
            .iter()
            .flatten()
            .zip(&batch.columns()[hidden_from..])
        {
            let column =
                kusto_emulator_values::Column::new(id, kusto_emulator_values::ScalarType::String);
            columns.push((column, array.clone()));
        }
        let mut relation = execute::in_memory(&self.ids, columns, batch.num_rows())?;
        let hidden = relation.columns.split_off(count);
        relation.hidden = <[String; 4]>::try_from(
            hidden
                .into_iter()
                .map(|column| column.id)
                .collect::<Vec<_>>(),
        )
        .ok();
        relation.serialized = true;
        Ok(relation)
    }

    pub(super) fn project_away(
        &self,
        input: Relation,
        patterns: &[NamePattern],
    ) -> Result<Relation> {
        check_patterns(&input, patterns, "project-away")?;
        let mut outputs = input.outputs();
        outputs.retain(|output| {
            !patterns
                .iter()
                .any(|pattern| matches(pattern, &output.name))
        });
        input.project(&self.ids, outputs)
    }

    pub(super) fn project_keep(
        &self,
        input: Relation,
        patterns: &[NamePattern],
    ) -> Result<Relation> {
        check_patterns(&input, patterns, "project-keep")?;
        let mut outputs = input.outputs();
        outputs.retain(|output| {
            patterns
                .iter()
                .any(|pattern| matches(pattern, &output.name))
        });
        input.project(&self.ids, outputs)
    }

    pub(super) fn project_rename(
        &self,
        input: Relation,
        items: &[(String, String)],
    ) -> Result<Relation> {
        let mut columns = input.columns.clone();
        for (new, old) in items {
            input.require("project-rename", old)?;
            for (column, before) in columns.iter_mut().zip(&input.columns) {
                if before.name == *old {
                    column.name.clone_from(new);
                }
            }
        }
        check_unique(columns.iter().map(|column| column.name.as_str()))?;
        Ok(Relation { columns, ..input })
    }

    pub(super) fn project_reorder(
        &self,
        input: Relation,
        items: &[(NamePattern, NameOrder)],
    ) -> Result<Relation> {
        let mut rest = input.columns.clone();
        let mut ordered: Vec<RelationColumn> = Vec::with_capacity(rest.len());
        for (pattern, order) in items {
            check_patterns(&input, std::slice::from_ref(pattern), "project-reorder")?;
            let (mut taken, left): (Vec<_>, Vec<_>) = rest
                .into_iter()
                .partition(|column| matches(pattern, &column.name));
            match order {
                NameOrder::AsIs => {}
                NameOrder::Ascending => taken.sort_by(|a, b| a.name.cmp(&b.name)),
                NameOrder::Descending => taken.sort_by(|a, b| b.name.cmp(&a.name)),
            }
            ordered.extend(taken);
            rest = left;
        }
        ordered.extend(rest);
        Ok(Relation {
            columns: ordered,
            ..input
        })
    }
}

fn matches(pattern: &NamePattern, name: &str) -> bool {
    match pattern {
        NamePattern::Name(wanted) => wanted == name,
        NamePattern::Wildcard(wanted) => wildcard(wanted, name),
    }
}

/// Whether a name fits a pattern whose stars stand for any text.
fn wildcard(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && wildcard(after, &rest[at..]))
        }),
    }
}

/// A name without stars must be a column.
fn check_patterns(input: &Relation, patterns: &[NamePattern], operator: &str) -> Result<()> {
    for pattern in patterns {
        if let NamePattern::Name(name) = pattern {
            input.require(operator, name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn stars_stand_for_any_text() {
        let cases = [
            ("a*", "abc", true),
            ("a*", "b", false),
            ("*", "", true),
            ("*_x", "a_x", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("é*", "éa", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(wildcard(pattern, name), expected, "{pattern} {name}");
        }
    }
}
