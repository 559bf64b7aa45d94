//! Whatever is sent, reading ends with rows or an error.

use kusto_emulator_values::{Column, ScalarType, Value};
use proptest::prelude::*;

use crate::{IngestFormat, IngestOptions, JsonPath, Mapping, Validation, read};

fn formats() -> impl Strategy<Value = IngestFormat> {
    prop_oneof![
        Just(IngestFormat::Csv),
        Just(IngestFormat::Tsv),
        Just(IngestFormat::Json),
        Just(IngestFormat::MultiJson),
    ]
}

proptest! {
    #[test]
    fn any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 1..200),
        format in formats(),
        most in 0_usize..9,
    ) {
        let schema: Vec<_> = ScalarType::ALL.map(|ty| Column::new(ty.name(), ty)).to_vec();
        let mut options = IngestOptions::new(format);
        options.validation = Validation::None;
        options.max_value_sizes = vec![most; schema.len()];
        match read(bytes, "f", &schema, &options) {
            Ok(ingested) => prop_assert!(ingested.records > 0),
            Err(error) => prop_assert!(error.is_permanent()),
        }
    }

    #[test]
    fn any_field(text in "[-+.:0-9a-fA-FeETZ{}()\\[\\]\"é ]{0,40}") {
        for ty in ScalarType::ALL {
            let value = Value::from_text(&text, ty);
            prop_assert_eq!(value.ty(), ty);
            // What was read once is read again as the same.
            let again = Value::from_text(&value.to_text(), ty);
            prop_assert!(super::same(&again, &value), "{:?} then {:?}", value, again);
        }
    }

    #[test]
    fn any_mapping(path in "[$.\\['\"\\]\\\\0-9aé*]{0,16}", text in any::<String>()) {
        let _ = JsonPath::parse(&path);
        let element = serde_json::json!([{"Column": text, "Properties": {"Field": text}}]);
        let mapping = Mapping::parse(&element.to_string());
        prop_assert!(mapping.is_ok_and(|mapping| mapping.0[0].column == text));
    }
}
