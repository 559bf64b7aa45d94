//! Stored functions: create, alter, drop.

use std::sync::Arc;

use kusto_emulator_commands::{CreateMode, FunctionCommand, FunctionDefinition};
use kusto_emulator_values::{Column, ScalarType, Table, Value};

use super::Execution;
use super::rows::rows_table;
use crate::error::KustoError;
use crate::model::{Function, Transaction};

/// The columns of `.show functions` and of every answer about functions.
pub(super) const COLUMNS: [(&str, ScalarType); 5] = [
    ("Name", ScalarType::String),
    ("Parameters", ScalarType::String),
    ("Body", ScalarType::String),
    ("Folder", ScalarType::String),
    ("DocString", ScalarType::String),
];

/// Changes stored functions and shows them. Defining the same function twice changes nothing more.
///
/// # Errors
/// A function that exists (`.create`) or is missing (`.alter`, `.drop`).
pub(super) fn run(context: &Execution, command: &FunctionCommand) -> Result<Table, KustoError> {
    let database = context.database()?;
    let shown = context
        .engine
        .commit(&database, |transaction| match command {
            FunctionCommand::Define { mode, definition } => {
                define(transaction, *mode, definition).map(|function| vec![function])
            }
            FunctionCommand::SetFolder { name, folder } => change(transaction, name, |function| {
                function.folder.clone_from(folder)
            }),
            FunctionCommand::SetDocString { name, text } => change(transaction, name, |function| {
                function.docstring.clone_from(text)
            }),
            FunctionCommand::Drop {
                names, if_exists, ..
            } => {
                for name in names {
                    let dropped = transaction.database_mut().functions.remove(name);
                    if dropped.is_none() && !if_exists {
                        return Err(not_found(name));
                    }
                }
                Ok(Vec::new())
            }
        })?;
    match command {
        FunctionCommand::Drop { .. } => {
            let rows = database.read(|database| {
                database
                    .functions
                    .keys()
                    .map(|name| vec![Value::string(name.as_str())])
                    .collect::<Vec<_>>()
            });
            rows_table(&[("Name", ScalarType::String)], rows)
        }
        FunctionCommand::Define { .. }
        | FunctionCommand::SetFolder { .. }
        | FunctionCommand::SetDocString { .. } => function_rows(&shown),
    }
}

/// Functions as rows.
///
/// # Errors
/// None in practice.
pub(super) fn function_rows(functions: &[Arc<Function>]) -> Result<Table, KustoError> {
    let rows = functions.iter().map(|function| {
        [
            &function.name,
            &function.parameters,
            &function.body,
            &function.folder,
            &function.docstring,
        ]
        .map(|text| Value::string(text.as_str()))
        .to_vec()
    });
    rows_table(&COLUMNS, rows)
}

fn define(
    transaction: &mut Transaction<'_>,
    mode: CreateMode,
    definition: &FunctionDefinition,
) -> Result<Arc<Function>, KustoError> {
    let name = &definition.name;
    let held = transaction.database().functions.get(name).map(Arc::clone);
    match (mode, &held) {
        (CreateMode::Create, Some(_)) => return Err(KustoError::already_exists("Function", name)),
        (CreateMode::CreateIfNotExists, Some(held)) => return Ok(Arc::clone(held)),
        (CreateMode::Alter, None) => return Err(not_found(name)),
        (CreateMode::Create | CreateMode::CreateIfNotExists, None)
        | (CreateMode::CreateOrAlter, _)
        | (CreateMode::Alter, Some(_)) => {}
    }
    let text = |property: &str, before: fn(&Function) -> &str| {
        let kept = held.as_deref().map(before).unwrap_or("");
        definition
            .properties
            .text(property)
            .unwrap_or(kept)
            .to_owned()
    };
    let function = Arc::new(Function {
        name: name.clone(),
        parameters: definition.parameters.clone(),
        body: definition.body.clone(),
        folder: text("folder", |function| &function.folder),
        docstring: text("docstring", |function| &function.docstring),
    });
    transaction
        .database_mut()
        .functions
        .insert(name.clone(), Arc::clone(&function));
    Ok(function)
}

fn change(
    transaction: &mut Transaction<'_>,
    name: &str,
    change: impl FnOnce(&mut Function),
) -> Result<Vec<Arc<Function>>, KustoError> {
    let held = transaction
        .database_mut()
        .functions
        .get_mut(name)
        .ok_or_else(|| not_found(name))?;
    change(Arc::make_mut(held));
    Ok(vec![Arc::clone(held)])
}

/// Kusto's answer for a missing function.
pub(super) fn not_found(name: &str) -> KustoError {
    KustoError::entity_not_found(
        "BadRequest_FunctionNotExist",
        &format!("Function '{name}' was not found."),
    )
}

/// The parameters of a function as name and type; a tabular parameter has no scalar type and is
/// left out, as is anything that cannot be read.
pub(super) fn scalar_parameters(parameters: &str) -> Vec<Column> {
    let inner = parameters
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(')');
    inner
        .split(',')
        .filter_map(|parameter| {
            let (name, rest) = parameter.split_once(':')?;
            let ty = rest.split('=').next().unwrap_or(rest).trim();
            Some(Column::new(name.trim(), ScalarType::parse(ty)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_parameters_are_read_with_their_defaults() {
        let columns = scalar_parameters("(a:long, b:string = 'x')");
        assert_eq!(
            columns,
            [
                Column::new("a", ScalarType::Long),
                Column::new("b", ScalarType::String)
            ]
        );
        assert_eq!(scalar_parameters("()"), []);
    }
}
