//! Calls in scalar expressions: which function a name means.

use kusto_emulator_values::ScalarType;

use crate::aggregates;
use crate::ast::{Argument, Expr};
use crate::error::{KqlError, Result};
use crate::functions;

use super::scalar::Scalar;
use super::{Binder, Binding, Env, window};

impl Binder {
    pub(super) fn call(&self, name: &str, arguments: &[Argument], env: &Env<'_>) -> Result<Scalar> {
        match env.scope.find(name) {
            Some(Binding::Function { function, scope }) => {
                let function = std::sync::Arc::clone(function);
                return self.scalar_function(name, &function, &scope.clone(), arguments, env);
            }
            Some(Binding::Scalar(_) | Binding::Query { .. } | Binding::Rows(_)) | None => {}
        }
        if name == "toscalar" {
            let [argument] = arguments else {
                return Err(functions::wrong_count(name, 1, 1));
            };
            let relation = self.tabular(&argument.value, env.scope)?;
            return self.single_value(relation);
        }
        if name == "materialize" || name == "table" {
            return Err(KqlError::semantic(
                "SEM0100",
                format!("{name}() is tabular; a scalar is expected here"),
            ));
        }
        if arguments
            .iter()
            .any(|argument| matches!(argument.value, Expr::Star))
        {
            return Err(KqlError::semantic(
                "SEM0219",
                format!("{name}(): '*' is not a valid argument here"),
            ));
        }
        if let Some(value) = self.context_function(name, arguments, env)? {
            return Ok(value);
        }
        if window::is_window_function(name) {
            return self.window_function(name, arguments, env);
        }
        if functions::is_known(name) {
            let values = self.scalars(arguments, env)?;
            return functions::bind(name, values);
        }
        if let Some(stored) = self.stored_function(None, name)? {
            return self.scalar_function(name, &stored, &super::Scope::default(), arguments, env);
        }
        if aggregates::is_aggregate(name) {
            return Err(KqlError::semantic(
                "SEM0106",
                format!("The aggregate function '{name}' cannot be used outside of summarize"),
            ));
        }
        Err(KqlError::semantic(
            "SEM0260",
            format!("Unknown function: '{name}'."),
        ))
    }

    /// A constant string argument, such as a cursor.
    pub(super) fn constant_text(
        &self,
        name: &str,
        arguments: &[Argument],
        env: &Env<'_>,
    ) -> Result<String> {
        let [argument] = arguments else {
            return Err(functions::wrong_count(name, 1, 1));
        };
        let value = self.scalar(&argument.value, env)?;
        value.expect_type(ScalarType::String, &format!("The argument of {name}()"))?;
        Ok(self
            .evaluated(&value, &format!("The argument of {name}()"))?
            .to_text())
    }
}
