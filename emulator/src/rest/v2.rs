//! Answers of version 2: an array of frames. Fragmented tables and newlines between frames are sent
//! when asked for; progressive results are not (a server may decide so).

use kusto_emulator_kql::QueryOutput;
use kusto_emulator_values::{Column, Table, datetime};
use serde_json::{Value, json};

use super::answer::{Part, push_rows};
use super::errors::error_document;
use crate::clock::now_ticks;
use crate::error::KustoError;
use crate::request::Request;

/// Where in the answer an error is told (`results_error_reporting_placement`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placement {
    InData,
    EndOfTable,
    EndOfDataset,
}

impl Placement {
    fn of(request: &Request) -> Self {
        match request
            .option("results_error_reporting_placement")
            .as_deref()
        {
            Some("end_of_table") => Self::EndOfTable,
            Some("end_of_dataset") => Self::EndOfDataset,
            Some(_) | None => Self::InData,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::InData => "InData",
            Self::EndOfTable => "EndOfTable",
            Self::EndOfDataset => "EndOfDataSet",
        }
    }
}

/// The frames of a query's result. With a `late` error the first table ends in it.
pub(super) fn query(
    request: &Request,
    output: &QueryOutput,
    late: Option<&KustoError>,
) -> Vec<Part> {
    let late =
        late.map(|error| json!({"OneApiErrors": [{"error": error_document(error, request)}]}));
    let placement = Placement::of(request);
    let fragmented = request.is_on("results_v2_fragment_primary_tables");
    let mut frames = Frames::new(request.is_on("results_v2_newlines_between_frames"));
    let mut header = vec![
        ("FrameType", json!("DataSetHeader")),
        ("IsProgressive", json!(false)),
        ("Version", json!("v2.0")),
    ];
    if fragmented {
        header.push(("IsFragmented", json!(true)));
        header.push(("ErrorReportingPlacement", json!(placement.name())));
    }
    frames.push(header);
    frames.push(extended_properties(output));
    for (index, table) in output.tables.iter().enumerate() {
        let error = late.as_ref().filter(|_| index == 0);
        let in_data = error.filter(|_| placement == Placement::InData);
        let at_end = error.filter(|_| placement == Placement::EndOfTable);
        match fragmented {
            true => frames.push_fragments(index + 1, table, in_data, at_end),
            false => frames.push_table(index + 1, table, in_data.or(at_end)),
        }
    }
    let id = output.tables.len() + 1;
    frames.push(completion_information(request, id, late.is_some()));
    let mut completion = vec![
        ("FrameType", json!("DataSetCompletion")),
        ("HasErrors", json!(late.is_some())),
        ("Cancelled", json!(false)),
    ];
    if let Some(error) = late {
        completion.push(("OneApiErrors", error["OneApiErrors"].clone()));
    }
    frames.push(completion);
    frames.finish()
}

/// A frame's members in the order of Kusto's answers: readers of streams depend on it.
type Frame = Vec<(&'static str, Value)>;

/// The array of frames under construction.
struct Frames {
    parts: Vec<Part>,
    separator: &'static str,
    is_empty: bool,
}

impl Frames {
    fn new(newlines: bool) -> Self {
        Self {
            parts: vec![Part::Text("[".to_owned())],
            separator: if newlines { "\n," } else { "," },
            is_empty: true,
        }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_empty) {
            self.text(self.separator);
        }
    }

    fn text(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Text(text.into()));
    }

    fn push(&mut self, frame: Frame) {
        self.separate();
        let members: Vec<String> = frame
            .into_iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        self.text(format!("{{{}}}", members.join(",")));
    }

    fn push_table(&mut self, id: usize, table: &Table, trailing: Option<&Value>) {
        self.separate();
        self.text(format!(
            "{{\"FrameType\":\"DataTable\",\"TableId\":{id},\"TableKind\":\"PrimaryResult\",\
             \"TableName\":\"PrimaryResult\",\"Columns\":{},\"Rows\":",
            columns(&table.schema)
        ));
        push_rows(&mut self.parts, table, trailing);
        self.text("}");
    }

    fn push_fragments(
        &mut self,
        id: usize,
        table: &Table,
        trailing: Option<&Value>,
        at_end: Option<&Value>,
    ) {
        self.push(vec![
            ("FrameType", json!("TableHeader")),
            ("TableId", json!(id)),
            ("TableKind", json!("PrimaryResult")),
            ("TableName", json!("PrimaryResult")),
            ("Columns", columns(&table.schema)),
        ]);
        self.separate();
        self.text(format!(
            "{{\"FrameType\":\"TableFragment\",\"TableFragmentType\":\"DataAppend\",\
             \"TableId\":{id},\"FieldCount\":{},\"Rows\":",
            table.schema.len()
        ));
        push_rows(&mut self.parts, table, trailing);
        self.text("}");
        let mut completion = vec![
            ("FrameType", json!("TableCompletion")),
            ("TableId", json!(id)),
            ("RowCount", json!(table.num_rows())),
        ];
        if let Some(error) = at_end {
            completion.push(("OneApiErrors", error["OneApiErrors"].clone()));
        }
        self.push(completion);
    }

    fn finish(mut self) -> Vec<Part> {
        self.text("]");
        self.parts
    }
}

fn columns(schema: &[Column]) -> Value {
    schema
        .iter()
        .map(|column| json!({"ColumnName": column.name, "ColumnType": column.ty.name()}))
        .collect()
}

fn extended_properties(output: &QueryOutput) -> Frame {
    let visualization = output
        .visualization
        .clone()
        .unwrap_or_else(|| json!({ "Visualization": null }).to_string());
    let mut rows = vec![json!([1, "Visualization", visualization])];
    if let Some(cursor) = &output.cursor {
        rows.push(json!([1, "Cursor", cursor]));
    }
    let columns = json!([
        {"ColumnName": "TableId", "ColumnType": "int"},
        {"ColumnName": "Key", "ColumnType": "string"},
        {"ColumnName": "Value", "ColumnType": "dynamic"},
    ]);
    data_table(
        0,
        "QueryProperties",
        "@ExtendedProperties",
        columns,
        json!(rows),
    )
}

fn completion_information(request: &Request, id: usize, failed: bool) -> Frame {
    let (level, name, code, code_name, text) = match failed {
        true => (2, "Error", 1, "E_FAILED", "Query failed"),
        false => (4, "Info", 0, "S_OK (0)", "Query completed successfully"),
    };
    let names = [
        ("Timestamp", "datetime"),
        ("ClientRequestId", "string"),
        ("ActivityId", "guid"),
        ("SubActivityId", "guid"),
        ("ParentActivityId", "guid"),
        ("Level", "int"),
        ("LevelName", "string"),
        ("StatusCode", "int"),
        ("StatusCodeName", "string"),
        ("EventType", "int"),
        ("EventTypeName", "string"),
        ("Payload", "string"),
    ];
    let columns: Value = names
        .iter()
        .map(|(name, ty)| json!({"ColumnName": name, "ColumnType": ty}))
        .collect();
    let row = json!([
        datetime::format(now_ticks()),
        request.client_request_id,
        request.activity_id,
        request.activity_id,
        request.activity_id,
        level,
        name,
        code,
        code_name,
        4,
        "QueryInfo",
        json!({"Count": 1, "Text": text}).to_string(),
    ]);
    let kind = "QueryCompletionInformation";
    data_table(id, kind, kind, columns, json!([row]))
}

fn data_table(id: usize, kind: &str, name: &str, columns: Value, rows: Value) -> Frame {
    vec![
        ("FrameType", json!("DataTable")),
        ("TableId", json!(id)),
        ("TableKind", json!(kind)),
        ("TableName", json!(name)),
        ("Columns", columns),
        ("Rows", rows),
    ]
}
