//! Copies whose lake is in Azure Storage, by the command line: files in Azurite's blobs, progress
//! in its tables, nothing on the disk.

use std::process::Command;

use kusto_copy_azurite::{ACCOUNT, Azurite, Options};
use serde_json::Value;

use crate::support::copier::{Ended, Pair};
use crate::support::process::kusto_copy;
use crate::support::tool;

/// Two clusters, and Azurite with what the command line says about it.
struct InAzurite {
    pair: Pair,
    azurite: Azurite,
}

impl InAzurite {
    /// None, after saying so, where Azurite is not installed.
    fn start() -> Option<Self> {
        tool(
            "KUSTO_COPY_NODE_TOOLS",
            ".tools/node/node_modules/azurite/package.json",
        )?;
        let pair = Pair::start("Samples");
        pair.at_source(&[
            ".create table Many (n:long, s:string)",
            ".set-or-append Many <| range n from 1 to 3000 step 1 | extend s = strcat('row ', n)",
        ]);
        let azurite = Azurite::start(Options::default()).expect("Azurite starts");
        Some(Self { pair, azurite })
    }

    fn lake(&self, path: &str) -> String {
        format!("{}/{path}", self.azurite.blob_endpoint(ACCOUNT))
    }

    fn state(&self) -> String {
        format!("{}/kustocopy", self.azurite.table_endpoint(ACCOUNT))
    }

    /// A copy by way of this lake.
    fn copier(&self, lake: &str, extra: &[&str]) -> Command {
        let mut command = kusto_copy();
        command.args(["-l", &self.lake(lake), "--state", &self.state()]);
        command.args(["-s", &self.pair.source.uri]);
        command.args(["-d", &self.pair.destination.uri, "--db", "Samples"]);
        command.args([
            "--output",
            "json",
            "--block-rows",
            "500",
            "--small-rows",
            "0",
        ]);
        command.args(["--set", "poll.min=10", "--set", "poll.max=200"]);
        command.args(extra);
        command
    }

    fn status(&self, lake: &str) -> Ended {
        let mut command = kusto_copy();
        command.args(["status", "--output", "json", "-l", &self.lake(lake)]);
        command.args(["--state", &self.state()]);
        Ended::of(command)
    }

    /// Rows and their sum at the destination.
    fn copied(&self) -> (Value, Value) {
        let asked = "Many | summarize rows = count(), total = sum(n)";
        let rows = self.pair.destination.query("Samples", asked);
        (rows[0]["rows"].clone(), rows[0]["total"].clone())
    }
}

#[test]
fn a_copy_goes_by_containers_and_its_progress_rests_in_a_table() {
    let Some(stage) = InAzurite::start() else {
        return;
    };
    let none = stage.status("lake/west");
    assert_eq!(none.code, Some(1), "{none}");
    assert!(
        none.stderr.contains("no job is stored in this lake"),
        "{none}"
    );

    let further = stage.lake("more");
    let extra = ["--places", further.as_str(), "--staging-access", "sas"];
    let ended = Ended::of(stage.copier("lake/west", &extra));
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(ended.document()["state"], "complete", "{ended}");
    assert_eq!(stage.copied(), (3_000.into(), 4_501_500.into()));

    // What has come since is copied by another start, which knows the job by its lake alone.
    let more = ".set-or-append Many <| range n from 3001 to 4000 step 1 | extend s = 'late'";
    stage.pair.at_source(&[more]);
    let ended = Ended::of(stage.copier("lake/west/", &extra));
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(ended.document()["iteration"], 2, "{ended}");
    assert_eq!(stage.copied(), (4_000.into(), 8_002_000.into()));
    let status = stage.status("lake/west");
    assert_eq!(status.document()["tables"][0]["rows"], 4_000, "{status}");
    for said in [&ended.stderr, &ended.stdout, &status.stdout] {
        assert!(!said.contains("sig="), "{said}");
    }

    // Another folder in the same containers and table is another job, and that one's tables are
    // not its own.
    let ended = Ended::of(stage.copier("lake/east", &extra));
    assert_eq!(ended.code, Some(1), "{ended}");
    assert_eq!(stage.copied(), (4_000.into(), 8_002_000.into()));
}

#[test]
fn storage_that_refuses_or_is_away_is_told_with_what_to_do() {
    let Some(mut stage) = InAzurite::start() else {
        return;
    };
    let mut wrong = stage.copier("lake", &[]);
    wrong.env("KUSTO_COPY_STORAGE_KEY", "d3Jvbmc=");
    let ended = Ended::of(wrong);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(
        ended.stderr.contains("the account's key is wrong"),
        "{ended}"
    );
    assert!(!ended.stderr.contains("d3Jvbmc"), "{ended}");

    let mut unsigned = stage.copier("lake", &[]);
    unsigned.env("KUSTO_COPY_STORAGE_SAS", "sv=2020-12-06");
    let ended = Ended::of(unsigned);
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("copy it whole"), "{ended}");

    stage.azurite.stop();
    let ended = Ended::of(stage.copier("lake", &[]));
    assert_eq!(ended.code, Some(1), "{ended}");
    assert!(ended.stderr.contains("try again later"), "{ended}");
    assert!(!ended.stderr.contains("panicked"), "{ended}");
}
