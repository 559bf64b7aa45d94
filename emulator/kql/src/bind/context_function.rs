//! Functions that depend on the request, the table's hidden columns or the cursor.

use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};
use kusto_emulator_values::{ScalarType, Value};

use crate::ast::{Argument, BinaryOperator};
use crate::error::{KqlError, Result};
use crate::functions;
use crate::relation::column;

use super::scalar::{Scalar, literal};
use super::{Binder, Env};

/// Places of the hidden columns in [`crate::relation::HiddenIds`].
const INGESTION_TIME: usize = 0;
const EXTENT_ID: usize = 1;
const EXTENT_TAGS: usize = 2;
const CURSOR: usize = 3;

/// Id of the extent of a computed row (`extent-id-function.md`).
const NO_EXTENT: &str = "00000000-0000-0000-0000-000000000000";

impl Binder {
    /// The value of a function of this kind; none for any other name.
    pub(super) fn context_function(
        &self,
        name: &str,
        arguments: &[Argument],
        env: &Env<'_>,
    ) -> Result<Option<Scalar>> {
        let value = match name {
            "ingestion_time" => self.hidden(env, INGESTION_TIME, Value::Null(ScalarType::DateTime)),
            "extent_id" | "extentid" => {
                self.hidden(env, EXTENT_ID, Value::Guid(NO_EXTENT.to_owned()))
            }
            "extent_tags" => self.hidden(env, EXTENT_TAGS, Value::Null(ScalarType::Dynamic)),
            "cursor_after" | "cursor_before_or_at" => {
                return self.cursor_predicate(name, arguments, env).map(Some);
            }
            "cursor_current" | "current_cursor" => {
                self.note_cursor();
                literal(Value::String(self.catalog.cursor_current().to_string()))
            }
            "now" | "ago" => return self.time(name, arguments, env).map(Some),
            "current_database" => literal(Value::String(self.context.database.clone())),
            "current_cluster_endpoint" => literal(Value::String(self.context.cluster_name.clone())),
            _ => return Ok(None),
        };
        if !arguments.is_empty() {
            return Err(functions::wrong_count(name, 0, 0));
        }
        Ok(Some(value))
    }

    fn hidden(&self, env: &Env<'_>, which: usize, missing: Value) -> Scalar {
        match env.input.and_then(|input| input.hidden.as_ref()) {
            Some(ids) => Scalar::new(column(&ids[which]), missing.ty(), false),
            None => literal(missing),
        }
    }

    /// Rows without a cursor value match neither predicate: they fall into a later window.
    fn cursor_predicate(
        &self,
        name: &str,
        arguments: &[Argument],
        env: &Env<'_>,
    ) -> Result<Scalar> {
        self.note_cursor();
        let text = self.constant_text(name, arguments, env)?;
        let Some(ids) = env.input.and_then(|input| input.hidden.as_ref()) else {
            return Err(KqlError::semantic(
                "SEM0070",
                format!(
                    "{name}() can only be applied to rows of a table with the IngestionTime policy"
                ),
            ));
        };
        let cursor = column(&ids[CURSOR]);
        let expr = if text.is_empty() {
            cursor.is_not_null()
        } else {
            let value: i64 = text.parse().map_err(|_| {
                KqlError::semantic(
                    "SEM0071",
                    format!("{name}(): '{text}' is not a cursor of this database"),
                )
            })?;
            let operator = if name == "cursor_after" {
                Operator::Gt
            } else {
                Operator::LtEq
            };
            binary_expr(cursor, operator, lit(value))
        };
        Ok(Scalar::new(
            Expr::IsTrue(Box::new(expr)),
            ScalarType::Bool,
            false,
        ))
    }

    /// `now()`, `now(offset)`, `ago(span)`: one time for the whole request.
    fn time(&self, name: &str, arguments: &[Argument], env: &Env<'_>) -> Result<Scalar> {
        let now = literal(Value::DateTime(self.context.now));
        let offset = match arguments {
            [] if name == "now" => return Ok(now),
            [argument] => self.scalar(&argument.value, env)?,
            _ => return Err(functions::wrong_count(name, usize::from(name == "ago"), 1)),
        };
        offset.expect_type(ScalarType::TimeSpan, &format!("The argument of {name}()"))?;
        let operator = if name == "now" {
            BinaryOperator::Add
        } else {
            BinaryOperator::Subtract
        };
        functions::arithmetic(operator, now, offset)
    }
}
