//! One of each text that the copier can make.

use std::collections::BTreeMap;

use kusto_copy_core::vocabulary::{
    AttemptTag, Column, ContentPart, Cursor, ExtentId, Instants, OperationId, Predicate,
    ScalarType, Slice, TableSchema, Ticks, TimeRange, Window,
};
use kusto_copy_kusto::Secret;
use kusto_copy_kusto::commands::owners::{JobMarker, OwnerMarker};
use kusto_copy_kusto::kql::encoding::Encoding;
use kusto_copy_kusto::kql::export::ExportRequest;
use kusto_copy_kusto::kql::ingest::IngestRequest;
use kusto_copy_kusto::kql::operations::OperationKind;
use kusto_copy_kusto::kql::preflight::TablePolicy;
use kusto_copy_kusto::kql::staging::StagingRequest;
use kusto_copy_kusto::kql::values::Scope;
use kusto_copy_kusto::kql::{
    Text, changes, cursor, export, extents, ingest, moves, operations, owners, planning, preflight,
    staging, tables, tags, values,
};

/// The names and values that stand in the texts.
pub(super) struct Words {
    pub(super) database: String,
    pub(super) table: String,
    pub(super) other_table: String,
    pub(super) staging: String,
    /// All ten types: travels as CSV.
    pub(super) schema: TableSchema,
    /// Types that travel as Parquet.
    pub(super) plain_types: TableSchema,
    window: Window,
    tag: AttemptTag,
    tag_prefix: String,
    pub(super) incarnation: String,
    folder: String,
    docstring: String,
    job: String,
    request_id: String,
    secrets: [String; 2],
    /// All of the above in one order.
    pub(super) values: Vec<String>,
}

impl Words {
    /// Asks for a value for each place.
    pub(super) fn new(value: impl Fn(usize) -> String) -> Self {
        let values: Vec<String> = (10..50).map(value).collect();
        let mut next = values.iter().cloned();
        let mut word = || next.next().expect("there are enough values");
        let column = |ty, name| Column { name, ty };
        let all = ScalarType::ALL.map(|ty| column(ty, word()));
        let convertible = |column: &Column| {
            !matches!(
                column.ty,
                ScalarType::DateTime | ScalarType::TimeSpan | ScalarType::Guid
            )
        };
        let tag_prefix = word();
        Self {
            plain_types: TableSchema {
                columns: all
                    .iter()
                    .filter(|column| convertible(column))
                    .cloned()
                    .collect(),
            },
            schema: TableSchema {
                columns: all.to_vec(),
            },
            database: word(),
            table: word(),
            other_table: word(),
            staging: word(),
            window: Window {
                after: Some(Cursor(word())),
                up_to: Cursor(word()),
            },
            tag: AttemptTag::new(&tag_prefix, 7),
            tag_prefix,
            incarnation: word(),
            folder: word(),
            docstring: word(),
            job: word(),
            request_id: word(),
            secrets: [word(), word()],
            values,
        }
    }

    fn predicate(&self, slice: Slice) -> Predicate {
        Predicate {
            window: self.window.clone(),
            slice,
        }
    }

    fn secrets(&self) -> [Secret; 2] {
        self.secrets.clone().map(Secret::new)
    }
}

const FROM: Ticks = Ticks(638_000_000_000_000_001);
const TO: Ticks = Ticks(638_000_000_100_000_000);

fn extent_ids() -> Vec<ExtentId> {
    [
        "5b0a7f9e-1111-4a11-9111-000000000001",
        "5b0a7f9e-1111-4a11-9111-000000000002",
    ]
    .map(|id| ExtentId::parse(id).expect("a guid"))
    .to_vec()
}

fn operation_id() -> OperationId {
    OperationId::parse("cb5a1f0e-2222-4b22-9222-000000000001").expect("a guid")
}

/// One of each shape of a block.
fn predicates(words: &Words) -> Vec<Predicate> {
    let range = |from, to| Slice::range(TimeRange { from, to });
    let dense = Slice {
        instants: Instants::Range(TimeRange {
            from: Some(FROM),
            to: Some(TO),
        }),
        extents: Some(extent_ids()),
        part: Some(ContentPart { parts: 8, index: 3 }),
    };
    let mut first = words.predicate(range(None, Some(TO)));
    first.window.after = None;
    vec![
        first,
        words.predicate(range(Some(FROM), Some(TO))),
        words.predicate(range(Some(FROM), None)),
        words.predicate(range(None, None)),
        words.predicate(Slice::missing()),
        words.predicate(Slice {
            extents: Some(Vec::new()),
            ..Slice::missing()
        }),
        words.predicate(dense),
    ]
}

/// Every text of the copier.
pub(super) fn all_texts(words: &Words) -> Vec<Text> {
    let mut texts = preflight_texts(words);
    texts.extend(planning_texts(words));
    texts.extend(export_texts(words));
    texts.extend(value_texts(words));
    texts.extend(staging_texts(words));
    texts.extend(commit_texts(words));
    texts.extend(operation_texts(words));
    texts
}

fn preflight_texts(w: &Words) -> Vec<Text> {
    let mut texts = vec![
        preflight::version(),
        preflight::identity(),
        preflight::schemas(&w.database),
        preflight::table_schema(&w.table),
        preflight::tables_details(),
        preflight::tables_details_of(&[&w.table, &w.staging]),
        preflight::materialized_views(),
        preflight::functions(),
        preflight::encoding_policy(&w.table),
        cursor::end(&w.table, None),
        cursor::end(&w.table, w.window.after.as_ref()),
        cursor::end_short(),
        changes::signatures(&w.database),
        changes::windows(&[(&w.table, &w.window)]),
        changes::windows(&[(&w.table, &w.window), (&w.other_table, &w.window)]),
    ];
    texts.extend(TablePolicy::all().map(preflight::table_policies));
    texts
}

fn planning_texts(w: &Words) -> Vec<Text> {
    let mut texts = vec![
        planning::count(&w.table),
        planning::extent_days(&w.table),
        planning::extents(&w.table, &extent_ids()),
    ];
    for predicate in predicates(w) {
        texts.push(planning::bounds(&w.table, &w.schema, &predicate));
        texts.push(planning::bins(
            &w.table,
            &w.schema,
            &predicate,
            36_000_000_000,
            true,
        ));
        texts.push(planning::bins(&w.table, &w.schema, &predicate, 1, false));
        texts.push(planning::by_extent(&w.table, &w.schema, &predicate));
        texts.push(planning::by_part(&w.table, &w.schema, &predicate, 8));
    }
    texts
}

fn export_texts(w: &Words) -> Vec<Text> {
    let secrets = w.secrets();
    let predicates = predicates(w);
    let csv = |predicate| ExportRequest {
        table: &w.table,
        schema: &w.schema,
        predicate,
        encoding: Encoding::Csv,
        targets: &secrets,
        size_limit: 1 << 30,
    };
    let parquet = ExportRequest {
        table: &w.other_table,
        schema: &w.plain_types,
        encoding: Encoding::Parquet,
        ..csv(&predicates[1])
    };
    let mut texts: Vec<Text> = predicates
        .iter()
        .map(|block| export::start(&csv(block)))
        .collect();
    texts.push(export::now(&csv(&predicates[1])));
    texts.push(export::start(&parquet));
    texts.push(export::now(&parquet));
    texts
}

fn value_texts(w: &Words) -> Vec<Text> {
    let limits = BTreeMap::from([(w.schema.columns[8].name.clone(), 2_097_152)]);
    let (table, schema, up_to) = (&w.table, &w.schema, &w.window.up_to);
    let ids = extent_ids();
    let block = predicates(w).remove(1);
    let mut texts = vec![
        values::value_check(table, schema, Scope::Block(&block), &limits).text,
        values::count_up_to(table, None),
        values::count_up_to(table, Some(up_to)),
        values::buckets(table, schema, Some(up_to)),
    ];
    for scope in [
        Scope::Block(&block),
        Scope::Extents(&ids),
        Scope::UpTo(up_to),
        Scope::All,
    ] {
        texts.push(values::fingerprint(table, schema, scope, &limits).text);
    }
    texts
}

fn staging_texts(w: &Words) -> Vec<Text> {
    let request = |encoding, row_level_security| StagingRequest {
        name: &w.staging,
        destination: &w.table,
        destination_schema: &w.schema,
        schema: &w.schema,
        encoding,
        incarnation: &w.incarnation,
        row_level_security,
        expiry: TO,
    };
    vec![
        tables::create(&w.table, &w.schema, &w.folder, &w.docstring),
        tables::create(&w.table, &w.schema, "", ""),
        tables::create_merge(&w.table, &w.schema, &w.folder, &w.docstring),
        tables::merge_any_age(&w.table),
        tables::enable_streaming(&w.table),
        staging::create(&request(Encoding::Csv, true)),
        staging::create(&request(Encoding::Parquet, false)),
        staging::mappings(&w.staging, Encoding::Csv),
        staging::mappings(&w.staging, Encoding::Parquet),
        staging::extend(&w.staging, TO),
        staging::drop_tables(&[&w.staging]),
        staging::list(),
    ]
}

fn commit_texts(w: &Words) -> Vec<Text> {
    let ids = extent_ids();
    let mut texts = vec![
        moves::start(&w.staging, &w.table, &ids),
        moves::now(&w.staging, &w.table, &ids),
        extents::staged(&[&w.staging, &w.table]),
        extents::staged_of(&w.staging, &w.tag),
        extents::arrived(&w.table, &w.tag_prefix),
        extents::presence(&w.table, &w.tag),
        extents::drop_by_tag(&w.staging, &w.tag),
        tags::drop_start(&w.table, std::slice::from_ref(&w.tag), None),
        tags::drop_now(&w.table, &[w.tag.clone(), w.tag.clone()], Some((FROM, TO))),
    ];
    let secrets = w.secrets();
    for encoding in [Encoding::Csv, Encoding::Parquet] {
        let request = IngestRequest {
            table: &w.staging,
            encoding,
            files: &secrets,
            tag: &w.tag,
            creation_time: FROM,
        };
        texts.push(ingest::start(&request));
        texts.push(ingest::now(&request));
    }
    texts
}

fn operation_texts(w: &Words) -> Vec<Text> {
    let owner = OwnerMarker {
        job: w.job.clone(),
        incarnation: w.incarnation.clone(),
        table: w.table.clone(),
    };
    let job = JobMarker {
        job: w.job.clone(),
        incarnation: w.incarnation.clone(),
        iteration: 7,
    };
    let id = operation_id();
    vec![
        operations::capacity(),
        operations::by_id(&[id.clone(), id.clone()]),
        operations::log(std::slice::from_ref(&id), FROM),
        operations::running(OperationKind::Export, FROM),
        operations::by_activity(&id, FROM),
        operations::details(&id),
        operations::find_command(&w.request_id, FROM),
        owners::claim(&owner),
        owners::release(&w.table),
        owners::record_job(&job),
        owners::list(),
    ]
}
