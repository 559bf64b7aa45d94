//! Right settings are read, wrong ones are all named at once with their remedies, and nothing
//! that comes from outside ends the process.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn job() -> Value {
    json!({
        "name": "flights",
        "source": "https://from.westeurope.kusto.windows.net/",
        "destination": "https://to.westeurope.kusto.windows.net",
        "databases": ["A", {"source": "B", "destination": "B copy"}],
        "lake": "https://account.blob.core.windows.net/staging/flights",
    })
}

fn with(changes: &Value) -> Value {
    let mut job = job();
    for (key, value) in changes.as_object().expect("changes are an object") {
        job[key] = value.clone();
    }
    job
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(pair).collect()
}

fn read(jobs: &[Value]) -> Settings {
    let jobs = Value::from(jobs.to_vec()).to_string();
    Settings::read(&variables(&[(names::JOBS, &jobs)]), &HostFile::default())
}

fn timed(budget: Option<&str>, timeout: &str) -> Settings {
    let jobs = json!([job()]).to_string();
    let mut variables = variables(&[(names::JOBS, &jobs), (names::FUNCTION_TIMEOUT, timeout)]);
    if let Some(budget) = budget {
        variables.insert(names::BUDGET.to_owned(), budget.to_owned());
    }
    Settings::read(&variables, &HostFile::default())
}

#[test]
fn a_small_job_has_the_usual_options() {
    let settings = read(&[job()]);
    assert_eq!(settings.problems, [""; 0]);
    let [job] = settings.jobs.as_slice() else {
        panic!("one job was wanted: {:?}", settings.jobs);
    };
    assert_eq!(
        job.definition.source,
        "https://from.westeurope.kusto.windows.net"
    );
    let pair = &job.definition.databases[1];
    assert_eq!(
        (pair.source.as_str(), pair.destination.as_str()),
        ("B", "B copy")
    );
    assert!(job.options.continuous);
    assert!(
        !job.options.retry_held,
        "each tick would try held tables again"
    );
    assert_eq!(job.options.rpo, Duration::from_secs(300));
    assert_eq!(settings.style, Style::Throughput);
    assert_eq!(settings.route_prefix, "api");
    assert_eq!(settings.log, "info");
    assert!(settings.job("flights").is_some() && settings.job("Flights").is_none());
}

#[test]
fn every_option_arrives() {
    let settings = read(&[with(&json!({
        "tablesInclude": ["X", "Y"],
        "priority": ["Y"],
        "rpo": "1h30m",
        "places": ["https://other.blob.core.windows.net/more"],
        "state": "https://account.table.core.windows.net/progress",
        "stagingAccess": "managed-identity=system",
        "sasLifetime": "2h",
        "backfillHorizon": "7d",
        "querySlots": 1,
        "exportSlots": 2,
        "ingestionSlots": 3,
        "share": 0.5,
        "adoptDestination": true,
        "force": "true",
        "continuous": false,
        "set": {"block_rows": 1000, "verify": "counts"},
    }))]);
    assert_eq!(settings.problems, [""; 0]);
    let job = &settings.jobs[0];
    let options = &job.options;
    assert_eq!(options.tables_include, ["X", "Y"]);
    assert_eq!(options.priority, ["Y"]);
    assert_eq!(options.rpo, Duration::from_secs(5_400));
    assert_eq!(
        options.backfill_horizon,
        Some(Duration::from_secs(7 * 86_400))
    );
    let slots = (
        options.query_slots,
        options.export_slots,
        options.ingestion_slots,
    );
    assert_eq!(slots, (Some(1), Some(2), Some(3)));
    assert!((options.share - 0.5).abs() < f64::EPSILON);
    assert!(options.adopt_destination && options.force_incomplete_reads && !options.continuous);
    assert_eq!(options.limits.block_rows, 1_000);
    assert_eq!(job.places.len(), 1);
    assert!(job.state.is_some());
    assert_eq!(job.sas_lifetime, Some(Duration::from_secs(7_200)));
    assert!(matches!(
        &job.staging_access,
        kusto_copy_azure::blobs::StagingAccess::ManagedIdentity(id) if id == "system"
    ));
}

#[test]
fn each_wrong_member_is_named() {
    for (changes, part) in [
        (json!({"name": null}), "`name` is missing"),
        (json!({"name": "a\u{7}"}), "`name` is not printable"),
        (json!({"source": 5}), "`source` is `5`"),
        (
            json!({"rpo": "999ms"}),
            "`rpo` is `999ms`; give a duration from 1s on",
        ),
        (
            json!({"source": "https://ingest-a.westeurope.kusto.windows.net"}),
            "ingestion endpoint",
        ),
        (
            json!({"source": "https://a.kusto.windows.net/Db"}),
            "names the database 'Db'",
        ),
        (json!({"source": job()["destination"]}), "the same cluster"),
        (json!({"databases": []}), "`databases` is missing or empty"),
        (json!({"databases": ["A", 1]}), "a member that is none"),
        (
            json!({"databases": [{"source": "A", "target": "B"}]}),
            "a member that is none",
        ),
        (json!({"databases": ["A", "a"]}), "names 'a' twice"),
        (json!({"lake": "/tmp/lake"}), "`lake`: "),
        (json!({"places": ["nowhere"]}), "`places`: "),
        (json!({"state": "nowhere"}), "`state`: "),
        (json!({"rpo": "soon"}), "`rpo` is `soon`"),
        (json!({"rpo": "0s"}), "`rpo` is `0s`"),
        (json!({"share": 2}), "`share` is `2`"),
        (json!({"querySlots": 0}), "`querySlots` is `0`"),
        (json!({"exportSlots": 1.5}), "`exportSlots` is `1.5`"),
        (json!({"force": "yes"}), "`force` is `yes`"),
        (json!({"tablesInclude": "X"}), "`tablesInclude` is `X`"),
        (
            json!({"tablesInclude": ["X"], "tablesExclude": ["X"]}),
            "both included and excluded",
        ),
        (
            json!({"tablesExclude": ["X"], "priority": ["X"]}),
            "has priority but is not copied",
        ),
        (
            json!({"stagingAccess": "managed-identity=a'b"}),
            "`stagingAccess` is",
        ),
        (
            json!({"set": {"blocks": 1}}),
            "`set.blocks`: there is no such setting",
        ),
        (
            json!({"set": {"poll.min": 9, "poll.max": 3}}),
            "poll.min is above poll.max",
        ),
        (
            json!({"tableInclude": ["X"]}),
            "there is no setting `tableInclude`",
        ),
    ] {
        let settings = read(&[with(&changes)]);
        assert!(settings.jobs.is_empty(), "{changes}");
        let found = settings
            .problems
            .iter()
            .any(|problem| problem.contains(part) && problem.starts_with("KUSTO_COPY_JOBS, job "));
        assert!(found, "{changes}: {:?}", settings.problems);
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let settings = read(&[json!({"lake": 1, "rpo": 2}), json!("job"), job()]);
    assert_eq!(settings.jobs.len(), 1);
    assert_eq!(settings.problems.len(), 7, "{:#?}", settings.problems);
}

#[test]
fn jobs_share_no_name_and_no_lake() {
    let other = with(&json!({
        "name": "Flights",
        "lake": "https://account.dfs.core.windows.net/staging/flights/",
    }));
    let problems = read(&[job(), other]).problems;
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("two jobs are named"), "{problems:?}");
    assert!(problems[1].contains("the same lake"), "{problems:?}");
}

#[test]
fn what_is_no_array_of_jobs_is_refused() {
    let many = Value::from(vec![job(); MOST_JOBS + 1]).to_string();
    for text in ["", "{", "{}", "[]", "null", many.as_str()] {
        let variables = variables(&[(names::JOBS, text)]);
        let settings = Settings::read(&variables, &HostFile::default());
        assert_eq!(settings.problems.len(), 1, "{:?}", settings.problems);
    }
}

#[test]
fn the_budget_keeps_a_margin_below_the_functions_timeout() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    for (budget, timeout, expected) in [
        (None, "00:10:00", minutes(8)),
        (None, "00:05:00", minutes(4)),
        (None, "00:30:00", minutes(8)),
        (None, "-1", minutes(8)),
        (Some("9m"), "00:10:00", minutes(9)),
        (Some("2h"), "-1", minutes(120)),
        (Some("00:20:00"), "00:30:00", minutes(20)),
    ] {
        let settings = timed(budget, timeout);
        assert_eq!(settings.problems, [""; 0], "{budget:?} of {timeout}");
        let time = settings.time;
        assert_eq!(time.budget, expected, "{budget:?} of {timeout}");
        assert!(time.budget + time.grace <= time.end, "{time:?}");
        if let Ok(FunctionTimeout::After(limit)) = FunctionTimeout::parse(Some(timeout)) {
            assert!(time.end < limit, "{time:?} of {limit:?}");
        }
    }
    for (budget, timeout) in [
        (Some("10m"), "00:10:00"),
        (Some("9m30s"), "00:10:00"),
        (Some("soon"), "00:10:00"),
        (None, "soon"),
    ] {
        assert_eq!(
            timed(budget, timeout).problems.len(),
            1,
            "{budget:?} of {timeout}"
        );
    }
}

#[test]
fn wrong_words_are_named_and_mistyped_names_are_found() {
    let jobs = json!([job()]).to_string();
    let variables = variables(&[
        (names::JOBS, &jobs),
        (names::STYLE, "fast"),
        (names::CHAIN, "perhaps"),
        (names::LOG, "loud=very"),
        (names::STORAGE_KEY, "a"),
        (names::STORAGE_SAS, "b"),
        ("KUSTO_COPY_BUGDET", "1m"),
    ]);
    let settings = Settings::read(&variables, &HostFile::default());
    assert_eq!(settings.problems.len(), 4, "{:?}", settings.problems);
    assert_eq!(unknown(&variables), ["KUSTO_COPY_BUGDET"]);
}

#[test]
fn words_are_taken_as_the_portal_writes_them() {
    let jobs = json!([job()]).to_string();
    let variables = variables(&[
        (names::JOBS, &jobs),
        (names::STYLE, " economy "),
        (names::CHAIN, "True"),
        (names::ROUTE_PREFIX, "/ops/"),
        (names::LOG, "warn,kusto_copy_driver=debug"),
    ]);
    let settings = Settings::read(&variables, &HostFile::default());
    assert_eq!(settings.problems, [""; 0]);
    assert_eq!((settings.style, settings.chain), (Style::Economy, true));
    assert_eq!(settings.route_prefix, "ops");
}

#[test]
fn no_secret_is_printed() {
    let hidden = "very-secret";
    let lake = format!("https://account.blob.core.windows.net/staging?sv=1&sig={hidden}");
    let jobs = json!([
        with(&json!({"state": lake, "rpo": lake})),
        with(&json!({"lake": {"a": lake}, "stagingAccess": lake})),
        with(&json!({"lake": lake, "places": [lake]})),
    ]);
    let variables = variables(&[
        (names::JOBS, &jobs.to_string()),
        (names::TOKEN, hidden),
        (names::STORAGE_KEY, hidden),
        (names::CLIENT_SECRET, hidden),
    ]);
    let settings = Settings::read(&variables, &HostFile::default());
    assert_eq!(settings.jobs.len(), 1);
    assert!(settings.problems.len() >= 3, "{:?}", settings.problems);
    assert!(!format!("{settings:?}").contains(hidden), "{settings:?}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("https://a.westeurope.kusto.windows.net")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "name",
            "source",
            "destination",
            "databases",
            "lake",
            "rpo",
            "set",
            "places",
            "share",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ]
}

proptest! {
    #[test]
    fn any_json_is_read(jobs in any_json(), changes in any_json()) {
        let some = Value::from(vec![jobs.clone(), job()]);
        for text in [jobs.to_string(), some.to_string(), changes.to_string()] {
            let variables = variables(&[(names::JOBS, &text), (names::BUDGET, &text)]);
            let settings = Settings::read(&variables, &HostFile::parse(&text));
            prop_assert!(!settings.problems.is_empty());
        }
    }

    #[test]
    fn any_text_is_read(text in ".{0,40}") {
        let variables = variables(&[
            (names::JOBS, &text), (names::BUDGET, &text), (names::STYLE, &text),
            (names::LOG, &text), (names::FUNCTION_TIMEOUT, &text), (names::ROUTE_PREFIX, &text),
        ]);
        let settings = Settings::read(&variables, &HostFile::parse(&text));
        prop_assert!(!settings.problems.is_empty());
    }
}
