//! What these tests stand on.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kusto_copy_azurite::{ACCOUNT, Azurite, Options as AzuriteOptions};
use kusto_copy_stand_in_host::{Host, Options, Storage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::process::EmulatorProcess;
use crate::support::python::Python;
use crate::support::{http, root, temp_dir, tool};

/// The job's name.
pub(super) const JOB: &str = "proof";
/// Folder of the job in its container.
const FOLDER: &str = "jobs/proof";
/// Executions after which a replication that has not ended never will.
const MOST_EXECUTIONS: usize = 3_000;

/// Short pauses and small blocks: the clusters answer within milliseconds.
fn quick() -> Value {
    json!({
        "block_rows": 400, "small_rows": 20, "retry_pause": 50, "throttle_pause": 50,
        "poll.min": 10, "poll.max": 200, "operation_timeout": 10_000,
        "operation_visibility": 300, "failures": 1_000,
    })
}

/// Two clusters, Azurite, and the app's package.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) source: EmulatorProcess,
    pub(super) destination: EmulatorProcess,
    pub(super) database: String,
    pub(super) azurite: Azurite,
    /// The job as the settings give it.
    pub(super) job: Value,
    /// Whether the app is packaged with the queue by which executions call for the next.
    pub(super) chaining: bool,
    /// Further app settings.
    pub(super) settings: BTreeMap<String, String>,
    /// Shared by all hosts of the app.
    pub(super) storage: Storage,
    package: PathBuf,
    _dir: TempDir,
}

impl Stage {
    /// Starts it; `None`, after saying so, where Azurite is not installed.
    pub(super) fn set(database: &str) -> Option<Self> {
        tool(
            "KUSTO_COPY_NODE_TOOLS",
            ".tools/node/node_modules/azurite/package.json",
        )?;
        let azurite = Azurite::start(AzuriteOptions::default()).expect("Azurite starts");
        let dir = temp_dir();
        let source = EmulatorProcess::start(&[database], &[]);
        let destination = EmulatorProcess::start(&[database], &[]);
        let job = json!({
            "name": JOB, "source": source.uri, "destination": destination.uri,
            "databases": [database], "rpo": "60s",
            "lake": format!("{}/staging/{FOLDER}", azurite.blob_endpoint(ACCOUNT)),
            "state": format!("{}/kustocopy", azurite.table_endpoint(ACCOUNT)),
            "set": quick(),
        });
        Some(Self {
            package: package(dir.path()),
            source,
            destination,
            database: database.to_owned(),
            azurite,
            job,
            chaining: false,
            settings: BTreeMap::from([
                ("KUSTO_COPY_SCHEDULE".to_owned(), "0 * * * * *".to_owned()),
                ("KUSTO_COPY_BUDGET".to_owned(), "30s".to_owned()),
            ]),
            storage: Storage::default(),
            _dir: dir,
        })
    }

    /// A host of the app with its handler, which is the binary under test.
    pub(super) async fn host(&self) -> Host {
        let mut options = Options::new(&self.package);
        options.executable = Some(PathBuf::from(env!("CARGO_BIN_EXE_kusto-copy")));
        options.chaining = self.chaining;
        options.settings.clone_from(&self.settings);
        options
            .settings
            .insert("KUSTO_COPY_JOBS".to_owned(), json!([self.job]).to_string());
        options.storage = self.storage.clone();
        Host::start(options).await.expect("the handler starts")
    }

    /// Runs commands at the source.
    pub(super) fn at_source(&self, commands: &[&str]) {
        for command in commands {
            self.source.command(&self.database, command);
        }
    }

    /// Compares both sides with Microsoft's client, and looks whether the destination's tables
    /// are clean: a continuous job keeps its staging tables, and no tag.
    pub(super) fn assert_equal(&self, python: &Python) -> String {
        let tables = self.source.tables(&self.database);
        let mut arguments = vec![
            "compare_databases.py",
            &self.source.uri,
            &self.database,
            &self.destination.uri,
            &self.database,
            "--tables",
        ];
        arguments.extend(tables.iter().map(String::as_str));
        let report = python.expect_success(&arguments);
        for extent in self.destination.extents(&self.database) {
            // What a lost ingestion staged late stays, in a staging table that is dropped later.
            let table = extent["TableName"].as_str().expect("a name");
            let is_staging = table.starts_with("kcopy_");
            assert!(
                is_staging || extent["Tags"] == "",
                "a tag is left: {extent:?}"
            );
        }
        let foreign: Vec<String> = self.rows(&self.destination).into_keys().collect();
        assert_eq!(
            foreign,
            tables_sorted(tables),
            "other tables than the source's"
        );
        report
    }

    /// Documents of the job's state, by the last part of their rows, read by Microsoft's client.
    pub(super) fn documents(&self, python: &Python, row: &str) -> Vec<Value> {
        let printed = python.expect_success(&["read_state.py", "--table", self.member("state")]);
        let entities: Value = serde_json::from_str(&printed).expect("the witness prints JSON");
        let entities = entities.as_array().expect("an array").iter();
        entities
            .filter(|entity| entity["row"][0] == row)
            .map(|entity| entity["document"].clone())
            .collect()
    }

    /// A text of the job's settings.
    pub(super) fn member(&self, name: &str) -> &str {
        self.job[name].as_str().expect("the job names it")
    }

    /// Rows of all tables at one side, without the copier's own tables.
    pub(super) fn rows(&self, side: &EmulatorProcess) -> BTreeMap<String, u64> {
        let mut rows = side.row_counts(&self.database);
        rows.retain(|table, _| !table.starts_with("kcopy_"));
        rows
    }
}

fn tables_sorted(mut tables: Vec<String>) -> Vec<String> {
    tables.sort();
    tables
}

/// The repository's own host settings and function definitions, with the subcommand in place of
/// the packaged executable.
fn package(dir: &Path) -> PathBuf {
    let package = dir.join("package");
    for name in ["advance", "advance-now", "status", "control"] {
        let folder = package.join(name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        let definitions = fs::read_dir(root().join("function-definitions").join(name));
        for definition in definitions.expect("the function is there") {
            let definition = definition.expect("the folder can be read");
            fs::copy(definition.path(), folder.join(definition.file_name()))
                .expect("the definition can be copied");
        }
    }
    for name in ["host.json", "host.chained.json"] {
        let host = fs::read(root().join(name)).expect("the host's settings are there");
        let mut host: Value = serde_json::from_slice(&host).expect("they are JSON");
        host["customHandler"]["description"]["arguments"] = json!(["function"]);
        fs::write(package.join(name), host.to_string()).expect("they can be written");
    }
    package
}

/// What an operator does with a running app.
pub(super) trait Operator {
    /// The job's part of the status JSON.
    fn job(&self) -> Value;
    /// Asks for something, by the control function.
    fn control(&self, action: &str);
    /// Ticks until the first iteration is committed and nothing is at work, with something done
    /// after each execution. Returns the executions.
    async fn tick_until_complete<F>(&self, stage: &Stage, after_each: F) -> usize
    where
        F: AsyncFnMut(&Host, usize);
}

impl Operator for Host {
    fn job(&self) -> Value {
        let answer = http::request(&self.url(), "GET", "/api/status?format=json", b"")
            .expect("the app answers");
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{said}");
        let status: Value = serde_json::from_str(&said).expect("the status is JSON");
        assert_eq!(status["problems"], json!([]), "{said}");
        status["jobs"][0].clone()
    }

    fn control(&self, action: &str) {
        let order = json!({"job": JOB, "action": action}).to_string();
        let answer = http::request(&self.url(), "POST", "/api/control", order.as_bytes())
            .expect("the app answers");
        let said = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{action}: {said}");
    }

    async fn tick_until_complete<F>(&self, stage: &Stage, mut after_each: F) -> usize
    where
        F: AsyncFnMut(&Host, usize),
    {
        let goal = stage.rows(&stage.source);
        for execution in 1..=MOST_EXECUTIONS {
            let ended = self.tick("advance").await.expect("there is a timer");
            let arrived = stage.rows(&stage.destination);
            for (table, rows) in &arrived {
                let there = goal.get(table).copied().unwrap_or(0);
                assert!(
                    *rows <= there,
                    "{table} has {rows} rows instead of {there}: {ended:?}"
                );
            }
            after_each(self, execution).await;
            if arrived == goal && is_complete(self) {
                return execution;
            }
        }
        panic!(
            "not complete after {MOST_EXECUTIONS} executions: {:#}\n{}",
            self.job(),
            self.lines().join("\n")
        );
    }
}

/// Whether the job's last iteration is committed with every table completed.
pub(super) fn is_complete(host: &Host) -> bool {
    if host.pid().is_none() {
        return false;
    }
    let job = host.job();
    let report = &job["report"];
    let tables = report["tables"].as_array().map_or(&[][..], Vec::as_slice);
    report["state"] == "complete"
        && !tables.is_empty()
        && tables.iter().all(|table| table["state"] == "completed")
}

/// What the handler's steps spent, by the lines that end them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// Blocks that arrived.
    pub(super) blocks: u64,
    commits: u64,
    reads: u64,
    requests: u64,
}

impl Spent {
    /// Until now.
    pub(super) fn by(host: &Host) -> Self {
        let lines: Vec<Value> = host
            .lines()
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|line| line["event"] == "step")
            .collect();
        let sum = |member: &str| lines.iter().filter_map(|line| line[member].as_u64()).sum();
        Self {
            blocks: sum("blocks_moved"),
            commits: sum("store_commits"),
            reads: sum("store_reads"),
            requests: sum("kusto_requests"),
        }
    }

    /// Without what was spent before.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            blocks: self.blocks - before.blocks,
            commits: self.commits - before.commits,
            reads: self.reads - before.reads,
            requests: self.requests - before.requests,
        }
    }

    /// Tells on stderr what one unit of so many cost.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn print(self, what: &str, unit: &str, units: u64) {
        let per = |count: u64| count as f64 / units as f64;
        // Losing the line is no reason to fail.
        let _ = writeln!(
            std::io::stderr(),
            "{what}; for each {unit} {:.1} store transactions, {:.1} store reads, {:.1} Kusto \
             requests",
            per(self.commits),
            per(self.reads),
            per(self.requests),
        );
    }
}

/// A pause for chance, never for waiting on something.
pub(super) fn up_to(random: &mut fastrand::Rng, milliseconds: u64) -> Duration {
    Duration::from_micros(random.u64(..milliseconds * 1_000))
}
