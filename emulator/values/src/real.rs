//! `real`: the text of a double.

/// The shortest text that reads back as the same double: `0.1`, `-0.0`, `100000.0`, `1E+20`,
/// `1.5E-07`, `NaN`, `Infinity`, `-Infinity`. A number has a point or an exponent, so that it is
/// told from a long; from 10^15 on and below 10^-4 the exponent form is used, as .NET does.
#[must_use]
pub fn format(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..1e15).contains(&magnitude) {
        let text = format!("{value}");
        return if text.contains('.') {
            text
        } else {
            format!("{text}.0")
        };
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(size) => ('-', size),
        None => ('+', exponent),
    };
    format!("{digits}E{sign}{exponent:0>2}")
}

/// Reads a real: decimal or exponent notation, `NaN`, `Infinity` and `-Infinity` in any case. None
/// for other texts and for numbers beyond the range of a double.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return text.parse::<f64>().ok().filter(|value| value.is_finite());
    }
    if unsigned.eq_ignore_ascii_case("infinity") {
        return Some(if text.starts_with('-') {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    text.eq_ignore_ascii_case("nan").then_some(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn texts() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.000_01, "1E-05"),
            (999_999_999_999_999.9, "999999999999999.9"),
            (1e15, "1E+15"),
            (1.5e-7, "1.5E-07"),
            (f64::MAX, "1.7976931348623157E+308"),
            (f64::MIN, "-1.7976931348623157E+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (5e-324, "5E-324"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ];
        for (value, text) in cases {
            assert_eq!(format(value), text);
            let back = parse(text).expect("its own text");
            assert!(
                back.to_bits() == value.to_bits() || value.is_nan() && back.is_nan(),
                "{text}"
            );
        }
        assert_eq!(parse("1e400"), None);
        assert_eq!(parse("inf"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse("0x10"), None);
        assert_eq!(parse(" 7 "), Some(7.0));
    }
}
