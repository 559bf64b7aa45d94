//! H1, H2, H4, L3, L4: staging tables.

use kusto_copy_core::vocabulary::{TICKS_PER_DAY, TableSchema, Ticks};
use serde_json::{Value, json};

use super::encoding::Encoding;
use super::literal::datetime_text;
use super::{Text, Writer};

/// Folder of all that we create at a destination besides the copies.
pub const FOLDER: &str = "kusto-copy";

/// How every staging table's name begins.
pub const PREFIX: &str = "kcopy_";

/// Staged rows are back-dated: their retention must outlast any source's.
pub const RETENTION_TICKS: i64 = 36_500 * TICKS_PER_DAY;

/// A staging table of one job, destination table and generation.
#[derive(Debug, Clone, Copy)]
pub struct StagingRequest<'a> {
    /// Its name, never used before: `kcopy_<incarnation>_<table>_g<generation>`.
    pub name: &'a str,
    /// The destination table.
    pub destination: &'a str,
    /// The destination table's columns, all of them.
    pub destination_schema: &'a TableSchema,
    /// The columns that travel, in the order of the export.
    pub schema: &'a TableSchema,
    /// The file format of the exports.
    pub encoding: Encoding,
    /// The job's incarnation.
    pub incarnation: &'a str,
    /// Whether the destination has row-level security, which staging must not inherit. What
    /// deleting an absent one answers is documented nowhere.
    pub row_level_security: bool,
    /// When an abandoned table deletes itself.
    pub expiry: Ticks,
}

/// H1: creates the table as the destination is (columns, encoding, row order) and takes every
/// other policy back. Row-level security goes before restricted view comes: they exclude each
/// other. `Recoverability` stays untouched: it is managed for the whole database.
#[must_use]
pub fn create(request: &StagingRequest<'_>) -> Text {
    let name = request.name;
    let mut w = Writer::new();
    w.words(".execute database script with (ThrowOnErrors=true) <|\n");
    w.words(".create table ")
        .name(name)
        .words(" based-on ")
        .name(request.destination);
    w.words(" ifnotexists with (folder=")
        .string(FOLDER)
        .words(", docstring=");
    w.string(&docstring(request.incarnation)).words(")");
    if request.row_level_security {
        w.words("\n\n.delete table ")
            .name(name)
            .words(" policy row_level_security");
    }
    w.words("\n\n.delete table ")
        .name(name)
        .words(" policy partitioning");
    w.words("\n\n.alter-merge table ")
        .name(name)
        .words(" policy merge ");
    w.string(r#"{"AllowRebuild":false,"AllowMerge":false}"#);
    w.words("\n\n.alter-merge table ").name(name);
    w.words(" policy retention softdelete = ")
        .timespan(RETENTION_TICKS);
    w.words("\n\n.delete table ")
        .name(name)
        .words(" policy extent_tags_retention");
    w.words("\n\n.alter table ")
        .name(name)
        .words(" policy ingestiontime true");
    w.words("\n\n.alter table ")
        .name(name)
        .words(" policy restricted_view_access true");
    w.words("\n\n");
    auto_delete(&mut w, name, request.expiry);
    w.words("\n\n.create-or-alter table ")
        .name(name)
        .words(" ingestion ");
    w.words(request.encoding.format()).words(" mapping ");
    w.string(request.encoding.mapping_name()).words(" ");
    w.string(&mapping(request.schema, request.encoding).to_string());
    w.change("create a staging table", "ExecuteDatabaseScript")
}

/// The documentation of a staging table: with folder and prefix it tells whose the table is.
#[must_use]
pub fn docstring(incarnation: &str) -> String {
    format!("kusto-copy staging of job {incarnation}; drop only when the job is gone")
}

/// The mapping of a job's files (H1, H4). CSV counts fields from the one after the constant.
#[must_use]
pub fn mapping(schema: &TableSchema, encoding: Encoding) -> Value {
    let entry = |(at, column): (usize, &kusto_copy_core::vocabulary::Column)| match encoding {
        Encoding::Csv => {
            json!({"Column": column.name, "Properties": {"Ordinal": (at + 1).to_string()}})
        }
        Encoding::Parquet => {
            json!({"Column": column.name, "Properties": {"Path": format!("$.c{at}")}})
        }
    };
    Value::Array(schema.columns.iter().enumerate().map(entry).collect())
}

/// The mappings of a table, to read back.
#[must_use]
pub fn mappings(table: &str, encoding: Encoding) -> Text {
    Writer::new()
        .words(".show table ")
        .name(table)
        .words(" ingestion ")
        .words(encoding.format())
        .words(" mappings")
        .show("a table's ingestion mappings", "ShowTableIngestionMappings")
}

/// Pushes the self-deletion of H1 forward.
#[must_use]
pub fn extend(table: &str, expiry: Ticks) -> Text {
    let mut w = Writer::new();
    auto_delete(&mut w, table, expiry);
    w.change("keep a staging table", "AlterTablePolicyAutoDelete")
}

fn auto_delete(w: &mut Writer, table: &str, expiry: Ticks) {
    let policy = json!({"ExpiryDate": datetime_text(expiry), "DeleteIfNotEmpty": true});
    w.words(".alter table ")
        .name(table)
        .words(" policy auto_delete ");
    w.string(&policy.to_string());
}

/// L3.
#[must_use]
pub fn drop_tables(tables: &[&str]) -> Text {
    let mut w = Writer::new();
    w.words(".drop tables (").list(", ", tables, |w, table| {
        w.name(table);
    });
    w.words(") ifexists")
        .change("drop staging tables", "DropTables")
}

/// L4.
#[must_use]
pub fn list() -> Text {
    Writer::new()
        .words(".show tables\n| where TableName startswith_cs ")
        .string(PREFIX)
        .words("\n| project TableName, Folder, DocString")
        .show("staging tables", "ShowTables")
}
