//! From the types of Parquet to those of Kusto.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit};
use kusto_emulator_values::{ColumnBuilder, Decimal, ScalarType, Value, datetime, guid, timespan};
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::schema::types::Type;

use super::super::rows::{push_limited, push_transformed};
use crate::IngestError;
use crate::mapping::Transform;

/// The rows of the documented table of conversions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// INT8 to INT64, UINT8 to UINT32
    Integer,
    /// UINT64
    Unsigned,
    /// FLOAT32, FLOAT64
    Float,
    Boolean,
    /// DECIMAL of INT32 or INT64, with its scale
    DecimalInteger(i8),
    /// DECIMAL of a fixed-length byte array, with its scale
    DecimalFixed(i8),
    /// DECIMAL of a byte array, with its scale
    DecimalBytes(i8),
    Timestamp(TimeUnit),
    Date,
    /// STRING
    Text,
    /// JSON
    Json,
    Uuid,
}

/// The kind of a field; none for those that are not read here (lists, maps, structs, times, bare
/// bytes).
pub(super) fn kind(arrow: &DataType, parquet: &Type) -> Option<Kind> {
    if let DataType::Decimal128(_, scale) = arrow {
        return Some(match parquet.get_physical_type() {
            PhysicalType::INT32 | PhysicalType::INT64 => Kind::DecimalInteger(*scale),
            PhysicalType::BYTE_ARRAY => Kind::DecimalBytes(*scale),
            PhysicalType::BOOLEAN
            | PhysicalType::INT96
            | PhysicalType::FLOAT
            | PhysicalType::DOUBLE
            | PhysicalType::FIXED_LEN_BYTE_ARRAY => Kind::DecimalFixed(*scale),
        });
    }
    let logical = parquet.get_basic_info().logical_type_ref();
    if let DataType::FixedSizeBinary(16) = arrow {
        return matches!(logical, Some(LogicalType::Uuid)).then_some(Kind::Uuid);
    }
    if let DataType::Utf8 = arrow {
        let json = matches!(logical, Some(LogicalType::Json))
            || parquet.get_basic_info().converted_type() == parquet::basic::ConvertedType::JSON;
        return Some(if json { Kind::Json } else { Kind::Text });
    }
    let integers = [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
    ];
    if integers.contains(arrow) {
        Some(Kind::Integer)
    } else if *arrow == DataType::UInt64 {
        Some(Kind::Unsigned)
    } else if matches!(arrow, DataType::Float32 | DataType::Float64) {
        Some(Kind::Float)
    } else if *arrow == DataType::Boolean {
        Some(Kind::Boolean)
    } else if let DataType::Timestamp(unit, _) = arrow {
        Some(Kind::Timestamp(*unit))
    } else if *arrow == DataType::Date32 {
        Some(Kind::Date)
    } else {
        None
    }
}

/// Whether the documented table allows the conversion.
fn is_allowed(kind: Kind, ty: ScalarType) -> bool {
    use ScalarType::{Bool, DateTime, Decimal, Dynamic, Guid, Int, Long, Real, String};
    let allowed: &[ScalarType] = match kind {
        Kind::Integer | Kind::Float | Kind::DecimalInteger(_) => {
            &[Bool, Int, Long, Real, Decimal, String]
        }
        Kind::Unsigned => &[Bool, Int, Long, Decimal, String],
        Kind::Boolean => &[Bool, Decimal, String],
        Kind::DecimalFixed(_) => &[Long, Real, Decimal, String],
        Kind::DecimalBytes(_) => &[Bool, Long, Real, Decimal, String, Dynamic],
        Kind::Timestamp(_) | Kind::Date => &[DateTime, String],
        Kind::Text => &[Int, Long, Real, Decimal, String, Dynamic],
        Kind::Json => &[String, Dynamic],
        Kind::Uuid => &[String, Guid],
    };
    allowed.contains(&ty)
}

/// Converts an array of the file into the Arrow form of a column. What cannot be converted, and
/// values that do not fit, become null.
pub(super) fn convert(
    array: &ArrayRef,
    kind: Kind,
    ty: ScalarType,
    most: usize,
    transform: Option<Transform>,
) -> Result<ArrayRef, IngestError> {
    if transform.is_none() && is_direct(array, kind, ty, most) {
        return Ok(ArrayRef::clone(array));
    }
    let mut builder = ColumnBuilder::new(ty);
    if transform.is_none() && !is_allowed(kind, ty) {
        for _ in 0..array.len() {
            builder.push_null();
        }
        return Ok(builder.finish());
    }
    let cells = Cells::new(array, kind)?;
    for row in 0..array.len() {
        let value = if array.is_null(row) {
            None
        } else {
            cells.value(row)
        };
        match (value, transform) {
            (None, _) => builder.push_null(),
            (Some(value), Some(transform)) => {
                push_transformed(&mut builder, &value.to_text(), transform);
            }
            (Some(value), None) => push(&mut builder, &value, most),
        }
    }
    Ok(builder.finish())
}

/// Whether the array is already what the column holds.
fn is_direct(array: &ArrayRef, kind: Kind, ty: ScalarType, most: usize) -> bool {
    let fits = match ty {
        ScalarType::Bool => kind == Kind::Boolean,
        ScalarType::Int | ScalarType::Long => kind == Kind::Integer,
        ScalarType::Real => kind == Kind::Float,
        ScalarType::String => {
            let texts = array.as_string_opt::<i32>();
            array.null_count() == 0
                && texts.is_some_and(|texts| texts.iter().flatten().all(|text| text.len() <= most))
        }
        ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::Dynamic => false,
    };
    fits && *array.data_type() == ty.arrow()
}

/// The values of an array, each in the Kusto type that is nearest to the file's.
enum Cells {
    Long(ArrayRef),
    Real(ArrayRef),
    Bool(ArrayRef),
    Decimal(ArrayRef, i8),
    /// Ticks of a unit since 1970, and the array of them.
    Instant(ArrayRef, TimeUnit),
    Days(ArrayRef),
    Text(ArrayRef),
    Uuid(ArrayRef),
}

impl Cells {
    fn new(array: &ArrayRef, kind: Kind) -> Result<Self, IngestError> {
        let same = ArrayRef::clone(array);
        Ok(match kind {
            Kind::Integer => Self::Long(cast(array, &DataType::Int64)?),
            // Beyond 64 signed bits the text is all that is left.
            Kind::Unsigned => Self::Text(cast(array, &DataType::Utf8)?),
            Kind::Float => Self::Real(cast(array, &DataType::Float64)?),
            Kind::Boolean => Self::Bool(same),
            Kind::DecimalInteger(scale) | Kind::DecimalFixed(scale) | Kind::DecimalBytes(scale) => {
                Self::Decimal(same, scale)
            }
            Kind::Timestamp(unit) => Self::Instant(cast(array, &DataType::Int64)?, unit),
            Kind::Date => Self::Days(cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?),
            Kind::Text | Kind::Json => Self::Text(same),
            Kind::Uuid => Self::Uuid(same),
        })
    }

    /// The value of a row that is not null; none if Kusto has no such value.
    fn value(&self, row: usize) -> Option<Value> {
        let long = |array: &ArrayRef| {
            let array = array.as_primitive_opt::<Int64Type>()?;
            array.is_valid(row).then(|| array.value(row))
        };
        match self {
            Self::Long(array) => long(array).map(Value::Long),
            Self::Real(array) => {
                let array = array.as_primitive_opt::<Float64Type>()?;
                Some(Value::Real(array.value(row)))
            }
            Self::Bool(array) => Some(Value::Bool(array.as_boolean_opt()?.value(row))),
            Self::Decimal(array, scale) => {
                let digits = array.as_primitive_opt::<Decimal128Type>()?.value(row);
                Decimal::from_unscaled(digits, i64::from(*scale)).map(Value::Decimal)
            }
            Self::Instant(array, unit) => instant(long(array)?, *unit),
            Self::Days(array) => {
                let ticks = long(array)?.checked_mul(timespan::TICKS_PER_DAY)?;
                since_epoch(ticks)
            }
            Self::Text(array) => Some(Value::string(array.as_string_opt::<i32>()?.value(row))),
            Self::Uuid(array) => {
                let bytes = array.as_fixed_size_binary_opt()?.value(row);
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                guid::parse(&hex).map(Value::Guid)
            }
        }
    }
}

fn instant(number: i64, unit: TimeUnit) -> Option<Value> {
    let ticks = match unit {
        TimeUnit::Second => number.checked_mul(10_000_000)?,
        TimeUnit::Millisecond => number.checked_mul(10_000)?,
        TimeUnit::Microsecond => number.checked_mul(10)?,
        TimeUnit::Nanosecond => number.div_euclid(100),
    };
    since_epoch(ticks)
}

fn since_epoch(ticks: i64) -> Option<Value> {
    let ticks = ticks.checked_add(datetime::UNIX_EPOCH)?;
    datetime::in_range(ticks).then_some(Value::DateTime(ticks))
}

/// Adds a value to a column that the table of conversions allows it in.
fn push(builder: &mut ColumnBuilder, value: &Value, most: usize) {
    let ty = builder.ty();
    if value.ty() == ty && ty != ScalarType::String {
        if builder.push_value(value).is_err() {
            builder.push_null();
        }
        return;
    }
    if ty == ScalarType::Bool {
        let zero = match value {
            Value::Long(number) => Some(*number == 0),
            Value::Real(number) => Some(*number == 0.0),
            Value::Decimal(number) => Some(number.is_zero()),
            Value::String(text) => text.parse::<u64>().ok().map(|number| number == 0),
            Value::Null(_)
            | Value::Bool(_)
            | Value::Int(_)
            | Value::DateTime(_)
            | Value::TimeSpan(_)
            | Value::Guid(_)
            | Value::Dynamic(_) => None,
        };
        let value = zero.map_or(Value::Null(ty), |zero| Value::Bool(!zero));
        if builder.push_value(&value).is_err() {
            builder.push_null();
        }
        return;
    }
    push_limited(builder, &text_for(value, ty), most);
}

/// The text of a value that a column of the type reads; whole reals and decimals without their
/// point, so that they fit int and long.
fn text_for(value: &Value, ty: ScalarType) -> String {
    let is_whole = matches!(ty, ScalarType::Int | ScalarType::Long);
    if let (Value::Bool(value), ScalarType::Decimal) = (value, ty) {
        i32::from(*value).to_string()
    } else if let (Value::Real(number), true) = (value, is_whole) {
        Decimal::from_f64(*number).map_or_else(String::new, |number| whole(&number))
    } else if let (Value::Decimal(number), true) = (value, is_whole) {
        whole(number)
    } else {
        value.to_text()
    }
}

/// The text of a whole number of 64 bits; empty, which reads as null, of others.
fn whole(number: &Decimal) -> String {
    let cut = number.to_i64().filter(|cut| Decimal::from(*cut) == *number);
    cut.map_or_else(String::new, |number| number.to_string())
}
