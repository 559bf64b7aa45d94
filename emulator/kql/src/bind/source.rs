//! Sources of rows.

use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlanBuilder};
use kusto_emulator_values::{Column, ColumnBuilder, ScalarType, Value};

use crate::ast::{Argument, Expr, Source};
use crate::catalog::{HIDDEN, TableSource};
use crate::error::{KqlError, Result};
use crate::execute;
use crate::relation::{Relation, RelationColumn};

use super::{Binder, Binding, Env, Scope, range};

impl Binder {
    pub(super) fn source(&self, source: &Source, scope: &Scope) -> Result<Relation> {
        match source {
            Source::Expr(expr) => self.tabular(expr, scope),
            Source::Parenthesised(query) => self.pipeline(query, scope),
            Source::DataTable { columns, values } => self.data_table(columns, values, scope),
            Source::Range {
                name,
                from,
                to,
                step,
            } => self.range(name, [from, to, step], scope),
            Source::Print(items) => self.print(items, scope),
            Source::Union(union) => self.union(None, union, scope),
            Source::ExternalData {
                columns,
                uris,
                properties,
            } => {
                let uris = uris
                    .iter()
                    .map(|uri| Ok(self.constant(uri, scope, "A storage string")?.to_text()))
                    .collect::<Result<Vec<_>>>()?;
                let properties = properties
                    .iter()
                    .map(|(name, value)| {
                        let text = match value {
                            Expr::Name(word) => word.clone(),
                            other @ (Expr::Literal(_)
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
                            | Expr::Query(_)) => {
                                self.constant(other, scope, "A property")?.to_text()
                            }
                        };
                        Ok((name.clone(), text))
                    })
                    .collect::<Result<_>>()?;
                let table = self
                    .catalog
                    .external_data(&uris, columns, &properties)
                    .map_err(KqlError::execution)?;
                execute::from_table(&self.ids, &table)
            }
        }
    }

    /// Whether an expression names rows and not a scalar.
    pub(crate) fn is_tabular(&self, expr: &Expr, scope: &Scope) -> bool {
        match expr {
            Expr::Query(_) => true,
            Expr::Name(name) => match scope.find(name) {
                Some(Binding::Scalar(_)) => false,
                Some(Binding::Query { .. } | Binding::Rows(_) | Binding::Function { .. }) => true,
                None => {
                    self.named.borrow().contains_key(name)
                        || self.catalog.function(None, name).is_some()
                        || self.catalog.table(None, name).is_some()
                }
            },
            Expr::Call { name, .. } => match scope.find(name) {
                Some(Binding::Function { function, scope }) => self.gives_rows(function, scope),
                Some(_) => false,
                None if matches!(name.as_str(), "table" | "materialize") => true,
                None if crate::functions::is_known(name) => false,
                None => {
                    matches!(self.stored_function(None, name), Ok(Some(function)) if self.gives_rows(&function, &Scope::default()))
                }
            },
            Expr::Member(base, _) | Expr::MethodCall { base, .. } => is_database(base),
            Expr::Literal(_)
            | Expr::Side(_)
            | Expr::Star
            | Expr::Index(..)
            | Expr::Negate(_)
            | Expr::Binary { .. }
            | Expr::In { .. }
            | Expr::HasTerms { .. }
            | Expr::Between { .. } => false,
        }
    }

    /// Whether a function's last statement names rows.
    fn gives_rows(&self, function: &crate::ast::Function, scope: &Scope) -> bool {
        let Some(crate::ast::Statement::Query(last)) = function.body.last() else {
            return false;
        };
        let Source::Expr(expr) = &last.source else {
            return true;
        };
        if !last.operators.is_empty() {
            return true;
        }
        // A name of the function's own: what its let or its parameter is.
        if let Expr::Name(name) = expr {
            let parameter = function
                .parameters
                .iter()
                .find(|parameter| parameter.name == *name);
            if let Some(parameter) = parameter {
                return matches!(parameter.ty, crate::ast::ParameterType::Tabular(_));
            }
            for statement in &function.body {
                if let crate::ast::Statement::Let {
                    name: given,
                    value: crate::ast::LetValue::Expr(value),
                } = statement
                    && given == name
                {
                    return self.is_tabular(value, scope);
                }
            }
        }
        self.is_tabular(expr, scope)
    }

    /// Rows of a name, a call or a parenthesised query.
    pub(crate) fn tabular(&self, expr: &Expr, scope: &Scope) -> Result<Relation> {
        match expr {
            Expr::Query(query) => self.pipeline(query, scope),
            Expr::Name(name) => self.rows_of_name(name, scope),
            Expr::Call { name, arguments } => self.rows_of_call(name, arguments, scope),
            Expr::Member(base, name) if is_database(base) => {
                let database = self.database_name(base, scope)?;
                self.rows_in_database(&database, name, &[], scope)
            }
            Expr::MethodCall {
                base,
                name,
                arguments,
            } if is_database(base) => {
                let database = self.database_name(base, scope)?;
                if name == "table" {
                    let (table, _) = self.table_arguments(arguments, scope)?;
                    return self
                        .scan(Some(&database), &table)?
                        .ok_or_else(|| unknown_table(&table));
                }
                self.rows_in_database(&database, name, arguments, scope)
            }
            Expr::Literal(_)
            | Expr::Side(_)
            | Expr::Star
            | Expr::Member(..)
            | Expr::Index(..)
            | Expr::MethodCall { .. }
            | Expr::Negate(_)
            | Expr::Binary { .. }
            | Expr::In { .. }
            | Expr::HasTerms { .. }
            | Expr::Between { .. } => Err(KqlError::semantic(
                "SEM0100",
                "The query is not a tabular expression",
            )),
        }
    }

    fn rows_of_name(&self, name: &str, scope: &Scope) -> Result<Relation> {
        match scope.find(name) {
            Some(Binding::Query { query, scope }) => {
                let (query, scope) = (Arc::clone(query), scope.clone());
                return self.pipeline(&query, &scope);
            }
            Some(Binding::Rows(rows)) => return rows.as_ref().clone().renamed(&self.ids),
            Some(Binding::Function { .. }) => return self.rows_of_call(name, &[], scope),
            Some(Binding::Scalar(_)) => {
                return Err(KqlError::semantic(
                    "SEM0100",
                    format!("'{name}' is a scalar where rows are expected"),
                ));
            }
            None => {}
        }
        let named = self.named.borrow().get(name).cloned();
        if let Some(rows) = named {
            return rows.renamed(&self.ids);
        }
        if let Some(function) = self.stored_function(None, name)? {
            return self.tabular_function(
                name,
                &function,
                &Scope::default(),
                &[],
                &Env::without_rows(scope),
                None,
            );
        }
        self.scan(None, name)?.ok_or_else(|| unknown_table(name))
    }

    fn rows_of_call(&self, name: &str, arguments: &[Argument], scope: &Scope) -> Result<Relation> {
        let env = Env::without_rows(scope);
        if let Some(Binding::Function {
            function,
            scope: inner,
        }) = scope.find(name)
        {
            let (function, inner) = (Arc::clone(function), inner.clone());
            return self.tabular_function(name, &function, &inner, arguments, &env, None);
        }
        match name {
            "table" => {
                let (table, _) = self.table_arguments(arguments, scope)?;
                if let Some(rows) = self.scan(None, &table)? {
                    return Ok(rows);
                }
                return self.rows_of_name(&table, scope);
            }
            "materialize" => {
                let [argument] = arguments else {
                    return Err(crate::functions::wrong_count(name, 1, 1));
                };
                return self.tabular(&argument.value, scope);
            }
            _ => {}
        }
        if let Some(function) = self.stored_function(None, name)? {
            return self.tabular_function(
                name,
                &function,
                &Scope::default(),
                arguments,
                &env,
                None,
            );
        }
        Err(KqlError::semantic(
            "SEM0260",
            format!("Unknown function: '{name}'."),
        ))
    }

    fn rows_in_database(
        &self,
        database: &str,
        name: &str,
        arguments: &[Argument],
        scope: &Scope,
    ) -> Result<Relation> {
        if let Some(function) = self.stored_function(Some(database), name)? {
            let env = Env::without_rows(scope);
            return self.tabular_function(
                name,
                &function,
                &Scope::default(),
                arguments,
                &env,
                None,
            );
        }
        self.scan(Some(database), name)?
            .ok_or_else(|| unknown_table(name))
    }

    fn database_name(&self, base: &Expr, scope: &Scope) -> Result<String> {
        let Expr::Call { arguments, .. } = base else {
            return Err(KqlError::semantic("SEM0100", "A database is expected"));
        };
        self.constant_text("database", arguments, &Env::without_rows(scope))
    }

    /// Name and data scope of `table(name [, scope])`.
    fn table_arguments(&self, arguments: &[Argument], scope: &Scope) -> Result<(String, String)> {
        let (name, data_scope) = match arguments {
            [name] => (name, None),
            [name, data_scope] => (name, Some(data_scope)),
            _ => return Err(crate::functions::wrong_count("table", 1, 2)),
        };
        let name = self
            .constant(&name.value, scope, "The name of a table")?
            .to_text();
        let data_scope = match data_scope {
            Some(found) => self
                .constant(&found.value, scope, "The data scope")?
                .to_text(),
            None => "default".to_owned(),
        };
        if !matches!(data_scope.as_str(), "all" | "default" | "hotcache") {
            return Err(KqlError::semantic(
                "SEM0069",
                format!("'{data_scope}' is not a data scope"),
            ));
        }
        Ok((name, data_scope))
    }

    /// The rows of a table of the catalog, its hidden columns beside them.
    pub(super) fn scan(&self, database: Option<&str>, name: &str) -> Result<Option<Relation>> {
        self.catalog
            .table(database, name)
            .map(|table| self.scan_source(table))
            .transpose()
    }

    pub(crate) fn scan_source(&self, table: TableSource) -> Result<Relation> {
        let source = provider_as_source(table.provider);
        let scan = LogicalPlanBuilder::scan(self.ids.next(), source, None)?;
        let found = scan.schema().columns();
        if found.len() != table.schema.len() + HIDDEN.len() {
            return Err(KqlError::execution(
                "The table's provider does not have the columns of its schema",
            ));
        }
        let mut exprs = Vec::with_capacity(found.len());
        let mut columns = Vec::with_capacity(table.schema.len());
        let mut hidden: [String; 4] = Default::default();
        for (at, from) in found.into_iter().enumerate() {
            let id = self.ids.next();
            exprs.push(PlanExpr::Column(from).alias(&id));
            match table.schema.get(at) {
                Some(user) => columns.push(RelationColumn {
                    name: user.name.clone(),
                    ty: user.ty,
                    id,
                }),
                None => hidden[at - table.schema.len()] = id,
            }
        }
        let plan = scan.project(exprs)?.build()?;
        Ok(Relation {
            plan,
            columns,
            hidden: Some(hidden),
            serialized: false,
        })
    }

    fn data_table(&self, columns: &[Column], values: &[Expr], scope: &Scope) -> Result<Relation> {
        if columns.is_empty() || !values.len().is_multiple_of(columns.len()) {
            return Err(KqlError::semantic(
                "SEM0018",
                "The number of values of 'datatable' is no multiple of its columns",
            ));
        }
        let mut builders: Vec<ColumnBuilder> = columns
            .iter()
            .map(|column| ColumnBuilder::new(column.ty))
            .collect();
        for row in values.chunks(columns.len()) {
            for ((value, column), builder) in row.iter().zip(columns).zip(&mut builders) {
                let value = self.constant(value, scope, "A value of 'datatable'")?;
                let value = stored_as(value, column.ty)?;
                builder
                    .push_value(&value)
                    .map_err(|found| wrong_value(found, column.ty))?;
            }
        }
        let rows = values.len() / columns.len();
        let arrays = columns
            .iter()
            .cloned()
            .zip(builders.iter_mut().map(ColumnBuilder::finish))
            .collect();
        execute::in_memory(&self.ids, arrays, rows)
    }

    fn range(&self, name: &str, bounds: [&Expr; 3], scope: &Scope) -> Result<Relation> {
        let [from, to, step] =
            bounds.map(|bound| self.constant(bound, scope, "A bound of 'range'"));
        let (ty, values) = range::values(&from?, &to?, &step?)?;
        let mut builder = ColumnBuilder::new(ty);
        for value in &values {
            builder
                .push_value(value)
                .map_err(|found| wrong_value(found, ty))?;
        }
        let column = (Column::new(name, ty), builder.finish());
        let mut relation = execute::in_memory(&self.ids, vec![column], values.len())?;
        relation.serialized = true;
        Ok(relation)
    }
}

fn is_database(expr: &Expr) -> bool {
    matches!(expr, Expr::Call { name, .. } if name == "database")
}

fn unknown_table(name: &str) -> KqlError {
    KqlError::semantic(
        "SEM0100",
        format!("Failed to resolve table or column expression named '{name}'"),
    )
}

fn wrong_value(found: ScalarType, wanted: ScalarType) -> KqlError {
    KqlError::semantic(
        "SEM0031",
        format!("A value of type {found} does not fit a column of type {wanted}"),
    )
}

/// A literal as a column of the type takes it.
fn stored_as(value: Value, ty: ScalarType) -> Result<Value> {
    let from = value.ty();
    Ok(match (value, ty) {
        (Value::Null(_), _) => Value::Null(ty),
        (value, ty) if from == ty => value,
        (Value::Long(value), ScalarType::Int) => {
            Value::Int(i32::try_from(value).map_err(|_| wrong_value(from, ty))?)
        }
        (
            value @ (Value::Int(_) | Value::Long(_)),
            ScalarType::Long | ScalarType::Real | ScalarType::Decimal,
        )
        | (value @ Value::Real(_), ScalarType::Decimal) => Value::from_text(&value.to_text(), ty),
        (value, ScalarType::Dynamic) => {
            Value::Dynamic(crate::json::Json::from_value(&value).to_string())
        }
        _ => return Err(wrong_value(from, ty)),
    })
}
