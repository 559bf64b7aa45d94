//! What opens a job's storage, and what asking real storage comes to before anything was copied.

use kusto_copy_azurite::{ACCOUNT, Azurite, is_installed};
use serde_json::{Value, json};

use super::*;
use crate::logging;
use crate::settings::{HostFile, Variables, names};

fn settings(lake: &str, state: Option<&str>, more: &[(&str, &str)]) -> Settings {
    let mut job = json!({
        "name": "a",
        // Nobody listens at port 9.
        "source": "http://127.0.0.1:9",
        "destination": "http://127.0.0.1:10",
        "databases": ["A"],
        "lake": lake,
    });
    if let Some(state) = state {
        job["state"] = state.into();
    }
    let mut variables: Variables = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    variables.insert(names::JOBS.to_owned(), Value::from(vec![job]).to_string());
    let settings = Settings::read(&variables, &HostFile::default());
    assert_eq!(settings.problems, [""; 0]);
    settings
}

fn opened_by(lake: &str, more: &[(&str, &str)]) -> Option<Access> {
    let settings = settings(lake, None, more);
    let jobs = Jobs::new(&settings);
    jobs.access(&settings.jobs[0])
        .expect("the settings are right")
}

#[test]
fn storage_opens_by_the_identity_unless_something_else_is_given() {
    let cloud = "https://account.blob.core.windows.net/staging";
    let local = "http://127.0.0.1:10000/devstoreaccount1/staging";
    let encrypted = "https://127.0.0.1:10000/devstoreaccount1/staging";
    let key = (names::STORAGE_KEY, "c2VjcmV0");
    let signature = (names::STORAGE_SAS, "?sv=1&sig=secret");
    let managed = (names::IDENTITY_ENDPOINT, "http://127.0.0.1:9/token");
    let header = (names::IDENTITY_HEADER, "header");
    assert!(opened_by(local, &[]).is_none(), "Azurite's published key");
    assert!(
        opened_by(local, &[managed, header]).is_none(),
        "no token goes in the open"
    );
    for (lake, more) in [(cloud, &[][..]), (encrypted, &[managed, header][..])] {
        let access = opened_by(lake, more);
        assert!(matches!(access, Some(Access::Token(_))), "{lake}");
    }
    assert!(matches!(
        opened_by(cloud, &[key, managed, header]),
        Some(Access::SharedKey { account, .. }) if account == "account"
    ));
    assert!(matches!(
        opened_by(cloud, &[signature]),
        Some(Access::Sas(_))
    ));
}

#[test]
fn all_jobs_share_the_identitys_tokens() {
    let settings = settings("https://account.blob.core.windows.net/staging", None, &[]);
    let jobs = Jobs::new(&settings);
    let token = || match jobs.access(&settings.jobs[0]) {
        Ok(Some(Access::Token(token))) => token,
        other => panic!("a token was wanted: {:?}", other.is_ok()),
    };
    assert!(Arc::ptr_eq(&token(), &token()));
}

#[test]
fn a_step_has_the_apps_time_and_takes_no_answer_that_fills_the_memory() {
    let settings = settings("https://account.blob.core.windows.net/staging", None, &[]);
    let options = Jobs::new(&settings)
        .driven(&settings.jobs[0], settings.time)
        .options;
    assert_eq!(options.budget, Some(settings.time.budget));
    assert_eq!(options.grace, settings.time.grace);
    assert!(options.largest_answer < RunOptions::default().largest_answer);
}

#[tokio::test]
async fn before_the_first_execution_there_is_nothing_and_asking_makes_nothing() {
    if !is_installed() {
        assert!(
            std::env::var_os("KUSTO_COPY_TOOLS_REQUIRED").is_none(),
            "Azurite is not installed; run `cargo xtask tools`"
        );
        return;
    }
    let azurite = Azurite::start(kusto_copy_azurite::Options::default()).expect("Azurite starts");
    let lake = format!("{}/staging/a", azurite.blob_endpoint(ACCOUNT));
    let state = format!("{}/kustocopy", azurite.table_endpoint(ACCOUNT));
    let settings = settings(&lake, Some(&state), &[]);
    let (jobs, job) = (Jobs::new(&settings), &settings.jobs[0]);
    for _ in 0..2 {
        assert_eq!(jobs.status(job).await, Ok(None));
        assert_eq!(jobs.request(job, Request::Pause).await, Ok(false));
    }

    // A step makes the places, then finds no cluster, and forgets them for the next.
    let (_send, stop) = watch::channel(false);
    let failed = jobs.step(job, settings.time, stop).await;
    let complaint = failed.expect_err("there is no cluster");
    assert!(complaint.message.contains("127.0.0.1"), "{complaint:?}");
    assert!(complaint.remedy.is_some(), "{complaint:?}");
    assert!(lock(&jobs.homes).is_empty());
    assert_eq!(jobs.status(job).await, Ok(None));
    assert_eq!(jobs.request(job, Request::Pause).await, Ok(false));
    assert_eq!(lock(&jobs.stores).len(), 1, "the table is there now");

    drop(azurite);
    let complaint = jobs.status(job).await.expect_err("the storage is gone");
    assert!(complaint.remedy.is_some(), "{complaint:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_step_says_that_it_is_at_work() {
    let (send, reports) = watch::channel(Report::default());
    send.send_replace(Report {
        lag_ms: Some(7),
        ..Report::default()
    });
    let (guard, lines) = logging::captured("info");
    let time = tokio::time::sleep(TELL_EVERY * 2 + TELL_EVERY / 2);
    tokio::select! {
        never = tell(reports) => match never {},
        () = time => {}
    }
    drop(guard);
    let lines = lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["event"], "progress");
    assert_eq!(lines[0]["lag_ms"], 7);
}
