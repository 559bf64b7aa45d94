//! The alerts of `infra/modules/alerts.bicep`: Microsoft's parser takes their queries, and over the
//! lines that a real handler logs they fire when they should and not otherwise.

use std::fs;

use serde_json::{Value, json};

use super::stage::{JOB, Operator, Stage};
use crate::support::kqlcheck::assert_kql;
use crate::support::process::EmulatorProcess;
use crate::support::root;

const TELEMETRY: &str = "Workspace";
const COLUMNS: &str = "TimeGenerated:datetime, Message:string, AppRoleName:string";

/// The texts of a variable that is an array of strings, one a line, in the Bicep file.
fn texts(bicep: &str, variable: &str) -> Vec<String> {
    let begin = bicep.find(&format!("var {variable} = "));
    let after = &bicep[begin.unwrap_or_else(|| panic!("there is no `{variable}`"))..];
    let lines = after
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with(']'));
    let texts: Vec<String> = lines
        .map(|line| {
            let text = line.trim().strip_prefix('\'');
            let text = text.and_then(|text| text.strip_suffix('\''));
            text.unwrap_or_else(|| panic!("`{line}` is no string"))
                .to_owned()
        })
        .collect();
    assert!(texts.len() > 1, "`{variable}` has another form now");
    texts
}

/// A query as Bicep makes it for these jobs.
fn query(variable: &str, jobs: &[&str]) -> String {
    let path = root().join("infra/modules/alerts.bicep");
    let bicep = fs::read_to_string(path).expect("the alerts are there");
    let mut lines = texts(&bicep, "steps");
    lines.extend(texts(&bicep, variable));
    let jobs = json!(jobs).to_string();
    let query = lines
        .join("\n")
        .replace("${functionAppName}", "func-app")
        .replace("${continuousJobs}", &jobs)
        .replace("${expectedJobs}", &jobs);
    assert!(!query.contains("${"), "something is not filled in: {query}");
    query
}

#[test]
fn the_queries_are_kql() {
    let schema = json!({
        "database": "db", "tables": {"AppTraces": format!("({COLUMNS})")},
    });
    let jobs = ["one", "it's \"two\""];
    let queries = ["lagQuery", "heartbeatQuery", "failureQuery"].map(|name| query(name, &jobs));
    let texts: Vec<(&str, &str, &str)> = queries
        .iter()
        .map(|query| ("alert", query.as_str(), "Query"))
        .collect();
    assert_kql(&texts, &schema);
}

/// A workspace that has these lines and nothing else.
fn collect(workspace: &EmulatorProcess, lines: &[String]) {
    workspace.command(TELEMETRY, ".clear table AppTraces data");
    let rows: Vec<String> = lines
        .iter()
        .map(|line| format!("2026-01-01,\"{}\",FUNC-App", line.replace('"', "\"\"")))
        .collect();
    let command = format!(
        ".ingest inline into table AppTraces <|\n{}",
        rows.join("\n")
    );
    workspace.command(TELEMETRY, &command);
}

/// The jobs for which an alert fires.
fn fires(workspace: &EmulatorProcess, variable: &str, jobs: &[&str]) -> Vec<String> {
    let rows = workspace.query(TELEMETRY, &query(variable, jobs));
    let job = |value: &Value| value.as_str().expect("a job's name").to_owned();
    rows.iter().map(|row| job(&row["Job"])).collect()
}

/// The lines that end a step.
fn steps(lines: &[String]) -> Vec<Value> {
    let read = |line: &String| serde_json::from_str::<Value>(line).ok();
    let mut steps: Vec<Value> = lines.iter().filter_map(read).collect();
    steps.retain(|line| line["event"] == "step");
    assert!(steps.len() > 1, "only {steps:?}");
    steps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_fire_on_the_lines_of_a_real_handler_when_they_should() {
    let Some(mut stage) = Stage::set("Watched") else {
        return;
    };
    stage.job["rpo"] = json!("7d");
    stage.at_source(&[".set Numbers <| range n from 1 to 10 step 1"]);
    let workspace = EmulatorProcess::start(&[TELEMETRY], &[]);
    workspace.command(TELEMETRY, &format!(".create table AppTraces ({COLUMNS})"));
    assert_eq!(
        fires(&workspace, "heartbeatQuery", &[JOB]),
        [JOB],
        "nothing was ever seen"
    );

    let host = stage.host().await;
    host.tick_until_complete(&stage, async |_, _| {}).await;
    host.tick("advance").await.expect("there is a timer");
    let well = host.lines();
    collect(&workspace, &well);
    let nobody: [&str; 0] = [];
    assert_eq!(fires(&workspace, "lagQuery", &[JOB]), nobody);
    assert_eq!(fires(&workspace, "failureQuery", &[JOB]), nobody);
    assert_eq!(
        fires(
            &workspace,
            "heartbeatQuery",
            &[JOB, "silent", "an \"odd\" one"]
        ),
        ["silent", "an \"odd\" one"]
    );

    let steps = steps(&well);
    // The same steps of a job whose objective is below any lag.
    let late = steps.iter().cloned().map(|mut line| {
        if line["rpo_ms"].is_u64() {
            line["rpo_ms"] = json!(0.001);
        }
        line.to_string()
    });
    let late: Vec<String> = late.collect();
    collect(&workspace, &late);
    assert_eq!(fires(&workspace, "lagQuery", &["another", JOB]), [JOB]);
    assert_eq!(
        fires(&workspace, "lagQuery", &["another"]),
        nobody,
        "it is not continuous"
    );

    // The same steps, had they all failed, had the last one failed, had one found something held.
    let with = |outcome: &str, only_last: bool| -> Vec<String> {
        let mut lines = steps.clone();
        let from = if only_last { lines.len() - 1 } else { 0 };
        for line in &mut lines[from..] {
            line["outcome"] = json!(outcome);
        }
        lines.iter().map(ToString::to_string).collect()
    };
    for (lines, firing) in [
        (with("failed", false), &[JOB][..]),
        (with("failed", true), &nobody),
        (with("held", true), &[JOB]),
    ] {
        collect(&workspace, &lines);
        assert_eq!(fires(&workspace, "failureQuery", &[JOB]), firing);
        assert_eq!(fires(&workspace, "heartbeatQuery", &[JOB]), nobody);
    }
}
