use super::{check, check_errors, columns};

#[tokio::test]
async fn projections() {
    check(&[
        ("T | project id, twice = id * 2 | take 2", &["1|2", "2|4"]),
        ("T | project-away n*, ['d.x'] | take 1", &["1|1.5"]),
        ("T | project-keep id, a* | take 1", &["1|1.5"]),
        (
            "T | project-rename key = id | project-keep key | take 1",
            &["1"],
        ),
        (
            "T | project-reorder name, id | project-away amount, ['d.x'] | take 1",
            &["a|1"],
        ),
        (
            "T | extend id = id + 100 | project-away name, amount, ['d.x'] | take 1",
            &["101"],
        ),
        ("['my table-1'] | count", &["4"]),
        ("T | where id > 1 and name == 'a' | project id", &["3"]),
        ("T | limit 2 | count", &["2"]),
    ])
    .await;
    let cases = [
        (
            "T | project id, id + 1, strlen(name)",
            "id:long,Column1:long,strlen_name:long",
        ),
        (
            "T | extend id = 1.5",
            "name:string,amount:real,d.x:dynamic,id:real",
        ),
        (
            "T | project ['d.x'].k, ['d.x']['x y']",
            "d.x_k:dynamic,d.x_x y:dynamic",
        ),
        ("print 1, b = 'x'", "print_0:long,b:string"),
        (
            "T | getschema",
            "ColumnName:string,ColumnOrdinal:int,DataType:string,ColumnType:string",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(columns(text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn sorting() {
    check(&[
        (
            "datatable(a:int)[2, int(null), 1] | order by a",
            &["2", "1", "<null>"],
        ),
        (
            "datatable(a:int)[2, int(null), 1] | sort by a asc",
            &["<null>", "1", "2"],
        ),
        (
            "datatable(a:int)[2, int(null), 1] | order by a asc nulls last",
            &["1", "2", "<null>"],
        ),
        (
            "datatable(a:int)[2, int(null), 1] | top 1 by a asc nulls last",
            &["1"],
        ),
        (
            "datatable(a:decimal)[decimal(10), decimal(9), decimal(-3)] | order by a asc",
            &["-3", "9", "10"],
        ),
        (
            "datatable(a:int, b:string)[1,'x', 1,'y', 2,'z'] | order by a desc, b desc | project b",
            &["z", "y", "x"],
        ),
        ("range x from 5 to 1 step -2", &["5", "3", "1"]),
        (
            "range d from datetime(2026-01-01) to datetime(2026-01-02) step 12h | count",
            &["3"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn windows() {
    check(&[
        ("datatable(a:long)[3,1,2] | order by a asc | extend n = row_number(), s = row_cumsum(a), p = prev(a), x = next(a, 1, 0)", &[
            "1|1|1|<null>|2", "2|2|3|1|3", "3|3|6|2|0",
        ]),
        ("datatable(g:string, a:long)['x',1,'x',2,'y',5] | serialize n = row_number(10), s = row_cumsum(a, g != prev(g))", &[
            "x|1|10|1", "x|2|11|3", "y|5|12|5",
        ]),
        ("range x from 1 to 5 step 1 | where row_number() % 2 == 0", &["2", "4"]),
        ("T | serialize | extend n = row_number() | where ingestion_time() > datetime(null) or n > 3 | project id, n", &["4|4"]),
    ])
    .await;
}

#[tokio::test]
async fn unions() {
    check(&[
        ("union (T | where id == 1 | project id), (T | where id == 2 | project id) | order by id asc", &["1", "2"]),
        ("print a = 1 | union (print b = 'x') | order by b asc", &["1|", "<null>|x"]),
        ("print a = 1 | union kind=inner (print a = 2, b = 3) | order by a asc", &["1", "2"]),
        ("union withsource=S T, (print id = 9) | where id in (1, 9) | project S, id | order by id asc", &["T|1", "union_arg1|9"]),
        ("union hint.concurrency=8 T* | count", &["4"]),
        ("union T, T | where extent_id() == guid(5b0a7f9e-1111-4a11-9111-000000000001) | count", &["4"]),
    ])
    .await;
    assert_eq!(
        columns("print a = 1 | union (print a = 'x')").await,
        "a_long:long,a_string:string"
    );
    check_errors(&[
        ("union isfuzzy=true T, Nope", "SEM0001", "isfuzzy"),
        ("union T, Nope", "SEM0100", "'Nope'"),
    ])
    .await;
}

#[tokio::test]
async fn joins() {
    let left = "let L = datatable(k:long, l:string)[1,'a', 1,'b', 2,'c', 3,'d']; let R = datatable(k:long, r:string)[1,'x', 1,'y', 2,'z', 4,'w'];";
    let cases: [(&str, &[&str]); 9] = [
        (
            "L | join R on k | order by l asc, r asc",
            &["1|a|1|x", "1|a|1|y", "2|c|2|z"],
        ),
        ("L | join kind=inner R on k | count", &["5"]),
        (
            "L | join kind=leftouter (R | where r != 'y') on k | order by l asc",
            &["1|a|1|x", "1|b|1|x", "2|c|2|z", "3|d|<null>|"],
        ),
        ("L | join kind=leftanti R on k", &["3|d"]),
        (
            "L | join kind=leftsemi R on k | order by l asc | project l",
            &["a", "b", "c"],
        ),
        ("L | join kind=rightanti R on k", &["4|w"]),
        ("L | join kind=fullouter R on k | count", &["7"]),
        (
            "L | join kind=inner hint.strategy=broadcast (R | project j = k, r) on $left.k == $right.j | where l == 'c' | project l, r",
            &["c|z"],
        ),
        (
            "L | lookup (R | where r != 'y') on k | order by l asc",
            &["1|a|x", "1|b|x", "2|c|z", "3|d|"],
        ),
    ];
    for (text, expected) in cases {
        check(&[(&format!("{left} {text}"), expected)]).await;
    }
    check_errors(&[
        ("T | join T on ['d.x']", "SEM0066", "dynamic"),
        ("T | join T on nope", "SEM0100", "nope"),
    ])
    .await;
}

#[tokio::test]
async fn expansion() {
    check(&[
        ("print a = 1, d = dynamic([1, 'x', null]) | mv-expand d", &["1|1", "1|\"x\"", "1|<null>"]),
        ("print d = split('p\\r\\nq', '\\r\\n') | mv-expand Tag = d to typeof(string) | project Tag", &["p", "q"]),
        ("print d = dynamic([1, '1']) | mv-expand d to typeof(long)", &["1", "<null>"]),
        ("print a = dynamic([1,2]), b = dynamic([3]) | mv-expand a, b", &["1|3", "2|<null>"]),
        ("print d = dynamic([]) | mv-expand d", &[]),
        ("print d = dynamic([5,6,7]) | mv-expand with_itemindex=i d limit 2", &["5|0", "6|1"]),
        ("print d = dynamic({'a':1,'b':2}) | mv-expand d", &["{\"a\":1}", "{\"b\":2}"]),
    ])
    .await;
}

#[tokio::test]
async fn unsupported_is_named() {
    check_errors(&[
        (
            "T | evaluate bag_unpack(['d.x'])",
            "SEM0001",
            "the operator 'evaluate'",
        ),
        (
            "T | make-series count() on id step 1",
            "SEM0001",
            "make-series",
        ),
        ("search 'x'", "SEM0001", "search"),
        ("T | parse name with 'a' b", "SEM0001", "parse"),
    ])
    .await;
}
