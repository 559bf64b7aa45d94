//! A cluster that gives the same answers to all, for effects that only ask.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kusto_copy_core::activity::{ActivityState, Encoding, Layout, Phase, Staging, StagingState};
use kusto_copy_core::decide::Action;
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{AttemptTag, Cursor, Millis, ScalarType, TableSchema, Window};
use kusto_copy_kusto::{Cluster as Client, ClusterUri, NoCredentials, Settings};
use kusto_copy_staging::LocalLake;
use serde_json::{Value, json};

use super::{Task, Workplace};
use crate::catalog::LateCatalog;

/// Counts `rows` rows wherever it is asked, and knows table `T` by `id`.
pub(super) struct Cluster {
    uri: String,
    queries: Arc<AtomicUsize>,
    commands: Arc<AtomicUsize>,
}

impl Cluster {
    pub(super) fn start(rows: u64, id: &'static str) -> Self {
        Self::begin(rows, id, None)
    }

    /// A destination whose moves go like this.
    pub(super) fn of_moves(moves: Moves) -> Self {
        Self::begin(0, "now", Some(moves))
    }

    fn begin(rows: u64, id: &'static str, moves: Option<Moves>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("an address"));
        let queries = Arc::new(AtomicUsize::new(0));
        let commands = Arc::new(AtomicUsize::new(0));
        let counted = [Arc::clone(&queries), Arc::clone(&commands)];
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let counted = counted.clone();
                std::thread::spawn(move || serve(stream, (rows, id, moves), &counted));
            }
        });
        Self {
            uri,
            queries,
            commands,
        }
    }

    /// Queries answered so far; commands are not counted.
    pub(super) fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }

    /// Commands answered so far.
    pub(super) fn commands(&self) -> usize {
        self.commands.load(Ordering::SeqCst)
    }
}

/// The tag of every attempt.
pub(super) fn tag() -> AttemptTag {
    AttemptTag::new("kc-", 7)
}

/// The one extent that is ever staged.
pub(super) const STAGED: &str = "00000000-0000-0000-0000-000000000001";

/// How moves go: what their result says of the extent, what is staged afterwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    /// The state of the operation.
    pub(super) state: &'static str,
    /// `ResultExtentId`.
    pub(super) result: &'static str,
    /// Whether the extent is staged, whatever is dropped.
    pub(super) staged: bool,
    /// Whether [`tag`] is at the destination, whatever is dropped.
    pub(super) arrived: bool,
}

impl Moves {
    fn answer(self, command: &str) -> Option<Value> {
        let moved = ["OriginalExtentId", "ResultExtentId", "Details"];
        if command.starts_with(".move") || command.ends_with("details") {
            return Some(self::command(
                &moved,
                &[json!([STAGED, self.result, "for a reason"])],
            ));
        }
        if command.contains("summarize Extents = count() by Tag") {
            let row = json!([tag().as_str(), 1]);
            let rows: &[Value] = if self.arrived { &[row] } else { &[] };
            return Some(self::command(&["Tag", "Extents"], rows));
        }
        if command.starts_with(".drop") {
            let names = ["ExtentId", "ResultExtentId", "Details"];
            return Some(self::command(&names, &[]));
        }
        if command.contains("project ExtentId, RowCount") {
            let names = ["ExtentId", "RowCount", "DeletedRowCount", "OriginalSize"];
            let row = json!([STAGED, 1, 0, 1]);
            let rows: &[Value] = if self.staged { &[row] } else { &[] };
            return Some(self::command(&names, rows));
        }
        if command.contains("make_list(ExtentId") {
            let names = [
                "TableName",
                "Tags",
                "Extents",
                "Rows",
                "Deleted",
                "Bytes",
                "MinCreatedOn",
                "MaxCreatedOn",
                "Ids",
            ];
            let row = json!(["s", "t", 1, 1, 0, 1, null, null, [STAGED]]);
            let rows: &[Value] = if self.staged { &[row] } else { &[] };
            return Some(self::command(&names, rows));
        }
        command.contains("show operations").then(|| {
            let names = [
                "OperationId",
                "Operation",
                "State",
                "Status",
                "ShouldRetry",
                "StartedOn",
                "LastUpdatedOn",
            ];
            let row = json!([
                STAGED,
                "MoveExtents",
                self.state,
                "as told",
                false,
                null,
                null
            ]);
            self::command(&names, &[row])
        })
    }
}

fn serve(
    stream: TcpStream,
    (rows, id, moves): (u64, &str, Option<Moves>),
    [queries, commands]: &[Arc<AtomicUsize>; 2],
) {
    let Ok(mut answers) = stream.try_clone() else {
        return;
    };
    let mut requests = BufReader::new(stream);
    while let Some((path, command)) = request(&mut requests) {
        let is_query = path.contains("/query");
        let counted = if is_query { queries } else { commands };
        counted.fetch_add(1, Ordering::SeqCst);
        let body = if is_query && command.contains("by Bin = ") {
            bins(rows)
        } else if is_query {
            let row = json!([rows, null, null]);
            query(&["Rows", "MinIt", "MaxIt"], &[row])
        } else if let Some(moves) = moves
            && let Some(answer) = moves.answer(&command)
        {
            answer
        } else if command.contains("Spoils") {
            json!({})
        } else if command.contains("TableId") {
            details(id)
        } else {
            days()
        };
        let body = body.to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if write!(answers, "{head}{body}").is_err() {
            return;
        }
    }
}

fn request(stream: &mut impl BufRead) -> Option<(String, String)> {
    let mut first = String::new();
    stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    Some((first, body["csl"].as_str()?.to_owned()))
}

fn columns(names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| json!({ "ColumnName": name }))
        .collect()
}

fn query(names: &[&str], rows: &[Value]) -> Value {
    json!([
        {"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0"},
        {"FrameType": "DataTable", "TableId": 1, "TableKind": "PrimaryResult",
         "TableName": "PrimaryResult", "Columns": columns(names), "Rows": rows},
        {"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false}
    ])
}

fn command(names: &[&str], rows: &[Value]) -> Value {
    json!({"Tables": [{"TableName": "Table_0", "Columns": columns(names), "Rows": rows}]})
}

/// All rows in one bin of the streaming buffer; no bin without rows.
fn bins(rows: u64) -> Value {
    let time = "2026-01-01T00:00:00Z";
    let extent = "00000000-0000-0000-0000-000000000000";
    let row = json!([time, extent, rows, time, time]);
    let some = [row];
    let found = if rows == 0 { &some[..0] } else { &some[..] };
    query(&["Bin", "ExtentId", "Rows", "MinIt", "MaxIt"], found)
}

fn details(id: &str) -> Value {
    let names = [
        "TableName",
        "TableId",
        "TotalExtents",
        "TotalRowCount",
        "TotalOriginalSize",
        "RetentionPolicy",
        "MergePolicy",
        "StreamingIngestionPolicy",
        "MinExtentsCreationTime",
        "MaxExtentsCreationTime",
    ];
    let row = json!(["T", id, 1, 1, null, null, null, null, null, null]);
    command(&names, &[row])
}

/// Two days of as many rows as one slice takes.
fn days() -> Value {
    let most = Limits::default().slice_rows;
    let day = |day: &str| json!([format!("2026-01-{day}T00:00:00Z"), 1, most, 0, null]);
    let names = ["Day", "Extents", "Rows", "Deleted", "Bytes"];
    command(&names, &[day("01"), day("02")])
}

/// Where effects on table `T` find the cluster, as source and as destination.
pub(super) async fn place(cluster: &Cluster) -> Arc<Workplace> {
    let (uri, _) = ClusterUri::parse(&cluster.uri).expect("an address");
    let client = Client::connect(uri, Arc::new(NoCredentials), Settings::default());
    let client = client.expect("a client");
    let dir = tempfile::tempdir().expect("a folder");
    let lake = LocalLake::open(dir.path().to_str().expect("a path")).await;
    Arc::new(Workplace {
        source: client.database("A"),
        destination: client.database("B"),
        lake: Arc::new(lake.expect("a lake")),
        catalog: Arc::new(LateCatalog::default()),
        looks: Arc::default(),
        job: "a job".to_owned(),
        incarnation: "0badcafe".to_owned(),
        limits: Limits::default(),
        horizon: None,
        adopt_destination: false,
        force_incomplete_reads: false,
    })
}

/// An action on table `T` in its backfill, all of which is planned.
pub(super) fn task(action: Action) -> Task {
    let window = Window {
        after: None,
        up_to: Cursor("638000000000000000".to_owned()),
    };
    let layout = Layout {
        schema: TableSchema::new([("c".to_owned(), ScalarType::Long)]),
        encoding: Encoding::Csv,
        retention: None,
    };
    let mut state = ActivityState::begin("A", "T", "B", "T", 1, window.clone(), None, 1, Millis(0));
    state.head.phase = Phase::Planned {
        window,
        layout,
        reconciled: None,
    };
    Task {
        action,
        head: state.head,
        blocks: Vec::new(),
        now: Millis(0),
        table_id: None,
    }
}

/// As [`task`], of a table whose staging table is ready.
pub(super) fn staged(action: Action) -> Task {
    let mut task = task(action);
    task.head.staging = Some(Staging {
        name: "kcopy_s".to_owned(),
        state: StagingState::Ready,
        schema: String::new(),
        made: Millis(0),
    });
    task
}
