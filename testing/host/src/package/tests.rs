use super::*;

fn settings() -> BTreeMap<String, String> {
    BTreeMap::from([("EVERY".to_owned(), "0 */5 * * * *".to_owned())])
}

fn package(host: &str, functions: &[(&str, &str)]) -> Result<Package, PackageError> {
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("host.json"), host).expect("host.json");
    for (name, definition) in functions {
        let folder = root.path().join(name);
        fs::create_dir_all(&folder).expect("a function's folder");
        fs::write(folder.join("function.json"), definition).expect("function.json");
    }
    Package::read(root.path(), &settings(), false)
}

const HOST: &str = r#"{"version":"2.0","functionTimeout":"00:10:00",
 "customHandler":{"description":{"defaultExecutablePath":"handler"},
 "enableProxyingHttpRequest":true},"extensions":{"queues":{"batchSize":1}}}"#;

#[test]
fn a_deployed_app_is_read() {
    let package = package(
        HOST,
        &[
            (
                "advance",
                r#"{"bindings":[{"type":"timerTrigger","direction":"in","name":"timer",
                "schedule":"%EVERY%"},{"type":"queue","direction":"out","name":"chain",
                "queueName":"work"}]}"#,
            ),
            (
                "status",
                r#"{"bindings":[{"type":"httpTrigger","direction":"in","name":"req",
                "methods":["get"]},{"type":"http","direction":"out","name":"res"}]}"#,
            ),
        ],
    )
    .expect("the package is right");
    assert_eq!(
        package.host.function_timeout,
        Some(Duration::from_secs(600))
    );
    assert_eq!(package.host.initialization_timeout, Duration::from_secs(30));
    assert_eq!(
        (package.host.batch_size, package.host.max_dequeue_count),
        (1, 5)
    );
    assert!(package.host.forwards_http);
    let advance = &package.functions["advance"];
    let Trigger::Timer { schedule, .. } = &advance.trigger else {
        panic!("advance has a timer");
    };
    assert_eq!(
        *schedule,
        crate::schedule::Schedule::parse("0 */5 * * * *").expect("right")
    );
    assert!(!advance.may_be_forwarded());
    let status = &package.functions["status"];
    assert!(status.may_be_forwarded());
    let Trigger::Http { route, methods, .. } = &status.trigger else {
        panic!("status has an HTTP trigger");
    };
    assert_eq!(
        (route.as_str(), methods.as_slice()),
        ("status", &["GET".to_owned()][..])
    );
}

#[test]
fn mistakes_name_the_file_and_what_is_wrong() {
    let timer = |schedule: &str| {
        format!(r#"{{"bindings":[{{"type":"timerTrigger","name":"t","schedule":"{schedule}"}}]}}"#)
    };
    let says = |host: &str, definition: &str| match package(host, &[("f", definition)]) {
        Ok(_) => panic!("this package is wrong: {host} {definition}"),
        Err(PackageError::Json { path, .. }) => path,
        Err(error) => error.to_string(),
    };
    assert!(says(HOST, &timer("%MISSING%")).contains("\"MISSING\""));
    assert!(says(HOST, &timer("0 0")).contains("six fields"));
    assert!(says(HOST, r#"{"bindings":[]}"#).contains("one trigger, not 0"));
    assert!(says(HOST, "{").contains("function.json"));
    assert!(says("{}", &timer("%EVERY%")).contains("version"));
    assert!(says(r#"{"version":"2.0"}"#, &timer("%EVERY%")).contains("defaultExecutablePath"));
}

#[test]
fn timeouts_are_read_like_the_host_reads_them() {
    assert_eq!(timeout("-1"), Ok(None));
    assert_eq!(timeout("00:00:00.25"), Ok(Some(Duration::from_millis(250))));
    assert_eq!(
        timeout("1.02:00:00"),
        Ok(Some(Duration::from_secs(26 * 3600)))
    );
    for wrong in ["", "10", "00:10", "00:10:00:00", "a:b:c", "00:00:-1"] {
        assert!(timeout(wrong).is_err(), "{wrong:?}");
    }
    let override_ = [
        ("functionTimeout", "00:00:02"),
        ("extensions__http__routePrefix", "v1"),
        ("extensions__queues__batchSize", "3"),
    ];
    let override_ = override_
        .map(|(place, value)| (format!("AzureFunctionsJobHost__{place}"), value.to_owned()));
    let override_ = BTreeMap::from(override_);
    let root = tempfile::tempdir().expect("a folder");
    fs::write(root.path().join("host.json"), HOST).expect("host.json");
    let package = Package::read(root.path(), &override_, false).expect("a package");
    assert_eq!(package.host.function_timeout, Some(Duration::from_secs(2)));
    assert_eq!(package.host.route_prefix, "v1");
    assert_eq!(package.host.batch_size, 3);
}

#[test]
fn the_repository_itself_is_a_package_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schedule = ("KUSTO_COPY_SCHEDULE".to_owned(), "0 * * * * *".to_owned());
    let settings = BTreeMap::from([schedule]);
    let names = |chaining| {
        let package = Package::read(&root, &settings, chaining).expect("it is right");
        let queues = package.host.max_dequeue_count;
        (package.functions.into_keys().collect::<Vec<_>>(), queues)
    };
    let (plain, _) = names(false);
    assert_eq!(plain, ["advance", "control", "status"]);
    let (chained, dequeues) = names(true);
    assert_eq!(chained, ["advance", "advance-now", "control", "status"]);
    assert_eq!(
        dequeues, 1,
        "a message that failed once is dropped: the timer goes on"
    );
}
