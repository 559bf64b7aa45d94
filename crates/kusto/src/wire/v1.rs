//! Answers of `/v1/rest/mgmt`: `{"Tables":[…]}`.

use serde::Deserialize;
use serde_json::Value;

use super::fault::ServiceFault;
use super::{BadAnswer, WireColumn, table_of};
use crate::rows::{Row, Table};

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Tables")]
    tables: Option<Vec<WireTable>>,
    #[serde(rename = "Exceptions")]
    exceptions: Option<Vec<Value>>,
    #[serde(rename = "OneApiErrors")]
    one_api_errors: Option<Vec<Value>>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WireTable {
    #[serde(rename = "Columns")]
    columns: Vec<WireColumn>,
    #[serde(rename = "Rows")]
    rows: Vec<Value>,
}

/// The primary result. With more than two tables the last is a table of contents that says
/// which one that is; a status table among them may say that the request failed.
pub(crate) fn primary(body: &[u8]) -> Result<Table, BadAnswer> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| BadAnswer::unreadable("v1", &error))?;
    let lists = [&answer.exceptions, &answer.one_api_errors];
    if let Some(first) = lists.into_iter().flatten().flatten().next() {
        return Err(BadAnswer::Fault(ServiceFault::from_value(first)));
    }
    if let Some(error) = &answer.error {
        return Err(BadAnswer::Fault(ServiceFault::from_value(error)));
    }
    let mut tables = answer
        .tables
        .ok_or_else(|| BadAnswer::Malformed("the answer has no `Tables`".to_owned()))?
        .into_iter()
        .map(|table| table_of(&table.columns, table.rows))
        .collect::<Result<Vec<_>, _>>()?;
    let at = if tables.len() > 2 {
        from_contents(&tables)?
    } else {
        0
    };
    if at < tables.len() {
        Ok(tables.swap_remove(at))
    } else {
        Err(BadAnswer::Malformed(
            "the answer has no result table".to_owned(),
        ))
    }
}

fn from_contents(tables: &[Table]) -> Result<usize, BadAnswer> {
    let contents: Vec<(usize, String)> = tables
        .last()
        .map(|last| last.iter().filter_map(entry).collect())
        .unwrap_or_default();
    for (at, kind) in &contents {
        if kind == "QueryStatus"
            && let Some(table) = tables.get(*at)
        {
            check_status(table)?;
        }
    }
    let primary = contents.iter().find(|(_, kind)| kind == "QueryResult");
    Ok(primary.map_or(0, |(at, _)| *at))
}

/// `Ordinal` and `Kind` of a line of the table of contents.
fn entry(row: Row<'_>) -> Option<(usize, String)> {
    let ordinal: i64 = row.get("Ordinal").ok()?;
    let kind: String = row.get("Kind").ok()?;
    Some((usize::try_from(ordinal).ok()?, kind))
}

/// Severities up to 2 are errors.
fn check_status(table: &Table) -> Result<(), BadAnswer> {
    let failed = table
        .iter()
        .find(|row| row.get::<i64>("Severity").is_ok_and(|level| level <= 2));
    match failed {
        None => Ok(()),
        Some(row) => Err(BadAnswer::Fault(ServiceFault {
            message: row.get("StatusDescription").unwrap_or_default(),
            ..ServiceFault::default()
        })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::primary;
    use crate::wire::BadAnswer;

    fn read(value: serde_json::Value) -> Result<crate::rows::Table, BadAnswer> {
        primary(value.to_string().as_bytes())
    }

    #[test]
    fn a_command_has_one_table() {
        let table = read(json!({"Tables": [{"TableName": "Table_0",
            "Columns": [{"ColumnName": "A", "DataType": "Int32", "ColumnType": "int"}],
            "Rows": [[1], [2]]}]}))
        .expect("a table");
        assert_eq!(table.columns, ["A"]);
        assert_eq!(table.rows, [[json!(1)], [json!(2)]]);
    }

    fn with_contents(severity: i64) -> serde_json::Value {
        json!({"Tables": [
            {"Columns": [{"ColumnName": "Value"}], "Rows": [["{}"]]},
            {"Columns": [{"ColumnName": "X"}], "Rows": [[7]]},
            {"Columns": [{"ColumnName": "Severity"}, {"ColumnName": "StatusDescription"}],
             "Rows": [[severity, "said so"]]},
            {"Columns": [{"ColumnName": "Ordinal"}, {"ColumnName": "Kind"}],
             "Rows": [[0, "QueryProperties"], [1, "QueryResult"], [2, "QueryStatus"]]}
        ]})
    }

    #[test]
    fn the_table_of_contents_is_followed() {
        assert_eq!(read(with_contents(4)).expect("a table").rows, [[json!(7)]]);
        match read(with_contents(2)) {
            Err(BadAnswer::Fault(fault)) => assert_eq!(fault.message, "said so"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_in_place_of_rows_void_the_answer() {
        let partial = json!({"Tables": [{"Columns": [{"ColumnName": "A"}],
            "Rows": [[1], {"Exceptions": ["Query execution failed"]}]}]});
        assert!(matches!(read(partial), Err(BadAnswer::Fault(_))));
        let top = json!({"Tables": [{"Columns": [{"ColumnName": "A"}], "Rows": [[1]]}],
            "Exceptions": ["Query execution failed"]});
        assert!(matches!(read(top), Err(BadAnswer::Fault(_))));
        let top = json!({"Tables": [{"Columns": [{"ColumnName": "A"}], "Rows": [[1]]}],
            "OneApiErrors": [{"error": {"code": "LimitsExceeded"}}]});
        assert!(matches!(read(top), Err(BadAnswer::Fault(_))));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for bad in [
            json!({}),
            json!([]),
            json!({"Tables": []}),
            json!({"Tables": [{"Columns": [{"ColumnName": "A"}], "Rows": [[]]}]}),
        ] {
            assert!(matches!(read(bad), Err(BadAnswer::Malformed(_))));
        }
        for cut in ["", "{\"Tables\": [{\"Columns\": []"] {
            let answer = primary(cut.as_bytes());
            assert!(matches!(answer, Err(BadAnswer::CutShort(_))), "{cut}");
        }
        let page = primary(b"<html>no</html>");
        assert!(matches!(page, Err(BadAnswer::Malformed(_))));
    }
}
