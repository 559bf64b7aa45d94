//! A cluster that gives the same answers to all, for effects that only ask.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kusto_copy_core::activity::{ActivityState, Encoding, Layout, Phase};
use kusto_copy_core::decide::Action;
use kusto_copy_core::limits::Limits;
use kusto_copy_core::vocabulary::{Cursor, Millis, ScalarType, TableSchema, Window};
use kusto_copy_kusto::{Cluster as Client, ClusterUri, NoCredentials, Settings};
use kusto_copy_staging::LocalLake;
use serde_json::{Value, json};

use super::{Task, Workplace};
use crate::catalog::LateCatalog;

/// Counts `rows` rows wherever it is asked, and knows table `T` by `id`.
pub(super) struct Cluster {
    uri: String,
    queries: Arc<AtomicUsize>,
}

impl Cluster {
    pub(super) fn start(rows: u64, id: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let uri = format!("http://{}", listener.local_addr().expect("an address"));
        let queries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&queries);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || serve(stream, rows, id, &counted));
            }
        });
        Self { uri, queries }
    }

    /// Queries answered so far; commands are not counted.
    pub(super) fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, rows: u64, id: &str, queries: &AtomicUsize) {
    let Ok(mut answers) = stream.try_clone() else {
        return;
    };
    let mut requests = BufReader::new(stream);
    while let Some((path, command)) = request(&mut requests) {
        let body = if path.contains("/query") {
            queries.fetch_add(1, Ordering::SeqCst);
            let row = json!([rows, null, null]);
            query(&["Rows", "MinIt", "MaxIt"], &[row])
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
