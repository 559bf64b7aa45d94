//! Scalar functions and operators: a file for each area.
//!
//! Each area's `bind` knows its names, checks the arguments' types and gives the expression; the
//! loops are kernels. A name that no area knows is unknown to the cluster.

mod arithmetic;
mod conversion;
mod datetime;
mod dynamic;
mod hash;
mod logic;
mod math;
mod search;
mod text;

use datafusion::logical_expr::{Expr, when as plan_when};
use kusto_emulator_values::ScalarType;

use crate::ast::BinaryOperator;
use crate::bind::Scalar;
use crate::error::{KqlError, Result};

pub(crate) use arithmetic::{arithmetic, negate};
pub(crate) use conversion::convert;
pub(crate) use dynamic::{element, member};
pub(crate) use logic::{is_empty, logical, not};
pub(crate) use math::{decimal_sort_key, is_nan};
pub(crate) use search::{has_terms, text_match};
pub(crate) use text::lower;

/// Binds a call if it knows the name.
type Area = fn(&str, &mut Arguments) -> Option<Result<Scalar>>;

/// Areas in the order in which they are asked.
const AREAS: [Area; 7] = [
    conversion::bind,
    logic::bind,
    text::bind,
    datetime::bind,
    math::bind,
    dynamic::bind,
    hash::bind,
];

/// Names of all areas.
const NAMES: [&[&str]; 7] = [
    conversion::NAMES,
    logic::NAMES,
    text::NAMES,
    datetime::NAMES,
    math::NAMES,
    dynamic::NAMES,
    hash::NAMES,
];

/// Whether a name is a scalar function.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.iter().any(|names| names.contains(&name))
}

/// A call of a scalar function.
pub(crate) fn bind(name: &str, values: Vec<Scalar>) -> Result<Scalar> {
    let mut arguments = Arguments {
        name: name.to_owned(),
        values,
    };
    AREAS
        .iter()
        .find_map(|area| area(name, &mut arguments))
        .unwrap_or_else(|| {
            Err(KqlError::semantic(
                "SEM0260",
                format!("Unknown function: '{name}'."),
            ))
        })
}

/// Kusto's error for a wrong number of arguments.
pub(crate) fn wrong_count(name: &str, least: usize, most: usize) -> KqlError {
    let wanted = if least == most {
        format!("{least}")
    } else {
        format!("{least} to {most}")
    };
    KqlError::semantic(
        "SEM0219",
        format!("{name}(): function expects {wanted} argument(s)"),
    )
}

/// The arguments of a call on their way to a kernel.
pub(crate) struct Arguments {
    name: String,
    values: Vec<Scalar>,
}

impl Arguments {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn count(&self, least: usize, most: usize) -> Result<()> {
        if (least..=most).contains(&self.values.len()) {
            return Ok(());
        }
        Err(wrong_count(&self.name, least, most))
    }

    /// Whether the result is the same for all rows.
    fn constant(&self) -> bool {
        self.values.iter().all(|value| value.constant)
    }

    fn ty(&self, at: usize) -> Result<ScalarType> {
        self.get(at).map(|value| value.ty)
    }

    fn get(&self, at: usize) -> Result<&Scalar> {
        self.values
            .get(at)
            .ok_or_else(|| wrong_count(&self.name, at + 1, at + 1))
    }

    /// The argument, of exactly this type or a narrower number; a dynamic is converted.
    fn typed(&self, at: usize, ty: ScalarType) -> Result<Expr> {
        let value = self.get(at)?.clone();
        if value.ty == ScalarType::Dynamic && ty != ScalarType::Dynamic {
            return Ok(convert(value, ty)?.expr);
        }
        let found = value.ty;
        value.widened(ty).map(|value| value.expr).map_err(|_| {
            KqlError::semantic(
                "SEM0031",
                format!(
                    "{}(): argument {} must be of type {ty}, not {found}",
                    self.name,
                    at + 1
                ),
            )
        })
    }

    fn all_typed(&self, types: &[ScalarType]) -> Result<Vec<Expr>> {
        self.count(types.len(), types.len())?;
        types
            .iter()
            .enumerate()
            .map(|(at, ty)| self.typed(at, *ty))
            .collect()
    }

    fn result(&self, expr: Expr, ty: ScalarType) -> Scalar {
        Scalar::new(expr, ty, self.constant())
    }

    fn wrong_type(&self, at: usize, ty: ScalarType) -> KqlError {
        KqlError::semantic(
            "SEM0031",
            format!(
                "{}(): argument {} cannot be of type {ty}",
                self.name,
                at + 1
            ),
        )
    }
}

/// `CASE WHEN condition THEN yes ELSE no END`; a null condition counts as false.
pub(crate) fn when(condition: Expr, yes: Expr, no: Expr) -> Expr {
    let build = plan_when(condition, yes).otherwise(no.clone());
    build.unwrap_or(no)
}

/// The value, or the other where it is null.
pub(crate) fn or_else(value: Expr, other: Expr) -> Expr {
    when(value.clone().is_not_null(), value, other)
}

/// In a filter null and false are the same, so a plain comparison does.
pub(crate) use crate::bind::filter_form;

/// Whether the operator is `+` or `-`, which dates take.
fn is_sum(operator: BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::Add | BinaryOperator::Subtract)
}
