//! Answers of `/v2/rest/query`: a list of frames, whole tables or tables in fragments.

use serde::Deserialize;
use serde_json::Value;

use super::fault::ServiceFault;
use super::{BadAnswer, WireColumn, table_of};
use crate::rows::Table;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Frame {
    frame_type: String,
    table_id: Option<i64>,
    table_kind: Option<String>,
    columns: Option<Vec<WireColumn>>,
    rows: Option<Vec<Value>>,
    table_fragment_type: Option<String>,
    has_errors: Option<bool>,
    cancelled: Option<bool>,
    one_api_errors: Option<Vec<Value>>,
}

/// A primary table that comes in fragments.
struct Pending {
    id: Option<i64>,
    columns: Vec<WireColumn>,
    rows: Vec<Value>,
}

const PRIMARY: &str = "PrimaryResult";

/// The first primary result. Status 200 only means that the query started: an error in any
/// frame, and an answer that does not end with its completion, voids all of it.
pub(crate) fn primary(body: &[u8]) -> Result<Table, BadAnswer> {
    let frames: Vec<Frame> =
        serde_json::from_slice(body).map_err(|error| BadAnswer::unreadable("v2", &error))?;
    let mut result: Option<Table> = None;
    let mut pending: Option<Pending> = None;
    let mut complete = false;
    for frame in frames {
        check_errors(&frame)?;
        let is_primary = frame.table_kind.as_deref() == Some(PRIMARY);
        match frame.frame_type.as_str() {
            "DataTable" if is_primary && result.is_none() => {
                let columns = frame.columns.unwrap_or_default();
                result = Some(table_of(&columns, frame.rows.unwrap_or_default())?);
            }
            "TableHeader" if is_primary && result.is_none() && pending.is_none() => {
                let columns = frame.columns.unwrap_or_default();
                pending = Some(Pending {
                    id: frame.table_id,
                    columns,
                    rows: Vec::new(),
                });
            }
            "TableFragment" => add_fragment(pending.as_mut(), frame),
            "TableCompletion" => {
                if let Some(done) = pending.take_if(|table| table.id == frame.table_id) {
                    result = Some(table_of(&done.columns, done.rows)?);
                }
            }
            "DataSetCompletion" => complete = true,
            // Headers, progress, tables of another kind.
            _ => {}
        }
    }
    if !complete {
        return Err(BadAnswer::CutShort(
            "the answer ends before its completion".to_owned(),
        ));
    }
    result.ok_or_else(|| BadAnswer::Malformed("the answer has no result table".to_owned()))
}

fn add_fragment(pending: Option<&mut Pending>, frame: Frame) {
    let Some(table) = pending.filter(|table| table.id == frame.table_id) else {
        return;
    };
    if frame.table_fragment_type.as_deref() == Some("DataReplace") {
        table.rows.clear();
    }
    table.rows.extend(frame.rows.unwrap_or_default());
}

fn check_errors(frame: &Frame) -> Result<(), BadAnswer> {
    if let Some(first) = frame
        .one_api_errors
        .as_ref()
        .and_then(|errors| errors.first())
    {
        return Err(BadAnswer::Fault(ServiceFault::from_value(first)));
    }
    let in_rows = frame.rows.iter().flatten().find(|row| row.is_object());
    if let Some(error) = in_rows {
        return Err(BadAnswer::Fault(ServiceFault::from_value(error)));
    }
    if frame.has_errors == Some(true) || frame.cancelled == Some(true) {
        let message = "the query failed or was cancelled while it ran".to_owned();
        return Err(BadAnswer::Fault(ServiceFault {
            message,
            ..ServiceFault::default()
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::primary;
    use crate::rows::Table;
    use crate::wire::BadAnswer;

    fn read(frames: Vec<Value>) -> Result<Table, BadAnswer> {
        primary(Value::Array(frames).to_string().as_bytes())
    }

    fn header() -> Value {
        json!({"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0"})
    }

    fn properties() -> Value {
        json!({"FrameType": "DataTable", "TableId": 0, "TableKind": "QueryProperties",
            "TableName": "@ExtendedProperties",
            "Columns": [{"ColumnName": "TableId", "ColumnType": "int"}], "Rows": [[1]]})
    }

    fn data(rows: &Value) -> Value {
        json!({"FrameType": "DataTable", "TableId": 1, "TableKind": "PrimaryResult",
            "TableName": "PrimaryResult",
            "Columns": [{"ColumnName": "x", "ColumnType": "long"}], "Rows": rows})
    }

    fn completion() -> Value {
        json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false})
    }

    #[test]
    fn whole_tables() {
        let table = read(vec![
            header(),
            properties(),
            data(&json!([[1]])),
            completion(),
        ]);
        assert_eq!(table.expect("a table").rows, [[json!(1)]]);
    }

    #[test]
    fn tables_in_fragments() {
        let fragment = |kind: &str, rows: Value| json!({"FrameType": "TableFragment", "TableFragmentType": kind, "TableId": 1, "Rows": rows});
        let table = read(vec![
            header(),
            json!({"FrameType": "TableHeader", "TableId": 1, "TableKind": "PrimaryResult",
                "Columns": [{"ColumnName": "x"}]}),
            fragment("DataAppend", json!([[9]])),
            fragment("DataReplace", json!([[1]])),
            fragment("DataAppend", json!([[2]])),
            json!({"FrameType": "TableCompletion", "TableId": 1, "RowCount": 2}),
            completion(),
        ]);
        assert_eq!(table.expect("a table").rows, [[json!(1)], [json!(2)]]);
    }

    #[test]
    fn an_error_anywhere_voids_the_answer() {
        let error = json!({"error": {"code": "LimitsExceeded", "@permanent": false}});
        let wrapped = json!({"OneApiErrors": [error]});
        for frames in [
            vec![header(), data(&json!([[1], wrapped])), completion()],
            vec![
                header(),
                data(&json!([[1]])),
                json!({"FrameType": "TableCompletion", "TableId": 1, "OneApiErrors": [error]}),
                completion(),
            ],
            vec![
                header(),
                data(&json!([[1]])),
                json!({"FrameType": "DataSetCompletion", "HasErrors": true, "OneApiErrors": [error]}),
            ],
        ] {
            match read(frames) {
                Err(BadAnswer::Fault(fault)) => {
                    assert_eq!(fault.code.as_deref(), Some("LimitsExceeded"));
                    assert_eq!(fault.permanent, Some(false));
                }
                other => panic!("{other:?}"),
            }
        }
        let silent = json!({"FrameType": "DataSetCompletion", "HasErrors": true});
        assert!(matches!(
            read(vec![header(), data(&json!([])), silent]),
            Err(BadAnswer::Fault(_))
        ));
    }

    #[test]
    fn an_answer_cut_short_is_no_answer() {
        assert!(matches!(
            read(vec![header(), data(&json!([[1]]))]),
            Err(BadAnswer::CutShort(_))
        ));
        assert!(matches!(
            read(vec![header(), completion()]),
            Err(BadAnswer::Malformed(_))
        ));
    }
}
