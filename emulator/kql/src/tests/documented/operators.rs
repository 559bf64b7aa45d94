use crate::tests::{check, check_errors, columns};

/// sort-operator.md, "Using special floating-point values".
#[tokio::test]
async fn sorting_of_special_reals() {
    let query = |order: &str| {
        format!(
            "datatable(x:real)[5.0, real(nan), real(+inf), 0.0, real(null), real(-inf), -5.0] | sort by x {order}"
        )
    };
    let cases: [(&str, [&str; 7]); 4] = [
        (
            "asc nulls first",
            [
                "<null>",
                "NaN",
                "-Infinity",
                "-5.0",
                "0.0",
                "5.0",
                "Infinity",
            ],
        ),
        (
            "desc nulls first",
            [
                "<null>",
                "NaN",
                "Infinity",
                "5.0",
                "0.0",
                "-5.0",
                "-Infinity",
            ],
        ),
        (
            "asc nulls last",
            [
                "-Infinity",
                "-5.0",
                "0.0",
                "5.0",
                "Infinity",
                "NaN",
                "<null>",
            ],
        ),
        (
            "desc nulls last",
            [
                "Infinity",
                "5.0",
                "0.0",
                "-5.0",
                "-Infinity",
                "NaN",
                "<null>",
            ],
        ),
    ];
    for (order, expected) in &cases {
        check(&[(query(order).as_str(), expected)]).await;
    }
    // The defaults: `asc` puts nulls first, `desc` last; `top` sorts as `sort` does.
    check(&[
        (query("asc").as_str(), &cases[0].1),
        (query("desc").as_str(), &cases[3].1),
        (
            &query("").replace("sort by x", "top 2 by x"),
            &["Infinity", "5.0"],
        ),
    ])
    .await;
}

/// mv-expand-operator.md
#[tokio::test]
async fn expansion() {
    let bags = r#"datatable (a: int, b: dynamic) [1, dynamic({"prop1": "a1", "prop2": "b1"}), 2, dynamic({"prop1": "a2", "prop2": "b2"})]"#;
    check(&[
        ("datatable (a: int, b: dynamic) [1, dynamic([10, 20]), 2, dynamic(['a', 'b'])] | mv-expand b", &[
            "1|10", "1|20", "2|\"a\"", "2|\"b\"",
        ]),
        (format!("{bags} | mv-expand b").as_str(), &[
            r#"1|{"prop1":"a1"}"#, r#"1|{"prop2":"b1"}"#, r#"2|{"prop1":"a2"}"#, r#"2|{"prop2":"b2"}"#,
        ]),
        (format!("{bags} | mv-expand kind=array b | extend key = b[0], val = b[1] | take 2").as_str(), &[
            r#"1|["prop1","a1"]|"prop1"|"a1""#, r#"1|["prop2","b1"]|"prop2"|"b1""#,
        ]),
        (r#"datatable (a: int, b: dynamic, c: dynamic)[1, dynamic({"prop1": "a", "prop2": "b"}), dynamic([5, 4, 3])] | mv-expand b, c"#, &[
            r#"1|{"prop1":"a"}|5"#, r#"1|{"prop2":"b"}|4"#, "1|<null>|3",
        ]),
        ("range x from 1 to 4 step 1 | summarize x = make_list(x) | mv-expand with_itemindex=Index x", &["1|0", "2|1", "3|2", "4|3"]),
        // "If the dynamic value is null, then a single record is produced for that value (null). If
        // the dynamic value is an empty array or property bag, no record is produced."
        ("datatable(a:int, b:dynamic)[1, dynamic([]), 2, dynamic(null), 3, dynamic({}), 4, dynamic([7])] | mv-expand b", &["2|<null>", "4|7"]),
        // Side by side with a column that has elements the row stays.
        ("print a = dynamic([]), b = dynamic([1]) | mv-expand a, b", &["<null>|1"]),
        // "cast-only and doesn't include parsing or type-conversion"
        ("print b = dynamic([1, '2', 3.5, true]) | mv-expand b to typeof(long)", &["1", "<null>", "<null>", "<null>"]),
        ("print b = dynamic([1, 'x', true]) | mv-expand b to typeof(string)", &["1", "x", "true"]),
        // "The legacy version has a default row limit of 128."
        ("range x from 1 to 200 step 1 | summarize l = make_list(x) | mvexpand l | count", &["128"]),
        ("range x from 1 to 200 step 1 | summarize l = make_list(x) | mv-expand l | count", &["200"]),
    ])
    .await;
}

#[tokio::test]
async fn aggregates() {
    check(&[
        // arg-max-aggregation-function.md, null handling
        (r#"datatable(Fruit: string, Color: string, Version: int) ["Apple", "Red", 1, "Apple", "Green", int(null), "Banana", "Yellow", int(null), "Banana", "Green", int(null), "Pear", "Brown", 1, "Pear", "Green", 2] | summarize arg_max(Version, *) by Fruit | sort by Fruit asc"#, &[
            "Apple|1|Red", "Banana|<null>|Yellow", "Pear|2|Green",
        ]),
        ("datatable(k:int, v:string)[int(null), 'none', 3, 'three', 2, 'two'] | summarize arg_max(k, v), arg_min(k, v)", &["3|three|2|two"]),
        // The null row and the rows with a key stand in two partitions.
        ("union (print k = int(null), v = 'none'), (print k = int(3), v = 'three') | summarize arg_min(k, v)", &["3|three"]),
        // take-any-aggregation-function.md: "attempt to return a non-null/non-empty value"
        ("datatable(s:string, n:int)['', int(null), 'a', 5] | summarize take_any(s), take_any(n)", &["a|5"]),
        ("datatable(s:string)['', ''] | summarize take_any(s)", &[""]),
        // make-set-aggregation-function.md, "Set from array column"
        ("datatable (Val: int, Arr1: dynamic) [1, dynamic(['A1', 'A2', 'A3']), 5, dynamic(['A2', 'C1']), 7, dynamic(['C2', 'A3']), 5, dynamic(['C2', 'A1'])] | summarize Val_set=make_set(Val), Arr1_set=make_set(Arr1)", &[
            r#"[1,5,7]|["A1","A2","A3","C1","C2"]"#,
        ]),
        // "The deprecated version has a default maxSize limit of 128."
        ("range x from 1 to 200 step 1 | summarize array_length(makeset(x)), array_length(makelist(x)), array_length(make_set(x)), array_length(make_list(x))", &[
            "128|128|200|200",
        ]),
        // summarize-operator.md
        ("datatable(x:long)[] | summarize count(x), countif(x > 0), dcount(x), dcountif(x, x > 0)", &["0|0|0|0"]),
        ("range x from 1 to 4 step 1 | extend y = iff(x == 1, real(null), real(5)) | summarize sum(y), avg(y)", &["15.0|5.0"]),
    ])
    .await;
}

#[tokio::test]
async fn unions_and_ranges() {
    check(&[
        // union-operator.md, "Source columns types mismatch"
        ("let View_1 = view () { print x=1 }; let View_2 = view () { print x=toint(2) }; union withsource=TableName View_1, View_2", &[
            "View_1|1|<null>", "View_2|<null>|2",
        ]),
        ("let View_1 = view () { print x=1 }; let View_2 = view () { print x=toint(2) }; let View_3 = view () { print x_long=3 }; union withsource=TableName View_1, View_2, View_3", &[
            "View_1|1|<null>|<null>", "View_2|<null>|2|<null>", "View_3|<null>|<null>|3",
        ]),
        // range-operator.md
        ("range Steps from 1 to 8 step 3", &["1", "4", "7"]),
    ])
    .await;
    let types = [
        (
            "let View_1 = view () { print x=1 }; let View_2 = view () { print x=toint(2) }; let View_3 = view () { print x_long=3 }; union withsource=TableName View_1, View_2, View_3",
            "TableName:string,x_long1:long,x_int:int,x_long:long",
        ),
        // A range without rows has its type too.
        ("range x from now() to ago(1d) step 1h", "x:datetime"),
        ("range x from 2h to 1h step 1h", "x:timespan"),
        ("range x from int(1) to int(5) step int(1)", "x:int"),
    ];
    for (text, expected) in types {
        assert_eq!(columns(text).await, expected, "{text}");
    }
    check_errors(&[
        ("range x from 1.0 to 2.0 step 0.5", "SEM0001", "'range'"),
        (
            "print a1=1, a2=2 | project-reorder a* granny-asc",
            "SEM0001",
            "granny-asc",
        ),
    ])
    .await;
}

#[tokio::test]
async fn windows_and_lookups() {
    check(&[
        // row-cumsum-function.md
        (r#"datatable (name:string, month:int, salary:long) ["Alice", 1, 1000, "Bob", 1, 1000, "Alice", 2, 2000, "Bob", 2, 1950, "Alice", 3, 1400, "Bob", 3, 1450] | order by name asc, month asc | extend total=row_cumsum(salary, name != prev(name)) | project name, total"#, &[
            "Alice|1000", "Alice|3000", "Alice|4400", "Bob|1000", "Bob|2950", "Bob|4400",
        ]),
        // row-number-function.md
        (r#"datatable (Airport:string, Airline:string, Departures:long) ["TLV", "LH", 1, "TLV", "LY", 100, "SEA", "LH", 1, "SEA", "BA", 2, "SEA", "LY", 0] | sort by Airport asc, Departures desc | extend Rank=row_number(1, prev(Airport) != Airport)"#, &[
            "SEA|BA|2|1", "SEA|LH|1|2", "SEA|LY|0|3", "TLV|LY|100|1", "TLV|LH|1|2",
        ]),
        // lookup-operator.md
        (r#"let FactTable=datatable(Row:string,Personal:string,Family:string) ["1", "Bill", "Gates", "2", "Bill", "Clinton", "4", "Steve", "Ballmer"]; let DimTable=datatable(Personal:string,Family:string,Alias:string) ["Bill", "Gates", "billg", "Bill", "Clinton", "billc", "Steve", "Ballmer", "steveb"]; FactTable | lookup kind=leftouter DimTable on Personal, Family | sort by Row asc"#, &[
            "1|Bill|Gates|billg", "2|Bill|Clinton|billc", "4|Steve|Ballmer|steveb",
        ]),
        // project-reorder-operator.md
        ("print a='a', b='b', c='c' | project-reorder b", &["b|a|c"]),
        ("print b = 'b', a2='a2', a3='a3', a1='a1' | project-reorder a* asc", &["a1|a2|a3|b"]),
    ])
    .await;
}
