//! Extents that a query or a command names, for commands of the form `… <| query`.

use kusto_emulator_values::{Table, Value};
use uuid::Uuid;

use super::Execution;
use crate::error::KustoError;
use crate::query::Overrides;

/// One row of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    /// The extent.
    pub(crate) id: Uuid,
    /// Its table, if the query answers it.
    pub(crate) table: Option<String>,
    /// Its tags, if the query answers them.
    pub(crate) tags: Vec<String>,
}

/// Runs the text after `<|` and reads `ExtentId`, `TableName` and `Tags` of its rows.
///
/// # Errors
/// What the query answers, a result without `ExtentId`, or a value there that is no guid.
pub(crate) async fn select_extents(
    context: &Execution,
    query: &str,
) -> Result<Vec<Selected>, KustoError> {
    selected(&context.result_of(query, Overrides::new()).await?)
}

fn selected(table: &Table) -> Result<Vec<Selected>, KustoError> {
    let Some(id_at) = table.column_index("ExtentId") else {
        return Err(KustoError::bad_request(
            "BadRequest_MissingColumn",
            "The query must answer a column 'ExtentId'.",
        ));
    };
    let table_at = table.column_index("TableName");
    let tags_at = table.column_index("Tags");
    let rows = table
        .rows()
        .map_err(|error| KustoError::service(error.to_string()))?;
    rows.into_iter()
        .map(|row| {
            let text = |at: usize| row.get(at).map(Value::to_text).unwrap_or_default();
            let id = Uuid::parse_str(&text(id_at)).map_err(|_| {
                KustoError::bad_request(
                    "BadRequest_InvalidExtentId",
                    "The query's column 'ExtentId' holds a value that is no guid.",
                )
            })?;
            Ok(Selected {
                id,
                table: table_at.map(text),
                tags: tags_at.map(|at| tags_of(&text(at))).unwrap_or_default(),
            })
        })
        .collect()
}

/// Tags as `.show extents` tells them (joined by CR LF) or as a dynamic array.
fn tags_of(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|_| {
        text.split("\r\n")
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::rows::rows_table;
    use kusto_emulator_values::ScalarType;

    #[test]
    fn ids_tables_and_tags_are_read_by_name() {
        let id = "5b0a7f9e-1111-4a11-9111-000000000001";
        let table = rows_table(
            &[
                ("Tags", ScalarType::String),
                ("ExtentId", ScalarType::Guid),
                ("TableName", ScalarType::String),
            ],
            [vec![
                Value::string("a\r\nb"),
                Value::Guid(id.to_owned()),
                Value::string("T"),
            ]],
        )
        .expect("the row fits");
        let selected = selected(&table).expect("the columns are there");
        assert_eq!(selected[0].id.to_string(), id);
        assert_eq!(selected[0].table.as_deref(), Some("T"));
        assert_eq!(selected[0].tags, ["a", "b"]);
    }

    #[test]
    fn a_result_without_ids_is_refused() {
        let table = rows_table(&[("x", ScalarType::Long)], []).expect("no rows fit");
        assert!(super::selected(&table).is_err());
    }

    #[test]
    fn tags_are_read_in_both_forms() {
        assert_eq!(tags_of("[\"a\",\"b\"]"), ["a", "b"]);
        assert_eq!(tags_of("a"), ["a"]);
        assert!(tags_of("").is_empty());
    }
}
