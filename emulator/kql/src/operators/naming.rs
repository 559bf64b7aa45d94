//! Names of columns that the query does not name.

use kusto_emulator_values::Value;

use crate::ast::Expr;

/// The name that an expression gives by itself: a column's, a path's (`d_a`), or that of the first
/// argument of `bin` and of conversions.
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
        Expr::Call { name, arguments } if names_after_argument(name) => {
            own_name(&arguments.first()?.value)
        }
        Expr::Literal(_)
        | Expr::Side(_)
        | Expr::Star
        | Expr::Call { .. }
        | Expr::MethodCall { .. }
        | Expr::Negate(_)
        | Expr::Binary { .. }
        | Expr::In { .. }
        | Expr::HasTerms { .. }
        | Expr::Between { .. }
        | Expr::Query(_) => None,
    }
}

fn names_after_argument(function: &str) -> bool {
    matches!(
        function,
        "bin"
            | "floor"
            | "tostring"
            | "toint"
            | "tolong"
            | "toreal"
            | "todouble"
            | "todecimal"
            | "tobool"
            | "todatetime"
            | "totimespan"
            | "toguid"
            | "todynamic"
            | "toscalar"
    )
}
