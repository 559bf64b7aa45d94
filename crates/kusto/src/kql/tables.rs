//! B3, B5: the destination table.

use kusto_copy_core::vocabulary::TableSchema;

use super::{Text, Writer};

/// B3.
#[must_use]
pub fn create(table: &str, schema: &TableSchema, folder: &str, docstring: &str) -> Text {
    let mut w = Writer::new();
    w.words(".create table ");
    definition(&mut w, table, schema, folder, docstring);
    w.change("create a table", "CreateTable")
}

/// The form of B3 that adds columns which an existing table lacks.
#[must_use]
pub fn create_merge(table: &str, schema: &TableSchema, folder: &str, docstring: &str) -> Text {
    let mut w = Writer::new();
    w.words(".create-merge table ");
    definition(&mut w, table, schema, folder, docstring);
    w.change("create or widen a table", "CreateMergeTable")
}

fn definition(w: &mut Writer, table: &str, schema: &TableSchema, folder: &str, docstring: &str) {
    w.name(table)
        .words(" (")
        .list(", ", &schema.columns, |w, column| {
            w.name(&column.name).words(":").words(column.ty.name());
        });
    w.words(")");
    if !folder.is_empty() || !docstring.is_empty() {
        w.words(" with (folder=")
            .string(folder)
            .words(", docstring=")
            .string(docstring);
        w.words(")");
    }
}

/// Lets a table take streamed rows, which Kusto refuses without.
#[must_use]
pub fn enable_streaming(table: &str) -> Text {
    Writer::new()
        .words(".alter table ")
        .name(table)
        .words(" policy streamingingestion enable")
        .change("let rows be streamed", "AlterTablePolicyStreamingIngestion")
}

/// B5.
#[must_use]
pub fn merge_any_age(table: &str) -> Text {
    Writer::new()
        .words(".alter-merge table ")
        .name(table)
        .words(" policy merge ")
        .string(r#"{"Lookback":{"Kind":"All","CustomPeriod":null}}"#)
        .change("let old extents merge", "AlterMergeTablePolicyMerge")
}
