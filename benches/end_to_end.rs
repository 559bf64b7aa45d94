//! End-to-end rows per second of the real binary between two embedded clusters, loading not
//! counted. Prints figures; judges nothing. `ROWS=1000000 cargo bench --bench end_to_end`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

const BINARY: &str = env!("CARGO_BIN_EXE_kusto-copy");

/// An embedded cluster as a process, ended with the benchmark.
struct Cluster {
    process: Child,
    uri: String,
}

impl Cluster {
    fn start() -> Result<Self, Failure> {
        let mut process = Command::new(BINARY)
            .args([
                "emulator",
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--database",
                "Bench",
            ])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the cluster has no output")?;
        let mut ready = String::new();
        BufReader::new(output).read_line(&mut ready)?;
        let ready: serde_json::Value = serde_json::from_str(&ready)?;
        let uri = ready["uri"]
            .as_str()
            .ok_or("the cluster is not ready")?
            .to_owned();
        Ok(Self { process, uri })
    }

    /// Sends a command; the benchmark's own few lines of HTTP keep it free of a client's set-up.
    fn command(&self, text: &str) -> Result<(), Failure> {
        let body = serde_json::json!({ "db": "Bench", "csl": text }).to_string();
        let host = self.uri.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host)?;
        write!(
            stream,
            "POST /v1/rest/mgmt HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        Err(answer.into())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Three tables: one that travels as CSV, one as Parquet, one small.
fn load(source: &Cluster, rows: u64) -> Result<(), Failure> {
    let chunk = 250_000;
    for first in (0..rows).step_by(chunk) {
        let last = (first + chunk as u64).min(rows) - 1;
        let telemetry = format!(
            ".set-or-append Telemetry <| range i from {first} to {last} step 1 | project Id = i, At = \
             datetime(2026-01-01) + i * 1ms, Device = strcat('device-', i % 997), Value = i / 7.0, Kind = \
             toint(i % 5), Detail = bag_pack('n', i)"
        );
        source.command(&telemetry)?;
        let counts = format!(
            ".set-or-append Counts <| range i from {first} to {last} step 1 | project Id = i, Name = \
             strcat('name ', i), Share = i / 3.0"
        );
        source.command(&counts)?;
    }
    source.command(".set-or-append Small <| range i from 1 to 1000 step 1")
}

fn copy(source: &Cluster, destination: &Cluster) -> Result<(f64, u64), Failure> {
    let lake = tempfile::tempdir()?;
    let started = Instant::now();
    let output = Command::new(BINARY)
        .arg("-l")
        .arg(lake.path())
        .args([
            "-s",
            &source.uri,
            "-d",
            &destination.uri,
            "--db",
            "Bench",
            "--output",
            "json",
        ])
        .stderr(Stdio::inherit())
        .output()?;
    let seconds = started.elapsed().as_secs_f64();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let tables = document["tables"]
        .as_array()
        .ok_or("the copy reported no tables")?;
    let rows = tables
        .iter()
        .filter_map(|table| table["rows"].as_u64())
        .sum();
    Ok((seconds, rows))
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn main() -> Result<(), Failure> {
    let rows = std::env::var("ROWS")
        .ok()
        .map_or(Ok(500_000), |text| text.parse::<u64>())?;
    let source = Cluster::start()?;
    load(&source, rows)?;
    for round in 1..=3 {
        let destination = Cluster::start()?;
        let (seconds, copied) = copy(&source, &destination)?;
        println!(
            "round {round}: {copied} rows in {seconds:.2} s, {:.0} rows/s, start and preflight included",
            copied as f64 / seconds
        );
    }
    Ok(())
}
