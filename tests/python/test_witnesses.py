"""The witnesses' own test, with rows that are made up: `python -m unittest` in this folder."""

import contextlib
import gzip
import io
import json
import pathlib
import tempfile
import unittest

import compare_databases
import load_nycflights
from canonical import ExactFloat, canonical, exact_int
from kusto_reader import Column, quote


def parsed(text: str):
    """A JSON value as the reader parses it."""
    return json.loads(text, parse_float=ExactFloat, parse_int=exact_int)


class Values(unittest.TestCase):
    """Equal values have one text, different values have two."""

    EQUAL = [
        ("bool", "true", "1"),
        ("datetime", '"2020-03-04T14:05:01Z"', '"2020-03-04T14:05:01.0000000Z"'),
        ("decimal", '"2.50"', '"2.5"'),
        ("decimal", '"0.00"', '"0"'),
        ("decimal", '"1e3"', '"1000"'),
        ("guid", '"74BE27DE-1E4E-49D9-B579-FE0B331D3642"', '"74be27de-1e4e-49d9-b579-fe0b331d3642"'),
        ("real", "1", "1.0"),
        ("real", "0.1", "0.1000000000000000055511151231257827"),
        ("real", '"NaN"', '"NaN"'),
        ("real", "-0", "-0.0"),
        ("string", "null", '""'),
        ("timespan", '"1.00:00:00"', '"1.00:00:00.0000000"'),
        ("dynamic", '{"a":1,"b":[2]}', '{"b":[2],"a":1}'),
    ]
    DIFFERENT = [
        ("bool", "true", "false"),
        ("bool", "null", "false"),
        ("datetime", '"2020-03-04T14:05:01.0000001Z"', '"2020-03-04T14:05:01.0000002Z"'),
        ("decimal", '"1.000000000000000000000000000000001"', '"1"'),
        ("dynamic", "1", "1.0"),
        ("dynamic", "1", '"1"'),
        ("dynamic", "9007199254740993", "9007199254740992"),
        ("dynamic", "123456789012345678901234567890", "123456789012345678901234567891"),
        ("dynamic", "0.10000000000000000001", "0.1"),
        ("dynamic", '{"a":null}', "{}"),
        ("dynamic", "[1,2]", "[2,1]"),
        ("dynamic", "null", '""'),
        ("int", "null", "0"),
        ("long", "9223372036854775807", "9223372036854775806"),
        ("real", "0.1", "0.10000000000000002"),
        ("real", "-0.0", "0.0"),
        ("real", '"Infinity"', '"-Infinity"'),
        ("real", "null", '"NaN"'),
        ("string", '"null"', "null"),
        ("string", '"a"', '"a "'),
        ("timespan", '"-00:00:00.0000001"', '"00:00:00.0000001"'),
        ("timespan", '"1.00:00:00"', '"10:00:00"'),
    ]

    def test_equal(self) -> None:
        for kusto_type, one, other in self.EQUAL:
            with self.subTest(kusto_type, one=one, other=other):
                self.assertEqual(
                    canonical(parsed(one), kusto_type), canonical(parsed(other), kusto_type)
                )

    def test_different(self) -> None:
        for kusto_type, one, other in self.DIFFERENT:
            with self.subTest(kusto_type, one=one, other=other):
                self.assertNotEqual(
                    canonical(parsed(one), kusto_type), canonical(parsed(other), kusto_type)
                )

    def test_what_is_no_value_of_its_type_is_refused(self) -> None:
        for kusto_type, text in [
            ("bool", '"true"'),
            ("datetime", '"2020-03-04"'),
            ("datetime", "5"),
            ("decimal", '"NaN"'),
            ("guid", '"x"'),
            ("int", "1.0"),
            ("long", "true"),
            ("real", '"1.0"'),
            ("string", "1"),
            ("timespan", '"1:00"'),
            ("varchar", '"a"'),
        ]:
            with self.subTest(kusto_type, text=text), self.assertRaises(ValueError):
                canonical(parsed(text), kusto_type)


class MadeUpDatabase:
    """Stands in for a database: tables as columns and rows."""

    def __init__(self, **tables) -> None:
        self._tables = tables

    def tables(self) -> list[str]:
        return sorted(self._tables)

    def columns(self, table: str) -> list[Column]:
        return self._tables[table][0]

    def rows(self, table: str, columns: list[Column]) -> list[list]:
        own, rows = self._tables[table]
        order = [own.index(column) for column in columns]
        return [[row[i] for i in order] for row in rows]


A, B = Column("a", "long"), Column("b", "string")


class Databases(unittest.TestCase):
    """Every kind of difference is found and named."""

    def verdict(self, source, destination, tables=None, expected=None) -> tuple[bool, str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            equal = compare_databases.compare(source, destination, tables, expected or {})
        return equal, printed.getvalue()

    def test_order_of_rows_and_columns_does_not_matter(self) -> None:
        equal, text = self.verdict(
            MadeUpDatabase(T=([A, B], [[1, "x"], [2, "y"], [2, "y"]])),
            MadeUpDatabase(T=([B, A], [["y", 2], ["x", 1], ["y", 2]])),
        )
        self.assertTrue(equal)
        self.assertEqual(text, "T: equal: 3 rows equal\n")

    def test_a_changed_a_doubled_and_a_lost_row_are_found(self) -> None:
        source = MadeUpDatabase(T=([A, B], [[1, "x"], [2, "y"]]))
        for rows in ([[1, "x"], [2, "Y"]], [[1, "x"], [2, "y"], [2, "y"]], [[1, "x"]]):
            with self.subTest(rows=rows):
                equal, text = self.verdict(source, MadeUpDatabase(T=([A, B], rows)))
                self.assertFalse(equal)
                self.assertIn("T: DIFFERENT: 2 rows in the source", text)

    def test_values_cannot_move_between_columns(self) -> None:
        b2 = Column("b2", "string")
        equal, _ = self.verdict(
            MadeUpDatabase(T=([B, b2], [['x", "s:', ""]])),
            MadeUpDatabase(T=([B, b2], [["x", '", "s:']])),
        )
        self.assertFalse(equal)

    def test_missing_and_foreign_tables_are_found(self) -> None:
        one, other = MadeUpDatabase(T=([A], [])), MadeUpDatabase(U=([A], []))
        equal, text = self.verdict(one, other)
        self.assertFalse(equal)
        self.assertIn("T: DIFFERENT: is missing in the destination", text)
        self.assertIn("U: DIFFERENT: is not in the source", text)
        self.assertFalse(self.verdict(MadeUpDatabase(), MadeUpDatabase())[0])

    def test_columns_are_compared(self) -> None:
        equal, text = self.verdict(
            MadeUpDatabase(T=([A, B], [])),
            MadeUpDatabase(T=([Column("a", "int"), Column("c", "string")], [])),
        )
        self.assertFalse(equal)
        for problem in ("'b' is missing", "'c' was not in the source", "'a' is int instead of long"):
            self.assertIn(problem, text)

    def test_the_expected_number_of_rows_is_checked(self) -> None:
        both = MadeUpDatabase(T=([A], [[1]]))
        self.assertTrue(self.verdict(both, both, expected={"T": 1})[0])
        self.assertFalse(self.verdict(both, both, expected={"T": 2})[0])
        self.assertFalse(self.verdict(both, both, expected={"T": 1, "U": 0})[0])


class Texts(unittest.TestCase):
    """Names and files."""

    def test_names_are_quoted(self) -> None:
        self.assertEqual(quote("it's a\\b"), "['it\\'s a\\\\b']")

    def test_files_are_cut_at_lines(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "t.csv.gz"
            lines = [f"{i},{'x' * 997}\n" for i in range(9_000)]
            path.write_bytes(gzip.compress(("h,x\n" + "".join(lines)).encode(), 1))
            pieces = list(load_nycflights.pieces(path))
        self.assertGreater(len(pieces), 2)
        self.assertTrue(all(len(piece) <= load_nycflights.PIECE_BYTES for piece in pieces))
        self.assertEqual(b"".join(pieces).decode(), "".join(lines))


if __name__ == "__main__":
    unittest.main()
