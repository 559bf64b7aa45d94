//! What can be wrong with a query, in Kusto's terms.

use thiserror::Error;

/// A query that is not answered. Each kind knows Kusto's error code.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum KqlError {
    /// The text is no KQL.
    #[error("Syntax error: SYN0002: {message} [line:position={line}:{position}]")]
    Syntax {
        /// What was expected or found.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Character in the line, from 1.
        position: usize,
    },
    /// The text is KQL but names or types do not fit.
    #[error("Semantic error: {code}: {message}")]
    Semantic {
        /// Kusto's code, such as `SEM0100`.
        code: &'static str,
        /// One sentence.
        message: String,
    },
    /// KQL that this cluster does not know. Kusto may.
    #[error("Semantic error: SEM0001: {what} is not supported by this embedded cluster")]
    Unsupported {
        /// The operator, function or form.
        what: String,
    },
    /// The result or the work exceeds a limit (`E_QUERY_RESULT_SET_TOO_LARGE` and its like).
    #[error("Query execution has exceeded the allowed limits ({code}): {message}")]
    Limits {
        /// Kusto's code, such as `80DA0003`.
        code: &'static str,
        /// One sentence.
        message: String,
    },
    /// The query was understood and failed while running.
    #[error("Query execution failed: {message}")]
    Execution {
        /// One sentence.
        message: String,
    },
    /// The caller went away before the end.
    #[error("Query execution was canceled")]
    Canceled,
}

impl KqlError {
    /// Kusto's code: `SYN0002`, `SEM…`, a limit's code, or `E_QUERY_EXECUTION`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Syntax { .. } => "SYN0002",
            Self::Semantic { code, .. } | Self::Limits { code, .. } => code,
            Self::Unsupported { .. } => "SEM0001",
            Self::Execution { .. } => "E_QUERY_EXECUTION",
            Self::Canceled => "E_QUERY_CANCELED",
        }
    }

    /// Whether the same query would fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Syntax { .. } | Self::Semantic { .. } | Self::Unsupported { .. } => true,
            Self::Limits { .. } | Self::Execution { .. } | Self::Canceled => false,
        }
    }

    pub(crate) fn semantic(code: &'static str, message: impl Into<String>) -> Self {
        Self::Semantic {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::Execution {
            message: message.into(),
        }
    }

    /// A name that is neither a column nor a scalar.
    pub(crate) fn unresolved(name: &str) -> Self {
        Self::semantic(
            "SEM0100",
            format!("Failed to resolve column or scalar expression named '{name}'"),
        )
    }
}

impl From<datafusion::error::DataFusionError> for KqlError {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        use datafusion::error::DataFusionError;
        let root = error.find_root();
        if matches!(root, DataFusionError::ResourcesExhausted(_)) {
            return Self::Limits {
                code: "80DA0007",
                message: format!("Query consumed too much memory: {root}"),
            };
        }
        Self::execution(root.to_string())
    }
}

impl From<arrow::error::ArrowError> for KqlError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::execution(error.to_string())
    }
}

impl From<kusto_emulator_values::ValuesError> for KqlError {
    fn from(error: kusto_emulator_values::ValuesError) -> Self {
        Self::execution(error.to_string())
    }
}

/// Result of a step of a query.
pub(crate) type Result<T> = std::result::Result<T, KqlError>;
