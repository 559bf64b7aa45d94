//! What a text says, before names and types are known.

use std::sync::Arc;

use kusto_emulator_values::{Column, ScalarType, Value};

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    /// `let name = …`
    Let { name: String, value: LetValue },
    /// `set name = value`
    Set { name: String, value: Option<Value> },
    /// `declare query_parameters(…)`
    Parameters(Vec<Parameter>),
    /// A tabular expression.
    Query(Pipeline),
}

/// What `let` names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LetValue {
    /// A scalar or a tabular expression.
    Expr(Expr),
    /// `(a:long, T:(x:long)) { … }`
    Function(Arc<Function>),
}

/// A function with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Vec<Statement>,
}

/// A parameter of a function or a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) ty: ParameterType,
    pub(crate) default: Option<Expr>,
}

/// What a parameter takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ParameterType {
    Scalar(ScalarType),
    /// Columns that the argument must have; `(*)` is no columns.
    Tabular(Vec<Column>),
}

/// A tabular expression: a source and what it is piped through.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pipeline {
    pub(crate) source: Source,
    pub(crate) operators: Vec<Operator>,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// A name or call: a table, a let, a function, `table('T')`.
    Expr(Expr),
    Parenthesised(Box<Pipeline>),
    DataTable {
        columns: Vec<Column>,
        values: Vec<Expr>,
    },
    Range {
        name: String,
        from: Expr,
        to: Expr,
        step: Expr,
    },
    Print(Vec<Named>),
    Union(Union),
    ExternalData {
        columns: Vec<Column>,
        uris: Vec<Expr>,
        properties: Vec<(String, Expr)>,
    },
}

/// `union`, as a source or behind a pipe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Union {
    pub(crate) inner: bool,
    pub(crate) with_source: Option<String>,
    pub(crate) legs: Vec<Leg>,
}

/// A leg of a union.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Leg {
    /// `T*`
    Wildcard(String),
    Pipeline(Pipeline),
}

/// An expression with the names that its results get.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) names: Vec<String>,
    pub(crate) expr: Expr,
}

/// A column to sort by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) expr: Expr,
    pub(crate) ascending: bool,
    pub(crate) nulls_first: bool,
}

/// `a*` or `a`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NamePattern {
    Name(String),
    Wildcard(String),
}

/// The order that `project-reorder` gives to a pattern's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameOrder {
    AsIs,
    Ascending,
    Descending,
}

/// Flavour of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    InnerUnique,
    Inner,
    LeftOuter,
    RightOuter,
    FullOuter,
    LeftAnti,
    RightAnti,
    LeftSemi,
    RightSemi,
}

/// A column that `mv-expand` takes apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expansion {
    pub(crate) name: Option<String>,
    pub(crate) expr: Expr,
    pub(crate) ty: Option<ScalarType>,
}

/// `mv-expand`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MvExpand {
    pub(crate) items: Vec<Expansion>,
    /// Rows that one row may become.
    pub(crate) limit: Option<Expr>,
    /// `with_itemindex`
    pub(crate) index: Option<String>,
    /// `kind=array`: a bag becomes pairs of key and value, and not bags of one member.
    pub(crate) pairs: bool,
}

/// A tabular operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operator {
    Where(Expr),
    Project(Vec<Named>),
    ProjectAway(Vec<NamePattern>),
    ProjectKeep(Vec<NamePattern>),
    ProjectRename(Vec<(String, String)>),
    ProjectReorder(Vec<(NamePattern, NameOrder)>),
    Extend(Vec<Named>),
    Summarize {
        aggregates: Vec<Named>,
        by: Vec<Named>,
    },
    Sort(Vec<SortKey>),
    Top {
        count: Expr,
        keys: Vec<SortKey>,
    },
    Take(Expr),
    Sample(Expr),
    Count,
    Distinct(Vec<Expr>),
    Union(Union),
    Join {
        kind: JoinKind,
        right: Pipeline,
        on: Vec<Expr>,
    },
    Lookup {
        outer: bool,
        right: Pipeline,
        on: Vec<Expr>,
    },
    MvExpand(MvExpand),
    Serialize(Vec<Named>),
    As(String),
    GetSchema,
    Invoke {
        name: String,
        arguments: Vec<Argument>,
    },
    /// `render` and what it asks for.
    Render(String),
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Argument {
    pub(crate) name: Option<String>,
    pub(crate) value: Expr,
}

/// A scalar expression, or a tabular one where the place allows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Literal(Value),
    Name(String),
    /// `$left`, `$right`
    Side(Side),
    Star,
    Member(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Call {
        name: String,
        arguments: Vec<Argument>,
    },
    /// `database('D').table('T')`
    MethodCall {
        base: Box<Expr>,
        name: String,
        arguments: Vec<Argument>,
    },
    Negate(Box<Expr>),
    Binary {
        operator: BinaryOperator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    In {
        negated: bool,
        ignore_case: bool,
        left: Box<Expr>,
        list: Vec<Expr>,
    },
    /// `has_any`, `has_all`
    HasTerms {
        all: bool,
        left: Box<Expr>,
        list: Vec<Expr>,
    },
    Between {
        negated: bool,
        left: Box<Expr>,
        from: Box<Expr>,
        to: Box<Expr>,
    },
    Query(Box<Pipeline>),
}

/// Side of a join's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Binary operators. The string ones are in [`TextMatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOperator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Text {
        kind: TextMatch,
        ignore_case: bool,
        negated: bool,
    },
}

/// What a string operator looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextMatch {
    Equal,
    Contains,
    StartsWith,
    EndsWith,
    Has,
    HasPrefix,
    HasSuffix,
    Regex,
}
