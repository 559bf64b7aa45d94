//! How a document rests in an entity's properties.
//!
//! | property | type | what it holds |
//! |---|---|---|
//! | `PartitionKey`, `RowKey` | text | the key, in the store's encoding; the partition with the scope in front |
//! | `Layout` | 64-bit integer | version of the document's layout |
//! | `Program` | text | version of the program that wrote it |
//! | `Parts` | 32-bit integer | how many properties hold the document |
//! | `Json00`, `Json01`, … | text | the document, cut into parts to be joined |

use kusto_copy_store::Body;
use serde_json::{Map, Value};

/// Longest part in UTF-16 code units. A text property takes 64 KiB, which are 32,768 of them.
const PART_UNITS: usize = 32_000;

/// Why an entity cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the property {0} is missing or of another type")]
pub(super) struct Odd(&'static str);

/// An entity as the service gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) row: String,
    pub(super) etag: String,
    pub(super) body: Body,
}

/// The entity as JSON, on one line.
pub(super) fn write(partition: &str, row: &str, body: &Body) -> String {
    let mut json = String::with_capacity(body.json().len() + 512);
    json.push('{');
    for (name, value) in [("PartitionKey", partition), ("RowKey", row)] {
        push_text_property(&mut json, name, value);
    }
    json.push_str(&format!(
        "\"Layout@odata.type\":\"Edm.Int64\",\"Layout\":\"{}\",",
        body.layout()
    ));
    push_text_property(&mut json, "Program", body.program());
    let parts = cut(body.json());
    for (number, part) in parts.iter().enumerate() {
        push_text_property(&mut json, &part_name(number), part);
    }
    json.push_str(&format!("\"Parts\":{}}}", parts.len()));
    json
}

fn part_name(number: usize) -> String {
    format!("Json{number:02}")
}

/// At least one part, none longer than a property may be, no character torn apart.
fn cut(document: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut units) = (0, 0);
    for (at, character) in document.char_indices() {
        if units + character.len_utf16() > PART_UNITS {
            parts.push(&document[start..at]);
            (start, units) = (at, 0);
        }
        units += character.len_utf16();
    }
    parts.push(&document[start..]);
    parts
}

fn push_text_property(json: &mut String, name: &str, value: &str) {
    json.push('"');
    json.push_str(name);
    json.push_str("\":\"");
    for character in value.chars() {
        push_escaped(json, character);
    }
    json.push_str("\",");
}

/// Everything but printable ASCII as `\uXXXX`: no line ends within it, no invisible mark is lost, and
/// a service that decodes a body piece by piece (Azurite does) cannot tear a character apart.
fn push_escaped(json: &mut String, character: char) {
    match character {
        '"' | '\\' => json.extend(['\\', character]),
        ' '..='~' => json.push(character),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                json.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

/// Whether text can be the version of one entity: an entity tag as HTTP has it. `*` would stand for
/// every version, nothing at all for "insert or replace", and a line break for another header.
pub(super) fn is_version(text: &str) -> bool {
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let tag = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'*';
    tag.is_some_and(|tag| !tag.is_empty() && tag.bytes().all(allowed))
}

/// Reads an entity.
pub(super) fn read(properties: &Map<String, Value>) -> Result<Stored, Odd> {
    let text = |name: &'static str| {
        let value = properties.get(name).and_then(Value::as_str);
        value.map(str::to_owned).ok_or(Odd(name))
    };
    let parts = properties
        .get("Parts")
        .and_then(Value::as_u64)
        .ok_or(Odd("Parts"))?;
    let mut json = String::new();
    for number in 0..parts {
        let name = part_name(usize::try_from(number).unwrap_or(usize::MAX));
        let part = properties.get(&name).and_then(Value::as_str);
        json.push_str(part.ok_or(Odd("Json"))?);
    }
    let layout = text("Layout")?.parse().map_err(|_| Odd("Layout"))?;
    let etag = text("odata.etag")?;
    if !is_version(&etag) {
        return Err(Odd("odata.etag"));
    }
    Ok(Stored {
        row: text("RowKey")?,
        etag,
        body: Body::from_stored(layout, text("Program")?, json),
    })
}

#[cfg(test)]
mod tests {
    use kusto_copy_store::MAX_BODY_UNITS;
    use proptest::prelude::*;

    use super::*;

    fn back(body: &Body) -> Result<Stored, Odd> {
        let json = write("scope!p", "r", body);
        assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let mut map: Map<String, Value> = serde_json::from_str(&json).expect("JSON");
        for (_, value) in &map {
            let units = value.as_str().map_or(0, |text| text.encode_utf16().count());
            assert!(units <= 32 * 1024);
        }
        map.insert("odata.etag".to_owned(), Value::from("W/\"1\""));
        read(&map)
    }

    #[test]
    fn the_longest_document_fits_whatever_its_characters() {
        for contents in [
            "x".repeat(MAX_BODY_UNITS),
            "\u{1F600}".repeat(MAX_BODY_UNITS / 2),
            format!("a{}", "\u{1F600}".repeat(MAX_BODY_UNITS / 2 - 1)),
        ] {
            let body = Body::from_stored(7, "1.2.3".to_owned(), contents);
            assert_eq!(back(&body).expect("an entity").body, body);
        }
    }

    #[test]
    fn a_missing_part_is_damage_not_a_shorter_document() {
        let contents = "x".repeat(PART_UNITS + 1);
        let body = Body::from_stored(1, "1".to_owned(), contents);
        let mut map: Map<String, Value> =
            serde_json::from_str(&write("p", "r", &body)).expect("JSON");
        map.insert("odata.etag".to_owned(), Value::from("W/\"1\""));
        assert!(read(&map).is_ok());
        for name in [
            "Json00",
            "Json01",
            "Parts",
            "Layout",
            "Program",
            "odata.etag",
        ] {
            let mut damaged = map.clone();
            damaged.remove(name);
            let Odd(named) = read(&damaged).expect_err("damage");
            assert!(name.starts_with(named), "{name}: {named}");
        }
    }

    #[test]
    fn a_version_is_one_entitys_alone() {
        for text in ["W/\"datetime'2026-11-21T08%3A00%3A01.1234567Z'\"", "\"1\""] {
            assert!(is_version(text), "{text}");
        }
        for text in [
            "",
            "*",
            "\"*\"",
            "W/\"*\"",
            "W/",
            "\"",
            "\"\"",
            "W/\"\"",
            "1",
            "\"1\"\r\nX: \"1\"",
            "\"1\", \"2\"",
            "\"é\"",
        ] {
            assert!(!is_version(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_survives(contents in "(\\PC|.|[\u{0}-\u{1f}\u{7f}-\u{9f}\u{2028}\"\\\\]){0,200}", layout: u32) {
            let body = Body::from_stored(layout, "0.1.0".to_owned(), contents);
            prop_assert_eq!(back(&body).expect("an entity").body, body);
        }
    }
}
