//! A table of values: a Kusto schema and Arrow batches.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};

use crate::{ScalarType, Value, ValuesError};

/// A column: its name, case-sensitive, and its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// Name, as the user wrote it.
    pub name: String,
    /// Type.
    pub ty: ScalarType,
}

impl Column {
    /// A column of this name and type.
    pub fn new(name: impl Into<String>, ty: ScalarType) -> Self {
        Self {
            name: name.into(),
            ty,
        }
    }
}

/// The columns of a table, in order.
pub type Schema = Vec<Column>;

/// The Arrow schema of these columns. Every field is nullable, strings too, so that batches from
/// different sources have one schema; that no string is null is upheld by whoever fills them.
#[must_use]
pub fn arrow_schema(columns: &[Column]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(&column.name, column.ty.arrow(), true))
        .collect();
    Arc::new(arrow::datatypes::Schema::new(fields))
}

/// One table of values: a Kusto schema and Arrow batches in the Arrow forms of the crate's table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Columns, in order.
    pub schema: Schema,
    /// Rows. Each batch has as many columns as the schema, in its order and Arrow forms.
    pub batches: Vec<RecordBatch>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn empty(schema: Schema) -> Self {
        Self {
            schema,
            batches: Vec::new(),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Position of the column of this name (case counts).
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.schema.iter().position(|column| column.name == name)
    }

    /// All rows as single values: for the small results of commands and for tests.
    ///
    /// # Errors
    /// A batch that does not have the schema's Arrow forms.
    pub fn rows(&self) -> Result<Vec<Vec<Value>>, ValuesError> {
        let mut rows = Vec::with_capacity(self.num_rows());
        for batch in &self.batches {
            if batch.num_columns() != self.schema.len() {
                return Err(ValuesError::RowLength {
                    expected: self.schema.len(),
                    found: batch.num_columns(),
                });
            }
            for row in 0..batch.num_rows() {
                let cells = self.schema.iter().zip(batch.columns());
                let values: Result<Vec<_>, _> = cells
                    .map(|(column, array)| Value::from_array(array.as_ref(), row, column.ty))
                    .collect();
                rows.push(values?);
            }
        }
        Ok(rows)
    }
}
