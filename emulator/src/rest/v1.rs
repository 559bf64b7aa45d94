//! Answers of version 1: `{"Tables": […]}`.

use kusto_emulator_kql::QueryOutput;
use kusto_emulator_values::{Column, Table, datetime};
use serde_json::{Value, json};

use super::answer::{Part, push_rows};
use super::errors::error_document;
use crate::clock::now_ticks;
use crate::error::KustoError;
use crate::request::Request;

fn columns(schema: &[Column]) -> Value {
    let columns: Vec<Value> = schema
        .iter()
        .map(|column| {
            json!({
                "ColumnName": column.name,
                "DataType": column.ty.v1_data_type(),
                "ColumnType": column.ty.name(),
            })
        })
        .collect();
    Value::Array(columns)
}

fn begin_table(parts: &mut Vec<Part>, ordinal: usize, columns: &Value) {
    let comma = if ordinal == 0 { "" } else { "," };
    parts.push(Part::Text(format!(
        "{comma}{{\"TableName\":\"Table_{ordinal}\",\"Columns\":{columns},\"Rows\":"
    )));
}

/// The result of a command: one table. With a `late` error it ends in it and so does the document.
pub(super) fn command(request: &Request, table: &Table, late: Option<&KustoError>) -> Vec<Part> {
    let late = late.map(|error| error_document(error, request));
    let mut parts = vec![Part::Text("{\"Tables\":[".to_owned())];
    begin_table(&mut parts, 0, &columns(&table.schema));
    push_rows(&mut parts, table, late.as_ref().map(exceptions).as_ref());
    parts.push(Part::Text("}]".to_owned()));
    end(&mut parts, late.as_ref());
    parts
}

/// A failure as it stands in the place of a row.
fn exceptions(error: &Value) -> Value {
    json!({ "Exceptions": [error["@message"]] })
}

/// The end of the document, with the failure once more.
fn end(parts: &mut Vec<Part>, late: Option<&Value>) {
    if let Some(error) = late {
        let messages = json!([error["@message"]]);
        parts.push(Part::Text(format!(",\"Exceptions\":{messages}")));
    }
    parts.push(Part::Text("}".to_owned()));
}

/// The result of a query: its tables, then properties, status and contents. With a `late` error the
/// first table ends in it and so does the document.
pub(super) fn query(
    request: &Request,
    output: &QueryOutput,
    late: Option<&KustoError>,
) -> Vec<Part> {
    let late = late.map(|error| error_document(error, request));
    let mut parts = vec![Part::Text("{\"Tables\":[".to_owned())];
    let mut contents = Vec::new();
    for (ordinal, table) in output.tables.iter().enumerate() {
        begin_table(&mut parts, ordinal, &columns(&table.schema));
        let in_rows = late.as_ref().filter(|_| ordinal == 0).map(exceptions);
        push_rows(&mut parts, table, in_rows.as_ref());
        parts.push(Part::Text("}".to_owned()));
        contents.push(json!([
            ordinal,
            "QueryResult",
            "PrimaryResult",
            request.activity_id,
            ""
        ]));
    }
    for (name, kind, columns, rows) in [properties(output), status(request, late.is_some())] {
        let ordinal = contents.len();
        begin_table(&mut parts, ordinal, &columns);
        parts.push(Part::Text(format!("{rows}}}")));
        contents.push(json!([ordinal, kind, name, request.activity_id, ""]));
    }
    let contents_columns = plain_columns(&[
        ("Ordinal", "Int64", "long"),
        ("Kind", "String", "string"),
        ("Name", "String", "string"),
        ("Id", "String", "string"),
        ("PrettyName", "String", "string"),
    ]);
    begin_table(&mut parts, contents.len(), &contents_columns);
    parts.push(Part::Text(format!("{}}}]", Value::Array(contents))));
    end(&mut parts, late.as_ref());
    parts
}

type Described = (&'static str, &'static str, Value, Value);

fn properties(output: &QueryOutput) -> Described {
    let visualization = output
        .visualization
        .clone()
        .unwrap_or_else(|| json!({ "Visualization": null }).to_string());
    let mut rows = vec![json!([visualization])];
    if let Some(cursor) = &output.cursor {
        rows.push(json!([json!({ "Cursor": cursor }).to_string()]));
    }
    (
        "@ExtendedProperties",
        "QueryProperties",
        plain_columns(&[("Value", "String", "string")]),
        Value::Array(rows),
    )
}

fn status(request: &Request, failed: bool) -> Described {
    let (severity, name, code, text) = match failed {
        true => (2, "Error", 1, "Query failed"),
        false => (4, "Info", 0, "Query completed successfully"),
    };
    let row = json!([
        datetime::format(now_ticks()),
        severity,
        name,
        code,
        text,
        1,
        request.activity_id,
        request.activity_id,
        request.activity_id,
        request.client_request_id,
    ]);
    (
        "QueryStatus",
        "QueryStatus",
        plain_columns(&[
            ("Timestamp", "DateTime", "datetime"),
            ("Severity", "Int32", "int"),
            ("SeverityName", "String", "string"),
            ("StatusCode", "Int32", "int"),
            ("StatusDescription", "String", "string"),
            ("Count", "Int32", "int"),
            ("RequestId", "Guid", "guid"),
            ("ActivityId", "Guid", "guid"),
            ("SubActivityId", "Guid", "guid"),
            ("ClientActivityId", "String", "string"),
        ]),
        json!([row]),
    )
}

fn plain_columns(columns: &[(&str, &str, &str)]) -> Value {
    columns
        .iter()
        .map(|(name, data, column)| {
            json!({"ColumnName": name, "DataType": data, "ColumnType": column})
        })
        .collect()
}
