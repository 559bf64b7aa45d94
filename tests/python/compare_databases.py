"""Compares two databases value for value, with Microsoft's client, sharing no code with the copier.

Prints one line a table; ends with 0 if all are equal and with 1 otherwise.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from typing import Iterable

from canonical import canonical
from kusto_reader import Column, Database

# How many differing rows to show of each side.
SHOWN_ROWS = 3


def row_text(row: list, columns: list[Column]) -> str:
    """One text for a row; a JSON list, so that no value can imitate the border of two."""
    texts = []
    for value, column in zip(row, columns, strict=True):
        try:
            texts.append(canonical(value, column.type))
        except ValueError as error:
            raise ValueError(f"column {column.name!r}: {error}") from error
    return json.dumps(texts)


def digest(text: str) -> bytes:
    """Stands for a row's text; 16 bytes, since a table's rows must fit into memory."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def multiset(rows: Iterable[list], columns: list[Column]) -> Counter:
    """How often each row occurs."""
    return Counter(digest(row_text(row, columns)) for row in rows)


def column_problems(source: list[Column], destination: list[Column]) -> list[str]:
    """What differs between the columns of two tables; their order does not matter."""
    there = {column.name: column.type for column in destination}
    here = {column.name: column.type for column in source}
    problems = [f"column {name!r} is missing" for name in here if name not in there]
    problems += [f"column {name!r} was not in the source" for name in there if name not in here]
    problems += [
        f"column {name!r} is {there[name]} instead of {here[name]}"
        for name in here
        if name in there and there[name] != here[name]
    ]
    return problems


def examples(side: Database, table: str, columns: list[Column], wanted: Counter) -> list[str]:
    """Some rows whose digests are in `wanted`, shortened for a person to read."""
    left = Counter(wanted)
    found = []
    for row in side.rows(table, columns):
        text = row_text(row, columns)
        key = digest(text)
        if left[key] > 0:
            left[key] -= 1
            found.append(text if len(text) <= 500 else text[:500] + "...")
            if len(found) == SHOWN_ROWS:
                break
    return found


def compare_table(
    source: Database, destination: Database, table: str, expected_rows: int | None
) -> tuple[bool, str]:
    """Whether a table is equal on both sides, and what to say about it."""
    columns = source.columns(table)
    problems = column_problems(columns, destination.columns(table))
    if problems:
        return False, "; ".join(problems)
    ours = multiset(source.rows(table, columns), columns)
    theirs = multiset(destination.rows(table, columns), columns)
    if expected_rows is not None and ours.total() != expected_rows:
        return False, f"the source has {ours.total()} rows, expected {expected_rows}"
    if ours == theirs:
        return True, f"{ours.total()} rows equal"
    lost, foreign = ours - theirs, theirs - ours
    lines = [
        f"{ours.total()} rows in the source, {theirs.total()} in the destination: "
        f"{lost.total()} only in the source, {foreign.total()} only in the destination"
    ]
    lines += [f"  only in the source: {text}" for text in examples(source, table, columns, lost)]
    lines += [
        f"  only in the destination: {text}"
        for text in examples(destination, table, columns, foreign)
    ]
    return False, "\n".join(lines)


def compare(
    source: Database,
    destination: Database,
    tables: list[str] | None,
    expected: dict[str, int],
) -> bool:
    """Compares the tables (all of them if none are named) and prints a line for each."""
    there = set(destination.tables())
    chosen = tables if tables is not None else sorted(set(source.tables()) | set(expected))
    equal = bool(chosen)
    if not chosen:
        print("no table to compare")
    if tables is None:
        for table in sorted(there - set(chosen)):
            print(f"{table}: DIFFERENT: is not in the source")
            equal = False
    for table in chosen:
        if table not in there:
            print(f"{table}: DIFFERENT: is missing in the destination")
            equal = False
            continue
        same, text = compare_table(source, destination, table, expected.get(table))
        print(f"{table}: {'equal' if same else 'DIFFERENT'}: {text}", flush=True)
        equal = equal and same
    return equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source_uri")
    parser.add_argument("source_database")
    parser.add_argument("destination_uri")
    parser.add_argument("destination_database")
    parser.add_argument("--tables", nargs="+", help="only these tables")
    parser.add_argument(
        "--expect-file",
        help="a JSON object: the number of rows that each named table must have in the source",
    )
    options = parser.parse_args()
    expected = {}
    if options.expect_file:
        with open(options.expect_file, encoding="utf-8") as file:
            expected = json.load(file)
    source = Database(options.source_uri, options.source_database)
    destination = Database(options.destination_uri, options.destination_database)
    try:
        return 0 if compare(source, destination, options.tables, expected) else 1
    finally:
        source.close()
        destination.close()


if __name__ == "__main__":
    sys.exit(main())
