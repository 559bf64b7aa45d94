//! The forms of answers: v1 tables, v2 frames, errors, and how values are written in them.

pub(crate) mod fault;
pub(crate) mod time;
pub(crate) mod v1;
pub(crate) mod v2;

use crate::rows::Table;
use fault::ServiceFault;
use serde::Deserialize;
use serde_json::Value;

/// Why an answer with HTTP status 200 gives no result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum BadAnswer {
    /// The service says in the answer that the request failed. Any such error voids all of it.
    Fault(ServiceFault),
    /// The answer is not what the protocol promises.
    Malformed(String),
    /// The answer ends in its middle: the rest was lost on its way.
    CutShort(String),
}

impl BadAnswer {
    /// An answer that is no JSON, or only the beginning of it.
    pub(crate) fn unreadable(what: &str, error: &serde_json::Error) -> Self {
        if error.is_eof() {
            Self::CutShort(format!("the {what} answer ends in its middle"))
        } else {
            Self::Malformed(format!("not a {what} answer: {error}"))
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireColumn {
    #[serde(rename = "ColumnName")]
    pub(crate) name: String,
}

/// Columns and rows into a table; an object in place of a row is an error.
pub(crate) fn table_of(columns: &[WireColumn], rows: Vec<Value>) -> Result<Table, BadAnswer> {
    let width = columns.len();
    let rows = rows
        .into_iter()
        .map(|row| match row {
            Value::Array(cells) if cells.len() == width => Ok(cells),
            Value::Array(cells) => Err(BadAnswer::Malformed(format!(
                "a row has {} cells for {width} columns",
                cells.len()
            ))),
            Value::Object(_) => Err(BadAnswer::Fault(ServiceFault::from_value(&row))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Err(BadAnswer::Malformed("a row is not a list".to_owned()))
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let columns = columns.iter().map(|column| column.name.clone()).collect();
    Ok(Table { columns, rows })
}
