//! The memory of a handler at its peak while a job's state tracks many blocks.
//!
//! The state is a real one in Azurite, the handler runs under the stand-in host. Its clusters say
//! who they are and are too busy for everything else: the step reads the whole state, decides,
//! stores its intents, sends what it may and keeps what came of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kusto_copy_azure::home::{self, HomeOptions};
use kusto_copy_azurite::{ACCOUNT, Azurite};
use kusto_copy_driver::testing::{SOURCE_ID, leave_planned};
use kusto_copy_driver::{DatabasePair, JobDefinition};
use kusto_copy_stand_in_host::{Host, Options};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{Result, account, get, kib};

/// As many as a job has at once unless told otherwise, and the many of the aim.
const BLOCKS: [u32; 2] = [1_000, 100_000];

/// What the handler does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Step,
    Status,
    Both,
}

/// Measures steps and status requests over jobs of all sizes.
pub(crate) fn measure(handler: &Path) -> Result<()> {
    if !kusto_copy_azurite::is_installed() {
        println!("memory with a state    not measured: run `cargo xtask tools` for Azurite");
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    BLOCKS
        .into_iter()
        .try_for_each(|blocks| runtime.block_on(of_blocks(handler, blocks)))
}

async fn of_blocks(handler: &Path, blocks: u32) -> Result<()> {
    let stage = Stage::set(blocks).await?;
    println!("memory at its peak with {blocks} blocks tracked:");
    for (name, work) in [
        ("a step", Work::Step),
        ("the status", Work::Status),
        ("both at once", Work::Both),
    ] {
        let host = stage.host(handler).await?;
        let pid = host.pid().ok_or("the handler is not there")?;
        let before = account(pid, "VmHWM:")?;
        let sent_before = stage.sent.load(Ordering::Relaxed);
        let began = Instant::now();
        work_on(&host, work, blocks).await?;
        let took = began.elapsed().as_secs_f64();
        let sent = stage.sent.load(Ordering::Relaxed) - sent_before;
        if work != Work::Status && sent == 0 {
            return Err("the step sent nothing of what it read".into());
        }
        let peak = account(pid, "VmHWM:")?;
        println!(
            "  {name:<13} {:.1} MiB resident, {:.1} MiB before; {took:.1} s, {sent} commands sent",
            kib(peak),
            kib(before)
        );
        host.stop().await;
    }
    Ok(())
}

async fn work_on(host: &Host, work: Work, blocks: u32) -> Result<()> {
    let step = async {
        if work == Work::Status {
            return Ok(());
        }
        let ended = host.tick("advance").await?;
        if ended.succeeded() {
            return Ok(());
        }
        Err(format!("{:?}: {}", ended.outcome, host.lines().join("\n")).into())
    };
    let status = async {
        if work == Work::Step {
            return Ok(());
        }
        let port = host.url().rsplit(':').next().unwrap_or_default().parse()?;
        let asked = move || get(port, "/api/status?format=json");
        let answer = tokio::task::spawn_blocking(asked).await?;
        let (_, body) = answer.ok_or("the status does not answer")?;
        shows(&body, blocks)
    };
    let (stepped, shown): (Result<()>, Result<()>) = tokio::join!(step, status);
    stepped.and(shown)
}

/// Makes sure that the status was made of the whole state.
fn shows(status: &str, blocks: u32) -> Result<()> {
    let status: Value = serde_json::from_str(status)?;
    let by_state = &status["jobs"][0]["report"]["tables"][0]["blocks_by_state"];
    let counts = by_state.as_object().into_iter().flat_map(|of| of.values());
    let counted: u64 = counts.filter_map(Value::as_u64).sum();
    if counted == u64::from(blocks) {
        return Ok(());
    }
    Err(format!("the status shows {counted} of {blocks} blocks: {status:#}").into())
}

/// A job's state and its clusters.
struct Stage {
    _azurite: Azurite,
    clusters: Vec<JoinHandle<()>>,
    /// Commands that the clusters were too busy for.
    sent: Arc<AtomicU64>,
    job: Value,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.clusters.iter().for_each(JoinHandle::abort);
    }
}

impl Stage {
    async fn set(blocks: u32) -> Result<Self> {
        let azurite = Azurite::start(kusto_copy_azurite::Options::default())?;
        let lake = format!("{}/staging/bench", azurite.blob_endpoint(ACCOUNT));
        let state = format!("{}/kustocopy", azurite.table_endpoint(ACCOUNT));
        let sent = Arc::<AtomicU64>::default();
        let (source, first) = busy_cluster(Arc::clone(&sent)).await?;
        let (destination, second) = busy_cluster(Arc::clone(&sent)).await?;
        let job = json!({
            "name": "bench", "source": source, "destination": destination, "databases": ["A"],
            "lake": lake, "state": state, "set": {"active_blocks": blocks},
        });
        let options = HomeOptions {
            state: Some(state),
            ..HomeOptions::new(lake)
        };
        let definition = JobDefinition {
            source,
            destination,
            databases: vec![DatabasePair {
                source: "A".to_owned(),
                destination: "A".to_owned(),
            }],
        };
        leave_planned(home::open(options).await?.store, &definition, blocks).await?;
        Ok(Self {
            _azurite: azurite,
            clusters: vec![first, second],
            sent,
            job,
        })
    }

    async fn host(&self, handler: &Path) -> Result<Host> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut options = Options::new(root)
            .setting("KUSTO_COPY_JOBS", json!([self.job]).to_string())
            .setting("KUSTO_COPY_SCHEDULE", "0 * * * * *")
            .setting("KUSTO_COPY_BUDGET", "10s");
        options.executable = Some(handler.canonicalize()?);
        options.shutdown_grace = Duration::from_secs(2);
        Ok(Host::start(options).await?)
    }
}

/// A cluster that is too busy for everything but to tell a database's identity. Its address, and
/// what serves it.
async fn busy_cluster(sent: Arc<AtomicU64>) -> Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(answer).with_state(sent);
    let serving = tokio::spawn(async move {
        // Ends with the measurement.
        let _ = axum::serve(listener, router).await;
    });
    Ok((format!("http://{address}"), serving))
}

async fn answer(State(sent): State<Arc<AtomicU64>>, request: String) -> Response {
    if request.contains(".show database") && request.contains("identity") {
        let identity = json!({"Tables": [{
            "TableName": "Table_0",
            "Columns": [
                {"ColumnName": "DatabaseName", "DataType": "String", "ColumnType": "string"},
                {"ColumnName": "DatabaseId", "DataType": "Guid", "ColumnType": "guid"},
            ],
            "Rows": [["A", SOURCE_ID]],
        }]});
        return axum::Json(identity).into_response();
    }
    if request.contains(".export") {
        sent.fetch_add(1, Ordering::Relaxed);
    }
    StatusCode::TOO_MANY_REQUESTS.into_response()
}
