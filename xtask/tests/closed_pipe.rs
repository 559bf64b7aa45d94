//! `cargo xtask --help | head` ends as it should.

use std::io::pipe;
use std::process::Command;

#[test]
fn a_reader_that_is_gone_is_no_failure() {
    for (task, code) in [("--help", 0), ("unknown", 2)] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let errors = writer
            .try_clone()
            .expect("the pipe has two ends to write to");
        let status = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .arg(task)
            .stdout(writer)
            .stderr(errors)
            .status()
            .expect("it starts");
        assert_eq!(status.code(), Some(code), "{task}");
    }
}
