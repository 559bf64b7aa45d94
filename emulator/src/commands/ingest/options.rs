//! The properties of an ingestion, checked against the table before anything is read.

use kusto_emulator_commands::Properties;

use super::checks::{check_creation_time, ingest_by};
use crate::commands::mappings::find_mapping;
use crate::commands::properties::{datetime_property, text_list};
use crate::error::KustoError;
use crate::model::{Database, Table};

/// Properties that `.ingest` knows.
const KNOWN: [&str; 13] = [
    "format",
    "ingestionMapping",
    "ingestionMappingReference",
    "ingestionMappingType",
    "creationTime",
    "tags",
    "ingestIfNotExists",
    "ignoreFirstRecord",
    "validationPolicy",
    "policy_ingestiontime",
    "persistDetails",
    "distributed",
    "rawSizeBytes",
];

/// What an ingestion was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IngestOptions {
    /// The format's name in lower case.
    pub(super) format: String,
    /// The mapping's JSON text.
    pub(super) mapping: Option<String>,
    /// Creation time of the extents, ticks.
    pub(super) created_on: Option<i64>,
    /// Tags of the extents.
    pub(super) tags: Vec<String>,
    /// Tags, each with its `ingest-by:` prefix: if one exists, nothing is ingested.
    pub(super) unless_tagged: Vec<String>,
    /// Whether the first record of each file is a header.
    pub(super) ignores_first_record: bool,
    /// The validation policy's JSON text.
    pub(super) validation_policy: Option<String>,
}

impl IngestOptions {
    /// Reads and checks the properties.
    ///
    /// # Errors
    /// An unknown or malformed property, two mappings, a mapping that does not exist, or a creation
    /// time beyond the table's retention (a permanent error in Kusto).
    pub(super) fn of(
        properties: &Properties,
        database: &Database,
        table: &Table,
        now: i64,
    ) -> Result<Self, KustoError> {
        properties.allow(&KNOWN)?;
        // It is about tables that a command creates, and this one creates none.
        properties.boolean("policy_ingestiontime")?;
        let format = properties.text("format").unwrap_or("csv").to_lowercase();
        let created_on = datetime_property(properties, "creationTime")?;
        if let Some(created_on) = created_on {
            check_creation_time(created_on, database, table, now)?;
        }
        Ok(Self {
            mapping: mapping_of(properties, &format, database, table)?,
            format,
            created_on,
            tags: text_list(properties, "tags")?,
            unless_tagged: ingest_by(properties)?,
            ignores_first_record: properties.boolean("ignoreFirstRecord")?.unwrap_or(false),
            validation_policy: properties.text("validationPolicy").map(str::to_owned),
        })
    }

    /// Whether the table already holds what must not be ingested twice.
    pub(super) fn is_present_in(&self, table: &Table) -> bool {
        self.unless_tagged
            .iter()
            .any(|tag| table.extents.iter().any(|extent| extent.has_tag(tag)))
    }
}

fn mapping_of(
    properties: &Properties,
    format: &str,
    database: &Database,
    table: &Table,
) -> Result<Option<String>, KustoError> {
    let inline = properties.text("ingestionMapping");
    let reference = properties.text("ingestionMappingReference");
    match (inline, reference) {
        (Some(_), Some(_)) => Err(KustoError::bad_request(
            "BadRequest_DuplicateMapping",
            "Only one of 'ingestionMapping' and 'ingestionMappingReference' may be given.",
        )),
        (Some(text), None) => Ok(Some(text.to_owned())),
        (None, Some(name)) => find_mapping(database, table, mapping_kind(format), name).map(Some),
        (None, None) => Ok(None),
    }
}

/// The kind of mapping that a format uses.
fn mapping_kind(format: &str) -> &str {
    match format {
        "tsv" | "tsve" | "psv" | "scsv" | "sohsv" | "txt" | "raw" => "csv",
        "multijson" | "singlejson" => "json",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{TICKS_PER_DAY, now_ticks};
    use crate::model::Extent;
    use kusto_emulator_values::datetime;
    use serde_json::json;
    use std::sync::Arc;

    fn options(pairs: &[(&str, &str)]) -> Result<IngestOptions, KustoError> {
        let mut table = Table::new("T", &[]);
        table.policies.insert(
            "retention".to_owned(),
            json!({"SoftDeletePeriod": "10.00:00:00"}),
        );
        let properties = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        IngestOptions::of(&properties, &Database::new("D", 0), &table, now_ticks())
    }

    #[test]
    fn what_is_not_given_has_kustos_defaults() {
        let options = options(&[]).expect("nothing is wrong with nothing");
        assert_eq!((options.format.as_str(), options.mapping), ("csv", None));
        assert!(!options.ignores_first_record);
    }

    #[test]
    fn a_creation_time_beyond_retention_is_refused_for_good() {
        let at = |days: i64| datetime::format(now_ticks() - days * TICKS_PER_DAY);
        let kept = options(&[("creationTime", &at(9))]).expect("it is kept");
        assert!(kept.created_on.is_some());
        let refused = options(&[("creationTime", &at(11))]).expect_err("it would expire at once");
        assert_eq!(
            refused.code,
            "BadRequest_CreationTimeEarlierThanSoftDeletePeriod"
        );
        assert!(refused.permanent);
    }

    #[test]
    fn wrong_properties_are_refused() {
        for (pairs, code) in [
            (&[("frmat", "csv")][..], "BadRequest_InvalidProperty"),
            (&[("tags", "a")], "BadRequest_InvalidProperty"),
            (&[("creationTime", "soon")], "BadRequest_InvalidProperty"),
            (
                &[
                    ("ingestionMapping", "[]"),
                    ("ingestionMappingReference", "m"),
                ],
                "BadRequest_DuplicateMapping",
            ),
            (
                &[("ingestionMappingReference", "m")],
                "BadRequest_MappingReferenceWasNotFound",
            ),
        ] {
            assert_eq!(
                options(pairs).expect_err("it is wrong").code,
                code,
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn a_table_with_the_tag_needs_no_second_ingestion() {
        let options = options(&[("ingestIfNotExists", "[\"x\"]")]).expect("it is well formed");
        let mut table = Table::new("T", &[]);
        assert!(!options.is_present_in(&table));
        table.extents.push(Arc::new(Extent {
            id: uuid::Uuid::new_v4(),
            tags: vec!["ingest-by:x".to_owned()],
            min_created_on: 0,
            max_created_on: 0,
            segments: Vec::new(),
            rows: 0,
            original_size: 0,
        }));
        assert!(options.is_present_in(&table));
    }
}
