//! Properties that several commands share.

use kusto_emulator_commands::Properties;
use kusto_emulator_values::datetime;

use crate::error::KustoError;
use crate::model::Extent;

/// Ticks of a datetime property.
///
/// # Errors
/// A value that is no datetime.
pub(crate) fn datetime_property(
    properties: &Properties,
    name: &str,
) -> Result<Option<i64>, KustoError> {
    properties
        .datetime_text(name)
        .map(|text| {
            datetime::parse(text).ok_or_else(|| {
                KustoError::bad_request(
                    "BadRequest_InvalidProperty",
                    format!("The property '{name}' must be a datetime."),
                )
            })
        })
        .transpose()
}

/// Texts of a property whose value is a JSON array of strings.
///
/// # Errors
/// A value of another form.
pub(crate) fn text_list(properties: &Properties, name: &str) -> Result<Vec<String>, KustoError> {
    match properties.text(name) {
        None => Ok(Vec::new()),
        Some(text) => serde_json::from_str(text).map_err(|_| {
            KustoError::bad_request(
                "BadRequest_InvalidProperty",
                format!("The property '{name}' must be a JSON array of strings."),
            )
        }),
    }
}

/// `extentCreatedOnFrom` and `extentCreatedOnTo`: what lies outside is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CreatedOnRange {
    from: i64,
    to: i64,
}

impl CreatedOnRange {
    /// The range of a command; without the properties everything lies inside.
    ///
    /// # Errors
    /// A value that is no datetime.
    pub(crate) fn of(properties: &Properties) -> Result<Self, KustoError> {
        let from = datetime_property(properties, "extentCreatedOnFrom")?;
        let to = datetime_property(properties, "extentCreatedOnTo")?;
        Ok(Self {
            from: from.unwrap_or(i64::MIN),
            to: to.unwrap_or(i64::MAX),
        })
    }

    /// Whether an extent's creation time (the newest) lies inside.
    pub(crate) fn contains(self, extent: &Extent) -> bool {
        (self.from..=self.to).contains(&extent.max_created_on)
    }
}
