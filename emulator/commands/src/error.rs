//! What can be wrong with the text of a command.

/// Why a text is not a command that this cluster runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The text is outside the grammar.
    #[error(
        "Syntax error: A recognition error occurred. [line:position={line}:{position}]. \
         Expected {expected}."
    )]
    Syntax {
        /// Line of the offending text, from 1.
        line: usize,
        /// Characters before the offending text in its line, from 0.
        position: usize,
        /// What would have been right there.
        expected: String,
    },
    /// Kusto may know it, this cluster does not.
    #[error("Syntax error: {what} is not supported by this cluster.")]
    Unsupported {
        /// The command or the part of it.
        what: String,
    },
    /// An entity would get a name that Kusto refuses.
    #[error("Invalid {kind} name '{name}': {reason}.")]
    InvalidName {
        /// What was to be named, for example `table`.
        kind: &'static str,
        /// The name as given, cut after 100 characters.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A value is of the wrong form where the grammar was right.
    #[error("Invalid value for {what}: {reason}.")]
    InvalidValue {
        /// The part of the command that carries the value.
        what: String,
        /// What is wrong with it, without repeating a value that may be a secret.
        reason: String,
    },
}

impl CommandError {
    /// Kusto's code for errors of this kind, as it appears in `innererror.code`.
    pub fn code(&self) -> &'static str {
        match self {
            CommandError::Syntax { .. } | CommandError::Unsupported { .. } => "SYN0002",
            CommandError::InvalidName { .. } => "BadRequest_InvalidEntityName",
            CommandError::InvalidValue { .. } => "BadRequest_InvalidValue",
        }
    }
}

/// The error for a command that begins with these words.
pub(crate) fn unsupported(words: &[&str]) -> CommandError {
    let words: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !word.is_empty())
        .collect();
    CommandError::Unsupported {
        what: format!("The command '.{}'", words.join(" ")),
    }
}
