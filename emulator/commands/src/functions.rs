//! Commands that create, alter and drop stored functions.

use crate::Command;
use crate::error::CommandError;
use crate::names::{NameKind, validate_name};
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

/// A function as written: neither its parameters nor its body are read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionDefinition {
    /// The function.
    pub name: String,
    /// The parameters with their brackets, for example `(a:long)`.
    pub parameters: String,
    /// The body with its braces.
    pub body: String,
    /// `folder`, `docstring`, `skipvalidation`, `view`.
    pub properties: Properties,
}

/// What an existing or missing function means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMode {
    /// An existing function is an error.
    Create,
    /// An existing function stays as it is.
    CreateIfNotExists,
    /// An existing function is replaced.
    CreateOrAlter,
    /// A missing function is an error.
    Alter,
}

/// A change of stored functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionCommand {
    /// `.create`, `.create-or-alter`, `.alter function` with a body.
    Define {
        /// What an existing function means.
        mode: CreateMode,
        /// The function.
        definition: FunctionDefinition,
    },
    /// `.alter function F folder '…'`.
    SetFolder {
        /// The function.
        name: String,
        /// The folder.
        folder: String,
    },
    /// `.alter function F docstring '…'`.
    SetDocString {
        /// The function.
        name: String,
        /// The text.
        text: String,
    },
    /// `.drop function(s)`.
    Drop {
        /// The functions.
        names: Vec<String>,
        /// A missing function is no error.
        if_exists: bool,
        /// Written as `.drop functions`.
        plural: bool,
    },
}

impl FunctionCommand {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            FunctionCommand::Define { mode, .. } => match mode {
                CreateMode::Create | CreateMode::CreateIfNotExists => "CreateFunction",
                CreateMode::CreateOrAlter => "CreateOrAlterFunction",
                CreateMode::Alter => "AlterFunction",
            },
            FunctionCommand::SetFolder { .. } => "AlterFunctionFolder",
            FunctionCommand::SetDocString { .. } => "AlterFunctionDocString",
            FunctionCommand::Drop { plural: false, .. } => "DropFunction",
            FunctionCommand::Drop { plural: true, .. } => "DropFunctions",
        }
    }
}

/// After `.create function`.
pub(crate) fn create(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let mode = if scanner.eat_word("ifnotexists") {
        CreateMode::CreateIfNotExists
    } else {
        CreateMode::Create
    };
    define(scanner, mode)
}

/// After `.create-or-alter function`.
pub(crate) fn create_or_alter(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    define(scanner, CreateMode::CreateOrAlter)
}

/// After `.alter function`.
pub(crate) fn alter(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let before = scanner.rest();
    if !scanner.sees_word("with") {
        let name = scanner.name("a function name")?;
        if scanner.eat_word("folder") {
            let folder = scanner.string()?;
            return Ok(Command::Function(FunctionCommand::SetFolder {
                name,
                folder,
            }));
        }
        if scanner.eat_word("docstring") {
            let text = scanner.string()?;
            return Ok(Command::Function(FunctionCommand::SetDocString {
                name,
                text,
            }));
        }
        scanner.advance_to(before);
    }
    define(scanner, CreateMode::Alter)
}

fn define(scanner: &mut Scanner<'_>, mode: CreateMode) -> Result<Command, CommandError> {
    let properties = properties(scanner)?;
    let name = scanner.name("a function name")?;
    validate_name(NameKind::Function, &name)?;
    let parameters = scanner.balanced('(', ')')?.to_string();
    let body = scanner.balanced('{', '}')?.to_string();
    Ok(Command::Function(FunctionCommand::Define {
        mode,
        definition: FunctionDefinition {
            name,
            parameters,
            body,
            properties,
        },
    }))
}

/// After `.drop`, with `function` consumed or `functions` next.
pub(crate) fn drop(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let plural = scanner.eat_word("functions");
    let names = if plural {
        scanner.names("a function name")?
    } else {
        vec![scanner.name("a function name")?]
    };
    Ok(Command::Function(FunctionCommand::Drop {
        names,
        if_exists: scanner.eat_word("ifexists"),
        plural,
    }))
}
