//! Where a command line says that a job is.

use super::super::args::Cli;
use super::super::exit::Exit;
use super::*;

fn args(line: &str) -> CopyArgs {
    let words = [
        "kusto-copy",
        "-s",
        "http://a",
        "-d",
        "http://b",
        "--db",
        "A",
    ];
    match Cli::read(words.into_iter().chain(line.split_whitespace())) {
        Ok(Cli::Copy(args)) => *args,
        other => panic!("not a copy: {other:?}"),
    }
}

fn nothing(_: &str) -> Option<String> {
    None
}

fn at(lake: &str) -> Place<'_> {
    Place {
        lake,
        state: None,
        further: &[],
        staging_access: None,
    }
}

const AZURE: &str = "-l https://acct1.blob.core.windows.net/lake/west";

#[test]
fn a_container_in_azure_takes_all_that_is_said_about_it() {
    let args = args(&format!(
        "{AZURE} --places https://acct2.blob.core.windows.net/more \
         https://acct3.dfs.core.windows.net/more --staging-access managed-identity=system \
         --state https://acct4.table.core.windows.net/state"
    ));
    let Ok(Kind::Azure(options)) = Place::from(&args).kind(nothing) else {
        panic!("not in Azure");
    };
    assert_eq!(options.lake, args.lake);
    assert_eq!(options.places.len(), 2);
    assert_eq!(options.state, args.state);
    let system = StagingAccess::ManagedIdentity("system".to_owned());
    assert_eq!(options.staging_access, system);
    assert!(options.access.is_none());
    for (name, value) in [(KEY_VARIABLE, "a2V5"), (SAS_VARIABLE, "?sv=1&sig=x")] {
        let variable = |asked: &str| (asked == name).then(|| value.to_owned());
        let Ok(Kind::Azure(options)) = Place::from(&args).kind(variable) else {
            panic!("not in Azure");
        };
        assert!(options.access.is_some(), "{name}");
    }
}

#[test]
fn a_folder_and_azure_do_not_mix() {
    for (line, flag) in [
        (
            "-l lake --places https://acct2.blob.core.windows.net/more",
            "--places",
        ),
        ("-l file:///lake --staging-access sas", "--staging-access"),
        (
            "-l lake --state https://acct4.table.core.windows.net/state",
            "--state",
        ),
        (&format!("{AZURE} --state state.sqlite"), "--state"),
    ] {
        let args = args(line);
        let failure = Place::from(&args)
            .kind(nothing)
            .err()
            .expect("a contradiction");
        assert_eq!(failure.exit, Exit::Usage, "{line}");
        assert!(failure.message.starts_with(flag), "{}", failure.message);
        assert!(failure.remedy.is_some(), "{line}");
    }
    for local in ["lake", "/lake", "file:///lake"] {
        let kind = at(local).kind(nothing);
        assert!(matches!(kind, Ok(Kind::Local { state: None })), "{local}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_wrong_usage_with_what_to_write() {
    for lake in [
        "https://acct1.blob.core.windows.net",
        "s3://bucket/lake",
        "https://u:pass@x/y",
    ] {
        let failure = open(at(lake)).await.err().expect("no lake");
        assert_eq!(failure.exit, Exit::Usage, "{failure:?}");
        let remedy = failure.remedy.expect("a remedy");
        assert!(remedy.contains("write https://ACCOUNT.blob"), "{remedy}");
        assert!(!failure.message.contains("pass"), "{}", failure.message);
    }
    let unknown = open_existing(at("http://127.0.0.1:1/devstoreaccount1/lake")).await;
    let unknown = unknown.err().expect("no table");
    assert!(
        unknown
            .remedy
            .is_some_and(|remedy| remedy.contains("name its table"))
    );
}

#[test]
fn paths_and_file_addresses_name_folders() {
    assert_eq!(folder("/a b"), Ok(PathBuf::from("/a b")));
    #[cfg(unix)]
    assert_eq!(folder("file:///a%20b"), Ok(PathBuf::from("/a b")));
    assert!(folder("https://a/b").is_err());
}

#[tokio::test]
async fn looking_for_a_job_creates_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let lake = dir.path().join("lake");
    let location = lake.to_str().expect("the folder's name is text");
    let failure = open_existing(at(location))
        .await
        .err()
        .expect("there is no job");
    assert_eq!(failure.message, "no job is stored in this lake");
    assert!(!lake.exists());

    close(open(at(location)).await.expect("a lake can be made")).await;
    assert!(open_existing(at(location)).await.is_ok());
}
