//! F: export.

use kusto_copy_core::vocabulary::{Predicate, ScalarType, TableSchema};

use super::columns::text;
use super::encoding::Encoding;
use super::predicate::rows;
use super::{Purpose, Text, Writer};
use crate::secret::Secret;

/// One attempt's export.
#[derive(Debug, Clone, Copy)]
pub struct ExportRequest<'a> {
    /// The source table.
    pub table: &'a str,
    /// The columns that travel, in the order of the staging mapping.
    pub schema: &'a TableSchema,
    /// The block's rows.
    pub predicate: &'a Predicate,
    /// The file format.
    pub encoding: Encoding,
    /// Where the files go: connection strings of folders that belong to this attempt alone.
    pub targets: &'a [Secret],
    /// Bytes of a file at most, before compression: 100 MB to 4 GB. The asynchronous form alone.
    pub size_limit: u64,
}

/// F1 to F4.
#[must_use]
pub fn start(request: &ExportRequest<'_>) -> Text {
    let mut w = Writer::new();
    w.words(".export async compressed to ");
    target(&mut w, request);
    format_properties(&mut w, request.encoding);
    w.words(", sizeLimit=").number(request.size_limit);
    w.words(", distribution='per_node', persistDetails=true)\n<|\n");
    projection(&mut w, request);
    w.finish(Purpose::StartExport, "start an export", "ExportToStorage")
}

/// F6.
#[must_use]
pub fn now(request: &ExportRequest<'_>) -> Text {
    let mut w = Writer::new();
    w.words(".export compressed to ");
    target(&mut w, request);
    format_properties(&mut w, request.encoding);
    w.words(", distribution='single')\n<|\n");
    projection(&mut w, request);
    w.finish(Purpose::RunExport, "export", "ExportToStorage")
}

fn target(w: &mut Writer, request: &ExportRequest<'_>) {
    w.words(request.encoding.format()).words(" (\n    ");
    w.list(",\n    ", request.targets, |w, target| {
        w.secret(target);
    });
    w.words("\n) with (namePrefix='x', ");
}

fn format_properties(w: &mut Writer, encoding: Encoding) {
    match encoding {
        Encoding::Csv => w.words("includeHeaders='none', encoding='UTF8NoBOM'"),
        Encoding::Parquet => w.words("compressionType='snappy', parquetRowGroupSize=100000"),
    };
}

/// The rows as the files hold them. In CSV a constant comes first: without it a row of only
/// empty fields in a table of one column is an empty line, which an ingester may skip.
fn projection(w: &mut Writer, request: &ExportRequest<'_>) {
    rows(w, request.table, request.schema, request.predicate);
    w.words("\n| project\n    ");
    if request.encoding == Encoding::Csv {
        w.words("k = 1,\n    ");
    }
    w.list(
        ",\n    ",
        request.schema.columns.iter().enumerate(),
        |w, (at, column)| {
            w.words("c").index(at).words(" = ");
            match request.encoding {
                Encoding::Csv => text(w, column),
                // Text converts to decimal by documentation; the exporter's precision is not told.
                Encoding::Parquet if column.ty == ScalarType::Decimal => text(w, column),
                Encoding::Parquet => {
                    w.name(&column.name);
                }
            }
        },
    );
}
