//! A cluster of a few words: it knows the questions of an opening iteration, and whatever else is
//! asked it refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A table at the source.
#[derive(Debug, Clone)]
pub(super) struct FakeTable {
    pub(super) id: String,
    pub(super) columns: String,
    pub(super) has_ingestion_time: bool,
    /// Rows of whatever window is asked about; `None` refuses the question.
    pub(super) window: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Tables by database.
    pub(super) tables: BTreeMap<String, BTreeMap<String, FakeTable>>,
    /// Texts of which the next request is answered with a fault that passes.
    pub(super) failing: Vec<String>,
    /// A column that comes, and a text that fails once, as soon as a cursor was read.
    pub(super) at_cursor: Option<(String, String, String)>,
    /// Whether the databases are others of the same names.
    pub(super) replaced: bool,
    /// A database that may not be seen.
    pub(super) no_permission: Option<String>,
    /// What was asked.
    pub(super) asked: Vec<String>,
    cursor: u64,
}

impl State {
    pub(super) fn table(&mut self, database: &str, table: &str) -> &mut FakeTable {
        let tables = self.tables.entry(database.to_owned()).or_default();
        tables.entry(table.to_owned()).or_insert_with(|| FakeTable {
            id: format!("id of {table}"),
            columns: "n:long".to_owned(),
            has_ingestion_time: true,
            window: Some(0),
        })
    }

    pub(super) fn remove(&mut self, database: &str, table: &str) -> Option<FakeTable> {
        self.tables.get_mut(database)?.remove(table)
    }

    /// Questions that contain a text, since the last time this was asked.
    pub(super) fn take_asked(&mut self, text: &str) -> Vec<String> {
        let asked = std::mem::take(&mut self.asked);
        asked.into_iter().filter(|q| q.contains(text)).collect()
    }
}

/// The cluster as a server.
pub(super) struct FakeCluster {
    pub(super) uri: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl FakeCluster {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { uri, state, task }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds this")
    }
}

impl Drop for FakeCluster {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some((database, text)) = read_request(&mut stream).await {
        let (status, body) = {
            let mut state = state.lock().expect("no test panics while it holds this");
            answer(&mut state, &database, &text)
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1)?.lines().next()?;
            if body.len() >= length.parse().ok()? {
                let body: Value = serde_json::from_str(body).ok()?;
                let field = |name: &str| body[name].as_str().map(str::to_owned);
                return Some((field("db")?, field("csl")?));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn answer(state: &mut State, database: &str, text: &str) -> (u16, String) {
    state.asked.push(format!("{database}: {text}"));
    let fails = |part: &String| text.contains(part.as_str());
    if let Some(at) = state.failing.iter().position(fails) {
        state.failing.remove(at);
        return fault(503, "not now", false);
    }
    if state.no_permission.as_deref() == Some(database) {
        return fault(403, "no permission", true);
    }
    if text.starts_with('.') {
        return command(state, database, text);
    }
    let tables = state.tables.get(database).cloned().unwrap_or_default();
    let names: Vec<&str> = text
        .split("table('")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next())
        .collect();
    if let Some(absent) = names.iter().find(|name| !tables.contains_key(**name)) {
        return fault(400, &format!("SEM0100: no table {absent}"), true);
    }
    if text.contains("cursor_current()") {
        state.cursor += 1;
        if let Some((table, columns, fails)) = state.at_cursor.take() {
            state.table(database, &table).columns = columns;
            state.failing.push(fails);
        }
        let row = json!([[format!("{:04}", state.cursor), null, 0]]);
        return query(&["Cursor", "ReadAt", "NewRows"], &row);
    }
    let windows: Option<Vec<u64>> = names.iter().map(|name| tables[*name].window).collect();
    let Some(windows) = windows else {
        return fault(400, "SEM0001: this table cannot be read", true);
    };
    let rows: Vec<Value> = windows
        .iter()
        .enumerate()
        .map(|(leg, rows)| json!([leg, rows, null, null]))
        .collect();
    query(&["Leg", "Rows", "MinIt", "MaxIt"], &json!(rows))
}

fn command(state: &State, database: &str, text: &str) -> (u16, String) {
    let none = BTreeMap::new();
    let tables = state.tables.get(database).unwrap_or(&none);
    let of_tables = |row: &dyn Fn(&String, &FakeTable) -> Value| {
        json!(tables.iter().map(|(n, t)| row(n, t)).collect::<Vec<_>>())
    };
    if text.starts_with(".show database identity") {
        return identity(state, database);
    }
    if text.contains(" cslschema") {
        let rows = of_tables(&|name, table| json!([name, table.columns, "", ""]));
        return table(&["TableName", "Schema", "Folder", "DocString"], &rows);
    }
    if text.starts_with(".show tables details") {
        let rows = of_tables(&|name, table| {
            let unknown = json!(null);
            let mut row = vec![json!(name), json!(table.id), json!(1), json!(1), json!(1)];
            row.extend(vec![unknown; 6]);
            json!(row)
        });
        let columns = [
            "TableName",
            "TableId",
            "TotalExtents",
            "TotalRowCount",
            "TotalOriginalSize",
            "RetentionPolicy",
            "MergePolicy",
            "ShardingPolicy",
            "StreamingIngestionPolicy",
            "MinExtentsCreationTime",
            "MaxExtentsCreationTime",
        ];
        return table(&columns, &rows);
    }
    if text.starts_with(".show table * policy ingestiontime") {
        let rows = of_tables(&|name, table| {
            let policy = format!("{{\"IsEnabled\": {}}}", table.has_ingestion_time);
            json!([format!("[{database}].[{name}]"), policy])
        });
        return table(&["EntityName", "Policy"], &rows);
    }
    if text.contains(" extents\n| summarize Extents") {
        let rows = of_tables(&|name, _| json!([name, 1, 1, 0, null, 7]));
        let columns = [
            "TableName",
            "Extents",
            "Rows",
            "Deleted",
            "MaxCreatedOn",
            "Signature",
        ];
        return table(&columns, &rows);
    }
    let empty: BTreeSet<&str> = BTreeSet::from([
        ".show table * policy row_level_security",
        ".show table * policy update",
        ".show materialized-views",
        ".show functions",
    ]);
    if empty.iter().any(|begin| text.starts_with(begin)) {
        return table(&["Name"], &json!([]));
    }
    fault(400, "a fake cluster does not know this", true)
}

fn identity(state: &State, database: &str) -> (u16, String) {
    let id = format!("id {} of {database}", u8::from(state.replaced));
    let row = json!([[database, null, id, "v1", "ReadWrite", true]]);
    let columns = [
        "DatabaseName",
        "PrettyName",
        "DatabaseId",
        "Version",
        "DatabaseAccessMode",
        "CurrentUserIsUnrestrictedViewer",
    ];
    table(&columns, &row)
}

fn columns(names: &[&str]) -> Vec<Value> {
    let column = |name: &&str| json!({"ColumnName": name});
    names.iter().map(column).collect()
}

fn table(names: &[&str], rows: &Value) -> (u16, String) {
    let table = json!({"TableName": "Table_0", "Columns": columns(names), "Rows": rows});
    (200, json!({"Tables": [table]}).to_string())
}

fn query(names: &[&str], rows: &Value) -> (u16, String) {
    let result = json!({"FrameType": "DataTable", "TableId": 0, "TableKind": "PrimaryResult",
        "TableName": "PrimaryResult", "Columns": columns(names), "Rows": rows});
    let end = json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false});
    (200, json!([result, end]).to_string())
}

fn fault(status: u16, message: &str, permanent: bool) -> (u16, String) {
    let error = json!({"error": {"code": "General_BadRequest", "@type": "Fault",
        "@message": message, "@permanent": permanent}});
    (status, error.to_string())
}
