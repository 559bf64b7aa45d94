//! Building columns and tables from values and texts.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, RecordBatch,
    RecordBatchOptions, StringBuilder,
};

use crate::value::parse_bool;
use crate::{
    ScalarType, Schema, Table, Value, ValuesError, arrow_schema, datetime, decimal, dynamic, guid,
    real, timespan,
};

/// Builds one array in the Arrow form of a type.
#[derive(Debug)]
pub struct ColumnBuilder {
    ty: ScalarType,
    array: Building,
}

#[derive(Debug)]
enum Building {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Text(StringBuilder),
}

impl ColumnBuilder {
    /// An empty column of a type.
    #[must_use]
    pub fn new(ty: ScalarType) -> Self {
        let array = match ty {
            ScalarType::Bool => Building::Bool(BooleanBuilder::new()),
            ScalarType::Int => Building::Int(Int32Builder::new()),
            ScalarType::Long | ScalarType::DateTime | ScalarType::TimeSpan => {
                Building::Long(Int64Builder::new())
            }
            ScalarType::Real => Building::Real(Float64Builder::new()),
            ScalarType::Decimal | ScalarType::Guid | ScalarType::String | ScalarType::Dynamic => {
                Building::Text(StringBuilder::new())
            }
        };
        Self { ty, array }
    }

    /// The type.
    #[must_use]
    pub fn ty(&self) -> ScalarType {
        self.ty
    }

    /// Number of values so far.
    #[must_use]
    pub fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match &self.array {
            Building::Bool(array) => array.len(),
            Building::Int(array) => array.len(),
            Building::Long(array) => array.len(),
            Building::Real(array) => array.len(),
            Building::Text(array) => array.len(),
        }
    }

    /// Whether there is no value yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a null; to a string column, which has none, an empty string.
    pub fn push_null(&mut self) {
        match &mut self.array {
            Building::Bool(array) => array.append_null(),
            Building::Int(array) => array.append_null(),
            Building::Long(array) => array.append_null(),
            Building::Real(array) => array.append_null(),
            Building::Text(array) if self.ty == ScalarType::String => array.append_value(""),
            Building::Text(array) => array.append_null(),
        }
    }

    /// Adds the value of a text as ingestion reads it, as [`Value::from_text`] does: what does not
    /// fit the type becomes null.
    pub fn push_text(&mut self, text: &str) {
        match &mut self.array {
            Building::Bool(array) => array.append_option(parse_bool(text)),
            Building::Int(array) => array.append_option(text.trim().parse().ok()),
            Building::Long(array) => array.append_option(if self.ty == ScalarType::DateTime {
                datetime::parse(text)
            } else if self.ty == ScalarType::TimeSpan {
                timespan::parse(text)
            } else {
                text.trim().parse().ok()
            }),
            Building::Real(array) => array.append_option(real::parse(text)),
            Building::Text(array) if self.ty == ScalarType::String => array.append_value(text),
            Building::Text(array) => array.append_option(if self.ty == ScalarType::Decimal {
                decimal::canonical(text)
            } else if self.ty == ScalarType::Guid {
                guid::parse(text)
            } else {
                dynamic::from_text(text)
            }),
        }
    }

    /// Adds a value. A null of any type and an int in a long column fit too.
    ///
    /// # Errors
    /// The value's type, when it is not the column's.
    pub fn push_value(&mut self, value: &Value) -> Result<(), ScalarType> {
        let long_like = |ty| ty == self.ty;
        match (&mut self.array, value) {
            (_, Value::Null(_)) => self.push_null(),
            (Building::Bool(array), Value::Bool(value)) => array.append_value(*value),
            (Building::Int(array), Value::Int(value)) => array.append_value(*value),
            (Building::Long(array), Value::Int(value)) if long_like(ScalarType::Long) => {
                array.append_value(i64::from(*value));
            }
            (
                Building::Long(array),
                Value::Long(ticks) | Value::DateTime(ticks) | Value::TimeSpan(ticks),
            ) if long_like(value.ty()) => array.append_value(*ticks),
            (Building::Real(array), Value::Real(value)) => array.append_value(*value),
            (Building::Text(array), Value::Decimal(value)) if self.ty == ScalarType::Decimal => {
                array.append_value(value.to_string());
            }
            (
                Building::Text(array),
                Value::Guid(text) | Value::String(text) | Value::Dynamic(text),
            ) if self.ty == value.ty() => array.append_value(text),
            (_, other) => return Err(other.ty()),
        }
        Ok(())
    }

    /// Adds a `long`, or the ticks of a `datetime` or `timespan`; null into other columns.
    pub fn push_i64(&mut self, value: i64) {
        match &mut self.array {
            Building::Long(array) => array.append_value(value),
            Building::Bool(_) | Building::Int(_) | Building::Real(_) | Building::Text(_) => {
                self.push_null();
            }
        }
    }

    /// The array; the builder is empty afterwards.
    pub fn finish(&mut self) -> ArrayRef {
        match &mut self.array {
            Building::Bool(array) => Arc::new(array.finish()),
            Building::Int(array) => Arc::new(array.finish()),
            Building::Long(array) => Arc::new(array.finish()),
            Building::Real(array) => Arc::new(array.finish()),
            Building::Text(array) => Arc::new(array.finish()),
        }
    }
}

/// Builds a table row by row.
#[derive(Debug)]
pub struct TableBuilder {
    schema: Schema,
    columns: Vec<ColumnBuilder>,
    rows: usize,
}

impl TableBuilder {
    /// An empty table of these columns.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        let columns = schema
            .iter()
            .map(|column| ColumnBuilder::new(column.ty))
            .collect();
        Self {
            schema,
            columns,
            rows: 0,
        }
    }

    /// Adds a row. A null of any type and an int in a long column fit too.
    ///
    /// # Errors
    /// Another number of values than columns, or a value of another type than its column; nothing
    /// can be added to the table after the latter.
    pub fn push_row(&mut self, values: Vec<Value>) -> Result<(), ValuesError> {
        if values.len() != self.schema.len() {
            return Err(ValuesError::RowLength {
                expected: self.schema.len(),
                found: values.len(),
            });
        }
        for ((builder, column), value) in self.columns.iter_mut().zip(&self.schema).zip(&values) {
            builder
                .push_value(value)
                .map_err(|found| ValuesError::ValueType {
                    column: column.name.clone(),
                    expected: column.ty,
                    found,
                })?;
        }
        self.rows += 1;
        Ok(())
    }

    /// The table, of one batch (none if there are no rows).
    ///
    /// # Errors
    /// Rows were left incomplete by a failed [`TableBuilder::push_row`].
    pub fn finish(mut self) -> Result<Table, ValuesError> {
        if self.rows == 0 {
            return Ok(Table::empty(self.schema));
        }
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch =
            RecordBatch::try_new_with_options(arrow_schema(&self.schema), arrays, &options)?;
        Ok(Table {
            schema: self.schema,
            batches: vec![batch],
        })
    }
}

#[cfg(test)]
mod tests;
