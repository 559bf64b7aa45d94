use crate::tests::columns;

/// What Microsoft's language service gives for the same text.
#[tokio::test]
async fn names_and_types() {
    let cases = [
        (
            "T | project abs(id), round(amount), isnull(id), strlen(name)",
            "id:long,amount:real,Column1:bool,strlen_name:long",
        ),
        (
            "T | project tostring(id), todouble(amount), bin(id, 5), bin(amount, 5)",
            "id:string,amount:real,id1:long,amount1:real",
        ),
        (
            "T | project split(name, 'a'), gettype(id), parse_json(name), ingestion_time()",
            "name:dynamic,type_id:string,name1:dynamic,$IngestionTime:datetime",
        ),
        (
            "T | project toint(['d.x'].a), toupper(name), -id",
            "d.x_a:int,Column1:string,Column2:long",
        ),
        (
            "T | summarize round(avg(id), 1), toint(sum(id)), bin(max(id), 5)",
            "avg_id:real,sum_id:int,max_id:long",
        ),
        (
            "T | summarize sum(id) + 1, sum(id) / count(), -sum(id)",
            "Column1:long,Column2:long,Column3:long",
        ),
        (
            "T | summarize arg_max(id, strlen(name), name)",
            "id:long,strlen_name:long,name:string",
        ),
        (
            "T | summarize any(id, name), argmax(id, name), argmin(id, name)",
            "any_id:long,any_name:string,max_id:long,max_id_name:string,min_id:long,min_id_name:string",
        ),
        (
            "T | project id, name | summarize any(*) by id",
            "id:long,any_name:string",
        ),
        (
            "T | summarize count() by bin(id, 5), strlen(name), id + 1, name",
            "id:long,strlen_name:long,Column1:long,name:string,count_:long",
        ),
        (
            "T | distinct strlen(name), id + 1, id + 2",
            "strlen_name:long,Column1:long,Column2:long",
        ),
        (
            "print int(2) * int(3), -int(5), bin(int(7), int(2)), abs(int(-1))",
            "print_0:long,print_1:int,print_2:long,print_3:long",
        ),
        (
            "print sign(-3), ceiling(int(1)), round(2), round(int(2)), round(2.5)",
            "print_0:real,print_1:int,print_2:long,print_3:int,print_4:real",
        ),
        (
            "print datetime_part('year', now()), datetime_diff('day', now(), now())",
            "print_0:int,print_1:long",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(columns(text).await, expected, "{text}");
    }
}
