//! The ten scalar types of the embedded cluster: their Arrow forms and their texts.
//!
//! Everything in the cluster that holds data speaks this vocabulary: a [`Column`] has a
//! [`ScalarType`], a [`Table`] is a schema with Arrow batches in the *Arrow forms* below, and a
//! [`Value`] is one cell. The Kusto type always stands beside the Arrow array, because several
//! types share one Arrow form.
//!
//! | type | Arrow form |
//! |---|---|
//! | bool | `Boolean` |
//! | int | `Int32` |
//! | long | `Int64` |
//! | real | `Float64` |
//! | decimal | `Utf8`, canonical text: equal values have equal text ([`decimal`]) |
//! | datetime | `Int64`, .NET ticks of 100 ns since 0001-01-01 ([`datetime`]) |
//! | timespan | `Int64`, ticks of 100 ns ([`timespan`]) |
//! | guid | `Utf8`, lower-case and hyphenated ([`guid`]) |
//! | string | `Utf8`, never null: the absent string is the empty string |
//! | dynamic | `Utf8`, compact JSON text; JSON `null` at the top is the null value ([`dynamic`]) |

mod builder;
mod error;
mod json;
mod scalar_type;
mod table;
mod typed;
mod value;

pub mod datetime;
pub mod decimal;
pub mod dynamic;
pub mod guid;
pub mod real;
pub mod timespan;

pub use builder::{ColumnBuilder, TableBuilder};
pub use decimal::Decimal;
pub use error::ValuesError;
pub use json::{RowWriter, to_json, write_json_string, write_rows};
pub use scalar_type::ScalarType;
pub use table::{Column, Schema, Table, arrow_schema};
pub use typed::TypedColumn;
pub use value::Value;
