//! Random texts: nothing panics, and what is quoted is read back as it was.

use proptest::prelude::*;

use crate::{Command, CommandError, Show, TableCommand, is_command, obfuscate, parse};

/// A string literal as a careful writer makes it.
fn quoted(value: &str) -> String {
    let mut text = String::from("'");
    for c in value.chars() {
        match c {
            '\\' | '\'' | '"' => text.extend(['\\', c]),
            c if c.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

/// Commands to be damaged.
const TEXTS: [&str; 8] = [
    ".show table ['a b'] extents (5b0a7f9e-1111-4a11-9111-000000000001) where tags has 'x' | count",
    ".create table T (['a b']:bool, c:datetime) with (folder='f', docstring=\"d\")",
    ".export async compressed to csv (h'https://a/b?sig=s') with (sizeLimit=1) <| T | where a == 'x'",
    ".ingest into table T (h@'a''b', ```c```) with (tags='[\"t\"]', creationTime=datetime(2020-01-01))",
    ".replace extents in table B <| {.show table B extents}, { T | where a in ('}') }",
    ".execute database script with (ThrowOnErrors=true) <|\n.drop table T\n.create function F() { 1 }",
    ".alter-merge table T policy retention softdelete = 10d recoverability = enabled",
    ".create table T ingestion json mapping 'm' '[' // c\n ']'",
];

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let with_dot = format!(".{text}");
        let refused = parse(&with_dot).err().map(|error| error.to_string());
        prop_assert!(refused.is_none_or(|sentence| sentence.ends_with('.')));
        prop_assert!(is_command(&text) || parse(&text).is_err());
        let shown = obfuscate(&text);
        prop_assert_eq!(obfuscate(&shown), shown);
    }

    #[test]
    fn damaged_commands_are_refused_or_read(
        which in 0..TEXTS.len(),
        at in any::<prop::sample::Index>(),
        length in 0..6_usize,
        put in "[ '\"\\\\|(){}\\[\\]<.,=h@`a0\n-]{0,3}",
    ) {
        let mut chars: Vec<char> = TEXTS[which].chars().collect();
        let start = at.index(chars.len());
        let end = (start + length).min(chars.len());
        chars.splice(start..end, put.chars());
        let text: String = chars.into_iter().collect();
        if let Err(CommandError::Syntax { line, .. }) = parse(&text) {
            prop_assert!((1..=text.lines().count().max(1) + 1).contains(&line));
        }
    }

    #[test]
    fn quoted_names_and_texts_are_read_back(name in "\\PC{1,30}", folder in any::<String>()) {
        let text = format!(".show table [{}] cslschema", quoted(&name));
        let parsed = parse(&text).expect("the name is quoted");
        prop_assert_eq!(
            parsed.command,
            Command::Show(Show::TableCslSchema { table: name.clone() })
        );
        let text = format!(".alter table [{}] folder {}", quoted(&name), quoted(&folder));
        let parsed = parse(&text).expect("both are quoted");
        prop_assert_eq!(
            parsed.command,
            Command::Table(TableCommand::SetFolder { table: name, folder })
        );
    }

    #[test]
    fn a_hidden_text_never_shows(secret in "[a-z]{12}", before in "[a-z .('|]{0,20}") {
        let shown = obfuscate(&format!(".export to csv (h'{secret}') <| {before}"));
        prop_assert!(!shown.contains(&secret));
    }
}
