//! Queries with expected rows, worked out by hand from the documentation: a file for each area.

mod aggregates;
mod copier;
mod documented;
mod functions;
mod operators;
mod request;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema};
use datafusion::datasource::MemTable;
use kusto_emulator_values::{ScalarType, Schema, Table, TableBuilder, Value, arrow_schema};

use crate::{
    Catalog, HIDDEN, KqlError, QueryContext, QueryOutput, StoredFunction, TableSource, run,
};

/// Id of the extent of the first two rows of `T`.
pub(super) const FIRST_EXTENT: &str = "5b0a7f9e-1111-4a11-9111-000000000001";
/// Id of the extent of the others.
pub(super) const SECOND_EXTENT: &str = "5b0a7f9e-1111-4a11-9111-000000000002";

/// Two tables, `T` of four rows in two extents, the last without a cursor value, and `my table-1`;
/// functions `Shadow` (also a table), `Twice`, `Top`.
pub(super) struct Tables;

pub(super) fn table_t() -> Table {
    let schema: Schema = vec![
        kusto_emulator_values::Column::new("id", ScalarType::Long),
        kusto_emulator_values::Column::new("name", ScalarType::String),
        kusto_emulator_values::Column::new("amount", ScalarType::Real),
        kusto_emulator_values::Column::new("d.x", ScalarType::Dynamic),
    ];
    let mut builder = TableBuilder::new(schema);
    let rows = [
        (
            1,
            "a",
            Some(1.5),
            Some(r#"{"k":[1,{"z":"deep"}],"x y":9007199254740993}"#),
        ),
        (2, "b", None, None),
        (3, "a", Some(f64::NAN), Some("\"text\"")),
        (4, "", Some(-0.0), Some("[1,2]")),
    ];
    for (id, name, amount, dynamic) in rows {
        let amount = amount.map_or(Value::Null(ScalarType::Real), Value::Real);
        let dynamic = dynamic.map_or(Value::Null(ScalarType::Dynamic), |text: &str| {
            Value::Dynamic(text.to_owned())
        });
        let row = vec![
            Value::Long(id),
            Value::String(name.to_owned()),
            amount,
            dynamic,
        ];
        builder.push_row(row).expect("the row fits");
    }
    builder.finish().expect("the table is whole")
}

/// A table with hidden columns: ingestion times 100, 200, …; extents by twos; cursors 10, 20, ….
fn source(table: &Table) -> TableSource {
    let user = arrow_schema(&table.schema);
    let mut fields: Vec<Field> = user
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    for (name, ty) in HIDDEN.iter().zip([
        DataType::Int64,
        DataType::Utf8,
        DataType::Utf8,
        DataType::Int64,
    ]) {
        fields.push(Field::new(*name, ty, true));
    }
    let schema = Arc::new(ArrowSchema::new(fields));
    let rows = table.num_rows();
    let batch = arrow::compute::concat_batches(&user, &table.batches).expect("one schema");
    let numbers = |step: i64, last: bool| -> ArrayRef {
        let numbers = (1..)
            .take(rows)
            .zip(1..)
            .map(|(n, at): (i64, usize)| (last || at < rows).then_some(n * step));
        Arc::new(numbers.collect::<Int64Array>())
    };
    let extents = (0..rows).map(|row| Some(if row < 2 { FIRST_EXTENT } else { SECOND_EXTENT }));
    let tags = (0..rows).map(|row| {
        Some(if row < 2 {
            r#"["kc-1","drop-by:x"]"#
        } else {
            "[]"
        })
    });
    let mut columns = batch.columns().to_vec();
    columns.push(numbers(100, true));
    columns.push(Arc::new(extents.collect::<StringArray>()));
    columns.push(Arc::new(tags.collect::<StringArray>()));
    columns.push(numbers(10, false));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns fit");
    let provider = MemTable::try_new(schema, vec![vec![batch]]).expect("one schema");
    TableSource {
        schema: table.schema.clone(),
        provider: Arc::new(provider),
    }
}

impl Catalog for Tables {
    fn table(&self, database: Option<&str>, name: &str) -> Option<TableSource> {
        let known = database.is_none_or(|database| database == "Other");
        (known && matches!(name, "T" | "my table-1" | "Shadow")).then(|| source(&table_t()))
    }

    fn tables_matching(&self, _: Option<&str>, wildcard: &str) -> Vec<(String, TableSource)> {
        let names: &[&str] = if wildcard == "T*" { &["T"] } else { &[] };
        names
            .iter()
            .map(|name| ((*name).to_owned(), source(&table_t())))
            .collect()
    }

    fn function(&self, _: Option<&str>, name: &str) -> Option<StoredFunction> {
        let (parameters, body) = match name {
            "Shadow" => ("()", "{ T | take 1 | project id = 77 }"),
            "Twice" => ("(x:long)", "{ x * 2 }"),
            "Top" => ("(rows:(id:long), n:long = 1)", "{ rows | top n by id }"),
            "Endless" => ("()", "{ Endless() }"),
            _ => return None,
        };
        Some(StoredFunction {
            name: name.to_owned(),
            parameters: parameters.to_owned(),
            body: body.to_owned(),
        })
    }

    fn cursor_current(&self) -> i64 {
        638_000_000_000_000_001
    }

    fn external_data(
        &self,
        uris: &[String],
        schema: &Schema,
        properties: &BTreeMap<String, String>,
    ) -> Result<Table, String> {
        let mut builder = TableBuilder::new(schema.clone());
        let text = format!("{} {}", uris.join("+"), properties["format"]);
        builder
            .push_row(vec![Value::String(text)])
            .map_err(|error| error.to_string())?;
        builder.finish().map_err(|error| error.to_string())
    }
}

pub(super) fn context() -> QueryContext {
    QueryContext {
        database: "Db".to_owned(),
        now: 638_000_000_000_000_000,
        ..QueryContext::default()
    }
}

pub(super) async fn output(text: &str) -> Result<QueryOutput, KqlError> {
    run(text, Arc::new(Tables), &context()).await
}

/// The rows of the first table, cells by their texts, null as `<null>`.
pub(super) async fn rows(text: &str) -> Vec<String> {
    let output = match output(text).await {
        Ok(output) => output,
        Err(error) => return vec![format!("{error}")],
    };
    let rows = output.tables[0]
        .rows()
        .expect("the result is in its Arrow forms");
    let cell = |value: &Value| {
        if value.is_null() {
            "<null>".to_owned()
        } else {
            value.to_text()
        }
    };
    rows.iter()
        .map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|"))
        .collect()
}

/// Names and types of the first table: `a:long,b:string`.
pub(super) async fn columns(text: &str) -> String {
    match output(text).await {
        Ok(output) => {
            let columns = output.tables[0]
                .schema
                .iter()
                .map(|column| format!("{}:{}", column.name, column.ty));
            columns.collect::<Vec<_>>().join(",")
        }
        Err(error) => error.to_string(),
    }
}

/// Checks every case and reports all that differ.
pub(super) async fn check(cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = rows(text).await;
        if found != *expected {
            wrong.push(format!(
                "{text}\n  expected {expected:?}\n  found    {found:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Checks that every text fails with the code and a part of the message.
pub(super) async fn check_errors(cases: &[(&str, &str, &str)]) {
    for (text, code, part) in cases {
        match output(text).await {
            Ok(output) => panic!("{text} gave {:?}", output.tables),
            Err(error) => {
                assert_eq!(error.code(), *code, "{text}: {error}");
                assert!(error.to_string().contains(part), "{text}: {error}");
            }
        }
    }
}
