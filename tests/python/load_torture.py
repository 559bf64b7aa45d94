"""Loads a database of extremes through a cluster's public API, with Microsoft's client.

Every value is read back after loading and compared with what was meant, so that a cluster which
damages values on their way in cannot hide a copier that damages them on their way out.
"""

import argparse
import io
import json
import pathlib
import sys
from typing import NamedTuple

from canonical import canonical
from kusto_reader import Column, Database, quote
from torture_values import ROWS, TYPES, literal, parsed

LONG_NAME = "n" * 1_024
LONG_UNICODE_NAME = "ü" * 1_024
MEGABYTE = 1 << 20


class Loaded(NamedTuple):
    """A table as it must be now."""

    name: str
    columns: list[Column]
    rows: list[list[str | None]]


def schema_text(columns: list[Column]) -> str:
    return ", ".join(f"{quote(column.name)}:{column.type}" for column in columns)


def create(database: Database, name: str, columns: list[Column]) -> None:
    database.command(f".create table {quote(name)} ({schema_text(columns)})")


def csv_text(rows: list[list[str | None]]) -> str:
    """RFC 4180; a null is an empty field, everything else is in quotes."""
    lines = []
    for row in rows:
        fields = ("" if text is None else '"' + text.replace('"', '""') + '"' for text in row)
        lines.append(",".join(fields) + "\n")
    return "".join(lines)


def by_datatable(database: Database, table: Loaded, properties: str = "") -> None:
    """`.set-or-append` of literals."""
    cells = ",\n".join(
        literal(text, column.type)
        for row in table.rows
        for text, column in zip(row, table.columns, strict=True)
    )
    database.command(
        f".set-or-append {quote(table.name)} {properties} <| "
        f"datatable ({schema_text(table.columns)}) [\n{cells}\n]"
    )


def by_file(database: Database, table: Loaded, folder: pathlib.Path, properties: str = "") -> None:
    """`.ingest` of a CSV file."""
    path = folder / f"{len(list(folder.iterdir()))}.csv"
    path.write_text(csv_text(table.rows), encoding="utf-8", newline="")
    database.command(
        f".ingest into table {quote(table.name)} (h@'{path.resolve()}') "
        f"with (format='csv'{properties})"
    )


def by_stream(database: Database, table: Loaded) -> None:
    """The streaming ingestion endpoint."""
    database.command(f".alter table {quote(table.name)} policy streamingingestion enable")
    database.ingest_stream(table.name, io.BytesIO(csv_text(table.rows).encode()), "csv")


def by_inline(database: Database, table: Loaded) -> None:
    """`.ingest inline`."""
    database.command(f".ingest inline into table {quote(table.name)} <|\n{csv_text(table.rows)}")


def extremes(database: Database, folder: pathlib.Path) -> list[Loaded]:
    """The same rows with every type, each time in at another door."""
    columns = [Column("key", "string")] + [Column(f"a {t}", t) for t in TYPES]
    tables = [
        Loaded(f"types by {door}", columns, ROWS) for door in ("literals", "file", "stream")
    ]
    for table in tables:
        create(database, table.name, columns)
    by_datatable(database, tables[0])
    by_file(database, tables[1], folder)
    by_stream(database, tables[2])
    inline = Loaded("inline", [Column("a", "long"), Column("b", "string")], [["1", "x, y"], ["-2", ""]])
    create(database, inline.name, inline.columns)
    by_inline(database, inline)
    return tables + [inline]


def one_type_each(database: Database) -> list[Loaded]:
    """One table a type: each goes the way that its type asks for."""
    made = []
    for position, kusto_type in enumerate(TYPES, start=1):
        rows = [[row[0], row[position]] for row in ROWS]
        table = Loaded(f"only_{kusto_type}", [Column("key", "string"), Column("v", kusto_type)], rows)
        create(database, table.name, table.columns)
        by_datatable(database, table)
        made.append(table)
    return made


def strings(database: Database) -> Loaded:
    """Every kind of text, up to the size that a value may have."""
    texts = [
        "",
        " ",
        "  leading and trailing  ",
        "'",
        '"',
        '""',
        '"quoted"',
        "a,b;c\td|e",
        "line\nbreak",
        "return\rline\r\nbreaks",
        "\n",
        "\u0000",
        "a\u0000b",
        "\u0001\u001f\u007f\u0085\u2028\ufeff",
        "back\\slash \\n \\",
        "null",
        "NULL",
        "NaN",
        "0123",
        "{}",
        "=1+1",
        "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "e\u0301 \u00e9",
        "\u05e9\u05dc\u05d5\u05dd \u202eabc",
        "\uffff\U0010ffff",
        "x" * MEGABYTE,
        "\n" * 300_000,
        '"' * 300_000,
        "\U0001f600" * (MEGABYTE // 4),
    ]
    table = Loaded(
        "strings",
        [Column("n", "long"), Column("s", "string")],
        [[str(n), text] for n, text in enumerate(texts)],
    )
    create(database, table.name, table.columns)
    for start in range(0, len(texts), 26):
        by_stream(database, table._replace(rows=table.rows[start : start + 26]))
    return table


def names(database: Database) -> list[Loaded]:
    """Names at the borders of what is allowed, for tables and columns."""
    odd = [
        "with space",
        "with.dots.",
        "-with-dashes-",
        "where",
        "let",
        "table",
        "ingestion_time",
        "cursor_after",
        "datatable",
        "123",
        "1.5",
        "_",
        "a__b",
        "Case",
        "case",
        "true",
        "Größe",
        "表 имя ไทย",
        LONG_NAME,
        LONG_UNICODE_NAME,
    ]
    columns = [Column(name, TYPES[n % len(TYPES)]) for n, name in enumerate(odd)]
    row = [ROWS[1][1 + n % len(TYPES)] for n in range(len(odd))]
    made = []
    for name in odd:
        table = Loaded(name, columns, [row])
        create(database, name, columns)
        by_datatable(database, table)
        made.append(table)
    return made


def shapes(database: Database) -> list[Loaded]:
    """Tables without rows, with one column, with three hundred."""
    empty = Loaded("empty", [Column("a", "int"), Column("b", "datetime")], [])
    create(database, empty.name, empty.columns)
    made = [empty]
    for kusto_type in ("string", "long"):
        rows = [[""], ["7"], [""]] if kusto_type == "string" else [[None], ["7"], [None]]
        one = Loaded(f"one {kusto_type}", [Column("a", kusto_type)], rows)
        create(database, one.name, one.columns)
        by_datatable(database, one)
        made.append(one)
    wide = Loaded(
        "wide",
        [Column(f"c{n:03}", TYPES[n % len(TYPES)]) for n in range(300)],
        [[row[1 + n % len(TYPES)] for n in range(300)] for row in ROWS],
    )
    create(database, wide.name, wide.columns)
    by_datatable(database, wide)
    return made + [wide]


def years(database: Database, folder: pathlib.Path) -> Loaded:
    """Extents whose creation times span years."""
    columns = [Column("year", "int"), Column("n", "int")]
    create(database, "years", columns)
    rows = []
    for year in (2009, 2016, 2016, 2020, 2025):
        some = [[str(year), str(n)] for n in range(20)]
        creation = f"{year}-03-04T05:06:07.1234567Z"
        part = Loaded("years", columns, some)
        if year == 2016:
            by_file(database, part, folder, f", creationTime='{creation}'")
        else:
            by_datatable(database, part, f"with (creationTime='{creation}')")
        rows += some
    return Loaded("years", columns, rows)


def instants(database: Database) -> list[Loaded]:
    """Rows of one instant that exceed a block, and rows without ingestion time."""
    rows = [[str(n), f"row {n}"] for n in range(5_000)]
    dense = Loaded("dense", [Column("n", "long"), Column("s", "string")], rows)
    create(database, dense.name, dense.columns)
    database.command(
        ".set-or-append dense <| range n from 0 to 4999 step 1 "
        "| project n = tolong(n), s = strcat('row ', n)"
    )
    made = [dense]
    for name, many in (("untimed", 3), ("dense untimed", 1_500)):
        table = Loaded(name, [Column("n", "long")], [[str(n)] for n in range(many + 3)])
        create(database, name, table.columns)
        database.command(f".alter table {quote(name)} policy ingestiontime false")
        last = many - 1
        database.command(f".set-or-append {quote(name)} <| range n from 0 to {last} step 1")
        database.command(f".alter table {quote(name)} policy ingestiontime true")
        database.command(
            f".set-or-append {quote(name)} <| range n from {many} to {many + 2} step 1"
        )
        made.append(table)
    return made


def problem(database: Database, table: Loaded) -> str | None:
    """What is not as it was meant, or nothing."""
    found = database.columns(table.name)
    if found != table.columns:
        return f"{table.name[:50]}: columns are {found!r}"[:2_000]
    there = sorted(
        [canonical(value, column.type) for value, column in zip(row, found, strict=True)]
        for row in database.rows(table.name, found)
    )
    meant = sorted(
        [canonical(parsed(text, column.type), column.type) for text, column in zip(row, found)]
        for row in table.rows
    )
    if there == meant:
        return None
    lost = [row for row in meant if row not in there][:3]
    foreign = [row for row in there if row not in meant][:3]
    return f"{table.name[:50]}: {len(there)} rows\n  meant {lost!r:.1500}\n  found {foreign!r:.1500}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cluster_uri")
    parser.add_argument("database")
    parser.add_argument("folder", type=pathlib.Path, help="for files that the cluster reads")
    parser.add_argument("--expect-out", help="write the numbers of rows for compare_databases.py")
    options = parser.parse_args()
    database = Database(options.cluster_uri, options.database)
    try:
        tables = [
            *extremes(database, options.folder),
            *one_type_each(database),
            strings(database),
            *names(database),
            *shapes(database),
            years(database, options.folder),
            *instants(database),
        ]
        problems = [text for table in tables if (text := problem(database, table))]
    finally:
        database.close()
    for text in problems:
        print(text)
    if options.expect_out:
        expected = {table.name: len(table.rows) for table in tables}
        pathlib.Path(options.expect_out).write_text(json.dumps(expected), encoding="utf-8")
    print(f"{len(tables)} tables, {sum(len(table.rows) for table in tables)} rows")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
