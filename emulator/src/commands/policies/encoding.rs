//! The encoding policy of columns: the named profiles and the size of a value that each allows.

use kusto_emulator_formats::DEFAULT_MAX_VALUE_SIZE;
use serde_json::{Map, Value as Json, json};

use crate::error::KustoError;
use crate::model::Table;

/// Profiles and the largest value that each allows, in bytes (`alter-encoding-policy.md`).
const PROFILES: [(&str, usize); 4] = [
    ("Identifier", DEFAULT_MAX_VALUE_SIZE),
    ("BigObject", 2 << 20),
    ("BigObject32", 32 << 20),
    ("BigObjectIndexed32", 32 << 20),
];

/// The largest value of each column, in the order of the columns, in bytes.
pub(crate) fn max_value_sizes(table: &Table) -> Vec<usize> {
    let policy = table.policies.get("encoding");
    table
        .columns
        .iter()
        .map(|column| {
            policy
                .and_then(|policy| policy.get(&column.name)?.get("MaxValueSize")?.as_u64())
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(DEFAULT_MAX_VALUE_SIZE)
        })
        .collect()
}

/// Gives a column a profile; none, or `Null`, takes it away.
pub(super) fn set_profile(
    table: &mut Table,
    column: &str,
    profile: Option<&str>,
) -> Result<(), KustoError> {
    if table.column(column).is_none() {
        return Err(KustoError::entity_not_found(
            "BadRequest_ColumnNotExist",
            &format!("Column '{column}' was not found in table '{}'.", table.name),
        ));
    }
    let mut columns: Map<String, Json> = match table.policies.remove("encoding") {
        Some(Json::Object(columns)) => columns,
        _ => Map::new(),
    };
    match profile.filter(|profile| !profile.eq_ignore_ascii_case("null")) {
        None => {
            columns.remove(column);
        }
        Some(profile) => {
            let Some((name, size)) = PROFILES
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(profile))
            else {
                return Err(KustoError::unsupported(format!(
                    "The encoding profile '{profile}'"
                )));
            };
            columns.insert(
                column.to_owned(),
                json!({"EncodingPolicyType": name, "MaxValueSize": size}),
            );
        }
    }
    if !columns.is_empty() {
        table
            .policies
            .insert("encoding".to_owned(), Json::Object(columns));
    }
    Ok(())
}
