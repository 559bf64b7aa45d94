"""Extreme values of every scalar type, as texts, and those texts as literals of the language."""

import json

from canonical import ExactFloat, exact_int

TYPES = [
    "bool",
    "int",
    "long",
    "real",
    "decimal",
    "datetime",
    "timespan",
    "guid",
    "string",
    "dynamic",
]

# A key, then one text for each of the types above; None is a null, which strings do not have.
ROWS: list[list[str | None]] = [
    ["nulls", None, None, None, None, None, None, None, None, "", None],
    [
        "least",
        "false",
        "-2147483648",
        "-9223372036854775808",
        "-1.7976931348623157e308",
        "-9999999999999999999999999999999999",
        "0001-01-01T00:00:00.0000000Z",
        "-10675199.02:48:05.4775808",
        "00000000-0000-0000-0000-000000000000",
        " ",
        "[]",
    ],
    [
        "greatest",
        "true",
        "2147483647",
        "9223372036854775807",
        "1.7976931348623157e308",
        "9999999999999999999999999999999999",
        "9999-12-31T23:59:59.9999999Z",
        "10675199.02:48:05.4775807",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "a 'b' \"c\"\n\\d\te\u0000f \U0001f600",
        "{}",
    ],
    [
        "smallest",
        "true",
        "-1",
        "-1",
        "5e-324",
        "0.000000000000000000000000000000001",
        "2020-02-29T23:59:59.0000001Z",
        "00:00:00.0000001",
        "74be27de-1e4e-49d9-b579-fe0b331d3642",
        "null",
        '{"a":null}',
    ],
    [
        "not a number",
        "false",
        "0",
        "0",
        "NaN",
        "0",
        "1582-10-15T00:00:00.0000000Z",
        "-00:00:00.0000001",
        "00000000-0000-0000-0000-000000000001",
        "NaN",
        '{"b":{}}',
    ],
    [
        "infinite",
        None,
        "1",
        "9007199254740993",
        "Infinity",
        "1234567890.123456789012345678901234",
        "1969-12-31T23:59:59.9999999Z",
        "1.00:00:00",
        "0a0a0a0a-0b0b-0c0c-0d0d-0e0e0e0e0e0e",
        "a,b",
        '[1,[2,[3,{"deep":[true,false,null,"x"]}]]]',
    ],
    [
        "minus infinite",
        None,
        "-7",
        "-9007199254740993",
        "-Infinity",
        "-0.1234567890123456789012345678901234",
        "2262-04-11T23:47:16.8547759Z",
        "-1.23:59:59.9999999",
        None,
        "\"",
        '{"big":9007199254740993,"more":-9223372036854775808,"list":[9223372036854775807]}',
    ],
    [
        "minus zero",
        "true",
        None,
        None,
        "-0.0",
        "1",
        "2024-12-31T12:34:56.7890123Z",
        "0.00:00:00",
        None,
        "\u00e9e\u0301",
        '{"text":"quote \\" line\\nbreak \\\\ \U0001f600","":"empty key","with space":1.5}',
    ],
    [
        "one third",
        "false",
        "123456789",
        "1234567890123456789",
        "0.3333333333333333",
        "0.3333333333333333333333333333333333",
        "2026-01-02T03:04:05.1234567Z",
        "12:34:56.7890123",
        "12345678-9abc-def0-1234-56789abcdef0",
        "\r\n",
        "-1.5",
    ],
    [
        "tenth",
        "true",
        "5",
        "6",
        "0.1",
        "0.1",
        "1900-01-01T00:00:00.0000010Z",
        "365.00:00:00",
        "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "'",
        "true",
    ],
    [
        "just inside",
        "true",
        "2147483646",
        "-9223372036854775807",
        "2.2250738585072014e-308",
        "99999999999999999.99999999999999999",
        "0001-01-01T00:00:00.0000001Z",
        "-10675199.02:48:05.4775807",
        "ffffffff-ffff-ffff-ffff-fffffffffffe",
        "\t",
        '"a \\"quoted\\" text, \\u0000 and \U0001f600"',
    ],
    [
        "last tick",
        "false",
        "-2147483647",
        "9223372036854775806",
        "-5e-324",
        "-99999999999999999.99999999999999999",
        "9999-12-31T23:59:59.9999998Z",
        "10675199.02:48:05.4775806",
        "80000000-0000-0000-0000-000000000000",
        "true",
        "9223372036854775807",
    ],
    [
        "whole real",
        None,
        "-0",
        "1000000000000000000",
        "9007199254740993.0",
        "-0.000000000000000000000000000000001",
        "2000-01-01T00:00:00.0000000Z",
        "-365.23:59:59.0000000",
        None,
        "\\",
        '{"whole":1.0,"tenth":0.1,"small":1e-300,"same":[{"a":1},{"a":1}],"a.b":{"c\'d":null}}',
    ],
]


def parsed(text: str | None, kusto_type: str):
    """What the reader gets for a value with this text."""
    if text is None:
        return None
    if kusto_type == "bool":
        return text == "true"
    if kusto_type in ("int", "long"):
        return int(text)
    if kusto_type == "real" and text not in ("NaN", "Infinity", "-Infinity"):
        return ExactFloat(text)
    if kusto_type == "dynamic":
        return json.loads(text, parse_float=ExactFloat, parse_int=exact_int)
    return text


_REALS = {"NaN": "nan", "Infinity": "+inf", "-Infinity": "-inf"}


def _string(text: str) -> str:
    escaped = "".join(
        f"\\u{ord(char):04x}" if ord(char) < 32 else f"\\{char}" if char in "\\'\"" else char
        for char in text
    )
    return f"'{escaped}'"


def literal(text: str | None, kusto_type: str) -> str:
    """A value as a literal."""
    if kusto_type == "string":
        return _string(text or "")
    if text is None:
        return f"{kusto_type}(null)"
    if kusto_type == "real":
        return f"real({_REALS.get(text, text)})"
    if kusto_type == "dynamic":
        return f"dynamic({text})"
    return f"{kusto_type}({text})"
