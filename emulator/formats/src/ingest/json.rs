//! JSON lines and multi-line JSON. Number texts are kept, so that longs, decimals and dynamics
//! arrive exactly.

use std::borrow::Cow;
use std::collections::HashMap;

use kusto_emulator_values::{Column, ScalarType, dynamic};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::rows::Rows;
use super::{From, IngestOptions, Ingested, Source, sources};
use crate::IngestError;
use crate::mapping::MappingSource;
use crate::path::{JsonPath, Step};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The keys of a bag.
#[derive(Deserialize)]
struct Bag<'a>(#[serde(borrow)] HashMap<Cow<'a, str>, &'a RawValue>);

/// Reads JSON lines; lines that are no JSON object are dropped and counted.
pub(super) fn read_lines(
    bytes: &[u8],
    schema: &[Column],
    options: &IngestOptions,
) -> Result<Ingested, IngestError> {
    let mut reader = Reader::new(schema, options)?;
    for line in text(bytes).lines() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<&RawValue>(line) {
            Ok(record) if is_bag(record) => reader.push(record)?,
            Ok(_) | Err(_) => reader.rows.errors += 1,
        }
    }
    reader.rows.finish()
}

/// Reads JSON objects that follow one another in any layout, or stand in arrays.
pub(super) fn read_stream(
    bytes: &[u8],
    schema: &[Column],
    options: &IngestOptions,
) -> Result<Ingested, IngestError> {
    let mut reader = Reader::new(schema, options)?;
    let malformed = || IngestError::invalid_blob("it is not a sequence of JSON objects");
    let text = text(bytes);
    for value in serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>() {
        let value = value.map_err(|_| malformed())?;
        if is_bag(value) {
            reader.push(value)?;
            continue;
        }
        let items: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|_| malformed())?;
        for item in items {
            if !is_bag(item) {
                return Err(malformed());
            }
            reader.push(item)?;
        }
    }
    reader.rows.finish()
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes))
}

fn is_bag(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

struct Reader {
    sources: Vec<Source<JsonPath>>,
    types: Vec<ScalarType>,
    rows: Rows,
}

impl Reader {
    fn new(schema: &[Column], options: &IngestOptions) -> Result<Self, IngestError> {
        let identity = |_: usize, column: &Column| JsonPath::key(&column.name);
        let sources = sources(options, schema, identity, |source| match source {
            MappingSource::Path(path) => Some(path.clone()),
            MappingSource::Ordinal(_) | MappingSource::Constant(_) => None,
        })?;
        Ok(Self {
            sources,
            types: schema.iter().map(|column| column.ty).collect(),
            rows: Rows::new(schema, options),
        })
    }

    /// Reads a record. A key that stands twice in a bag counts as its last.
    fn push(&mut self, record: &RawValue) -> Result<(), IngestError> {
        let bag = serde_json::from_str::<Bag<'_>>(record.get());
        let Ok(Bag(bag)) = bag else {
            // A key that is no text, such as half a surrogate pair.
            self.rows.errors += 1;
            return Ok(());
        };
        for (column, source) in self.sources.iter().enumerate() {
            let value = match &source.from {
                From::Field(path) => find(record, &bag, &path.0),
                From::Constant(text) => {
                    self.rows.push_text(column, text, source.transform);
                    continue;
                }
                From::Nothing => None,
            };
            let text = value.and_then(|value| cell(value, self.types[column]));
            match text {
                Some(text) => self.rows.push_text(column, &text, source.transform),
                None => self.rows.push_null(column),
            }
        }
        self.rows.end_row()
    }
}

/// The value at the end of a path.
fn find<'a>(
    record: &'a RawValue,
    bag: &HashMap<Cow<'a, str>, &'a RawValue>,
    steps: &[Step],
) -> Option<&'a RawValue> {
    let Some((first, rest)) = steps.split_first() else {
        return Some(record);
    };
    let Step::Key(name) = first else {
        return None;
    };
    let mut value = *bag.get(name.as_str())?;
    for step in rest {
        value = match step {
            Step::Key(name) => {
                let bag: Bag<'a> = serde_json::from_str(value.get()).ok()?;
                *bag.0.get(name.as_str())?
            }
            Step::Index(index) => {
                let items: Vec<&'a RawValue> = serde_json::from_str(value.get()).ok()?;
                *items.get(*index)?
            }
        };
    }
    Some(value)
}

/// The text of a value for a column: of a string what it holds, of others their JSON; into a
/// dynamic column always JSON. None for null.
fn cell(value: &RawValue, ty: ScalarType) -> Option<String> {
    let json = dynamic::normalise(value.get())?;
    if json == "null" {
        return None;
    }
    if ty == ScalarType::Dynamic {
        return Some(json);
    }
    Some(dynamic::to_text(&json))
}
