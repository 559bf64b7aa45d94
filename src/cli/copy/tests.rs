//! Arguments become jobs; contradictions become one sentence.

use super::super::args::Cli;
use super::*;

fn read(line: &str) -> Result<(JobDefinition, RunOptions), Failure> {
    let words = std::iter::once("kusto-copy").chain(line.split_whitespace());
    match Cli::read(words).expect("clap takes the line") {
        Cli::Copy(args) => job(&args).map(|job| (job.definition, job.options)),
        Cli::Other(other) => panic!("not a copy: {other:?}"),
    }
}

fn refused(line: &str) -> String {
    let failure = read(line).expect_err("the line contradicts itself");
    assert_eq!(failure.exit, Exit::Usage, "{line}");
    assert!(failure.remedy.is_some(), "{line}");
    failure.message
}

const COPY: &str = "-l lake -s http://127.0.0.1:1 -d http://127.0.0.1:2";

#[test]
fn flags_become_options_and_flags_beat_settings() {
    let (definition, options) = read(&format!(
        "{COPY} --db A B --order newest --verify fingerprint --set block_rows=5 --block-rows 7 \
         --set small_rows=9 --keep-held --share 0.5"
    ))
    .expect("the line is right");
    let databases: Vec<&str> = definition
        .databases
        .iter()
        .map(|d| d.source.as_str())
        .collect();
    assert_eq!(databases, ["A", "B"]);
    assert_eq!(options.limits.block_rows, 7);
    assert_eq!(options.limits.small_rows, 9);
    assert_eq!(options.limits.plan_order, PlanOrder::NewestFirst);
    assert_eq!(options.limits.verify, Verify::Fingerprint);
    assert!(!options.retry_held);
}

#[test]
fn one_cluster_written_in_two_ways_is_one_cluster() {
    let with = |source: &str| {
        read(&format!("-l lake -s {source} -d http://127.0.0.1:2 --db A"))
            .map(|(definition, _)| definition.source)
    };
    assert_eq!(with("http://127.0.0.1:1/"), with("http://127.0.0.1:1"));
}

#[test]
fn contradictions_are_named() {
    for (flags, part) in [
        (
            "--db A --tables-include X Y --tables-exclude Y",
            "'Y' is both included and excluded",
        ),
        (
            "--db A --tables-include X --priority Y",
            "'Y' has priority but is not copied",
        ),
        (
            "--db A --tables-exclude Y --priority Y",
            "'Y' has priority but is not copied",
        ),
        ("--db A a", "'a' twice"),
        (
            "--db A --set poll.min=9 --set poll.max=3",
            "poll.min is above poll.max",
        ),
    ] {
        let message = refused(&format!("{COPY} {flags}"));
        assert!(message.contains(part), "{message}");
    }
    let same = "-l lake -s http://127.0.0.1:1 -d http://127.0.0.1:1/ --db A";
    assert!(refused(same).contains("the same cluster"));
    for source in ["ftp://x", "http://127.0.0.1:1/Db"] {
        let message = refused(&format!("-l lake -s {source} -d http://127.0.0.1:2 --db A"));
        assert!(message.starts_with("--source: "), "{message}");
    }
}
