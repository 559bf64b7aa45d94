//! Ingestion mappings: which field of a file becomes which column.

use kusto_emulator_values::datetime;
use serde_json::{Map, Value};

use crate::IngestError;
use crate::path::JsonPath;

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingSource {
    /// A field of a delimited record, from 0.
    Ordinal(usize),
    /// A value of a JSON record or a Parquet field.
    Path(JsonPath),
    /// The same text in every row.
    Constant(String),
}

/// What is done to a value before it becomes the column's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// Seconds since 1970 become a datetime.
    UnixSeconds,
    /// Milliseconds since 1970 become a datetime.
    UnixMilliseconds,
    /// Microseconds since 1970 become a datetime.
    UnixMicroseconds,
    /// Nanoseconds since 1970 become a datetime, cut to 100 ns.
    UnixNanoseconds,
}

impl Transform {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "DateTimeFromUnixSeconds" => Self::UnixSeconds,
            "DateTimeFromUnixMilliseconds" => Self::UnixMilliseconds,
            "DateTimeFromUnixMicroseconds" => Self::UnixMicroseconds,
            "DateTimeFromUnixNanoseconds" => Self::UnixNanoseconds,
            _ => return None,
        })
    }

    /// The datetime of a number, in ticks; none out of range.
    #[must_use]
    pub fn ticks(self, number: i64) -> Option<i64> {
        let since_epoch = match self {
            Self::UnixSeconds => number.checked_mul(10_000_000)?,
            Self::UnixMilliseconds => number.checked_mul(10_000)?,
            Self::UnixMicroseconds => number.checked_mul(10)?,
            Self::UnixNanoseconds => number.div_euclid(100),
        };
        let ticks = since_epoch.checked_add(datetime::UNIX_EPOCH)?;
        datetime::in_range(ticks).then_some(ticks)
    }
}

/// One column's mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// The column, by its exact name.
    pub column: String,
    /// Where its values come from.
    pub source: MappingSource,
    /// What is done to them.
    pub transform: Option<Transform>,
}

/// A mapping: columns that it does not name become null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping(pub Vec<ColumnMapping>);

impl Mapping {
    /// Reads the JSON text of a mapping: `[{"Column":"a","Properties":{"Ordinal":"1"}}, …]`, with
    /// `Ordinal`, `Path`, `Field` or `ConstValue`; the older flat form
    /// (`{"Name":"a","Ordinal":"1"}`) too. Which of them fits the format is seen on reading.
    ///
    /// # Errors
    /// A text that is no mapping, a column named twice, or a transformation that is not known here.
    pub fn parse(text: &str) -> Result<Self, IngestError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|_| IngestError::invalid_mapping("it is not valid JSON"))?;
        let Value::Array(items) = value else {
            return Err(IngestError::invalid_mapping("it is not a JSON array"));
        };
        let columns: Result<Vec<_>, _> = items.iter().map(column_mapping).collect();
        let columns = columns?;
        let mut names: Vec<_> = columns.iter().map(|column| &column.column).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let reason = format!("column '{}' is mapped twice", twice[0]);
            return Err(IngestError::invalid_mapping(reason));
        }
        Ok(Self(columns))
    }
}

/// A property by its name in any case; its text, if it is a string or a number.
fn property(bag: &Map<String, Value>, name: &str) -> Option<String> {
    let (_, value) = bag.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn column_mapping(item: &Value) -> Result<ColumnMapping, IngestError> {
    let bag = item
        .as_object()
        .ok_or_else(|| IngestError::invalid_mapping("an element is not a JSON object"))?;
    let nested = bag
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("properties"))
        .and_then(|(_, value)| value.as_object());
    let find = |name: &str| {
        nested
            .and_then(|bag| property(bag, name))
            .or_else(|| property(bag, name))
    };
    let column = property(bag, "Column")
        .or_else(|| property(bag, "Name"))
        .ok_or_else(|| IngestError::invalid_mapping("an element names no column"))?;
    let transform = match find("Transform").filter(|name| !name.is_empty() && name != "None") {
        None => None,
        Some(name) => Some(Transform::parse(&name).ok_or_else(|| {
            IngestError::invalid_mapping(format!("the transformation '{name}' is not supported"))
        })?),
    };
    Ok(ColumnMapping {
        source: source(&column, find)?,
        column,
        transform,
    })
}

fn source(
    column: &str,
    find: impl Fn(&str) -> Option<String>,
) -> Result<MappingSource, IngestError> {
    if let Some(text) = find("ConstValue").or_else(|| find("ConstantValue")) {
        return Ok(MappingSource::Constant(text));
    }
    if let Some(path) = find("Path") {
        return Ok(if path.starts_with('$') {
            MappingSource::Path(JsonPath::parse(&path)?)
        } else {
            MappingSource::Constant(path)
        });
    }
    if let Some(field) = find("Field") {
        return Ok(MappingSource::Path(JsonPath::key(&field)));
    }
    let missing = || {
        let reason = format!("column '{column}' has no Ordinal, Path, Field or ConstValue");
        IngestError::invalid_mapping(reason)
    };
    let ordinal = find("Ordinal").ok_or_else(missing)?;
    let ordinal = ordinal.trim().parse().map_err(|_| {
        IngestError::invalid_mapping(format!("the ordinal of column '{column}' is no number"))
    })?;
    Ok(MappingSource::Ordinal(ordinal))
}

#[cfg(test)]
mod tests {
    use super::{Mapping, MappingSource, Transform};
    use crate::JsonPath;

    #[test]
    fn both_forms_are_read() {
        let text = r#"[
            {"Column":"a","Properties":{"Ordinal":"1"}},
            {"column":"b","Properties":{"Path":"$.x","Transform":"DateTimeFromUnixSeconds"}},
            {"Column":"c","Properties":{"Field":"x.y"}},
            {"Column":"d","DataType":"string","Properties":{"ConstValue":"k"}},
            {"Column":"e","Properties":{"Path":"k2"}},
            {"Name":"f","Ordinal":2}
        ]"#;
        let mapping = Mapping::parse(text).expect("a mapping").0;
        let sources: Vec<_> = mapping.iter().map(|column| column.source.clone()).collect();
        let expected = [
            MappingSource::Ordinal(1),
            MappingSource::Path(JsonPath::key("x")),
            MappingSource::Path(JsonPath::key("x.y")),
            MappingSource::Constant("k".to_owned()),
            MappingSource::Constant("k2".to_owned()),
            MappingSource::Ordinal(2),
        ];
        assert_eq!(sources, expected);
        assert_eq!(mapping[1].transform, Some(Transform::UnixSeconds));
        assert_eq!(mapping[0].transform, None);
    }

    #[test]
    fn what_is_no_mapping() {
        let refused = [
            "",
            "{}",
            "[1]",
            r#"[{"Properties":{"Ordinal":"1"}}]"#,
            r#"[{"Column":"a"}]"#,
            r#"[{"Column":"a","Properties":{"Ordinal":"x"}}]"#,
            r#"[{"Column":"a","Properties":{"Path":"$.*"}}]"#,
            r#"[{"Column":"a","Properties":{"Path":"$.a","Transform":"SourceLocation"}}]"#,
            r#"[{"Column":"a","Ordinal":0},{"Column":"a","Ordinal":1}]"#,
        ];
        for text in refused {
            let error = Mapping::parse(text).expect_err(text);
            assert_eq!(error.code(), "BadRequest_InvalidMapping", "{text}");
        }
    }

    #[test]
    fn unix_times() {
        let cases = [
            (Transform::UnixSeconds, 1, Some(621_355_968_010_000_000)),
            (
                Transform::UnixMilliseconds,
                -1,
                Some(621_355_967_999_990_000),
            ),
            (
                Transform::UnixMicroseconds,
                1,
                Some(621_355_968_000_000_010),
            ),
            (
                Transform::UnixNanoseconds,
                199,
                Some(621_355_968_000_000_001),
            ),
            (
                Transform::UnixNanoseconds,
                -1,
                Some(621_355_967_999_999_999),
            ),
            (Transform::UnixSeconds, i64::MAX, None),
            (Transform::UnixMilliseconds, -62_135_596_800_001, None),
        ];
        for (transform, number, ticks) in cases {
            assert_eq!(transform.ticks(number), ticks, "{transform:?} {number}");
        }
    }
}
