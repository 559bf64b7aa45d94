//! The queries of a copier over a table with an awkward name, all ten types and their extremes.

use std::sync::Arc;

use kusto_emulator_values::{Column, Decimal, ScalarType, Table, TableBuilder, Value, datetime};

use super::{Tables, context, rows};
use crate::{Catalog, KqlError, StoredFunction, TableSource, run, run_over};

const NAME: &str = "where T-1.b x";

fn awkward() -> Table {
    let columns = [
        ("b ool", ScalarType::Bool),
        ("d.t", ScalarType::DateTime),
        ("dec-1", ScalarType::Decimal),
        ("dyn", ScalarType::Dynamic),
        ("guid", ScalarType::Guid),
        ("int", ScalarType::Int),
        ("long", ScalarType::Long),
        ("r e", ScalarType::Real),
        ("where", ScalarType::String),
        ("t s", ScalarType::TimeSpan),
    ];
    let schema: Vec<Column> = columns
        .iter()
        .map(|(name, ty)| Column::new(*name, *ty))
        .collect();
    let mut builder = TableBuilder::new(schema);
    let decimal = |text: &str| Value::Decimal(Decimal::parse(text).expect("a decimal"));
    let guid = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let rows = [
        vec![
            Value::Bool(true),
            Value::DateTime(datetime::MAX),
            decimal("-9999999999999999999999999999999999"),
            Value::Dynamic(r#"{"b":9007199254740993,"a":[1.50,"x|y"]}"#.to_owned()),
            Value::Guid(guid.to_owned()),
            Value::Int(i32::MIN),
            Value::Long(i64::MIN),
            Value::Real(-0.0),
            Value::String("a|\"'\n\u{0}😀".to_owned()),
            Value::TimeSpan(i64::MIN),
        ],
        vec![
            Value::Bool(false),
            Value::DateTime(1),
            decimal("0.0000001"),
            Value::Dynamic("\"1\"".to_owned()),
            Value::Guid("00000000-0000-0000-0000-000000000000".to_owned()),
            Value::Int(i32::MAX),
            Value::Long(i64::MAX),
            Value::Real(f64::NAN),
            Value::String(String::new()),
            Value::TimeSpan(i64::MAX),
        ],
        columns
            .iter()
            .map(|(_, ty)| match ty {
                ScalarType::String => Value::String(String::new()),
                ty @ (ScalarType::Bool
                | ScalarType::Int
                | ScalarType::Long
                | ScalarType::Real
                | ScalarType::Decimal
                | ScalarType::DateTime
                | ScalarType::TimeSpan
                | ScalarType::Guid
                | ScalarType::Dynamic) => Value::Null(*ty),
            })
            .collect(),
    ];
    for row in rows {
        builder.push_row(row).expect("the row fits");
    }
    builder.finish().expect("the table is whole")
}

/// The awkward table beside the others, and staging under its name.
struct Source;

impl Catalog for Source {
    fn table(&self, database: Option<&str>, name: &str) -> Option<TableSource> {
        match name {
            NAME | "kcopy_7f3a9c21_04e1b6d2_g3" | "p q-2" | "a.1" | "b 2" => {
                Some(super::source(&awkward()))
            }
            _ => Tables.table(database, name),
        }
    }

    fn tables_matching(&self, _: Option<&str>, _: &str) -> Vec<(String, TableSource)> {
        Vec::new()
    }

    fn function(&self, _: Option<&str>, _: &str) -> Option<StoredFunction> {
        None
    }

    fn cursor_current(&self) -> i64 {
        638_000_000_000_000_002
    }

    fn external_data(
        &self,
        _: &[String],
        _: &kusto_emulator_values::Schema,
        _: &std::collections::BTreeMap<String, String>,
    ) -> Result<Table, String> {
        Err("there is no storage".to_owned())
    }
}

/// The text of each column that a CSV export writes.
const TEXTS: [&str; 10] = [
    "case(isnull(['b ool']), '', ['b ool'], 'true', 'false')",
    "iff(isnull(['d.t']), '', format_datetime(['d.t'], 'yyyy-MM-dd HH:mm:ss.fffffff'))",
    "tostring(['dec-1'])",
    "iff(isnull(['dyn']), '', dynamic_to_json(['dyn']))",
    "tostring(['guid'])",
    "tostring(['int'])",
    "tostring(['long'])",
    "tostring(['r e'])",
    "['where']",
    "tostring(['t s'])",
];

async fn cells(text: &str) -> Vec<Vec<String>> {
    let output = run(text, Arc::new(Source), &context()).await;
    let table = output
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .tables
        .remove(0);
    let rows = table.rows().expect("in their Arrow forms");
    rows.iter()
        .map(|row| row.iter().map(Value::to_text).collect())
        .collect()
}

/// Hash of a row as fingerprints and parts by content use it.
fn hash() -> String {
    let hashes: Vec<String> = TEXTS
        .iter()
        .map(|text| format!("hash_xxhash64({text})"))
        .collect();
    format!("hash_xxhash64(strcat({}))", hashes.join(", '|', "))
}

#[tokio::test]
async fn export_texts() {
    let texts: Vec<String> = TEXTS
        .iter()
        .enumerate()
        .map(|(at, text)| format!("c{at} = {text}"))
        .collect();
    let query = format!(
        "table('{NAME}', 'all') | project k = 1, {}",
        texts.join(", ")
    );
    let found = cells(&query).await;
    assert_eq!(
        found[0],
        [
            "1",
            "true",
            "9999-12-31 23:59:59.9999999",
            "-9999999999999999999999999999999999",
            r#"{"a":[1.50,"x|y"],"b":9007199254740993}"#,
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "-2147483648",
            "-9223372036854775808",
            "-0.0",
            "a|\"'\n\u{0}😀",
            "-10675199.02:48:05.4775808",
        ]
    );
    let second = [
        "1",
        "false",
        "0001-01-01 00:00:00.0000001",
        "0.0000001",
        "\"1\"",
    ];
    assert_eq!(found[1][..5], second);
    assert_eq!(found[2], ["1", "", "", "", "", "", "", "", "", "", ""]);
}

#[tokio::test]
async fn every_text_converts_back() {
    let query = format!(
        "table('{NAME}', 'all')
| where cursor_after('5') and cursor_before_or_at('638000000000000002') or isnull(ingestion_time()) or id_is_any
| extend h = {}
| summarize Rows = count(),
    S0 = sum(binary_and(h, 4294967295)), S1 = sum(binary_and(binary_shift_right(h, 32), 4294967295)),
    N3 = countif(isnull(['dyn'])), N8 = countif(isnull(['where'])),
    X1 = countif(isnotnull(['d.t']) and not(coalesce(todatetime({}) == ['d.t'], false))),
    X2 = countif(isnotnull(['dec-1']) and not(coalesce(todecimal(tostring(['dec-1'])) == ['dec-1'], false))),
    X3 = countif(isnotnull(['dyn']) and not(coalesce(dynamic_to_json(parse_json(dynamic_to_json(['dyn']))) == dynamic_to_json(['dyn']) and gettype(parse_json(dynamic_to_json(['dyn']))) == gettype(['dyn']), false))),
    X4 = countif(isnotnull(['guid']) and not(coalesce(toguid(tostring(['guid'])) == ['guid'], false))),
    X7 = countif(isnotnull(['r e']) and not(coalesce((toreal(tostring(['r e'])) == ['r e'] and (['r e'] != 0.0 or 1.0 / ['r e'] == 1.0 / toreal(tostring(['r e'])))) or (isnan(['r e']) and isnan(toreal(tostring(['r e'])))), false))),
    X8 = countif(string_size(['where']) > 1048576),
    X9 = countif(isnotnull(['t s']) and not(coalesce(totimespan(tostring(['t s'])) == ['t s'], false)))
| project-away S0, S1",
        hash(),
        TEXTS[1],
    );
    let query = query.replace("id_is_any", "true");
    assert_eq!(
        cells(&query).await,
        [["3", "1", "0", "0", "0", "0", "0", "0", "0", "0"]]
    );
}

#[tokio::test]
async fn parts_by_content_cover_all_rows_once() {
    let mut total = 0;
    for part in 0..4 {
        let query = format!(
            "['{NAME}'] | extend h = {} | where binary_and(h, 3) == {part} | count",
            hash()
        );
        total += cells(&query).await[0][0].parse::<i64>().expect("a count");
    }
    assert_eq!(total, 3);
}

#[tokio::test]
async fn planning_queries() {
    let slices = format!(
        "set truncationmaxrecords=200000;
let resolution = 1tick;
table('{NAME}', 'all')
| where cursor_after('5') and cursor_before_or_at('638000000000000002')
| where ingestion_time() >= datetime(0001-01-01T00:00:00.0000100Z) and ingestion_time() < datetime(2026-01-02T04:00:00.0000000Z)
| summarize Rows = count(), MinIt = min(ingestion_time()), MaxIt = max(ingestion_time()) by Bin = bin(ingestion_time(), resolution), ExtentId = extent_id()
| order by Bin asc | project Rows, MinIt, ExtentId"
    );
    let found = cells(&slices).await;
    assert_eq!(
        found.len(),
        2,
        "the third row has no cursor value: {found:?}"
    );
    assert_eq!(
        found[1],
        ["1", "0001-01-01T00:00:00.0000200Z", super::FIRST_EXTENT]
    );
    let windows = format!(
        "union hint.concurrency=8
(table('{NAME}', 'all') | where cursor_after('10') and cursor_before_or_at('638000000000000002') | summarize Rows = count(), MinIt = min(ingestion_time()), MaxIt = max(ingestion_time()) | extend TableName = '{NAME}'),
(table('a.1', 'all') | where cursor_before_or_at('1') | summarize Rows = count(), MinIt = min(ingestion_time()), MaxIt = max(ingestion_time()) | extend TableName = 'a.1')
| project TableName, Rows, MinIt | order by TableName desc"
    );
    assert_eq!(
        cells(&windows).await,
        [
            [NAME, "1", "0001-01-01T00:00:00.0000200Z"],
            ["a.1", "0", ""]
        ]
    );
}

#[tokio::test]
async fn pipes_of_shows() {
    let columns = [
        ("TableName", ScalarType::String),
        ("ExtentId", ScalarType::Guid),
        ("Tags", ScalarType::String),
        ("RowCount", ScalarType::Long),
        ("MaxCreatedOn", ScalarType::DateTime),
    ];
    let schema = columns
        .iter()
        .map(|(name, ty)| Column::new(*name, *ty))
        .collect();
    let mut builder = TableBuilder::new(schema);
    for (id, tags, count) in [
        (super::FIRST_EXTENT, "kc-7f-1\r\nother", 5),
        (super::SECOND_EXTENT, "kc-7f-1\r\nkc-7f-2", 7),
    ] {
        let row = vec![
            Value::String("T".to_owned()),
            Value::Guid(id.to_owned()),
            Value::String(tags.to_owned()),
            Value::Long(count),
            Value::DateTime(1),
        ];
        builder.push_row(row).expect("the row fits");
    }
    let table = builder.finish().expect("the table is whole");
    let cases: [(&str, &[&str]); 3] = [
        (
            r"mv-expand Tag = split(Tags, '\r\n') to typeof(string) | where Tag startswith 'kc-7f-'
| summarize Extents = count(), Rows = sum(RowCount) by Tag | order by Tag asc",
            &["kc-7f-1|2|12", "kc-7f-2|1|7"],
        ),
        (
            "summarize Extents = count(), Rows = sum(RowCount), Signature = sum(binary_and(hash_xxhash64(tostring(ExtentId)), 4294967295)) by TableName | project Extents, Rows",
            &["2|12"],
        ),
        (
            "summarize Ids = make_list(ExtentId, 1), Rows = sum(RowCount) by Day = startofday(MaxCreatedOn) | project Ids, Rows",
            &[r#"["5b0a7f9e-1111-4a11-9111-000000000001"]|12"#],
        ),
    ];
    for (pipe, expected) in cases {
        let output = run_over(table.clone(), pipe, Arc::new(Tables), &context()).await;
        let found = output
            .unwrap_or_else(|error| panic!("{pipe}: {error}"))
            .tables[0]
            .rows()
            .expect("rows");
        let texts: Vec<String> = found
            .iter()
            .map(|row| row.iter().map(Value::to_text).collect::<Vec<_>>().join("|"))
            .collect();
        assert_eq!(texts, expected, "{pipe}");
    }
}

#[tokio::test]
async fn a_missing_table_fails_the_union() {
    let query = "union (T | count), (table('gone', 'all') | count)";
    assert!(rows(query).await[0].contains("SEM0100"));
    let refused: Result<_, KqlError> = run(query, Arc::new(Tables), &context()).await;
    assert!(refused.is_err_and(|error| error.is_permanent()));
}
