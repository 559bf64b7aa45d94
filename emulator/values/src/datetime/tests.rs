use super::{MAX, MIN, UNIX_EPOCH, civil, format, parse};

#[test]
fn known_texts() {
    let cases = [
        ("0001-01-01T00:00:00.0000000Z", MIN),
        ("9999-12-31T23:59:59.9999999Z", MAX),
        ("1970-01-01T00:00:00.0000000Z", UNIX_EPOCH),
        // The sample cursor of the cursor page, read as ticks.
        ("2020-05-02T05:55:20.6013576Z", 637_239_957_206_013_576),
        ("2000-02-29T12:00:00.0000001Z", 630_874_224_000_000_001),
    ];
    for (text, ticks) in cases {
        assert_eq!(parse(text), Some(ticks), "{text}");
        assert_eq!(format(ticks), text);
    }
}

#[test]
fn other_forms() {
    let noon = parse("2014-11-08T15:05:02Z").expect("ISO");
    let same = [
        "2014-11-08 15:05:02",
        "2014-11-08T15:05:02",
        "2014-11-08T15:05:02.0Z",
        "2014-11-08T17:05:02+02:00",
        "2014-11-08T10:05:02-0500",
        "2014-11-08 15:05:02 UTC",
        "Sat, 8 Nov 14 15:05:02 GMT",
        "Sat, 8 Nov 2014 15:05:02 GMT",
        "8 Nov 14 15:05:02",
        "Saturday, 08-Nov-14 15:05:02 GMT",
        "  2014-11-08T15:05:02Z  ",
    ];
    for text in same {
        assert_eq!(parse(text), Some(noon), "{text}");
    }
    assert_eq!(parse("2014-11-08"), parse("2014-11-08T00:00:00Z"));
    assert_eq!(parse("2014-11-08T15:05"), parse("2014-11-08T15:05:00Z"));
    // An eighth digit rounds, and may carry into the second.
    assert_eq!(
        parse("2014-11-08T15:05:01.99999999Z"),
        Some(noon),
        "rounding carries"
    );
}

#[test]
fn refused_texts() {
    let refused = [
        "",
        "2014",
        "2014-11",
        "2014-02-29",
        "2014-13-01",
        "2014-11-08T24:00:00",
        "2014-11-08T15:60:00",
        "2014-11-08T15:05:02.Z",
        "2014-11-08T15:05:02X",
        "2014-11-08T15:05:02Z tail",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59.99999999Z",
        "10000-01-01",
        "0000-01-01",
        "yesterday",
        "637239957206013576",
        "٢٠١٤-11-08",
    ];
    for text in refused {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn every_day_of_the_calendar_counts_up() {
    let mut previous = None;
    let days = MAX / crate::timespan::TICKS_PER_DAY;
    for day in 0..=days {
        let civil = civil(day * crate::timespan::TICKS_PER_DAY);
        let key = (civil.year, civil.month, civil.day);
        assert!(previous < Some(key), "{previous:?} then {key:?}");
        assert_eq!(
            super::from_civil(&civil),
            Some(day * crate::timespan::TICKS_PER_DAY)
        );
        previous = Some(key);
    }
    assert_eq!(previous, Some((9999, 12, 31)));
}
