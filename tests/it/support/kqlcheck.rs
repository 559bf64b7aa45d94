//! Microsoft's own parser, asked about queries and commands through `tests/node/kqlcheck.mjs`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{root, tool};

/// What the parser says about one text.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// `Query` or `Command`.
    pub(crate) kind: String,
    /// The kind of a management command, for example `ExportToStorage`.
    pub(crate) command: Option<String>,
    /// No diagnostic is an error.
    pub(crate) ok: bool,
    /// What is wrong, as the parser words it.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Every name in the text, as the parser reads it, in order.
    pub(crate) names: Vec<String>,
    /// The value of every string literal, as the parser reads it, in order.
    pub(crate) strings: Vec<String>,
}

impl Answer {
    /// The command's kind, or `Query`.
    pub(crate) fn kind(&self) -> &str {
        self.command.as_deref().unwrap_or(&self.kind)
    }
}

/// One remark of the parser.
#[derive(Debug, Deserialize)]
pub(crate) struct Diagnostic {
    /// For example `KS204`.
    pub(crate) code: String,
    /// `Error`, `Warning`, `Suggestion`, …
    pub(crate) severity: String,
    /// One sentence.
    pub(crate) message: String,
    /// The part of the text that is meant.
    pub(crate) text: String,
}

/// A running parser.
#[derive(Debug)]
pub(crate) struct KqlCheck {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl KqlCheck {
    /// Starts the parser; nothing, after saying so, if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let tools = tool("KUSTO_COPY_NODE_TOOLS", ".tools/node")?;
        let mut process = Command::new("node")
            .arg(root().join("tests/node/kqlcheck.mjs"))
            .env("KUSTO_COPY_NODE_TOOLS", tools)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be started");
        let requests = process.stdin.take().expect("stdin is piped");
        let answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Some(Self {
            process,
            requests,
            answers,
        })
    }

    /// Says what names mean in the texts that follow:
    /// `{"database": …, "tables": {"T": "(a:long)"}, "functions": {"f": {"params": …, "body": …}}}`.
    pub(crate) fn set_schema(&mut self, schema: &Value) {
        self.send(&json!({ "schema": schema }));
    }

    /// Asks about one text.
    pub(crate) fn ask(&mut self, text: &str) -> Answer {
        self.send(&json!({ "text": text }));
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the parser answers");
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error} in the answer {line:?} about\n{text}"))
    }

    /// Why a text is not what it should be, or nothing.
    pub(crate) fn problem(&mut self, id: &str, text: &str, expected_kind: &str) -> Option<String> {
        let answer = self.ask(text);
        if answer.ok && answer.kind() == expected_kind {
            return None;
        }
        let mut problem = format!(
            "{id}: expected {expected_kind}, the parser reads {}",
            answer.kind()
        );
        for remark in answer.diagnostics.iter().filter(|d| d.severity == "Error") {
            let Diagnostic {
                code,
                message,
                text,
                ..
            } = remark;
            problem.push_str(&format!("\n    {code} {message} at {text:?}"));
        }
        problem.push_str(&format!("\n    in {text}"));
        Some(problem)
    }

    fn send(&mut self, request: &Value) {
        writeln!(self.requests, "{request}").expect("the parser listens");
    }
}

impl Drop for KqlCheck {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Checks texts, each with a name for messages and the kind that the parser must give it
/// (`Query`, or the kind of the command), against one schema (see [`KqlCheck::set_schema`]).
///
/// Panics with every text that fails. Without the parser it says that the test was skipped.
pub(crate) fn assert_kql(texts: &[(&str, &str, &str)], schema: &Value) {
    let Some(mut check) = KqlCheck::start() else {
        return;
    };
    assert!(!texts.is_empty(), "there is no text to check");
    check.set_schema(schema);
    let problems: Vec<String> = texts
        .iter()
        .filter_map(|(id, text, kind)| check.problem(id, text, kind))
        .collect();
    assert!(
        problems.is_empty(),
        "{} of {} texts are refused\n{}",
        problems.len(),
        texts.len(),
        problems.join("\n")
    );
}
