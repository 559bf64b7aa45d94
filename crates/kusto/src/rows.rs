//! Rows by column *name* into structs: more columns, missing optional ones and another order are
//! all tolerated.

use kusto_copy_core::vocabulary::{ExtentId, OperationId, Ticks};
use serde_json::Value;

use crate::wire::time::parse_datetime;

/// A result's columns and rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows; each has a cell for each column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// The rows with their columns' names.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row {
            columns: &self.columns,
            cells,
        })
    }
}

/// One row of a result.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Value],
}

/// A cell that is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The result has no such column.
    #[error("the answer has no column `{column}`")]
    Missing {
        /// The column.
        column: String,
    },
    /// The cell holds something else.
    #[error("column `{column}` holds {found} where {expected} was expected")]
    Type {
        /// The column.
        column: String,
        /// What was expected.
        expected: &'static str,
        /// What kind of value it is; never the value.
        found: &'static str,
    },
}

impl Row<'_> {
    fn cell(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.cells.get(at)
    }

    /// The value in a column.
    ///
    /// # Errors
    /// When there is no such column (unless `T` is optional), or it holds something else.
    pub fn get<T: FromCell>(&self, column: &str) -> Result<T, ReadError> {
        let Some(cell) = self.cell(column) else {
            return T::absent().ok_or_else(|| ReadError::Missing {
                column: column.to_owned(),
            });
        };
        T::from_cell(cell).ok_or_else(|| ReadError::Type {
            column: column.to_owned(),
            expected: T::EXPECTED,
            found: kind_of(cell),
        })
    }

    /// A cell of any simple type as text; `None` when it is null or there is no such column.
    ///
    /// # Errors
    /// When it holds a list or an object.
    pub fn text(&self, column: &str) -> Result<Option<String>, ReadError> {
        match self.cell(column) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(cell @ (Value::Bool(_) | Value::Number(_))) => Ok(Some(cell.to_string())),
            Some(cell @ (Value::Array(_) | Value::Object(_))) => Err(ReadError::Type {
                column: column.to_owned(),
                expected: "a simple value",
                found: kind_of(cell),
            }),
        }
    }
}

fn kind_of(cell: &Value) -> &'static str {
    match cell {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A struct that a row can be read into.
pub trait FromRow: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The first cell that is not what was expected.
    fn from_row(row: &Row<'_>) -> Result<Self, ReadError>;
}

/// A value that a cell can be read into.
pub trait FromCell: Sized {
    /// What is expected, for the error.
    const EXPECTED: &'static str;

    /// The value, or `None` when the cell holds something else.
    fn from_cell(cell: &Value) -> Option<Self>;

    /// The value where the result lacks the column; `None` makes that an error.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: FromCell> FromCell for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_cell(cell: &Value) -> Option<Self> {
        if cell.is_null() {
            Some(None)
        } else {
            T::from_cell(cell).map(Some)
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl FromCell for String {
    const EXPECTED: &'static str = "text";

    fn from_cell(cell: &Value) -> Option<Self> {
        // Strings have no null in Kusto, so a null is tolerated as the empty one.
        if cell.is_null() {
            Some(Self::new())
        } else {
            cell.as_str().map(str::to_owned)
        }
    }
}

impl FromCell for bool {
    const EXPECTED: &'static str = "a bool";

    fn from_cell(cell: &Value) -> Option<Self> {
        // v1 may send 0 and 1.
        cell.as_bool().or_else(|| match cell.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        })
    }
}

impl FromCell for i64 {
    const EXPECTED: &'static str = "a long";

    fn from_cell(cell: &Value) -> Option<Self> {
        cell.as_i64()
    }
}

impl FromCell for u64 {
    const EXPECTED: &'static str = "a count";

    fn from_cell(cell: &Value) -> Option<Self> {
        cell.as_u64()
    }
}

/// A size in bytes. Clusters type sizes as long here and as real there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromCell for Bytes {
    const EXPECTED: &'static str = "a size";

    fn from_cell(cell: &Value) -> Option<Self> {
        let size = cell.as_u64().or_else(|| {
            let size = cell
                .as_f64()
                .filter(|size| *size >= 0.0 && *size < 9.0e18)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range"
            )]
            Some(size.round() as u64)
        })?;
        Some(Self(size))
    }
}

impl FromCell for Ticks {
    const EXPECTED: &'static str = "a datetime";

    fn from_cell(cell: &Value) -> Option<Self> {
        parse_datetime(cell.as_str()?)
    }
}

impl FromCell for ExtentId {
    const EXPECTED: &'static str = "a guid";

    fn from_cell(cell: &Value) -> Option<Self> {
        Self::parse(cell.as_str()?).ok()
    }
}

impl FromCell for OperationId {
    const EXPECTED: &'static str = "a guid";

    fn from_cell(cell: &Value) -> Option<Self> {
        Self::parse(cell.as_str()?).ok()
    }
}

impl FromCell for Vec<ExtentId> {
    const EXPECTED: &'static str = "a list of guids";

    fn from_cell(cell: &Value) -> Option<Self> {
        let JsonText(list) = JsonText::from_cell(cell)?;
        list.as_array()?.iter().map(ExtentId::from_cell).collect()
    }
}

/// A policy or another document: JSON inside text, or inline.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonText(pub Value);

impl FromCell for JsonText {
    const EXPECTED: &'static str = "JSON";

    fn from_cell(cell: &Value) -> Option<Self> {
        let value = match cell {
            Value::String(text) if text.trim().is_empty() => Value::Null,
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| cell.clone()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => cell.clone(),
        };
        Some(Self(value))
    }
}

/// A struct whose fields are columns: `field: Type = "Column"`.
macro_rules! row_struct {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field_vis:vis $field:ident : $ty:ty = $column:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $( $(#[$field_meta])* $field_vis $field: $ty, )+
        }

        impl $crate::rows::FromRow for $name {
            fn from_row(
                row: &$crate::rows::Row<'_>,
            ) -> Result<Self, $crate::rows::ReadError> {
                Ok(Self { $( $field: row.get($column)?, )+ })
            }
        }
    };
}
pub(crate) use row_struct;

#[cfg(test)]
mod tests {
    use kusto_copy_core::vocabulary::Ticks;
    use serde_json::json;

    use super::{Bytes, FromRow, JsonText, ReadError, Table};

    row_struct! {
        struct Example {
            count: u64 = "Count",
            flag: bool = "Flag",
            size: Option<Bytes> = "Size",
            note: Option<String> = "Note",
            at: Option<Ticks> = "At",
        }
    }

    fn table(columns: &[&str], row: serde_json::Value) -> Table {
        Table {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: vec![row.as_array().expect("cells").clone()],
        }
    }

    fn read(table: &Table) -> Result<Example, ReadError> {
        Example::from_row(&table.iter().next().expect("a row"))
    }

    #[test]
    fn order_extra_and_missing_columns_do_not_matter() {
        let table = table(
            &["Extra", "Flag", "Count", "Size"],
            json!(["x", 1, 7, 12.0]),
        );
        let example = Example {
            count: 7,
            flag: true,
            size: Some(Bytes(12)),
            note: None,
            at: None,
        };
        assert_eq!(read(&table), Ok(example));
    }

    #[test]
    fn a_missing_or_wrong_cell_is_named() {
        assert_eq!(
            read(&table(&["Flag"], json!([true]))),
            Err(ReadError::Missing {
                column: "Count".to_owned()
            })
        );
        let wrong = read(&table(&["Count", "Flag"], json!([-1, true]))).expect_err("negative");
        assert_eq!(
            wrong.to_string(),
            "column `Count` holds a number where a count was expected"
        );
    }

    #[test]
    fn longs_keep_every_digit() {
        let table = table(&["Count", "Flag"], json!([9_007_199_254_740_993_u64, 0]));
        assert_eq!(read(&table).expect("a row").count, 9_007_199_254_740_993);
        let fraction = super::Row {
            columns: &["Count".to_owned()],
            cells: &[json!(1.5)],
        };
        assert!(fraction.get::<i64>("Count").is_err());
    }

    #[test]
    fn documents_are_read_from_text_and_inline() {
        let row = super::Row {
            columns: &["A".to_owned(), "B".to_owned(), "C".to_owned()],
            cells: &[json!("{\"x\":1}"), json!({"x": 1}), json!("null")],
        };
        assert_eq!(row.get::<JsonText>("A"), row.get::<JsonText>("B"));
        assert_eq!(row.get::<JsonText>("C"), Ok(JsonText(json!(null))));
    }
}
