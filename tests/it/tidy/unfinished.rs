//! Nothing that is half done is committed: it is finished, or written down as an issue.

use super::{assert_none, tracked};

/// Put together here, so that this file does not break its own rule.
const MARKS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
];

#[test]
fn nothing_is_marked_as_unfinished() {
    let Some(files) = tracked() else { return };
    let mut findings = Vec::new();
    for file in &files {
        for (at, line) in file.text.lines().enumerate() {
            if let Some(mark) = MARKS.iter().find(|mark| has_mark(line, mark)) {
                findings.push(format!("{}:{}: {mark}", file.path, at + 1));
            }
        }
    }
    assert_none(
        "finish it now, or write an issue and name it in the documentation",
        &findings,
    );
}

/// Whether the mark stands in the line as a word of its own.
fn has_mark(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let joins = |c: char| c.is_alphanumeric() || c == '_';
        let word_before = line[..at].chars().next_back().is_some_and(joins);
        let word_after = line[at + mark.len()..].chars().next().is_some_and(joins);
        let is_word = mark.chars().all(char::is_alphanumeric);
        let inside_word = word_before || (is_word && word_after);
        !inside_word
    })
}

#[test]
fn marks_are_words() {
    let mark = concat!("TO", "DO");
    assert!(has_mark(&format!("// {mark}: later"), mark));
    assert!(!has_mark(&format!("let MAS{mark}NT = 1;"), mark));
    assert!(has_mark(
        &format!("    {}\"x\")", concat!("to", "do!(")),
        MARKS[2]
    ));
}
