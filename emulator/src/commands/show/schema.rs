//! Schemas in their forms: rows, `cslschema`, JSON, a script of commands.

use std::sync::Arc;

use kusto_emulator_commands::{Properties, SchemaForm};
use kusto_emulator_values::{ScalarType, Table as Values, Value};
use serde_json::{Map, Value as Json, json};

use crate::commands::Execution;
use crate::commands::functions::scalar_parameters;
use crate::commands::rows::rows_table;
use crate::error::KustoError;
use crate::model::{Database, Function, Table};

/// `.show table T cslschema` and `… schema as json`.
///
/// # Errors
/// A table that does not exist.
pub(super) fn table(
    context: &Execution,
    name: &str,
    schema: impl Fn(&Table) -> String,
) -> Result<Values, KustoError> {
    context
        .database()?
        .read(|database| table_schema_rows(&database.name, &[database.table(name)?], schema))
}

/// One row for each table, with its schema in some form.
///
/// # Errors
/// None in practice.
pub(in crate::commands) fn table_schema_rows(
    database: &str,
    tables: &[&Arc<Table>],
    schema: impl Fn(&Table) -> String,
) -> Result<Values, KustoError> {
    let rows = tables.iter().map(|table| {
        let schema = schema(table);
        [
            table.name.as_str(),
            &schema,
            database,
            &table.folder,
            &table.docstring,
        ]
        .map(Value::string)
        .to_vec()
    });
    rows_table(
        &[
            ("TableName", ScalarType::String),
            ("Schema", ScalarType::String),
            ("DatabaseName", ScalarType::String),
            ("Folder", ScalarType::String),
            ("DocString", ScalarType::String),
        ],
        rows,
    )
}

/// `.show database … schema` and `cslschema`.
///
/// # Errors
/// A database that does not exist, or an unknown property.
pub(super) fn database(
    context: &Execution,
    name: Option<&str>,
    form: SchemaForm,
    if_later_than: Option<&str>,
    properties: &Properties,
) -> Result<Values, KustoError> {
    properties.allow(&[
        "Tables",
        "ExternalTables",
        "MaterializedViews",
        "Functions",
        "EntityGroups",
        "Graphs",
        "IncludeHiddenTables",
        "ShowObfuscatedStrings",
        "UseNonDestructiveAlter",
    ])?;
    let name = name.unwrap_or(&context.request.database);
    context.engine.database(name)?.read(|database| {
        let is_unchanged = if_later_than.is_some_and(|version| !is_later(database, version));
        let tables: Vec<&Arc<Table>> = database
            .tables
            .values()
            .filter(|table| !is_unchanged && !table.hidden)
            .collect();
        match form {
            SchemaForm::CslSchema => table_schema_rows(&database.name, &tables, csl_schema),
            SchemaForm::Rows => schema_rows(database, &tables),
            SchemaForm::CslScript => script_rows(database, &tables),
            SchemaForm::Json => {
                let rows = match is_unchanged {
                    true => Vec::new(),
                    false => vec![vec![Value::string(
                        database_json(database, &tables).to_string(),
                    )]],
                };
                rows_table(&[("DatabaseSchema", ScalarType::String)], rows)
            }
        }
    })
}

/// Whether the database has changed since this version; an unreadable version counts as old.
fn is_later(database: &Database, version: &str) -> bool {
    let major = version
        .trim_start_matches(['v', 'V'])
        .split('.')
        .next()
        .and_then(|major| major.parse::<u64>().ok());
    major.is_none_or(|major| database.version > major)
}

/// Columns as `a:long,['b c']:string`.
pub(super) fn csl_schema(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{}:{}", quoted(&column.name), column.ty.name()))
        .collect();
    columns.join(",")
}

/// A name as it can stand in a text: bare when that is unambiguous.
fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    match is_plain && !KEYWORDS.contains(&name) {
        true => name.to_owned(),
        false => format!("['{name}']"),
    }
}

/// Words that cannot stand as a bare name.
const KEYWORDS: [&str; 24] = [
    "and",
    "as",
    "by",
    "contains",
    "count",
    "declare",
    "distinct",
    "evaluate",
    "extend",
    "has",
    "in",
    "join",
    "let",
    "limit",
    "or",
    "order",
    "print",
    "project",
    "set",
    "sort",
    "summarize",
    "take",
    "union",
    "where",
];

/// A table as in `schema as json`.
pub(in crate::commands) fn schema_json(table: &Table) -> Json {
    let columns: Vec<Json> = table
        .columns
        .iter()
        .map(|column| {
            let mut shown = json!({
                "Name": column.name,
                "Type": column.ty.clr_name(),
                "CslType": column.ty.name(),
            });
            if !column.docstring.is_empty() {
                shown["DocString"] = json!(column.docstring);
            }
            shown
        })
        .collect();
    json!({
        "Name": table.name,
        "Folder": table.folder,
        "DocString": table.docstring,
        "OrderedColumns": columns,
    })
}

fn database_json(database: &Database, tables: &[&Arc<Table>]) -> Json {
    let tables: Map<String, Json> = tables
        .iter()
        .map(|table| (table.name.clone(), schema_json(table)))
        .collect();
    let functions: Map<String, Json> = database
        .functions
        .values()
        .map(|function| (function.name.clone(), function_json(function)))
        .collect();
    let mut databases = Map::new();
    databases.insert(
        database.name.clone(),
        json!({
            "Name": database.name,
            "Tables": tables,
            "ExternalTables": {},
            "MaterializedViews": {},
            "EntityGroups": {},
            "MajorVersion": database.version,
            "MinorVersion": 0,
            "Functions": functions,
            "DatabaseAccessMode": database.access.name(),
        }),
    );
    json!({ "Databases": databases })
}

fn function_json(function: &Function) -> Json {
    let parameters: Vec<Json> = scalar_parameters(&function.parameters)
        .iter()
        .map(|parameter| {
            json!({
                "Name": parameter.name,
                "Type": parameter.ty.clr_name(),
                "CslType": parameter.ty.name(),
            })
        })
        .collect();
    json!({
        "Name": function.name,
        "InputParameters": parameters,
        "Body": function.body,
        "Folder": function.folder,
        "DocString": function.docstring,
        "FunctionKind": "Unknown",
        "OutputColumns": [],
    })
}

fn schema_rows(database: &Database, tables: &[&Arc<Table>]) -> Result<Values, KustoError> {
    let row = |table: &str, column: &str, ty: &str, folder: &str, docstring: &str| {
        vec![
            Value::string(database.name.as_str()),
            Value::string(table),
            Value::string(column),
            Value::string(ty),
            Value::Bool(false),
            Value::Bool(false),
            Value::string(database.pretty_name.as_str()),
            Value::string(database.version_text()),
            Value::string(folder),
            Value::string(docstring),
        ]
    };
    let mut rows = vec![row("", "", "", "", "")];
    for table in tables {
        rows.push(row(&table.name, "", "", &table.folder, &table.docstring));
        rows.extend(table.columns.iter().map(|column| {
            let ty = column.ty.clr_name();
            row(&table.name, &column.name, ty, "", &column.docstring)
        }));
    }
    rows_table(
        &[
            ("DatabaseName", ScalarType::String),
            ("TableName", ScalarType::String),
            ("ColumnName", ScalarType::String),
            ("ColumnType", ScalarType::String),
            ("IsDefaultTable", ScalarType::Bool),
            ("IsDefaultColumn", ScalarType::Bool),
            ("PrettyName", ScalarType::String),
            ("Version", ScalarType::String),
            ("Folder", ScalarType::String),
            ("DocString", ScalarType::String),
        ],
        rows,
    )
}

/// Commands that make the tables, mappings and functions again; policies are not among them.
fn script_rows(database: &Database, tables: &[&Arc<Table>]) -> Result<Values, KustoError> {
    let mut commands = Vec::new();
    for table in tables {
        commands.push(format!(
            ".create-merge table {} ({}) with (folder={}, docstring={})",
            quoted(&table.name),
            csl_schema(table),
            literal(&table.folder),
            literal(&table.docstring),
        ));
        commands.extend(table.mappings.values().map(|mapping| {
            format!(
                ".create-or-alter table {} ingestion {} mapping {} {}",
                quoted(&table.name),
                mapping.kind,
                literal(&mapping.name),
                literal(&mapping.text),
            )
        }));
    }
    commands.extend(database.functions.values().map(|function| {
        format!(
            ".create-or-alter function with (skipvalidation='true', folder={}, docstring={}) {} {} {}",
            literal(&function.folder),
            literal(&function.docstring),
            quoted(&function.name),
            function.parameters,
            function.body,
        )
    }));
    rows_table(
        &[("DatabaseSchemaScript", ScalarType::String)],
        commands
            .into_iter()
            .map(|command| vec![Value::string(command)]),
    )
}

fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kusto_emulator_values::Column;

    #[test]
    fn a_schema_text_quotes_what_needs_it() {
        let table = Table::new(
            "T",
            &[
                Column::new("a", ScalarType::Long),
                Column::new("b c", ScalarType::String),
                Column::new("where", ScalarType::Bool),
                Column::new("1x", ScalarType::Real),
            ],
        );
        assert_eq!(
            csl_schema(&table),
            "a:long,['b c']:string,['where']:bool,['1x']:real"
        );
    }

    #[test]
    fn a_version_is_later_only_when_it_grew() {
        let database = Database::new("D", 0);
        assert!(!is_later(&database, &database.version_text()));
        assert!(is_later(&database, "v0.9"));
        assert!(is_later(&database, "nonsense"));
    }
}
