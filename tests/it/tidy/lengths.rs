//! Files and functions stay short.

use super::{assert_none, rust_files, tracked};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

#[test]
fn files_are_short() {
    let Some(files) = tracked() else { return };
    let findings: Vec<String> = files
        .iter()
        .filter(|file| {
            [".rs", ".py", ".mjs"]
                .iter()
                .any(|end| file.path.ends_with(end))
        })
        .map(|file| (&file.path, file.text.lines().count()))
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(
        &format!("a file has at most {FILE_LINES} lines; divide it by what it is about"),
        &findings,
    );
}

#[test]
fn functions_are_short() {
    let Some(files) = rust_files() else { return };
    let mut findings = Vec::new();
    for file in &files {
        for function in functions(&file.text) {
            if function.lines > FUNCTION_LINES {
                findings.push(format!(
                    "{}:{}: {} has {} lines",
                    file.path, function.line, function.name, function.lines
                ));
            }
        }
    }
    assert_none(
        &format!("a function has at most {FUNCTION_LINES} lines; name its parts"),
        &findings,
    );
}

#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    /// Counted from 1.
    line: usize,
    lines: usize,
}

/// The functions of a file that rustfmt has formatted: the body ends at the first closing brace
/// with the indentation of the line that has `fn`.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| {
            Some(Function {
                name: function_name(line)?,
                line: at + 1,
                lines: length(&lines[at..])?,
            })
        })
        .collect()
}

/// The name in `pub(crate) async fn name<T>(…`, or nothing if no function starts here.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    loop {
        match words.next()? {
            "fn" => break,
            "async" | "const" | "default" | "extern" | "unsafe" | "\"C\"" => {}
            word if word.starts_with("pub") => {}
            _ => return None,
        }
    }
    let name: String = words
        .next()?
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// How many lines the function has that starts at the first of `lines`; nothing if it has no body.
fn length(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let mut in_body = false;
    for (at, line) in lines.iter().enumerate() {
        let line = line.trim_end();
        if in_body {
            if line.strip_prefix(indent) == Some("}") {
                return Some(at + 1);
            }
            continue;
        }
        let at_indent = line
            .strip_prefix(indent)
            .is_some_and(|rest| !rest.starts_with(' '));
        if line.ends_with(';') {
            return None;
        }
        if at_indent && line.ends_with('}') {
            return Some(at + 1);
        }
        in_body = at_indent && line.ends_with('{');
    }
    None
}

#[test]
fn functions_are_found_and_measured() {
    let text = r"
pub(crate) const fn one() -> i32 { 1 }

impl T {
    async fn two(
        &self,
        x: [u8; 4],
    ) -> Result<(), E>
    where
        T: Copy,
    {
        if x {
        }
    }
}

trait U {
    fn declared(&self, x: i32) -> i32;
    fn declared_on_lines(
        &self,
    ) -> i32;
    fn three(&self) {
    }
}
";
    let found: Vec<_> = functions(text)
        .into_iter()
        .map(|f| (f.name, f.line, f.lines))
        .collect();
    let expected = [("one", 2, 1), ("two", 5, 10), ("three", 22, 2)];
    assert_eq!(
        found,
        expected.map(|(name, line, lines)| (name.to_owned(), line, lines))
    );
}
