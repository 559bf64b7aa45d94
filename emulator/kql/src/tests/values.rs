use super::check;

/// Every cell of one row of `print`, by `tostring`.
#[tokio::test]
async fn literals() {
    check(&[
        ("print 1, -1, 0x1F, 1.5, 1e3, true, 'a' \"b\"", &["1|-1|31|1.5|1000.0|true|ab"]),
        (r#"print 'it\'s', @'c:\x', ```a'b"c```, h'secret'"#, &["it's|c:\\x|a'b\"c|secret"]),
        ("print int(5), long(null), real(nan), real(-inf), decimal(1.10), guid(5B0A7F9E111149119111000000000001)", &[
            "5|<null>|NaN|-Infinity|1.1|5b0a7f9e-1111-4911-9111-000000000001",
        ]),
        ("print datetime(2026-01-02T03:04:05.1234567Z), datetime(2026-01-02), datetime(null)", &[
            "2026-01-02T03:04:05.1234567Z|2026-01-02T00:00:00.0000000Z|<null>",
        ]),
        ("print 1d, 1.5h, 100ms, 1tick, time(1.02:03:04.5), -1m", &[
            "1.00:00:00|01:30:00|00:00:00.1000000|00:00:00.0000001|1.02:03:04.5000000|-00:01:00",
        ]),
        ("print dynamic({'a': [1, 2.50, null], \"b\": 9007199254740993}), dynamic(null)", &[
            r#"{"a":[1,2.50,null],"b":9007199254740993}|<null>"#,
        ]),
        ("print [\"q\"] = 1 // a comment\n, ['d.x'] = 2", &["1|2"]),
    ])
    .await;
}

#[tokio::test]
async fn texts_of_values() {
    check(&[
        ("print tostring(real(0.1)), tostring(1e300), tostring(real(-0.0)), tostring(real(nan))", &["0.1|1E+300|-0.0|NaN"]),
        ("print tostring(true), tostring(bool(null)), tostring(int(null)), tostring(guid(null))", &["true|||"]),
        ("print tostring(datetime(2020-03-04 14:05:01.3109965)), tostring(1.5d)", &["2020-03-04T14:05:01.3109965Z|1.12:00:00"]),
        ("print tostring(dynamic('x')), tostring(dynamic({'b':1,'a':[true]})), tostring(dynamic(null))", &[
            r#"x|{"b":1,"a":[true]}|"#,
        ]),
        ("print dynamic_to_json(dynamic({'b':{'d':1,'c':2},'a':1})), dynamic_to_json(dynamic('x'))", &[
            r#"{"a":1,"b":{"c":2,"d":1}}|"x""#,
        ]),
        ("print tostring(decimal(1234567890123456789012345678901234))", &["1234567890123456789012345678901234"]),
    ])
    .await;
}

#[tokio::test]
async fn nulls() {
    check(&[
        // Equality of nulls, `null-values.md`.
        ("print int(null) == 1, int(null) != 1, int(null) == int(null), int(null) < 1", &["false|true|<null>|<null>"]),
        ("print real(null) == 1.0, real(null) != 1.0, real(nan) == real(nan), 0.0 == real(-0.0)", &["false|true|false|true"]),
        ("datatable(v:int)[5, int(null)] | extend a = v > 3, b = v > 3 or isnull(v), c = v + 10", &[
            "5|true|true|15", "<null>|<null>|true|<null>",
        ]),
        ("datatable(v:int)[5, int(null)] | where not(v == 5)", &["<null>"]),
        ("datatable(v:int)[5, int(null)] | where v != 5", &["<null>"]),
        ("datatable(v:long)[5, long(null)] | where v in (5, 6)", &["5"]),
        ("datatable(v:long)[5, long(null)] | where v !in (5, 6)", &["<null>"]),
        ("print isnull(''), isempty(''), isnull(dynamic(null)), isnotnull(5), isempty(dynamic(''))", &["false|true|true|true|true"]),
        ("print coalesce(long(null), 3), coalesce('', 'b'), iff(bool(null), 1, 2)", &["3|b|2"]),
    ])
    .await;
}

#[tokio::test]
async fn conversions() {
    check(&[
        ("print toint('12'), toint('x'), tolong('9223372036854775807'), toreal('1e3'), todouble('NaN'), tobool('true'), tobool('0')", &[
            "12|<null>|9223372036854775807|1000.0|NaN|true|false",
        ]),
        ("print todatetime('2026-01-02 03:04:05.1234567'), todatetime('nope'), totimespan('1.02:03:04'), toguid('x')", &[
            "2026-01-02T03:04:05.1234567Z|<null>|1.02:03:04|<null>",
        ]),
        ("print tolong(1.9), tolong(-1.9), toint(3000000000), tolong(dynamic(5.7)), tolong(dynamic('8')), toreal(dynamic(1))", &[
            "1|-1|<null>|5|8|1.0",
        ]),
        ("print todecimal('1.10'), todecimal(0.1), toreal(decimal(2.5)), tolong(decimal(2.5))", &["1.1|0.1|2.5|2"]),
        ("print parse_json('{\"a\":1}').a, parse_json(''), parse_json('null'), parse_json('x')", &["1|<null>|<null>|\"x\""]),
        ("print gettype(1), gettype(int(1)), gettype(dynamic([])), gettype(dynamic({})), gettype(dynamic(1.5)), gettype(parse_json('\"1\"'))", &[
            "long|int|array|dictionary|double|string",
        ]),
        ("print tolong(datetime(0001-01-01T00:00:00.0000007)), tolong(1s)", &["7|10000000"]),
    ])
    .await;
}

#[tokio::test]
async fn arithmetic() {
    check(&[
        ("print 7 / 2, -7 / 2, 7 % 5, -14 % 12, 14 % -12, 1 / 0, 7.0 / 2, 1.0 / 0", &["3|-3|2|10|2|<null>|3.5|Infinity"]),
        ("print 9223372036854775807 + 1, int(2) * int(3), gettype(int(2) * int(3)), 2 * 1.5", &["-9223372036854775808|6|long|3.0"]),
        ("print 1.0 / real(-0.0), decimal(1) / 3, decimal(0.1) + decimal(0.2)", &[
            "-Infinity|0.3333333333333333333333333333333333|0.3",
        ]),
        ("print datetime(2026-01-02) - datetime(2026-01-01), datetime(2026-01-01) + 1h, 1h + 30m, 1h * 2, 1d / 1h, 1h / 2", &[
            "1.00:00:00|2026-01-01T01:00:00.0000000Z|01:30:00|02:00:00|24.0|00:30:00",
        ]),
        ("print datetime(9999-12-31) + 2d", &["<null>"]),
        ("print bin(7, 5), bin(-1, 5), bin(7.5, 2.0), bin(datetime(2026-01-02T03:04:05), 1h), bin(90m, 1h), floor(7.9, 1), floor(7, 5)", &[
            "5|-5|6.0|2026-01-02T03:00:00.0000000Z|01:00:00|7.0|5",
        ]),
        ("print abs(-3), ceiling(1.2), round(2.5), round(1.25, 1), sign(-2), pow(2, 10), sqrt(16), log10(100)", &["3|2.0|3.0|1.3|-1.0|1024.0|4.0|2.0"]),
        ("print isnan(real(nan)), isinf(real(+inf)), isfinite(1.5), isnan(1.0)", &["true|true|true|false"]),
        ("print binary_and(12, 10), binary_or(12, 10), binary_xor(12, 10), binary_not(0), binary_shift_left(1, 4), binary_shift_right(-1, 32)", &[
            "8|14|6|-1|16|-1",
        ]),
        ("print decimal(2) > decimal(10), decimal(-1) < decimal(0.5), decimal(1.0) == decimal(1)", &["false|true|true"]),
        ("print 5 between (1 .. 5), 6 between (1 .. 5), 6 !between (1 .. 5), datetime(2026-01-02) between (datetime(2026-01-01) .. 1d)", &[
            "true|false|true|true",
        ]),
        ("print max_of(1, 3, 2), min_of(long(null), 4), not(true), true and bool(null), true or bool(null)", &["3|4|false|<null>|true"]),
    ])
    .await;
}
