//! Typed scalar expressions.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, cast};
use kusto_emulator_values::{ScalarType, Value};

use crate::error::{KqlError, Result};

/// An expression of a plan with its Kusto type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) expr: Expr,
    pub(crate) ty: ScalarType,
    /// Whether it is the same for all rows.
    pub(crate) constant: bool,
}

/// A literal.
pub(crate) fn literal(value: Value) -> Scalar {
    let ty = value.ty();
    let scalar = match value {
        Value::Null(ScalarType::String) => ScalarValue::Utf8(Some(String::new())),
        Value::Null(ty) => null_of(ty),
        Value::Bool(value) => ScalarValue::Boolean(Some(value)),
        Value::Int(value) => ScalarValue::Int32(Some(value)),
        Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => {
            ScalarValue::Int64(Some(value))
        }
        Value::Real(value) => ScalarValue::Float64(Some(value)),
        Value::Decimal(value) => ScalarValue::Utf8(Some(value.to_string())),
        Value::Guid(text) | Value::String(text) | Value::Dynamic(text) => {
            ScalarValue::Utf8(Some(text))
        }
    };
    Scalar {
        expr: Expr::Literal(scalar, None),
        ty,
        constant: true,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours")]
fn null_of(ty: ScalarType) -> ScalarValue {
    match ty.arrow() {
        DataType::Boolean => ScalarValue::Boolean(None),
        DataType::Int32 => ScalarValue::Int32(None),
        DataType::Int64 => ScalarValue::Int64(None),
        DataType::Float64 => ScalarValue::Float64(None),
        _ => ScalarValue::Utf8(None),
    }
}

impl Scalar {
    pub(crate) fn new(expr: Expr, ty: ScalarType, constant: bool) -> Self {
        Self { expr, ty, constant }
    }

    /// Whether the expression is a literal that is not null.
    pub(crate) fn is_value(&self) -> bool {
        matches!(&self.expr, Expr::Literal(value, _) if !value.is_null())
    }

    /// The text of a string literal.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours")]
    pub(crate) fn literal_text(&self) -> Option<&str> {
        match &self.expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) if self.ty == ScalarType::String => {
                Some(text)
            }
            _ => None,
        }
    }

    /// The number of a long literal.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours")]
    pub(crate) fn literal_long(&self) -> Option<i64> {
        match &self.expr {
            Expr::Literal(ScalarValue::Int64(value), _) if self.ty == ScalarType::Long => *value,
            _ => None,
        }
    }

    /// Int to long, long to real, and so on; other pairs only by an explicit conversion.
    pub(crate) fn widened(self, ty: ScalarType) -> Result<Self> {
        use ScalarType::{Decimal, Int, Long, Real};
        match (self.ty, ty) {
            (from, to) if from == to => Ok(self),
            (Int, Long | Real) | (Long, Real) => Ok(Self {
                expr: cast(self.expr, ty.arrow()),
                ty,
                constant: self.constant,
            }),
            (Int | Long | Real, Decimal) => crate::functions::convert(self, Decimal),
            (from, to) => Err(KqlError::semantic(
                "SEM0031",
                format!(
                    "A value of type {from} cannot be used where {to} is expected; add an explicit cast"
                ),
            )),
        }
    }

    /// As an argument of a declared type: widened, a long literal that fits an int included.
    pub(crate) fn assigned_to(self, ty: ScalarType) -> Result<Self> {
        use ScalarType::{Int, Long, Real};
        match (self.ty, ty) {
            (Long | Real, Int) | (Real, Long) if self.constant => {
                crate::functions::convert(self, ty)
            }
            (_, ScalarType::Dynamic) => crate::functions::convert(self, ty),
            (ScalarType::Dynamic, _) => crate::functions::convert(self, ty),
            _ => self.widened(ty),
        }
    }

    pub(crate) fn expect_type(&self, ty: ScalarType, what: &str) -> Result<()> {
        if self.ty == ty {
            return Ok(());
        }
        Err(KqlError::semantic(
            "SEM0031",
            format!("{what} must be of type {ty}, not {}", self.ty),
        ))
    }
}

/// The type that both become: the wider of two numbers, or the one they share.
pub(crate) fn common_type(left: ScalarType, right: ScalarType) -> Option<ScalarType> {
    use ScalarType::{Decimal, Int, Long, Real};
    if left == right {
        return Some(left);
    }
    let rank = |ty| match ty {
        Int => Some(0),
        Long => Some(1),
        Real => Some(2),
        Decimal => Some(3),
        ScalarType::Bool
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => None,
    };
    let (a, b) = (rank(left)?, rank(right)?);
    Some(if a > b { left } else { right })
}

/// Whether values can be compared, sorted and grouped by.
pub(crate) fn is_number(ty: ScalarType) -> bool {
    matches!(
        ty,
        ScalarType::Int | ScalarType::Long | ScalarType::Real | ScalarType::Decimal
    )
}
