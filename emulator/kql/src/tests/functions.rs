use super::{check, check_errors};

#[tokio::test]
async fn strings() {
    check(&[
        ("print strcat('a', 1, true), strcat_delim('-', 'a', 'b'), strlen('zé€'), string_size('zé€')", &["a1true|a-b|3|6"]),
        ("print substring('abcdef', 2), substring('abcdef', 1, 2), substring('abcdef', -2), substring('zé€x', 1, 2)", &["cdef|bc|ef|é€"]),
        ("print indexof('abcabc', 'c'), indexof('abc', 'x'), indexof('abcabc', 'a', 1)", &["2|-1|3"]),
        ("print replace_string('aXbX', 'X', '-'), replace_regex('a1b22', @'(\\d+)', @'<\\1>'), extract(@'(\\d+)', 1, 'ab12')", &["a-b-|a<1>b<22>|12"]),
        ("print trim('-+', '--a--'), trim_start('-', '--a'), trim_end('-', 'a--'), toupper('aß'), tolower('ÀB'), reverse('abc')", &[
            "a|-a|a-|ASS|àb|cba",
        ]),
        ("print countof('aaaa', 'aa'), split('a_b_c', '_'), split('a_b', '_', 1)", &[r#"3|["a","b","c"]|["b"]"#]),
        ("print base64_encode_tostring('Kusto'), base64_decode_tostring('S3VzdG8='), url_encode('a b/'), url_decode('a%20b')", &[
            "S3VzdG8=|Kusto|a+b%2f|a b",
        ]),
    ])
    .await;
}

#[tokio::test]
async fn string_operators() {
    check(&[
        ("print 'Abc' == 'abc', 'Abc' =~ 'abc', 'Abc' !~ 'abc', 'Abc' != 'abc'", &["false|true|false|true"]),
        ("print 'North America' has 'america', 'North America' has_cs 'america', 'Northern' has 'north', 'a b' !has 'c'", &["true|false|false|true"]),
        ("print 'abc' contains 'B', 'abc' contains_cs 'B', 'abc' startswith 'A', 'abc' startswith_cs 'a', 'abc' endswith 'C', 'abc' !endswith_cs 'c'", &[
            "true|false|true|true|true|false",
        ]),
        ("print 'a' in ('a', 'b'), 'A' in~ ('a'), 'c' !in ('a'), 1 in (dynamic([1, 2])), 'x1' matches regex '^x[0-9]$'", &["true|true|true|true|true"]),
        ("print 'a b c' has_any ('x', 'B'), 'a b c' has_all ('a', 'x')", &["true|false"]),
        ("T | where name in ((T | where id == 2 | project name)) | project id", &["2"]),
    ])
    .await;
}

#[tokio::test]
async fn dates() {
    check(&[
        ("print format_datetime(datetime(2026-01-02T03:04:05.1234567Z), 'yyyy-MM-dd HH:mm:ss.fffffff')", &["2026-01-02 03:04:05.1234567"]),
        ("print format_datetime(datetime(2017-01-29 09:00:05), 'yy-MM-dd [HH:mm:ss]'), format_datetime(datetime(2017-01-29 21:00:05), 'M/d/yy h:m:s tt'), format_datetime(datetime(null), 'yyyy')", &[
            "17-01-29 [09:00:05]|1/29/17 9:0:5 PM|",
        ]),
        ("print format_timespan(time(29.09:00:05.12345), 'dd.hh:mm:ss [FF]'), format_timespan(1h, 'hh:mm:ss.fffffff')", &["29.09:00:05 [12]|01:00:00.0000000"]),
        ("print startofday(datetime(2026-03-05 10:00)), startofmonth(datetime(2026-03-05), -1), startofyear(datetime(2026-03-05)), startofweek(datetime(2026-03-05))", &[
            "2026-03-05T00:00:00.0000000Z|2026-02-01T00:00:00.0000000Z|2026-01-01T00:00:00.0000000Z|2026-03-01T00:00:00.0000000Z",
        ]),
        ("print endofmonth(datetime(2024-02-03)), endofyear(datetime(9999-05-05))", &["2024-02-29T23:59:59.9999999Z|9999-12-31T23:59:59.9999999Z"]),
        ("print datetime_add('month', 1, datetime(2026-01-31)), datetime_diff('hour', datetime(2026-01-01 10:00), datetime(2026-01-01 07:59)), datetime_part('quarter', datetime(2026-05-01))", &[
            "2026-02-28T00:00:00.0000000Z|3|2",
        ]),
        ("print dayofweek(datetime(2026-03-05)), dayofyear(datetime(2026-03-05)), getyear(datetime(2026-03-05)), hourofday(datetime(2026-03-05 07:00)), week_of_year(datetime(2026-01-01))", &[
            "4.00:00:00|64|2026|7|1",
        ]),
        ("print make_datetime(2026, 1, 2, 3, 4, 5.1234567), make_timespan(1, 2, 3, 4.5), make_datetime(2026, 2, 30), unixtime_seconds_todatetime(1546300800), unixtime_nanoseconds_todatetime(100)", &[
            "2026-01-02T03:04:05.1234567Z|1.02:03:04.5000000|<null>|2019-01-01T00:00:00.0000000Z|1970-01-01T00:00:00.0000001Z",
        ]),
        ("print now() == now(), now() - ago(1h), now(1d) - now()", &["true|01:00:00|1.00:00:00"]),
    ])
    .await;
}

#[tokio::test]
async fn dynamics() {
    check(&[
        ("T | where id == 1 | project a = ['d.x'].k[1].z, b = ['d.x']['x y'], c = ['d.x'].k[-2], d = ['d.x'].none", &[
            r#""deep"|9007199254740993|1|<null>"#,
        ]),
        ("print array_length(dynamic([1,2])), array_length(dynamic({})), array_concat(dynamic([1]), dynamic([2])), bag_keys(dynamic({'a':1,'b':2}))", &[
            r#"2|<null>|[1,2]|["a","b"]"#,
        ]),
        ("print bag_pack('a', 1, 'b', 'x', 'c', 5.0), pack_array(1, 'x', true, 1h), set_has_element(dynamic([1, 'a']), 'a')", &[
            r#"{"a":1,"b":"x","c":5.0}|[1,"x",true,"01:00:00"]|true"#,
        ]),
        ("print array_slice(dynamic([1,2,3,4]), 1, 2), array_slice(dynamic([1,2,3]), -2, -1), array_index_of(dynamic([1,2.0]), 2)", &["[2,3]|[2,3]|1"]),
        ("print dynamic({'a':1}).a == 1, dynamic({'a':'x'}).a == 'x'", &["true|true"]),
    ])
    .await;
}

#[tokio::test]
async fn hashes() {
    check(&[
        // Reference values of XXH64 with seed 0 and of SHA-256.
        (
            "print hash_xxhash64(''), hash_xxhash64('World', 100) == hash('World', 100)",
            &["-1205034819632174695|true"],
        ),
        (
            "print hash_sha256('World')",
            &["78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524"],
        ),
        (
            "range x from 1 to 3 step 1 | extend g = new_guid() | summarize dcount(g)",
            &["3"],
        ),
        (
            "range x from 1 to 100 step 1 | extend r = rand() | where r < 0.0 or r >= 1.0",
            &[],
        ),
    ])
    .await;
}

#[tokio::test]
async fn wrong_calls() {
    check_errors(&[
        (
            "print nonsense(1)",
            "SEM0260",
            "Unknown function: 'nonsense'",
        ),
        ("print strlen(1)", "SEM0031", "strlen()"),
        ("print strlen()", "SEM0219", "strlen()"),
        ("print 'a' == 1", "SEM0064", "string and long"),
        ("print dynamic(1) == dynamic(1)", "SEM0064", "dynamic"),
        ("print dynamic(1) + 1", "SEM0031", "explicit cast"),
        (
            "T | where nope == 1",
            "SEM0100",
            "'where' operator: Failed to resolve column or scalar expression named 'nope'",
        ),
        ("print sum(1)", "SEM0106", "outside of summarize"),
        (
            "print format_datetime(now(), 'yyyyTHH')",
            "SEM0031",
            "not supported",
        ),
        (
            "print 'a' matches regex '('",
            "SEM0029",
            "regular expression",
        ),
        ("print row_number()", "SEM0059", "serialized"),
    ])
    .await;
}
