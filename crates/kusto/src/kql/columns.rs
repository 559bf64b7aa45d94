//! Expressions over a table's columns: their canonical texts, their hash, their checks.

use kusto_copy_core::vocabulary::{Column, ScalarType, TableSchema};

use super::Writer;

/// Columns in one `strcat`, which takes 64 arguments at most.
const GROUP: usize = 30;

/// The text of a column's value: one text for each value, and one that converts back. Null is
/// the empty text; `tostring` of null is documented as such, the others are not.
pub(super) fn text(w: &mut Writer, column: &Column) {
    let name = &column.name;
    match column.ty {
        ScalarType::Bool => {
            w.words("case(isnull(")
                .name(name)
                .words("), '', ")
                .name(name);
            w.words(", 'true', 'false')");
        }
        ScalarType::DateTime => {
            w.words("iff(isnull(")
                .name(name)
                .words("), '', format_datetime(")
                .name(name);
            w.words(", 'yyyy-MM-dd HH:mm:ss.fffffff'))");
        }
        ScalarType::Dynamic => {
            w.words("iff(isnull(")
                .name(name)
                .words("), '', dynamic_to_json(")
                .name(name);
            w.words("))");
        }
        ScalarType::String => {
            w.name(name);
        }
        ScalarType::Int
        | ScalarType::Long
        | ScalarType::Real
        | ScalarType::Decimal
        | ScalarType::TimeSpan
        | ScalarType::Guid => {
            w.words("tostring(").name(name).words(")");
        }
    }
}

/// A name for a computed column that hides none of the table's.
pub(super) fn free_name(schema: &TableSchema, wish: &str) -> String {
    let mut name = wish.to_owned();
    while schema.column(&name).is_some() {
        name.push('_');
    }
    name
}

/// `| extend h = <hash of the row>`; returns the column's name. Each column is hashed first, so
/// that no separator can be forged and long strings stay out of `strcat`.
pub(super) fn extend_row_hash(w: &mut Writer, schema: &TableSchema) -> String {
    let name = free_name(schema, "h");
    w.words("\n| extend ").name(&name).words(" = ");
    hash_of_group(w, &schema.columns);
    name
}

/// The hash of up to 30 columns, or of as many groups.
fn hash_of_group(w: &mut Writer, columns: &[Column]) {
    w.words("hash_xxhash64(strcat(\n    ");
    if columns.len() <= GROUP {
        w.list(", '|',\n    ", columns, |w, column| {
            w.words("hash_xxhash64(");
            text(w, column);
            w.words(")");
        });
    } else {
        let mut size = GROUP;
        while columns.len() > size * GROUP {
            size *= GROUP;
        }
        w.list(", '|',\n    ", columns.chunks(size), hash_of_group);
    }
    w.words("))");
}

/// Whether a column's value can be lost on the way without any error.
pub(super) const fn can_be_lost(ty: ScalarType) -> bool {
    match ty {
        ScalarType::Bool | ScalarType::Int | ScalarType::Long => false,
        ScalarType::Real
        | ScalarType::Decimal
        | ScalarType::DateTime
        | ScalarType::TimeSpan
        | ScalarType::Guid
        | ScalarType::String
        | ScalarType::Dynamic => true,
    }
}

/// True for values that do not come back from their text, or exceed the size limit in bytes.
/// Only for types that [`can_be_lost`].
pub(super) fn is_lost(w: &mut Writer, column: &Column, size_limit: u64) {
    let name = &column.name;
    match column.ty {
        ScalarType::String => {
            w.words("string_size(")
                .name(name)
                .words(") > ")
                .number(size_limit);
        }
        ScalarType::Real => {
            w.words("isnotnull(")
                .name(name)
                .words(") and not(coalesce((toreal(tostring(");
            w.name(name)
                .words(")) == ")
                .name(name)
                .words(" and (")
                .name(name);
            w.words(" != 0.0 or 1.0 / ")
                .name(name)
                .words(" == 1.0 / toreal(tostring(");
            w.name(name)
                .words(")))) or (isnan(")
                .name(name)
                .words(") and isnan(toreal(tostring(");
            w.name(name).words(")))), false))");
        }
        ScalarType::Dynamic => {
            w.words("isnotnull(")
                .name(name)
                .words(") and (not(coalesce(");
            w.words("dynamic_to_json(parse_json(dynamic_to_json(")
                .name(name);
            w.words("))) == dynamic_to_json(").name(name);
            w.words(") and gettype(parse_json(dynamic_to_json(")
                .name(name);
            w.words("))) == gettype(")
                .name(name)
                .words("), false)) or string_size(");
            w.words("dynamic_to_json(")
                .name(name)
                .words(")) > ")
                .number(size_limit)
                .words(")");
        }
        ScalarType::DateTime
        | ScalarType::Decimal
        | ScalarType::Guid
        | ScalarType::TimeSpan
        | ScalarType::Bool
        | ScalarType::Int
        | ScalarType::Long => {
            w.words("isnotnull(")
                .name(name)
                .words(") and not(coalesce(");
            w.words(from_text(column.ty)).words("(");
            text(w, column);
            w.words(") == ").name(name).words(", false))");
        }
    }
}

const fn from_text(ty: ScalarType) -> &'static str {
    match ty {
        ScalarType::Bool => "tobool",
        ScalarType::Int => "toint",
        ScalarType::Long => "tolong",
        ScalarType::Real => "toreal",
        ScalarType::Decimal => "todecimal",
        ScalarType::DateTime => "todatetime",
        ScalarType::TimeSpan => "totimespan",
        ScalarType::Guid => "toguid",
        ScalarType::String => "tostring",
        ScalarType::Dynamic => "parse_json",
    }
}

#[cfg(test)]
mod tests {
    use kusto_copy_core::vocabulary::{ScalarType, TableSchema};

    use super::super::Writer;
    use super::{extend_row_hash, free_name};

    #[test]
    fn no_strcat_has_more_than_64_arguments() {
        for columns in [1, 30, 31, 300, 900, 901, 2_000] {
            let schema = TableSchema::new((0..columns).map(|n| (format!("c{n}"), ScalarType::Int)));
            let mut w = Writer::new();
            extend_row_hash(&mut w, &schema);
            let text = w.query("hash");
            for argument_list in argument_counts(text.expose()) {
                assert!(
                    argument_list <= 64,
                    "{columns} columns: {argument_list} arguments"
                );
            }
            assert_eq!(text.expose().matches("tostring(").count(), columns);
        }
    }

    /// How many arguments each `strcat(` has, by counting commas at its own depth.
    fn argument_counts(text: &str) -> Vec<usize> {
        let mut counts = Vec::new();
        for (start, _) in text.match_indices("strcat(") {
            let mut depth = 0;
            let mut count = 1;
            for c in text[start + "strcat".len()..].chars() {
                match c {
                    '(' => depth += 1,
                    ')' if depth == 1 => break,
                    ')' => depth -= 1,
                    ',' if depth == 1 => count += 1,
                    _ => {}
                }
            }
            counts.push(count);
        }
        counts
    }

    #[test]
    fn a_computed_column_hides_none_of_the_tables() {
        let schema = TableSchema::new([
            ("h".to_owned(), ScalarType::Int),
            ("h_".to_owned(), ScalarType::Int),
        ]);
        assert_eq!(free_name(&schema, "h"), "h__");
    }
}
