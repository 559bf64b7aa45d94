//! The status of all jobs, as a page for people and as JSON for it and for machines.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{StatusCode, header};
use kusto_copy_driver::complaint::Complaint;
use kusto_copy_driver::{Report, complaint};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::web::{WebReply, WebRequest};
use super::{PATIENCE, does_not_answer};
use crate::advance::App;
use crate::page;
use crate::reading::Read;
use crate::settings::JobSettings;

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
    /// The source cluster's address.
    source: String,
    /// The destination cluster's address.
    destination: String,
    #[serde(serialize_with = "shared")]
    report: Option<Arc<Report>>,
    error: Option<String>,
    remedy: Option<String>,
}

fn shared<S: Serializer>(report: &Option<Arc<Report>>, to: S) -> Result<S::Ok, S::Error> {
    report.as_deref().serialize(to)
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
    WebReply::json(StatusCode::OK, &status)
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
    // As tasks of their own: one that breaks off takes no other along.
    let tasks: Vec<_> = app
        .settings
        .jobs
        .iter()
        .cloned()
        .map(|job| {
            let app = Arc::clone(app);
            let definition = job.definition.clone();
            (
                (job.name.clone(), definition.source, definition.destination),
                tokio::spawn(async move { read(&app, &job).await }),
            )
        })
        .collect();
    let mut jobs = Vec::new();
    for ((name, source, destination), task) in tasks {
        let read = task.await.unwrap_or_else(|error| {
            Err(Complaint::new(complaint::chain(&error)).remedy("report this; nothing was lost"))
        });
        let (report, complaint) = match read {
            Ok(report) => (report, None),
            Err(complaint) => (None, Some(complaint)),
        };
        let (error, remedy) = complaint.map_or((None, None), |complaint| {
            (Some(complaint.message), complaint.remedy)
        });
        jobs.push(JobStatus {
            name,
            source,
            destination,
            report,
            error,
            remedy,
        });
    }
    jobs
}

async fn read(app: &App, job: &JobSettings) -> Read {
    let read = async { Ok(app.runner.status(job).await?.map(Arc::new)) };
    match tokio::time::timeout(PATIENCE, app.readings.read(&job.name, read)).await {
        Ok(read) => read,
        Err(_) => Err(does_not_answer()),
    }
}

fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
