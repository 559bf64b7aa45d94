//! Commands about running operations.

use crate::Command;
use crate::error::{CommandError, unsupported};
use crate::properties::properties;
use crate::scanner::Scanner;

/// `.cancel operation X [with (reason='…')]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelOperation {
    /// The operation's guid, lower case.
    pub operation_id: String,
    /// The reason given.
    pub reason: Option<String>,
}

/// After `.cancel`.
pub(crate) fn parse_cancel(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if !scanner.eat_word("operation") {
        return Err(unsupported(&["cancel", scanner.peek_word()]));
    }
    let operation_id = scanner.guid()?;
    let properties = properties(scanner)?;
    Ok(Command::CancelOperation(CancelOperation {
        operation_id,
        reason: properties.text("reason").map(str::to_string),
    }))
}
