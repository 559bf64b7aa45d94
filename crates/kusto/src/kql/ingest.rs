//! H3: ingestion into staging.

use kusto_copy_core::vocabulary::{AttemptTag, Ticks};
use serde_json::json;

use super::encoding::Encoding;
use super::{Purpose, Text, Writer};
use crate::secret::Secret;

/// One attempt's ingestion.
#[derive(Debug, Clone, Copy)]
pub struct IngestRequest<'a> {
    /// The staging table.
    pub table: &'a str,
    /// The file format.
    pub encoding: Encoding,
    /// Connection strings of exactly the manifest's files. One command is one ingestion slot:
    /// about 1 GB at most.
    pub files: &'a [Secret],
    /// The attempt's single-use tag.
    pub tag: &'a AttemptTag,
    /// The newest creation time of the block's source extents.
    pub creation_time: Ticks,
}

/// H3.
#[must_use]
pub fn start(request: &IngestRequest<'_>) -> Text {
    let mut w = Writer::new();
    w.words(".ingest async into table ");
    body(&mut w, request);
    w.words(", persistDetails=true)");
    w.finish(Purpose::Start, "start an ingestion", "IngestIntoTable")
}

/// H3, synchronous.
#[must_use]
pub fn now(request: &IngestRequest<'_>) -> Text {
    let mut w = Writer::new();
    w.words(".ingest into table ");
    body(&mut w, request);
    w.words(")")
        .finish(Purpose::Run, "ingest", "IngestIntoTable")
}

fn body(w: &mut Writer, request: &IngestRequest<'_>) {
    w.name(request.table)
        .words(" (\n    ")
        .list(",\n    ", request.files, |w, file| {
            w.secret(file);
        });
    w.words("\n) with (format=")
        .string(request.encoding.format());
    w.words(", ingestionMappingReference=")
        .string(request.encoding.mapping_name());
    w.words(", tags=")
        .string(&json!([request.tag.as_str()]).to_string());
    w.words(", creationTime=")
        .datetime_string(request.creation_time);
    if request.encoding == Encoding::Csv {
        // 0 = fail: by default malformed CSV passes.
        w.words(", ignoreFirstRecord=false, validationPolicy=");
        w.string(r#"{"ValidationOptions":1,"ValidationImplications":0}"#);
    }
}
