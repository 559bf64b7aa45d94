//! `.show version`, `.show cluster`, `.show capacity`.

use kusto_emulator_values::{ScalarType, Table, Value};

use crate::capacity::Resource;
use crate::clock::UNIX_EPOCH_TICKS;
use crate::commands::Execution;
use crate::commands::rows::rows_table;
use crate::error::KustoError;

/// `.show version`: this is an engine, not the ingestion endpoint.
pub(super) fn version() -> Result<Table, KustoError> {
    rows_table(
        &[
            ("BuildVersion", ScalarType::String),
            ("BuildTime", ScalarType::DateTime),
            ("ServiceType", ScalarType::String),
            ("ProductVersion", ScalarType::String),
            ("ServiceOffering", ScalarType::String),
        ],
        [vec![
            Value::string(env!("CARGO_PKG_VERSION")),
            Value::DateTime(UNIX_EPOCH_TICKS),
            Value::string("Engine"),
            Value::string(concat!("kusto-emulator ", env!("CARGO_PKG_VERSION"))),
            Value::string("{\"Type\":\"Embedded cluster\"}"),
        ]],
    )
}

/// `.show cluster`: one row for each node of the settings.
pub(super) fn cluster(context: &Execution) -> Result<Table, KustoError> {
    let settings = context.engine.settings();
    let rows = (0..settings.export.nodes.max(1)).map(|node| {
        vec![
            Value::string(format!("KEngine{node:09}")),
            Value::string("local"),
            Value::string(settings.cluster_name.as_str()),
            Value::DateTime(UNIX_EPOCH_TICKS),
            Value::Bool(node == 0),
            Value::Long(1 << 34),
            Value::Long(1 << 33),
            Value::Int(4),
            Value::string("{}"),
        ]
    });
    rows_table(
        &[
            ("NodeId", ScalarType::String),
            ("Address", ScalarType::String),
            ("Name", ScalarType::String),
            ("StartTime", ScalarType::DateTime),
            ("IsAdmin", ScalarType::Bool),
            ("MachineTotalMemory", ScalarType::Long),
            ("MachineAvailableMemory", ScalarType::Long),
            ("ProcessorCount", ScalarType::Int),
            ("EnvironmentDescription", ScalarType::String),
        ],
        rows,
    )
}

/// `.show capacity [resource]`; the resource is matched without case and dashes.
pub(super) fn capacity(context: &Execution, wanted: Option<&str>) -> Result<Table, KustoError> {
    let totals = context.engine.settings().capacity.clone();
    let plain = |name: &str| {
        name.replace('-', "")
            .to_lowercase()
            .trim_end_matches('s')
            .to_owned()
    };
    let rows: Vec<Vec<Value>> = Resource::ALL
        .into_iter()
        .filter(|resource| wanted.is_none_or(|wanted| plain(wanted) == plain(resource.name())))
        .map(|resource| {
            let total = i64::from(resource.total(&totals));
            let used = i64::from(context.engine.capacity.used(resource).now);
            vec![
                Value::string(resource.name()),
                Value::Long(total),
                Value::Long(used),
                Value::Long((total - used).max(0)),
                Value::string(format!("CapacityPolicy/{}", resource.origin())),
            ]
        })
        .collect();
    rows_table(
        &[
            ("Resource", ScalarType::String),
            ("Total", ScalarType::Long),
            ("Consumed", ScalarType::Long),
            ("Remaining", ScalarType::Long),
            ("Origin", ScalarType::String),
        ],
        rows,
    )
}
