use crate::tests::{check, check_errors};

#[tokio::test]
async fn numbers() {
    check(&[
        // numerical-operators.md
        ("print 14 % 12, -14 % 12, 14 % -12, -14 % -12", &["2|10|2|10"]),
        ("print decimal(-14) % decimal(12), decimal(14) % decimal(-12)", &["10|2"]),
        ("print 1.0 / 2, 1 / 2.0, 1 / 2, real(1) / 2", &["0.5|0.5|0|0.5"]),
        ("print int(2147483647) + int(1), int(-2147483648) - int(1)", &["2147483648|-2147483649"]),
        ("print int(65536) * int(65536)", &["4294967296"]),
        // bin-function.md: "a null bin size, or a negative bin size will result in null"
        ("print bin(4.5, 1), bin(time(16d), 7d), bin(datetime(1970-05-11 13:45:07), 1d)", &[
            "4.0|14.00:00:00|1970-05-11T00:00:00.0000000Z",
        ]),
        ("print bin(5, -1), bin(long(null), 1), bin(5, long(null))", &["<null>|<null>|<null>"]),
        // round-function.md
        ("print round(2.98765, 3), round(2.15, 1), round(2.15), round(-50.55, -2), round(21.5, -1)", &[
            "2.988|2.2|2.0|-100.0|20.0",
        ]),
        ("print round(15, -1), round(14, -1), round(7, 2)", &["20|10|7"]),
        // log-function.md, sqrt-function.md: "null if the argument is negative"
        ("print log(5), log(-1), log2(-8), log10(-0.5), sqrt(-1), sqrt(4)", &[
            "1.6094379124341003|<null>|<null>|<null>|<null>|2.0",
        ]),
        // isnan-function.md: "`false` otherwise"
        ("print isnan(real(null)), isinf(real(null)), isfinite(real(null))", &["false|false|false"]),
        // sign-function.md
        ("print sign(-42), sign(0), sign(11.2)", &["-1.0|0.0|1.0"]),
        // binary-shift-left-function.md: "value << (shift%64). If n is negative, a NULL value"
        ("print binary_shift_left(1, 2), binary_shift_left(1, 65), binary_shift_left(1, -1)", &["4|2|<null>"]),
        ("print binary_shift_right(1, 2), binary_shift_right(8, 66), binary_shift_right(8, -1)", &["0|2|<null>"]),
        // max-of-function.md: "Non-null values take precedence to null values."
        ("print max_of(10, 1, -3, 17)", &["17"]),
        ("datatable(A:int, B:int)[1, 6, 8, 1, int(null), 2, 1, int(null), int(null), int(null)] | project max_of(A, B)", &[
            "6", "8", "2", "1", "<null>",
        ]),
        // coalesce-function.md
        ("print coalesce(tolong('not a number'), tolong('42'), 33)", &["42"]),
        // timespan.md, datetime-timespan-arithmetic.md
        ("print 1d / 1s, time(1d) / time(1s), 24 * 60 * time(00:01:00) / time(1s)", &["86400.0|86400.0|86400.0"]),
        ("print 1d / 5h, 1.5 * 1h, time(15 seconds), time(2), time(0.12:34:56.7)", &[
            "4.8|01:30:00|00:00:15|2.00:00:00|12:34:56.7000000",
        ]),
    ])
    .await;
}

#[tokio::test]
async fn comparisons() {
    check(&[
        // A whole number compares with the value in the dynamic, not with what is left of it.
        ("print dynamic(1.5) == 1, dynamic(1) == 1, dynamic(1.5) > 1, 1 < dynamic(1.5), dynamic(1.0) == 1", &[
            "false|true|true|true|true",
        ]),
        ("print 1 in (1.0), 1.0 in (1, 2), 2 in (dynamic([1, 2.5])), 1 in (dynamic([1.5]))", &[
            "true|true|false|false",
        ]),
    ])
    .await;
    check_errors(&[
        // Microsoft's language service: no such operator for these types.
        ("print 'a' < 'b'", "SEM0064", "type string"),
        ("print 'a' between ('a' .. 'b')", "SEM0064", "type string"),
        ("print guid(null) < guid(null)", "SEM0064", "type guid"),
        ("print floor(7.9)", "SEM0219", "floor()"),
    ])
    .await;
}

#[tokio::test]
async fn dates() {
    check(&[
        // datetime-diff-function.md
        ("print datetime_diff('year', datetime(2017-01-01), datetime(2000-12-31)), datetime_diff('quarter', datetime(2017-07-01), datetime(2017-03-30)), datetime_diff('month', datetime(2017-01-01), datetime(2015-12-30)), datetime_diff('week', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59)), datetime_diff('day', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59)), datetime_diff('hour', datetime(2017-10-31 01:00), datetime(2017-10-30 23:59)), datetime_diff('minute', datetime(2017-10-30 23:05:01), datetime(2017-10-30 23:00:59)), datetime_diff('second', datetime(2017-10-30 23:00:10.100), datetime(2017-10-30 23:00:00.900)), datetime_diff('millisecond', datetime(2017-10-30 23:00:00.200100), datetime(2017-10-30 23:00:00.100900)), datetime_diff('microsecond', datetime(2017-10-30 23:00:00.1009001), datetime(2017-10-30 23:00:00.1008009)), datetime_diff('nanosecond', datetime(2017-10-30 23:00:00.0000000), datetime(2017-10-30 23:00:00.0000007))", &[
            "17|2|13|5|29|2|5|10|100|100|-700",
        ]),
        // datetime-part-function.md
        ("let dt = datetime(2017-10-30 01:02:03.7654321); print datetime_part('year', dt), datetime_part('quarter', dt), datetime_part('month', dt), datetime_part('week_of_year', dt), datetime_part('day', dt), datetime_part('dayOfYear', dt), datetime_part('hour', dt), datetime_part('minute', dt), datetime_part('second', dt), datetime_part('millisecond', dt), datetime_part('microsecond', dt), datetime_part('nanosecond', dt)", &[
            "2017|4|10|44|30|303|1|2|3|765|765432|765432100",
        ]),
        // make-timespan-function.md
        ("print make_timespan(1, 12, 30, 55.123)", &["1.12:30:55.1230000"]),
        // format-datetime-function.md
        ("let dt = datetime(2017-01-29 09:00:05); print format_datetime(dt, 'yy-MM-dd [HH:mm:ss]'), format_datetime(dt, 'yyyy-M-dd [H:mm:ss]'), format_datetime(dt, 'yy-MM-dd [hh:mm:ss tt]')", &[
            "17-01-29 [09:00:05]|2017-1-29 [9:00:05]|17-01-29 [09:00:05 AM]",
        ]),
        ("print format_datetime(datetime(0001-01-01), 'y yy yyyy'), format_datetime(datetime(2009-06-15T13:45:30.0050000), 'ff,FF,fff,FFFFFFF')", &[
            "1 01 0001|00,,005,005",
        ]),
        // format-timespan-function.md
        ("let t = time(29.09:00:05.12345); print format_timespan(t, 'dd.hh:mm:ss:FF'), format_timespan(t, 'ddd.h:mm:ss [fffffff]')", &[
            "29.09:00:05:12|029.9:00:05 [1234500]",
        ]),
    ])
    .await;
    check_errors(&[
        // Not among the documented specifiers.
        (
            "print format_datetime(now(), 'dd MMM yyyy')",
            "SEM0031",
            "'MMM'",
        ),
        ("print format_datetime(now(), 'dddd')", "SEM0031", "'dddd'"),
        ("print format_datetime(now(), 'yyy')", "SEM0031", "'yyy'"),
        ("print format_datetime(now(), 'h t')", "SEM0031", "'t'"),
        (
            "print format_timespan(1h, 'ffffffff')",
            "SEM0031",
            "'ffffffff'",
        ),
    ])
    .await;
}

#[tokio::test]
async fn dynamics() {
    check(&[
        // gettype-function.md
        ("print gettype('a'), gettype(111), gettype(1==1), gettype(now()), gettype(1s), gettype(parse_json('1')), gettype(parse_json(' \"abc\" ')), gettype(parse_json(' {\"abc\":1} ')), gettype(parse_json(' [1, 2, 3] ')), gettype(123.45), gettype(guid(12e8b78d-55b4-46ae-b068-26d7a0080254)), gettype(parse_json(''))", &[
            "string|long|bool|datetime|timespan|int|string|dictionary|array|real|guid|null",
        ]),
        ("print gettype(parse_json('3000000000'))", &["long"]),
        // parse-json-function.md
        (r#"let d = '{"a":123, "b":"{\\"c\\":456}"}'; print parse_json(tostring(parse_json(d).b)).c"#, &["456"]),
        // array-slice-function.md
        ("print array_slice(dynamic([1,2,3]), 1, 2), array_slice(dynamic([1,2,3,4,5]), 2, -1), array_slice(dynamic([1,2,3,4,5]), -3, -2)", &[
            "[2,3]|[3,4,5]|[3,4]",
        ]),
        // array-concat-function.md
        ("range x from 1 to 3 step 1 | extend y = x * 2 | extend z = y * 2 | extend a1 = pack_array(x,y,z), a2 = pack_array(x, y) | project array_concat(a1, a2)", &[
            "[1,2,4,1,2]", "[2,4,8,2,4]", "[3,6,12,3,6]",
        ]),
        // array-index-of-function.md, set-has-element-function.md
        ("let arr = dynamic(['this', 'is', 'an', 'example', 'an', 'example']); print array_index_of(arr, 'an'), set_has_element(arr, 'example'), array_index_of(arr, 'none')", &[
            "2|true|-1",
        ]),
        // tobool-function.md, toint-function.md, totimespan-function.md
        ("print tobool('true') == true, tobool('false') == false, tobool(1) == true, tobool(123) == true", &["true|true|true|true"]),
        ("print toint('123') == 123, toint(2.3), totimespan('0.00:01:00') == time(1min)", &["true|2|true"]),
        // null-values.md
        ("datatable(val:int)[5, int(null)] | extend a = val > 3 | extend b = val > 3 or isnull(val)", &["5|true|true", "<null>|<null>|true"]),
        ("datatable(val:int)[5, int(null)] | extend Add = val + 10 | extend Multiply = val * 10", &["5|15|50", "<null>|<null>|<null>"]),
        // hash-xxhash64-function.md, hash-sha256-function.md
        ("print hash_xxhash64('World'), hash_xxhash64('World', 100), hash_xxhash64(datetime('2015-01-01')), hash(datetime(2015-01-01))", &[
            "1846988464401551951|51|1380966698541616202|1380966698541616202",
        ]),
        ("print hash_sha256('World'), hash_sha256(datetime(2020-01-01))", &[
            "78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524|ba666752dc1a20eb750b0eb64e780cc4c968bc9fb8813461c1d7e750f302d71d",
        ]),
    ])
    .await;
}
