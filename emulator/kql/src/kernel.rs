//! Scalar functions for DataFusion: a name, an Arrow result type and a loop over columns.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    StringBuilder,
};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use kusto_emulator_values::ScalarType;

/// The loop of a function.
type Loop = Arc<dyn Fn(&Columns) -> Result<ArrayRef> + Send + Sync>;

/// A function. Two kernels of one name and type are the same function, so that equal expressions
/// are computed once: whatever the loop captures must be part of the name.
struct Kernel {
    name: String,
    returns: DataType,
    signature: Signature,
    run: Loop,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.returns == other.returns
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Kernel {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let volatile = self.signature.volatility == Volatility::Volatile;
        let constant = !volatile
            && args
                .args
                .iter()
                .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = Columns::new(&args.args, rows)?;
        let array = (self.run)(&columns)?;
        if constant {
            return ScalarValue::try_from_array(&array, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// A call of a function that depends on its arguments alone.
pub(crate) fn call(
    name: impl Into<String>,
    returns: ScalarType,
    args: Vec<Expr>,
    run: impl Fn(&Columns) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Expr {
    call_arrow(name, returns.arrow(), Volatility::Immutable, args, run)
}

/// A call of a function of any Arrow type and volatility.
pub(crate) fn call_arrow(
    name: impl Into<String>,
    returns: DataType,
    volatility: Volatility,
    args: Vec<Expr>,
    run: impl Fn(&Columns) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Expr {
    let kernel = Kernel {
        name: name.into(),
        returns,
        signature: Signature::variadic_any(volatility),
        run: Arc::new(run),
    };
    let signature_of_none = args.is_empty();
    let kernel = if signature_of_none {
        Kernel {
            signature: Signature::nullary(volatility),
            ..kernel
        }
    } else {
        kernel
    };
    let function = Arc::new(ScalarUDF::new_from_impl(kernel));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args))
}

/// The arguments of a call: arrays, a constant being an array of one row.
pub(crate) struct Columns {
    arrays: Vec<(ArrayRef, bool)>,
    rows: usize,
}

impl Columns {
    fn new(args: &[ColumnarValue], rows: usize) -> Result<Self> {
        let arrays = args
            .iter()
            .map(|value| match value {
                ColumnarValue::Array(array) => Ok((Arc::clone(array), false)),
                ColumnarValue::Scalar(scalar) => Ok((scalar.to_array()?, true)),
            })
            .collect::<Result<_>>()?;
        Ok(Self { arrays, rows })
    }

    /// Rows of the result.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of arguments.
    pub(crate) fn len(&self) -> usize {
        self.arrays.len()
    }

    /// The array of an argument and whether it is one value for all rows.
    pub(crate) fn array(&self, argument: usize) -> Result<(&ArrayRef, bool)> {
        match self.arrays.get(argument) {
            Some((array, constant)) => Ok((array, *constant)),
            None => datafusion::common::exec_err!("argument {argument} is missing"),
        }
    }

    fn typed<A: Any>(&self, argument: usize) -> Result<Column<'_, A>> {
        let (array, constant) = self.array(argument)?;
        match array.as_any().downcast_ref::<A>() {
            Some(array) => Ok(Column { array, constant }),
            None => datafusion::common::exec_err!(
                "argument {argument} has the Arrow type {}",
                array.data_type()
            ),
        }
    }

    /// A column of texts: string, guid, decimal or dynamic.
    pub(crate) fn text(&self, argument: usize) -> Result<Column<'_, StringArray>> {
        self.typed(argument)
    }

    /// A column of longs, datetimes or timespans.
    pub(crate) fn long(&self, argument: usize) -> Result<Column<'_, Int64Array>> {
        self.typed(argument)
    }

    /// A column of ints.
    pub(crate) fn int(&self, argument: usize) -> Result<Column<'_, Int32Array>> {
        self.typed(argument)
    }

    /// A column of reals.
    pub(crate) fn real(&self, argument: usize) -> Result<Column<'_, Float64Array>> {
        self.typed(argument)
    }

    /// A column of bools.
    pub(crate) fn bool(&self, argument: usize) -> Result<Column<'_, BooleanArray>> {
        self.typed(argument)
    }

    /// A result of longs, datetimes or timespans.
    pub(crate) fn longs(&self, value: impl FnMut(usize) -> Option<i64>) -> Result<ArrayRef> {
        let array: Int64Array = (0..self.rows).map(value).collect();
        Ok(Arc::new(array))
    }

    /// A result of ints.
    pub(crate) fn ints(&self, value: impl FnMut(usize) -> Option<i32>) -> Result<ArrayRef> {
        let array: Int32Array = (0..self.rows).map(value).collect();
        Ok(Arc::new(array))
    }

    /// A result of reals.
    pub(crate) fn reals(&self, value: impl FnMut(usize) -> Option<f64>) -> Result<ArrayRef> {
        let array: Float64Array = (0..self.rows).map(value).collect();
        Ok(Arc::new(array))
    }

    /// A result of bools.
    pub(crate) fn bools(&self, value: impl FnMut(usize) -> Option<bool>) -> Result<ArrayRef> {
        let array: BooleanArray = (0..self.rows).map(value).collect();
        Ok(Arc::new(array))
    }

    /// A result of strings: `write` fills an empty buffer; without a value it leaves it empty.
    pub(crate) fn strings(&self, mut write: impl FnMut(usize, &mut String)) -> Result<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 16);
        let mut buffer = String::new();
        for row in 0..self.rows {
            buffer.clear();
            write(row, &mut buffer);
            builder.append_value(&buffer);
        }
        Ok(Arc::new(builder.finish()))
    }

    /// A result of guids, decimals or dynamics, which may be null.
    pub(crate) fn texts<S: AsRef<str>>(
        &self,
        value: impl FnMut(usize) -> Option<S>,
    ) -> Result<ArrayRef> {
        let array: StringArray = (0..self.rows).map(value).collect();
        Ok(Arc::new(array))
    }
}

/// A typed argument.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a, A> {
    array: &'a A,
    constant: bool,
}

impl<A> Column<'_, A> {
    fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }
}

impl<'a> Column<'a, StringArray> {
    /// The text of a row; null reads as none.
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        let row = self.at(row);
        self.array.is_valid(row).then(|| self.array.value(row))
    }

    /// The text of a row; null reads as the empty text, as strings have no null.
    pub(crate) fn or_empty(&self, row: usize) -> &'a str {
        self.get(row).unwrap_or_default()
    }
}

impl Column<'_, Int64Array> {
    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        let row = self.at(row);
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

impl Column<'_, Int32Array> {
    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> Option<i32> {
        let row = self.at(row);
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

impl Column<'_, Float64Array> {
    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> Option<f64> {
        let row = self.at(row);
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

impl Column<'_, BooleanArray> {
    /// The value of a row.
    pub(crate) fn get(&self, row: usize) -> Option<bool> {
        let row = self.at(row);
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

/// Reads any row of any argument as a single value, where a loop by type would not pay.
pub(crate) fn value_at(
    columns: &Columns,
    argument: usize,
    row: usize,
    ty: ScalarType,
) -> Result<kusto_emulator_values::Value> {
    let (array, constant) = columns.array(argument)?;
    let row = if constant { 0 } else { row };
    kusto_emulator_values::Value::from_array(array.as_ref(), row, ty)
        .map_err(|error| datafusion::common::DataFusionError::External(Box::new(error)))
}

/// Longs of an int or a long array, for window functions.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours")]
pub(crate) fn longs_of(array: &dyn Array) -> Vec<Option<i64>> {
    match array.data_type() {
        DataType::Int32 => array
            .as_primitive::<Int32Type>()
            .iter()
            .map(|v| v.map(i64::from))
            .collect(),
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().collect(),
        _ => vec![None; array.len()],
    }
}

/// Reals of a real array, for window functions.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours")]
pub(crate) fn reals_of(array: &dyn Array) -> Vec<Option<f64>> {
    match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().collect(),
        _ => vec![None; array.len()],
    }
}
