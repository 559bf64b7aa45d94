use super::{check, check_errors, columns};

#[tokio::test]
async fn defaults_without_rows() {
    check(&[
        // `summarize-operator.md`, "Default values of aggregations".
        ("datatable(x:long)[] | summarize count(), countif(x > 0), dcount(x), sum(x), sumif(x, x > 0)", &["0|0|0|0|0"]),
        ("datatable(x:long)[] | summarize avg(x), max(x), min(x), make_list(x), make_set(x)", &["NaN|<null>|<null>|[]|[]"]),
        ("datatable(x:long, s:string)[] | summarize arg_max(x, *), take_any(s), max(s)", &["<null>|||"]),
        ("datatable(x:long)[] | summarize count() by x", &[]),
        ("datatable(x:long)[] | count", &["0"]),
    ])
    .await;
}

#[tokio::test]
async fn nulls_do_not_count() {
    check(&[
        ("range x from 1 to 4 step 1 | extend y = iff(x == 1, real(null), real(5)) | summarize sum(y), avg(y), count(y)", &["15.0|5.0|4"]),
        ("range x from 1 to 2 step 1 | extend y = iff(x == 1, real(null), real(5)) | summarize make_set(y), make_set(y)", &["[5.0]|[5.0]"]),
        ("datatable(x:decimal)[decimal(1.5), decimal(null), decimal(10)] | summarize sum(x), max(x), min(x)", &["11.5|10|1.5"]),
        ("datatable(x:timespan)[1h, 30m] | summarize sum(x), max(x)", &["01:30:00|01:00:00"]),
    ])
    .await;
}

#[tokio::test]
async fn groups() {
    check(&[
        ("T | summarize Rows = count(), Total = sum(id) by name | order by name asc", &["|1|4", "a|2|4", "b|1|2"]),
        ("T | summarize arg_max(id, name, amount)", &["4||-0.0"]),
        ("T | summarize arg_max(id, *) by name | where name == 'a' | project name, id", &["a|3"]),
        ("T | summarize arg_min(id, name) by extent_id() | order by id asc | project id, name", &["1|a", "3|a"]),
        ("T | summarize (latest, who) = arg_max(id, name)", &["4|"]),
        ("T | summarize Ids = make_list(id, 3), S = make_set(name)", &[r#"[1,2,3]|["a","b",""]"#]),
        ("T | summarize x = sum(id) / count(), r = round(avg(id), 1)", &["2|2.5"]),
        ("T | summarize dcount(name), dcountif(name, id < 3), maxif(id, name == 'a')", &["3|2|3"]),
        // Equality with a literal is never null, which the planner must not stumble over.
        ("T | summarize countif(id == 1), sumif(amount, id == 1), minif(name, id != 4)", &["1|1.5|a"]),
        ("T | summarize by name | count", &["3"]),
        ("T | distinct name | count", &["3"]),
        ("T | summarize count() by bin(id, 2) | order by id asc", &["0|1", "2|2", "4|1"]),
        ("T | summarize max(ingestion_time()), min(ingestion_time())", &["0001-01-01T00:00:00.0000400Z|0001-01-01T00:00:00.0000100Z"]),
        ("datatable(k:string, v:decimal)['a', decimal(10), 'b', decimal(9)] | summarize arg_max(v, k)", &["10|a"]),
        // Two legs are two partitions: partial states meet.
        ("union T, T | summarize count(), sum(id), array_length(make_list(id)), arg_max(id, name), make_set(name) | project-away make_*, set_*", &["8|20|8|4|"]),
    ])
    .await;
    let cases = [
        (
            "T | summarize count(), sum(id), make_list(name), dcount(id), countif(id > 1) by name",
            "name:string,count_:long,sum_id:long,list_name:dynamic,dcount_id:long,countif_:long",
        ),
        (
            "T | summarize arg_max(id, *)",
            "id:long,name:string,amount:real,d.x:dynamic",
        ),
        (
            "T | summarize count() by Bin = bin(ingestion_time(), 1h), ExtentId = extent_id()",
            "Bin:datetime,ExtentId:guid,count_:long",
        ),
        ("T | count", "Count:long"),
    ];
    for (text, expected) in cases {
        assert_eq!(columns(text).await, expected, "{text}");
    }
    check_errors(&[
        ("T | summarize count() by ['d.x']", "SEM0067", "dynamic"),
        ("T | summarize id by name", "SEM0100", "id"),
        ("T | summarize percentile(id, 5)", "SEM0260", "percentile"),
    ])
    .await;
}
