//! `.execute database script`: commands one after the other, not one transaction.

use kusto_emulator_commands::{Command, Script};
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use super::rows::rows_table;
use super::{Execution, run_command};
use crate::error::KustoError;

const COLUMNS: [(&str, ScalarType); 5] = [
    ("OperationId", ScalarType::Guid),
    ("CommandType", ScalarType::String),
    ("CommandText", ScalarType::String),
    ("Result", ScalarType::String),
    ("Reason", ScalarType::String),
];

/// Runs the script. What was done before a failure stays done. By default the script itself
/// succeeds despite failed commands, which its rows tell; `.show` commands are skipped.
///
/// # Errors
/// With `ThrowOnErrors` the first failed command.
pub(super) async fn run(context: &Execution, script: &Script) -> Result<Table, KustoError> {
    let mut rows = Vec::with_capacity(script.commands.len());
    for text in &script.commands {
        let (kind, result) = match kusto_emulator_commands::parse(text) {
            Err(refused) => ("Unknown".to_owned(), Err(KustoError::from(refused))),
            Ok(parsed) => {
                let kind = parsed.command.kind();
                if matches!(parsed.command, Command::Show(_)) {
                    rows.push(row(&kind, text, "Skipped", ""));
                    continue;
                }
                let request = context.request.with_text(text);
                (kind, run_command(&context.engine, &request, parsed).await)
            }
        };
        match result {
            Ok(_) => rows.push(row(&kind, text, "Completed", "")),
            Err(failed) if script.throw_on_errors => {
                return Err(KustoError {
                    message: format!("Script command '{kind}' failed: {}", failed.message),
                    ..failed
                });
            }
            Err(failed) => {
                rows.push(row(&kind, text, "Failed", &failed.message));
                if !script.continue_on_errors {
                    break;
                }
            }
        }
    }
    rows_table(&COLUMNS, rows)
}

fn row(kind: &str, text: &str, result: &str, reason: &str) -> Vec<Value> {
    vec![
        Value::Guid(Uuid::new_v4().to_string()),
        Value::string(kind),
        Value::string(kusto_emulator_commands::obfuscate(text)),
        Value::string(result),
        Value::string(reason),
    ]
}
