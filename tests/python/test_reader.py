"""The reader's own test: Microsoft's client against made-up answers."""

import gzip
import io
import json
import unittest
from unittest import mock

import kusto_reader
from azure.kusto.data.exceptions import KustoError
from canonical import canonical
from kusto_reader import Column, Database
from made_up_cluster import serving, v2_answer


def read(answer, act):
    """What `act` gets from a database whose cluster answers so, and the requests it made."""
    with serving(answer) as (uri, requests):
        database = Database(uri, "db")
        try:
            return act(database), requests
        finally:
            database.close()


class Reader(unittest.TestCase):
    """Nothing is lost between the wire and the comparison."""

    def test_numbers_are_read_as_written(self) -> None:
        names = ["real", "real", "long", "dynamic"]
        rows = '[[-0.0, -0, 9223372036854775807, {"a":[0.10000000000000000001, 1e400]}]]'
        answer = v2_answer(list(zip("abcd", names)), rows)
        (columns, rows), requests = read(lambda _: answer, lambda db: db.query("T"))
        self.assertEqual([column.type for column in columns], names)
        self.assertEqual(
            [canonical(value, column.type) for value, column in zip(rows[0], columns)],
            [
                "8000000000000000",
                "8000000000000000",
                "9223372036854775807",
                '{"a":[real 0.10000000000000000001,real 1E+400]}',
            ],
        )
        path, body = requests[-1]
        self.assertEqual(path, "/v2/rest/query")
        options = json.loads(json.loads(body)["properties"])["Options"]
        self.assertIs(options["notruncation"], True)

    def test_errors_inside_of_an_answer_are_found(self) -> None:
        error = (
            '{"OneApiErrors":[{"error":'
            '{"code":"LimitsExceeded","message":"Request failed.","@message":"too much"}}]}'
        )
        for rows in (f"[[1],{error}]", f"[{error}]"):
            with self.subTest(rows=rows), self.assertRaises(KustoError):
                read(
                    lambda _, rows=rows: v2_answer([("a", "long")], rows),
                    lambda db: db.query("T"),
                )

    def test_an_unfinished_answer_is_refused(self) -> None:
        answer = v2_answer([("a", "long")], "[[1]]").replace(
            '"HasErrors":false', '"HasErrors":true'
        )
        with self.assertRaises(ValueError):
            read(lambda _: answer, lambda db: db.query("T"))

    def test_pages_cover_all_rows_once(self) -> None:
        asked = []

        def answer(text: str) -> str:
            if text.endswith("| count"):
                return v2_answer([("Count", "long")], "[[5]]")
            asked.append(text)
            return v2_answer([("a b", "long")], f"[[{len(asked)}]]")

        columns = [Column("a b", "long")]
        with mock.patch.object(kusto_reader, "PAGE_ROWS", 2):
            rows, _ = read(answer, lambda db: list(db.rows("it's", columns)))
        self.assertEqual(rows, [[1], [2], [3], [4]])
        self.assertEqual(
            asked,
            [
                "['it\\'s'] | where binary_and(hash_xxhash64(strcat(tostring(['a b']), '')), 3) "
                f"== {page} | project ['a b']"
                for page in range(4)
            ],
        )

    def test_commands_give_rows_by_name(self) -> None:
        table = {
            "TableName": "Table_0",
            "Columns": [{"ColumnName": "TableName", "DataType": "String", "ColumnType": "string"}],
            "Rows": [["b"], ["a"]],
        }
        names, requests = read(lambda _: json.dumps({"Tables": [table]}), lambda db: db.tables())
        self.assertEqual(names, ["a", "b"])
        self.assertEqual(requests[-1][0], "/v1/rest/mgmt")

    def test_pieces_are_streamed_compressed(self) -> None:
        _, requests = read(
            lambda _: "{}", lambda db: db.ingest_stream("T", io.BytesIO(b"1,x\n"), "csv")
        )
        path, body = requests[-1]
        self.assertEqual(path.lower(), "/v1/rest/ingest/db/t?streamformat=csv")
        self.assertEqual(gzip.decompress(body), b"1,x\n")


if __name__ == "__main__":
    unittest.main()
