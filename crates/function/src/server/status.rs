//! The status of all jobs, as a page for people and as JSON for it and for machines.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{StatusCode, header};
use kusto_copy_driver::complaint::Complaint;
use kusto_copy_driver::{Report, complaint};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::web::{WebReply, WebRequest};
use crate::advance::App;
use crate::page;
use crate::settings::JobSettings;

/// How long the state of one job may take to be read.
const PATIENCE: Duration = Duration::from_secs(20);

/// The whole status.
#[derive(Serialize)]
struct Status {
    at: u64,
    version: &'static str,
    jobs: Vec<JobStatus>,
    problems: Vec<String>,
}

/// One job's.
#[derive(Serialize)]
struct JobStatus {
    name: String,
    report: Option<Report>,
    error: Option<String>,
    remedy: Option<String>,
}

/// `GET status`: the page, or JSON with `?format=json` or `Accept: application/json`.
pub(super) async fn reply(app: &Arc<App>, request: &WebRequest) -> WebReply {
    if request.method != "GET" && request.method != "HEAD" {
        return WebReply::refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "ask for the status with GET",
        )
        .with(header::ALLOW, "GET");
    }
    if !wants_json(request) {
        let nonce = Uuid::new_v4().simple().to_string();
        return WebReply::html(page::render(&nonce), page::content_security_policy(&nonce));
    }
    let status = Status {
        at: now(),
        version: env!("CARGO_PKG_VERSION"),
        jobs: jobs(app).await,
        problems: app.settings.problems.clone(),
    };
    match serde_json::to_value(&status) {
        Ok(status) => WebReply::json(StatusCode::OK, &status),
        Err(error) => {
            tracing::error!(%error, "the status cannot be written");
            WebReply::json(
                StatusCode::INTERNAL_SERVER_ERROR,
                &Value::Object(Default::default()),
            )
        }
    }
}

fn wants_json(request: &WebRequest) -> bool {
    match request.query("format") {
        Some("json") => true,
        Some(_) => false,
        None => {
            let accept = request.header("accept");
            accept.contains("application/json") && !accept.contains("text/html")
        }
    }
}

async fn jobs(app: &Arc<App>) -> Vec<JobStatus> {
    // All at once: each waits for its store and for nothing else.
    let tasks: Vec<_> = app
        .settings
        .jobs
        .iter()
        .cloned()
        .map(|job| {
            let app = Arc::clone(app);
            (
                job.name.clone(),
                tokio::spawn(async move { read(&app, &job).await }),
            )
        })
        .collect();
    let mut jobs = Vec::new();
    for (name, task) in tasks {
        let read = task.await.unwrap_or_else(|error| {
            Err(Complaint::new(complaint::chain(&error)).remedy("report this; nothing was lost"))
        });
        jobs.push(match read {
            Ok(report) => JobStatus {
                name,
                report,
                error: None,
                remedy: None,
            },
            Err(complaint) => JobStatus {
                name,
                report: None,
                error: Some(complaint.message),
                remedy: complaint.remedy,
            },
        });
    }
    jobs
}

async fn read(app: &App, job: &JobSettings) -> Result<Option<Report>, Complaint> {
    match tokio::time::timeout(PATIENCE, app.runner.status(job)).await {
        Ok(read) => read,
        Err(_) => {
            Err(Complaint::new("the progress store does not answer")
                .remedy("try again in a minute"))
        }
    }
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
