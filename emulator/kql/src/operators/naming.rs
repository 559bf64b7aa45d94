//! Names of columns that the query does not name.

use kusto_emulator_values::Value;

use crate::ast::Expr;

/// The name that an expression gives by itself: a column's, a path's (`d_a`), or one made of that of
/// a call's first argument.
pub(super) fn own_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name) => Some(name.clone()),
        Expr::Member(base, name) => match base.as_ref() {
            Expr::Side(_) => Some(name.clone()),
            base @ (Expr::Literal(_)
            | Expr::Name(_)
            | Expr::Star
            | Expr::Member(..)
            | Expr::Index(..)
            | Expr::Call { .. }
            | Expr::MethodCall { .. }
            | Expr::Negate(_)
            | Expr::Binary { .. }
            | Expr::In { .. }
            | Expr::HasTerms { .. }
            | Expr::Between { .. }
            | Expr::Query(_)) => Some(format!("{}_{name}", own_name(base)?)),
        },
        Expr::Index(base, index) => match index.as_ref() {
            Expr::Literal(Value::String(key)) => Some(format!("{}_{key}", own_name(base)?)),
            Expr::Literal(Value::Long(at)) => Some(format!("{}_{at}", own_name(base)?)),
            Expr::Literal(_)
            | Expr::Name(_)
            | Expr::Side(_)
            | Expr::Star
            | Expr::Member(..)
            | Expr::Index(..)
            | Expr::Call { .. }
            | Expr::MethodCall { .. }
            | Expr::Negate(_)
            | Expr::Binary { .. }
            | Expr::In { .. }
            | Expr::HasTerms { .. }
            | Expr::Between { .. }
            | Expr::Query(_) => None,
        },
        Expr::Call { name, .. } if name == "ingestion_time" => Some("$IngestionTime".to_owned()),
        Expr::Call { name, arguments } => {
            let prefix = prefix(name)?;
            let argument = own_name(&arguments.first()?.value)?;
            Some(format!("{prefix}{argument}"))
        }
        Expr::Literal(_)
        | Expr::Side(_)
        | Expr::Star
        | Expr::MethodCall { .. }
        | Expr::Negate(_)
        | Expr::Binary { .. }
        | Expr::In { .. }
        | Expr::HasTerms { .. }
        | Expr::Between { .. }
        | Expr::Query(_) => None,
    }
}

/// What stands in front of the first argument's name in that of a call; none where calls of the
/// function have no name of their own. As Microsoft's language service names results.
pub(super) fn prefix(function: &str) -> Option<&'static str> {
    const FIRST_ARGUMENT: [&str; 44] = [
        "abs",
        "binary_and",
        "binary_not",
        "binary_or",
        "binary_shift_left",
        "binary_shift_right",
        "binary_xor",
        "bin",
        "bitset_count_ones",
        "ceiling",
        "cos",
        "exp",
        "exp10",
        "exp2",
        "floor",
        "format_datetime",
        "format_timespan",
        "log",
        "log10",
        "log2",
        "parse_json",
        "parsejson",
        "pow",
        "round",
        "sin",
        "split",
        "sqrt",
        "startofday",
        "tan",
        "tobool",
        "toboolean",
        "todatetime",
        "todecimal",
        "todouble",
        "todynamic",
        "toguid",
        "toint",
        "tolong",
        "toobject",
        "toreal",
        "toscalar",
        "tostring",
        "totime",
        "totimespan",
    ];
    match function {
        "strlen" => Some("strlen_"),
        "string_size" => Some("string_size_"),
        "gettype" => Some("type_"),
        _ => FIRST_ARGUMENT.contains(&function).then_some(""),
    }
}

/// The name of a column whose expression gives none: `Column1`, `Column2`, …, the first free one.
pub(super) fn numbered(taken: impl Fn(&str) -> bool) -> String {
    let mut number = 1_usize;
    loop {
        let name = format!("Column{number}");
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}
