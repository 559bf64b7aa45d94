//! An embedded cluster as a process, with data in it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::host::spare_from_ctrl_c;
use crate::http;

/// On both clusters.
pub(super) const DATABASE: &str = "Telemetry";

/// Rows of one `.set-or-append` at most.
const BATCH: u64 = 10_000;

/// What becomes of the numbers `n` of a range, for each table with its share of the rows in
/// percent.
const TABLES: [(&str, u64, &str, &str); 3] = [
    (
        "DeviceReadings",
        70,
        "Timestamp:datetime, DeviceId:string, Temperature:real, Online:bool, Sequence:long",
        "Timestamp = now(), DeviceId = strcat('device-', tostring(n % 97)), \
         Temperature = 20.0 + (n % 31) / 4.0, Online = n % 13 != 0, Sequence = n",
    ),
    (
        "Web Requests",
        25,
        "Timestamp:datetime, Url:string, Status:int, Bytes:long",
        "Timestamp = now(), Url = strcat('/items/', tostring(n % 389)), \
         Status = toint(iff(n % 29 == 0, 500, 200)), Bytes = n * 37 % 40961",
    ),
    (
        "errors-and-warnings",
        5,
        "at:datetime, level:string, message:string",
        "at = now(), level = iff(n % 3 == 0, 'error', 'warning'), \
         message = strcat('request ', tostring(n), ' was \"slow\"')",
    ),
];

/// A running cluster. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Cluster {
    child: Child,
    pub(super) uri: String,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cluster {
    pub(super) fn start(copier: &Path) -> Result<Self> {
        let mut command = Command::new(copier);
        command.args(["emulator", "--database", DATABASE]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        spare_from_ctrl_c(&mut command);
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", copier.display()))?;
        let stdout = child.stdout.take().context("its stdout is not there")?;
        let mut first = String::new();
        BufReader::new(stdout).read_line(&mut first)?;
        let ready: Value =
            serde_json::from_str(&first).context("the embedded cluster did not start")?;
        let uri = ready["uri"].as_str().context("its address is missing")?;
        Ok(Self {
            uri: uri.to_owned(),
            child,
        })
    }

    fn command(&self, text: &str) -> Result<Value> {
        self.ask("/v1/rest/mgmt", text)
    }

    fn ask(&self, path: &str, text: &str) -> Result<Value> {
        let body = json!({"db": DATABASE, "csl": text}).to_string();
        let answer = http::request(&self.uri, path, Some(&body))?;
        ensure!(
            answer.status == 200,
            "{text}\nwas answered with {}: {}",
            answer.status,
            answer.body
        );
        serde_json::from_str(&answer.body).context("the cluster's answer is not JSON")
    }

    /// Rows of all tables that exist.
    pub(super) fn count(&self) -> Result<u64> {
        let mut sum = 0;
        let listed = self.command(".show tables")?;
        let rows = listed.pointer("/Tables/0/Rows").and_then(Value::as_array);
        let names = rows.into_iter().flatten().filter_map(|row| row[0].as_str());
        for name in names {
            let answer = self.ask("/v1/rest/query", &format!("['{name}'] | count"))?;
            let count = answer.pointer("/Tables/0/Rows/0/0");
            sum += count.and_then(Value::as_u64).context("there is no count")?;
        }
        Ok(sum)
    }
}

/// Creates the tables and fills them, unless it is asked to end; returns their number.
pub(super) fn fill(cluster: &Cluster, rows: u64, asked: &AtomicBool) -> Result<usize> {
    for (name, share, columns, _) in TABLES {
        cluster.command(&format!(".create table ['{name}'] ({columns})"))?;
        let wanted = rows * share / 100;
        let mut first = 1;
        while first <= wanted && !asked.load(Ordering::Acquire) {
            let last = wanted.min(first + BATCH - 1);
            append(cluster, name, first, last)?;
            first = last + 1;
        }
    }
    Ok(TABLES.len())
}

/// So many new rows, over all tables by their shares, and at least one in the first.
pub(super) fn arrive(cluster: &Cluster, rows: u64) -> Result<()> {
    for (index, (name, share, ..)) in TABLES.into_iter().enumerate() {
        let count = (rows * share / 100).max(u64::from(index == 0));
        if count > 0 {
            append(cluster, name, 1, count)?;
        }
    }
    Ok(())
}

fn append(cluster: &Cluster, table: &str, first: u64, last: u64) -> Result<()> {
    let row = TABLES.iter().find(|(name, ..)| *name == table);
    let (.., columns) = row.context("there is no such table")?;
    cluster.command(&format!(
        ".set-or-append ['{table}'] <| range n from {first} to {last} step 1 | project {columns}"
    ))?;
    Ok(())
}
