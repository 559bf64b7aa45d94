use crate::tests::{check, check_errors};

#[tokio::test]
async fn functions() {
    check(&[
        // indexof-function.md
        ("print indexof('abcdefg','cde'), indexof('abcdefg','cde',1,4), indexof('abcdefg','cde',1,2), indexof('abcdefg','cde',3,4), indexof('abcdefg','cde',-5), indexof(1234567,5,1,4), indexof('abcdefg','cde',2,-1), indexof('abcdefgabcdefg', 'cde', 1, -1, 3)", &[
            "2|2|-1|-1|2|4|2|-1",
        ]),
        ("print indexof('abcdefgabcdefg', 'cde', 1, -1, 2)", &["9"]),
        ("print indexof('abc', 'b', 0, -2), indexof('abc', 'b', 0, -1, -1)", &["<null>|<null>"]),
        ("print indexof('äbä', 'ä', 1), indexof('abc', 'c', 9), indexof('abc', 'a', -9)", &["2|-1|0"]),
        // substring-function.md
        ("print substring('123456', 1), substring('123456', 2, 2), substring('ABCD', 0, 2), substring('123456', -2, 2)", &["23456|34|AB|56"]),
        // split-function.md
        ("print split('aa_bb', '_'), split('aaa_bbb_ccc', '_', 1), split('', '_'), split('a__b', '_'), split('aabbcc', 'bb')", &[
            r#"["aa","bb"]|["bbb"]|[""]|["a","","b"]|["aa","cc"]"#,
        ]),
        // strlen-function.md
        ("print strlen('hello'), strlen('⒦⒰⒮⒯⒪'), strlen('C\\u0327edilla')", &["5|5|8"]),
        // countof-function.md
        ("print countof('aaa', 'a'), countof('aaaa', 'aa'), countof('ababa', 'ab', 'normal'), countof('ababa', 'aba')", &["3|3|2|2"]),
        // trim-function.md
        ("print trim('--', '--https://bing.com--'), trim(@'\\s+', '    Hello, world!    '), trim(@'[^\\w]+', '-  Te st1// $')", &[
            "https://bing.com|Hello, world!|Te st1",
        ]),
        // extract-function.md
        ("print extract('User: ([^,]+)', 1, 'User: JohnDoe, Email: johndoe@example.com, Age: 29')", &["JohnDoe"]),
        // url-encode-function.md
        ("print url_encode('https://www.bing.com/hello world')", &["https%3a%2f%2fwww.bing.com%2fhello+world"]),
    ])
    .await;
}

/// datatypes-string-operators.md: every example yields true.
#[tokio::test]
async fn operators() {
    let examples = [
        "'aBc' == 'aBc'",
        "'abc' != 'ABC'",
        "'abc' =~ 'ABC'",
        "'aBc' !~ 'xyz'",
        "'North America' has 'america'",
        "'North America' !has 'amer'",
        "'North America' has_cs 'America'",
        "'North America' !has_cs 'amer'",
        "'North America' hasprefix 'ame'",
        "'North America' !hasprefix 'mer'",
        "'North America' hasprefix_cs 'Ame'",
        "'North America' !hasprefix_cs 'CA'",
        "'North America' hassuffix 'ica'",
        "'North America' !hassuffix 'americ'",
        "'North America' hassuffix_cs 'ica'",
        "'North America' !hassuffix_cs 'icA'",
        "'FabriKam' contains 'BRik'",
        "'Fabrikam' !contains 'xyz'",
        "'FabriKam' contains_cs 'Kam'",
        "'Fabrikam' !contains_cs 'Kam'",
        "'Fabrikam' startswith 'fab'",
        "'Fabrikam' !startswith 'kam'",
        "'Fabrikam' startswith_cs 'Fab'",
        "'Fabrikam' !startswith_cs 'fab'",
        "'Fabrikam' endswith 'Kam'",
        "'Fabrikam' !endswith 'brik'",
        "'Fabrikam' matches regex 'b.*k'",
        "'abc' in ('123', '345', 'abc')",
        "'bca' !in ('123', '345', 'abc')",
        "'abc' in~ ('123', '345', 'ABC')",
        "'bca' !in~ ('123', '345', 'ABC')",
        "'North America' has_any('south', 'north')",
    ];
    let text = format!("print {}", examples.join(", "));
    let expected = ["true"; 32].join("|");
    check(&[(text.as_str(), &[expected.as_str()])]).await;
    check_errors(&[
        (
            "print indexof('abcabc', 'c', 0, 4, 2)",
            "SEM0001",
            "length and an occurrence",
        ),
        ("print 'a' has_any (dynamic(['a']))", "SEM0001", "has_any"),
    ])
    .await;
}
