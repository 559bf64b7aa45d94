//! The list of texts that Microsoft's parser checks is complete.

use std::fs;
use std::path::Path;

/// Where every text is made once with plain and once with odd values.
const CHECKED: &str = "../../tests/it/kql_texts/texts.rs";

/// The functions of a file that return a text.
fn writers(source: &str) -> Vec<String> {
    source
        .split("\npub fn ")
        .skip(1)
        .filter_map(|function| {
            let (signature, _) = function.split_once(" {\n")?;
            let makes_text =
                signature.ends_with("-> Text") || signature.ends_with("-> ValueQuestion");
            let (name, _) = signature.split_once('(')?;
            makes_text.then(|| name.to_owned())
        })
        .collect()
}

fn names(checked: &str, call: &str) -> bool {
    checked.match_indices(call).any(|(at, _)| {
        let next = checked[at + call.len()..].chars().next();
        next.is_some_and(|c| c == '(' || c == ')')
    })
}

#[test]
fn every_text_is_checked_by_microsofts_parser() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = fs::read_to_string(root.join(CHECKED)).expect("the list of texts");
    let mut found = 0;
    let mut missing = Vec::new();
    for entry in fs::read_dir(root.join("src/kql")).expect("the writer's folder") {
        let path = entry.expect("a file of it").path();
        let module = path.file_stem().and_then(|stem| stem.to_str());
        let module = module.expect("a plain name").to_owned();
        let source = fs::read_to_string(&path).expect("its text");
        for name in writers(&source) {
            found += 1;
            let call = format!("{module}::{name}");
            if !names(&checked, &call) {
                missing.push(call);
            }
        }
    }
    assert!(found > 40, "only {found} texts were found");
    assert_eq!(missing, Vec::<String>::new(), "not in {CHECKED}");
}
