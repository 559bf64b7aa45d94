"""Reads a Kusto database with Microsoft's client and keeps the exact text of every number."""

import gzip
import io
import json
from datetime import timedelta
from typing import Iterator, NamedTuple

from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder

from canonical import ExactFloat, exact_int

# Rows asked for at once; two copies of a page are in memory at a time.
PAGE_ROWS = 50_000


class Column(NamedTuple):
    """A column as the cluster describes it."""

    name: str
    type: str


def quote(name: str) -> str:
    """A name in the form that is allowed for every name."""
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


class Database:
    """One database of one cluster."""

    def __init__(self, cluster_uri: str, name: str) -> None:
        self.cluster_uri = cluster_uri
        self.name = name
        self._client = KustoClient(KustoConnectionStringBuilder(cluster_uri))
        self._answer = ""
        # The client turns numbers into floats. What it received is kept beside, as it came.
        self._client._session.hooks["response"].append(self._keep)

    def _keep(self, response, *_args, **_kwargs) -> None:
        response.encoding = "utf-8"
        self._answer = response.text

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def command(self, text: str) -> list[dict]:
        """The rows of a management command."""
        result = self._client.execute_mgmt(self.name, text)
        return [row.to_dict() for row in result.primary_results[0]]

    def ingest_stream(self, table: str, stream, data_format: str) -> None:
        """Sends one piece to the streaming ingestion endpoint.

        The client announces gzip, and leaves compressing to its caller.
        """
        packed = io.BytesIO(gzip.compress(stream.read(), compresslevel=1))
        self._client.execute_streaming_ingest(self.name, table, packed, None, data_format)

    def tables(self) -> list[str]:
        """The names of all tables."""
        return sorted(row["TableName"] for row in self.command(".show tables"))

    def query(self, text: str) -> tuple[list[Column], list[list]]:
        """The primary result: columns and rows, each number with its exact text."""
        properties = ClientRequestProperties()
        properties.set_option("notruncation", True)
        properties.set_option("queryconsistency", "strongconsistency")
        properties.set_option(properties.request_timeout_option_name, timedelta(minutes=10))
        # The client finds errors among the rows and raises them, but not those at the end.
        self._client.execute_query(self.name, text, properties)
        frames = json.loads(self._answer, parse_float=ExactFloat, parse_int=exact_int)
        end = frames[-1]
        if end["FrameType"] != "DataSetCompletion" or end["HasErrors"] or end["Cancelled"]:
            raise ValueError(f"the answer is not complete: {end}")
        primary = [
            frame
            for frame in frames
            if frame["FrameType"] == "DataTable" and frame["TableKind"] == "PrimaryResult"
        ]
        if len(primary) != 1:
            raise ValueError(f"expected one primary result, got {len(primary)}")
        columns = [Column(c["ColumnName"], c["ColumnType"]) for c in primary[0]["Columns"]]
        return columns, primary[0]["Rows"]

    def count(self, table: str) -> int:
        """The number of rows of a table."""
        _, rows = self.query(f"{quote(table)} | count")
        return rows[0][0]

    def columns(self, table: str) -> list[Column]:
        """The columns of a table, in order."""
        columns, _ = self.query(f"{quote(table)} | take 0")
        return columns

    def rows(self, table: str, columns: list[Column]) -> Iterator[list]:
        """All rows, with the values in the order of `columns`.

        They come in pages, so that neither a limit of the cluster nor memory matters. The page of
        a row follows from its content: background merges and reordering cannot move it to another
        page between two reads.
        """
        pages = 1
        while pages * PAGE_ROWS < self.count(table):
            pages *= 2
        names = [quote(column.name) for column in columns]
        projection = ", ".join(names)
        # The functions take at most 64 arguments; some columns are enough to spread the rows.
        content = ", ".join(f"tostring({name})" for name in names[:30])
        for page in range(pages):
            where = (
                f"| where binary_and(hash_xxhash64(strcat({content}, '')), {pages - 1}) == {page} "
                if pages > 1
                else ""
            )
            _, rows = self.query(f"{quote(table)} {where}| project {projection}")
            yield from rows
