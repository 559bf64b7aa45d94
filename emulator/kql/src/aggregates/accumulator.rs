//! Aggregate functions for DataFusion: a name, a type and what makes an accumulator.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility,
};

type Make = Arc<dyn Fn() -> Box<dyn Accumulator> + Send + Sync>;

/// A function whose partial state has the type of its result. Two of one name and type are the
/// same: whatever its accumulator captures must be part of the name.
struct Function {
    name: String,
    returns: DataType,
    signature: Signature,
    make: Make,
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.returns == other.returns
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl AggregateUDFImpl for Function {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok((self.make)())
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// A call of an aggregate function of ours.
pub(super) fn call(
    name: impl Into<String>,
    returns: DataType,
    args: Vec<Expr>,
    make: impl Fn() -> Box<dyn Accumulator> + Send + Sync + 'static,
) -> Expr {
    let function = Function {
        name: name.into(),
        returns,
        signature: Signature::variadic_any(Volatility::Immutable),
        make: Arc::new(make),
    };
    let function = Arc::new(AggregateUDF::new_from_impl(function));
    Expr::AggregateFunction(AggregateFunction::new_udf(
        function,
        args,
        false,
        None,
        Vec::new(),
        None,
    ))
}
