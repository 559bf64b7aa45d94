use proptest::prelude::*;

use super::{Decimal, canonical};

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

#[test]
fn canonical_texts() {
    let cases = [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("00012.500", "12.5"),
        ("-12.50", "-12.5"),
        ("+3", "3"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1E-7", "0.0000001"),
        ("1E-8", "1E-8"),
        ("123e-10", "1.23E-8"),
        ("1e33", "1000000000000000000000000000000000"),
        ("1e34", "1E+34"),
        ("-25e40", "-2.5E+41"),
        (
            "9999999999999999999999999999999999",
            "9999999999999999999999999999999999",
        ),
        // 35 digits are rounded half to even.
        (
            "1000000000000000000000000000000000.5",
            "1000000000000000000000000000000000",
        ),
        (
            "1000000000000000000000000000000001.5",
            "1000000000000000000000000000000002",
        ),
        (
            "0.1234567890123456789012345678901234",
            "0.1234567890123456789012345678901234",
        ),
        ("1e6144", "1E+6144"),
        ("1e-6143", "1E-6143"),
    ];
    for (text, expected) in cases {
        assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        assert_eq!(canonical(expected).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn refused_texts() {
    let refused = [
        "",
        ".",
        "-",
        "e5",
        "1e",
        "1.2.3",
        "1_000",
        "NaN",
        "0x10",
        "1e6145",
        "1e-6144",
        "1e99999999999",
        "1 2",
        "--1",
        "1e9223372036854775808",
    ];
    for text in refused {
        assert_eq!(canonical(text), None, "{text}");
    }
}

#[test]
fn arithmetic() {
    let (a, b) = (decimal("10"), decimal("3"));
    let text = |value: Option<Decimal>| value.map(|value| value.to_string());
    assert_eq!(text(a.add(&b)).as_deref(), Some("13"));
    assert_eq!(text(b.sub(&a)).as_deref(), Some("-7"));
    assert_eq!(text(a.mul(&b)).as_deref(), Some("30"));
    let third = "3.333333333333333333333333333333333";
    assert_eq!(text(a.div(&b)).as_deref(), Some(third));
    assert_eq!(text(a.neg().rem(&b)).as_deref(), Some("-1"));
    assert_eq!(a.div(&Decimal::zero()), None);
    assert_eq!(decimal("9e6144").mul(&a), None);
    assert_eq!(decimal("1e34").add(&decimal("1")), Some(decimal("1e34")));
}

#[test]
fn conversions() {
    assert_eq!(decimal("-2.9").to_i64(), Some(-2));
    assert_eq!(decimal("1e30").to_i64(), None);
    assert_eq!(Decimal::from(i64::MIN).to_i64(), Some(i64::MIN));
    assert_eq!(Decimal::from_f64(0.1), Some(decimal("0.1")));
    assert_eq!(Decimal::from_f64(f64::NAN), None);
    assert!((decimal("0.1").to_f64() - 0.1).abs() < f64::EPSILON);
    assert_eq!(decimal("-1.005").unscaled(2), Some(-100));
    assert_eq!(decimal("1e6000").unscaled(2), None);
    assert_eq!(Decimal::from_unscaled(-100, 2), Some(decimal("-1")));
    assert_eq!(decimal("2.5").round(0), decimal("3"));
    assert_eq!(decimal("-2.5").floor(), decimal("-3"));
    assert_eq!(decimal("2.1").ceiling(), decimal("3"));
    assert_eq!(decimal("1250").round(-2), decimal("1300"));
    assert!(decimal("-1e40") < decimal("0.5"));
}

proptest! {
    #[test]
    fn text_round_trip(digits in any::<i128>(), scale in -60_i64..60) {
        if let Some(value) = Decimal::from_unscaled(digits, scale) {
            let text = value.to_string();
            prop_assert_eq!(Decimal::parse(&text), Some(value));
            prop_assert_eq!(canonical(&text), Some(text));
        }
    }

    #[test]
    fn equal_values_have_equal_text(digits in -1_000_000_i64..1_000_000, zeros in 0_usize..6) {
        let plain = format!("{digits}");
        let padded = format!("{digits}.{}", "0".repeat(zeros + 1));
        let exponent = format!("{digits}{}e-{zeros}", "0".repeat(zeros));
        prop_assert_eq!(canonical(&padded), canonical(&plain));
        prop_assert_eq!(canonical(&exponent), canonical(&plain));
    }
}
